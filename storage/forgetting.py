"""What is forgotten, everywhere: sightings, portraits or pictures of a person, a camera, of before a time.

An order is written down first and carried out in short transactions, so that no run waits; what a kill leaves
undone is done by whoever carries out orders next. Then the order turns into a note of how much is gone, which
says neither who nor what. Freed pages are overwritten (``PRAGMA secure_delete``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from storage.batches import in_batches
from storage.database import path_of, writing
from storage.errors import DatabaseError, UnknownPerson, in_plain_words
from storage.journal import root_of
from storage.schema import (
    Camera,
    Correction,
    CorrectionIdentity,
    CorrectionSighting,
    Erasure,
    Footage,
    Identity,
    Pending,
    Picture,
    Portrait,
    Revision,
    Segment,
    Sighting,
    Template,
)
from storage.templates import renew

Kind = Literal["footage", "sightings", "portraits", "pictures"]
"""footage: sightings, and the recorded files that show them. portraits: vectors and pictures, so that nobody
is known again by them. pictures: the vectors stay.
"""

_WHOLE = ("footage", "sightings")

_AT_ONCE = 100  # sightings a transaction: a few hundredths of a second


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be forgotten: of that person, that camera, of what ended before then, as far as told."""

    kind: Kind
    person: int | None = None
    camera: str | None = None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How much is gone. asked, done: epoch seconds; done: None where it is not carried out yet. author:
    person or policy. checkpointed: whether the write-ahead log is emptied as well; a long reader keeps it.
    """

    number: int
    asked: float
    done: float | None
    author: str
    kind: str
    people: int
    sightings: int
    portraits: int
    pictures: int
    files: int
    checkpointed: bool = True


@dataclass(frozen=True, slots=True)
class Extent:
    """How much an order would forget. people: of whom nothing is left. files: of recorded footage."""

    people: int
    sightings: int
    portraits: int
    pictures: int
    files: int


class Forgetting:
    """Orders, and their carrying out, also while a run writes to the history.

    remove: is told the path of a recorded file and its camera; whether the file is gone. Raises DatabaseError
    where the history can't be written.
    """

    def __init__(self, engine: Engine, *, remove: Callable[[str, str], bool]) -> None:
        self._path = path_of(engine)
        self._engine = writing(engine)
        self._remove = remove

    def order(self, order: Order, *, author: str = "person") -> int | None:
        """Write it down; its number. None where there is nothing to forget, of a policy.

        Raises UnknownPerson for an id nobody has, DatabaseError for a camera that nobody filmed with.
        """
        with in_plain_words(self._path), self._engine.begin() as connection:
            person = None if order.person is None else self._who(connection, order.person)
            camera = None if order.camera is None else self._camera(connection, order.camera)
            which = _which(person, camera, order.before)
            if author == "policy" and not _some(connection, which, order.kind, most=1):
                return None
            made = insert(Erasure).values(
                asked=time.time(),
                author=author,
                kind=order.kind,
                identity_id=person,
                camera_id=camera,
                before=order.before,
            )
            return connection.execute(made.returning(Erasure.id)).scalar_one()

    def extent(self, order: Order) -> Extent:
        """What an order would forget now. Raises what `order` does."""
        with in_plain_words(self._path), self._engine.begin() as connection:
            person = None if order.person is None else self._who(connection, order.person)
            camera = None if order.camera is None else self._camera(connection, order.camera)
            return _extent(connection, _which(person, camera, order.before), order.kind)

    def _who(self, connection: Connection, person: int) -> int:
        root = root_of(connection, person)
        if root is None:
            raise UnknownPerson(
                f"nobody in {self._path} has the id {person}; 'sightline people' lists everybody"
            )
        return root

    def _camera(self, connection: Connection, name: str) -> int:
        found = connection.execute(select(Camera.id).where(Camera.name == name)).scalar()
        if found is None:
            names = ", ".join(connection.scalars(select(Camera.name).order_by(Camera.name)))
            raise DatabaseError(f"no camera of {self._path} is called {name}; there are {names}")
        return found

    def carry_out(self) -> list[Receipt]:
        """All orders that are open, the oldest first."""
        done = []
        with in_plain_words(self._path):
            while (row := self._open()) is not None:
                which = _which(row.identity_id, row.camera_id, row.before)
                while self._step(row, which):
                    continue
                with self._engine.begin() as connection:
                    _finish(connection, row)
                    renew(connection, most=_AT_ONCE)
                done.append(row.id)
            emptied = self._checkpoint() if done else True
        return [receipt for receipt in self.receipts(checkpointed=emptied) if receipt.number in done]

    def receipts(self, *, checkpointed: bool = True, most: int = 100) -> list[Receipt]:
        """The last, oldest first."""
        table = Erasure.__table__.c
        query = select(*table).order_by(Erasure.id.desc()).limit(most)
        with in_plain_words(self._path), self._engine.connect() as connection:
            rows = connection.execute(query).all()[::-1]
        return [
            Receipt(
                *(row.id, row.asked, row.done, row.author, row.kind, row.people),
                *(row.sightings, row.portraits, row.pictures, row.files),
                checkpointed=checkpointed,
            )
            for row in rows
        ]

    def _open(self) -> Any:
        query = select(*Erasure.__table__.c).where(Erasure.done.is_(None)).order_by(Erasure.id)
        with self._engine.connect() as connection:
            return connection.execute(query).first()

    def _step(self, row: Any, which: list[ColumnElement[bool]]) -> bool:
        """A little of an order; whether there was anything."""
        with self._engine.begin() as connection:
            some = _some(connection, which, row.kind, most=_AT_ONCE)
            if not some:
                return False
            counts = _counts(connection, some, row.kind)
            if row.kind == "footage":
                counts["files"] = self._forget_files(connection, some)
            _STEPS[row.kind](connection, some)
            renew(connection, most=_AT_ONCE)
            more = {name: getattr(Erasure, name) + number for name, number in counts.items()}
            connection.execute(update(Erasure).where(Erasure.id == row.id).values(more))
            return True

    def _forget_files(self, connection: Connection, sightings: Sequence[int]) -> int:
        """Recorded footage that shows them; what can't be removed keeps its row."""
        query = _files(Sighting.id.in_(sightings))
        gone = [row.id for row in connection.execute(query).all() if self._remove(row.path, row.name)]
        if gone:
            connection.execute(delete(Segment).where(Segment.id.in_(gone)))
        return len(gone)

    def _checkpoint(self) -> bool:
        """Empty the write-ahead log, which holds what was overwritten; whether that was possible."""
        with self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None  # it is open
            busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _which(identity_id: int | None, camera_id: int | None, before: float | None) -> list[ColumnElement[bool]]:
    """Of the sightings that an order is about."""
    which: list[ColumnElement[bool]] = []
    if identity_id is not None:
        which.append(Sighting.identity_id == identity_id)
    if camera_id is not None:
        which.append(Sighting.footage_id.in_(select(Footage.id).where(Footage.camera_id == camera_id)))
    if before is not None:
        which += [Sighting.end < before, Sighting.start < before]
    return which


