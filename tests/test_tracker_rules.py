"""What somebody knows of the ways between cameras, against pairs and against people."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tracker.refine import Cluster
from tracker.rules import Rule, cut, forbidden
from tracker.tracklets import Tracklet


def tracklet(number: int, camera: str, start: float, end: float) -> Tracklet:
    return Tracklet(number, camera, start, end, np.eye(1, 4, dtype=np.float32), np.ones(1, np.float32), None)


ROWS = [
    tracklet(0, "hall", 0, 10),
    tracklet(1, "yard", 12, 20),  # 2 s after the hall
    tracklet(2, "yard", 40, 50),  # 30 s after the hall
    tracklet(3, "hall", 100, 110),  # 50 s after the yard
    tracklet(4, "yard", 5, 8),  # while somebody is in the hall
]


def pairs(*rules: Rule, rows: list[Tracklet] = ROWS) -> set[tuple[int, int]]:
    found = forbidden(rows, rules)
    assert (found == found.T).all()
    return {(int(a), int(b)) for a, b in np.argwhere(np.triu(found))}


def test_nobody_comes_sooner_than_the_lowest() -> None:
    assert pairs(Rule("hall", "yard", after_s=(5, 20))) == {(0, 1), (0, 4)}
    assert pairs(Rule("hall", "yard", after_s=(0, math.inf))) == {(0, 4)}
    assert pairs(Rule("yard", "hall", after_s=(60, 90))) == {(2, 3)}  # 80 s after number 1, 92 s after 4


def test_never_is_of_one_direction() -> None:
    assert pairs(Rule("hall", "yard", never=True)) == {(0, 1), (0, 2), (0, 4)}
    assert pairs(Rule("yard", "hall", never=True)) == {(1, 3), (2, 3), (3, 4)}
    both = Rule("hall", "yard", never=True), Rule("yard", "hall", never=True)
    assert pairs(*both) == {(0, 1), (0, 2), (0, 4), (1, 3), (2, 3), (3, 4)}


def test_times_of_two_recordings_forbid_nothing_but_what_has_no_order() -> None:
    rows = [replace(row, recording=number) for number, row in enumerate(ROWS)]
    assert pairs(Rule("hall", "yard", never=True), Rule("yard", "hall", after_s=(60, 90)), rows=rows) == set()
    both = Rule("hall", "yard", never=True), Rule("yard", "hall", never=True)
    assert len(pairs(*both, rows=rows)) == 6


def test_an_overlap_or_other_cameras_forbid_nothing() -> None:
    assert pairs(Rule("hall", "yard", overlap=True), Rule("roof", "cellar", never=True)) == set()
    assert forbidden([], [Rule("hall", "yard", never=True)]).shape == (0, 0)


def whole(*numbers: int) -> Cluster:
    return Cluster(numbers, tuple(0.9 - 0.01 * number for number in numbers))


def test_who_would_come_too_late_is_parted() -> None:
    rule = [Rule("yard", "hall", after_s=(0, 40))]
    assert cut([whole(3, 0, 2, 1)], ROWS, rule) == [
        Cluster((0, 1, 2), (0.9, 0.89, 0.88)),
        Cluster((3,), (1.0,)),
    ]
    in_time = [Rule("yard", "hall", after_s=(0, 50))]
    assert cut([whole(0, 1, 2, 3)], ROWS, in_time) == [whole(0, 1, 2, 3)]


def test_who_was_elsewhere_meanwhile_is_not() -> None:
    # 30 s from the hall to number 2, but it was in the yard before: only straight ways count.
    rule = [Rule("hall", "yard", after_s=(0, 20))]
    assert cut([whole(0, 1, 2)], ROWS, rule) == [whole(0, 1, 2)]
    assert cut([whole(0, 2)], ROWS, rule) == [Cluster((0,), (1.0,)), Cluster((2,), (1.0,))]


def test_whom_people_said_to_be_one_is_not_parted() -> None:
    rule = [Rule("yard", "hall", after_s=(0, 40))]
    assert cut([whole(0, 1, 2, 3)], ROWS, rule, together=[(3, 1)]) == [whole(0, 1, 2, 3)]
    assert len(cut([whole(0, 1, 2, 3)], ROWS, rule, together=[(0, 2), (3, 4)])) == 2


def test_times_of_two_recordings_part_nobody() -> None:
    rows = [replace(row, recording=number) for number, row in enumerate(ROWS)]
    assert cut([whole(2, 3)], rows, [Rule("yard", "hall", after_s=(0, 40))]) == [whole(2, 3)]
