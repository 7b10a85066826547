"""What a run has reported and the file does not hold yet, and how it gets there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import aliased

from storage import schema
from storage.batches import in_batches
from storage.cameras import camera_row
from storage.cutting import CUT
from storage.journal import hold, note_revision
from storage.packing import Trajectory, pack, pack_vector
from storage.people import MOST_TIME_S, last_identity
from tracker.types import Evidence, Held, Image, Point, Portrait, Sighting

CHUNK_S = 5.0  # how much of a trajectory is packed into one row
IDLE_COMMITS = 60  # after so many commits without a new point a row is left as it is
PICTURE_PX = 256  # longest side of a stored picture
JPEG_QUALITY = 88
POINT_BYTES, SIGHTING_BYTES = 400, 500  # what one takes in memory until it is committed, about


@dataclass(slots=True)
class _Footage:
    """A source being recorded; ``row`` once it is in the file."""

    camera: str
    uri: str
    start: float
    width: int
    height: int
    end: float
    frames: int = 0
    row: int | None = None


@dataclass(slots=True)
class _Chunk:
    """A few seconds of a trajectory; ``row`` once it is in the file, ``idle`` commits since it last grew."""

    points: list[Point] = field(default_factory=list)
    row: int | None = None
    idle: int = 0

    def packed(self) -> dict[str, Any]:
        times = np.array([point.time for point in self.points])
        way = Trajectory(
            times,
            np.array([point.frame for point in self.points], np.int64),
            np.array([point.box for point in self.points], np.float32),
            np.array([point.score for point in self.points], np.float32),
        )
        return {"start": times[0], "end": times[-1], "points": len(times), "blob": pack(way)}


class Recording:
    """The part of a run that is not committed yet. Every call comes from one thread.

    run, model: ids of the rows the caller made. dimension: of the model's vectors. Nothing is kept of a
    sighting that has ended but a trajectory row still open for IDLE_COMMITS, so that memory stays flat
    however long a run is. kept_bytes: of what was reported since the last commit, about.

    `write` inside a transaction, then `settle` once it is committed, or `take_back` where it was not: what
    was reported is then written by the next `write`. What somebody erased meanwhile is not written again: its
    number is in ``erased``, for whoever reports it, beside the ids of people who are gone. Numbers are
    reported in ascending order at first.
    """

    def __init__(self, *, run: int, model: int, dimension: int) -> None:
        self._run = run
        self._model = model
        self._dimension = dimension
        self._current: dict[str, _Footage] = {}
        self._changed_footage: list[_Footage] = []
        self._sightings: dict[int, tuple[Sighting, _Footage]] = {}
        self._chunks: dict[int, list[_Chunk]] = {}
        self._portraits: list[tuple[int, dict[str, Any], bytes]] = []
        self._known = 0
        self._ids: dict[int, int] = {}
        self._highest = 0  # of the identities that this run has put into the file
        self._before: tuple[dict[int, int], int] = {}, 0  # both, as they are committed
        self._made: list[_Footage | _Chunk] = []  # whose row the open transaction made
        self._reported = self._written = 0  # the highest numbers: so far, and as committed
        self.erased = Held()
        self.pending = False
        self.kept_bytes = 0

    def knows(self, last: int) -> None:
        """The run gives new identities numbers from ``last`` + 1 on."""
        self._known = last

    def footage(self, camera: str, uri: str, start: float, width: int, height: int) -> None:
        _expect_bounded(start)
        self._current[camera] = _Footage(camera, uri, start, width, height, end=start)
        self._touch(self._current[camera])

    def frames(self, camera: str, count: int, end: float) -> None:
        footage = self._of(camera)
        footage.frames, footage.end = count, max(footage.end, end)
        self._touch(footage)

    def sighting(self, sighting: Sighting) -> None:
        _expect_bounded(sighting.start, sighting.end)
        _, footage = self._sightings.get(sighting.number) or (None, self._of(sighting.camera))
        self.kept_bytes += 0 if sighting.number in self._sightings else SIGHTING_BYTES
        self._sightings[sighting.number] = (sighting, footage)
        self._reported = max(self._reported, sighting.number)
        self._touch(footage)

    def point(self, number: int, point: Point) -> None:
        _expect_bounded(point.time)
        chunks = self._chunks.setdefault(number, [_Chunk()])
        known = chunks[-1].points
        if known and point.time <= known[-1].time:
            raise ValueError(f"sighting {number}: a point at {point.time} after one at {known[-1].time}")
        if known and point.time - known[0].time >= CHUNK_S:
            chunks.append(_Chunk())
        chunks[-1].points.append(point)
        chunks[-1].idle = 0
        self.kept_bytes += POINT_BYTES
        self.pending = True

    def portrait(self, number: int, portrait: Portrait) -> None:
        if portrait.embedding.shape != (self._dimension,):
            raise ValueError(f"embedding: expected ({self._dimension},), found {portrait.embedding.shape}")
        vector = pack_vector(portrait.embedding)
        jpeg = b"" if portrait.image is None else encode_jpeg(portrait.image)
        values = {"time": portrait.time, "quality": portrait.quality, "vector": vector}
        self._portraits.append((number, values, jpeg))
        self.kept_bytes += len(vector) + len(jpeg) + SIGHTING_BYTES
        self.pending = True

    def _of(self, camera: str) -> _Footage:
        if camera not in self._current:
            raise ValueError(f"camera {camera}: its footage is to be named first")
        return self._current[camera]

    def _touch(self, footage: _Footage) -> None:
        if not any(footage is known for known in self._changed_footage):
            self._changed_footage.append(footage)
        self.pending = True

    def write(self, connection: Connection) -> None:
        """Write it all, inside the transaction that is open on the connection."""
        self._before = dict(self._ids), self._highest
        for footage in self._changed_footage:
            self._write_footage(connection, footage)
        self._drop_erased(connection)
        self._write_sightings(connection)
        rows = self._rows(connection, self._grown())
        missing = self._grown() - rows.keys()
        if missing:
            raise ValueError(f"points or portraits of sightings never reported: {sorted(missing)}")
        self._write_chunks(connection, rows)
        self._write_portraits(connection, rows)

    def _grown(self) -> set[int]:
        """The sightings of which there is something new besides what is said of themselves."""
        grown = {number for number, chunks in self._chunks.items() if chunks[-1].idle == 0}
        return grown | {number for number, *_ in self._portraits}

    def _drop_erased(self, connection: Connection) -> None:
        """Nothing is kept of sightings that were in the file and are not any more."""
        known = {n for n in self._grown() | self._sightings.keys() if n <= self._written}
        gone = known - self._rows(connection, known).keys()
        if not gone:
            return
        self.erased |= Held(sightings=frozenset(gone), pictures=frozenset(gone))
        for table in (self._sightings, self._chunks):
            for number in gone & table.keys():
                del table[number]
        self._portraits = [one for one in self._portraits if one[0] not in gone]

    def settle(self) -> None:
        """What was written is committed."""
        self._written = self._reported
        for number, chunks in list(self._chunks.items()):
            chunks[-1].idle += 1
            self._chunks[number] = chunks[-1:]
            if chunks[-1].idle > IDLE_COMMITS:
                del self._chunks[number]
        self._made.clear()
        self._changed_footage.clear()
        self._sightings.clear()
        self._portraits.clear()
        self.kept_bytes = 0
        self.pending = False

    def take_back(self) -> None:
        """What was written is not in the file after all."""
        for made in self._made:
            made.row = None
        self._made.clear()
        self._ids, self._highest = self._before

    def _write_footage(self, connection: Connection, footage: _Footage) -> None:
        values = {"end": footage.end, "frames": footage.frames}
        if footage.row is not None:
            known = update(schema.Footage).where(schema.Footage.id == footage.row).values(values)
            if connection.execute(known).rowcount:
                return
            footage.start = footage.end  # somebody erased that it was filmed before
        statement = insert(schema.Footage).values(
            run_id=self._run,
            camera_id=camera_row(connection, footage.camera),
            uri=footage.uri,
            start=footage.start,
            width=footage.width,
            height=footage.height,
            **values,
        )
        footage.row = connection.execute(statement.returning(schema.Footage.id)).scalar_one()
        self._made.append(footage)

    def _write_sightings(self, connection: Connection) -> None:
        if not self._sightings:
            return
        reported = self._sightings.values()
        self._make_way(connection, {s.identity for s, _ in reported if s.identity is not None})
        self._let_go(connection, {s.identity for s, _ in reported if s.identity is not None})
        people = [
            {"id": self._id(s.identity), "created": s.start} for s, _ in reported if s.identity is not None
        ]
        self._highest = max([self._highest, *(int(row["id"] or 0) for row in people)])
        if people:
            connection.execute(insert(schema.Identity).on_conflict_do_nothing(), people)
        before = self._decided(connection)
        rows = [self._sighting_row(sighting, footage) for sighting, footage in reported]
        known_rows = [row | {"row": before[row["number"]].id} for row in rows if row["number"] in before]
        new_rows = [row for row in rows if row["number"] not in before]
        for statement, some in ((_NEW_SIGHTING, new_rows), (_KNOWN_SIGHTING, known_rows)):
            if some:
                connection.execute(statement, some)
        self._link_nearest(connection)
        for row in rows:
            known = before.get(row["number"])
            if known is not None and known.decided_id not in (None, row["decided_id"]):
                self._revised(connection, known, row)

    def _link_nearest(self, connection: Connection) -> None:
        """What was compared with a sighting of this run has a row only now."""
        links = [
            {"run": self._run, "which": sighting.number, "nearest": sighting.evidence.nearest_sighting}
            for sighting, _ in self._sightings.values()
            if sighting.evidence is not None and (sighting.evidence.nearest_sighting or 0) > 0
        ]
        if links:
            connection.execute(_LINK_NEAREST, links)

    def _make_way(self, connection: Connection, ids: set[int]) -> None:
        """Other ids for the run's new people where a correction made somebody of that id meanwhile."""
        for some in in_batches(sorted(id_ for id_ in ids if id_ > self._known and id_ not in self._ids)):
            identity = schema.Identity
            taken = select(identity.id).where(identity.id.in_(some), identity.made_by.is_not(None))
            for id_ in connection.scalars(taken).all():
                self._ids[id_] = max(last_identity(connection), *ids, *self._ids.values(), 0) + 1

    def _let_go(self, connection: Connection, ids: set[int]) -> None:
        """Who was erased meanwhile is known no more: whom the run means by that id is somebody new."""
        known = {id_: self._id(id_) or 0 for id_ in ids}
        old = sorted({now for now in known.values() if now <= max(self._known, self._highest)})
        there: set[int] = set()
        for some in in_batches(old):
            there |= set(connection.scalars(select(schema.Identity.id).where(schema.Identity.id.in_(some))))
        gone = sorted(id_ for id_, now in known.items() if now in old and now not in there)
        if gone:
            last = max(last_identity(connection), self._highest, *ids, *self._ids.values())
            self._ids |= {id_: last + k for k, id_ in enumerate(gone, 1)}
            self.erased |= Held(identities=frozenset(gone))

    def rows_of(self, identities: Collection[int]) -> dict[int, int]:
        """The ids in the file of those that the run calls so."""
        ids = dict(self._ids)
        return {identity: ids.get(identity, identity) for identity in identities}

    def _id(self, identity: int | None) -> int | None:
        return identity if identity is None else self._ids.get(identity, identity)

    def _decided(self, connection: Connection) -> dict[int, Any]:
        """By number, what the file holds of the sightings reported."""
        sighting = schema.Sighting
        found: dict[int, Any] = {}
        columns = (
            sighting.id,
            sighting.number,
            sighting.decided_id,
            sighting.identity_id,
            sighting.placed_by,
        )
        for some in in_batches(sorted(self._sightings)):
            query = select(*columns).where(sighting.run_id == self._run, sighting.number.in_(some))
            found |= {row.number: row for row in connection.execute(query)}
        return found

    def _revised(self, connection: Connection, known: Any, row: dict[str, Any]) -> None:
        """The run changed its mind: noted in the journal; against a person's decision it does not count."""
        if known.placed_by is None and not hold(connection, known.id, known.identity_id):
            note_revision(
                connection, known.id, known.decided_id, row["decided_id"], probability=row["probability"]
            )

    def _sighting_row(self, sighting: Sighting, footage: _Footage) -> dict[str, Any]:
        evidence = sighting.evidence
        return {
            "run_id": self._run,
            "number": sighting.number,
            "footage_id": footage.row,
            "decided_id": self._id(sighting.identity),
            "said": self._id(sighting.identity),
            "start": sighting.start,
            "end": sighting.end,
            "probability": sighting.probability,
            "distance": evidence.distance if evidence else None,
            "gap_s": evidence.gap_s if evidence else None,
            "runner_up": self._id(evidence.runner_up) if evidence else None,
            "runner_up_distance": evidence.runner_up_distance if evidence else None,
            "crops": evidence.crops if evidence else None,
            "picture_time": evidence.picture_time if evidence else None,
            "nearest_sighting": _earlier(evidence),
            "nearest_time": evidence.nearest_time if evidence else None,
            **self._terms(evidence),
        }

    def _terms(self, evidence: Evidence | None) -> dict[str, Any]:
        """The columns of terms, and who was barred by what."""
        barred = evidence.barred if evidence else None
        told = {
            "": evidence.terms if evidence else None,
            "runner_up_": evidence.runner_up_terms if evidence else None,
            "barred_": barred.terms if barred else None,
        }
        columns: dict[str, Any] = {
            f"{of}{name}": None if terms is None else getattr(terms, name)
            for of, terms in told.items()
            for name in ("appearance", "transition", "ground")
        }
        prior = next((terms.prior for terms in told.values() if terms is not None), None)
        who = self._id(barred.identity) if barred else None
        by, again = (barred.by if barred else None), (evidence.again if evidence else None)
        return columns | {"prior": prior, "again": again, "barred": who, "barred_by": by}

    def _rows(self, connection: Connection, numbers: Collection[int]) -> dict[int, int]:
        """The rows of the run's sightings of these numbers, as far as there are any."""
        rows: dict[int, int] = {}
        for some in in_batches(sorted(numbers)):
            query = select(schema.Sighting.number, schema.Sighting.id).where(
                schema.Sighting.run_id == self._run, schema.Sighting.number.in_(some)
            )
            rows |= {row.number: row.id for row in connection.execute(query)}
        return rows

    def _write_chunks(self, connection: Connection, rows: dict[int, int]) -> None:
        for number, chunks in self._chunks.items():
            for chunk in chunks:
                if chunk.idle == 0:
                    self._write_chunk(connection, rows[number], chunk)
            if chunks[-1].idle == 0:
                end = chunks[-1].points[-1].time
                connection.execute(_LENGTHEN, {"row": rows[number], "until": end})

    def _write_chunk(self, connection: Connection, sighting: int, chunk: _Chunk) -> None:
        values = chunk.packed()
        if chunk.row is None:
            statement = insert(schema.Trajectory).values(sighting_id=sighting, **values)
            chunk.row = connection.execute(statement.returning(schema.Trajectory.id)).scalar_one()
            self._made.append(chunk)
        else:
            connection.execute(_UPDATE_CHUNK, {"row": chunk.row, **values})

    def _write_portraits(self, connection: Connection, rows: dict[int, int]) -> None:
        if self._portraits:
            values = [
                {"sighting_id": rows[number], "model_id": self._model} | portrait
                for number, portrait, _ in self._portraits
            ]
            made = connection.scalars(
                insert(schema.Portrait).returning(schema.Portrait.id, sort_by_parameter_order=True), values
            ).all()
            pictures = [
                {"portrait_id": id_, "jpeg": jpeg}
                for id_, (*_, jpeg) in zip(made, self._portraits, strict=True)
                if jpeg
            ]
            if pictures:
                connection.execute(insert(schema.Picture), pictures)


