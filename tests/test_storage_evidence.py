"""The terms of a decision in the history: written, and answered by who people are now."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from small_history import SIGHTINGS, record_all, writer

from storage.database import MIGRATIONS, _engine, existing, open_database, writing
from storage.forgetting import Forgetting, Order
from storage.history import History, Placed
from storage.repair import Move, Repair
from tracker.types import Barred, Evidence, Terms

CHOSEN, NEXT, BARRED = Terms(-3.0, 4.1, 1.2), Terms(-3.0, 0.5, -2.0, 1.0), Terms(-3.0, 6.0, 0.0)
WHY = Evidence(
    0.3, 2.0, 1, 0.35, 2, terms=CHOSEN, runner_up_terms=NEXT, barred=Barred(1, "same view", BARRED)
)
"""Of sighting 4, which is person 2's."""


@pytest.fixture
def history(tmp_path: Path) -> History:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        record_all(record)
        record.sighting(replace(SIGHTINGS[3], evidence=WHY))
    return History(engine)


def told(history: History) -> Evidence:
    row = history.sighting(4)
    assert row is not None
    assert row.evidence is not None
    return row.evidence


def test_terms_are_answered_as_they_were_recorded(history: History) -> None:
    assert told(history) == WHY
    with existing(history.path) as engine:
        assert told(History(engine)) == WHY
    others = [row.evidence for row in history.sightings() if row.id != 4 and row.evidence is not None]
    assert [(why.terms, why.runner_up_terms, why.barred) for why in others] == [(None, None, None)] * 3


def test_of_somebody_new_there_is_nothing_but_the_next(history: History) -> None:
    new = Evidence(None, None, 1, 0.5, 3, runner_up_terms=NEXT)
    with existing(history.path) as engine, writer(engine) as record:
        record_all(record, later_s=1000.0)
        record.sighting(replace(SIGHTINGS[2], start=1019.0, end=1025.0, evidence=new))
    row = history.sightings(since=1019.0)[0]
    assert row.evidence == new


def test_a_runner_up_is_named_by_who_that_is_now(history: History) -> None:
    with existing(history.path) as engine:
        repair = Repair(engine)
        repair.move(1, None)  # whom 1 is then left with sighting 2; the new one is 3
        repair.merge(3, 1)
        assert told(history) == replace(WHY, runner_up=3, barred=replace(WHY.barred, identity=3))
        repair.undo()
        assert told(history) == WHY


def test_a_runner_up_who_turned_out_to_be_the_same_is_none(history: History) -> None:
    with existing(history.path) as engine:
        Repair(engine).merge(1, 2)
        alone = replace(WHY, runner_up=None, runner_up_distance=None, runner_up_terms=None, barred=None)
        assert told(history) == alone
        row = history.sighting(4)
        assert row is not None
        assert (row.person, row.decided) == (1, 2)


def test_a_runner_up_without_sightings_is_gone(history: History) -> None:
    with existing(history.path) as engine:
        Repair(engine).move(1, 2)
        assert told(history).runner_up == 1
        Repair(engine).move(2, 2)
        assert (told(history).runner_up, told(history).barred) == (None, None)
        Repair(engine).undo()
        assert told(history) == WHY


def test_whoever_is_forgotten_is_no_longer_mentioned_either(history: History) -> None:
    with existing(history.path) as engine:
        forgetting = Forgetting(engine, remove=lambda path: None)
        forgetting.order(Order("sightings", person=1))
        forgetting.carry_out()
    assert told(history) == Evidence(0.3, 2.0, None, None, 2, terms=CHOSEN)
    with closing(sqlite3.connect(history.path)) as file:
        columns = "runner_up, runner_up_distance, runner_up_appearance, barred, barred_by, barred_ground"
        assert file.execute(f"SELECT DISTINCT {columns} FROM sighting WHERE id = 4").fetchall() == [
            (None,) * 6
        ]


def test_what_a_correction_placed_says_so(history: History) -> None:
    with existing(history.path) as engine:
        repair = Repair(engine)
        assert [row.placed for row in history.sightings()] == [None] * 5
        second = repair.refine([Move(3, 1, 0.7)], note="x")
        moved = repair.move(4, 1)
    placed = {row.id: row.placed for row in history.sightings()}
    assert placed == {
        1: None,
        2: None,
        3: Placed(second, by_person=False),
        4: Placed(moved, by_person=True),
        5: None,
    }
    assert {row.id: row.decided for row in history.sightings()} == {1: 1, 2: 1, 3: 2, 4: 2, 5: None}


def test_a_history_from_before_terms_answers_without_them(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    path.touch()
    with writing(_engine(path, "rw")).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("INSERT INTO run VALUES (1, 0, 1, 'x', '0')")
        old.execute("INSERT INTO camera VALUES (1, 'left')")
        old.execute("INSERT INTO footage VALUES (1, 1, 1, 'x', 0, 99, 1, 1, 9)")
        old.executemany("INSERT INTO identity (id, created) VALUES (?, 0)", [(1,), (2,)])
        columns = 'id, run_id, number, footage_id, identity_id, start, "end", probability'
        columns += ", distance, runner_up, runner_up_distance, crops"
        old.executemany(
            f"INSERT INTO sighting ({columns}) VALUES (?, 1, ?, 1, ?, ?, ?, 0.5, ?, ?, ?, 4)",
            [(1, 1, 1, 10.0, 12.0, None, None, None), (2, 2, 2, 20.0, 22.0, 0.3, 1, 0.5)],
        )
    history = History(open_database(path, create=False))
    assert [row.evidence for row in history.sightings()] == [
        Evidence(None, None, None, None, 4),
        Evidence(0.3, None, 1, 0.5, 4),
    ]
