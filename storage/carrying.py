"""What people decided of sightings that are recorded anew, carried over to those that show the same.

An old sighting and a new one show the same where their boxes overlap at the same times on the same camera.
Who a decision was about is who most of that time is of by now.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, and_, delete, select
from sqlalchemy.dialects.sqlite import insert

from storage.batches import in_batches
from storage.cutting import CUT
from storage.database import path_of, writing
from storage.errors import UnknownPerson, in_plain_words
from storage.history import History, Trajectory
from storage.journal import PERSON
from storage.packing import pack, unpack
from storage.repair import CorrectionRow, Repair
from storage.schema import Camera, Correction, CorrectionSighting, Footage, Identity, Pending, Sighting
from tracker.types import Floats

LEAST_OVERLAP = 0.3
"""Of two boxes' union, from which on they show the same person."""

ABOUT_S = 1.0
"""How much later footage may begin than a sighting of it did, or end before, and still be all of it."""

LEAST_SHARE = 0.5
"""Of a sighting's points that a new one must show to stand for it."""

Span = tuple[str, float, float]
"""Camera, start and end of what is recorded anew."""


@dataclass(frozen=True, slots=True)
class Old:
    """A sighting that goes, and the way it took."""

    camera: str
    start: float
    end: float
    way: Trajectory


@dataclass(slots=True)
class About:
    """What a correction says of which sightings. roles: role and whose (or none) -> sightings. gone: those of
    them that were erased.
    """

    roles: dict[tuple[str, int | None], list[int]] = field(default_factory=dict)
    gone: dict[int, Old] = field(default_factory=dict)

    def and_of(self, other: About) -> About:
        """Both: one correction may be about sightings that are erased at different times."""
        roles = {
            key: sorted({*self.roles.get(key, ()), *other.roles.get(key, ())})
            for key in {**self.roles, **other.roles}
        }
        return About(roles, {**self.gone, **other.gone})

    def packed(self) -> str:
        gone = {
            str(id_): [
                old.camera,
                old.start,
                old.end,
                b64encode(pack(old.way)).decode() if len(old.way) else "",
            ]
            for id_, old in self.gone.items()
        }
        return json.dumps({"roles": [[*key, some] for key, some in self.roles.items()], "gone": gone})

    @staticmethod
    def unpacked(text: str) -> About:
        told = json.loads(text)
        roles = {(role, whose): some for role, whose, some in told["roles"]}
        gone = {
            int(id_): Old(camera, start, end, unpack(b64decode(way)) if way else Trajectory.joined([]))
            for id_, (camera, start, end, way) in told["gone"].items()
        }
        return About(roles, gone)


@dataclass(frozen=True, slots=True)
class Carried:
    """made: the corrections that say it of the new sightings. held: that they say so themselves. lost: what
    could not be said of them. waiting: what is about footage that is not recorded anew yet.
    """

    made: tuple[CorrectionRow, ...] = ()
    held: tuple[CorrectionRow, ...] = ()
    lost: tuple[CorrectionRow, ...] = ()
    waiting: tuple[CorrectionRow, ...] = ()


def remember(engine: Engine, spans: Sequence[Span]) -> None:
    """Keep, in the history, what the corrections by people that hold say of the sightings in these spans,
    which are about to be erased.
    """
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        rows = {row.id: row for span in spans for row in connection.execute(_in(span))}
        about = _about(connection, rows)
    wanted = {id_ for one in about.values() for some in one.roles.values() for id_ in some}
    ways = History(engine).trajectories(sorted(wanted & rows.keys()))
    for one in about.values():
        mine = {id_ for some in one.roles.values() for id_ in some} & ways.keys()
        one.gone = {id_: Old(rows[id_].name, rows[id_].start, rows[id_].end, ways[id_]) for id_ in mine}
    with in_plain_words(path_of(engine)), writing(engine).begin() as connection:
        known = _pending(connection)
        for correction, one in about.items():
            text = (known[correction].and_of(one) if correction in known else one).packed()
            statement = insert(Pending).values(correction_id=correction, about=text)
            values = {"about": text}
            connection.execute(statement.on_conflict_do_update(index_elements=["correction_id"], set_=values))


