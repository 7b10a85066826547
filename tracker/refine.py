"""All tracklets of a span -> people: the partition of highest posterior, and the model of the site with it.

Both are found in turns (expectation and maximisation, with hard assignments): given who is who, what cameras
add to looks, how people go from camera to camera and how pictures of overlapping views map to each other is
learned anew; given that, who is who. Nothing of it waits for a number of tracklets: what little footage says
is weighed against what is believed beforehand. Turns end in the best that is near where they begin: they
begin twice, from nobody known and from who is who so far, and what has the higher posterior is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker import ground, transitions
from tracker.appearance import Appearance, camera_means
from tracker.clocks import Clocks, Stays, heaps, set_clocks
from tracker.clustering import Partition
from tracker.constraints import Constraints
from tracker.ground import Ground
from tracker.model import Links, Model, links_of, meetings
from tracker.rules import Rule, cut
from tracker.tracklets import Columns, Integers, Tracklet, columns_of, people_so_far
from tracker.types import Floats

MOST = 20_000
"""Tracklets at once: a table of all pairs takes 1.6 GB then, and there are some of them."""

TURNS = 3
"""Of learning and clustering; a fourth changes nothing to speak of."""


class TooManyError(ValueError):
    """More tracklets than are compared at once."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One person. tracklets: their numbers. probabilities: of each, that it belongs here, 0..1."""

    tracklets: tuple[int, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pass:
    """Clusters, and the model they come from. clocks: None where all tracklets are of one recording.
    log_odds: of the partition, held against everybody being somebody else.
    """

    clusters: list[Cluster] = field(default_factory=list)
    model: Model | None = None
    clocks: Clocks | None = None
    log_odds: float = 0.0


def refine(
    tracklets: Sequence[Tracklet],
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    rules: Collection[Rule] = (),
    together: Collection[tuple[int, int]] = (),
    apart: Collection[tuple[int, int]] = (),
    price: float = 0.0,
) -> list[Cluster]:
    """Who is who, by all that is known of the span.

    overlap, rules: what is told of the cameras (tracker.constraints). together, apart: pairs of numbers that
    people have decided on, which outrank it. price: log of how many missed merges a false one is worth.
    Raises TooManyError; ValueError where one pair is in both.
    """
    told = Constraints(rules=tuple(rules), overlap=overlap)
    return second_pass(tracklets, constraints=told, together=together, apart=apart, price=price).clusters


def second_pass(
    tracklets: Sequence[Tracklet],
    *,
    constraints: Constraints | None = None,
    together: Collection[tuple[int, int]] = (),
    apart: Collection[tuple[int, int]] = (),
    strangers: NDArray[np.bool_] | None = None,
    begun: Sequence[Integers | None] | None = None,
    appearance: Appearance | None = None,
    price: float = 0.0,
    turns: int = TURNS,
    enough: threading.Event | None = None,
) -> Pass:
    """As ``refine``, with what was learned. strangers: (N, N) more pairs that are never one person. begun:
    each (N,) who is who, from which is learned first, or None, nobody known; else it begins from None and
    from the tracklets' identities. appearance: what the network's card says. price: log of how many missed
    merges a false one is worth. enough: once set, EnoughError is raised soon.
    """
    if len(tracklets) > MOST:
        raise TooManyError(f"{len(tracklets)} sightings are more than the {MOST} that are compared at once.")
    if not tracklets:
        return Pass()
    told = constraints or Constraints()
    never, ties = _told(tracklets, told, together, apart)
    if strangers is not None:
        never |= strangers
    columns = columns_of(tracklets)
    found: list[_Found] = []
    for people in _begun(tracklets) if begun is None else begun:
        site = Site(columns, never, told, appearance or Appearance(), price)
        found.append(_in_turns(site, ties, people, turns, enough))
    best = max(found, key=lambda one: one.log_odds)
    numbers = np.array([t.number for t in tracklets])
    clusters = clusters_of(numbers, best.people, best.partition.belonging())
    whole = cut(clusters, tracklets, told.rules, together=together)
    return Pass(whole, best.model, best.clocks, best.log_odds)


def _begun(tracklets: Sequence[Tracklet]) -> list[Integers | None]:
    known = any(tracklet.identity is not None for tracklet in tracklets)
    return [None, people_so_far(tracklets)] if known else [None]


@dataclass(frozen=True, slots=True)
class _Found:
    """What turns come to. people: (N,) labels."""

    partition: Partition
    people: Integers
    model: Model
    clocks: Clocks | None
    log_odds: float


def _in_turns(
    site: Site,
    ties: Collection[tuple[int, int]],
    people: Integers | None,
    turns: int,
    enough: threading.Event | None,
) -> _Found:
    """From who is who to begin with, or, with None, from nobody known."""
    for _ in range(turns):
        model, links = site.learned(people)
        partition = Partition(site.columns, model, links, site.never, ties=ties, enough=enough)
        found = partition.settle()
        settled = people is not None and np.array_equal(people, found)
        people = found
        if settled:
            break
    return _Found(partition, found, model, site.clocks, partition.log_odds)


def _told(
    tracklets: Sequence[Tracklet],
    told: Constraints,
    together: Collection[tuple[int, int]],
    apart: Collection[tuple[int, int]],
) -> tuple[NDArray[np.bool_], list[tuple[int, int]]]:
    """(N, N) pairs that are never one, and pairs of rows that are: people outrank what seems impossible."""
    row = {tracklet.number: k for k, tracklet in enumerate(tracklets)}
    never = told.cannot_link(tracklets)
    ties = [(row[a], row[b]) for a, b in together]
    parted = [(row[a], row[b]) for a, b in apart]
    if {frozenset(pair) for pair in ties} & {frozenset(pair) for pair in parted}:
        raise ValueError("a pair is said to be one person and two")
    for a, b in ties:
        never[a, b] = never[b, a] = False
    for a, b in parted:
        never[a, b] = never[b, a] = True
    return never, ties


def clusters_of(
    numbers: NDArray[np.int64], people: Integers, belonging: NDArray[np.float64]
) -> list[Cluster]:
    found = []
    for label in range(int(people.max()) + 1):
        rows = np.flatnonzero(people == label)
        found.append(Cluster(tuple(numbers[rows].tolist()), tuple(belonging[rows].tolist())))
    return found


class Told(Protocol):
    """What is told to a run."""

    @property
    def constraints(self) -> Constraints: ...
    @property
    def appearance(self) -> Appearance | None: ...
    @property
    def price(self) -> float: ...


class Site:
    """What is learned of a span's tracklets, whoever they are thought to be."""

    def __init__(
        self,
        columns: Columns,
        never: NDArray[np.bool_],
        told: Constraints,
        appearance: Appearance,
        price: float = 0.0,
    ) -> None:
        self.columns, self.never, self._price = columns, never, price
        same = columns.camera[:, None] == columns.camera[None]
        self._appearance = appearance.adapted(columns, never & same)
        names = columns.cameras
        self.overlap = np.array([[frozenset((a, b)) in told.overlap for b in names] for a in names])
        self.clocks: Clocks | None = None

    def looks(self, people: Integers) -> tuple[Appearance, Floats]:
        """How much looks vary, and (C + 1, D) what they have in common in each camera, and in one not seen
        yet.

        people: (N,) codes.
        """
        means = camera_means(self.columns, self._appearance, people)
        return self._appearance, np.vstack([means, means.mean(axis=0)])

    def learned(self, people: Integers | None) -> tuple[Model, Links]:
        """By who is who so far; with None, before anybody is known: then looks and places alone are asked."""
        columns = self.columns
        alone: Integers = np.arange(len(columns))
        count = 1.0 if people is None else float(people.max() + 1)
        timed = self._on_one_clock(people)
        clock = columns.recording if self.clocks is None else self.clocks.group[columns.recording]
        ways = transitions.Transitions.unknown(timed, self.overlap)
        shown: Ground | None = None
        hand_overs: list[tuple[int, int]] = []
        if people is not None:
            hand_overs = _hand_overs(links_of(timed, ways, clock, None), people)
            ways = transitions.learned(timed, hand_overs, people, self.overlap, clock)
            some = [m for m in meetings(timed, clock) if people[m[0]] == people[m[1]]]
            shown = ground.learned(timed, some)
        _, means = self.looks(alone if people is None else people)
        shown = shown or Ground({}, {})
        model = Model(columns.cameras, self._appearance, means, ways, shown, count, self._price)
        return model, links_of(timed, ways, clock, shown, hand_overs)

    def _on_one_clock(self, people: Integers | None) -> Columns:
        """With times as they are on the clock that recordings share, as far as that is found."""
        columns = self.columns
        recordings = int(columns.recording.max()) + 1
        if recordings == 1 or people is None:
            return columns
        stays = Stays(columns.camera, columns.recording, (columns.start + columns.end) / 2)
        same = ((people[:, None] == people[None]) & ~self.never).astype(np.float32)
        self.clocks = set_clocks(heaps(stays, same), recordings)
        return columns.shifted(-self.clocks.offset_s[columns.recording])


def _hand_overs(links: Links, people: Integers) -> list[tuple[int, int]]:
    """Pairs of rows that follow each other as one person's."""
    order = np.argsort(links.start, kind="stable")
    members: dict[int, list[int]] = {}
    for row in order.tolist():
        members.setdefault(int(people[row]), []).append(row)
    return [pair for rows in members.values() for pair in links.before(rows)]


def beginning(tracklets: Sequence[Tracklet], memory: Told, *, so_far: Model | None = None) -> Model:
    """The model before the next thinking again: what cameras add to looks by those who are there, and of the
    ways between cameras what was learned so far.
    """
    appearance = memory.appearance or Appearance()
    if not tracklets:
        empty = np.zeros((0, 0))
        silent = np.zeros((1, 1, len(transitions.BINS)))
        nothing = transitions.Transitions(silent, silent, np.full(1, 0.5), np.ones(1), empty)
        return Model((), appearance, np.zeros((1, 1), np.float32), nothing, Ground({}, {}), 1.0, memory.price)
    columns = columns_of(tracklets).among(() if so_far is None else so_far.cameras)
    never = memory.constraints.cannot_link(tracklets)
    site = Site(columns, never, memory.constraints, appearance, memory.price)
    people = people_so_far(tracklets)
    appearance, means = site.looks(people)
    ways = transitions.Transitions.unknown(columns, site.overlap)
    if so_far is None or not so_far.cameras:
        count = float(people.max() + 1)
        return Model(columns.cameras, appearance, means, ways, Ground({}, {}), count, memory.price)
    place = [columns.cameras.index(name) for name in so_far.cameras]
    ways, shown = ways.kept(so_far.transitions, place), so_far.ground.among(place)
    return replace(
        so_far, cameras=columns.cameras, appearance=appearance, means=means, transitions=ways, ground=shown
    )
