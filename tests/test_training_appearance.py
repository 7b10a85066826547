"""How looks vary: numbers of a model that made the vectors, and a table by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from training.appearance import appearance_statistics
from training.errors import TrainingError
from training.market1501 import Integers


@dataclass
class Made:
    vectors: np.ndarray
    people: Integers
    cameras: Integers


def made(people: int, *, within: tuple[float, ...], between: tuple[float, ...], seed: int = 0) -> Made:
    """Drawn from the model: a variance for each dimension, six cameras far from each other."""
    random = np.random.default_rng(seed)
    counts = random.integers(2, 12, people)
    who = np.arange(people).repeat(counts)
    where = random.integers(0, 6, len(who))
    camera, person = random.normal(0, 5, (6, len(within))), random.normal(0, 1, (people, len(within)))
    noise = random.normal(0, 1, (len(who), len(within)))
    vectors = camera[where] + person[who] * np.sqrt(between) + noise * np.sqrt(within)
    return Made(vectors.astype(np.float32), who, where)


def test_the_variances_of_a_model_are_found_again() -> None:
    within, between = (0.4, 0.2, 0.1, 0.1), (0.5, 0.5, 0.0, 0.0)
    data = made(4000, within=within, between=between)
    found = appearance_statistics(data.vectors, data.people, data.cameras)
    assert found["within"] == pytest.approx(0.8, rel=0.03)
    assert found["between"] == pytest.approx(1.0, rel=0.03)
    assert found["within_dimensions"] == pytest.approx(0.8**2 / (0.16 + 0.04 + 0.02), rel=0.05)
    assert found["between_dimensions"] == pytest.approx(2.0, rel=0.05)
    assert 3500 < found["people"] < 4000, "who is seen by one camera alone is left out"


def test_few_pictures_a_person_and_few_people_make_no_bias() -> None:
    """64 dimensions of 60 people: estimates from means and from one sample's square would be far off."""
    told = [
        appearance_statistics(data.vectors, data.people, data.cameras)
        for data in (made(60, within=(0.01,) * 64, between=(0.005,) * 64, seed=seed) for seed in range(12))
    ]
    assert np.mean([one["within"] for one in told]) == pytest.approx(0.64, rel=0.05)
    assert np.mean([one["between"] for one in told]) == pytest.approx(0.32, rel=0.1)
    assert min(one["within_dimensions"] for one in told) > 40


def test_four_people_by_hand() -> None:
    """Each twice by cameras whose means are nothing: (1, 0) and (1, 1) against (-1, 0) and (-1, -1)."""
    vectors = np.array([[1, 0], [-1, 0], [1, 1], [-1, -1]] * 2, np.float32)
    people = np.array([1, 2, 1, 2, 3, 4, 3, 4])
    cameras = np.array([1, 1, 2, 2, 1, 1, 2, 2])
    found = appearance_statistics(vectors, people, cameras)
    assert found == pytest.approx(
        {
            "within": 0.5,
            "between": 1.0,
            "within_dimensions": 1.0,
            "between_dimensions": 2 / 3,
            "people": 4,
        }
    )


def test_pictures_by_one_camera_tell_nothing_of_others() -> None:
    data = made(50, within=(0.3, 0.1), between=(0.5, 0.2))
    with pytest.raises(TrainingError, match="0 people are seen by two cameras, too few"):
        appearance_statistics(data.vectors, data.people, np.zeros_like(data.cameras))
