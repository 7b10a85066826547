"""Errors of identity, worked out by hand on a few boxes."""

from __future__ import annotations

import numpy as np
import pytest

from app.scoring.identity_errors import NOBODY, Handover, IdentityErrors, Matched, Visit, identity_errors

Rows = list[tuple[float, int | None, int | None]]


def camera(name: str, rows: Rows) -> Matched:
    """From (second, person, id), None for nobody."""
    people, ids = (np.array([NOBODY if row[k] is None else row[k] for row in rows], np.int64) for k in (1, 2))
    return Matched(name, np.array([row[0] for row in rows], np.float64), people, ids)


def boxes(
    person: int | None, identity: int | None, start: float, count: int
) -> list[tuple[float, int | None, int | None]]:
    """``count`` boxes, half a second apart."""
    return [(start + k / 2, person, identity) for k in range(count)]


def errors(**cameras: Rows) -> IdentityErrors:
    return identity_errors([camera(name, rows) for name, rows in cameras.items()])


def test_faultless() -> None:
    found = errors(a=boxes(1, 7, 0, 4) + boxes(2, 8, 0, 4), b=boxes(1, 7, 9, 4))

    assert (found.people, found.purity, found.false_merges, found.missed_merges) == (2, 1.0, 0, 0)
    assert (len(found.handovers), found.handover_recall) == (1, 1.0)


def test_nobody_there() -> None:
    found = identity_errors([])

    assert (found.purity, found.handover_recall, found.per_hundred_people(0)) == (None, None, None)
    assert (found.people, found.false_merges, found.missed_merges, found.true, found.found) == (0,) * 3 + (
        (),
        (),
    )


def test_purity_counts_the_main_person_of_each_id_and_no_false_alarms() -> None:
    # Id 7: 6 boxes of person 1, 2 of person 2; id 8: 4 of person 2. 6 + 4 of 12 boxes are of the main person.
    rows = boxes(1, 7, 0, 6) + boxes(2, 7, 20, 2) + boxes(2, 8, 40, 4) + boxes(None, 8, 60, 9)

    assert errors(a=rows).purity == pytest.approx(10 / 12)


def test_an_id_of_three_people_is_two_false_merges() -> None:
    rows = boxes(1, 7, 0, 3) + boxes(2, 7, 20, 3)
    found = errors(a=rows, b=boxes(3, 7, 40, 3) + boxes(4, 9, 40, 3))

    assert found.people_of == {7: [1, 2, 3], 9: [4]}
    assert (found.false_merges, found.missed_merges) == (2, 0)
    assert found.per_hundred_people(found.false_merges) == pytest.approx(100 * 2 / 4)


def test_a_person_of_three_ids_is_two_missed_merges() -> None:
    found = errors(a=boxes(1, 7, 0, 3) + boxes(1, 8, 20, 3), b=boxes(1, 9, 40, 3) + boxes(2, 5, 0, 3))

    assert found.ids_of == {1: [7, 8, 9], 2: [5]}
    assert (found.false_merges, found.missed_merges) == (0, 2)
    assert found.per_hundred_people(found.missed_merges) == pytest.approx(100 * 2 / 2)


def test_ids_that_part_two_people_within_one_visit_count_too() -> None:
    """The person is there all the time; the tracker loses them and makes a new id."""
    found = errors(a=boxes(1, 7, 0, 4) + boxes(1, 8, 2, 4))

    assert len(found.true) == 1
    assert found.missed_merges == 1


def test_a_found_visit_belongs_to_the_person_of_most_of_its_boxes() -> None:
    """Two boxes of a passer-by in front do not merge two people; purity tells of them."""
    found = errors(a=boxes(1, 7, 0, 5) + boxes(2, 7, 2.5, 2) + boxes(1, 7, 3.5, 2))

    assert (found.false_merges, found.missed_merges) == (0, 0)
    assert found.purity == pytest.approx(7 / 9)


def test_a_found_visit_that_mostly_matches_nobody_belongs_to_nobody() -> None:
    stray = errors(a=boxes(None, 7, 0, 3) + boxes(1, 7, 1.5, 2) + boxes(1, 8, 9, 3))
    half = errors(a=boxes(None, 7, 0, 2) + boxes(1, 7, 1, 2) + boxes(1, 8, 9, 3))

    assert (stray.people_of, stray.missed_merges) == ({8: [1]}, 0)
    assert (half.people_of, half.missed_merges) == ({7: [1], 8: [1]}, 1)


def test_of_equals_the_lower_number_counts() -> None:
    found = errors(a=boxes(4, 7, 0, 2) + boxes(3, 7, 1, 2))

    assert found.people_of == {7: [3]}


def test_a_gap_of_more_than_two_seconds_parts_visits() -> None:
    together = errors(a=[(0.0, 1, 7), (2.0, 1, 7)])
    apart = errors(a=[(0.0, 1, 7), (2.1, 1, 7)])

    assert [len(found.true) for found in (together, apart)] == [1, 2]
    assert together.true == (Visit("a", 1, 0.0, 2.0, 7, 2, 2),)


def test_handovers_are_visits_that_follow_on_another_camera() -> None:
    # Person 1: a, b (kept), b again (no hand-over), a with another id (lost), b unseen (lost), c (lost).
    # Person 2 stays where they are: none.
    found = errors(
        a=boxes(1, 7, 0, 3) + boxes(1, 8, 30, 3) + boxes(2, 9, 0, 3) + boxes(2, 9, 20, 3),
        b=boxes(1, 7, 10, 3) + boxes(1, 7, 20, 3) + boxes(1, None, 40, 3),
        c=boxes(1, 8, 50, 3),
    )

    ways = [(pair.before.camera, pair.after.camera, pair.kept) for pair in found.handovers]
    assert ways == [("a", "b", True), ("b", "a", False), ("a", "b", False), ("b", "c", False)]
    assert found.handover_recall == pytest.approx(1 / 4)


def test_two_visits_nobody_found_keep_no_id() -> None:
    unseen = [Visit(name, 1, 0.0, 1.0, None, 3, 0) for name in "ab"]

    assert not Handover(*unseen).kept


def test_a_true_visit_is_found_as_the_id_of_most_of_its_matched_boxes() -> None:
    """However few those are: what the detector misses is not an error of identity."""
    found = errors(a=boxes(1, None, 0, 6) + boxes(1, 8, 3, 1) + boxes(1, 7, 3.5, 2), b=boxes(1, 7, 9, 2))

    assert found.true[0] == Visit("a", 1, 0.0, 4.0, 7, 9, 2)
    assert found.handover_recall == 1.0