def _expect_bounded(*times: float) -> None:
    """Raises ValueError: a time that can't be would make every answer about it nonsense, for everybody."""
    for time in times:
        if not -MOST_TIME_S <= time <= MOST_TIME_S:
            raise ValueError(f"{time} is no time of footage")


def _earlier(evidence: Evidence | None) -> int | None:
    """The row of the nearest sighting where it is an earlier run's."""
    number = None if evidence is None else evidence.nearest_sighting
    return -number if number is not None and number < 0 else None


def _is_cut() -> ColumnElement[bool]:
    """Of a sighting: somebody cut it, so that its end is theirs to tell."""
    about, correction = schema.CorrectionSighting, schema.Correction
    return (
        select(about.id)
        .join(correction, correction.id == about.correction_id)
        .where(about.sighting_id == schema.Sighting.id, about.role == CUT, correction.undone.is_(None))
        .correlate(schema.Sighting)
        .exists()
    )


_TOLD_ONCE = ("run_id", "number", "footage_id")
_TOLD = (
    "decided_id",
    "start",
    "end",
    "probability",
    "distance",
    "gap_s",
    "runner_up",
    "runner_up_distance",
    "crops",
    "picture_time",
    "nearest_sighting",
    "nearest_time",
    "prior",
    *(
        f"{of}{name}"
        for of in ("", "runner_up_", "barred_")
        for name in ("appearance", "transition", "ground")
    ),
    "again",
    "barred",
    "barred_by",
)
_said = (
    select(func.coalesce(schema.Identity.merged_into, schema.Identity.id))
    .where(schema.Identity.id == bindparam("said"))
    .scalar_subquery()
)
"""Who the one is now whom a run means: a redirect is followed."""

