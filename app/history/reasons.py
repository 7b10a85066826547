"""Why a second pass would give a sighting to somebody else: whom it is like, then and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.history.change import Change
from app.history.weighed import Weighed
from tracker.types import Bar, Barred, Terms

if TYPE_CHECKING:
    from storage.presences import PresenceRow


MOST_REASONS = 300
"""Changes that are explained, the least sure; those beyond are counted. With pictures they are some 10 MB."""


NOT_WEIGHED = Weighed()


@dataclass(frozen=True, slots=True)
class Like:
    """The sighting of somebody's that is the likest, and its likest picture (a portrait's id).

    own: the picture it was compared with. cosine: of the two. gap_s: from the earlier's end to the later's
    start, negative where both are at the same time. later: whether the other one is the later. terms: of the
    log odds that it is that person, None where nothing weighed them. bar: what forbids that, if anything.
    """

    identity: int
    sighting: PresenceRow
    portrait: int
    own: int
    cosine: float
    gap_s: float
    later: bool
    terms: Terms | None = None
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """A change, and the likest of those it joins (who were there before, if any), of those it leaves, of all
    others that it can be; None where there is nobody.

    portrait: its own picture, the one that was compared with those it joins, else its best. barred: who was
    likelier, and what forbids it.
    """

    change: Change
    portrait: int
    joins: Like | None
    leaves: Like | None
    runner_up: Like | None
    barred: Barred | None = None


@dataclass(slots=True)
class Found:
    """What a second pass came to, some sightings at a time. explain: with the reasons of the least sure
    changes, MOST_REASONS of them. looked_at: how many sightings; before, after: who they are; first, last:
    seconds.
    """

    explain: bool = False
    changes: list[Change] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    looked_at: int = 0
    before: set[int] = field(default_factory=set)
    after: set[int] = field(default_factory=set)
    first: float = float("inf")
    last: float = float("-inf")

    def add(
        self,
        rows: Sequence[PresenceRow],
        changes: Sequence[Change],
        after: Mapping[int, int | None],
        *,
        beside: Sequence[PresenceRow] = (),
        weighed: Mapping[int, Weighed] | None = None,
    ) -> None:
        """Some that are settled. after: of each, who it is then. beside: others that those may be like.
        weighed: by sighting, what speaks for and against the changes.
        """
        self.changes += changes
        self.looked_at += len(rows)
        self.before |= {row.identity for row in rows if row.identity is not None}
        self.after |= {who for who in after.values() if who is not None}
        self.first = min([self.first, *(row.start for row in rows)])
        self.last = max([self.last, *(row.end for row in rows)])
        if self.explain:
            found = [*self.reasons, *reasons([*rows, *beside], changes, weighed or {})]
            self.reasons = sorted(found, key=_surest_last)[:MOST_REASONS]


def _weighed(weighed: Weighed, like: Like | None) -> Like | None:
    """With what speaks for and against that person."""
    if like is None:
        return None
    who = like.identity
    return replace(like, terms=weighed.terms.get(who), bar=weighed.bars.get(who))


def _surest_last(reason: Reason) -> tuple[float, int]:
    return reason.change.probability, reason.change.sighting


def reasons(
    rows: Sequence[PresenceRow], changes: Sequence[Change], weighed: Mapping[int, Weighed]
) -> list[Reason]:
    """Of each change, the least sure first."""
    if not changes:
        return []
    pool = _Pool(rows, changes)
    found = [pool.reason(change, weighed.get(change.sighting, NOT_WEIGHED)) for change in changes]
    return sorted(found, key=_surest_last)


class _Pool:
    """All pictures of a span, with whose they are after the changes and were before."""

    def __init__(self, rows: Sequence[PresenceRow], changes: Sequence[Change]) -> None:
        self._rows = rows
        self._row_of = {row.id: k for k, row in enumerate(rows)}
        self._vectors = np.concatenate([row.vectors for row in rows])
        self._camera = np.array([row.camera for row in rows])
        self._start = np.array([row.start for row in rows])
        self._end = np.array([row.end for row in rows])
        self._owner = np.repeat(np.arange(len(rows)), [len(row.vectors) for row in rows])
        self._portraits = [portrait for row in rows for portrait in row.portraits]
        after: Mapping[int, int | None] = {row.id: row.identity for row in rows} | {
            change.sighting: change.after for change in changes
        }
        self._number: dict[int | None, int] = {None: -1}
        self._after = np.array([self._code(after[row.id]) for row in rows])
        self._before = np.array([self._code(row.identity) for row in rows])
        self._identity = [after[row.id] for row in rows]

    def _code(self, identity: int | None) -> int:
        """Identities in a row of numbers from 0, -1 for undecided: those of new people are negative."""
        return self._number.setdefault(identity, len(self._number) - 1)

    def reason(self, change: Change, weighed: Weighed) -> Reason:
        k = self._row_of[change.sighting]
        alike = self._rows[k].vectors @ self._vectors.T
        others = self._owner != k
        known, mine, was = self._after[self._owner], self._after[k], self._before[k]
        there = others & (known == mine)
        already = there & (self._before[self._owner] == mine)
        joins = self._likest(k, alike, already if already.any() else there)
        left = others & (known == was) & (was >= 0)
        leaves = self._likest(k, alike, left)
        free = others & (known >= 0) & (known != mine) & ~left & ~self._beside(k)[self._owner]
        second = others & (known == self._number.get(weighed.second, -1)) & (known >= 0)
        runner_up = self._likest(k, alike, second if second.any() else free)
        best = self._rows[k].portraits[int(self._rows[k].qualities.argmax())]
        portrait = joins.own if joins else best
        weigh = partial(_weighed, weighed)
        return Reason(change, portrait, weigh(joins), weigh(leaves), weigh(runner_up), weighed.barred)

    def _beside(self, k: int) -> NDArray[np.bool_]:
        """(N,): in the same view at the same time, and so surely another."""
        at_once = (self._start < self._end[k]) & (self._start[k] < self._end)
        found: NDArray[np.bool_] = at_once & (self._camera == self._camera[k])
        return found

    def _likest(self, k: int, alike: NDArray[np.floating], among: NDArray[np.bool_]) -> Like | None:
        """The two likest pictures. alike: (K, M) own pictures to all. among: (M,) those that count."""
        if not among.any():
            return None
        columns = np.flatnonzero(among)
        own, place = np.unravel_index(int(alike[:, columns].argmax()), (len(alike), len(columns)))
        column = int(columns[place])
        me, other = self._rows[k], self._rows[self._owner[column]]
        later = other.start >= me.start
        gap_s = other.start - me.end if later else me.start - other.end
        identity = self._identity[self._owner[column]]
        assert identity is not None  # those that count are decided
        return Like(
            identity,
            other,
            self._portraits[column],
            me.portraits[own],
            float(alike[own, column]),
            gap_s,
            later,
        )
