"""Corrections on a real history, undone in any order, and beside a run that goes on writing."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from replayed import replayed, state
from small_history import name_footage, small_history, writer
from sqlalchemy import Engine, event, update

from storage import journal, schema
from storage.database import MIGRATIONS, _engine, open_database, writing
from storage.errors import DatabaseError
from storage.export import export
from storage.history import History
from storage.presences import decisions
from storage.repair import (
    CorrectionError,
    Move,
    OutsideError,
    Repair,
    TogetherError,
    apart,
    corrections,
    revisions,
)
from storage.upkeep import check
from tracker.types import Point, Sighting


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return small_history(tmp_path / "h.db")


def people(engine: Engine) -> list[int | None]:
    """Of the sightings by start."""
    return [row.person for row in History(engine).sightings()]


def test_merge_is_a_redirect_and_comes_apart_again(engine: Engine) -> None:
    Repair(engine).merge(2, 1)
    assert people(engine) == [2, 2, 2, 2, None]
    assert History(engine).person(1).id == 2
    assert len(History(engine).identities("model-a")) == 1
    Repair(engine).undo()
    assert people(engine) == [1, 1, 2, 2, None]


def test_corrections_are_undone_in_any_order(engine: Engine) -> None:
    repair = Repair(engine)
    moved = repair.move(5, 1)
    merged = repair.merge(2, 1)
    assert people(engine) == [2] * 5
    repair.undo(moved)
    assert people(engine) == [2, 2, 2, 2, None]
    repair.undo(merged)
    assert people(engine) == [1, 1, 2, 2, None]
    assert all(row.undone for row in corrections(engine))


def test_whom_a_later_correction_needs_is_not_undone(engine: Engine) -> None:
    repair = Repair(engine)
    split = repair.split(1, [2])
    assert people(engine) == [1, 3, 2, 2, None]
    named = repair.name(3, "Bea")
    with pytest.raises(CorrectionError, match=f"undo {named} first"):
        repair.undo(split)
    repair.undo(named)
    repair.undo(split)
    assert people(engine) == [1, 1, 2, 2, None]


def test_a_name_undone_is_the_one_before(engine: Engine) -> None:
    repair = Repair(engine)
    repair.name(1, "Bea")
    repair.name(1, "Cleo")
    repair.undo()
    assert History(engine).person(1).name == "Bea"
    repair.undo()
    assert History(engine).person(1).name == "Ann"


def test_a_run_does_not_move_what_a_person_moved(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record, start=100.0)
        record.knows(2)
        record.sighting(Sighting(1, "left", 100.0, 101.0, 1, 0.9))
        record.flush()
        Repair(engine).move(6, 2)
        record.sighting(Sighting(1, "left", 100.0, 102.0, 1, 0.9))
        record.flush()
        last = History(engine).sightings()[-1]
        assert (last.person, last.end, last.probability) == (2, 102.0, 1.0)


def test_a_run_that_changes_its_mind_leaves_a_note(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record, start=100.0)
        for person in (3, 2):
            record.sighting(Sighting(1, "left", 100.0, 101.0, person, 0.7))
            record.flush()
    (row,) = revisions(engine)
    assert (row.sighting, row.before, row.after, row.probability) == (6, 3, 2, 0.7)
    assert corrections(engine) == []  # it is no correction
    Repair(engine).move(row.sighting, row.before)
    assert people(engine)[-1] == 3


def test_a_run_takes_nobody_back_whom_a_person_merged(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record, start=100.0)
        record.sighting(Sighting(1, "left", 100.0, 101.0, 3, 0.7))
        record.flush()
        Repair(engine).merge(1, 3)
        record.sighting(Sighting(1, "left", 100.0, 102.0, 2, 0.7))
    assert people(engine)[-1] == 1
    Repair(engine).undo()
    assert people(engine)[-1] == 2


def test_a_new_person_of_the_run_is_not_one_a_split_made(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record, start=100.0)
        record.knows(2)
        record.flush()
        Repair(engine).split(1, [2])
        for number in (1, 2):
            record.sighting(Sighting(number, "left", 100.0 + number, 101.0 + number, 3, 0.7))
            record.flush()
    assert people(engine) == [1, 3, 2, 2, None, 4, 4]


def test_a_history_of_the_first_schema_is_brought_along(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(_engine(path, "rwc")).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("INSERT INTO run VALUES (1, 0, NULL, 'x', '0')")
        old.execute("INSERT INTO camera VALUES (1, 'hall')")
        old.execute("INSERT INTO footage VALUES (1, 1, 1, 'x', 0, 9, 1, 1, 9)")
        old.executemany("INSERT INTO identity VALUES (?, NULL, 0)", [(1,), (2,)])
        for k in (1, 2):
            old.execute(f"INSERT INTO sighting VALUES ({k}, 1, {k}, 1, {k}, 0, 1, 0.5, {'NULL,' * 4} NULL)")
    engine = open_database(path, create=False)
    repair = Repair(engine)
    repair.merge(1, 2, anyway=True)
    assert people(engine) == [1, 1]
    repair.undo()
    assert people(engine) == [1, 2]


def test_who_was_told_apart_is_known_until_undone(engine: Engine) -> None:
    repair = Repair(engine)
    repair.differ(1, 2)
    assert apart(engine) == {frozenset((1, 2))}
    repair.undo()
    assert apart(engine) == frozenset()


# A sighting cut at a moment


def parts(engine: Engine) -> list[tuple[int | None, str, float, float, int]]:
    """Of the sightings by start: person, camera, start, end, how many points."""
    history = History(engine)
    return [
        (row.person, row.camera, row.start, row.end, len(history.trajectory(row.id)))
        for row in history.sightings()
    ]


def test_a_sighting_is_cut_into_two_of_two_people(engine: Engine) -> None:
    history = History(engine)
    whole = history.trajectory(3)
    Repair(engine).cut(3, 21.05)
    assert parts(engine)[2:5] == [
        (2, "right", 19.0, 21.0, 21),
        (2, "left", 21.0, 23.0, 21),
        (3, "right", 21.1, pytest.approx(25.0), 40),
    ]
    later = next(row for row in history.sightings() if row.person == 3)
    ways = history.trajectories([3, later.id])
    np.testing.assert_array_equal(np.concatenate([way.boxes for way in ways.values()]), whole.boxes)
    np.testing.assert_array_equal(np.concatenate([way.frames for way in ways.values()]), whole.frames)
    assert (later.probability, later.evidence) == (1.0, None)


def test_portraits_and_what_was_held_against_them_go_with_their_part(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db", compared=True)
    history, repair = History(engine), Repair(engine)
    before = history.compared([2])
    repair.cut(1, 10.5)
    later = next(row for row in history.sightings() if row.start == 10.5)
    assert [p.time for p in history.portraits(sighting=1)] == [10.0]
    assert [p.time for p in history.portraits(sighting=later.id)] == [11.0]
    assert history.compared([2]) == before  # it was held against the picture of 10.0
    repair.undo()
    repair.cut(1, 10.0001, to=2)
    later = next(row for row in history.sightings() if row.start == 10.1)
    assert later.person == 2


@pytest.mark.parametrize("at", [16.95, 20.0, 24.99])
def test_a_cut_undone_leaves_nothing(engine: Engine, tmp_path: Path, at: float) -> None:
    """Also where it lies on the border of two packed rows of the trajectory."""
    sighting = 2 if at < 18 else 3
    export(History(engine), "csv", tmp_path / "before")
    Repair(engine).cut(sighting, at)
    assert len(parts(engine)) == 6
    Repair(engine).undo()
    export(History(engine), "csv", tmp_path / "after")
    for name in ("points.csv", "sightings.csv"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()


def test_cuts_are_undone_from_the_last(engine: Engine) -> None:
    repair = Repair(engine)
    first = repair.cut(3, 23.0)
    again = repair.cut(3, 21.0)
    rest = repair.cut(next(row.id for row in History(engine).sightings() if row.start == 23.0), 24.0)
    with pytest.raises(CorrectionError, match=f"undo {rest} first"):
        repair.undo(first)
    repair.undo(rest)
    with pytest.raises(CorrectionError, match=f"undo {again} first"):
        repair.undo(first)
    repair.undo(again)
    repair.undo(first)
    assert people(engine) == [1, 1, 2, 2, None]


def test_the_part_that_a_later_correction_moved_is_not_joined_before_that_is_undone(engine: Engine) -> None:
    repair = Repair(engine)
    cut = repair.cut(3, 21.05, to=1)
    made = next(row.id for row in History(engine).sightings() if row.start == 21.1)
    moved = repair.move(made, 2)
    with pytest.raises(CorrectionError, match=f"undo {moved} first"):
        repair.undo(cut)
    repair.undo(moved)
    assert next(row.person for row in History(engine).sightings() if row.id == made) == 1
    repair.undo(cut)
    assert people(engine) == [1, 1, 2, 2, None]


def test_a_second_pass_keeps_the_parts_apart(engine: Engine) -> None:
    Repair(engine).cut(5, 30.5)
    made = History(engine).sightings()[-1].id
    told = decisions(engine)
    assert (5, made) in told.apart
    Repair(engine).undo()
    assert decisions(engine).apart == frozenset()


@pytest.mark.parametrize(
    ("sighting", "at", "to", "sentence"),
    [
        (3, 19.0, None, "sighting 3 can be cut between its first and its last picture only"),
        (3, 25.2, None, "between its first and its last picture only"),
        (99, 20.0, None, "no sighting 99"),
        (3, 20.0, 2, "are 2's already"),
    ],
)
def test_what_can_not_be_cut(engine: Engine, sighting: int, at: float, to: int | None, sentence: str) -> None:
    with pytest.raises(CorrectionError, match=sentence):
        Repair(engine).cut(sighting, at, to)
    assert len(parts(engine)) == 5
    assert corrections(engine) == []


def test_between_which_moments_a_sighting_can_be_cut_is_told(engine: Engine) -> None:
    with pytest.raises(OutsideError) as told:
        Repair(engine).cut(3, 19.0)
    assert (told.value.sighting, told.value.begin, told.value.end) == (3, 19.0, 25.0)


def test_beside_a_run_what_is_over_is_cut_and_stays_so(engine: Engine) -> None:
    """What is still under way is not; the run's later word on the sighting counts, but for its end."""
    with writer(engine) as record:
        name_footage(record, start=100.0)
        for number in (1, 2):
            record.sighting(Sighting(number, "left", 100.0, 102.0, number, 0.7))
            for k in range(21):
                record.point(number, Point(100 + k / 10, k, np.array([1, 2, 30, 80], np.float32), 0.9))
        record.frames("left", 25, 102.4)
        record.flush()
        with pytest.raises(CorrectionError, match="being recorded still"):
            Repair(engine).cut(6, 101.0)
        record.frames("left", 150, 115.0)
        record.flush()
        Repair(engine).cut(6, 101.0)
        record.sighting(Sighting(1, "left", 100.0, 102.0, 2, 0.8))
        record.flush()
        assert (1, "left", 100.0, pytest.approx(100.9), 10) in parts(engine)
    Repair(engine).undo()
    assert (2, "left", 100.0, 102.0, 21) in parts(engine)


