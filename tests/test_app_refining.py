"""The second pass over a history, as typed. tests/small_history.py draws it: by their pictures sightings 1
and 5 are one person, 2, 3 and 4 three more; the run said 1, 1, 2, 2 and, of sighting 5, undecided.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_history import small_history
from sqlalchemy import insert, update

from app import errors
from app.cli import main
from storage import schema


@pytest.fixture
def db(tmp_path: Path) -> list[str]:
    small_history(tmp_path / "h.db")
    return ["--db", str(tmp_path / "h.db")]


def answered(capsys: pytest.CaptureFixture[str], *typed: str) -> Any:
    assert main(list(typed)) == errors.OK
    return json.loads(capsys.readouterr().out)


def moves(capsys: pytest.CaptureFixture[str], db: list[str], *more: str) -> dict[int, tuple[int | None, int]]:
    """Sighting -> who it was, and who it is; 0 for somebody new."""
    rows = answered(capsys, "refine", "--json", *more, *db)
    return {row["sighting"]: (row["before"], max(row["after"], 0)) for row in rows}


def test_it_tells_and_changes_nothing(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert moves(capsys, db) == {2: (1, 0), 4: (2, 0), 5: (None, 1)}
    assert answered(capsys, "corrections", "--json", *db) == []
    assert main(["refine", *db]) == errors.OK
    assert "5 sightings looked at, 3 would change hands" in capsys.readouterr().out


def test_applied_it_is_one_correction_that_undo_takes_back(
    db: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = answered(capsys, "people", "--json", *db)
    assert moves(capsys, db, "--apply") == {2: (1, 0), 4: (2, 0), 5: (None, 1)}
    assert moves(capsys, db) == {}  # a second time it finds nothing
    people = answered(capsys, "people", "--json", *db)
    assert sorted(row["id"] for row in people) == [1, 2, 3, 4]
    (row,) = answered(capsys, "corrections", "--json", *db)
    assert (row["author"], row["kind"], row["sightings"]) == ("machine", "refine", [2, 4, 5])
    assert main(["undo", *db]) == errors.OK
    assert capsys.readouterr().out == "1: second pass: 3 sightings moved, 2 of them people new (undone)\n"
    assert answered(capsys, "people", "--json", *db) == before


def test_what_people_decided_stands(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", "1", "2", *db]) == errors.OK  # all four of them are one person
    assert main(["differ", "1", "2", *db]) == errors.USAGE
    capsys.readouterr()
    assert moves(capsys, db) == {}  # sighting 5 is like one of the four, and on the whole unlike them


def test_who_was_told_apart_stays_apart(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", "5", "2", *db]) == errors.OK  # whoever it looks like
    capsys.readouterr()
    found = moves(capsys, db, "--apply")
    assert 5 not in found
    shown = answered(capsys, "show", "2", "--json", *db)
    assert 5 in [row["id"] for row in shown["sightings"]]


def test_a_split_is_not_undone_by_it(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", "5", "1", *db]) == errors.OK
    assert main(["split", "1", "--sightings", "5", *db]) == errors.OK  # alike, and yet somebody else
    capsys.readouterr()
    assert 5 not in moves(capsys, db)


def test_of_a_span_only(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert moves(capsys, db, "--until", "1970-01-01T00:00:12Z") == {}


def test_vectors_of_two_models_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = small_history(tmp_path / "h.db")
    with engine.begin() as connection:
        other = connection.execute(insert(schema.Model).values(fingerprint="model-b", dimension=4))
        (number,) = other.inserted_primary_key or ()
        late = schema.Portrait.time >= 30
        connection.execute(update(schema.Portrait).where(late).values(model_id=number))
    db = ["--db", str(tmp_path / "h.db")]
    assert main(["refine", *db]) == errors.DATABASE
    assert "name a span of one of them" in capsys.readouterr().err
    assert moves(capsys, db, "--until", "1970-01-01T00:00:29Z") == {2: (1, 0), 4: (2, 0)}
