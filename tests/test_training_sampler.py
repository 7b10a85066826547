"""P people, K pictures: what every batch and every epoch must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.errors import TrainingError
from training.layouts import TRAIN
from training.market1501 import read_market
from training.sampler import Integers, epoch_batches

LABELS = np.repeat(np.arange(8), [4, 8, 5, 2, 12, 4, 7, 1])
"""Groups of 4 in an epoch:       1  2  1  1  3   1  1  1, those of persons 3 and 7 with pictures twice."""


def batches(epoch: int = 1, *, labels: Integers = LABELS, persons: int = 3, seed: int = 0) -> Integers:
    return epoch_batches(labels, persons=persons, pictures=4, seed=seed, epoch=epoch)


@pytest.mark.parametrize("epoch", range(1, 9))
def test_a_batch_shows_different_people_four_times_each(epoch: int) -> None:
    for batch in batches(epoch):
        people = LABELS[batch].reshape(3, 4)
        assert (people == people[:, :1]).all()
        assert len(set(people[:, 0])) == 3


@pytest.mark.parametrize("epoch", range(1, 9))
def test_no_picture_comes_twice_but_of_people_with_too_few(epoch: int) -> None:
    drawn = batches(epoch).ravel()
    enough = drawn[~np.isin(LABELS[drawn], (3, 7))]
    assert len(set(enough)) == len(enough)
    groups = np.bincount(LABELS[drawn], minlength=8) // 4
    assert (groups <= [1, 2, 1, 1, 3, 1, 1, 1]).all()


def test_an_epoch_goes_on_until_too_few_people_have_groups_left() -> None:
    for epoch in range(1, 9):
        drawn = batches(epoch).ravel()
        left = np.array([1, 2, 1, 1, 3, 1, 1, 1]) - np.bincount(LABELS[drawn], minlength=8) // 4
        assert np.count_nonzero(left) < 3


def test_what_is_left_out_changes_with_the_epoch() -> None:
    """Person 2 has five pictures: over the epochs each is left out once."""
    of_person_2 = set(np.flatnonzero(LABELS == 2))
    seen = [of_person_2 & set(batches(epoch).ravel()) for epoch in range(1, 40)]
    assert set.union(*seen) == of_person_2
    assert max(map(len, seen)) == 4


def test_the_seed_and_the_epoch_say_it_all() -> None:
    assert np.array_equal(batches(3), batches(3))
    assert not np.array_equal(batches(3), batches(4))
    assert not np.array_equal(batches(3), batches(3, seed=1))


def test_too_few_people_are_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        batches(persons=9)
    assert str(caught.value) == "The data show 8 people, too few for batches of 9: set persons to fewer."


def test_an_epoch_of_market_has_its_182_to_185_steps(shared: Path) -> None:
    """Simulated over 200 epochs for the reference: mean 183.3. Taking one group a person would give 47."""
    market = read_market(shared / "data" / "Market-1501-v15.09.15.zip", folders=(TRAIN,))
    labels = market.train.labels()
    counts = [len(batches(epoch, labels=labels, persons=16)) for epoch in range(1, 21)]
    assert min(counts) >= 182
    assert max(counts) <= 185
    assert np.mean(counts) == pytest.approx(183.3, abs=0.5)