def _some(connection: Connection, which: list[ColumnElement[bool]], kind: str, *, most: int) -> Sequence[int]:
    """Sightings that have what is to be forgotten, the oldest first."""
    portrait = select(Portrait.id).where(Portrait.sighting_id == Sighting.id)
    has: dict[str, list[ColumnElement[bool]]] = {
        "footage": [],
        "sightings": [],
        "portraits": [portrait.exists()],
        "pictures": [portrait.join(Picture, Picture.portrait_id == Portrait.id).exists()],
    }
    query = select(Sighting.id).where(*which, *has[kind]).order_by(Sighting.start).limit(most)
    return connection.scalars(query).all()


def _counts(connection: Connection, some: Sequence[int], kind: str) -> dict[str, int]:
    """What goes with these sightings."""
    of_these = Portrait.sighting_id.in_(some)
    portraits = select(func.count()).select_from(Portrait).where(of_these)
    pictures = select(func.count()).select_from(Picture).join(Portrait).where(of_these)
    return {
        "sightings": len(some) if kind in _WHOLE else 0,
        "portraits": connection.execute(portraits).scalar_one() if kind != "pictures" else 0,
        "pictures": connection.execute(pictures).scalar_one(),
    }


def _extent(connection: Connection, which: list[ColumnElement[bool]], kind: Kind) -> Extent:
    whole, told = kind in _WHOLE, and_(true(), *which)
    sightings = select(func.count()).select_from(Sighting).where(told)
    portraits = select(func.count()).select_from(Portrait).join(Sighting).where(told)
    pictures = select(func.count()).select_from(Picture).join(Portrait).join(Sighting).where(told)
    theirs = select(Sighting.identity_id).where(Sighting.identity_id.is_not(None))
    gone = theirs.where(told).except_(theirs.where(~told)).subquery()
    people = select(func.count()).select_from(gone)
    files = select(func.count()).select_from(_files(told).subquery())
    counts = (people, sightings, portraits, pictures, files)
    wanted = (whole, whole, kind != "pictures", True, kind == "footage")
    return Extent(
        *(
            connection.execute(query).scalar_one() if is_wanted else 0
            for query, is_wanted in zip(counts, wanted, strict=True)
        )
    )


