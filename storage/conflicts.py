"""Where two people were in one view at once, and so can't be one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.orm import aliased

from storage.people import bounded
from storage.schema import Bound, Camera, Footage, Sighting


@dataclass(frozen=True, slots=True)
class Together:
    """The longest time that two people were in one view. start, end: epoch s; sightings: their ids."""

    camera: str
    start: float
    end: float
    sightings: tuple[int, int]


def together(connection: Connection, a: int, b: int) -> Together | None:
    """Of two identities, which are not merged; None where they never were."""
    first, other = aliased(Sighting), aliased(Sighting)
    its, theirs = aliased(Footage), aliased(Footage)
    start, end = func.max(first.start, other.start), func.min(first.end, other.end)
    longest = connection.execute(select(Bound.value).where(Bound.name == "length")).scalar() or 0.0
    near = and_(other.start < first.end, other.start >= first.start - longest, other.end > first.start)
    query = (
        select(Camera.name, start, end, first.id, other.id)
        .select_from(first)
        .join(its, its.id == first.footage_id)
        .join(other, and_(other.identity_id == b, near))
        .join(theirs, (theirs.id == other.footage_id) & (theirs.camera_id == its.camera_id))
        .join(Camera, Camera.id == its.camera_id)
        .where(first.identity_id == a)
        .order_by((end - start).desc(), first.id, other.id)
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return Together(row[0], bounded(row[1]), bounded(row[2]), (row[3], row[4]))
