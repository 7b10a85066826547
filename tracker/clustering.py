"""The partition of tracklets into people whose posterior is highest, as far as joining and moving finds it.

Groups are joined, the pair with the highest log odds first, while they are above nothing; then single
tracklets are moved to where the log odds are higher, or to themselves, and groups are joined again, until
nothing changes (Ward's scheme of joining with a posterior in place of a distance; Blundell and Teh, "Bayesian
hierarchical community discovery", NIPS 2013, for what it approximates).
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.appearance import UNLIKE
from tracker.groups import Group, gained
from tracker.model import TELLING, Links, Model
from tracker.tracklets import Columns, Integers

NEAREST = 12
"""Groups that another is compared with: those whose looks are nearest of all, and of whom times point to; and
all whom it met where two views overlap.
"""

EXACT = 1e-3
"""Log ratio by which two may be less alike, once their looks are put together, than they were told to be;
else the pair waits for its turn anew.
"""

ROUNDS = 4
"""Of moving; the last changes little."""


class EnoughError(Exception):
    """Who asked for a partition no longer waits for it."""


class Partition:
    """N tracklets in groups. never: (N, N) pairs that are in no group together. ties: pairs that are,
    whatever the odds. enough: once set, EnoughError is raised at the next comparison.
    """

    def __init__(
        self,
        columns: Columns,
        model: Model,
        links: Links,
        never: NDArray[np.bool_],
        *,
        ties: Collection[tuple[int, int]] = (),
        enough: threading.Event | None = None,
    ) -> None:
        self._enough = enough
        self._columns, self._model, self._links = columns, model, links
        count = len(columns)
        self._never = [set(np.flatnonzero(row).tolist()) for row in never]
        self._follows = _follows(links, never)
        self._alone = [model.alone(columns, row) for row in range(count)]
        self.label = np.arange(count)
        self._groups: dict[int, Group] = dict(enumerate(self._alone))
        self._estimates = np.stack([group.estimate for group in self._alone])
        self._free: list[int] = []
        self._alive = np.ones(count, bool)
        self._version = np.zeros(count, np.int64)
        self._placed: dict[int, tuple[tuple[tuple[int, int], ...], tuple[float, float, int | None]]] = {}
        self._tied = _tied(count, ties)
        for some in self._tied:
            self._put_together(some)

    def _put_together(self, rows: Sequence[int]) -> None:
        labels = sorted({int(self.label[row]) for row in rows})
        for other in labels[1:]:
            first, second = self._groups[labels[0]], self._groups[other]
            both = self._model.joined(first, second, self._links, told=True)
            self._join(labels[0], other, both)

    @property
    def _prior(self) -> float:
        """Log odds that somebody is a given one of the people there are: as many as the model has it, until
        fewer are left. (Were it as many as there are groups to begin with, so it would stay wherever there
        are many tracklets and little to be seen of each.)
        """
        return self._model.prior_among(min(len(self._groups), self._model.people))

    def settle(self) -> Integers:
        """(N,) labels of the best partition found."""
        self._join_all()
        for _ in range(ROUNDS):
            if not self._move_all() | self._bridge_all():
                break
            self._join_all()
        return np.unique(self.label, return_inverse=True)[1].astype(np.int64)

    @property
    def log_odds(self) -> float:
        """Of the partition, held against everybody being somebody else. What the model learned of a hand-over
        by itself does not count: so partitions from which models were learned can be held against each other.
        """
        joins = len(self.label) - len(self._groups)
        looks = sum(group.likelihood for group in self._groups.values())
        looks -= sum(group.likelihood for group in self._alone)
        ways = sum(self._links.within(group.rows) for group in self._groups.values())
        return looks + ways + joins * self._prior

    def belonging(self) -> NDArray[np.float64]:
        """(N,) the probability that each tracklet belongs where it is, held against the next best place."""
        chance = np.ones(len(self.label))
        for row in range(len(self.label)):
            stay, best, _ = self._places(row)
            against = max(best, 0.0) if len(self._groups[int(self.label[row])].rows) > 1 else best
            chance[row] = 1.0 / (1.0 + np.exp(-np.clip(stay - against, -30, 30)))
        return chance

    # --- joining -------------------------------------------------------------------------------------

    def _join_all(self) -> None:
        """Joins the likeliest two while any are likelier one than two."""
        version = self._version
        heap: list[tuple[float, float, int, int, int, int]] = []

        def offer(label: int) -> None:
            for other, ratio, looks in self._likely(label):
                seen = int(version[label]), int(version[other])
                heapq.heappush(heap, (-ratio, looks, label, other, *seen))

        for label in list(self._groups):
            offer(label)
        while heap and self._prior - heap[0][0] > 0:
            ratio, looks, one, other, seen, theirs = heapq.heappop(heap)
            if version[one] != seen or version[other] != theirs:
                continue
            both = self._model.joined(self._groups[one], self._groups[other], self._links)
            exact = gained(self._groups[one], self._groups[other], both)
            if exact < looks - EXACT:
                heapq.heappush(heap, (ratio + looks - exact, exact, one, other, seen, theirs))
                continue
            self._join(one, other, both)
            offer(one)

    def _likely(self, label: int) -> list[tuple[int, float, float]]:
        """Groups whose looks, times and places say that they are one with a group, with the log ratio, and
        that of looks alone.
        """
        group = self._groups[label]
        others, pointed = self._candidates(group.rows, self._estimates[label], {label})
        if not others:
            return []
        odds = self._model.log_odds(group, [self._groups[o] for o in others], self._links, pointed=pointed)
        ratio = odds.log_odds - odds.prior
        likely = zip(others, ratio.tolist(), odds.appearance.tolist(), strict=True)
        return [(other, value, looks) for other, value, looks in likely if value > 0]

    def _candidates(
        self, rows: Sequence[int], estimate: NDArray[np.float32], without: set[int]
    ) -> tuple[list[int], NDArray[np.bool_]]:
        """Groups that are worth a comparison with some tracklets and not forbidden: those that look most like
        them, and those to whom times or places point, which are told apart.
        """
        if self._enough is not None and self._enough.is_set():
            raise EnoughError
        barred = {int(self.label[other]) for row in rows for other in self._never[row]} | without
        met = {int(self.label[other]) for row in rows for other in self._links.places[row]} - barred
        follows = {int(self.label[other]) for row in rows for other in self._follows[row]} - barred
        alike = self._estimates @ estimate
        alike[~self._alive] = -np.inf
        alike[list(barred)] = -np.inf
        near = _highest(alike, np.flatnonzero(np.isfinite(alike)))
        pointed = met | _highest(alike, np.array(sorted(follows), np.int64))
        found = sorted(near | pointed)
        return found, np.array([label in pointed for label in found], bool)

    def _join(self, one: int, other: int, both: Group) -> None:
        del self._groups[other]
        self._alive[other] = False
        self._version[other] += 1
        self._free.append(other)
        self._set(one, both)

    def _set(self, label: int, group: Group) -> None:
        self._groups[label] = group
        self._version[label] += 1
        self._alive[label] = True
        self.label[group.rows] = label
        self._estimates[label] = group.estimate

    # --- joining what single tracklets keep apart ------------------------------------------------------

    def _bridge_all(self) -> bool:
        """Joins groups whom a few of their tracklets keep apart, and lets go of those; whether any were.

        A tracklet that shows two people for a moment, or one whose person is boxed twice, would else keep
        all that is known of one person in two.
        """
        any_joined = False
        for label in sorted(self._groups, key=lambda one: len(self._groups[one].rows)):
            if label in self._groups and self._bridge(label):
                any_joined = True
        return any_joined

    def _bridge(self, label: int) -> bool:
        """Joins a group with the one it is most likely one with, but for some tracklets of either."""
        group = self._groups[label]
        barred = {int(self.label[other]) for row in group.rows for other in self._never[row]} - {label}
        alike = self._estimates @ self._estimates[label]
        others = sorted(_highest(alike, np.array(sorted(barred), np.int64)))
        if not others:
            return False
        odds = self._model.log_odds(group, [self._groups[other] for other in others], self._links)
        ratio = odds.log_odds - odds.prior + self._prior
        for place in np.argsort(-ratio, kind="stable").tolist():
            if ratio[place] <= 0:
                return False
            ways = [(label, others[place]), (others[place], label)]
            gain, one, other, gone = max(self._bridged(*way) for way in ways)
            if gain > 0:
                for row in gone:
                    self._move(row, None)
                both = self._model.joined(self._groups[one], self._groups[other], self._links)
                self._join(one, other, both)
                return True
        return False

    def _bridged(self, one: int, other: int) -> tuple[float, int, int, list[int]]:
        """What is gained where one group lets go of those of its tracklets that can't be with the other: of a
        half at most, else it is they who are the person.
        """
        group, rest = self._groups[one], self._groups[other]
        theirs = set(rest.rows)
        gone = [row for row in group.rows if self._never[row] & theirs]
        tied = any(len(self._tied_to(row)) > 1 for row in gone)
        if tied or 2 * len(gone) > len(group.rows) or len(gone) >= len(rest.rows):
            return -np.inf, one, other, gone
        lost = 0.0
        for row in gone:
            group = self._model.without(group, self._alone[row], self._links)
            lost += min(self._odds(self._alone[row], group), -np.log(UNLIKE))
        return self._odds(group, rest) - lost, one, other, gone

    def _odds(self, group: Group, other: Group) -> float:
        told = self._model.log_odds(group, [other], self._links)
        return float(told.log_odds[0] - told.prior + self._prior)

    # --- moving --------------------------------------------------------------------------------------

    def _move_all(self) -> bool:
        """Moves tracklets to where the log odds are higher; whether any was moved."""
        moved = False
        for row in range(len(self.label)):
            if len(self._groups[int(self.label[row])].rows) == 1 or len(self._tied_to(row)) > 1:
                continue
            stay, best, where = self._places(row)
            if max(best, 0.0) > stay + 1e-6:
                self._move(row, where if best > 0 else None)
                moved = True
        return moved

    def _tied_to(self, row: int) -> Sequence[int]:
        return next((some for some in self._tied if row in some), (row,))

    def _places(self, row: int) -> tuple[float, float, int | None]:
        """Log odds of where a tracklet is, and of the best other group, and which that is."""
        here = int(self.label[row])
        others, pointed = self._candidates([row], self._alone[row].estimate, {here})
        asked = tuple((label, int(self._version[label])) for label in (here, *others))
        before, told = self._placed.get(row, ((), (0.0, 0.0, None)))
        if before != asked:
            told = self._ratios(row, here, others, pointed)
            self._placed[row] = asked, told
        stay, best, where = told
        rest = len(self._groups[here].rows) > 1
        return stay + self._prior if rest else 0.0, best + self._prior, where

    def _ratios(
        self, row: int, here: int, others: Sequence[int], pointed: NDArray[np.bool_]
    ) -> tuple[float, float, int | None]:
        """As ``_places``, less the prior."""
        groups = [self._groups[o] for o in others]
        if len(self._groups[here].rows) > 1:
            groups.append(self._without(here, row))
            pointed = np.append(pointed, True)
        if not groups:
            return 0.0, -np.inf, None
        told = self._model.log_odds(self._alone[row], groups, self._links, pointed=pointed)
        ratio = told.log_odds - told.prior
        if not others:
            return float(ratio[-1]), -np.inf, None
        best = int(ratio[: len(others)].argmax())
        return float(ratio[-1]), float(ratio[best]), others[best]

    def _without(self, label: int, row: int) -> Group:
        return self._model.without(self._groups[label], self._alone[row], self._links)

    def _move(self, row: int, where: int | None) -> None:
        """To another group, or, with none, to be alone."""
        here = int(self.label[row])
        self._set(here, self._without(here, row))
        if where is None:
            self._set(self._free.pop(), self._alone[row])
        else:
            self._set(where, self._model.joined(self._groups[where], self._alone[row], self._links))


def _highest(alike: NDArray[np.float32], labels: Integers) -> set[int]:
    """The NEAREST of some groups, by looks."""
    if len(labels) > NEAREST:
        labels = labels[np.argpartition(-alike[labels], NEAREST - 1)[:NEAREST]]
    return set(labels.tolist())


def _follows(links: Links, never: NDArray[np.bool_]) -> list[list[int]]:
    """Of each tracklet, those that times say may be the same person's next or last."""
    told = np.argwhere((links.follows > TELLING) & ~never)
    found: list[set[int]] = [set() for _ in links.start]
    order = np.argsort(-links.follows[told[:, 0], told[:, 1]], kind="stable")
    for i, j in told[order].tolist():
        if len(found[i]) < 2 * NEAREST and links.start[j] >= links.start[i] and i != j:
            found[i].add(j)
            found[j].add(i)
    return [sorted(some) for some in found]


def _tied(count: int, ties: Collection[tuple[int, int]]) -> list[list[int]]:
    """Rows that belong together, in groups of at least two."""
    group = np.arange(count)
    for one, other in ties:
        group[group == group[other]] = group[one]
    sizes = np.bincount(group, minlength=count)
    return [np.flatnonzero(group == code).tolist() for code in np.flatnonzero(sizes > 1)]
