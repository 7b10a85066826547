"""A small history made by hand, for the tests of what is asked of one.

    left   [10 --- Ann (1) --- 14]              [21 - 2 - 23]     [30 nobody sure 31]
    right          [16 - 1 - 18]  [19 --- 2 --- 25]

The first picture of every sighting is at its start, of quality 0.5; the second a second later, of 0.9.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, update

from storage import schema
from storage.database import open_database
from storage.writer import Writer
from tracker.types import Evidence, Floats, Point, Portrait, Sighting

MODEL = "model-a"
DIMENSION = 4
FPS = 10

SIGHTINGS = (
    Sighting(1, "left", 10.0, 14.0, 1, 0.9, Evidence(None, None, None, None, 3)),
    Sighting(2, "right", 16.0, 18.0, 1, 0.8, Evidence(0.2, 2.0, 2, 0.6, 5)),
    Sighting(3, "right", 19.0, 25.0, 2, 0.95, Evidence(0.5, None, None, None, 4)),
    Sighting(4, "left", 21.0, 23.0, 2, 0.4, Evidence(0.3, 1.0, 1, 0.35, 2)),
    Sighting(5, "left", 30.0, 31.0, None, 0.0),
)


def writer(engine: Engine, *, model: str = MODEL, **more: float) -> Writer:
    return Writer(engine, command="sightline run", version="0.1", model=model, dimension=DIMENSION, **more)


def name_footage(record: Writer, *, start: float = 10.0) -> None:
    record.footage("left", uri="left.mp4", start=start, width=320, height=240)
    record.footage("right", uri="right.mp4", start=start, width=640, height=480)


def unit(k: int) -> Floats:
    """Along axis k."""
    return np.eye(DIMENSION, dtype=np.float32)[k % DIMENSION]


def leaning(k: int) -> Floats:
    """Mostly along axis k, and a little along the next."""
    return np.asarray(0.9 * unit(k) + np.float32(np.sqrt(1 - 0.9**2)) * unit(k + 1), np.float32)


def points(sighting: Sighting, *, begin: float = 10.0) -> list[Point]:
    """Ten a second, ends included: to the right by 2 pixels a step. begin: when the footage began."""
    steps = round((sighting.end - sighting.start) * FPS) + 1
    first = round((sighting.start - begin) * FPS)
    box = np.array([10, 20, 50, 120], np.float32)
    move = np.array([2, 0, 2, 0], np.float32)
    return [Point(sighting.start + k / FPS, first + k, box + k * move, 0.6) for k in range(steps)]


def picture(shade: int) -> np.ndarray:
    return np.full((80, 40, 3), shade, np.uint8)


def record_all(record: Writer, *, later_s: float = 0.0) -> None:
    """Report the whole of it, so much later."""
    begin = 10.0 + later_s
    name_footage(record, start=begin)
    for known in SIGHTINGS:
        sighting = replace(known, start=known.start + later_s, end=known.end + later_s)
        record.sighting(sighting)
        for point in points(sighting, begin=begin):
            record.point(sighting.number, point)
        number, start = sighting.number, sighting.start
        record.portrait(number, Portrait(start, 0.5, unit(number), picture(10 * number)))
        record.portrait(number, Portrait(start + 1, 0.9, leaning(number), picture(10 * number + 100)))
    record.frames("left", 220, begin + 21.9)
    record.frames("right", 200, begin + 19.9)


COMPARED = replace(
    SIGHTINGS[1],
    evidence=Evidence(0.2, 2.0, 2, 0.6, 5, picture_time=17.0, nearest_sighting=1, nearest_time=10.0),
)
"""Sighting 2, noting that its second picture (shade 120) was held against sighting 1's first (shade 10)."""


def small_history(path: Path, *, compared: bool = False) -> Engine:
    """The history drawn above; person 1 is named Ann. compared: with what is noted in COMPARED."""
    engine = open_database(path, create=True)
    with writer(engine) as record:
        record_all(record)
        if compared:
            record.sighting(COMPARED)
    with engine.begin() as connection:
        connection.execute(update(schema.Identity).where(schema.Identity.id == 1).values(name="Ann"))
    return engine


def night_history(path: Path, midnight: float) -> None:
    """One person each at 22:30, at 01:00 and at 05:00. midnight: epoch seconds."""
    with writer(open_database(path, create=True)) as record:
        name_footage(record, start=midnight - 7200)
        for number, hours in enumerate((-1.5, 1.0, 5.0), start=1):
            at = midnight + 3600 * hours
            record.sighting(Sighting(number, "left", at, at + 5.0, number, 0.9))


def made_old(path: Path) -> None:
    """A history as a Sightline of schema 6 left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for trigger in ("seen_made", "seen_gone", "template_gone"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for table in ("centroids", "unlaid", "pending"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM bound WHERE name = 'people'")
        connection.execute("UPDATE alembic_version SET version_num = '0006'")
