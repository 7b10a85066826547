"""The questions people ask of a history. Nothing here writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select

from storage.compared import HAS_PICTURE, Compared, PictureRow, compared, pictures_of
from storage.database import path_of
from storage.errors import DatabaseError, in_plain_words
from storage.errors import UnknownPerson as UnknownPerson
from storage.packing import Trajectory as Trajectory
from storage.packing import unpack
from storage.schema import Camera, Footage, Identity, Portrait, Sighting
from storage.schema import Trajectory as Chunk
from storage.segments import SegmentRow, Shown, all_segments, showing, size_of_all
from storage.vectors import best_portraits, best_vectors, check_model, last_presences, models_used
from tracker import types

_IDS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person. cameras: by first visit. seconds: the lengths of all sightings, added."""

    id: int
    name: str | None
    first: float
    last: float
    cameras: tuple[str, ...]
    sightings: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SightingRow:
    """One presence on one camera. person: None while it is not decided who it is. footage: a FootageRow's."""

    id: int
    person: int | None
    camera: str
    start: float
    end: float
    probability: float
    evidence: types.Evidence | None
    footage: int


@dataclass(frozen=True, slots=True)
class FootageRow:
    """One source as one run recorded it. start: the time of its first frame."""

    id: int
    run: int
    camera: str
    uri: str
    start: float
    end: float
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True)
class PortraitRow:
    """A good picture of a person. quality: 0..1, comparable within a run."""

    id: int
    sighting: int
    person: int | None
    time: float
    quality: float
    jpeg: bytes


