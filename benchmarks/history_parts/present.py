"""A history of any size in the schema of now, or an earlier one since pictures lie apart, with no upgrade.

People come one after the other and walk from camera to camera; their pictures look alike, others' do not.
Triggers rest meanwhile: what they would have kept is worked out beside.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from history_parts.made import (
    BEGIN,
    CAMERAS,
    CORRECTED,
    DIMENSION,
    REVISED,
    VISITS,
    empty,
    site,
    step_s,
    way,
)
from numpy.typing import NDArray

from storage.database import open_database, writing
from storage.packing import pack_centroid, unpack_vectors
from storage.schema import PEOPLE_A_BLOCK
from storage.templates import MOST, renew

_AT_ONCE = 8 * PEOPLE_A_BLOCK
_ALIKE = 0.75  # of a picture's vector, what is the person's
_WALK_S = 60.0  # from one camera to the next, on average

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Visits:
    """Of some people, by start. person: ids; camera: 1..CAMERAS; known: whether it was decided who it is."""

    person: Integers
    camera: Integers
    start: Numbers
    end: Numbers
    known: NDArray[np.bool_]


def make_present(path: Path, *, sightings: int, portraits: int, jpeg: int, schema: str = "head") -> None:
    """portraits: of a sighting. jpeg: bytes of a picture; 0 for none. schema: 0005 at least."""
    empty(path, schema)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA journal_mode = OFF")
        file.execute("PRAGMA cache_size = -100000")
        file.execute("BEGIN")
        triggers = [row[0] for row in file.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        people = sightings // VISITS
        site(file, sightings, people)
        for first in range(0, people + 1, _AT_ONCE):
            _fill(file, range(max(first, 1), min(first + _AT_ONCE, people + 1)), portraits, jpeg)
        file.execute(
            "UPDATE bound SET value = (SELECT max(\"end\" - start) FROM sighting) WHERE name = 'length'"
        )
        seen = "(SELECT count(DISTINCT identity_id) FROM seen)"
        file.execute(f"UPDATE bound SET value = {seen} WHERE name = 'people'")
        _revise(file, sightings, people)
        for trigger in triggers:
            file.execute(trigger)
        _move(file, sightings, people)
        file.execute("COMMIT")
        file.execute("PRAGMA journal_mode = WAL")
    if schema == "head":
        _renew(path)


def _renew(path: Path) -> None:
    """The templates of whom the moves are about, as `sightline move` does."""
    with writing(open_database(path, create=False)).begin() as connection:
        while renew(connection, most=_AT_ONCE):
            continue


def _fill(file: sqlite3.Connection, people: range, portraits: int, jpeg: int) -> None:
    noise = np.random.default_rng(people.start)
    visits = _visits(people, noise)
    first = VISITS * (people.start - 1) + 1
    _sightings(file, visits, first, noise)
    blob = way()
    ways = zip(visits.start.tolist(), visits.end.tolist(), strict=True)
    file.executemany(
        'INSERT INTO trajectory (sighting_id, start, "end", points, blob) VALUES (?, ?, ?, 50, ?)',
        ((first + k, start, end, blob) for k, (start, end) in enumerate(ways)),
    )
    file.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?)", _seen(visits))
    if portraits:
        _portraits(file, visits, first, portraits, jpeg, noise)


def _visits(people: range, noise: np.random.Generator) -> Visits:
    count = len(people)
    come = BEGIN + (np.arange(people.start, people.stop) - 1) * VISITS * step_s()
    length = np.minimum(np.exp(noise.normal(2.0, 0.8, (count, VISITS))), 3600.0)
    walked = noise.exponential(_WALK_S, (count, VISITS))
    start = come[:, None] + np.cumsum(walked + np.pad(length, ((0, 0), (1, 0)))[:, :-1], axis=1)
    camera = np.cumsum(noise.integers(1, CAMERAS, (count, VISITS)), axis=1) % CAMERAS + 1
    person = np.repeat(np.array(people), VISITS)
    order = np.argsort(start.ravel(), kind="stable")
    return Visits(
        person[order],
        camera.ravel()[order],
        start.ravel()[order],
        (start + length).ravel()[order],
        noise.random(len(order)) > 0.05,
    )


def _sightings(file: sqlite3.Connection, visits: Visits, first: int, noise: np.random.Generator) -> None:
    terms = {
        name: noise.normal(0.0, 4.0, len(visits.person))
        for name in ("prior", "appearance", "transition", "ground")
    }
    there = {row[1] for row in file.execute("PRAGMA table_info(sighting)")}
    told = {name: values for name, values in terms.items() if name in there}
    columns = ["id", "run_id", "number", "footage_id", "identity_id", "decided_id", "start", '"end"']
    columns += ["probability", "distance", "gap_s", "runner_up", "runner_up_distance", "crops", *told]
    marks = ", ".join("?" * len(columns))
    sure = np.round(1.0 - noise.beta(0.5, 8.0, len(visits.person)), 3)

    def rows() -> Iterator[tuple[Any, ...]]:
        for k in range(len(visits.person)):
            who = int(visits.person[k]) if visits.known[k] else None
            other = int(visits.person[k - 1])
            about = (who, who, float(visits.start[k]), float(visits.end[k]), float(sure[k]))
            why = (0.3, 20.0, other, 0.5, 9, *(float(values[k]) for values in told.values()))
            yield (first + k, 1, first + k, int(visits.camera[k]), *about, *why)

    file.executemany(f"INSERT INTO sighting ({', '.join(columns)}) VALUES ({marks})", rows())


def _seen(visits: Visits) -> list[tuple[float, ...]]:
    """As the triggers keep it."""
    rows = np.flatnonzero(visits.known)
    kept: dict[tuple[int, int], list[float]] = {}
    for k in rows.tolist():
        key, start, end = (int(visits.person[k]), int(visits.camera[k])), visits.start[k], visits.end[k]
        row = kept.setdefault(key, [0, 0.0, float(start), float(start), float(end)])
        row[0] += 1
        row[1] += float(end - start)
        if end >= row[4]:
            row[3:] = [float(start), float(end)]
    return [(*key, *row) for key, row in kept.items()]


def _portraits(
    file: sqlite3.Connection,
    visits: Visits,
    first: int,
    portraits: int,
    jpeg: int,
    noise: np.random.Generator,
) -> None:
    count = len(visits.person)
    vectors = _vectors(np.repeat(visits.person, portraits), noise).astype("<f2")
    quality, start = np.round(noise.random(count * portraits), 4), VISITS * portraits
    ids = np.arange(count * portraits) + portraits * (first - 1) + 1
    sighting = first + np.arange(count * portraits) // portraits
    time = np.repeat(visits.start, portraits) + np.tile(np.arange(portraits), count)
    rows = [
        (int(ids[k]), int(sighting[k]), 1, float(time[k]), float(quality[k]), vectors[k].tobytes())
        for k in range(len(ids))
    ]
    file.executemany("INSERT INTO portrait VALUES (?, ?, ?, ?, ?, ?)", rows)
    if jpeg:
        pictures = [noise.bytes(jpeg) for _ in range(64)]
        file.executemany(
            "INSERT INTO picture VALUES (?, ?)", ((row[0], pictures[row[0] % 64]) for row in rows)
        )
    person = np.repeat(np.where(visits.known, visits.person, 0), portraits)
    order = np.lexsort((ids, time, -quality, person))
    templates = list(_templates(rows, person, order, most=min(MOST, start)))
    file.executemany(
        "INSERT INTO template (identity_id, portrait_id, model_id, sighting_id, time, quality, vector) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        templates,
    )
    there = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE name LIKE 'centroid%'")}
    if "centroid" in there:
        file.executemany("INSERT INTO centroid VALUES (?, 1, ?)", _centroids(templates))
    if "centroids" in there:
        file.executemany("INSERT INTO centroids VALUES (1, ?, ?)", _blocks(templates))


def _centroids(templates: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, bytes]]:
    for who, some in groupby(templates, key=itemgetter(0)):
        yield who, pack_centroid(unpack_vectors([row[-1] for row in some]).mean(axis=0))


def _blocks(templates: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, bytes]]:
    for block, some in groupby(_centroids(templates), key=lambda one: one[0] // PEOPLE_A_BLOCK):
        places = {who % PEOPLE_A_BLOCK: vector for who, vector in some}
        nobody = bytes(len(next(iter(places.values()))))
        yield block, b"".join(places.get(place, nobody) for place in range(PEOPLE_A_BLOCK))


def _vectors(people: Integers, noise: np.random.Generator) -> NDArray[np.float32]:
    """Unit rows, of which those of a person are alike."""
    them, which = np.unique(people, return_inverse=True)
    own = np.random.default_rng(int(them[0]) + 10**9).normal(size=(len(them), DIMENSION))
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    other = noise.normal(size=(len(people), DIMENSION))
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    mixed = _ALIKE * own[which] + (1.0 - _ALIKE**2) ** 0.5 * other
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def _templates(
    rows: Sequence[tuple[Any, ...]], person: Integers, order: Integers, *, most: int
) -> Iterator[tuple[Any, ...]]:
    """Of each person the best, in order."""
    last, count = 0, 0
    for k in order.tolist():
        count = count + 1 if person[k] == last else 1
        last = int(person[k])
        if last and count <= most:
            id_, sighting, model, time, quality, vector = rows[k]
            yield last, id_, model, sighting, time, quality, vector


def _revise(file: sqlite3.Connection, sightings: int, people: int) -> None:
    dice = random.Random(2)
    file.executemany(
        "INSERT INTO revision (time, sighting_id, before_id, after_id, probability) VALUES (?, ?, ?, ?, 0.8)",
        (
            (BEGIN, dice.randint(1, sightings), dice.randint(1, people), dice.randint(1, people))
            for _ in range(int(REVISED * sightings))
        ),
    )


def _move(file: sqlite3.Connection, sightings: int, people: int) -> None:
    """Sightings that people gave to somebody else, as `sightline move` writes it down."""
    dice = random.Random(3)
    for number in range(1, CORRECTED + 1):
        sighting, after = dice.randint(1, sightings), dice.randint(1, people)
        query = "SELECT identity_id, placed_by FROM sighting WHERE id = ?"
        before, placed = file.execute(query, (sighting,)).fetchone()
        if placed is not None or before in (None, after):
            continue
        file.execute(
            "INSERT INTO correction (id, time, author, kind) VALUES (?, ?, 'person', 'move')", (number, BEGIN)
        )
        file.execute(
            "INSERT INTO correction_identity (correction_id, identity_id, other_id) VALUES (?, ?, ?)",
            (number, before, after),
        )
        file.execute(
            "INSERT INTO correction_sighting (correction_id, sighting_id, role, identity_id, before_id, "
            "probability) VALUES (?, ?, 'moved', ?, ?, 1)",
            (number, sighting, after, before),
        )
        file.execute(
            "UPDATE sighting SET identity_id = ?, placed_by = ?, placed_probability = 1 WHERE id = ?",
            (after, number, sighting),
        )
        file.executemany("UPDATE identity SET fixed_by = ? WHERE id = ?", [(number, before), (number, after)])
