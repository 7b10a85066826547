"""The one model of who is who: log odds = prior + appearance + transition, minus infinity by constraint.

A group is what is thought to be one person: some tracklets, or somebody known from before. That two groups
are one person is a matter of how they look (tracker.appearance), of how their visits follow each other and
where they stood when two cameras saw them at a time (tracker.transitions, tracker.ground), and of how many
people there are. ``Model.log_odds`` is the only place where that is computed: decisions at the moment, the
windows a run thinks about again, and the second pass ask it alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker import ground
from tracker.appearance import Appearance
from tracker.ground import Ground
from tracker.groups import Group, Looks, alike, as_told, group_of, joined, nobody
from tracker.tracklets import Columns, Doubles, Integers
from tracker.transitions import EARLY_S, ELSEWHERE, LOST_S, Transitions, motion_ratio
from tracker.types import Floats

LATELY = 4
"""Visits before one that are looked at for the one it follows."""

TIMES = 5.0
"""The most that times say for two being one by each time that one's visit follows the other's: ways are
learned from what is thought to be so. Against it they say no more in all than that a visit is ELSEWHERE.
"""

TELLING = 1.0
"""Log ratio of a transition or a place that points to somebody."""


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
    places: of pairs on two cameras at a time, row -> row -> log ratio by where they stood. own: what of
    ``follows`` a hand-over that it was learned from has taught itself.
    """

    start: list[float]
    end: list[float]
    camera: list[int]
    follows: Floats
    places: list[dict[int, float]] = field(default_factory=list)
    own: dict[tuple[int, int], float] = field(default_factory=dict)

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

    def within(self, rows: Sequence[int]) -> float:
        """By all that times and places say of one person's visits, but for what each has taught itself."""
        own = sum(self.own.get(pair, 0.0) for pair in self.before(rows))
        return self.chain(rows) - own + self.between(rows, rows) / 2

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
        return self.prior_among(self.people)

    def prior_among(self, people: float) -> float:
        """The same, were there so many."""
        return -float(np.log(max(people, 1.0))) - self.price

    def code(self, camera: str) -> int:
        """A camera that it does not know is taken as one of its own behind all others."""
        return self.cameras.index(camera) if camera in self.cameras else len(self.cameras)

    def alone(self, columns: Columns, row: int) -> Group:
        """A tracklet, as a person, with what is known of their looks at other visits."""
        one = self.visit(row, int(columns.camera[row]), columns.looks[row], float(columns.pictures[row]))
        for number, look in enumerate(columns.earlier[row], start=1):
            other = self.visit(-row - number * len(columns), *look)
            one = joined(self.appearance, one, other, one.rows, 0.0)
        return one

    def visit(self, row: int, camera: int, look: Floats, pictures: float) -> Group:
        """One visit, as a person. row: a number of its own. camera: code. look: (D,) mean vector, worth so
        many pictures.
        """
        weight = self.appearance.precision(np.array([pictures]))
        sums = (weight[:, None] * (look - self.means[camera])).astype(np.float32)
        of = np.array([camera], np.int64)
        return group_of(self.appearance, [row], Looks(of, weight, sums, np.zeros(1, bool), ((row,),)))

    def seen(self, visits: Iterable[tuple[int, Floats, float]], *, begun: Group | None = None) -> Group:
        """Somebody of whom the looks of some visits are known: camera, look and pictures, as for ``visit``.
        begun: of other visits of theirs. Without any, somebody who may look like anybody.
        """
        found = begun
        for camera, look, pictures in visits:
            one = self.visit(0, camera, look, pictures)
            found = one if found is None else joined(self.appearance, found, one, [], 0.0)
        return nobody(self.appearance, self.means.shape[1]) if found is None else found

    def joined(self, one: Group, other: Group, links: Links, *, told: bool = False) -> Group:
        """Both as one person. told: because somebody said so."""
        rows = sorted([*one.rows, *other.rows], key=lambda row: (links.start[row], row))
        way = as_told if told else joined
        return way(self.appearance, one, other, rows, links.chain(rows))

    def without(self, group: Group, alone: Group, links: Links) -> Group:
        """Less one tracklet."""
        rest = [row for row in group.rows if row != alone.rows[0]]
        return group_of(self.appearance, rest, group.looks.without(alone.looks), links.chain(rest))

    def log_odds(
        self, group: Group, others: Sequence[Group], links: Links, *, pointed: NDArray[np.bool_] | None = None
    ) -> Odds:
        """That the group and each of the others are one person. Constraints come on top: they forbid.

        pointed: (M,) those to whom times or places point. Of the rest, whose looks are against it, nothing
        more is asked: transition and ground are given as 0.
        """
        looks = alike(self.appearance, group, others)
        ways, stood = np.zeros(len(others)), np.zeros(len(others))
        for place, other in enumerate(others):
            if pointed is None or pointed[place] or looks[place] + self.prior > -TELLING:
                stood[place] = links.between(group.rows, other.rows)
                if looks[place] + stood[place] > -2 * TIMES * min(len(group.rows), len(other.rows)):
                    ways[place] = self._transition(group, other, links)
        return Odds(self.prior, looks, ways, stood)

    def _transition(self, group: Group, other: Group, links: Links) -> float:
        """What the times of both say, less what each one's say alone."""
        few, many = sorted((group, other), key=lambda some: len(some.rows))
        if not few.rows:
            return 0.0
        near = _near(many.rows, few.rows, links)
        whole = sorted([*near, *few.rows], key=lambda row: (links.start[row], row))
        ways, mine = links.before(whole), set(few.rows)
        between = sum((one in mine) != (after in mine) for one, after in ways)
        chain = sum(links.follow(*way) for way in ways) - links.chain(near) - few.chain
        return float(np.clip(chain, np.log(ELSEWHERE), TIMES * max(between, 1)))


def _near(rows: Sequence[int], others: Sequence[int], links: Links) -> Sequence[int]:
    """Of one person's rows those that others' may come between."""
    if len(rows) <= 3 * LATELY:
        return rows
    starts = [links.start[row] for row in rows]
    first = int(np.searchsorted(starts, links.start[others[0]])) - LATELY
    last = int(np.searchsorted(starts, links.start[others[-1]])) + LATELY
    return rows[max(first, 0) : last]


def links_of(
    columns: Columns,
    learned: Transitions,
    clock: Integers,
    shown: Ground | None,
    hand_overs: Sequence[tuple[int, int]] = (),
) -> Links:
    """All that times and places say of a span's tracklets. clock: (N,) delays are known within one alone.
    hand_overs: pairs of rows that was learned from.
    """
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
        _own(columns, learned, follows, [(i, j) for i, j in hand_overs if clock[i] == clock[j]]),
    )


def _own(
    columns: Columns, learned: Transitions, follows: Floats, hand_overs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], float]:
    if not hand_overs:
        return {}
    i, j = np.array(hand_overs).T
    own = learned.own(columns.camera[i], columns.camera[j], columns.start[j] - columns.end[i], follows[i, j])
    return dict(zip(hand_overs, own.tolist(), strict=True))


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
