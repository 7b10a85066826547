from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from tracker.matching import assign, cosine_distance, intersection, iou


def test_overlap_of_boxes_by_hand() -> None:
    a = np.array([[0, 0, 10, 10], [0, 0, 4, 4]], float)
    b = np.array(
        [
            [0, 0, 10, 10],  # the same: 100 of 100
            [5, 0, 15, 10],  # half beside: 50 of 150
            [10, 0, 20, 10],  # touching: nothing
            [2, 2, 4, 4],  # inside: 4 of 100, and 4 of 16
        ],
        float,
    )
    assert intersection(a, b).tolist() == [[100, 50, 0, 4], [16, 0, 0, 4]]
    assert iou(a, b)[0].tolist() == pytest.approx([1, 1 / 3, 0, 0.04])
    assert iou(a, b)[1].tolist() == pytest.approx([0.16, 0, 0, 0.25])


def test_overlap_with_nobody_has_no_elements() -> None:
    assert iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)


def test_cosine_distance_of_unit_rows() -> None:
    a = np.array([[1.0, 0.0], [0.6, 0.8]])
    b = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [np.nan, np.nan]])
    distance = cosine_distance(a, b)
    assert distance[:, :3].tolist() == [[0.0, 1.0, 2.0], pytest.approx([0.4, 0.2, 1.6])]
    assert np.isnan(distance[:, 3]).all()


def test_assignment_takes_the_least_total_and_not_the_nearest_first() -> None:
    # The greedy choice (0, 0) at 0.1 would leave (1, 1) at 0.9; the best total is 0.2 + 0.2.
    matches = assign(np.array([[0.1, 0.2], [0.2, 0.9]]), max_cost=1.0)
    assert matches.pairs.tolist() == [[0, 1], [1, 0]]
    assert len(matches.rows) == len(matches.columns) == 0


def test_assignment_leaves_out_what_costs_too_much() -> None:
    cost = np.array([[0.2, np.inf], [0.6, np.nan], [0.3, 0.9]])
    matches = assign(cost, max_cost=0.5)
    assert matches.pairs.tolist() == [[0, 0]]
    assert matches.rows.tolist() == [1, 2]
    assert matches.columns.tolist() == [1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0)])
def test_assignment_of_nothing(shape: tuple[int, int]) -> None:
    matches = assign(np.zeros(shape), max_cost=1.0)
    assert matches.pairs.shape == (0, 2)
    assert matches.rows.tolist() == list(range(shape[0]))
    assert matches.columns.tolist() == list(range(shape[1]))


@pytest.mark.parametrize("seed", range(20))
def test_assignment_equals_the_best_of_all_permutations(seed: int) -> None:
    cost = np.random.default_rng(seed).random((5, 5))
    best = min(sum(cost[i, j] for i, j in enumerate(order)) for order in permutations(range(5)))
    pairs = assign(cost, max_cost=10.0).pairs
    assert len(pairs) == 5
    assert cost[pairs[:, 0], pairs[:, 1]].sum() == pytest.approx(best)
