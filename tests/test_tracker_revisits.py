"""What is learned from people who came more than once."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import revisits
from tracker.likeness import Curve, straight
from tracker.revisits import LEAST_PEOPLE, LEAST_QUESTIONS, learned
from tracker.search import search
from tracker.types import Floats, Identity


def unit(*values: float) -> Floats:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def known(number: int, *rows: Floats) -> Identity:
    return Identity(number, None, np.stack(rows), {})


def curve_of(people: list[Identity]) -> Curve:
    return learned([(one.embeddings, one.taken) for one in people])


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
    curve = curve_of(visitors(40, own=own))
    assert curve(np.float32(0.25)) < -1
    assert curve(np.float32(own - 0.05)) > 1
    assert 0.25 < curve.even < own - 0.05


def test_what_is_learned_says_what_is_so() -> None:
    """People nobody learned from, half of them known: who is right is sure, and so is who is nobody."""
    people = visitors(60, own=0.6, visits=3, seed=1)
    curve = curve_of(people[:30])
    for number, person in enumerate(people):
        look, visit = person.embeddings[0], person.taken[0][0]
        rest = [row for row, (sighting, _) in enumerate(person.taken) if sighting != visit]
        without = known(number, *person.embeddings[rest])
        others = [one for one in people[:30] if one.id != number]
        [first], _ = search(look, [[without, *others]], most=1, likeness=curve)
        assert (first.identity.id, first.chance > 0.9) == (number, True)
        _, nobody = search(look, [others], most=1, likeness=curve)
        assert nobody > 0.9


def test_where_hardly_anybody_came_twice_the_curve_is_that_of_a_runs_begin() -> None:
    once = visitors(40, own=0.7, visits=1)
    assert np.array_equal(curve_of(once).log_odds, straight().log_odds)
    few = visitors(LEAST_QUESTIONS // 4 - 1, own=0.7)
    assert np.array_equal(curve_of(few).log_odds, straight().log_odds)
    unknown = [Identity(one.id, None, one.embeddings, {}) for one in visitors(40, own=0.7)]
    assert np.array_equal(curve_of(unknown).log_odds, straight().log_odds)


def test_people_in_several_blocks_teach_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    people = visitors(40, own=0.7)
    whole = curve_of(people)
    monkeypatch.setattr(revisits, "AT_ONCE", 7)
    assert np.array_equal(curve_of(people).log_odds, whole.log_odds)


def test_of_few_people_nobody_learns_how_alike_strangers_are() -> None:
    few = visitors(LEAST_PEOPLE - 1, own=0.7, visits=4)
    assert sum(len(one.taken) for one in few) > LEAST_QUESTIONS
    assert np.array_equal(curve_of(few).log_odds, straight().log_odds)