_NEW_SIGHTING = insert(schema.Sighting).values(
    {name: bindparam(name) for name in (*_TOLD_ONCE, *_TOLD)} | {"identity_id": _said}
)
"""No upsert: that would use up an id each time, so that the same files would not give the same ids."""

_KNOWN_SIGHTING = (
    update(schema.Sighting)
    .where(schema.Sighting.id == bindparam("row"))
    .values(
        {name: bindparam(name) for name in _TOLD}
        | {
            "identity_id": case(
                (schema.Sighting.placed_by.is_(None), _said), else_=schema.Sighting.identity_id
            ),
            "end": case((_is_cut(), schema.Sighting.end), else_=bindparam("end")),
        }
    )
)
"""A run's later word on a sighting. A correction of it stands."""

_LENGTHEN = (
    update(schema.Sighting)
    .where(schema.Sighting.id == bindparam("row"), schema.Sighting.end < bindparam("until"), ~_is_cut())
    .values(end=bindparam("until"))
)
"""A sighting is reported once a second, its points at once: its end is to be no older than its way."""

_nearest = aliased(schema.Sighting)
_LINK_NEAREST = (
    update(schema.Sighting)
    .where(schema.Sighting.run_id == bindparam("run"), schema.Sighting.number == bindparam("which"))
    .values(
        nearest_sighting=select(_nearest.id)
        .where(_nearest.run_id == bindparam("run"), _nearest.number == bindparam("nearest"))
        .scalar_subquery()
    )
)
_UPDATE_CHUNK = update(schema.Trajectory).where(schema.Trajectory.id == bindparam("row"))


