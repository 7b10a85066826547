"""The frames the detector did not see: where people were in them, once the next one that it saw tells."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tracker.types import Floats, Point, Sighting

KEPT_S = 60.0
"""For how long a gap is remembered: points of a track that is confirmed late come late."""

_Key = tuple[str, int]  # a camera, the index of a frame


@dataclass(slots=True)
class _Gap:
    """Frames (index, time) of a camera after the ``first``, which was seen, up to the next that is."""

    first: int
    skipped: list[tuple[int, float]] = field(default_factory=list)


@dataclass(slots=True)
class _Path:
    """A sighting's camera and the newest of its points."""

    camera: str
    time: float
    last: Point | None = None


class Between:
    """Fills boxes in on a straight line between two frames of a camera that the detector saw one after the
    other, where it found the person in both.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Gap] = {}
        self._gaps: dict[_Key, _Gap] = {}
        self._order: deque[tuple[float, _Key]] = deque()
        self._paths: dict[int, _Path] = {}

    def skipped(self, camera: str, index: int, time: float) -> None:
        """The detector does not see this frame."""
        if camera in self._open:
            self._open[camera].skipped.append((index, time))

    def seen(self, camera: str, index: int, time: float) -> None:
        """It sees this one."""
        gap = self._open.get(camera)
        if gap is not None and gap.skipped:
            self._gaps[camera, index] = gap
            self._order.append((time, (camera, index)))
        self._open[camera] = _Gap(index)
        self._forget(time - KEPT_S)

    def leave(self, camera: str) -> None:
        """Nothing more comes of this camera."""
        self._open.pop(camera, None)

    def sighting(self, sighting: Sighting) -> None:
        """Points of it are to come, or have come."""
        self._paths.setdefault(sighting.number, _Path(sighting.camera, sighting.end))

    def filled(self, number: int, point: Point) -> Iterator[Point]:
        """The next point of the sighting of that number, after those that belong before it."""
        path = self._paths.get(number)
        if path is not None:
            gap = self._gaps.get((path.camera, point.frame))
            if path.last is not None and gap is not None and path.last.frame == gap.first:
                for index, time in gap.skipped:
                    yield _on_the_way(path.last, point, index, time)
            path.last, path.time = point, point.time
        yield point

    def _forget(self, before: float) -> None:
        if not self._order or self._order[0][0] >= before:
            return
        while self._order and self._order[0][0] < before:
            self._gaps.pop(self._order.popleft()[1], None)
        self._paths = {number: path for number, path in self._paths.items() if path.time >= before}


def _on_the_way(a: Point, b: Point, frame: int, time: float) -> Point:
    share = (time - a.time) / (b.time - a.time)
    box: Floats = np.asarray((1 - share) * a.box + share * b.box, np.float32)
    return Point(time, frame, box, (1 - share) * a.score + share * b.score)
