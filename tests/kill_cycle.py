"""A live run killed at a moment of one's choosing, and what its database must be like after that."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

STARTED_S = 120.0  # a first run converts the detector, which takes long on a busy machine


@dataclass(frozen=True, slots=True)
class Held:
    """What a database holds. ids: sighting's row -> identity. points, portraits: rows in all.

    last: the newest moment that is on disk, epoch seconds; 0 without any.
    """

    ids: dict[int, int | None]
    people: frozenset[int]
    points: int
    portraits: int
    last: float

    @staticmethod
    def of(database: Path) -> Held:
        """Of a database that may not be there yet."""
        if not database.exists():
            return Held({}, frozenset(), 0, 0, 0.0)
        with closing(sqlite3.connect(database)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sighting'").fetchone():
                return Held({}, frozenset(), 0, 0, 0.0)
            ids = dict(connection.execute("SELECT id, identity_id FROM sighting"))
            people = frozenset(row[0] for row in connection.execute("SELECT id FROM identity"))
            (points,) = connection.execute("SELECT coalesce(sum(points), 0) FROM trajectory").fetchone()
            (portraits,) = connection.execute("SELECT count(*) FROM portrait").fetchone()
            (last,) = connection.execute("SELECT coalesce(max(end), 0) FROM footage").fetchone()
            return Held(ids, people, int(points), int(portraits), float(last))


def problems(database: Path) -> list[str]:
    """What SQLite finds wrong with the file; empty where it is sound."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        return found


def lost(before: Held, after: Held) -> list[str]:
    """What was committed before and is not there after."""
    missing = []
    if before.ids.keys() - after.ids.keys():
        missing.append(f"sightings {sorted(before.ids.keys() - after.ids.keys())}")
    if before.people - after.people:
        missing.append(f"people {sorted(before.people - after.people)}")
    if after.points < before.points or after.portraits < before.portraits:
        missing.append("points or portraits")
    return missing


def start(config: Path, log: Path, more: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """`sightline watch` with a log of JSON, as a service runs it. more: further options."""
    command = [sys.executable, "-m", "app.cli", "watch", "--config", str(config), "--log", "json", *more]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, env=dict(os.environ))


def kill(process: subprocess.Popen[bytes]) -> float:
    """kill -9; the moment of it, epoch seconds."""
    process.kill()
    moment = time.time()
    process.wait(timeout=30)
    return moment


def until_running(process: subprocess.Popen[bytes], log: Path, event: str = "running") -> None:
    """Waits for an event in the log. Raises AssertionError where it does not come."""
    deadline = time.monotonic() + STARTED_S
    while f'"event": "{event}"' not in log.read_text(encoding="utf-8"):
        assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        assert time.monotonic() < deadline, f"no {event} in {STARTED_S:g} s"
        time.sleep(0.05)
