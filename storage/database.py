"""Opening a history: a SQLite file in WAL mode, of the schema this program knows."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from storage import schema
from storage.errors import DatabaseError as DatabaseError
from storage.errors import in_plain_words
from storage.lock import RunLock
from storage.place import make_private

BUSY_S = 20.0  # how long to wait for another program that is writing; reading never waits
MIGRATIONS = Path(__file__).parent / "migrations"

_PRAGMAS = ("foreign_keys = ON", "synchronous = NORMAL", "secure_delete = ON", "trusted_schema = OFF")
_PAGES, _STEPS = 2_000, 1_000_000
"""Of a copy, and of SQLite's machine, between two words about an upgrade: hundredths of a second."""

Progress = Callable[[str, float | None], bool]
"""Is told what is being done, and the share that is done where that is known; whether to go on."""

_UPGRADE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = OFF",  # tables may be rebuilt
    "secure_delete = ON",
)


def open_database(path: Path, *, create: bool, progress: Progress | None = None) -> Engine:
    """The history at ``path``, ready to be asked and written, brought to this program's schema.

    create: make it, and its folder, where it is missing; without, a missing file is an error. A file or a
    folder that may not be written is opened for reading. Before an upgrade a copy of a history that has runs
    is left beside it as PATH.schemaN. Connections live as long as their use, so nothing needs disposing.
    progress: is told of an upgrade, which takes minutes where a history is large.

    Raises DatabaseError, one sentence: no such file, not a history, damaged, of a newer schema, locked,
    not writable, disk full, upgrade stopped.
    """
    path = path.absolute()
    _check_file(path, create=create)
    writable = os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)
    if create and not writable:
        raise DatabaseError(
            f"the history {path} may not be written; change the permissions of it and its folder, "
            "or name another file with --db"
        )
    engine = _engine(path, "rw" if writable else None)
    with in_plain_words(path):
        _bring_to_schema(engine, create=create, writable=writable, progress=progress)
    return engine


@contextmanager
def existing(path: Path, *, progress: Progress | None = None) -> Iterator[Engine]:
    """A database that must be there, as long as it is used; see open_database. Raises DatabaseError."""
    engine = open_database(path, create=False, progress=progress)
    try:
        yield engine
    finally:
        engine.dispose()


def path_of(engine: Engine) -> Path:
    """The file that an engine of ``open_database`` works on."""
    return Path(str(engine.url.database))


def writing(engine: Engine) -> Engine:
    """The same database, with transactions that are writers from their first statement on."""
    return engine.execution_options(begin="IMMEDIATE")


def _check_file(path: Path, *, create: bool) -> None:
    try:
        if path.is_dir():
            raise DatabaseError(f"{path} is a folder; name a file for the history with --db")
        if create:
            make_private(path.parent)
            _make(path)
        if not path.exists() and not create:
            raise DatabaseError(
                f"there is no history {path}; make one with 'sightline run', or name it with --db"
            )
    except OSError as error:
        raise DatabaseError(
            f"the history {path} cannot be opened ({error.strerror}: {error.filename}); "
            "change the permissions, or name another file with --db"
        ) from error


def _make(path: Path) -> None:
    """An empty file that none but its owner may read, where there is none: SQLite would ask the umask alone.
    What SQLite puts beside it gets the same permissions.
    """
    if os.access(path.parent, os.W_OK):
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _reading(path: Path) -> str:
    """SQLite's parameters for a file that may not be written; where nobody writes it needs no side files."""
    return "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"


def _engine(path: Path, mode: str | None, pragmas: tuple[str, ...] = _PRAGMAS) -> Engine:
    """An engine whose connections live as long as their use. mode: SQLite's; None to read only."""

    def connect() -> sqlite3.Connection:
        uri = f"{path.as_uri()}?{f'mode={mode}' if mode else _reading(path)}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Begin for real: the driver would leave tables made and altered outside of the transaction."""
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _bring_to_schema(engine: Engine, *, create: bool, writable: bool, progress: Progress | None) -> None:
    path = path_of(engine)
    with engine.connect() as connection:
        found = _version(connection, path)
        if found == schema.VERSION:
            _expect_columns(connection, path)
    if found == 0 and not create:
        raise DatabaseError(
            f"the history {path} is empty; fill it with 'sightline run', or name another with --db"
        )
    if found == schema.VERSION:
        return
    if not writable:
        raise DatabaseError(
            f"the history {path} has schema {found} and must be brought to schema {schema.VERSION}, "
            "but may not be written; copy it to a folder that you can write to"
        )
    with RunLock(path):
        upgrade(path, progress=progress)


