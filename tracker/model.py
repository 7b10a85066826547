"""The one model of who is who: log odds = prior + appearance + transition, minus infinity by constraint.

A group is what is thought to be one person: some tracklets, or somebody known from before. That two groups
are one person is a matter of how they look (tracker.appearance), of how their visits follow each other and
where they stood when two cameras saw them at a time (tracker.transitions, tracker.ground), and of how many
people there are. ``Model.log_odds`` is the only place where that is computed: decisions at the moment, the
windows a run thinks about again, and the second pass ask it alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker import ground
from tracker.appearance import Appearance, robust
from tracker.ground import Ground
from tracker.tracklets import Columns, Doubles, Integers
from tracker.transitions import EARLY_S, LOST_S, Transitions, motion_ratio
from tracker.types import Floats

LATELY = 4
"""Visits before one that are looked at for the one it follows."""

TIMES = 5.0
"""The most that times alone say, either way: ways are learned from what is thought to be so."""

TELLING = 1.0
"""Log ratio of a transition or a place that points to somebody."""


@dataclass(slots=True)
class Group:
    """What is thought to be one person. rows: of tracklets, by start. cameras: (k,) codes, ascending;
    weights: (k,) precisions and sums: (k, D) precision-weighted vectors in each. chain: log ratio of its
    transitions. likelihood: of its looks.
    """

    rows: list[int]
    cameras: Integers
    weights: Doubles
    sums: Floats
    chain: float = 0.0
    likelihood: float = 0.0
    few: Doubles = field(default_factory=lambda: np.zeros(0))
    shown: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def estimate(self) -> Floats:
        """(D,) the direction of what it looks like, over cameras alike."""
        mean = (self.sums / np.maximum(self.weights, 1e-9)[:, None]).sum(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


@dataclass(frozen=True, slots=True)
class Odds:
    """(M,) each: terms, as tracker.types.Terms has them, of the odds that a group and each of M are one."""

    prior: float
    appearance: Doubles
    transition: Doubles
    ground: Doubles

    @property
    def log_odds(self) -> Doubles:
        return self.prior + self.appearance + (self.transition + self.ground)


@dataclass(slots=True)
class Links:
    """Of N tracklets, what their times and places say. follows: (N, N) log ratio that j is i's next visit.
    places: of pairs on two cameras at a time, row -> row -> log ratio by where they stood.
    """

    start: list[float]
    end: list[float]
    camera: list[int]
    follows: Floats
    places: list[dict[int, float]] = field(default_factory=list)

    def follow(self, row: int, other: int) -> float:
        """Log ratio that ``other`` is the next visit after ``row``."""
        return float(self.follows[row, other])

    def place(self, row: int) -> dict[int, float]:
        """Log ratio, by where they stood, that others seen at the same moments are the same person."""
        return self.places[row]

    def before(self, rows: Sequence[int]) -> list[tuple[int, int]]:
        """Of one person's rows by start: each but the first with the one it follows: somebody's who is yet
        seen by another camera, else who was seen last.
        """
        found, latest = [], rows[0]
        for place in range(1, len(rows)):
            row = rows[place]
            start, camera, before = self.start[row], self.camera[row], latest
            for other in reversed(rows[max(place - LATELY, 0) : place]):
                if self.end[other] >= start and self.camera[other] != camera:
                    before = other
                    break
            found.append((before, row))
            if self.end[row] >= self.end[latest]:
                latest = row
        return found

    def chain(self, rows: Sequence[int]) -> float:
        """Log ratio of one person's visits following each other as they do."""
        return sum(self.follow(row, other) for row, other in self.before(rows))

    def between(self, rows: Sequence[int], others: Sequence[int]) -> float:
        """By where two groups stood at the same moments."""
        if len(rows) > len(others):
            rows, others = others, rows
        inside = set(others)
        told = (self.place(row) for row in rows)
        return sum(value for some in told for other, value in some.items() if other in inside)


