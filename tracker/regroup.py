"""The second pass (tracker.refine) over the last presences of a run, who follow on what was decided before.

Journeys are made of the last presences alone; people, of these and of the journeys before them, whose
identities stand. What was decided of the last presences while they were there counts as evidence.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker import journeys
from tracker.learning import Ways, chances, together_so_far, ways
from tracker.likeness import Curve, given
from tracker.linkage import joined, rejoined
from tracker.refine import ENOUGH
from tracker.topology import Integers, Table
from tracker.tracklets import (
    Tracklet,
    centred,
    identities_of,
    impossible,
    looks_of,
    people_so_far,
    stays_of,
)
from tracker.types import Floats

TURNS = 2
"""Of learning and clustering, the first time; from then on what was decided is where it begins."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What is over and decided. looks: (N, D), of each presence; cameras: (N,) their names."""

    identity: int
    looks: Floats
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One person among the last presences. identity: as known before, None for somebody new. numbers:
    theirs; probabilities: of each that it belongs here. journeys: of each, to tell them apart.
    """

    identity: int | None
    numbers: tuple[int, ...]
    probabilities: tuple[float, ...]
    journeys: tuple[int, ...]


def regroup(
    window: Sequence[Tracklet],
    older: Sequence[Journey],
    *,
    thought: Collection[int] = (),
    overlap: frozenset[frozenset[str]] = frozenset(),
    apart: Collection[frozenset[int]] = (),
    topology: bool = True,
    enough: threading.Event | None = None,
) -> list[Group]:
    """Who the last presences are. Those of an older identity take it, others the one most of them have.

    thought: numbers of those that were thought about before; learning begins with what was decided of them.
    overlap, apart, topology: as in Memory. enough: once set, nothing comes of it, within a second or two.
    """
    enough = enough or threading.Event()
    if not window:
        return []
    never = impossible(window, overlap)
    never |= _said_apart(window, apart)
    looks = _looks(window, older)
    made = _journeys(window, looks, never, thought, enough) if topology else _untaught(looks, never)
    if enough.is_set():
        return []
    journey = made.journey
    between, never_between = _between(looks, made, never, learn=topology)
    most = journeys.decided(identities_of(window), journey)
    known = np.array([journey.identity for journey in older], np.int64)
    between = between + journeys.held(np.concatenate([most, known]))
    never_between |= _said_apart_before(window, older, journey, apart)
    ties = _decided(older, never_between, int(journey.max()) + 1)
    labels = joined(between, never_between, ties)
    return _groups(window, older, journey, labels, made.odds, between)


def _said_apart(window: Sequence[Tracklet], apart: Collection[frozenset[int]]) -> NDArray[np.bool_]:
    """(N, N): presences of identities that are two people, as somebody said."""
    identity = identities_of(window)
    never: NDArray[np.bool_] = np.zeros((len(window), len(window)), bool)
    for first, second in map(sorted, apart):
        never |= (identity == first)[:, None] & (identity == second)[None]
    return never | never.T


def _said_apart_before(
    window: Sequence[Tracklet],
    older: Sequence[Journey],
    journey: Integers,
    apart: Collection[frozenset[int]],
) -> NDArray[np.bool_]:
    """(K + J, K + J): the same of the window's journeys and the older ones."""
    count = int(journey.max()) + 1
    never: NDArray[np.bool_] = np.zeros((count + len(older), count + len(older)), bool)
    mine, theirs = identities_of(window), np.array([known.identity for known in older], np.int64)
    for pair in map(sorted, apart):
        for one, other in (pair, pair[::-1]):
            never[np.ix_(np.unique(journey[mine == one]), count + np.flatnonzero(theirs == other))] = True
    return never | never.T


@dataclass(frozen=True, slots=True)
class Looks:
    """Of N presences, and after them of the M of J older journeys. centred: (N + M, D) unit rows, less the
    means of their cameras. older: (M,) codes of the journeys. people: (N + M,) codes, as decided so far.
    """

    centred: Floats
    older: Integers
    people: Integers

    @property
    def curve(self) -> Curve:
        """Where nothing is learned."""
        return given(int(self.people.max()) + 1)

    def codes(self, journey: Integers) -> Integers:
        """(N + M,) 0..K+J-1. journey: (N,) of the presences, 0..K-1."""
        codes: Integers = np.concatenate([journey, int(journey.max()) + 1 + self.older])
        return codes


def _looks(window: Sequence[Tracklet], older: Sequence[Journey]) -> Looks:
    names = [t.camera for t in window] + [name for journey in older for name in journey.cameras]
    camera = np.unique(names, return_inverse=True)[1].astype(np.int64)
    bare = np.concatenate([looks_of(window), *(journey.looks for journey in older)])
    codes = np.repeat(np.arange(len(older)), [len(journey.cameras) for journey in older]).astype(np.int64)
    people = people_so_far(
        [*(t.identity for t in window), *(older[code].identity for code in codes.tolist())]
    )
    return Looks(centred(bare, camera, people), codes, people)


@dataclass(frozen=True, slots=True)
class Made:
    """(N,) journeys, and the (N, N) log odds they come from. ways: what those come from, and far: (N, N) of
    which pairs they tell nothing; None where nothing was learned.
    """

    journey: Integers
    odds: Table
    ways: Ways | None = None
    far: NDArray[np.bool_] | None = None


