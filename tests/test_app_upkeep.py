"""forget, backup and check-history, as typed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from small_history import made_old, small_history, writer

from app import errors
from app.cli import main
from app.config import RecordingSettings
from app.recording.files import folder_of, is_ours, remove_file
from app.recording.shelf import Shelf
from storage.history import History
from storage.segments import SegmentRow


@pytest.fixture
def database(tmp_path: Path) -> Path:
    small_history(tmp_path / "h.db")
    return tmp_path / "h.db"


def test_a_person_is_forgotten_with_a_receipt(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (database.parent / "h.db.schema4").touch()
    assert main(["forget", "1", "--db", str(database)]) == errors.OK
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "by person (sightings): 2 sightings, 1 person, 4 portraits, 4 pictures, 0 recorded files gone" in told
    )
    assert "h.db.schema4 may still hold it; delete it, too." in told
    assert main(["show", "1", "--db", str(database)]) == errors.USAGE
    capsys.readouterr()
    assert main(["forget", "--receipts", "--json", "--db", str(database)]) == errors.OK
    (receipt,) = json.loads(capsys.readouterr().out)
    assert (receipt["sightings"], receipt["people"]) == (2, 1)


def test_how_much_would_be_forgotten_is_told_and_nothing_is(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--dry-run", "--db", str(database)]
    before = database.read_bytes()
    assert main(["forget", "Ann", *db]) == errors.OK
    told = "Gone will be: 2 sightings, 1 person of whom nothing is left, 4 vectors, 4 pictures.\n"
    assert capsys.readouterr().out == told
    assert main(["forget", "--camera", "right", "--only", "pictures", "--json", *db]) == errors.OK
    assert json.loads(capsys.readouterr().out) == {
        "people": 0,
        "sightings": 0,
        "portraits": 0,
        "pictures": 4,
        "files": 0,
    }
    assert main(["forget", "--before", "2", *db]) == errors.OK
    assert capsys.readouterr().out == "There is nothing of that.\n"
    assert main(["forget", "--open", *db]) == errors.CONFIG
    assert main(["forget", "--receipts", "--json", "--db", str(database)]) == errors.OK
    assert json.loads(capsys.readouterr().out.strip()) == []
    assert main(["show", "Ann", "--json", "--db", str(database)]) == errors.OK
    assert database.read_bytes() == before


def test_a_time_and_a_camera(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "--camera", "left", "--before", "20", "--db", str(database)]) == errors.OK
    assert main(["forget", "--before", "20", "--only", "pictures", "--db", str(database)]) == errors.OK
    assert main(["forget", "--open", "--db", str(database)]) == errors.OK
    assert "Nothing is to be forgotten" in capsys.readouterr().out
    assert main(["forget", "--db", str(database)]) == errors.CONFIG
    assert main(["forget", "7", "--db", str(database)]) == errors.USAGE


def test_backup_and_check(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = database.with_name("copy.db")
    assert main(["backup", str(copy), "--db", str(database)]) == errors.OK
    assert main(["check-history", "--db", str(copy)]) == errors.OK
    assert main(["backup", str(copy), "--db", str(database)]) == errors.DATABASE
    gone = database.parent / "gone" / "copy.db"
    assert main(["backup", str(gone), "--db", str(database)]) == errors.DATABASE
    assert f"to {gone} (No such file or directory); make room" in capsys.readouterr().err
    with closing(sqlite3.connect(copy, isolation_level=None)) as file:
        file.execute("DELETE FROM seen")
    capsys.readouterr()
    assert main(["check-history", "--json", "--db", str(copy)]) == errors.DATABASE
    assert [one["name"] for one in json.loads(capsys.readouterr().out) if not one["sound"]] == ["people"]


@pytest.mark.parametrize("camera", ["..", ".", "a/b", "../../etc", "hall", "%2E%2E", ". ."])
def test_a_cameras_name_is_no_path(camera: str) -> None:
    folder = folder_of(camera)
    assert "/" not in folder
    assert folder not in ("", ".", "..")
    assert Path("/kept", folder).resolve().parent == Path("/kept")


def test_only_what_a_recorder_wrote_is_removed(tmp_path: Path) -> None:
    """Whatever a history, which may be anybody's, says of paths."""
    good = tmp_path / "kept" / "hall" / "2026-11-22" / "20261122T093000.000Z.mp4"
    good.parent.mkdir(parents=True)
    victims = [
        tmp_path / "victim.txt",
        tmp_path / "20261122T093000.000Z.mp4",
        tmp_path / "kept" / "yard" / "2026-11-22" / good.name,
    ]
    for path in (good, *victims):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("film")
    link = good.with_name("20261122T093100.000Z.mp4")
    link.symlink_to(victims[0])
    for path in (*victims, link, good.parent / ".." / ".." / ".." / "victim.txt"):
        assert not is_ours(path, "hall")
        assert not remove_file(str(path), "hall")
    assert remove_file(str(good), "hall")
    assert all(path.exists() for path in victims)


def test_the_keeper_of_recordings_removes_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    victim = tmp_path / "precious.mp4"
    victim.write_text("mine")
    with writer(engine) as record:
        record.segment(SegmentRow("left", str(victim), 1.0, 2.0, 10))
        record.flush()
        shelf = Shelf(RecordingSettings(tmp_path / "kept"), History(engine), record, writing=set)
        shelf.prune()
    assert victim.read_text() == "mine"
    assert History(engine).segments() == []  # the row alone is gone


@pytest.mark.parametrize(
    "command",
    ["people", "show 1", "merge 1 2", "refine", "topology", "check-history", "forget 1", "review", "undo"],
)
def test_every_command_tells_that_it_upgrades_an_older_history(
    command: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once it is upgraded, nothing more is said."""
    made_old(database)
    main([*command.split(), "--db", str(database)])
    told = f"sightline: {database} is of an older Sightline and is brought up to date, once.\n"
    assert capsys.readouterr().err.startswith(told)
    assert (database.parent / "h.db.schema6").exists()
    main(["people", "--db", str(database)])
    assert capsys.readouterr().err == ""
