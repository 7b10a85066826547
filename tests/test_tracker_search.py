"""One picture held against everybody known."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import search as module
from tracker.likeness import straight
from tracker.search import Rest, search
from tracker.types import Floats, Identity


def unit(*values: float) -> Floats:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def known(number: int, *rows: Floats) -> Identity:
    return Identity(number, None, np.stack(rows), {})


LOOK = unit(1, 0, 0)
# who   cosines of its pictures   mean of the nearest and of all
# 4     0.6  0.8                  0.75
# 7     0.0                       0.0
# 9     0.6                       0.6
PEOPLE = [known(4, unit(3, 4, 0), unit(4, 3, 0)), known(7, unit(0, 0, 1)), known(9, unit(3, 0, 4))]


def test_the_likeliest_come_first_with_the_picture_that_is_most_alike() -> None:
    found, _ = search(LOOK, [PEOPLE], most=2, likeness=straight())
    assert [one.identity.id for one in found] == [4, 9]
    assert [one.distance for one in found] == pytest.approx([0.25, 0.4], abs=1e-6)
    assert [one.picture for one in found] == [1, 0]


def test_chances_are_those_of_the_curve_shared_among_all_and_nobody() -> None:
    """Odds e^((cosine - 0.5) / 0.05): e^5, e^-10 and e^2 against 1 for nobody."""
    found, nobody = search(LOOK, [PEOPLE], most=3, likeness=straight(midpoint=0.5, width=0.05))
    odds = np.exp([5.0, 2.0, -10.0])
    whole = 1 + odds.sum()
    assert [one.chance for one in found] == pytest.approx((odds / whole).tolist(), rel=1e-3)
    assert nobody == pytest.approx(1 / whole, rel=1e-3)


def test_more_than_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search(LOOK, [PEOPLE], most=3, likeness=straight())
    monkeypatch.setattr(module, "AT_ONCE", 2)
    assert search(LOOK, [PEOPLE], most=3, likeness=straight()) == whole


def test_those_whose_pictures_were_not_read_have_their_share_of_the_chances() -> None:
    """Pictures say of 4 and 9 that they are 0.05 more alike than their means say; so it is with 7."""
    rest = Rest(np.array([-0.05], np.float32), {4: 0.7, 9: 0.55})
    whole, nobody = search(LOOK, [PEOPLE], most=2, likeness=straight())
    near = [one for one in PEOPLE if one.id != 7]
    found, left = search(LOOK, [near], most=2, likeness=straight(), rest=rest)
    assert [one.identity.id for one in found] == [4, 9]
    assert [one.chance for one in found] == pytest.approx([one.chance for one in whole], rel=1e-4)
    assert left == pytest.approx(nobody, rel=1e-4)
    many = Rest(np.full(100_000, 0.4, np.float32), rest.of_known)
    found, left = search(LOOK, [near], most=2, likeness=straight(), rest=many)
    assert sum(one.chance for one in found) + left < 0.02


def test_of_nobody_known_it_is_nobody() -> None:
    assert search(LOOK, [], most=5, likeness=straight()) == ([], 1.0)


def test_the_odds_are_even_where_the_curve_says_so() -> None:
    assert straight(midpoint=0.437).even == pytest.approx(0.437, abs=1e-6)
    assert straight(midpoint=-2.0).even == -1.0
    assert straight(midpoint=2.0).even == 1.0