def test_what_is_cut_leaves_all_others_their_ends(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record, start=100.0)
        record.flush()
        Repair(engine).cut(3, 21.0)
        for end in (101.0, 104.0):
            record.sighting(Sighting(1, "left", 100.0, end, 1, 0.7))
            record.flush()
    assert parts(engine)[-1][:4] == (1, "left", 100.0, 104.0)


def test_what_a_killed_run_left_can_be_cut(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(schema.Run).values(ended=None))
    Repair(engine).cut(5, 30.5)
    assert len(parts(engine)) == 6


def test_two_who_were_in_one_view_at_once_are_not_merged_unasked(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        name_footage(record)
        record.sighting(Sighting(1, "left", 10.0, 14.0, 1, 0.9))
        record.sighting(Sighting(2, "left", 13.5, 18.0, 2, 0.9))
        record.sighting(Sighting(3, "left", 20.0, 28.0, 2, 0.9))
        record.sighting(Sighting(4, "left", 24.0, 29.0, 1, 0.9))
        record.sighting(Sighting(5, "right", 25.0, 30.0, 3, 0.9))
        record.sighting(Sighting(6, "left", 30.0, 33.0, 3, 0.9))
    repair = Repair(engine)
    with pytest.raises(TogetherError, match=r"^1 and 2 were in view of left at once \(.* 4 and 3\)") as told:
        repair.merge(1, 2)
    assert (told.value.when.start, told.value.when.end) == (24.0, 28.0)  # the longest time of both
    assert repair.journal() == []
    assert repair.merge(2, 1, anyway=True) == 1
    repair.undo()
    repair.move(3, None)
    repair.move(2, None)
    repair.merge(1, 3)  # on two cameras at once: they may overlap
    assert people(engine)[0] == 1


def crowd(path: Path, *, people: int = 6, sightings: int = 40) -> Engine:
    """Many sightings of a few."""
    engine = open_database(path, create=True)
    with writer(engine) as record:
        name_footage(record)
        for number in range(sightings):
            start = 10.0 + 3 * number
            record.sighting(Sighting(number + 1, "left", start, start + 2, number % people + 1, 0.9))
    return engine


def corrected_at_random(repair: Repair, dice: random.Random) -> None:
    """One correction of any kind, or an undo; what makes no sense is refused, as by hand."""
    people = dice.sample(range(1, 9), 2)
    sightings = sorted(dice.sample(range(1, 41), 3))
    change = dice.choice(
        [
            lambda: repair.merge(*people, anyway=dice.choice([True, False])),
            lambda: repair.differ(*people),
            lambda: repair.name(people[0], dice.choice(["Ann", "Bea", ""])),
            lambda: repair.move(sightings[0], dice.choice([people[0], None])),
            lambda: repair.split(people[0], sightings),
            lambda: repair.refine([Move(s, dice.choice([people[1], -1]), 0.6) for s in sightings], note="x"),
            *3 * [lambda: repair.undo(dice.choice([None, *(row.id for row in repair.journal())]))],
        ]
    )
    with suppress(DatabaseError):
        change()


@pytest.mark.parametrize("seed", range(6))
def test_an_undo_comes_to_what_all_others_say(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what they are about is not put at once."""
    monkeypatch.setattr(journal, "AT_ONCE", [1, 2, 500][seed % 3])
    engine = crowd(tmp_path / "h.db")
    repair, dice = Repair(engine), random.Random(seed)
    undone = 0
    for _ in range(60):
        corrected_at_random(repair, dice)
        assert state(tmp_path / "h.db") == replayed(tmp_path / "h.db", {})
        undone = sum(row.undone is not None for row in repair.journal())
    assert undone > 5


def test_an_undo_leaves_alone_what_it_is_not_about(tmp_path: Path) -> None:
    """The work of an undo is that of its correction, however much others corrected: counted in statements."""
    engine = crowd(tmp_path / "h.db")
    repair = Repair(engine)
    first = repair.move(1, 2)
    few = _statements(engine, lambda: repair.undo(first))
    for number in range(2, 32):
        repair.move(number, 3)
    again = repair.move(1, 2)
    assert _statements(engine, lambda: repair.undo(again)) == few


def _statements(engine: Engine, change: Callable[[], object]) -> int:
    said: list[str] = []

    def hear(*heard: Any) -> None:
        said.append(heard[2])

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        change()
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    return len(said)


# Corrections about very many


KILLED = """
import os, signal, sys
from pathlib import Path
from storage import journal, repair
from storage.database import open_database
journal.AT_ONCE, steps = 5, []
def killing(step):
    def once_more(*arguments):
        steps.append(1)
        if len(steps) > int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments)
    return once_more
change = repair.Repair(open_database(Path(sys.argv[1]), create=False))
repair.in_batches = lambda ids: [ids[k : k + 7] for k in range(0, len(ids), 7)]
if sys.argv[3] == "prepared":
    change._write_down = killing(change._write_down)
else:
    journal.lay = killing(journal.lay)
if sys.argv[3] == "undone":
    change.undo()
else:
    change.refine([repair.Move(s, -1 - s % 4, 0.6) for s in range(1, 41)], note="x")
"""


def refined(engine: Engine) -> int:
    return Repair(engine).refine([Move(s, -1 - s % 4, 0.6) for s in range(1, 41)], note="x")


def killed(path: Path, after: int, what: str) -> None:
    command = [sys.executable, "-c", KILLED, str(path), str(after), what]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL


@pytest.mark.parametrize("after", [0, 1, 4])
@pytest.mark.parametrize("what", ["laid", "undone"])
@pytest.mark.parametrize("by_run", [True, False])
def test_what_a_kill_leaves_of_a_large_correction_the_next_change_finishes(
    tmp_path: Path, after: int, what: str, *, by_run: bool
) -> None:
    path = tmp_path / "h.db"
    engine = crowd(path)
    before = state(path)
    if what == "undone":
        refined(engine)
    killed(path, after, what)
    assert all(one.sound for one in check(engine))
    assert (
        "1 correction is carried out in part" in {one.name: one.what for one in check(engine)}["corrections"]
    )
    if by_run:
        with writer(engine) as record:
            record.flush()
    else:
        Repair(engine).name(1, "Ann")
        Repair(engine).undo()
    assert {one.name: one.what for one in check(engine)}["corrections"].startswith("no ")
    now = state(path)
    assert now["sightings"] == replayed(path, {})["sightings"]
    if what == "undone":
        assert now["sightings"] == before["sightings"]
    else:
        assert all(now["sightings"][n][0] != before["sightings"][n][0] for n in range(1, 41))


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_large_correction_that_is_killed_before_it_holds_changes_nothing(
    tmp_path: Path, after: int
) -> None:
    path = tmp_path / "h.db"
    engine = crowd(path)
    before, told = state(path), History(engine).people()
    killed(path, after, "prepared")
    assert state(path)["sightings"] == before["sightings"]
    assert History(engine).people() == told
    assert [row.undone is not None for row in corrections(engine)] == [True]
    assert refined(engine) == 2  # at the next try
    assert state(path) == replayed(path, {})


def test_a_large_correction_lets_a_run_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its parts: a run beside it commits before it has ended."""
    monkeypatch.setattr(journal, "AT_ONCE", 1)
    engine = crowd(tmp_path / "h.db")
    parts: list[float] = []
    lay = journal.lay
    monkeypatch.setattr(journal, "lay", lambda connection: parts.append(time.monotonic()) or lay(connection))
    with writer(engine, commit_s=0.01) as record:
        changing = Thread(target=refined, args=(engine,))
        changing.start()
        name_footage(record, start=1000.0)
        written = []
        for number in range(1, 6):
            record.sighting(Sighting(number, "left", 1000.0 + number, 1001.0 + number, 1, 0.9))
            record.flush()
            written.append(time.monotonic())
        changing.join()
    assert written[-1] < parts[-1]