@dataclass(frozen=True, slots=True)
class Model:
    """What is learned of a site. cameras: names, by code. means: (C + 1, D) what vectors of each camera have
    in common, last those of one not seen yet. people: how many there are thought to be. price: log of how
    many missed merges a false one is worth.
    """

    cameras: tuple[str, ...]
    appearance: Appearance
    means: Floats
    transitions: Transitions
    ground: Ground
    people: float
    price: float = 0.0

    @property
    def prior(self) -> float:
        """Log odds that somebody is a given one of the people there are."""
        return -float(np.log(max(self.people, 1.0))) - self.price

    def group(self, columns: Columns, rows: Sequence[int]) -> Group:
        """Of tracklets that are one person. rows: by start."""
        some = list(rows)
        return self.seen(some, columns.camera[some], columns.looks[some], columns.pictures[some])

    def seen(self, rows: list[int], camera: Integers, looks: Floats, pictures: Doubles) -> Group:
        """Of (K,) cameras' codes, (K, D) mean vectors and how many pictures each is worth."""
        weight = self.appearance.precision(pictures)
        codes, place = np.unique(camera, return_inverse=True)
        weights = np.bincount(place, weight, len(codes)).astype(float)
        sums = np.zeros((len(codes), looks.shape[1]))
        np.add.at(sums, place, weight[:, None] * (looks - self.means[camera]))
        found = Group(rows, codes.astype(np.int64), weights, sums.astype(np.float32))
        return self._told(found)

    def _told(self, group: Group) -> Group:
        """With the likelihood of its looks: however many visits, they show but so many looks."""
        few = 1.0 / (1.0 + self.appearance.look * group.weights)
        group.few, group.shown = group.weights * few, np.asarray(group.sums * few[:, None], np.float32)
        group.likelihood = float(self.appearance.log_likelihood(group.few, group.shown))
        return group

    def joined(self, one: Group, other: Group, links: Links) -> Group:
        """Both as one person."""
        codes = np.union1d(one.cameras, other.cameras)
        weights, sums = np.zeros(len(codes)), np.zeros((len(codes), one.sums.shape[1]), np.float32)
        for group in (one, other):
            place = np.searchsorted(codes, group.cameras)
            weights[place] += group.weights
            sums[place] += group.sums
        rows = sorted([*one.rows, *other.rows], key=lambda row: (links.start[row], row))
        return self._told(Group(rows, codes, weights, sums, links.chain(rows)))

    def log_odds(
        self, group: Group, others: Sequence[Group], links: Links, *, pointed: NDArray[np.bool_] | None = None
    ) -> Odds:
        """That the group and each of the others are one person. Constraints come on top: they forbid.

        pointed: (M,) those to whom times or places point. Of the rest, whose looks are against it, nothing
        more is asked: transition and ground are given as 0.
        """
        looks = robust(self._together(group, others) - group.likelihood - _likelihoods(others))
        ways, stood = np.zeros(len(others)), np.zeros(len(others))
        for place, other in enumerate(others):
            if pointed is None or pointed[place] or looks[place] + self.prior > -TELLING:
                ways[place] = self._transition(group, other, links)
                stood[place] = links.between(group.rows, other.rows)
        return Odds(self.prior, looks, ways, stood)

    def _together(self, group: Group, others: Sequence[Group]) -> Doubles:
        """(M,) log likelihood of the looks of both as one."""
        codes = np.unique(np.concatenate([group.cameras, *(other.cameras for other in others)]))
        weights = np.zeros((len(others), len(codes)))
        sums = np.zeros((len(others), len(codes), group.sums.shape[1]), np.float32)
        mine = np.searchsorted(codes, group.cameras)
        weights[:, mine], sums[:, mine] = group.few, group.shown
        for place, other in enumerate(others):
            theirs = np.searchsorted(codes, other.cameras)
            weights[place, theirs] += other.few
            sums[place, theirs] += other.shown
        return self.appearance.log_likelihood(weights, sums)

    def _transition(self, group: Group, other: Group, links: Links) -> float:
        """What the times of both say, less what each one's say alone."""
        few, many = sorted((group, other), key=lambda some: len(some.rows))
        if not few.rows:
            return 0.0
        near = _near(many.rows, few.rows, links)
        whole = sorted([*near, *few.rows], key=lambda row: (links.start[row], row))
        chain = links.chain(whole) - (links.chain(near) if near else 0.0) - few.chain
        return float(np.clip(chain, -TIMES, TIMES))


