"""Who was taken for whom: the errors of identity that one can point at, beside the rates of scores.

Everything is told of *visits*: the boxes of one person (or one id) on one camera without a gap of more than
VISIT_GAP_S. A true box and a found one of the same frame *match* where the pairing of all boxes of the frame
that has the largest sum of IoUs, at least 0.5 each, pairs them. Ids are global: those of all cameras are one.

* A true visit is *found as* the id that most of its matched boxes have, as no id where none matched.
* A found visit *belongs to* the person whom most of its matched boxes show; to nobody, where fewer than
  half of its boxes match anybody. Of equals the lower number counts, here and above.

From these:

* *Identity purity*: of all found boxes that match somebody, the part that show the main person of their id,
  who is the one with most of the id's matched boxes.
* *False merges*: an id whose visits belong to k people has made k - 1.
* *Missed merges*: a person to whom visits of k ids belong has suffered k - 1.
  Both are counted, and told per hundred true people.
* *Hand-over recall*: a person's visits over all cameras in order of their beginning (then end, then name);
  each two that follow one another on different cameras are a hand-over. It is kept where both visits are
  found as the same id. Recall is the part kept; a visit that was not found keeps none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

VISIT_GAP_S = 2.0
"""A person may be hidden this long and it is one visit."""

LEAST_MATCHED = 0.5
"""The part of a found visit's boxes that must match people for it to belong to one of them."""

NOBODY = int(np.iinfo(np.int64).min)
"""In a column of ids: there is none."""

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FrameClock:
    """When a camera's frames were: frame k, from 0, at start_s + k / fps, in seconds."""

    start_s: float = 0.0
    fps: float = 25.0


@dataclass(frozen=True, slots=True)
class Matched:
    """All boxes of one camera, those that match being one row. Columns of equal length.

    times: (N,) float64 seconds. people: (N,) true ids, NOBODY for a false alarm. ids: (N,) found ids, NOBODY
    for a miss.
    """

    camera: str
    times: NDArray[np.float64]
    people: Whole
    ids: Whole


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of a true person, or of an id found. start, end: seconds.

    who: the person, or the id. partner: the id it was found as, or the person it belongs to. boxes: of the
    visit. matched: of them, those matched with the partner.
    """

    camera: str
    who: int
    start: float
    end: float
    partner: int | None
    boxes: int
    matched: int


@dataclass(frozen=True, slots=True)
class Handover:
    """Two visits of one person that follow one another on different cameras."""

    before: Visit
    after: Visit

    @property
    def kept(self) -> bool:
        return self.before.partner is not None and self.before.partner == self.after.partner


@dataclass(frozen=True, slots=True)
class IdentityErrors:
    """people: how many true ones there are. matched: boxes that match. pure: of them, those that show their
    id's main person. true, found: all visits, by start.
    """

    people: int
    matched: int
    pure: int
    true: tuple[Visit, ...]
    found: tuple[Visit, ...]

    @property
    def purity(self) -> float | None:
        """0..1; None where nothing matched."""
        return self.pure / self.matched if self.matched else None

    @property
    def people_of(self) -> dict[int, list[int]]:
        """Id -> the people its visits belong to, by number."""
        return _grouped((visit.who, visit.partner) for visit in self.found if visit.partner is not None)

    @property
    def ids_of(self) -> dict[int, list[int]]:
        """Person -> the ids whose visits belong to them, by number."""
        return _grouped((visit.partner, visit.who) for visit in self.found if visit.partner is not None)

    @property
    def false_merges(self) -> int:
        return sum(len(people) - 1 for people in self.people_of.values())

    @property
    def missed_merges(self) -> int:
        return sum(len(ids) - 1 for ids in self.ids_of.values())

    def per_hundred_people(self, count: int) -> float | None:
        """None where there are no people."""
        return 100.0 * count / self.people if self.people else None

    @property
    def handovers(self) -> list[Handover]:
        """By person, then in order of time."""
        visits: dict[int, list[Visit]] = defaultdict(list)
        for visit in sorted(self.true, key=lambda visit: (visit.start, visit.end, visit.camera)):
            visits[visit.who].append(visit)
        pairs = [Handover(*pair) for who in sorted(visits) for pair in pairwise(visits[who])]
        return [pair for pair in pairs if pair.before.camera != pair.after.camera]

    @property
    def handover_recall(self) -> float | None:
        """0..1; None where nobody went from camera to camera."""
        pairs = self.handovers
        return sum(pair.kept for pair in pairs) / len(pairs) if pairs else None


def identity_errors(cameras: Sequence[Matched]) -> IdentityErrors:
    """The errors over the given cameras, their ids being global."""
    people, ids = (np.concatenate([np.zeros(0, np.int64), *columns]) for columns in _columns(cameras))
    both = (people != NOBODY) & (ids != NOBODY)
    true = [visit for part in cameras for visit in _visits(part, part.people, part.ids, least=0.0)]
    found = [visit for part in cameras for visit in _visits(part, part.ids, part.people, least=LEAST_MATCHED)]
    return IdentityErrors(
        people=len(np.unique(people[people != NOBODY])),
        matched=int(both.sum()),
        pure=sum(_most_common(people[both & (ids == i)])[1] for i in np.unique(ids[both])),
        true=_ordered(true),
        found=_ordered(found),
    )


def _columns(cameras: Sequence[Matched]) -> tuple[list[Whole], list[Whole]]:
    return [part.people for part in cameras], [part.ids for part in cameras]


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    groups: dict[int, set[int]] = defaultdict(set)
    for key, value in pairs:
        groups[key].add(value)
    return {key: sorted(groups[key]) for key in sorted(groups)}


def _visits(part: Matched, subjects: Whole, others: Whole, *, least: float) -> list[Visit]:
    """The visits of each subject, each with the other side's number that most of its boxes have."""
    visits = []
    for who in np.unique(subjects[subjects != NOBODY]):
        rows = np.flatnonzero(subjects == who)
        rows = rows[np.argsort(part.times[rows], kind="stable")]
        away = np.flatnonzero(np.diff(part.times[rows]) > VISIT_GAP_S) + 1
        visits += [_visit(part, int(who), some, others[some], least) for some in np.split(rows, away)]
    return visits


def _visit(part: Matched, who: int, rows: NDArray[np.intp], others: Whole, least: float) -> Visit:
    known = others[others != NOBODY]
    partner, matched = _most_common(known)
    if not len(known) or len(known) < least * len(rows):
        partner, matched = None, 0
    start, end = part.times[rows[0]], part.times[rows[-1]]
    return Visit(part.camera, who, float(start), float(end), partner, len(rows), matched)


def _most_common(numbers: Whole) -> tuple[int | None, int]:
    """The number there most often, of equals the lowest, and how often; None and 0 where there is none."""
    if not len(numbers):
        return None, 0
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[counts.argmax()]), int(counts.max())


def _ordered(visits: list[Visit]) -> tuple[Visit, ...]:
    return tuple(sorted(visits, key=lambda visit: (visit.start, visit.end, visit.camera, visit.who)))
