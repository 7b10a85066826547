"""The questions people ask of a history. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, literal, or_, select, text

from storage.batches import in_batches
from storage.compared import HAS_PICTURE, Compared, PictureRow, compared, pictures_of
from storage.conflicts import Together, together
from storage.database import path_of
from storage.doubts import Doubt, doubted, number_of, order, twice
from storage.errors import DatabaseError, in_plain_words
from storage.errors import UnknownPerson as UnknownPerson
from storage.evidence import COLUMNS, evidence_of, joined
from storage.journal import PERSON
from storage.packing import Trajectory as Trajectory
from storage.packing import unpack
from storage.people import (
    Among,
    Span,
    bounded,
    last_identity,
    number_of_people,
    people,
    person,
    rows_of,
    seen_last,
    seen_since,
)
from storage.people import PersonRow as PersonRow
from storage.repair import apart
from storage.schema import (
    DOUBTFUL,
    Camera,
    Correction,
    Footage,
    Identity,
    Picture,
    Portrait,
    Seen,
    Sighting,
    Template,
)
from storage.schema import Trajectory as Chunk
from storage.segments import SegmentRow, Shown, all_segments, showing, size_of_all
from storage.templates import MOST as TEMPLATES
from storage.vectors import (
    Likeness,
    Look,
    best_portraits,
    best_templates,
    best_vector,
    check_model,
    identities,
    likeness,
    looks,
    models_used,
)
from tracker import types

_IDS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class Placed:
    """By which correction a sighting is where it is. by_person: else by the second pass."""

    correction: int
    by_person: bool


@dataclass(frozen=True, slots=True)
class SightingRow:
    """One presence on one camera. person: None while it is not decided who it is. footage: a FootageRow's.

    decided: whom its run took it for, under the id of then; evidence: why. placed: where a correction put it
    to somebody, which outranks that.
    """

    id: int
    person: int | None
    camera: str
    start: float
    end: float
    probability: float
    evidence: types.Evidence | None
    footage: int
    decided: int | None = None
    placed: Placed | None = None


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

    @property
    def engine(self) -> Engine:
        """Of the database that is asked; whoever corrects it meanwhile uses the same."""
        return self._engine

    def people(
        self,
        *,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
        among: Among | None = None,
        most: int | None = None,
    ) -> list[PersonRow]:
        """Who was seen, by first seen; times, cameras and counts are of the sightings asked for.

        among: of those, people who have a name, or a sighting that their run was not sure of. most: where
        there are more, those of them who were seen last.
        """
        with self._asking() as connection:
            return people(connection, Span(camera, since, until, among), most=most)

    def people_ids(
        self, *, camera: str | None = None, since: float | None = None, until: float | None = None
    ) -> list[int]:
        """Who was seen there and then, the last seen first."""
        with self._asking() as connection:
            return seen_last(connection, Span(camera, since, until), most=None)

    def number_of_people(
        self,
        *,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
        among: Among | None = None,
        most: int | None = None,
    ) -> int:
        """How many were seen there and then. most: where they have to be counted, no further."""
        with self._asking() as connection:
            return number_of_people(connection, Span(camera, since, until, among), most=most)

    def person(self, id: int) -> PersonRow:  # noqa: A002
        """One person. Raises UnknownPerson where nobody of that id was seen."""
        who = self.who(id)
        with self._asking() as connection:
            row = person(connection, who)
        if row is None:
            raise UnknownPerson(f"nobody in {self.path} has the id {id}; 'sightline people' lists everybody")
        return row

    def people_of(self, ids: Collection[int]) -> list[PersonRow]:
        """Those of them who were seen."""
        with self._asking() as connection:
            return rows_of(connection, Span(), sorted(set(ids)))

    def named(self, name: str) -> list[int]:
        """Those who were seen and are called so, by id; where nobody is, those whose name differs in case
        alone.
        """
        called = or_(Identity.name == name, func.lower(Identity.name) == name.lower())
        seen = select(Seen.identity_id).where(Seen.identity_id == Identity.id).exists()
        with self._asking() as connection:
            query = select(Identity.id, Identity.name).where(called, seen).order_by(Identity.id)
            rows = connection.execute(query).all()
        return [row.id for row in rows if row.name == name] or [row.id for row in rows]

    def last_time(self) -> float | None:
        """When anybody was seen last; None where nobody was."""
        with self._asking() as connection:
            last = connection.execute(select(func.max(Seen.last_end))).scalar()
        return None if last is None else bounded(last)

    def apart(self) -> frozenset[frozenset[int]]:
        """Pairs of people whom a person told apart."""
        return apart(self._engine)

    def who(self, id: int) -> int:  # noqa: A002
        """Who an id is now: another one where a correction merged it, else the same."""
        with self._asking() as connection:
            into = connection.execute(select(Identity.merged_into).where(Identity.id == id)).scalar()
        return id if into is None else into

    def sightings(
        self,
        *,
        person: int | None = None,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
        unidentified: bool = False,
        unsure: bool = False,
        earlier_than: SightingRow | None = None,
        most: int | None = None,
    ) -> list[SightingRow]:
        """By start. unidentified: only those of whom it was not decided who. unsure: only those that their
        run was not sure of. earlier_than: only those before that one. most: of more, the last.
        """
        who = None if person is None else self.who(person)
        with self._asking() as connection:
            filters = Span(camera, since, until).filters(connection)
            if who is not None:
                filters.append(Sighting.identity_id == who)
            if unidentified:
                filters.append(Sighting.identity_id.is_(None))
            if unsure:
                filters.append(text(DOUBTFUL))  # type: ignore[arg-type]
            if earlier_than is not None:
                start, id_ = Sighting.start, Sighting.id
                filters += [start <= earlier_than.start]
                filters += [(start < earlier_than.start) | (id_ < earlier_than.id)]
            if most is not None:
                last = select(Sighting.id).where(*filters).order_by(Sighting.start.desc(), Sighting.id.desc())
                filters = [Sighting.id.in_(last.limit(most))]
            return [_sighting(row) for row in connection.execute(_SIGHTINGS.where(*filters))]

    def first_and_last(
        self, *, since: float | None = None, until: float | None = None
    ) -> tuple[float, float]:
        """When the first and the last sighting of a span began; both 0 where there is none."""
        with self._asking() as connection:
            filters = Span(None, since, until).filters(connection)
            ends = (func.min(Sighting.start), func.max(Sighting.start))
            first, last = (connection.execute(select(end).where(*filters)).scalar() or 0.0 for end in ends)
        return bounded(first), bounded(last)

    def number_of_sightings(
        self,
        *,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
        unidentified: bool = False,
        most: int | None = None,
    ) -> int:
        """How many they are; most: counted no further."""
        with self._asking() as connection:
            filters = Span(camera, since, until).filters(connection)
            filters += [Sighting.identity_id.is_(None)] if unidentified else []
            some = select(literal(1)).select_from(Sighting).where(*filters).limit(most).subquery()
            return connection.execute(select(func.count()).select_from(some)).scalar_one()

    def doubtful(
        self,
        doubt: Doubt,
        *,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
        most: int | None = None,
    ) -> list[SightingRow]:
        """Those that are worth a look, the most doubtful first; at the most so many."""
        with self._asking() as connection:
            filters = doubted(connection, doubt, Span(camera, since, until))
            query = select(Sighting.id).where(*filters).order_by(*order(doubt)).limit(most)
            ids = list(connection.scalars(query))
            found: dict[int, SightingRow] = {}
            for some in in_batches(ids):
                rows = connection.execute(_SIGHTINGS.where(Sighting.id.in_(some)))
                found |= {row.id: row for row in map(_sighting, rows)}
        return [found[id_] for id_ in ids]

    def number_of_doubtful(
        self,
        doubt: Doubt,
        *,
        camera: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> int:
        """How many they are."""
        with self._asking() as connection:
            return number_of(connection, doubt, Span(camera, since, until))

    def twice_at_once(
        self, *, since: float | None = None, until: float | None = None, most: int | None = None
    ) -> list[tuple[SightingRow, SightingRow]]:
        """Sightings of one person in one view at once, as corrections have made it, the latest first."""
        with self._asking() as connection:
            pairs = connection.execute(twice(connection, Span(None, since, until)).limit(most)).all()
            ids = sorted({id_ for pair in pairs for id_ in pair})
            rows = [
                _sighting(row)
                for some in in_batches(ids)
                for row in connection.execute(_SIGHTINGS.where(Sighting.id.in_(some)))
            ]
        found = {row.id: row for row in rows}
        return [(found[first], found[other]) for first, other in pairs]

    def together(self, first: int, other: int) -> Together | None:
        """The longest time that two people were in one view at once, if they were."""
        with self._asking() as connection:
            return together(connection, self.who(first), self.who(other))

    def sighting(self, id: int) -> SightingRow | None:  # noqa: A002
        """The one of that id, if there is one."""
        with self._asking() as connection:
            row = connection.execute(_SIGHTINGS.where(Sighting.id == id)).first()
        return None if row is None else _sighting(row)

    @contextmanager
    def walk(self) -> Iterator[Iterator[tuple[SightingRow, str | None, Trajectory]]]:
        """Every sighting by start, with the person's name and the way: all of one moment, however many."""
        with self._asking() as connection:
            yield self._walk(connection)

    def _walk(self, connection: Connection) -> Iterator[tuple[SightingRow, str | None, Trajectory]]:
        found = connection.execute(_SIGHTINGS)
        while rows := found.fetchmany(_IDS_A_QUERY):
            some = [_sighting(row) for row in rows]
            ways = self._trajectories(connection, [row.id for row in some])
            query = select(Identity.id, Identity.name).where(Identity.name.is_not(None))
            known = {row.person for row in some if row.person is not None}
            names = {row.id: row.name for row in connection.execute(query.where(Identity.id.in_(known)))}
            yield from ((row, names.get(row.person or 0), ways[row.id]) for row in some)

    def trajectory(self, sighting: int) -> Trajectory:
        """The way of a sighting; no points where the history has no such sighting."""
        return self.trajectories([sighting])[sighting]

    def trajectories(self, sightings: Sequence[int]) -> dict[int, Trajectory]:
        """The ways of many sightings, by their ids."""
        with self._asking() as connection:
            return self._trajectories(connection, sightings)

    def _trajectories(self, connection: Connection, sightings: Sequence[int]) -> dict[int, Trajectory]:
        parts: dict[int, list[Trajectory]] = {sighting: [] for sighting in sightings}
        for some in in_batches(sightings):
            query = (
                select(Chunk.sighting_id, Chunk.blob)
                .where(Chunk.sighting_id.in_(some))
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
        sightings: Sequence[int] | None = None,
        among: Select[Any] | Collection[int] | None = None,
        most: int | None = None,
        each: int | None = None,
    ) -> list[PortraitRow]:
        """Pictures, best first. most: at most so many in all. each: at most so many of any one sighting.

        among: only portraits of these ids. Portraits of which there is a vector alone are none.
        """
        filters: list[ColumnElement[bool]] = [HAS_PICTURE]
        if person is not None:
            filters.append(Sighting.identity_id == self.who(person))
        if sighting is not None:
            filters.append(Portrait.sighting_id == sighting)
        if sightings is not None:
            filters.append(Portrait.sighting_id.in_(sightings))
        if among is not None:
            filters.append(Portrait.id.in_(among))
        if each is not None:
            filters.append(Portrait.id.in_(best_portraits(Portrait.sighting_id, each, filters)))
        query = (
            select(
                Portrait.id,
                Portrait.sighting_id,
                Sighting.identity_id,
                Portrait.time,
                Portrait.quality,
                Picture.jpeg,
            )
            .join(Sighting)
            .join(Picture, Picture.portrait_id == Portrait.id)
            .where(*filters)
            .order_by(Portrait.quality.desc(), Portrait.time, Portrait.id)
            .limit(most)
        )
        with self._asking() as connection:
            return [PortraitRow(*row) for row in connection.execute(query)]

    def best_portraits(self, person: int, *, most: int) -> list[PortraitRow]:
        """The best pictures of those that somebody is told apart by, at the most so many."""
        told_by = select(Template.portrait_id).where(Template.identity_id == self.who(person))
        return self.portraits(among=told_by, most=most)

    def best_vector(self, sighting: int) -> tuple[str, types.Floats] | None:
        """The model and the (D,) vector of a sighting's best picture; None where it has none."""
        with self._asking() as connection:
            return best_vector(connection, sighting)

    def faces(self, people: Collection[int]) -> dict[int, PortraitRow]:
        """By person, the best picture of those that they are told apart by, or where these are not chosen yet
        of all they have; without who has none.
        """
        with self._asking() as connection:
            best = best_templates(connection, people)
        rows = self.portraits(among=list(best.values())) if best else []
        rows += [row for id_ in set(people) - set(best) for row in self.portraits(person=id_, most=1)]
        return {row.person: row for row in rows if row.person is not None}

    def footage(self, camera: str | None = None, *, ids: Collection[int] | None = None) -> list[FootageRow]:
        """What was recorded, by start. ids: only these, a few."""
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
            .where(*([Footage.id.in_(ids)] if ids is not None else []))
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

    def segments(
        self, *, since: float | None = None, until: float | None = None, most: int | None = None
    ) -> list[SegmentRow]:
        """The files of recorded footage, by end, the oldest first; at most so many; of a span."""
        with self._asking() as connection:
            return all_segments(connection, since=since, until=until, most=most)

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
            return last_identity(connection)

    def identities(self, model: str, **told: Any) -> list[types.Identity]:
        """Everybody who has vectors of that model, by id: a gallery's start. As in `identity_blocks`."""
        return [who for block in self.identity_blocks(model, **told) for who in block]

    def looks(self, model: str, *, people: int) -> list[Look]:
        """What as many people are told apart by, those who were seen last; by id."""
        with self._asking() as connection:
            return looks(connection, model, seen_since(connection, None, most=people), most=TEMPLATES)

    def likeness(self, model: str, looks: types.Floats, *, ids: Collection[int] | None = None) -> Likeness:
        """How alike (L, D) unit rows are to everybody, or to these ids, at a first look. Raises as below."""
        with self._asking() as connection:
            check_model(connection, model, self.path)
            return likeness(connection, model, looks, ids)

    def identity_blocks(
        self,
        model: str,
        *,
        most: int = TEMPLATES,
        people: int | None = None,
        since: float | None = None,
        ids: Sequence[int] | None = None,
        looks_alone: bool = False,
    ) -> Iterator[list[types.Identity]]:
        """Everybody who has vectors of that model, some at a time, by id, with the best ``most`` of them.

        people: of more, those who were seen last. since: without those who were last seen before. ids: only
        these. looks_alone: without where and when they were seen. Raises DatabaseError where the history has
        vectors, but none of that model.
        """
        with self._asking() as connection:
            check_model(connection, model, self.path)
            if ids is None:
                ids = seen_since(connection, since, most=people)
            yield from identities(connection, model, ids, most=most, looks_alone=looks_alone)

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        with in_plain_words(self.path), self._engine.connect() as connection:
            yield connection


_PROBABILITY = func.coalesce(Sighting.placed_probability, Sighting.probability)

_OWN: tuple[Any, ...] = (
    Sighting.id,
    Sighting.identity_id,
    Camera.name,
    Sighting.start,
    Sighting.end,
    _PROBABILITY,
    Sighting.footage_id,
    Sighting.decided_id,
    Sighting.placed_by,
    Correction.author,
)
_SIGHTINGS = joined(
    select(*_OWN, *COLUMNS)
    .join(Footage, Footage.id == Sighting.footage_id)
    .join(Camera)
    .outerjoin(Correction, Correction.id == Sighting.placed_by)
).order_by(Sighting.start, Camera.name, Sighting.end, Sighting.id)


def _sighting(row: Sequence[Any]) -> SightingRow:
    id_, person, camera, start, end, probability, footage, decided, correction, author, *why = row
    return SightingRow(
        id=id_,
        person=person,
        camera=camera,
        start=bounded(start),
        end=bounded(end),
        probability=probability,
        evidence=evidence_of(why),
        footage=footage,
        decided=decided,
        placed=None if correction is None else Placed(correction, by_person=author == PERSON),
    )
