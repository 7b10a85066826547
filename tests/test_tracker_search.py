"""One picture held against everybody known."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import search as module
from tracker.likeness import straight
from tracker.search import LEAST_QUESTIONS, learned, search
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
    found, _ = search(LOOK, PEOPLE, most=2, likeness=straight())
    assert [one.identity.id for one in found] == [4, 9]
    assert [one.distance for one in found] == pytest.approx([0.25, 0.4], abs=1e-6)
    assert [one.picture for one in found] == [1, 0]


def test_chances_are_those_of_the_curve_shared_among_all_and_nobody() -> None:
    """Odds e^((cosine - 0.5) / 0.05): e^5, e^-10 and e^2 against 1 for nobody."""
    found, nobody = search(LOOK, PEOPLE, most=3, likeness=straight(midpoint=0.5, width=0.05))
    odds = np.exp([5.0, 2.0, -10.0])
    whole = 1 + odds.sum()
    assert [one.chance for one in found] == pytest.approx((odds / whole).tolist(), rel=1e-3)
    assert nobody == pytest.approx(1 / whole, rel=1e-3)


def test_more_than_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search(LOOK, PEOPLE, most=3, likeness=straight())
    monkeypatch.setattr(module, "AT_ONCE", 2)
    assert search(LOOK, PEOPLE, most=3, likeness=straight()) == whole


def test_of_nobody_known_it_is_nobody() -> None:
    assert search(LOOK, [], most=5, likeness=straight()) == ([], 1.0)


def visitors(people: int, *, own: float, visits: int = 2, seed: int = 0) -> list[Identity]:
    """People whose pictures of different visits have about that cosine, of different people about 0."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(people):
        centre = unit(*random.normal(size=256))
        noise = random.normal(size=(2 * visits, 256)) * np.sqrt((1 / own - 1) / 256)
        rows = np.stack([unit(*(centre + one)) for one in noise])
        taken = tuple((10 * number + visit, 0.0) for visit in range(visits) for _ in range(2))
        found.append(Identity(number, None, rows, {}, taken))
    return found


@pytest.mark.parametrize("own", [0.5, 0.7, 0.9])
def test_a_curve_is_learned_from_those_who_came_more_than_once(own: float) -> None:
    """Even odds lie between what strangers have (at most 0.25) and what one person's visits have."""
    curve = learned(visitors(40, own=own))
    assert curve(np.float32(0.25)) < -1
    assert curve(np.float32(own - 0.05)) > 1
    assert 0.25 < curve.even < own - 0.05


def test_the_odds_are_even_where_the_curve_says_so() -> None:
    assert straight(midpoint=0.437).even == pytest.approx(0.437, abs=1e-6)
    assert straight(midpoint=-2.0).even == -1.0
    assert straight(midpoint=2.0).even == 1.0


def test_what_is_learned_says_what_is_so() -> None:
    """People nobody learned from, half of them known: who is right is sure, and so is who is nobody."""
    people = visitors(60, own=0.6, visits=3, seed=1)
    curve = learned(people[:30])
    for number, person in enumerate(people):
        look, visit = person.embeddings[0], person.taken[0][0]
        rest = [row for row, (sighting, _) in enumerate(person.taken) if sighting != visit]
        without = known(number, *person.embeddings[rest])
        others = [one for one in people[:30] if one.id != number]
        [first], _ = search(look, [without, *others], most=1, likeness=curve)
        assert (first.identity.id, first.chance > 0.9) == (number, True)
        _, nobody = search(look, others, most=1, likeness=curve)
        assert nobody > 0.9


def test_where_hardly_anybody_came_twice_the_curve_is_that_of_a_runs_begin() -> None:
    once = visitors(40, own=0.7, visits=1)
    assert np.array_equal(learned(once).log_odds, straight().log_odds)
    few = visitors(LEAST_QUESTIONS // 4 - 1, own=0.7)
    assert np.array_equal(learned(few).log_odds, straight().log_odds)
    unknown = [Identity(one.id, None, one.embeddings, {}) for one in visitors(40, own=0.7)]
    assert np.array_equal(learned(unknown).log_odds, straight().log_odds)
