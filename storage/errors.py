"""What can go wrong with a history through no fault of ours, in one sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError


class DatabaseError(Exception):
    """The history cannot be used as asked: one sentence that says what is wrong and what to do."""


class UnknownPerson(DatabaseError):  # noqa: N818
    """Nobody of the id asked for was seen."""


class UnknownCamera(DatabaseError):  # noqa: N818
    """No camera has the name asked for."""


class ExportError(Exception):
    """Files cannot be written where they were wanted: one sentence that says why and what to do."""


_REASONS = {
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; make room and start again, "
    "everything up to about the last second is kept",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk is full or failing; check it and start again, "
    "everything up to about the last second is kept",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup, or name another file with --db",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database; name another file with --db",
    sqlite3.SQLITE_BUSY: "is locked by another program that writes to it; close that program and try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program that writes to it; close that program and try again",
    sqlite3.SQLITE_READONLY: "may not be written to; change its permissions, or name another file with --db",
    sqlite3.SQLITE_PERM: "may not be written to; change its permissions, or name another file with --db",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder is there and that you may write to it",
}

_NO_TEXT = "Could not decode to UTF-8"
"""How Python begins to tell that a text of the database is none; there is no code for it."""

_LOCKS = {
    sqlite3.SQLITE_BUSY: "is locked by another program",
    sqlite3.SQLITE_LOCKED: "is locked by another program",
}
_DISK = {
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be written: the disk is full or failing",
    sqlite3.SQLITE_READONLY: "may not be written to just now",
    sqlite3.SQLITE_PERM: "may not be written to just now",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened just now",
}


def passing(error: DBAPIError, *, disk: bool) -> str:
    """What may be over by itself, in words that go on from "the history PATH"; "" where it will not.

    disk: whether that counts which somebody must see to: room on the disk, permissions.
    """
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return _LOCKS.get(code) or (_DISK.get(code, "") if disk else "")


@contextmanager
def in_plain_words(path: Path) -> Iterator[None]:
    """Raise what SQLite says of the file, the disk and other programs as DatabaseError; let our bugs pass."""
    try:
        yield
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if str(error.orig).startswith(_NO_TEXT):
            code = sqlite3.SQLITE_CORRUPT
        if code not in _REASONS:
            raise
        raise DatabaseError(f"the history {path} {_REASONS[code]}") from error
    except UnicodeDecodeError as error:  # of what SQLite says of a damaged schema
        raise DatabaseError(f"the history {path} {_REASONS[sqlite3.SQLITE_CORRUPT]}") from error