def encode_jpeg(image: Image) -> bytes:
    """The picture as JPEG, made smaller where its longest side is over PICTURE_PX."""
    height, width = image.shape[:2]
    scale = PICTURE_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def erase(connection: Connection, *, camera: str, start: float, end: float, keep_run: int) -> None:
    """Remove what other runs than ``keep_run`` hold of a camera between two times.

    A sighting that reaches into the span goes whole; so does footage that reaches into it and has no sighting
    left; and people without a name who have no sighting left by that. Footage with sightings outside of the
    span stays.
    """
    sighting, footage = schema.Sighting, schema.Footage
    of_camera = select(schema.Camera.id).where(schema.Camera.name == camera).scalar_subquery()
    there = and_(footage.camera_id == of_camera, footage.run_id != keep_run)
    gone = and_(
        sighting.footage_id.in_(select(footage.id).where(there)), sighting.end > start, sighting.start < end
    )
    people = set(connection.scalars(select(sighting.identity_id).where(gone).distinct()))
    connection.execute(delete(sighting).where(gone))
    empty = ~exists().where(sighting.footage_id == footage.id)
    connection.execute(delete(footage).where(there, footage.end > start, footage.start < end, empty))
    for some in in_batches(sorted(person for person in people if person is not None)):
        connection.execute(delete(schema.Identity).where(schema.Identity.id.in_(some), _unknown()))


def _unknown() -> ColumnElement[bool]:
    """Identities that nobody named, nobody sees any more, and no correction is about."""
    identity, sighting, about = schema.Identity, schema.Sighting, schema.CorrectionIdentity
    moved = schema.CorrectionSighting
    seen = exists().where(or_(sighting.identity_id == identity.id, sighting.decided_id == identity.id))
    told = exists().where(or_(about.identity_id == identity.id, about.other_id == identity.id))
    placed = exists().where(or_(moved.identity_id == identity.id, moved.before_id == identity.id))
    return and_(identity.name.is_(None), identity.made_by.is_(None), ~seen, ~told, ~placed)