class History:
    """Answers from the database, each of one moment, however long a run has been writing to it.

    Times are seconds since 1970-01-01 UTC. since, until: keep sightings that reach into that span, both ends
    included. Every question raises DatabaseError where the file is damaged, gone or locked.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.path: Path = path_of(engine)

    def people(
        self, *, camera: str | None = None, since: float | None = None, until: float | None = None
    ) -> list[PersonRow]:
        """Who was seen, by first seen; times, cameras and counts are of the sightings asked for."""
        return self._people(_filters(camera=camera, since=since, until=until))

    def person(self, id: int) -> PersonRow:  # noqa: A002
        """One person. Raises UnknownPerson where nobody of that id was seen."""
        rows = self._people([Sighting.identity_id == self.who(id)])
        if not rows:
            raise UnknownPerson(f"nobody in {self.path} has the id {id}; 'sightline people' lists everybody")
        return rows[0]

    def who(self, id: int) -> int:  # noqa: A002
        """Who an id is now: another one where a correction merged it, else the same."""
        with self._asking() as connection:
            into = connection.execute(select(Identity.merged_into).where(Identity.id == id)).scalar()
        return id if into is None else into

    def _people(self, filters: list[ColumnElement[bool]]) -> list[PersonRow]:
        query = (
            select(
                Identity.id,
                Identity.name,
                Camera.name.label("camera"),
                func.min(Sighting.start).label("first"),
                func.max(Sighting.end).label("last"),
                func.count().label("sightings"),
                func.sum(Sighting.end - Sighting.start).label("seconds"),
            )
            .select_from(Sighting)
            .join(Identity, Identity.id == Sighting.identity_id)
            .join(Footage, Footage.id == Sighting.footage_id)
            .join(Camera)
            .where(*filters)
            .group_by(Identity.id, Camera.id)
            .order_by("first", Camera.name)
        )
        visits: dict[int, list[Any]] = defaultdict(list)
        with self._asking() as connection:
            for row in connection.execute(query):
                visits[row[0]].append(row)
        people = [_person(id_, rows) for id_, rows in visits.items()]
        return sorted(people, key=lambda person: (person.first, person.id))

    def sightings(
        self,
        *,
        person: int | None = None,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
        unidentified: bool = False,
    ) -> list[SightingRow]:
        """By start. unidentified: only those of which it was not decided who it is."""
        filters = _filters(camera=camera, since=since, until=until)
        if person is not None:
            filters.append(Sighting.identity_id == self.who(person))
        if unidentified:
            filters.append(Sighting.identity_id.is_(None))
        query = (
            select(
                Sighting.id,
                Sighting.identity_id,
                Camera.name,
                Sighting.start,
                Sighting.end,
                func.coalesce(Sighting.placed_probability, Sighting.probability),
                Sighting.footage_id,
                Sighting.distance,
                Sighting.gap_s,
                Sighting.runner_up,
                Sighting.runner_up_distance,
                Sighting.crops,
                Sighting.picture_time,
                Sighting.nearest_sighting,
                Sighting.nearest_time,
            )
            .join(Footage, Footage.id == Sighting.footage_id)
            .join(Camera)
            .where(*filters)
            .order_by(Sighting.start, Camera.name, Sighting.end, Sighting.id)
        )
        with self._asking() as connection:
            return [_sighting(row) for row in connection.execute(query)]

    def trajectory(self, sighting: int) -> Trajectory:
        """The way of a sighting; no points where the history has no such sighting."""
        return self.trajectories([sighting])[sighting]

    def trajectories(self, sightings: Sequence[int]) -> dict[int, Trajectory]:
        """The ways of many sightings, by their ids."""
        parts: dict[int, list[Trajectory]] = {sighting: [] for sighting in sightings}
        with self._asking() as connection:
            for k in range(0, len(sightings), _IDS_A_QUERY):
                query = (
                    select(Chunk.sighting_id, Chunk.blob)
                    .where(Chunk.sighting_id.in_(sightings[k : k + _IDS_A_QUERY]))
                    .order_by(Chunk.sighting_id, Chunk.start)
                )
                for sighting, blob in connection.execute(query):
                    parts[sighting].append(self._unpacked(sighting, blob))
        return {sighting: Trajectory.joined(some) for sighting, some in parts.items()}

    def _unpacked(self, sighting: int, blob: bytes) -> Trajectory:
        try:
            return unpack(blob)
        except ValueError as error:
            raise DatabaseError(
                f"the history {self.path} is damaged (sighting {sighting}: {error}); restore it from a backup"
            ) from error

    def portraits(
        self,
        *,
        person: int | None = None,
        sighting: int | None = None,
        most: int | None = None,
        each: int | None = None,
    ) -> list[PortraitRow]:
        """Pictures, best first. most: at most so many in all. each: at most so many of any one sighting.

        Portraits of which there is a vector alone are none.
        """
        filters: list[ColumnElement[bool]] = [HAS_PICTURE]
        if person is not None:
            filters.append(Sighting.identity_id == self.who(person))
        if sighting is not None:
            filters.append(Portrait.sighting_id == sighting)
        if each is not None:
            filters.append(Portrait.id.in_(best_portraits(Portrait.sighting_id, each, filters)))
        query = (
            select(
                Portrait.id,
                Portrait.sighting_id,
                Sighting.identity_id,
                Portrait.time,
                Portrait.quality,
                Portrait.jpeg,
            )
            .join(Sighting)
            .where(*filters)
            .order_by(Portrait.quality.desc(), Portrait.time, Portrait.id)
            .limit(most)
        )
        with self._asking() as connection:
            return [PortraitRow(*row) for row in connection.execute(query)]

    def footage(self, camera: str | None = None) -> list[FootageRow]:
        """What was recorded, by start."""
        query = (
            select(
                Footage.id,
                Footage.run_id,
                Camera.name,
                Footage.uri,
                Footage.start,
                Footage.end,
                Footage.width,
                Footage.height,
                Footage.frames,
            )
            .join(Camera)
            .where(*([Camera.name == camera] if camera is not None else []))
            .order_by(Footage.start, Camera.name, Footage.id)
        )
        with self._asking() as connection:
            return [FootageRow(*row) for row in connection.execute(query)]

    def shown(self, sightings: Sequence[int]) -> dict[int, list[Shown]]:
        """By sighting, the recorded files that show it, in order of time."""
        with self._asking() as connection:
            return showing(connection, list(sightings))

    def pictures(self, portraits: Collection[int]) -> dict[int, PictureRow]:
        """By portrait, with whose they are; those that are gone are left out."""
        with self._asking() as connection:
            return pictures_of(connection, portraits)

    def compared(self, sightings: Sequence[int]) -> dict[int, Compared]:
        """By sighting, the two pictures that were compared when it was decided; without those of no note."""
        with self._asking() as connection:
            return compared(connection, sightings)

    def segments(self, *, most: int | None = None) -> list[SegmentRow]:
        """The files of recorded footage, by end, the oldest first; at most so many."""
        with self._asking() as connection:
            return all_segments(connection, most=most)

    def segment_bytes(self) -> int:
        """How large they are in all."""
        with self._asking() as connection:
            return size_of_all(connection)

    def held(self, camera: str, start: float, end: float) -> bool:
        """Whether footage of the camera reaches into the time between start and end, or starts with it."""
        query = (
            select(Footage.id)
            .join(Camera)
            .where(
                Camera.name == camera,
                or_(Footage.start == start, and_(Footage.end > start, Footage.start < end)),
            )
            .limit(1)
        )
        with self._asking() as connection:
            return connection.execute(query).first() is not None

    def cameras(self) -> list[str]:
        """By name."""
        with self._asking() as connection:
            return list(connection.scalars(select(Camera.name).order_by(Camera.name)))

    def models(self) -> list[str]:
        """The fingerprints of the models whose vectors are here."""
        with self._asking() as connection:
            return models_used(connection)

    def last_identity(self) -> int:
        """The highest identity given so far, 0 where there is none."""
        with self._asking() as connection:
            return connection.execute(select(func.max(Identity.id))).scalar() or 0

    def identities(self, model: str, *, most: int = 8) -> list[types.Identity]:
        """Everybody who has vectors of that model, by id, with the best ``most`` of them: a gallery's start.

        Raises DatabaseError where the history has vectors, but none of that model.
        """
        with self._asking() as connection:
            check_model(connection, model, self.path)
            vectors = best_vectors(connection, model, most)
            seen = last_presences(connection)
            names = {row.id: row.name for row in connection.execute(select(Identity.id, Identity.name))}
        return [
            types.Identity(id_, names[id_], rows, seen[id_], taken) for id_, (rows, taken) in vectors.items()
        ]

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        with in_plain_words(self.path), self._engine.connect() as connection:
            yield connection


def _filters(*, camera: str | None, since: float | None, until: float | None) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if camera is not None:
        filters.append(Camera.name == camera)
    if since is not None:
        filters.append(Sighting.end >= since)
    if until is not None:
        filters.append(Sighting.start <= until)
    return filters


def _person(id_: int, visits: list[Any]) -> PersonRow:
    """Put together from one row a camera, by first visit."""
    return PersonRow(
        id=id_,
        name=visits[0].name,
        first=visits[0].first,
        last=max(visit.last for visit in visits),
        cameras=tuple(visit.camera for visit in visits),
        sightings=sum(visit.sightings for visit in visits),
        seconds=sum(visit.seconds for visit in visits),
    )


def _sighting(row: Sequence[Any]) -> SightingRow:
    id_, person, camera, start, end, probability, footage, *why = row
    *_, crops, _, _, _ = why
    evidence = None if crops is None else types.Evidence(*why)
    return SightingRow(id_, person, camera, start, end, probability, evidence, footage)
