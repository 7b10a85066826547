"""Which two pictures a decision compared: noted by a run, told by the history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_history import MODEL, SIGHTINGS, leaning, picture, record_all, small_history, unit, writer
from sqlalchemy import Engine, delete

from storage import schema
from storage.compared import PictureRow
from storage.history import History
from tracker.types import Evidence, Portrait, Sighting

WHY = Evidence(0.3, 1.0, 1, 0.35, 2, picture_time=22.0, nearest_sighting=3, nearest_time=19.0)
"""Sighting 4's second picture (shade 140) was held against the first one of sighting 3 (shade 30)."""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """tests/small_history.py, with the pictures noted that made sighting 4 person 2."""
    engine = small_history(tmp_path / "empty.db")
    with writer(engine) as record:
        record_all(record, later_s=100.0)
        seen = replace(SIGHTINGS[3], start=121.0, end=123.0)
        later = replace(WHY, picture_time=122.0, nearest_time=119.0)
        record.sighting(replace(seen, evidence=later))
    return engine


def last(history: History, start: float) -> int:
    return next(row.id for row in history.sightings() if row.start == start)


def shade(row: PictureRow) -> int:
    return round(float(cv2.imdecode(np.frombuffer(row.jpeg, np.uint8), cv2.IMREAD_COLOR).mean()))


def test_the_two_pictures_of_a_decision(engine: Engine) -> None:
    history = History(engine)
    which, nearest = last(history, 121.0), last(history, 119.0)
    (row,) = (row for row in history.sightings() if row.id == which)
    assert row.evidence == replace(WHY, picture_time=122.0, nearest_sighting=nearest, nearest_time=119.0)
    found = history.compared([row.id for row in history.sightings()])
    assert list(found) == [which]  # nothing was noted of any other
    pair = found[which]
    assert (pair.own.sighting, pair.own.time, pair.own.camera, pair.own.person) == (which, 122.0, "left", 2)
    assert (pair.nearest.sighting, pair.nearest.time, pair.nearest.camera) == (nearest, 119.0, "right")
    assert [shade(pair.own), shade(pair.nearest)] == pytest.approx([140, 30], abs=2)


def test_told_of_one_that_is_reported_with_it_and_after_it(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with writer(engine, commit_s=1e6) as record:
        record.footage("left", uri="x", start=200.0, width=1, height=1)
        why = Evidence(0.2, 1.0, None, None, 3, picture_time=210.0, nearest_sighting=2, nearest_time=200.0)
        record.sighting(Sighting(1, "left", 210.0, 211.0, 9, 0.9, why))
        record.sighting(Sighting(2, "left", 200.0, 201.0, 9, 0.9))
        record.portrait(1, Portrait(210.0, 0.5, unit(0), picture(10)))
        record.portrait(2, Portrait(200.0, 0.5, unit(0), picture(20)))
    history = History(engine)
    (pair,) = history.compared([last(history, 210.0)]).values()
    assert (pair.nearest.sighting, shade(pair.nearest)) == (last(history, 200.0), 20)


def test_an_earlier_runs_picture_is_named_by_its_id(engine: Engine) -> None:
    history = History(engine)
    (ann,) = (known for known in history.identities(MODEL) if known.id == 1)
    row = [(time, sighting) for sighting, time in ann.taken].index((11.0, last(history, 10.0)))
    assert ann.embeddings[row] == pytest.approx(leaning(1), abs=1e-3)  # sighting 1's second picture
    sighting, time = ann.taken[row]
    with writer(engine) as record:
        record.footage("left", uri="x", start=300.0, width=1, height=1)
        why = Evidence(
            0.1, 1.0, None, None, 3, picture_time=300.0, nearest_sighting=-sighting, nearest_time=time
        )
        record.sighting(Sighting(1, "left", 300.0, 301.0, 1, 0.9, why))
        record.portrait(1, Portrait(300.0, 0.5, unit(0), picture(60)))
    (pair,) = history.compared([last(history, 300.0)]).values()
    assert (pair.nearest.sighting, pair.nearest.time, shade(pair.nearest)) == (sighting, 11.0, 110)


def test_a_picture_that_is_gone_has_the_next_in_its_place_or_none(engine: Engine) -> None:
    history = History(engine)
    which, nearest = last(history, 121.0), last(history, 119.0)
    portrait = schema.Portrait
    with engine.begin() as connection:
        connection.execute(delete(portrait).where(portrait.sighting_id == nearest, portrait.time == 119.0))
    assert history.compared([which])[which].nearest.time == 120.0
    with engine.begin() as connection:
        connection.execute(delete(portrait).where(portrait.sighting_id == nearest))
    assert history.compared([which]) == {}
