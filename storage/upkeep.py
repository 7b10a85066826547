"""Looking after a history: a copy of one that is in use, and whether one is sound and what it lost."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from storage.database import path_of
from storage.errors import DatabaseError, in_plain_words
from storage.schema import PEOPLE_A_BLOCK


def back_up(engine: Engine, copy: Path) -> int:
    """Copy a history, also while a run writes to it, as of one moment; bytes of the copy, which is sound.

    In one step: in several, SQLite would begin anew at each commit of the run, which waits for nothing here.
    Raises DatabaseError where there is something at ``copy``, or it can't be written.
    """
    path, part = path_of(engine), copy.with_name(f"{copy.name}.part")
    if copy.exists():
        raise DatabaseError(f"there is something at {copy}; name another file for the copy")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DatabaseError(f"the history {path} is damaged; 'sightline check-history' tells more")
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DatabaseError(
            f"no copy of the history {path} could be written to {copy} ({why}); make room, or name another "
            "file"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return copy.stat().st_size


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at. sound: whether it is as it should be; what: told in words."""

    name: str
    sound: bool
    what: str


def check(engine: Engine) -> list[Found]:
    """Is the file whole, does all point to something, is what is kept what the rows say, what was lost."""
    with in_plain_words(path_of(engine)), engine.connect() as connection:

        def ask(sql: str) -> list[Any]:
            return list(connection.exec_driver_sql(sql))

        whole = [row[0] for row in ask("PRAGMA integrity_check(20)")]
        dangling = ask("PRAGMA foreign_key_check")
        found = [
            Found("file", whole == ["ok"], "whole" if whole == ["ok"] else "; ".join(whole)),
            Found("references", not dangling, _count(len(dangling), "row points", "rows point") + " nowhere"),
        ]
        found += [_found(name, ask(sql)[0][0], one, many) for name, sql, one, many in _FAULTS]
        found += [_note(name, ask(sql)[0][0], one, many) for name, sql, one, many in _NOTES]
    return found


def _found(name: str, number: int, one: str, many: str) -> Found:
    return Found(name, number == 0, _count(number, one, many))


def _note(name: str, number: int, one: str, many: str) -> Found:
    return Found(name, True, _count(number, one, many))


def _count(number: int, one: str, many: str) -> str:
    return f"{number or 'no'} {one if number == 1 else many}"


_FAULTS = (
    (
        "times",
        "SELECT count(*) FROM sighting "
        'WHERE NOT (start BETWEEN -1e9 AND 1e10 AND "end" BETWEEN start AND 1e10)',
        "sighting with a time that can't be",
        "sightings with a time that can't be",
    ),
    (
        "trajectories",
        "SELECT count(*) FROM trajectory WHERE substr(blob, 1, 1) IS NOT x'01'",
        "part can't be read",
        "parts that can't be read",
    ),
    (
        "people",
        "SELECT abs((SELECT coalesce(sum(sightings), 0) FROM seen) - "
        "(SELECT count(*) FROM sighting WHERE identity_id IS NOT NULL))",
        "sighting is counted wrongly",
        "sightings are counted wrongly",
    ),
    (
        "templates",
        "SELECT count(*) FROM template LEFT JOIN portrait ON portrait.id = portrait_id "
        "WHERE portrait.vector IS NOT template.vector",
        "template is no portrait's",
        "templates are no portrait's",
    ),
    (
        "centroids",
        "SELECT count(*) FROM (SELECT DISTINCT identity_id AS who, model_id AS model FROM template) "
        f"LEFT JOIN centroids ON model_id = model AND block = who / {PEOPLE_A_BLOCK} WHERE coalesce(substr("
        f"vectors, who % {PEOPLE_A_BLOCK} * (length(vectors) / {PEOPLE_A_BLOCK}) + 1, 4), zeroblob(4)) "
        "= zeroblob(4) AND who NOT IN (SELECT identity_id FROM stale)",
        "person can't be found by a picture",
        "people can't be found by a picture",
    ),
)
_NOTES = (
    (
        "runs",
        "SELECT count(*) FROM run WHERE ended IS NULL",
        "run has no end: it goes on, or was killed, and its last second is lost",
        "runs have no end: they go on, or were killed, and their last seconds are lost",
    ),
    (
        "erasures",
        "SELECT count(*) FROM erasure WHERE done IS NULL",
        "order to forget is to be carried out; 'sightline forget' does it",
        "orders to forget are to be carried out; 'sightline forget' does it",
    ),
    (
        "corrections",
        "SELECT count(*) FROM unlaid",
        "correction is carried out in part: it goes on, or was killed, and the next change goes on with it",
        "corrections are carried out in part: the next change goes on with them",
    ),
    (
        "waiting",
        "SELECT count(*) FROM stale",
        "person whose templates are to be chosen anew, by the next run",
        "people whose templates are to be chosen anew, by the next run",
    ),
)
