"""Recorded footage in the history: which file shows a camera when. The files are written by others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from storage import schema
from storage.batches import in_batches
from storage.cameras import camera_row


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A file that shows a camera from ``start``, where its own time is 0, to ``end``. bytes: its size."""

    camera: str
    path: str
    start: float
    end: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a sighting can be seen: in the file at ``path``, from ``offset_s`` on for ``seconds``."""

    path: str
    offset_s: float
    seconds: float


class Segments:
    """What was said of segments and is not committed yet. Every call comes from one thread."""

    def __init__(self) -> None:
        self._said: dict[str, SegmentRow | None] = {}

    @property
    def pending(self) -> bool:
        return bool(self._said)

    def say(self, path: str, row: SegmentRow | None) -> None:
        """From now on the file is like that; None: it is gone."""
        self._said[path] = row

    def write(self, connection: Connection) -> None:
        """Write it all, inside the transaction that is open on the connection; `settle` once that is done."""
        segment = schema.Segment
        for path, row in self._said.items():
            if row is None:
                connection.execute(delete(segment).where(segment.path == path))
                continue
            values: dict[str, Any] = {"start": row.start, "end": row.end, "bytes": row.bytes}
            camera = camera_row(connection, row.camera)
            statement = insert(segment).values(camera_id=camera, path=path, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=values))

    def settle(self) -> None:
        """What was written is committed."""
        self._said.clear()


def all_segments(
    connection: Connection,
    *,
    since: float | None = None,
    until: float | None = None,
    most: int | None = None,
) -> list[SegmentRow]:
    """By end, the oldest first; at most so many. since, until: those that reach into the span."""
    segment = schema.Segment
    span = [] if since is None else [segment.end >= since]
    span += [] if until is None else [segment.start <= until]
    query = (
        select(schema.Camera.name, segment.path, segment.start, segment.end, segment.bytes)
        .join(schema.Camera, schema.Camera.id == segment.camera_id)
        .where(*span)
        .order_by(segment.end, segment.id)
        .limit(most)
    )
    return [SegmentRow(*row) for row in connection.execute(query)]


def size_of_all(connection: Connection) -> int:
    """Bytes."""
    return connection.execute(select(func.coalesce(func.sum(schema.Segment.bytes), 0))).scalar_one()


def showing(connection: Connection, sightings: list[int]) -> dict[int, list[Shown]]:
    """By sighting, the segments of its camera that reach into it, in order of time."""
    sighting, footage, segment = schema.Sighting, schema.Footage, schema.Segment
    found: dict[int, list[Shown]] = {id_: [] for id_ in sightings}
    for some in in_batches(sightings):
        query = (
            select(sighting.id, sighting.start, sighting.end, segment.path, segment.start, segment.end)
            .join(footage, footage.id == sighting.footage_id)
            .join(segment, segment.camera_id == footage.camera_id)
            .where(sighting.id.in_(some), segment.start <= sighting.end, segment.end > sighting.start)
            .order_by(segment.start)
        )
        for id_, start, end, path, begins, ends in connection.execute(query):
            first = max(start, begins)
            found[id_].append(Shown(path, first - begins, min(end, ends) - first))
    return found
