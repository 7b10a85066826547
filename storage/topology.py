"""What was learned of how the cameras lie to each other: kept in the history, and found there again."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.orm import aliased

from storage import schema
from storage.database import path_of, writing
from storage.errors import in_plain_words
from storage.schema import Camera
from tracker.types import ClockOffset, Link, Overlap, Topology


@dataclass(frozen=True, slots=True)
class Learned:
    """A topology, and when it was learned. Its clocks' recordings are the sources' (footage) ids."""

    time: float
    topology: Topology


def save(engine: Engine, topology: Topology) -> Learned:
    """In place of what was saved before. Its cameras and recordings are the history's own."""
    now = time.time()
    with in_plain_words(path_of(engine)), writing(engine).begin() as connection:
        connection.execute(delete(schema.Topology))
        values = {"learned": now, "start": topology.start, "end": topology.end}
        made = insert(schema.Topology).values(**values, visits=json.dumps(topology.visits))
        row = connection.execute(made.returning(schema.Topology.id)).scalar_one()
        cameras: dict[str, int] = {
            name: id_ for id_, name in connection.execute(select(Camera.id, Camera.name))
        }
        for table, rows in (
            (schema.Link, [_link_row(link) for link in topology.links]),
            (schema.Overlap, [asdict(overlap) for overlap in topology.overlaps]),
        ):
            pairs = [_in_ids(values, cameras) | {"topology_id": row} for values in rows]
            if pairs:
                connection.execute(insert(table), pairs)
        if topology.clocks:
            connection.execute(insert(schema.Clock), [_clock_row(c, row) for c in topology.clocks])
    return Learned(now, topology)


def saved(engine: Engine) -> Learned | None:
    """What was saved last, if anything."""
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        row = connection.execute(
            select(*schema.Topology.__table__.c).order_by(schema.Topology.id.desc())
        ).first()
        if row is None:
            return None
        links = [_link(values) for values in _pairs(connection, schema.Link, row.id)]
        overlaps = [
            Overlap(v.first, v.second, v.at_once, v.share, v.height, v.seen)
            for v in _pairs(connection, schema.Overlap, row.id)
        ]
        clocks = tuple(_clocks(connection, row.id))
    known = Topology(tuple(links), tuple(overlaps), json.loads(row.visits), row.start, row.end, clocks)
    return Learned(row.learned, known)


def _link_row(link: Link) -> dict[str, Any]:
    return {
        "first": link.first,
        "second": link.second,
        "ways": link.ways,
        "people": link.people,
        "share": link.share,
        "delay_s": link.delay_s,
        "lower_s": link.middle_half_s[0],
        "upper_s": link.middle_half_s[1],
        "least_s": link.range_s[0],
        "most_s": link.range_s[1],
        "height": link.height,
        "span_start_s": link.span_s[0],
        "span_end_s": link.span_s[1],
        "counts": json.dumps(link.counts),
    }


def _link(row: Any) -> Link:
    return Link(
        row.first,
        row.second,
        row.ways,
        row.people,
        row.share,
        row.delay_s,
        (row.lower_s, row.upper_s),
        (row.least_s, row.most_s),
        row.height,
        (row.span_start_s, row.span_end_s),
        tuple(json.loads(row.counts)),
    )


def _clock_row(clock: ClockOffset, topology: int) -> dict[str, Any]:
    return {
        "topology_id": topology,
        "footage_id": clock.recording,
        "offset_s": clock.offset_s,
        "group": clock.group,
    }


def _in_ids(row: dict[str, Any], cameras: dict[str, int]) -> dict[str, Any]:
    first, second = cameras[row.pop("first")], cameras[row.pop("second")]
    return row | {"first_id": first, "second_id": second}


def _pairs(connection: Connection, table: Any, topology: int) -> list[Any]:
    first, second = aliased(Camera), aliased(Camera)
    query = (
        select(*table.__table__.c, first.name.label("first"), second.name.label("second"))
        .join(first, first.id == table.first_id)
        .join(second, second.id == table.second_id)
        .where(table.topology_id == topology)
        .order_by(table.id)
    )
    return list(connection.execute(query))


def _clocks(connection: Connection, topology: int) -> list[ClockOffset]:
    clock, footage = schema.Clock, schema.Footage
    query = (
        select(clock.footage_id, Camera.name, clock.offset_s, clock.group)
        .join(footage, footage.id == clock.footage_id)
        .join(Camera, Camera.id == footage.camera_id)
        .where(clock.topology_id == topology)
        .order_by(clock.id)
    )
    return [ClockOffset(*row) for row in connection.execute(query)]