def _files(which: ColumnElement[bool]) -> Select[int, str, str]:
    """id, path and camera of the recorded footage that shows sightings."""
    return (
        select(Segment.id, Segment.path, Camera.name)
        .join(Camera, Camera.id == Segment.camera_id)
        .join(Footage, Footage.camera_id == Segment.camera_id)
        .join(Sighting, Sighting.footage_id == Footage.id)
        .where(which, Segment.start <= Sighting.end, Segment.end > Sighting.start)
        .distinct()
    )


def _forget_sightings(connection: Connection, some: Sequence[int]) -> None:
    moved = CorrectionSighting
    about = select(moved.correction_id).where(moved.sighting_id.in_(some), moved.role != "member").distinct()
    corrections = connection.scalars(about).all()
    near = Sighting.nearest_sighting.in_(some)
    connection.execute(update(Sighting).where(near).values(nearest_sighting=None, nearest_time=None))
    connection.execute(delete(Sighting).where(Sighting.id.in_(some)))
    for correction in corrections:
        _mend(connection, correction)


def _mend(connection: Connection, correction: int) -> None:
    """One that is about nothing any more is no correction; nor is a cut of which a part is gone."""
    kind, undone = connection.execute(
        select(Correction.kind, Correction.undone).where(Correction.id == correction)
    ).one()
    left = select(func.count()).where(
        CorrectionSighting.correction_id == correction, CorrectionSighting.role != "member"
    )
    least = 2 if kind == "cut" and undone is None else 1
    if kind in ("split", "cut", "move", "refine") and connection.execute(left).scalar_one() < least:
        _forget_correction(connection, correction)


def _forget_correction(connection: Connection, correction: int) -> None:
    """What it came to stays."""
    for column in (Identity.made_by, Identity.fixed_by):
        connection.execute(update(Identity).where(column == correction).values({column: None}))
    connection.execute(update(Sighting).where(Sighting.placed_by == correction).values(placed_by=None))
    connection.execute(delete(Correction).where(Correction.id == correction))


def _forget_portraits(connection: Connection, some: Sequence[int]) -> None:
    connection.execute(delete(Portrait).where(Portrait.sighting_id.in_(some)))


def _forget_pictures(connection: Connection, some: Sequence[int]) -> None:
    of_these = select(Portrait.id).where(Portrait.sighting_id.in_(some))
    connection.execute(delete(Picture).where(Picture.portrait_id.in_(of_these)))


