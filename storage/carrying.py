"""What people decided of sightings that are recorded anew, carried over to those that show the same.

An old sighting and a new one show the same where their boxes overlap at the same times on the same camera.
Who a decision was about is who most of that time is of by now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, and_, select

from storage.batches import in_batches
from storage.cutting import CUT
from storage.database import path_of
from storage.errors import UnknownPerson, in_plain_words
from storage.history import History, Trajectory
from storage.journal import PERSON
from storage.repair import CorrectionRow, Repair, corrections
from storage.schema import Camera, Correction, CorrectionSighting, Footage, Identity, Sighting
from tracker.types import Floats

LEAST_OVERLAP = 0.3
"""Of two boxes' union, from which on they show the same person."""

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


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided of what goes. about: correction -> role -> whose (or none) -> sightings."""

    corrections: tuple[CorrectionRow, ...] = ()
    about: Mapping[int, Mapping[tuple[str, int | None], Sequence[int]]] = field(default_factory=dict)
    gone: Mapping[int, Old] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carried:
    """made: the corrections that say it of the new sightings. held: that they say so themselves. lost: what
    could not be said of them.
    """

    made: tuple[CorrectionRow, ...] = ()
    held: tuple[CorrectionRow, ...] = ()
    lost: tuple[CorrectionRow, ...] = ()


def remember(engine: Engine, spans: Sequence[Span]) -> Decided:
    """To be asked before they are erased: the corrections by people that hold and are about these."""
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        gone = {row.id: row for span in spans for row in connection.execute(_in(span))}
        about = _about(connection, gone)
        wanted = {sighting for some in about.values() for each in some.values() for sighting in each}
    ways = History(engine).trajectories(sorted(wanted & gone.keys()))
    rows = tuple(row for row in corrections(engine) if row.id in about)
    olds = {id_: Old(gone[id_].name, gone[id_].start, gone[id_].end, way) for id_, way in ways.items()}
    return Decided(rows, about, olds)


def _in(span: Span) -> Any:
    """The sightings that storage.recording.erase removes."""
    camera, start, end = span
    query = select(Sighting.id, Camera.name, Sighting.start, Sighting.end)
    query = query.join(Footage, Footage.id == Sighting.footage_id).join(Camera)
    return query.where(Camera.name == camera, Sighting.end > start, Sighting.start < end)


def _about(
    connection: Connection, gone: Collection[int]
) -> dict[int, dict[tuple[str, int | None], list[int]]]:
    step = CorrectionSighting
    which: set[int] = set()
    for some in in_batches(sorted(gone)):
        query = select(step.correction_id).join(Correction, Correction.id == step.correction_id)
        holds = and_(Correction.author == PERSON, Correction.undone.is_(None))
        which |= set(connection.scalars(query.where(step.sighting_id.in_(some), holds)))
    about: dict[int, dict[tuple[str, int | None], list[int]]] = {id_: defaultdict(list) for id_ in which}
    for some in in_batches(sorted(which)):
        steps = select(*step.__table__.c).where(step.correction_id.in_(some)).order_by(step.id)
        for row in connection.execute(steps):
            if row.role != "held":
                about[row.correction_id][row.role, row.identity_id].append(row.sighting_id)
    return about


def carry(engine: Engine, decided: Decided) -> Carried:
    """Say of the new sightings what was decided of the old ones, in the order in which it was."""
    if not decided.corrections:
        return Carried()
    carrier = _Carrier(engine, decided)
    told: dict[str, list[CorrectionRow]] = {"made": [], "held": [], "lost": []}
    for row in decided.corrections:
        try:
            numbers = carrier.again(row)
        except UnknownPerson:  # what it makes no sense to say of them
            told["lost"].append(row)
            continue
        told["held" if not numbers else "made"] += (
            [carrier.repair.correction(number) for number in numbers] if numbers else [row]
        )
    return Carried(tuple(told["made"]), tuple(told["held"]), tuple(told["lost"]))


class _Lost(UnknownPerson):
    """Who a decision was about is not found again."""


class _Carrier:
    def __init__(self, engine: Engine, decided: Decided) -> None:
        self._engine, self._decided = engine, decided
        self.repair = Repair(engine)
        self._shown = {id_: _shown(engine, old) for id_, old in decided.gone.items()}

    def again(self, row: CorrectionRow) -> list[int]:
        """The numbers of the corrections made; none where it is so already. Raises UnknownPerson."""
        first, other = row.people[0]
        if row.kind == "name":
            return self._name(self._whose(row, "member", first), row.name or "")
        if row.kind in ("merge", "differ"):
            assert other is not None, "both are about two"
            a, b = self._whose(row, "member", first), self._whose(row, "member", other)
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
        steps = self._decided.about[row.id]
        moved = [id_ for (role, _), some in steps.items() if role == "moved" for id_ in some]
        to = self._whose_if_known(row, target)
        before = None if left is None else self._whose_if_known(row, left)
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
        if sighting not in self._decided.gone:
            return sighting
        shown, points = self._shown[sighting]
        best = max(shown, key=lambda id_: shown[id_], default=None)
        if best is None or shown[best] < LEAST_SHARE * points:
            raise _Lost("nothing shows it any more")
        return best

    def _whose_if_known(self, row: CorrectionRow, who: int) -> int | None:
        return self._whose(row, "member", who) if ("member", who) in self._decided.about[row.id] else None

    def _whose(self, row: CorrectionRow, role: str, who: int) -> int:
        """Who is by now what was somebody's then. Raises _Lost."""
        points: Counter[int] = Counter()
        for old in self._decided.about[row.id].get((role, who), ()):
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
