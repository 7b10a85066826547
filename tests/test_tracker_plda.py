"""Whether two groups of pictures show one person."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tracker.plda import AGAIN, LEAST_GROUPS, LEAST_VIEWS, Plda, fit
from tracker.types import Floats


def by_the_book(one: Floats, other: Floats, between: float) -> float:
    """The ratio of two groups of numbers, by the joint density of all of them: people's points have variance
    `between`, groups of one person are off by AGAIN, views by 1."""

    def log_density(values: Floats, group: list[int], person: list[int]) -> float:
        same_person = np.equal.outer(person, person).astype(float)
        same_group = np.equal.outer(group, group).astype(float)
        covariance = between * same_person + AGAIN * same_group + np.eye(len(values))
        return float(multivariate_normal(np.zeros(len(values)), covariance).logpdf(values))

    values, group = np.append(one, other), [0] * len(one) + [1] * len(other)
    return log_density(values, group, [0] * len(values)) - log_density(values, group, group)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 4), (3, 2), (7, 7)])
def test_ratios_are_those_of_the_joint_density(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(sizes))
    rows = rng.normal(0, 2, (sum(sizes), 3)).astype(np.float32)
    between = np.array([9.0, 1.0, 0.0])
    group = np.repeat([0, 1], sizes)
    plda = Plda(np.zeros(3), np.eye(3), between)
    found = plda.log_ratios(rows, group)
    expected = sum(
        by_the_book(rows[group == 0, axis], rows[group == 1, axis], float(between[axis])) for axis in range(3)
    )
    assert found[0, 1] == pytest.approx(expected, rel=1e-4)
    assert found[1, 0] == found[0, 1]


def test_groups_need_not_be_in_order() -> None:
    rows = np.random.default_rng(4).normal(size=(6, 2)).astype(np.float32)
    plda = Plda(np.array([0.1, -0.2]), np.array([[1.0, 0.5], [0.0, 2.0]]), np.array([3.0, 0.5]))
    order = np.array([2, 0, 1, 2, 1, 2])
    turn = np.argsort(order, kind="stable")
    assert plda.log_ratios(rows, order) == pytest.approx(plda.log_ratios(rows[turn], order[turn]), rel=1e-5)


def people(count: int, views: int, *, seed: int) -> tuple[Floats, np.ndarray]:
    """Two numbers each. People differ by 3 in the first and 0.3 in the second; their views by 0.3 and 3."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 2)) * (3.0, 0.3)
    group = np.repeat(np.arange(count), views)
    return (points[group] + rng.normal(size=(len(group), 2)) * (0.3, 3.0)).astype(np.float32), group


def test_what_changes_from_view_to_view_counts_for_little() -> None:
    plda = fit(*people(400, 4, seed=1))
    assert plda is not None
    # As far apart as these two, once where people differ and once where one person's views do. Half of how
    # views differ is taken to be alike in all directions: 2.3 and 6.8 instead of 0.09 and 9.
    people_differ = plda.log_ratios(np.array([[0, 0], [8, 0]], np.float32), np.array([0, 1]))[0, 1]
    views_differ = plda.log_ratios(np.array([[0, 0], [0, 8]], np.float32), np.array([0, 1]))[0, 1]
    assert people_differ < -3 < 0 < views_differ


def test_rare_looks_tell_more_than_common_ones() -> None:
    plda = fit(*people(400, 4, seed=2))
    assert plda is not None
    common = plda.log_ratios(np.zeros((2, 2), np.float32), np.array([0, 1]))[0, 1]
    rare = plda.log_ratios(np.array([[8, 0], [8, 0]], np.float32), np.array([0, 1]))[0, 1]
    assert rare > common > 0


def test_more_views_tell_more() -> None:
    plda = fit(*people(400, 4, seed=3))
    assert plda is not None
    one = plda.log_ratios(np.array([[2, 0], [-2, 0]], np.float32), np.array([0, 1]))[0, 1]
    four = plda.log_ratios(
        np.repeat(np.array([[2, 0], [-2, 0]], np.float32), 4, axis=0), np.repeat([0, 1], 4)
    )[0, 1]
    assert four < one < 0


@pytest.mark.parametrize(("count", "views"), [(LEAST_VIEWS, 1), (LEAST_GROUPS - 1, 20)])
def test_too_few_teach_nothing(count: int, views: int) -> None:
    assert fit(*people(count, views, seed=5)) is None
