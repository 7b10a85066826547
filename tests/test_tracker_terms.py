"""What is recorded as the reason is the reason: the terms of a decision, and what stood against others."""

from __future__ import annotations

import numpy as np
import pytest
from test_tracker_associator import DIMENSION, LOOKS, last, looks, seen

from tracker.associator import Associator
from tracker.constraints import Constraints
from tracker.gallery import Gallery
from tracker.memory import Memory
from tracker.rules import Rule
from tracker.types import Evidence, Sighting


def associator(constraints: Constraints | None = None) -> Associator:
    memory = Memory(constraints=constraints or Constraints(), appearance=LOOKS)
    return Associator(gallery=Gallery(dimension=DIMENSION), memory=memory)


Stay = tuple[str, int, int, float, float]
"""Camera, track, person, from when to when."""


def watch(engine: Associator, *stays: Stay) -> dict[int, Sighting]:
    """Ten frames a second of everybody; what was last said of each sighting."""
    found: dict[int, Sighting] = {}
    for step in range(round(10 * max(end for *_, end in stays)) + 1):
        time = step / 10
        for camera in sorted({stay[0] for stay in stays}):
            here = [stay for stay in stays if stay[0] == camera]
            people = {n: looks(who, step) for _, n, who, begin, end in here if begin <= time < end}
            ended = tuple(n for _, n, _, _, end in here if end <= time < end + 0.1)
            if people or ended:
                found |= last(engine.update([seen(camera, time, people, ended)]))
    return found


def why(sighting: Sighting) -> Evidence:
    assert sighting.evidence is not None
    return sighting.evidence


def test_the_terms_add_up_to_the_probability_that_is_told() -> None:
    found = watch(associator(), ("hall", 1, 0, 0, 3), ("hall", 2, 1, 10, 13), ("hall", 3, 0, 20, 23))
    assert found[3].identity == 1
    reason = why(found[3])
    assert reason.terms is not None
    assert reason.runner_up == 2
    assert reason.runner_up_terms is not None
    mine, other = np.exp(reason.terms.total), np.exp(reason.runner_up_terms.total)
    assert found[3].probability == pytest.approx(mine / (1 + mine + other))
    assert reason.terms.prior == pytest.approx(reason.runner_up_terms.prior)
    assert reason.terms.appearance > 0 > reason.runner_up_terms.appearance


def test_of_somebody_new_the_closest_one_known_is_told_and_nobody_is_its_match() -> None:
    found = watch(associator(), ("hall", 1, 0, 0, 3), ("hall", 2, 1, 10, 13))
    first, reason = why(found[1]), why(found[2])
    assert (first.terms, first.runner_up, first.distance, first.barred) == (None, None, None, None)
    assert found[2].identity == 2
    assert (reason.terms, reason.distance, reason.runner_up) == (None, None, 1)
    assert reason.runner_up_terms is not None
    assert found[2].probability == pytest.approx(1 / (1 + np.exp(reason.runner_up_terms.total)))


def test_who_is_in_the_same_view_is_told_to_be_barred_by_that() -> None:
    found = watch(associator(), ("hall", 1, 0, 0, 3), ("hall", 2, 0, 10, 16), ("hall", 3, 0, 13, 16))
    assert (found[2].identity, found[3].identity) == (1, 2)
    barred = why(found[3]).barred
    assert barred is not None
    assert (barred.identity, barred.by) == (1, "same view")
    assert barred.terms.total > 0


@pytest.mark.parametrize(
    ("rule", "start", "by"),
    [
        (Rule("hall", "stairs", overlap=False), 1.0, "no overlap"),
        (Rule("hall", "stairs", never=True), 10.0, "link"),
        (Rule("hall", "stairs", after_s=(20.0, 60.0)), 10.0, "link"),
        (Rule("hall", "stairs", after_s=(1.0, 20.0)), 50.0, "late"),
    ],
)
def test_who_cannot_have_come_that_way_is_told_to_be_barred_by_it(rule: Rule, start: float, by: str) -> None:
    engine = associator(Constraints(rules=(rule,)))
    found = watch(engine, ("hall", 1, 0, 0, 6), ("stairs", 1, 0, start, start + 6))
    assert found[2].identity == 2
    barred = why(found[2]).barred
    assert barred is not None
    assert (barred.identity, barred.by) == (1, by)


def test_whom_a_person_told_apart_is_barred_by_that() -> None:
    engine = associator(Constraints(apart=frozenset({frozenset({1, 2})})))
    watch(engine, ("hall", 1, 0, 0, 3), ("hall", 2, 1, 10, 13))
    known, comparer = engine.gallery.known, engine._compare
    presence = engine._past[2]
    assert presence.identity is known[2]
    assert comparer.bar(presence, known[1]) == "told apart"
    presence.identity = None
    assert comparer.bar(presence, known[1]) is None