def _likelihoods(groups: Sequence[Group]) -> Doubles:
    return np.array([group.likelihood for group in groups])


def _near(rows: Sequence[int], others: Sequence[int], links: Links) -> Sequence[int]:
    """Of one person's rows those that others' may come between."""
    if len(rows) <= 3 * LATELY:
        return rows
    starts = [links.start[row] for row in rows]
    first = int(np.searchsorted(starts, links.start[others[0]])) - LATELY
    last = int(np.searchsorted(starts, links.start[others[-1]])) + LATELY
    return rows[max(first, 0) : last]


def links_of(columns: Columns, learned: Transitions, clock: Integers, shown: Ground | None) -> Links:
    """All that times and places say of a span's tracklets. clock: (N,) delays are known within one alone."""
    follows = np.zeros((len(columns), len(columns)), np.float32)
    members = [np.flatnonzero(columns.camera == code) for code in range(len(columns.cameras))]
    for first, rows in enumerate(members):
        for second, others in enumerate(members):
            delays = columns.start[others][None] - columns.end[rows][:, None]
            told = learned.log_ratio(np.int64(first), np.int64(second), delays)  # type: ignore[arg-type]
            if first == second:
                motion = _motion(columns, rows, others, delays)
                told = learned.going_on(first, delays, motion, told)
            one_clock = clock[rows][:, None] == clock[others][None]
            follows[np.ix_(rows, others)] = np.where(one_clock, told, 0.0)
    return Links(
        columns.start.tolist(),
        columns.end.tolist(),
        columns.camera.tolist(),
        follows,
        _places(columns, clock, shown),
    )


def _motion(columns: Columns, rows: Integers, others: Integers, delays: Doubles) -> Doubles:
    """(R, S): the density of where each of the others begins after each row, over that of any place."""
    motion = np.ones(delays.shape)
    for i, j in zip(*np.nonzero((delays > -EARLY_S) & (delays < LOST_S)), strict=True):
        before, after = columns.paths[rows[i]], columns.paths[others[j]]
        if before is not None and after is not None and rows[i] != others[j]:
            motion[i, j] = motion_ratio(before, after, float(delays[i, j]))
    return motion


def _places(columns: Columns, clock: Integers, shown: Ground | None) -> list[dict[int, float]]:
    places: list[dict[int, float]] = [{} for _ in range(len(columns))]
    if shown is None or not shown.mappings:
        return places
    for i, j, both in meetings(columns, clock):
        value = shown.log_ratio(int(columns.camera[i]), int(columns.camera[j]), both)
        if value:
            places[i][j] = places[j][i] = value
    return places


def meetings(columns: Columns, clock: Integers) -> list[tuple[int, int, ground.Shared]]:
    """Pairs of tracklets on two cameras at the same moments, the camera of the first coming first."""
    found = []
    over = (columns.start[:, None] <= columns.end[None]) & (columns.start[None] <= columns.end[:, None])
    over &= (columns.camera[:, None] < columns.camera[None]) & (clock[:, None] == clock[None])
    for i, j in np.argwhere(over).tolist():
        one, other = columns.paths[i], columns.paths[j]
        both = None if one is None or other is None else ground.shared(one, other)
        if both is not None:
            found.append((i, j, both))
    return found
