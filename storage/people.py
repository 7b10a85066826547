"""Who was seen, where and how often, at a cost that grows with what is asked for and not with the history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, func, select, text

from storage.batches import in_batches
from storage.schema import DOUBTFUL, Bound, Camera, Footage, Identity, Seen, Sighting

MOST_TIME_S = 1e10
"""Epoch seconds of no footage: of the year 2286. A number beyond is of another unit, or damage."""


def bounded(time: float) -> float:
    """A time of the file as it may be answered: a history that holds one that can't be still answers."""
    return min(max(time, -MOST_TIME_S), MOST_TIME_S)


Among = Literal["named", "unsure"]


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
class Span:
    """Which sightings are asked for: of a camera, and reaching into a stretch of time, its ends included.

    among: only of people who have a name, or who have a sighting that their run was not sure of.
    """

    camera: str | None = None
    since: float | None = None
    until: float | None = None
    among: Among | None = None

    @property
    def has_times(self) -> bool:
        return self.since is not None or self.until is not None

    def filters(self, connection: Connection) -> list[ColumnElement[bool]]:
        """Of sightings. That one is no longer than the longest keeps the index on their starts of use."""
        filters: list[ColumnElement[bool]] = []
        if self.camera is not None:
            of_camera = select(Footage.id).join(Camera).where(Camera.name == self.camera)
            filters.append(Sighting.footage_id.in_(of_camera))
        if self.since is not None:
            longest = connection.execute(select(Bound.value).where(Bound.name == "length")).scalar() or 0.0
            filters += [Sighting.end >= self.since, Sighting.start >= self.since - longest]
        if self.until is not None:
            filters.append(Sighting.start <= self.until)
        return filters + self.of_people(Sighting.identity_id)

    def of_people(self, column: Any) -> list[ColumnElement[bool]]:
        """Of a column of identities."""
        if self.among is None:
            return []
        named = select(Identity.id).where(Identity.name.is_not(None))
        unsure = select(Sighting.identity_id).where(text(DOUBTFUL))
        return [column.in_(named if self.among == "named" else unsure)]


def people(connection: Connection, span: Span, *, most: int | None) -> list[PersonRow]:
    """By first seen; where they are more than ``most``, those of them who were seen last."""
    return rows_of(connection, span, seen_last(connection, span, most=most))


def rows_of(connection: Connection, span: Span, ids: Sequence[int]) -> list[PersonRow]:
    """Those of them who were seen there and then, by first seen."""
    rows: list[PersonRow] = []
    for some in in_batches(ids):
        visits = _visits(connection, span, some)
        names = dict(_names(connection, some))
        rows += [_person(id_, names[id_], of_cameras) for id_, of_cameras in visits.items()]
    return sorted(rows, key=lambda person: (person.first, person.id))


def person(connection: Connection, id_: int) -> PersonRow | None:
    """The one of that id, if they were seen."""
    visits = _visits(connection, Span(), [id_])
    names = dict(_names(connection, [id_]))
    return _person(id_, names[id_], visits[id_]) if visits else None


def seen_last(connection: Connection, span: Span, *, most: int | None) -> list[int]:
    """Ids, the last seen first; at most so many."""
    return _each_once(connection.scalars(_by_last(connection, span)), most)


def seen_since(connection: Connection, since: float | None, *, most: int | None) -> list[int]:
    """Ids of whose last sighting did not end before, the last seen first; at most so many."""
    late = () if since is None else (Seen.last_end >= since,)
    return _each_once(
        connection.scalars(select(Seen.identity_id).where(*late).order_by(Seen.last_end.desc())), most
    )


def _each_once(ids: Iterable[int], most: int | None) -> list[int]:
    """No more are read than are asked for."""
    found: dict[int, None] = {}
    for id_ in ids:
        found.setdefault(id_)
        if most is not None and len(found) >= most:
            break
    return list(found)


def number_of_people(connection: Connection, span: Span, *, most: int | None = None) -> int:
    """How many were seen there and then. most: where they have to be counted, no further."""
    if span == Span():
        return int(connection.execute(select(Bound.value).where(Bound.name == "people")).scalar() or 0)
    if span.has_times:
        person = Sighting.identity_id + 0  # as a sum, so that they are sought by time and not by person
        people = select(person).where(*span.filters(connection), person.is_not(None))
    else:
        people = select(Seen.identity_id).where(*_on(span.camera), *span.of_people(Seen.identity_id))
    some = people.distinct().limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def last_identity(connection: Connection) -> int:
    """The highest identity ever given, 0 where there is none: no id is given again."""
    highest = connection.execute(select(func.max(Identity.id))).scalar() or 0
    gone = connection.execute(select(Bound.value).where(Bound.name == "identity")).scalar() or 0
    return max(highest, int(gone))


def _by_last(connection: Connection, span: Span) -> Select[Any]:
    """Identities, the last seen first, again and again."""
    if span.has_times:
        who = select(Sighting.identity_id).where(*span.filters(connection), Sighting.identity_id.is_not(None))
        return who.order_by(Sighting.start.desc())
    people = (*_on(span.camera), *span.of_people(Seen.identity_id))
    return select(Seen.identity_id).where(*people).order_by(Seen.last_end.desc())


def _on(camera: str | None) -> list[ColumnElement[bool]]:
    if camera is None:
        return []
    return [Seen.camera_id == select(Camera.id).where(Camera.name == camera).scalar_subquery()]


def _visits(connection: Connection, span: Span, ids: Collection[int]) -> dict[int, list[Any]]:
    """identity -> a row a camera, by first visit."""
    if span.has_times:
        query = (
            select(
                Sighting.identity_id.label("identity_id"),
                Camera.name.label("camera"),
                func.min(Sighting.start).label("first"),
                func.max(Sighting.end).label("last"),
                func.count().label("sightings"),
                func.sum(Sighting.end - Sighting.start).label("seconds"),
            )
            .join(Footage, Footage.id == Sighting.footage_id)
            .join(Camera)
            .where(Sighting.identity_id.in_(ids), *span.filters(connection))
            .group_by(Sighting.identity_id, Camera.id)
        )
    else:
        query = (
            select(
                Seen.identity_id,
                Camera.name.label("camera"),
                Seen.first,
                Seen.last_end.label("last"),
                Seen.sightings,
                Seen.seconds,
            )
            .join(Camera)
            .where(Seen.identity_id.in_(ids), *_on(span.camera))
        )
    found: dict[int, list[Any]] = defaultdict(list)
    rows: Iterable[Any] = connection.execute(query.order_by("first", Camera.name))
    for row in rows:
        found[row.identity_id].append(row)
    return found


def _names(connection: Connection, ids: Collection[int]) -> Iterator[tuple[int, str | None]]:
    for row in connection.execute(select(Identity.id, Identity.name).where(Identity.id.in_(ids))):
        yield row.id, row.name


def _person(id_: int, name: str | None, visits: list[Any]) -> PersonRow:
    """Put together from one row a camera, by first visit. Sums of kept lengths are off by less than a ms."""
    return PersonRow(
        id=id_,
        name=name,
        first=bounded(visits[0].first),
        last=bounded(max(visit.last for visit in visits)),
        cameras=tuple(visit.camera for visit in visits),
        sightings=sum(visit.sightings for visit in visits),
        seconds=round(bounded(sum(visit.seconds for visit in visits)), 3),
    )
