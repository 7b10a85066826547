"""A history of any size, made by SQL: of an earlier schema, so that what an upgrade takes is measured too."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from alembic import command
from alembic.config import Config

from storage.database import MIGRATIONS, _engine, writing
from storage.packing import Trajectory, pack

CAMERAS = 16
A_DAY = 80_000  # visits of a busy site
VISITS = 10  # of a person
REVISED = 0.35  # revisions by runs, a sighting
CORRECTED = 1000  # corrections by people
DIMENSION = 256
MODEL = "bench"
WITHOUT_JOURNAL = "0001"
BEGIN = 1_700_000_000.0
_AT_ONCE = 5000


def make_history(
    path: Path,
    *,
    sightings: int,
    portraits: int,
    jpeg: int,
    schema: str = "0004",
    visits: int = VISITS,
    pictures: Sequence[bytes] = (),
) -> None:
    """portraits: of a sighting. jpeg: bytes of a picture, at random where no pictures are given. visits: of a
    person.
    """
    empty(path, schema)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA journal_mode = MEMORY")
        file.execute("BEGIN")
        noise = np.random.default_rng(1)
        site(file, sightings, sightings // visits + 1)
        _fill(file, sightings, visits, portraits, pictures or [noise.bytes(jpeg) for _ in range(64)])
        if schema != WITHOUT_JOURNAL:
            file.execute("UPDATE sighting SET decided_id = identity_id")
            _correct(file, sightings, visits)
        file.execute("COMMIT")
        file.execute("PRAGMA journal_mode = WAL")


def empty(path: Path, schema: str) -> None:
    """A history without a row, of that schema."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(_engine(path, "rw")).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema)


def step_s() -> float:
    """From one visit to the next."""
    return 86400.0 / A_DAY


def site(file: sqlite3.Connection, sightings: int, people: int) -> None:
    """A run with a source a camera, and people whom nobody has seen yet."""
    end = BEGIN + sightings * step_s()
    file.execute("INSERT INTO run VALUES (1, ?, ?, 'bench', '0')", (BEGIN, end))
    file.execute("INSERT INTO model VALUES (1, ?, ?)", (MODEL, DIMENSION))
    for camera in range(1, CAMERAS + 1):
        file.execute("INSERT INTO camera VALUES (?, ?)", (camera, f"camera {camera}"))
        row = (camera, camera, "x", BEGIN, end, 1280, 720, 10)
        file.execute("INSERT INTO footage VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?)", row)
    rows = ((number, BEGIN) for number in range(1, people + 1))
    file.executemany("INSERT INTO identity (id, created) VALUES (?, ?)", rows)


def _fill(
    file: sqlite3.Connection, sightings: int, visits: int, portraits: int, pictures: Sequence[bytes]
) -> None:
    dice, noise = random.Random(1), np.random.default_rng(1)
    blob = way()
    for first in range(1, sightings + 1, _AT_ONCE):
        some = range(first, min(first + _AT_ONCE, sightings + 1))
        rows = [_sighting(number, dice, visits) for number in some]
        file.executemany(
            'INSERT INTO sighting (id, run_id, number, footage_id, identity_id, start, "end", '
            "probability, distance, crops) VALUES (?, 1, ?, ?, ?, ?, ?, 0.9, 0.3, 5)",
            rows,
        )
        file.executemany(
            'INSERT INTO trajectory (sighting_id, start, "end", points, blob) VALUES (?, ?, ?, 50, ?)',
            ((row[0], row[4], row[5], blob) for row in rows),
        )
        vectors = noise.normal(size=(len(rows) * portraits, DIMENSION)).astype("<f2")
        file.executemany(
            "INSERT INTO portrait (sighting_id, model_id, time, quality, vector, jpeg) "
            "VALUES (?, 1, ?, ?, ?, ?)",
            _portraits(rows, vectors, pictures, portraits, dice),
        )


def _sighting(
    number: int, dice: random.Random, visits: int
) -> tuple[int, int, int, int | None, float, float]:
    """A person's visits lie close together; one in twenty is not decided."""
    person = None if dice.random() < 0.05 else max(1, number // visits + -dice.randint(0, 5))
    start = BEGIN + number * step_s()
    length = min(math.exp(dice.gauss(2.0, 0.8)), 3600.0)
    return number, number, dice.randint(1, CAMERAS), person, start, start + length


def _portraits(
    rows: list[tuple[int, int, int, int | None, float, float]],
    vectors: np.ndarray,
    pictures: Sequence[bytes],
    portraits: int,
    dice: random.Random,
) -> Iterator[tuple[int, float, float, bytes, bytes]]:
    for k, vector in enumerate(vectors):
        row = rows[k // portraits]
        yield row[0], row[4] + k % portraits, dice.random(), vector.tobytes(), pictures[k % len(pictures)]


def way() -> bytes:
    """Ten seconds at five frames a second."""
    times = np.arange(50) / 5
    boxes = (np.array([[100, 50, 160, 210]]) + np.arange(50)[:, None]).astype(np.float32)
    return pack(Trajectory(times, np.arange(50), boxes, np.full(50, 0.7, np.float32)))


def _correct(file: sqlite3.Connection, sightings: int, visits: int) -> None:
    """What runs thought better of, and moves by people, in the journal of that schema."""
    dice = random.Random(2)
    number = 0
    for kind, author, count in (
        ("revise", "machine", int(REVISED * sightings)),
        ("move", "person", CORRECTED),
    ):
        for _ in range(count):
            number += 1
            sighting = dice.randint(1, sightings)
            before, after = (max(1, sighting // visits + -dice.randint(0, 5)) for _ in range(2))
            row = (number, BEGIN, author, kind)
            file.execute("INSERT INTO correction (id, time, author, kind) VALUES (?, ?, ?, ?)", row)
            file.execute(
                "INSERT INTO correction_identity (correction_id, identity_id, other_id) VALUES (?, ?, ?)",
                (number, before, after),
            )
            file.execute(
                "INSERT INTO correction_sighting (correction_id, sighting_id, role, identity_id, before_id, "
                "probability) VALUES (?, ?, 'moved', ?, ?, 0.8)",
                (number, sighting, after, before),
            )
            if kind == "move":
                file.execute(
                    "UPDATE sighting SET identity_id = ?, placed_by = ?, placed_probability = 1 WHERE id = ?",
                    (after, number, sighting),
                )
