"""Pictures made of others: whose halves, in what colours."""

from __future__ import annotations

import numpy as np
import pytest

from reid.preprocess import Image
from training import composites
from training.composites import compose

BLUE, RED = (np.full((64, 32, 3), colour, np.uint8) for colour in ((200, 40, 40), (40, 40, 200)))


def alone(monkeypatch: pytest.MonkeyPatch, *kept: str) -> None:
    """Only the named changes are made."""
    off = {"HALVED": 0.0, "COVERED": 0.0, "ZOOM": (1.0, 1.0), "HUE": 0, "GAIN": 1.0, "BLURRED": 0.0}
    for name, value in off.items():
        if name not in kept:
            monkeypatch.setattr(composites, name, value)


def composed(pictures: Image, count: int, *, seed: int) -> Image:
    made = np.zeros((count, *pictures.shape[1:]), np.uint8)
    compose(pictures, made, seed=seed)
    return made


def noise(count: int = 3) -> Image:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 32, 3), np.uint8)


def test_the_same_seed_makes_the_same_pictures_and_another_makes_others() -> None:
    one = composed(noise(), 20, seed=1)
    assert one.shape == (20, 64, 32, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, composed(noise(), 20, seed=1))
    assert not np.array_equal(one, composed(noise(), 20, seed=2))
    assert len(np.unique(one.reshape(20, -1), axis=0)) == 20


def test_what_is_given_is_not_written_to_and_progress_is_told() -> None:
    pictures, told = noise(), list[int]()
    before = pictures.copy()
    compose(pictures, np.empty((3, 64, 32, 3), np.uint8), seed=0, progress=told.append)
    assert np.array_equal(pictures, before)
    assert told == [1, 2, 3]


def test_halves_are_of_two_people_and_meet_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "HALVED")
    made = composed(np.stack([BLUE, RED]), 400, seed=0)
    blue = made[..., 0] > 120
    assert (blue.all(2) | ~blue.any(2)).all(), "whole lines"
    lines = blue[:, :, 0]
    changes = (lines[:, 1:] != lines[:, :-1]).sum(1)
    assert set(changes.tolist()) == {0, 1}
    assert (changes == 1).mean() == pytest.approx(0.6 / 2, abs=0.06), "half of the pairs are of two people"
    meet = np.argmax(lines[changes == 1, 1:] != lines[changes == 1, :-1], axis=1) + 1
    assert (meet.min() >= 19, meet.max() <= 45) == (True, True)
    assert 0 < lines[changes == 1, 0].mean() < 1, "either may be the upper one"


def test_colours_and_light_change_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "GAIN")
    made = composed(np.full((1, 64, 32, 3), 100, np.uint8), 300, seed=0).astype(float)
    light = made.mean((1, 2, 3))
    assert light.min() < 75
    assert light.max() > 130
    assert 100 / 1.5**1.5 - 1 < light.min() < light.max() < 100 * 1.5**1.5 + 1
    tint = made[:, 0, 0] / made[:, 0, 0].mean(1, keepdims=True)
    assert tint.std(0).min() > 0.05, "grey is not always grey"


def test_hues_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "HUE")
    made = composed(RED[None], 50, seed=0)[:, 0, 0]
    assert (made.argmax(1) == 2).all(), "by at most forty degrees: red stays the strongest"
    assert len(np.unique(made, axis=0)) > 15


def test_people_are_larger_or_smaller_and_not_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "ZOOM")
    cross = np.zeros((1, 100, 100, 3), np.uint8)
    cross[:, 30:70, 30:70] = 250
    made = composed(cross, 300, seed=0)[..., 0] > 125
    for axis in (1, 2):
        size = made.any(axis).sum(1)
        assert (size.min() >= 0.79 * 40, size.max() <= 1.41 * 40) == (True, True)
        assert size.max() - size.min() > 15
        middle = np.array([np.flatnonzero(line).mean() for line in made.any(axis)])
        assert middle.std() > 2
        assert np.abs(middle - 49.5).max() < 22, "zoom and shift together keep the picture inside"


def test_some_are_partly_covered_by_a_third(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "COVERED")
    made = composed(np.stack([BLUE, RED]), 400, seed=0)
    blue = made[..., 0] > 120
    share = np.minimum(blue.mean((1, 2)), 1 - blue.mean((1, 2)))
    covered = share > 0
    assert covered.mean() == pytest.approx(0.3 / 2, abs=0.05), "half of the thirds look like the first"
    assert (share[covered].min() > 0.2**2 * 0.9, share[covered].max() < 0.5**2 * 1.1) == (True, True)


def test_some_lose_their_sharpness(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "BLURRED")
    made = composed(noise(1), 300, seed=0).astype(float)
    sharp = np.abs(np.diff(made, axis=1)).mean((1, 2, 3))
    assert (sharp < 0.8 * sharp.max()).mean() == pytest.approx(0.4, abs=0.1)
