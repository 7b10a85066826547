"""The nearest of many, held against looking at all of them."""

from __future__ import annotations

import numpy as np

from tracker.nearest import Nearest
from tracker.types import Floats


def people(count: int, dimension: int, seed: int) -> Floats:
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def filled(rows: Floats) -> Nearest:
    nearest = Nearest(dimension=rows.shape[1])
    for number, row in enumerate(rows):
        nearest.place(number, row)
    return nearest


def test_few_are_all_near() -> None:
    nearest = filled(people(5, 32, seed=1))
    assert nearest.to(people(1, 32, seed=2)[0], 8) == [0, 1, 2, 3, 4]


def test_who_is_alike_is_found_among_many() -> None:
    rows = people(5_000, 256, seed=3)
    nearest = filled(rows)
    rng = np.random.default_rng(4)
    for number in range(0, 5_000, 250):
        probe = rows[number] + rng.normal(size=256).astype(np.float32) * 0.06  # a cosine of about 0.7
        assert number in nearest.to(probe, 16)


def test_the_nearest_are_those_of_a_full_comparison() -> None:
    rows = people(300, 16, seed=5)  # no more numbers than a sketch has: nothing is lost
    nearest = filled(rows)
    probe = people(1, 16, seed=6)[0]
    assert nearest.to(probe, 10) == sorted(np.argsort(-(rows @ probe))[:10].tolist())


def test_who_is_removed_or_moved_is_found_there_no_more() -> None:
    rows = people(200, 16, seed=7)
    nearest = filled(rows)
    nearest.remove(3)
    nearest.remove(199)
    nearest.remove(199)
    nearest.place(5, -rows[5])
    assert len(nearest) == 198
    assert 3 not in nearest.to(rows[3], 20)
    assert 5 not in nearest.to(rows[5], 20)
    assert 5 in nearest.to(-rows[5], 1)
    assert 198 in nearest.to(rows[198], 1)