def _journeys(
    window: Sequence[Tracklet],
    looks: Looks,
    never: NDArray[np.bool_],
    thought: Collection[int],
    enough: threading.Event,
) -> Made:
    """Each presence is a journey of its own where nothing can be learned."""
    if len(window) < ENOUGH:
        return _untaught(looks, never)
    mine = looks.centred[: len(window)]
    stays, alike = stays_of(window), np.asarray(mine @ mine.T, np.float32)
    chance = _so_far(window, looks.curve, alike, never, thought)
    for turn in range(1 if thought else TURNS):
        learned = ways(stays, alike, chance, never)
        if learned is None or enough.is_set():
            return _untaught(looks, never)
        far = never | journeys.too_far(stays, learned.clocks)
        made = Made(rejoined(learned.odds, never, (), far=far), learned.odds, learned, far)
        if turn + 1 < TURNS:
            chance = together_so_far(made.journey, never)
    return made


def _untaught(looks: Looks, never: NDArray[np.bool_]) -> Made:
    mine = looks.centred[: len(never)]
    return Made(np.arange(len(never), dtype=np.int64), looks.curve(mine @ mine.T))


def _so_far(
    window: Sequence[Tracklet],
    curve: Curve,
    alike: Table,
    never: NDArray[np.bool_],
    thought: Collection[int],
) -> Table:
    """(N, N) chances: of those that were thought about before what was decided, of others by looks."""
    known = np.array([t.number in thought and t.identity is not None for t in window])
    identity = identities_of(window)
    chance = together_so_far(identity, never)
    rest = ~known
    chance[rest] = chances(curve(alike[rest]), never[rest])
    chance[:, rest] = chance[rest].T
    return chance


def _between(
    looks: Looks, made: Made, never: NDArray[np.bool_], *, learn: bool
) -> tuple[Table, NDArray[np.bool_]]:
    """(K + J, K + J) log odds of the window's journeys and the older ones, and which are never one.

    learn: the curve of looks; else the given one holds, as where too little is told.
    """
    journey = made.journey
    count = int(journey.max()) + 1
    codes = looks.codes(journey)
    apart: NDArray[np.bool_] = np.eye(int(codes.max()) + 1, dtype=bool)
    apart[:count, :count] = journeys.spread(never, journey)
    plain = journeys.by_given(looks.centred, codes, looks.people)
    often = journeys.returning(looks.people)
    learned = journeys.learned(looks.centred, codes, apart) if learn and often < 1.0 else None
    if learned is None:
        return plain, apart
    found = learned.odds(looks.centred, codes)
    if made.ways is not None and made.far is not None:
        mine = found[:count, :count]
        found[:count, :count] = learned.with_delays(mine, made.ways.delay, ~made.far, journey)
    return often * plain + (1.0 - often) * found, apart


def _decided(older: Sequence[Journey], never: NDArray[np.bool_], first: int) -> list[tuple[int, int]]:
    """The older journeys' identities stand: ties of those of one; those of two are never one, by never."""
    identity = np.array([journey.identity for journey in older], np.int64)
    never[first:, first:] |= identity[:, None] != identity[None]
    ties, known = [], dict[int, int]()
    for row, number in enumerate(identity.tolist(), first):
        if number in known:
            never[known[number], row] = never[row, known[number]] = False
            ties.append((known[number], row))
        known.setdefault(number, row)
    return ties


def _groups(
    window: Sequence[Tracklet],
    older: Sequence[Journey],
    journey: Integers,
    labels: Integers,
    odds: Table,
    between: Table,
) -> list[Group]:
    owner = _owners(window, older, labels[journey], labels[int(journey.max()) + 1 :])
    members: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(labels[journey].tolist()):
        members[label].append(row)
    groups = []
    for label, rows in members.items():
        sure = _sure(rows, journey, odds, between)
        numbers = tuple(window[row].number for row in rows)
        groups.append(Group(owner.get(label), numbers, sure, tuple(journey[rows].tolist())))
    return groups


def _owners(
    window: Sequence[Tracklet], older: Sequence[Journey], mine: Integers, theirs: Integers
) -> dict[int, int]:
    """Which identity each label keeps: an older one's, else the one with the most seconds; each but once."""
    owner = {label: journey.identity for label, journey in zip(theirs.tolist(), older, strict=True)}
    votes: Counter[tuple[int, int]] = Counter()
    for tracklet, label in zip(window, mine.tolist(), strict=True):
        if tracklet.identity is not None:
            votes[label, tracklet.identity] += 1 + round(100 * (tracklet.end - tracklet.start))
    taken = set(owner.values())
    for (label, identity), _ in votes.most_common():
        if label not in owner and identity not in taken:
            owner[label] = identity
            taken.add(identity)
    return owner


def _sure(rows: Sequence[int], journey: Integers, odds: Table, between: Table) -> tuple[float, ...]:
    """Of each, the chance by the mean log odds that it and another of its group are one."""
    own = journey[rows]
    inner = np.where(own[:, None] == own[None], odds[np.ix_(rows, rows)], between[np.ix_(own, own)])
    odds_each = np.clip(inner.astype(np.float64), -30, 30)
    np.fill_diagonal(odds_each, 0.0)
    if len(rows) == 1:
        return (1.0,)
    return tuple(float(p) for p in 1 / (1 + np.exp(-odds_each.sum(axis=1) / (len(rows) - 1))))
