"""What is said to be the reason that a sighting is somebody's is the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.history.why import percent, terms_told, why, why_briefly
from storage.history import Placed, SightingRow
from tracker.types import Barred, Evidence, Terms

WHY = Evidence(0.31, 62.0, 7, 0.44, 5, terms=Terms(-3.0, 4.1, 1.2), runner_up_terms=Terms(-3.0, -0.5, 0.04))
ROW = SightingRow(55, 4, "hall", 100.0, 110.0, 0.91, WHY, 1, decided=4)


def told(**more: object) -> str:
    return "; ".join(why(replace(ROW, evidence=replace(WHY, **more))))  # type: ignore[arg-type]


def test_the_terms_are_told_with_what_they_come_to() -> None:
    assert why(ROW) == [
        "looks +4.1, way and time +1.2, before anything is known -3.0 -> 91 %",
        "last seen 1 min 02 s before",
        "second best 7: looks -0.5, before anything is known -3.0",
        "5 pictures compared",
    ]
    assert why_briefly(ROW) == why(ROW)[0]
    assert why_briefly(replace(ROW, probability=0.9999)).endswith("-> over 99 %")
    place = terms_told(Terms(-3.0, 1.0, 0.0, 2.5))
    assert place == "looks +1.0, place +2.5, before anything is known -3.0"


def test_somebody_new_is_no_match() -> None:
    new = Evidence(None, None, 7, 0.89, 5, runner_up_terms=Terms(-3.0, -6.0, 0.5))
    row = replace(ROW, evidence=new, probability=1.0)
    assert why(row)[0] == (
        "new; closest known was 7: looks -6.0, way and time +0.5, before anything is known -3.0 = -8.5"
    )
    assert not any("%" in part or "distance" in part for part in why(row))
    assert why(replace(row, evidence=Evidence(None, None, None, None, 5)))[0] == "new; nobody was known"


def test_a_first_sighting_of_before_terms_were_recorded_is_no_match_either() -> None:
    old = Evidence(0.89, None, 7, 0.95, 5)
    row = replace(ROW, evidence=old, probability=1.0)
    assert why(row, first=100.0)[0] == "new; closest known was 7"
    alone = replace(old, runner_up=None, runner_up_distance=None)
    assert why(replace(row, evidence=alone), first=100.0)[0] == ("new; closest known was at distance 0.89")
    later = why(replace(row, probability=0.7), first=50.0)
    assert later[:2] == ["distance 0.89 -> 70 %", "second best 7 at distance 0.95"]


def test_a_second_best_that_looks_more_alike_is_explained_by_what_decided() -> None:
    assert "second best 7: looks +4.6, way and time -2.0, before anything is known -3.0; looks more " in (
        told(runner_up_terms=Terms(-3.0, 4.6, -2.0))
    )
    assert "looks more like it, but way and time decided" in told(runner_up_terms=Terms(-3.0, 4.6, -2.0))
    assert "looks more like it, but place decided" in told(
        terms=Terms(-3.0, 4.1, 0.0, 3.0), runner_up_terms=Terms(-3.0, 4.6, 0.0, -2.0)
    )
    both = told(runner_up_terms=Terms(-3.0, 4.6, 1.0))
    assert "likelier alone, but all of that moment were decided together" in both
    assert "looks more like it" not in told()


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("same view", "but was in the same view at the same moment"),
        ("no overlap", "but was on a camera that never sees the same people at the same moment"),
        ("link", "but can't have come that way, or not so fast"),
        ("late", "but would have come later than anybody does"),
        ("told apart", "but was told apart by a person"),
    ],
)
def test_whoever_was_likelier_and_barred_is_named(by: str, words: str) -> None:
    barred = Barred(9, by, Terms(-3.0, 8.0, 0.0))  # type: ignore[arg-type]
    assert f"9 was likelier (looks +8.0, before anything is known -3.0) {words}" in told(barred=barred)
    unlikely = replace(barred, terms=Terms(-3.0, 1.0, 0.0))
    assert "9" not in told(barred=unlikely).replace("91", "")


def test_what_was_thought_about_again_says_so() -> None:
    assert told(again=True).startswith("decided again with all of that time -> 91 %; alone: looks +4.1")
    parted = Evidence(None, None, 7, 0.5, 5, runner_up_terms=Terms(-3.0, 1.0, 0.0), again=True)
    assert why(replace(ROW, evidence=parted))[0].startswith(
        "decided again with all of that time: new; closest known was 7: looks +1.0"
    )


def test_a_correction_is_the_reason_where_there_is_one() -> None:
    person = replace(ROW, placed=Placed(12, by_person=True), probability=1.0)
    assert why(person) == ["said by a person (correction 12)"]
    machine = replace(ROW, placed=Placed(13, by_person=False), probability=0.7)
    assert why(machine) == ["second pass (correction 13) -> 70 %"]
    assert why(replace(ROW, person=9))[1] == "that was 4, who is 9 now"
    assert why(replace(ROW, person=None)) == ["not decided"]


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(1.0, "100 %"), (0.9999, ">99 %"), (0.994, "99 %"), (0.5, "50 %"), (0.004, "<1 %"), (0.0, "0 %")],
)
def test_what_is_not_certain_is_not_said_to_be(probability: float, shown: str) -> None:
    assert percent(probability) == shown
