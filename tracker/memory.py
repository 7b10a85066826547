"""What is remembered of the last presences, so that a run can think again about who they were.

A decision at the moment knows one presence; some presences later it is known how the site's cameras lie to
each other, and how the same person looked on the other ones. What came before the last presences stays as
decided.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tracker.appearance import Appearance
from tracker.constraints import Constraints
from tracker.regroup import Group, Regrouped, regroup
from tracker.tracklets import Tracklet

WINDOW = 3500
"""Presences that are thought about again."""

AGAIN = 0.1
"""The share of them that is new when that is done, and when it is learned again what cameras have in common:
what it costs in all grows with the presences alone.
"""

FEWEST = 20
"""Presences after which it is done at the earliest."""

MOST_OLDER = 500
"""Identities from before the window that are held against it, the last ones."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is thought about at one time: a snapshot, which another thread may be given.

    afresh: as if nobody were known, too. enough: set by who no longer wants to wait; then nothing is found.
    """

    window: tuple[Tracklet, ...]
    older: tuple[Tracklet, ...]
    constraints: Constraints
    appearance: Appearance | None
    price: float
    afresh: bool = False
    enough: threading.Event = field(default_factory=threading.Event)

    def groups(self) -> Regrouped:
        return regroup(
            self.window,
            self.older,
            constraints=self.constraints,
            appearance=self.appearance,
            price=self.price,
            afresh=self.afresh,
            enough=self.enough,
        )


@dataclass(slots=True)
class Memory:
    """The last presences. Memory is bounded: a vector and a path for each presence of WINDOW.

    constraints: what is told of cameras and people. overlap, apart: of it, pairs of cameras that may see one
    person at the same moment, and pairs of identities that a person said are two. appearance: what the
    network's card says. price: log of how many missed merges a false one is worth.
    """

    overlap: frozenset[frozenset[str]] = frozenset()
    apart: frozenset[frozenset[int]] = frozenset()
    constraints: Constraints = field(default_factory=Constraints)
    appearance: Appearance | None = None
    price: float = 0.0
    window: int = WINDOW
    _last: dict[int, Tracklet] = field(default_factory=dict)
    _fresh: int = 0
    _seen: int = 0
    _afresh_at: int = 0

    def __post_init__(self) -> None:
        told = self.constraints
        self.constraints = replace(told, overlap=told.overlap | self.overlap, apart=told.apart | self.apart)

    def __len__(self) -> int:
        return len(self._last)

    def add(self, tracklet: Tracklet) -> None:
        """A presence that is over."""
        self._last[tracklet.number] = tracklet
        self._fresh += 1
        self._seen += 1

    def forget(self, identity: int) -> list[int]:
        """There is nobody of this identity to think of; says whose presences, by number, those were."""
        gone = [number for number, tracklet in self._last.items() if tracklet.identity == identity]
        for number in gone:
            del self._last[number]
        return gone

    def drop(self, numbers: Iterable[int]) -> None:
        """There are no such presences to think of."""
        for number in numbers:
            self._last.pop(number, None)

    @property
    def due(self) -> bool:
        return self._fresh >= max(FEWEST, AGAIN * len(self._last))

    @property
    def stale(self) -> bool:
        """Whether anything came since the last time."""
        return self._fresh > 0

    def recollect(self, older: Iterable[Tracklet], *, last: bool = False) -> Recollection:
        """All there is to think about; it is then no longer due. older: of identities, by when last seen.

        The first presences are decided by a model that knows nothing of the site, and what is learned from
        them may keep it so: each time that twice as many were seen, once a window, and with ``last`` it is
        thought about afresh, too.
        """
        self._fresh = 0
        afresh = last or self._seen - self._afresh_at >= min(self._afresh_at, self.window)
        if afresh:
            self._afresh_at = self._seen
        return Recollection(
            self.tracklets, tuple(older), self.constraints, self.appearance, self.price, afresh=afresh
        )

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """The last presences, by end."""
        return tuple(self._last.values())

    def settle(self, group: Group, identity: int | None) -> None:
        """The presences of a group are this identity's."""
        for number in group.numbers:
            if number in self._last:
                self._last[number] = replace(self._last[number], identity=identity)

    def slide(self) -> list[int]:
        """Lets go of the presences that are no longer among the last; says which."""
        gone = list(self._last)[: max(len(self._last) - self.window, 0)]
        for number in gone:
            del self._last[number]
        return gone
