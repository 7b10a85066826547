"""The frames in which somebody was not found: where they were, once the next one that shows them tells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tracker.types import Floats, Point, Sighting

KEPT_S = 60.0
"""For how long frames are remembered: points of a track that is confirmed late come late."""


@dataclass(slots=True)
class _Path:
    """A sighting's camera and the newest of its points."""

    camera: str
    time: float
    last: Point | None = None


class Between:
    """Fills boxes in on a straight line between two frames of a camera in which a track was found, for those
    the detector did not see, or did not find them in: for as long as the tracker lets a track go on unseen.
    """

    def __init__(self) -> None:
        self._frames: dict[str, deque[tuple[int, float]]] = {}
        self._paths: dict[int, _Path] = {}
        self._tidied = -np.inf

    def frame(self, camera: str, index: int, time: float) -> None:
        """The camera's next frame."""
        frames = self._frames.setdefault(camera, deque())
        frames.append((index, time))
        while frames[0][1] < time - KEPT_S:
            frames.popleft()
        if time - self._tidied > KEPT_S:
            self._tidied = time
            self._paths = {n: path for n, path in self._paths.items() if path.time >= time - KEPT_S}

    def leave(self, camera: str) -> None:
        """Nothing more comes of this camera."""
        self._frames.pop(camera, None)

    def sighting(self, sighting: Sighting) -> None:
        """Points of it are to come, or have come."""
        self._paths.setdefault(sighting.number, _Path(sighting.camera, sighting.end))

    def filled(self, number: int, point: Point) -> Iterator[Point]:
        """The next point of the sighting of that number, after those that belong before it."""
        path = self._paths.get(number)
        if path is not None:
            if path.last is not None:
                yield from self._on_the_way(path.camera, path.last, point)
            path.last, path.time = point, point.time
        yield point

    def _on_the_way(self, camera: str, a: Point, b: Point) -> Iterator[Point]:
        frames = self._frames.get(camera, deque())
        first, end = bisect_right(frames, a.frame, key=_index), bisect_left(frames, b.frame, key=_index)
        for frame, time in (frames[k] for k in range(first, end)):
            share = (time - a.time) / (b.time - a.time)
            box: Floats = np.asarray((1 - share) * a.box + share * b.box, np.float32)
            yield Point(time, frame, box, (1 - share) * a.score + share * b.score)


def _index(frame: tuple[int, float]) -> int:
    return frame[0]
