"""One sighting cut at a moment into two, and the two joined again: trajectory, portraits, times, evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from storage.packing import Trajectory, pack, unpack
from storage.schema import CorrectionSighting, Portrait, Sighting
from storage.schema import Trajectory as Chunk

CUT = "cut"
"""The role, in a correction, of the sighting that keeps its beginning."""

_KEPT = ("run_id", "footage_id", "identity_id", "decided_id", "probability", "end")


def span_of_points(connection: Connection, sighting: int) -> tuple[float, float] | None:
    """The times of a sighting's first and last point; None where it has none."""
    span = select(func.min(Chunk.start), func.max(Chunk.end)).where(Chunk.sighting_id == sighting)
    first, last = connection.execute(span).one()
    return None if first is None else (first, last)


def cut(connection: Connection, sighting: int, at: float) -> int:
    """What a sighting showed from ``at`` on (epoch seconds, inside its span of points) is one of its own.

    The new sighting's id. It is of the same run, under a number below 0, which no run gives.
    """
    row = connection.execute(select(*Sighting.__table__.c).where(Sighting.id == sighting)).one()
    lowest = select(func.min(Sighting.number)).where(Sighting.run_id == row.run_id)
    values: dict[str, Any] = {name: getattr(row, name) for name in _KEPT}
    values |= {"number": min(connection.execute(lowest).scalar_one(), 0) - 1, "start": at}
    later = connection.execute(insert(Sighting).values(values).returning(Sighting.id)).scalar_one()
    _divide(connection, sighting, later, at)
    _hand_on(connection, sighting, later, since=at)
    return int(later)


def _divide(connection: Connection, sighting: int, later: int, at: float) -> None:
    """The trajectory, the chunk that the moment lies in too; and each part's times by its points."""
    chunks = select(*Chunk.__table__.c).where(Chunk.sighting_id == sighting, Chunk.end >= at)
    for row in connection.execute(chunks).all():
        way = unpack(row.blob)
        before = int(np.searchsorted(way.times, at))
        if 0 < before < len(way):
            first, rest = _part(way, slice(None, before)), _part(way, slice(before, None))
            connection.execute(update(Chunk).where(Chunk.id == row.id).values({**first, "start": row.start}))
            connection.execute(insert(Chunk).values({**rest, "end": row.end, "sighting_id": later}))
        elif not before:
            connection.execute(update(Chunk).where(Chunk.id == row.id).values(sighting_id=later))
    for id_, column in ((sighting, Sighting.end), (later, Sighting.start)):
        span = span_of_points(connection, id_)
        assert span is not None, "the moment lies between two points"
        time = span[1] if id_ == sighting else span[0]
        connection.execute(update(Sighting).where(Sighting.id == id_).values({column: time}))


def _part(way: Trajectory, rows: slice) -> dict[str, Any]:
    part = Trajectory(way.times[rows], way.frames[rows], way.boxes[rows], way.scores[rows])
    times = part.times
    return {"start": float(times[0]), "end": float(times[-1]), "points": len(part), "blob": pack(part)}


def _hand_on(connection: Connection, giver: int, taker: int, *, since: float) -> None:
    """Portraits from a moment on, and the word of later decisions that they were held against them."""
    shown = Portrait.sighting_id == giver, Portrait.time >= since
    connection.execute(update(Portrait).where(*shown).values(sighting_id=taker))
    held = Sighting.nearest_sighting == giver, Sighting.nearest_time >= since
    connection.execute(update(Sighting).where(*held).values(nearest_sighting=taker))


def parts_of(connection: Connection, correction: int) -> tuple[int | None, int | None]:
    """The sighting that a correction cut, and the later part it made of it; None where it cut none."""
    about = CorrectionSighting
    query = select(about.sighting_id).where(about.correction_id == correction, about.role == CUT)
    first = connection.execute(query).scalar()
    if first is None:
        return None, None
    query = select(about.sighting_id).where(about.correction_id == correction, about.role == "moved")
    return first, connection.execute(query).scalar()


def join(connection: Connection, correction: int) -> None:
    """What that correction cut is one sighting again; the part it made is gone, and from the journal too."""
    first, later = parts_of(connection, correction)
    assert first is not None, "the correction is a cut"
    assert later is not None, "nothing later is about what it made"
    end = connection.execute(select(Sighting.end).where(Sighting.id == later)).scalar_one()
    connection.execute(update(Chunk).where(Chunk.sighting_id == later).values(sighting_id=first))
    _hand_on(connection, later, first, since=0.0)
    connection.execute(update(Sighting).where(Sighting.id == first).values(end=end))
    connection.execute(delete(Sighting).where(Sighting.id == later))