_STEPS: dict[str, Callable[[Connection, Sequence[int]], None]] = {
    "footage": _forget_sightings,
    "sightings": _forget_sightings,
    "portraits": _forget_portraits,
    "pictures": _forget_pictures,
}


def _finish(connection: Connection, row: Any) -> None:
    """Nobody is kept of whom no sighting is left; the order becomes a note."""
    gone = _unseen(connection) if row.kind in _WHOLE else []
    for some in in_batches(gone):
        for person in some:
            forget_identity(connection, person)
    if row.kind in _WHOLE:
        _forget_footage(connection, row)
    of_whom = {"identity_id": None, "camera_id": None, "before": None}
    done = update(Erasure).where(Erasure.id == row.id)
    connection.execute(done.values(done=time.time(), people=len(gone), **of_whom))


def _unseen(connection: Connection) -> Sequence[int]:
    """Those without a sighting, nor a redirect to or from somebody who has one. Redirects first."""
    seen = select(Sighting.id).where(Sighting.identity_id == Identity.id).exists()
    root = select(Sighting.id).where(Sighting.identity_id == Identity.merged_into).exists()
    query = select(Identity.id).where(~seen, ~root)
    return connection.scalars(query.order_by(Identity.merged_into.is_(None), Identity.id)).all()


def _forget_footage(connection: Connection, row: Any) -> None:
    """Of a camera or a time: that it was filmed at all, where nothing is left of it."""
    if row.identity_id is not None:
        return
    connection.execute(delete(Pending))  # which tells where people were
    empty = ~select(Sighting.id).where(Sighting.footage_id == Footage.id).exists()
    which = [empty]
    which += [] if row.camera_id is None else [Footage.camera_id == row.camera_id]
    which += [] if row.before is None else [Footage.end < row.before]
    connection.execute(delete(Footage).where(*which))


def forget_identity(connection: Connection, person: int) -> None:
    """Somebody who has no sighting, with their name and every mention of them."""
    about = CorrectionIdentity
    named = select(about.correction_id).where((about.identity_id == person) | (about.other_id == person))
    connection.execute(delete(Pending).where(Pending.correction_id.in_(named)))
    connection.execute(update(Sighting).where(Sighting.decided_id == person).values(decided_id=None))
    for other in (Sighting.runner_up, Sighting.barred):
        columns = {column.name: None for column in Sighting.__table__.c if column.name.startswith(other.key)}
        connection.execute(update(Sighting).where(other == person).values(columns))
    mentioned = (Revision.before_id == person) | (Revision.after_id == person)
    connection.execute(delete(Revision).where(mentioned))
    moved, about = CorrectionSighting, CorrectionIdentity
    connection.execute(delete(moved).where(moved.identity_id == person))
    connection.execute(update(moved).where(moved.before_id == person).values(before_id=None))
    pairs = select(*about.__table__.c, Correction.kind).join(Correction, Correction.id == about.correction_id)
    told = (about.identity_id == person) | (about.other_id == person)
    for pair in connection.execute(pairs.where(told)).all():
        _forget_mention(connection, pair, person)
    connection.execute(delete(Template).where(Template.identity_id == person))
    connection.execute(delete(Identity).where(Identity.id == person))


def _forget_mention(connection: Connection, pair: Any, person: int) -> None:
    """A correction that moved sightings between two people is about the other alone; any other one goes."""
    moved = CorrectionSighting
    left = select(moved.id).where(moved.correction_id == pair.correction_id, moved.role == "moved").exists()
    other = pair.other_id if pair.identity_id == person else pair.identity_id
    if (
        pair.kind in ("split", "cut", "move")
        and other is not None
        and connection.execute(select(left)).scalar()
    ):
        values = {"identity_id": other, "other_id": None}
        connection.execute(update(CorrectionIdentity).where(CorrectionIdentity.id == pair.id).values(values))
    else:
        _forget_correction(connection, pair.correction_id)
