"""Clocks set by chances and times alone."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.clocks import Heap, Stays, Table, heaps, set_clocks

PEOPLE = 60
DELAYS_S = (0.0, 40.0, 70.0)
"""From the first camera to each."""


def walks(*, untold_s: tuple[float, ...], seed: int = 0) -> tuple[Stays, Table]:
    """Everybody passes three cameras, two seconds late or early; each camera's clock is off by untold_s. The
    chance is 0.9 for one person's pairs and 0.001 for others'."""
    rng = np.random.default_rng(seed)
    begin = rng.uniform(0, 3600, PEOPLE)
    middle = np.concatenate(
        [
            begin + delay + untold + rng.normal(0, 2, PEOPLE)
            for delay, untold in zip(DELAYS_S, untold_s, strict=True)
        ]
    )
    camera = np.repeat(np.arange(3), PEOPLE)
    person = np.tile(np.arange(PEOPLE), 3)
    chance = np.where(person[:, None] == person[None], 0.9, 0.001).astype(np.float32)
    return Stays(camera, camera, middle), chance


def test_heaps_lie_at_the_way_and_the_clocks_difference() -> None:
    stays, chance = walks(untold_s=(0.0, 500.0, -900.0))
    found = {(heap.first, heap.second): heap for heap in heaps(stays, chance)}
    assert found[0, 1].delay_s == pytest.approx(540.0, abs=3)  # 40 of way, 500 of clock
    assert found[0, 2].delay_s == pytest.approx(-830.0, abs=3)  # 70 of way, -900 of clock
    assert min(heap.height for heap in found.values()) > 20


def test_no_heap_where_chances_know_nothing() -> None:
    stays, chance = walks(untold_s=(0.0, 0.0, 0.0))
    rng = np.random.default_rng(1)
    shuffled = chance.copy()
    for rows in np.split(np.arange(3 * PEOPLE), 3):
        shuffled[rows] = chance[rng.permutation(rows)]
    clocks = set_clocks(heaps(stays, shuffled), 3)
    assert len(set(clocks.group.tolist())) == 3  # nothing is sure, and no clock is set


def test_clocks_are_set_but_for_the_way() -> None:
    stays, chance = walks(untold_s=(0.0, 500.0, -900.0))
    clocks = set_clocks(heaps(stays, chance), 3)
    assert set(clocks.group.tolist()) == {0}
    assert clocks.offset_s[1] - clocks.offset_s[0] == pytest.approx(540.0, abs=4)
    assert clocks.offset_s[2] - clocks.offset_s[0] == pytest.approx(-830.0, abs=4)


def test_one_wrong_heap_among_many_does_not_move_a_clock() -> None:
    # Four recordings on one clock; the heap between the last two is 50 s off, its neighbours are right.
    found = [Heap(a, b, 0.0, 20.0) for a, b in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3))]
    clocks = set_clocks([*found, Heap(2, 3, 50.0, 10.0)], 4)
    assert np.ptp(clocks.offset_s) == pytest.approx(0.0, abs=0.1)


def test_recordings_nobody_links_stay_apart() -> None:
    clocks = set_clocks([Heap(0, 1, 10.0, 9.0), Heap(1, 2, 10.0, 5.9)], 3)  # 5.9: not sure
    assert clocks.group[0] == clocks.group[1] != clocks.group[2]
