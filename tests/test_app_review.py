"""What is worth a look: the history of tests/small_history.py, with what its run was unsure of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from small_history import SIGHTINGS, name_footage, record_all, writer

from app import errors
from app.cli import main
from app.history.review import Asked, Case, answer, left, queue
from storage.database import existing, open_database
from storage.history import History
from storage.repair import Move, Repair
from tracker.types import Evidence, Sighting, Terms

FIRST = Evidence(None, None, None, None, 3)
NEW = Evidence(None, None, 1, 0.4, 4, runner_up_terms=Terms(-2.0, 2.5, 0.1))
KNOWN = Evidence(0.3, 1.0, 1, 0.35, 2, terms=Terms(-2.0, 1.5, 0.1), runner_up_terms=Terms(-2.0, 1.2, 0.0))


@pytest.fixture
def history(tmp_path: Path) -> History:
    """2 is new in sighting 3, at 60 %, when 1 was likely; sighting 4 is given to 2, at 40 %."""
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        record_all(record)
        record.sighting(replace(SIGHTINGS[0], probability=1.0, evidence=FIRST))
        record.sighting(replace(SIGHTINGS[1], probability=0.99))
        record.sighting(replace(SIGHTINGS[2], probability=0.6, evidence=NEW))
        record.sighting(replace(SIGHTINGS[3], probability=0.4, evidence=KNOWN))
    return History(engine)


def kinds(cases: Sequence[Case]) -> list[tuple[str, int, float]]:
    return [(case.kind, case.sighting.id, round(case.worth, 3)) for case in cases]


def say(history: History, case: Case, *, same: bool) -> int:
    with existing(history.path) as engine:
        return answer(Repair(engine), case, same=same)


def test_the_queue_is_ranked_by_how_likely_the_history_is_wrong(history: History) -> None:
    assert kinds(queue(history)) == [("unsure", 4, 0.6), ("duplicate", 3, 0.4), ("nobody", 5, 0.0)]
    assert left(history) == {"duplicate": 1, "unsure": 1, "merge": 0, "nobody": 1}
    unsure, duplicate, nobody = queue(history)
    assert (unsure.people, unsure.same, unsure.different) == ((2, 1), ("move", "4", "2"), ("move", "4", "1"))
    assert unsure.because[0] == "looks +1.5, way and time +0.1, before anything is known -2.0 -> 40 %"
    assert duplicate.people == (2, 1)
    assert (duplicate.same, duplicate.different) == (("merge", "1", "2"), ("differ", "1", "2"))
    assert duplicate.because[0].startswith("new; closest known was 1: looks +2.5")
    assert (nobody.same, nobody.different) == ((), ("move", "5", "new"))


def test_it_is_paged_and_filtered(history: History) -> None:
    whole = queue(history, limit=None)
    assert [queue(history, limit=1, offset=k) for k in range(4)] == [*([case] for case in whole), []]
    assert kinds(queue(history, Asked(kinds=["nobody"]))) == [("nobody", 5, 0.0)]
    assert kinds(queue(history, Asked(camera="right"))) == [("duplicate", 3, 0.4)]
    assert kinds(queue(history, Asked(since=20.0, until=24.0))) == [("unsure", 4, 0.6), ("duplicate", 3, 0.4)]
    assert left(history, Asked(camera="right")) == {"duplicate": 1, "unsure": 0, "merge": 0, "nobody": 0}


@pytest.mark.parametrize("same", [True, False])
def test_what_was_answered_is_asked_no_more_until_that_is_undone(history: History, *, same: bool) -> None:
    before = queue(history)
    for case in before[:2]:
        say(history, case, same=same)
    assert [case.kind for case in queue(history)] == ["nobody"]
    say(history, before[2], same=False)
    assert queue(history) == []
    with pytest.raises(ValueError, match="said by its name"):
        say(history, before[2], same=True)
    with existing(history.path) as engine:
        for _ in range(3):
            Repair(engine).undo()
    assert queue(history) == before


def later(history: History, *sightings: Sighting) -> None:
    """Another run, of nothing but these."""
    with existing(history.path) as engine, writer(engine) as record:
        name_footage(record, start=100.0)
        for sighting in sightings:
            record.sighting(sighting)


def test_two_who_were_in_one_view_at_once_are_no_duplicate(history: History) -> None:
    one, other = Sighting(1, "left", 110.0, 114.0, 1, 0.99), Sighting(2, "left", 113.0, 118.0, 2, 0.99)
    later(history, one, other)
    assert [case.kind for case in queue(history)] == ["unsure", "nobody"]


def test_two_who_are_each_likely_enough_alone_may_be_one(history: History) -> None:
    """Ids of one person share the odds: neither is surely it. Twins, who were in view at once, are two."""
    sure = Terms(-2.0, 8.0, 0.0)
    shared = Evidence(0.2, 1.0, 7, 0.2, 4, terms=sure, runner_up_terms=Terms(-2.0, 7.9, 0.0))
    later(
        history,
        Sighting(1, "left", 110.0, 114.0, 6, 0.99),
        Sighting(2, "left", 120.0, 124.0, 7, 0.99),
        Sighting(3, "left", 130.0, 134.0, 6, 0.51, shared),
    )
    case = next(case for case in queue(history) if 6 in case.people)
    assert (case.kind, case.people, case.same) == ("duplicate", (6, 7), ("merge", "6", "7"))
    later(history, *(Sighting(n, "right", 200.0, 210.0, 5 + n, 0.99) for n in (1, 2)))
    case = next(case for case in queue(history) if 6 in case.people)
    assert (case.kind, case.people) == ("unsure", (6, 7))


def test_what_corrections_made_doubtful(history: History) -> None:
    """The second pass was unsure of sighting 2; a merge put two of one view into one."""
    with existing(history.path) as engine:
        Repair(engine).refine([Move(2, 2, 0.7)], note="x")
        assert ("merge", 2, 0.3) in kinds(queue(history))
        Repair(engine).undo()
        one, other = (Sighting(n, "left", 108.0 + 2 * n, 112.0 + 2 * n, 10 + n, 0.99) for n in (1, 2))
        later(history, one, other)
        Repair(engine).merge(11, 12, anyway=True)
    first = queue(history)[0]
    assert (first.kind, first.worth, first.people) == ("merge", 1.0, (11,))
    assert first.other is not None
    assert [first.other.start, first.sighting.start] == [110.0, 112.0]
    say(history, first, same=False)
    assert [case.kind for case in queue(history)] == ["unsure", "duplicate", "nobody"]
    with existing(history.path) as engine:
        Repair(engine).undo()
    for sighting in (first.sighting, first.other):  # a person says that both are
        with existing(history.path) as engine:
            Repair(engine).move(sighting.id, 11)
    assert [case.kind for case in queue(history)] == ["unsure", "duplicate", "nobody"]


def test_the_command_tells_what_to_type(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    db = ["--db", str(history.path)]
    assert main(["review", *db]) == errors.OK
    told = " ".join(capsys.readouterr().out.split())
    assert "What is worth a look (1 duplicate, 1 unsure, 0 merge, 1 nobody)" in told
    assert "is 2 the same person as 1?" in told
    assert "same: sightline merge 1 2 --db" in told
    assert main(["review", "--json", "--kind", "unsure", *db]) == errors.OK
    found = json.loads(capsys.readouterr().out)
    assert found["left"] == {"unsure": 1}
    (case,) = found["cases"]
    assert case["sighting"]["evidence"]["terms"] == {
        "prior": -2.0,
        "appearance": 1.5,
        "transition": 0.1,
        "ground": 0.0,
    }
    assert case["same"] == ["move", "4", "2"]
    assert main([*case["different"], *db]) == errors.OK
    capsys.readouterr()
    assert main(["review", "--limit", "1", *db]) == errors.OK
    assert "--offset 1 tells those after" in capsys.readouterr().out
    assert main(["review", "--kind", "merge", *db]) == errors.OK
    assert "Nothing is worth a look" in capsys.readouterr().out


def test_past_the_last_question_it_is_said_how_many_there_are(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(history.path)]
    assert main(["review", "--json", *db]) == errors.OK
    there = sum(json.loads(capsys.readouterr().out)["left"].values())
    assert there > 1
    assert main(["review", "--offset", "99", *db]) == errors.OK
    assert capsys.readouterr().out == f"Of {there} questions --offset 99 leaves out all.\n"
