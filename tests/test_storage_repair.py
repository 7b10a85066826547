"""Corrections on a real history, undone in any order, and beside a run that goes on writing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from small_history import name_footage, small_history, writer
from sqlalchemy import Engine

from storage.database import MIGRATIONS, _engine, open_database, writing
from storage.history import History
from storage.repair import CorrectionError, Repair, apart, corrections
from tracker.types import Sighting


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


def test_a_run_that_changes_its_mind_is_in_the_journal(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record, start=100.0)
        for person in (3, 2):
            record.sighting(Sighting(1, "left", 100.0, 101.0, person, 0.7))
            record.flush()
    (row,) = corrections(engine)
    assert (row.author, row.kind, row.people, row.sightings) == ("machine", "revise", ((3, 2),), (6,))
    Repair(engine).undo(row.id)
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
    repair.merge(1, 2)
    assert people(engine) == [1, 1]
    repair.undo()
    assert people(engine) == [1, 2]


def test_who_was_told_apart_is_known_until_undone(engine: Engine) -> None:
    repair = Repair(engine)
    repair.differ(1, 2)
    assert apart(engine) == {frozenset((1, 2))}
    repair.undo()
    assert apart(engine) == frozenset()