def _expect_columns(connection: Connection, path: Path) -> None:
    """Raises DatabaseError where a column has another name than it has in this schema, as after damage."""
    query = (
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    )
    there = {tuple(row) for row in connection.exec_driver_sql(query)}
    tables = schema.Base.metadata.sorted_tables
    lost = [
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if (table.name, column.name) not in there
    ]
    if lost:
        raise DatabaseError(
            f"the history {path} is damaged ({lost[0]} is not in it); restore it from a backup, "
            "or name another file with --db"
        )


def _version(connection: Connection, path: Path) -> int:
    """The schema's number, 0 for an empty file."""
    names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    if not names:
        return 0
    row = None
    if "alembic_version" in names and "sighting" in names:
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if not isinstance(row, str) or not row.isdecimal():
        raise DatabaseError(f"{path} is a database of another program; name another file with --db")
    if int(row) > schema.VERSION:
        raise DatabaseError(
            f"the history {path} has schema {int(row)}, newer than schema {schema.VERSION} of this program; "
            "upgrade sightline, or name another file with --db"
        )
    return int(row)


def upgrade(path: Path, migrations: Path = MIGRATIONS, *, progress: Progress | None = None) -> None:
    """Run the migrations still to be run and record them, in one transaction. The caller has the RunLock.

    Where ``progress`` answers that it is to stop, DatabaseError is raised and all is as it was.
    """
    from alembic import command  # Alembic takes longer to load than most questions take to answer
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with writing(_engine(path, "rwc", _UPGRADE_PRAGMAS)).begin() as connection:
        told = _Told(path, progress)
        _back_up(connection, path, told)
        config.attributes["connection"] = connection
        with told.of_changes(connection):
            command.upgrade(config, "head")
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise DatabaseError(
                f"the history {path} is damaged (rows point nowhere); restore it from a backup"
            )


class UpgradeStoppedError(DatabaseError):
    """An upgrade was asked to stop; the history is as it was."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the history {path} was not upgraded and is as it was; open it again to upgrade it")


class _Told:
    """Tells how far an upgrade is, and ends it where that is asked for."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self._path, self._progress = path, progress
        self._stopped = False

    def of_copy(self, status: int, remaining: int, total: int) -> None:
        """As sqlite3 calls it, after some pages. Raises UpgradeStoppedError."""
        if not self._goes_on("a copy of it is made first", 1.0 - remaining / max(1, total)):
            raise UpgradeStoppedError(self._path)

    @contextmanager
    def of_changes(self, connection: Connection) -> Iterator[None]:
        """While the tables are changed. Raises UpgradeStoppedError."""
        driver = connection.connection.driver_connection
        if self._progress is None or driver is None:
            yield
            return
        driver.set_progress_handler(lambda: not self._goes_on("its tables are changed", None), _STEPS)
        try:
            yield
        except OperationalError as error:
            if self._stopped:
                raise UpgradeStoppedError(self._path) from error
            raise
        finally:
            driver.set_progress_handler(None, 0)

    def _goes_on(self, told: str, share: float | None) -> bool:
        if self._progress is not None and not self._stopped:
            self._stopped = not self._progress(told, share)
        return not self._stopped


def _check_room(path: Path) -> None:
    """The copy takes as much as the file, and its log, where every row is written anew, as much again."""
    needed, free = 2 * path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:
        raise DatabaseError(
            f"the history {path} was not upgraded: that takes {needed / 1e9:.3g} GB of free disk, "
            f"{free / 1e9:.3g} are there; make room in its folder"
        )


def _back_up(connection: Connection, path: Path, told: _Told) -> None:
    """Copy a history that has runs to PATH.schemaN; the transaction that is open keeps every writer out."""
    version = _version(connection, path)
    if not version or not connection.exec_driver_sql("SELECT 1 FROM run").first():
        return
    _check_room(path)
    copy = path.with_name(f"{path.name}.schema{version}")
    part = copy.with_name(copy.name + ".part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target, pages=_PAGES, progress=told.of_copy)
        shutil.copymode(path, part)
        part.replace(copy)
    except UpgradeStoppedError:
        part.unlink(missing_ok=True)
        raise
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise DatabaseError(
            f"the history {path} was not upgraded, because no copy of it could be written "
            f"to {copy} ({error}); make room or change the permissions of its folder"
        ) from error
