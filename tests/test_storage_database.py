from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from small_history import record_all, small_history, writer

from storage import database, schema
from storage.database import MIGRATIONS, DatabaseError, UpgradeStoppedError, open_database, upgrade
from storage.history import History
from storage.repair import Repair, corrections

THIS_VERSION, NEXT_VERSION = f"{schema.VERSION:04}", f"{schema.VERSION + 1:04}"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{version}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("identity", sa.Column("note", sa.String))
    {more}
"""


def run_sql(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def refused(path: Path, *, create: bool = False) -> str:
    with pytest.raises(DatabaseError) as caught:
        open_database(path, create=create)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(path) in sentence
    return sentence


def test_a_new_history_has_the_tables_that_the_models_say(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "deep" / "new folder" / "100% odd #name?.db", create=True)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.Base.metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    assert History(engine).people() == []


def test_the_schema_number_is_the_last_migration() -> None:
    assert int(ScriptDirectory(str(MIGRATIONS)).get_current_head() or 0) == schema.VERSION


def test_opening_prints_nothing_and_leaves_logging_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    open_database(tmp_path / "h.db", create=True)
    assert capfd.readouterr() == ("", "")
    assert (logging.getLogger().handlers, logging.getLogger().level) == before
    assert not any(record.levelno >= logging.WARNING for record in caplog.records)


def test_a_second_opening_loads_no_migrations(tmp_path: Path) -> None:
    open_database(tmp_path / "h.db", create=True)
    code = (
        "import sys, pathlib; from storage.database import open_database;"
        "open_database(pathlib.Path(sys.argv[1]), create=False); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "h.db")], check=True, timeout=60)


def test_a_missing_file_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    assert "there is no history" in refused(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_and_an_empty_file_are_no_history(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)
    (tmp_path / "empty.db").touch()
    assert "is empty" in refused(tmp_path / "empty.db")
    open_database(tmp_path / "empty.db", create=True)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, and no database at all " * 100)
    before = path.read_bytes()
    assert "is not a SQLite database" in refused(path, create=create)
    assert path.read_bytes() == before


@pytest.mark.parametrize("create", [True, False])
def test_another_programs_database_is_left_as_it_is(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "other.db"
    run_sql(path, "CREATE TABLE birds (name)")
    before = path.read_bytes()
    assert "another program" in refused(path, create=create)
    assert path.read_bytes() == before


def test_a_newer_schema_is_named_with_ours(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    run_sql(path, "UPDATE alembic_version SET version_num = '9999'")
    sentence = refused(path, create=True)
    assert f"schema 9999, newer than schema {schema.VERSION}" in sentence
    assert "upgrade sightline" in sentence


def test_a_damaged_file_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)
    assert "is damaged" in refused(path)


@pytest.mark.parametrize("now", [b"CREATE TABLE\xf2", b"CREATE\xf2TABLE"])
def test_damage_that_sqlite_can_not_even_tell_in_letters_is_called_damaged(
    tmp_path: Path, now: bytes
) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE ", now, 1))
    assert "is damaged" in refused(path)


def test_a_column_whose_name_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    path.write_bytes(path.read_bytes().replace(b"runner_up_distance", b"runner_up_distbnce"))
    assert "is damaged (sighting.runner_up_distance is not in it); restore it from a backup" in refused(path)


def test_a_name_that_is_no_text_is_called_damage(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    Repair(engine).name(1, "Bo")
    run_sql(path, "UPDATE identity SET name = CAST(x'fffe' AS TEXT)")
    run_sql(path, "UPDATE correction SET name = CAST(x'fffe' AS TEXT)")
    for ask in (lambda: History(engine).people(), lambda: corrections(engine)):
        with pytest.raises(DatabaseError, match="is damaged; restore it from a backup"):
            ask()


def test_damage_met_later_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    run_sql(path, "UPDATE trajectory SET blob = x'01ff00'")
    sighting = History(engine).sightings()[0].id
    with pytest.raises(DatabaseError, match=r"is damaged \(sighting"):
        History(engine).trajectory(sighting)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 8)
    with pytest.raises(DatabaseError, match="is damaged"):
        History(engine).people()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be opened" in refused(tmp_path / "file" / "h.db", create=True)


def test_reading_works_while_another_holds_the_file_and_writing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    monkeypatch.setattr(database, "BUSY_S", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        engine = open_database(path, create=True)
        assert len(History(engine).people()) == 2
        with pytest.raises(DatabaseError, match="is locked by another program"):
            writer(engine)
    assert not path.with_name("h.db.lock").exists()


ANOTHER_READER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as reader:
    print(reader.execute("SELECT count(*) FROM footage").fetchone()[0])
"""


