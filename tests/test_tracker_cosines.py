"""What looks are worth on one camera: by hand, and learned from numbers drawn."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.cosines import Cosines, Normal


def test_the_ratio_is_a_line_where_nothing_misleads() -> None:
    # Means 0.75 and 0.25, both deviations 0.15: slope 0.5 / 0.0225, nothing said half way between.
    found = Cosines().log_ratio(np.array([0.75, 0.5, 0.25]), 1e-12)
    assert found.tolist() == pytest.approx([0.25 * 0.5 / 0.0225, 0.0, -0.25 * 0.5 / 0.0225], abs=1e-6)


@pytest.mark.parametrize("doubt", [0.01, 0.1, 0.4])
def test_no_picture_says_more_than_its_doubt_allows(doubt: float) -> None:
    found = Cosines().log_ratio(np.array([1.0, -1.0]), doubt)
    bound = np.log((1 - doubt) / doubt)
    assert (np.abs(found) < bound).all()
    assert found.tolist() == pytest.approx([bound, -bound], rel=0.01)


def test_a_picture_that_shows_another_says_nothing() -> None:
    assert Cosines().log_ratio(np.array([1.0, 0.2]), 0.5).tolist() == pytest.approx([0.0, 0.0])


def test_where_there_is_no_picture_there_is_no_ratio() -> None:
    found = Cosines().log_ratio(np.array([[np.nan, 0.9]]), np.array([0.1, 0.1]))
    assert np.isnan(found).tolist() == [[True, False]]


def test_a_network_for_which_all_look_alike_is_learned() -> None:
    rng = np.random.default_rng(0)
    cosines = Cosines()
    for one, two in zip(rng.normal(0.95, 0.02, 500), rng.normal(0.85, 0.02, (500, 2)), strict=True):
        cosines.same(float(one))
        cosines.others(two)
    assert cosines.within.mean == pytest.approx(0.95, abs=0.02)
    assert cosines.between.mean == pytest.approx(0.85, abs=0.03)
    found = cosines.log_ratio(np.array([0.95, 0.85]), cosines.misleading)
    assert found[0] > 0 > found[1]


def test_a_network_that_cannot_tell_says_nothing() -> None:
    cosines = Cosines(Normal(0.6, 0.01), Normal(0.7, 0.01))
    assert cosines.log_ratio(np.array([0.1, 0.9]), 0.01).tolist() == pytest.approx([0.0, 0.0])


def test_pictures_that_mislead_are_counted_and_bound_what_all_say() -> None:
    cosines = Cosines()
    before = cosines.within.mean
    for k in range(300):
        cosines.same(0.1 if k % 5 == 0 else before)
    assert cosines.misleading == pytest.approx(0.2, abs=0.03)
    assert cosines.within.mean == pytest.approx(before)  # of what misleads nothing is learned
