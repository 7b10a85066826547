"""Which frames the detector sees: as often as people move, and hardly where nothing does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tracker.types import Grey

MOVING = 5.0
"""Frames a second the detector sees where something moves. A walker gets on by half the width of their box in
between. docs/performance.md has what other rates do; more is not better, for pictures so near err alike."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds from one frame that the detector sees to the next.

    moving_s: where something has changed since. still_s: where nothing has, but there are tracks: well within
    the time a track lives unseen, and short enough that two who sit side by side are not confused. empty_s:
    where nothing has, and nobody is there: whoever came without changing the picture is found by then.
    """

    moving_s: float = 1 / MOVING
    still_s: float = 0.5
    empty_s: float = 4.0

    @staticmethod
    def at_most(rate: float) -> Intervals:
        """No more than about ``rate`` frames a second."""
        whole = Intervals()
        return Intervals(1 / rate, max(1 / rate, whole.still_s), max(1 / rate, whole.empty_s))


class Compare(Protocol):
    """See app.sources.change.Change."""

    def keep(self, picture: Grey) -> None: ...
    def seen(self, picture: Grey, after_s: float) -> bool: ...


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
        self._before = self._asked = self._last = -1e18

    def due(self, time: float, picture: Callable[[], Grey], *, tracks: bool) -> bool:
        """Whether the detector is to see the frame of that time.

        picture: gives its brightness; is called only where it matters. tracks: whether anybody is followed.
        """
        step_s, self._before = time - self._before, time
        since_s = time - self._last + min(step_s, self._intervals.moving_s) / 2 + self._TOLERANCE_S
        if since_s < self._intervals.moving_s:
            return False
        if since_s < (self._intervals.still_s if tracks else self._intervals.empty_s):
            asked_s = time - self._asked
            if asked_s < self._intervals.moving_s / 2:
                return False
            self._asked = time
            if not self._compare.seen(picture(), asked_s):
                return False
        self._last = time
        self._compare.keep(picture())
        return True


class EveryFrame:
    """The detector sees all there are."""

    wanted_fps = math.inf

    def due(self, time: float, picture: Callable[[], Grey], *, tracks: bool) -> bool:
        return True