def test_asking_in_the_writing_program_hides_nothing_from_others(tmp_path: Path) -> None:
    """Closing any descriptor of the file lets go of SQLite's locks on it, and others take it over."""
    path = tmp_path / "history.db"

    def seen_by_another() -> int:
        done = subprocess.run(
            [sys.executable, "-c", ANOTHER_READER, str(path)], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    with writer(open_database(path, create=True)) as record:
        for count in range(1, 4):
            record.footage(f"camera {count}", uri="a.mp4", start=0.0, width=32, height=24)
            record.flush()
            History(open_database(path, create=False)).people()
            assert seen_by_another() == count
    assert seen_by_another() == 3


def test_an_error_of_ours_is_no_database_error(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    run_sql(tmp_path / "h.db", "DROP TABLE portrait")
    with pytest.raises(Exception, match="no such table") as caught:
        History(engine).portraits()
    assert not isinstance(caught.value, DatabaseError)


def migrations_with(folder: Path, more: str = "pass") -> Path:
    """Our migrations and one that a later version might bring."""
    copy = shutil.copytree(MIGRATIONS, folder / "migrations 50%")
    text = NEXT.format(more=more, version=NEXT_VERSION, before=THIS_VERSION)
    (copy / "versions" / f"{NEXT_VERSION}_note.py").write_text(text)
    return copy


def test_an_upgrade_keeps_the_rows_and_a_copy_of_what_was(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    people = History(engine).people()
    upgrade(path, migrations_with(tmp_path))
    assert run_sql(path, "SELECT version_num FROM alembic_version") == [(NEXT_VERSION,)]
    assert run_sql(path, "SELECT id, name, note FROM identity") == [(1, "Ann", None), (2, None, None)]
    assert History(open_database(tmp_path / f"h.db.schema{schema.VERSION}", create=False)).people() == people


def test_an_upgrade_without_rows_leaves_no_copy(tmp_path: Path) -> None:
    open_database(tmp_path / "h.db", create=True)
    upgrade(tmp_path / "h.db", migrations_with(tmp_path))
    assert sorted(p.name for p in tmp_path.glob("h.db*")) == ["h.db"]


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    with pytest.raises(RuntimeError, match="half way"):
        upgrade(path, migrations_with(tmp_path, "raise RuntimeError('half way')"))
    assert run_sql(path, "SELECT version_num FROM alembic_version") == [(THIS_VERSION,)]
    assert "note" not in [row[1] for row in run_sql(path, "PRAGMA table_info(identity)")]
    assert len(History(engine).people()) == 2


SLOW = """op.execute("CREATE TABLE much AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \\
    LIMIT 1000000) SELECT i FROM n")"""


def test_an_upgrade_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    told: list[tuple[str, float | None]] = []
    upgrade(path, migrations_with(tmp_path, SLOW), progress=lambda *what: told.append(what) or True)
    assert dict.fromkeys(what for what, _ in told) == dict.fromkeys(
        ("a copy of it is made first", "its tables are changed")
    )
    shares = [share for _, share in told if share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("at", ["a copy of it is made first", "its tables are changed"])
def test_an_upgrade_that_is_stopped_changes_nothing(tmp_path: Path, at: str) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    with pytest.raises(UpgradeStoppedError, match="is as it was"):
        upgrade(path, migrations_with(tmp_path, SLOW), progress=lambda what, share: what != at)
    assert run_sql(path, "SELECT version_num FROM alembic_version") == [(THIS_VERSION,)]
    assert not list(tmp_path.glob("*.part"))
    assert len(History(engine).people()) == 2


def test_an_upgrade_waits_for_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.db"
    with writer(small_history(path)):
        monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
        assert "another run" in refused(path)


def test_an_upgrade_with_no_room_for_the_copy_is_not_begun(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    (tmp_path / f"h.db.schema{schema.VERSION}").mkdir()
    with pytest.raises(DatabaseError, match="was not upgraded, because no copy"):
        upgrade(path, migrations_with(tmp_path))
    assert run_sql(path, "SELECT version_num FROM alembic_version") == [(THIS_VERSION,)]
    assert not (tmp_path / f"h.db.schema{schema.VERSION}.part").exists()


def test_many_threads_ask_one_history(tmp_path: Path) -> None:
    history = History(small_history(tmp_path / "h.db"))
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(len(history.sightings()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [5] * 8


READER = """
import sys, pathlib
from storage.database import DatabaseError, open_database
from storage.history import History
path = pathlib.Path(sys.argv[1])
print(len(History(open_database(path, create=False)).people()))
try:
    open_database(path, create=True)
except DatabaseError as error:
    print(error)
"""


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder whose modes forbid writing to it and its files."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def bound_by_modes(path: Path) -> list[str]:
    """What a process is told for which the modes of files count, as they do not for root."""
    command = [sys.executable, "-c", READER, str(path)]
    if os.getuid() == 0:
        command = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_read_only_folder_answers_questions_and_refuses_a_run(tmp_path: Path) -> None:
    path = tmp_path / "ro" / "h.db"
    small_history(path)
    with read_only(path.parent):
        count, sentence = bound_by_modes(path)
    assert count == "2"
    assert "may not be written" in sentence
    assert "--db" in sentence


def test_who_may_only_read_reads_while_a_run_writes(tmp_path: Path) -> None:
    path = tmp_path / "shared" / "h.db"
    with writer(small_history(path)) as record:
        record_all(record, later_s=100.0)
        record.flush()
        with read_only(path.parent):
            count, _ = bound_by_modes(path)
    assert count == "2"
    assert [file.name for file in path.parent.iterdir()] == ["h.db"]
