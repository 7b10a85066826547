"""What is remembered of the last presences, so that a run can think again about who they were.

A decision at the moment knows one presence; some hundred presences later it is known which way people went,
and how the same person looked on the other cameras. What came before the last presences stays as decided, and
is remembered by its journeys' looks (tracker.regroup).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np

from tracker.refine import ENOUGH
from tracker.regroup import Group, Journey, regroup
from tracker.tracklets import Tracklet, looks_of
from tracker.types import Floats

WINDOW = 3500
"""Presences that are thought about again."""

EVERY = 350
"""Presences after which that is done."""

MOST_JOURNEYS = 1500
"""Older journeys that are remembered, the last ones."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is thought about at one time: a snapshot, which another thread may be given.

    enough: set by who no longer wants to wait; then there are no groups. topology: as in Memory.
    """

    window: tuple[Tracklet, ...]
    older: tuple[Journey, ...]
    thought: frozenset[int]
    overlap: frozenset[frozenset[str]]
    apart: frozenset[frozenset[int]]
    topology: bool = True
    enough: threading.Event = field(default_factory=threading.Event)

    def groups(self) -> list[Group]:
        return regroup(
            self.window,
            self.older,
            thought=self.thought,
            overlap=self.overlap,
            apart=self.apart,
            topology=self.topology,
            enough=self.enough,
        )


@dataclass(slots=True)
class Memory:
    """The last presences, and the journeys before them. Memory is bounded: a vector for each presence of
    WINDOW, and for those of MOST_JOURNEYS journeys.

    overlap: pairs of cameras that may see one person at the same moment. apart: pairs of identities that a
    person said are two. topology: whether it is learned which camera follows which, and how alike people
    look. window, every: presences thought about, and after how many; enough: at the least.
    """

    overlap: frozenset[frozenset[str]] = frozenset()
    apart: frozenset[frozenset[int]] = frozenset()
    topology: bool = True
    window: int = WINDOW
    every: int = EVERY
    enough: int = ENOUGH
    _last: dict[int, Tracklet] = field(default_factory=dict)
    _journey: dict[int, int] = field(default_factory=dict)
    _older: dict[tuple[int, int], Journey] = field(default_factory=dict)
    _fresh: int = 0
    _next_journey: int = 0

    def __len__(self) -> int:
        return len(self._last)

    def add(self, tracklet: Tracklet) -> None:
        """A presence that is over. Of its pictures the mean is kept."""
        mean = looks_of([tracklet])
        weight = np.ones(1, np.float32)
        self._last[tracklet.number] = replace(tracklet, vectors=mean, qualities=weight)
        self._fresh += 1

    def know(self, identity: int, camera: str, embeddings: Floats) -> None:
        """Somebody from before this run. embeddings: (K, D) unit rows, K >= 1."""
        self._keep(Journey(identity, embeddings.mean(axis=0, keepdims=True), (camera,)), -identity)

    def knows(self, identity: int) -> bool:
        """Whether there are journeys of this identity before the last presences."""
        return any(known == identity for known, _ in self._older)

    def forget(self, identity: int) -> list[int]:
        """There is nobody of this identity to think of; says whose presences, by number, those were."""
        self._older = {key: journey for key, journey in self._older.items() if key[0] != identity}
        gone = [number for number, tracklet in self._last.items() if tracklet.identity == identity]
        for number in gone:
            del self._last[number]
            self._journey.pop(number, None)
        return gone

    @property
    def due(self) -> bool:
        return self._fresh >= self.every and len(self._last) >= self.enough

    @property
    def stale(self) -> bool:
        """Whether anything came since the last time."""
        return self._fresh > 0

    def recollect(self) -> Recollection:
        """All there is to think about; it is then no longer due."""
        self._fresh = 0
        return Recollection(
            window=tuple(self._last.values()),
            older=tuple(self._older.values()),
            thought=frozenset(self._journey),
            overlap=self.overlap,
            apart=self.apart,
            topology=self.topology,
        )

    def settle(self, group: Group, identity: int | None) -> None:
        """The presences of a group are this identity's."""
        for number, journey in zip(group.numbers, group.journeys, strict=True):
            if number in self._last:
                self._last[number] = replace(self._last[number], identity=identity)
                self._journey[number] = self._next_journey + journey

    def slide(self) -> list[int]:
        """Lets go of the presences that are no longer among the last; says which."""
        self._next_journey = max(self._journey.values(), default=self._next_journey) + 1
        gone = list(self._last)[: max(len(self._last) + self.every - self.window, 0)]
        for number in gone:
            tracklet = self._last.pop(number)
            journey = self._journey.pop(number, None)
            if tracklet.identity is not None and journey is not None:
                self._freeze(tracklet, tracklet.identity, journey)
        return gone

    def _freeze(self, tracklet: Tracklet, identity: int, journey: int) -> None:
        known = self._older.pop((identity, journey), None)
        looks: Floats = tracklet.vectors
        cameras: tuple[str, ...] = (tracklet.camera,)
        if known is not None:
            looks, cameras = np.vstack([known.looks, looks]), (*known.cameras, *cameras)
        self._keep(Journey(identity, looks, cameras), journey)

    def _keep(self, journey: Journey, number: int) -> None:
        self._older[journey.identity, number] = journey
        while len(self._older) > MOST_JOURNEYS:
            del self._older[next(iter(self._older))]
