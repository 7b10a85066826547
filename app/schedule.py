"""What the detector sees: frames as often as people move, and hardly any where nothing does; and of them what
moves, and where people are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tracker.types import WHOLE, Part

if TYPE_CHECKING:
    from tracker.types import Floats, Grey

MOVING = 5.0
"""Frames a second the detector sees where something moves. A walker gets on by half the width of their box in
between. docs/performance.md has what other rates do; more is not better, for pictures so near err alike."""


AROUND = 0.02
"""Shares of width and height that the detector sees around what it is to see: people are told by what is
around them, too."""

MARGIN = 0.1
"""Parts of a box by which somebody may be beside it, on each side, where they are expected in it."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds from one frame that the detector sees to the next.

    moving_s: where something has changed since. still_s: where nothing has, but there are tracks: well within
    the time a track lives unseen, and short enough that two who sit side by side are not confused. empty_s:
    where nothing has, and nobody is there: whoever came without changing the picture is found by then.
    whole_s: at most, from one frame that it sees whole to the next: who stands still, and was not found when
    they came, is found by then.
    """

    moving_s: float = 1 / MOVING
    still_s: float = 0.5
    empty_s: float = 4.0
    whole_s: float = 2.0

    @staticmethod
    def at_most(rate: float) -> Intervals:
        """No more than about ``rate`` frames a second."""
        whole = Intervals()
        return Intervals(1 / rate, max(1 / rate, whole.still_s), max(1 / rate, whole.empty_s))


class Compare(Protocol):
    """See app.sources.change.Change."""

    def keep(self, part: Part) -> None: ...
    def changed(self, picture: Grey, after_s: float) -> Part | None: ...


class Schedule:
    """One camera's. Asked of every frame in order of time, it answers the same for the same frames.

    A frame is taken when it is nearer to the moment wanted than the next one would be, so that any frame rate
    is met about as well. wanted_fps: frames a second it must be asked of, at least, to be kept to.
    """

    _TOLERANCE_S = 1e-3  # frames are timed no better

    def __init__(self, compare: Compare, intervals: Intervals) -> None:
        self._compare = compare
        self._intervals = intervals
        self.wanted_fps = 2 / intervals.moving_s
        self._before = self._asked = self._last = self._whole = -1e18

    def due(self, time: float, picture: Callable[[], Grey], people: Callable[[], Floats]) -> Part | None:
        """What the detector is to see of the frame of that time, if anything.

        picture: gives its brightness. people: gives the (N, 4) parts of it in which those who are followed
        are expected. Both are called only where it matters.
        """
        step_s, self._before = time - self._before, time
        since_s = time - self._last + min(step_s, self._intervals.moving_s) / 2 + self._TOLERANCE_S
        if since_s < self._intervals.moving_s:
            return None
        expected = people()
        due = since_s >= (self._intervals.still_s if len(expected) else self._intervals.empty_s)
        asked_s = time - self._asked
        if not due and asked_s < self._intervals.moving_s / 2:
            return None
        self._asked = time
        changed = self._compare.changed(picture(), asked_s)
        if not due and changed is None:
            return None
        self._last = time
        long_ago = time - self._whole >= self._intervals.whole_s - self._TOLERANCE_S
        part = WHOLE if long_ago else around(expected, changed)
        if part == WHOLE:
            self._whole = time
        self._compare.keep(part)
        return part


class EveryFrame:
    """The detector sees all there are."""

    wanted_fps = math.inf

    def due(self, time: float, picture: Callable[[], Grey], people: Callable[[], Floats]) -> Part | None:
        return WHOLE


def around(people: Floats, changed: Part | None) -> Part:
    """The part of a picture that holds those where people are expected, (N, 4), what changed, and some of
    what is around them. All of it where there is neither.
    """
    margin = MARGIN * (people[:, 2:] - people[:, :2])
    grown = np.concatenate([people[:, :2] - margin, people[:, 2:] + margin], axis=1)
    if changed is not None:
        grown = np.concatenate([grown, np.array([changed])])
    grown = grown[(grown[:, :2] < 1).all(axis=1) & (grown[:, 2:] > 0).all(axis=1)]
    if not len(grown):
        return WHOLE
    (left, top), (right, bottom) = grown[:, :2].min(axis=0), grown[:, 2:].max(axis=0)
    return (
        max(float(left) - AROUND, 0.0),
        max(float(top) - AROUND, 0.0),
        min(float(right) + AROUND, 1.0),
        min(float(bottom) + AROUND, 1.0),
    )