def _pending(connection: Connection) -> dict[int, About]:
    query = select(Pending.correction_id, Pending.about).order_by(Pending.correction_id)
    return {row.correction_id: About.unpacked(row.about) for row in connection.execute(query)}


def _in(span: Span) -> Any:
    """The sightings that storage.recording.erase removes."""
    camera, start, end = span
    query = select(Sighting.id, Camera.name, Sighting.start, Sighting.end)
    query = query.join(Footage, Footage.id == Sighting.footage_id).join(Camera)
    return query.where(Camera.name == camera, Sighting.end > start, Sighting.start < end)


def _about(connection: Connection, gone: Collection[int]) -> dict[int, About]:
    step = CorrectionSighting
    which: set[int] = set()
    for some in in_batches(sorted(gone)):
        query = select(step.correction_id).join(Correction, Correction.id == step.correction_id)
        holds = and_(Correction.author == PERSON, Correction.undone.is_(None))
        which |= set(connection.scalars(query.where(step.sighting_id.in_(some), holds)))
    about = {id_: About() for id_ in sorted(which)}
    for some in in_batches(sorted(which)):
        steps = select(*step.__table__.c).where(step.correction_id.in_(some)).order_by(step.id)
        for row in connection.execute(steps):
            if row.role != "held":
                roles = about[row.correction_id].roles
                roles.setdefault((row.role, row.identity_id), []).append(row.sighting_id)
    return about


def carry(engine: Engine) -> Carried:
    """Say of the new sightings what was decided of the old ones, in the order in which it was. What is not
    found waits while its footage is not recorded anew.
    """
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        pending = _pending(connection)
    told: dict[str, list[CorrectionRow]] = {"made": [], "held": [], "lost": [], "waiting": []}
    repair = Repair(engine)
    for number, about in pending.items():
        row = repair.correction(number)
        if row.undone is None:
            what, rows = _carried(engine, repair, row, about)
            told[what] += rows
            if what == "waiting":
                continue
        with in_plain_words(path_of(engine)), writing(engine).begin() as connection:
            connection.execute(delete(Pending).where(Pending.correction_id == number))
    return Carried(**{what: tuple(rows) for what, rows in told.items()})


def _carried(
    engine: Engine, repair: Repair, row: CorrectionRow, about: About
) -> tuple[str, list[CorrectionRow]]:
    """What became of a correction, and which are to be told of."""
    with engine.connect() as connection:
        filmed = all(_is_filmed(connection, old) for old in about.gone.values())
    try:
        numbers = _Carrier(engine, repair, about).again(row)
    except UnknownPerson:  # what it makes no sense to say of them
        return ("lost" if filmed else "waiting"), [row]
    return ("made", [repair.correction(number) for number in numbers]) if numbers else ("held", [row])


def _is_filmed(connection: Connection, old: Old) -> bool:
    """Whether the history holds footage of that camera and time by now."""
    query = select(Footage.id).join(Camera).where(Camera.name == old.camera)
    query = query.where(Footage.start <= old.start + ABOUT_S, Footage.end >= old.end - ABOUT_S)
    return connection.execute(query.limit(1)).first() is not None


class _Lost(UnknownPerson):
    """Who a decision was about is not found again."""


