"""Pictures by where they are kept, and the two that a decision compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from storage.batches import in_batches
from storage.schema import Camera, Footage, Picture, Portrait, Sighting

HAS_PICTURE = (
    select(Picture.portrait_id).where(Picture.portrait_id == Portrait.id).correlate(Portrait).exists()
)
"""Of a portrait: there is a picture beside its vector."""


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A picture, and whose it is. person: None while it is not decided who it is."""

    sighting: int
    person: int | None
    camera: str
    time: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Compared:
    """The most alike of the pictures compared: the sighting's own, and the one it was held against."""

    own: PictureRow
    nearest: PictureRow


def pictures_of(connection: Connection, portraits: Collection[int]) -> dict[int, PictureRow]:
    """By portrait. Those that are gone are left out."""
    found: dict[int, PictureRow] = {}
    for some in in_batches(sorted(set(portraits))):
        query = (
            select(
                Portrait.id,
                Portrait.sighting_id,
                Sighting.identity_id,
                Camera.name,
                Portrait.time,
                Picture.jpeg,
            )
            .join(Picture, Picture.portrait_id == Portrait.id)
            .join(Sighting, Sighting.id == Portrait.sighting_id)
            .join(Footage, Footage.id == Sighting.footage_id)
            .join(Camera)
            .where(Portrait.id.in_(some))
        )
        found |= {row[0]: PictureRow(*row[1:]) for row in connection.execute(query)}
    return found


def compared(connection: Connection, sightings: Collection[int]) -> dict[int, Compared]:
    """By sighting, of those whose pictures were noted and are still there.

    Where the very picture is gone, the one of its sighting that was taken nearest to it stands in.
    """
    noted: dict[int, Any] = {}
    for some in in_batches(sorted(set(sightings))):
        columns = (Sighting.picture_time, Sighting.nearest_sighting, Sighting.nearest_time)
        query = select(Sighting.id, *columns).where(Sighting.id.in_(some))
        for row in connection.execute(query.where(*(column.is_not(None) for column in columns))):
            noted[row.id] = row[1:]
    taken = _taken(connection, {*noted, *(nearest for _, nearest, _ in noted.values())})
    pairs = {
        id_: (_at(taken[id_], time), _at(taken[nearest], nearest_time))
        for id_, (time, nearest, nearest_time) in noted.items()
        if taken[id_] and taken[nearest]
    }
    rows = pictures_of(connection, {portrait for pair in pairs.values() for portrait in pair})
    return {id_: Compared(rows[own], rows[other]) for id_, (own, other) in pairs.items()}


def _taken(connection: Connection, sightings: Collection[int]) -> dict[int, list[tuple[float, int]]]:
    """Of each sighting, when its pictures were taken, and which they are."""
    found: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for some in in_batches(sorted(sightings)):
        query = select(Portrait.sighting_id, Portrait.time, Portrait.id)
        query = query.where(Portrait.sighting_id.in_(some), HAS_PICTURE)
        for sighting, time, id_ in connection.execute(query.order_by(Portrait.id)):
            found[sighting].append((time, id_))
    return found


def _at(pictures: list[tuple[float, int]], time: float) -> int:
    return min(pictures, key=lambda picture: abs(picture[0] - time))[1]