class _Carrier:
    """Of one correction."""

    def __init__(self, engine: Engine, repair: Repair, about: About) -> None:
        self._engine, self._about, self.repair = engine, about, repair
        self._shown = {id_: _shown(engine, old) for id_, old in about.gone.items()}

    def again(self, row: CorrectionRow) -> list[int]:
        """The numbers of the corrections made; none where it is so already. Raises UnknownPerson."""
        first, other = row.people[0]
        if row.kind == "name":
            return self._name(self._whose("member", first), row.name or "")
        if row.kind in ("merge", "differ"):
            assert other is not None, "both are about two"
            a, b = self._whose("member", first), self._whose("member", other)
            if row.kind == "merge":
                return [] if a == b else [self.repair.merge(min(a, b), max(a, b), anyway=True)]
            return [self.repair.differ(a, b)]
        return self._moved(row, first, other)

    def _name(self, who: int, name: str) -> list[int]:
        with self._engine.connect() as connection:
            now = connection.execute(select(Identity.name).where(Identity.id == who)).scalar()
        return [] if (now or "") == name else [self.repair.name(who, name)]

    def _moved(self, row: CorrectionRow, first: int, other: int | None) -> list[int]:
        """Of kind move, split and cut: sightings of one are another's."""
        target, left = (first, None) if other is None else (other, first)
        steps = self._about.roles
        moved = [id_ for (role, _), some in steps.items() if role == "moved" for id_ in some]
        to = self._whose_if_known(target)
        before = None if left is None else self._whose_if_known(left)
        if to is not None and to == before:
            raise _Lost("the two are one by now")
        cut = [id_ for (role, _), some in steps.items() if role == CUT for id_ in some]
        if cut and row.note is not None and self._now(cut[0]) == self._now(moved[0]):
            return [self.repair.cut(self._now(moved[0]), float(row.note), to, over=True)]
        made: list[int] = []
        for new in dict.fromkeys(self._now(id_) for id_ in moved):
            is_ = self._identity(new)
            if is_ == to or (to is None and is_ not in (None, before)):
                continue
            made.append(self.repair.move(new, to))
            to = self._identity(new)
        return made

    def _now(self, sighting: int) -> int:
        """The sighting that shows what an old one did. Raises _Lost."""
        if sighting not in self._about.gone:
            return sighting
        shown, points = self._shown[sighting]
        best = max(shown, key=lambda id_: shown[id_], default=None)
        if best is None or shown[best] < LEAST_SHARE * points:
            raise _Lost("nothing shows it any more")
        return best

    def _whose_if_known(self, who: int) -> int | None:
        return self._whose("member", who) if ("member", who) in self._about.roles else None

    def _whose(self, role: str, who: int) -> int:
        """Who is by now what was somebody's then. Raises _Lost."""
        points: Counter[int] = Counter()
        for old in self._about.roles.get((role, who), ()):
            shown = self._shown[old][0] if old in self._shown else self._still(old)
            for new, count in shown.items():
                identity = self._identity(new)
                if identity is not None and count:
                    points[identity] += count
        if not points:
            raise _Lost(f"nobody is {who} by now")
        return min(points, key=lambda identity: (-points[identity], identity))

    def _still(self, sighting: int) -> Counter[int]:
        """One that stays, as its points."""
        return Counter({sighting: len(History(self._engine).trajectory(sighting))})

    def _identity(self, sighting: int) -> int | None:
        with self._engine.connect() as connection:
            query = select(Sighting.identity_id).where(Sighting.id == sighting)
            found: int | None = connection.execute(query).scalar()
        return found


def _shown(engine: Engine, old: Old) -> tuple[Counter[int], int]:
    """How many of an old sighting's points each new one shows, and how many there are."""
    with engine.connect() as connection:
        span = (old.camera, old.start, old.end)
        news = [row.id for row in connection.execute(_in(span))]
    counts: Counter[int] = Counter()
    for id_, way in History(engine).trajectories(news).items():
        counts[id_] = int((_overlaps(old.way, way) >= LEAST_OVERLAP).sum())
    return counts, len(old.way)


def _overlaps(old: Trajectory, new: Trajectory) -> NDArray[np.floating]:
    """(len(old),) intersection over union with the new one's box at each time; 0 outside of it."""
    if not len(old) or not len(new):
        return np.zeros(len(old))
    boxes = np.column_stack([np.interp(old.times, new.times, column) for column in new.boxes.T])
    there = (old.times >= new.times[0] - 1e-3) & (old.times <= new.times[-1] + 1e-3)
    return np.where(there, _iou(old.boxes, boxes), 0.0)


def _iou(a: Floats, b: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N,) of each pair of rows, xyxy."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.clip(sides, 0, None).prod(axis=1)
    areas = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1)
    return np.asarray(both / np.maximum(areas - both, 1e-9))
