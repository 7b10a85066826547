"""Timestamps of files and live streams -> the times of frames: epoch seconds that strictly increase."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

_CLOCK_SET_BACK_S = 0.5  # timestamps that fall by more than this have started anew; by less, they are noise
_CATCH_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is known of a live frame's time, in seconds; None where there is no such clock.

    pts_s: by the stream's timestamps. camera_s: by the camera's wall clock (RTCP sender reports, RFC 3550
    section 6.4.1). arrival_s: by ours, when it came.
    """

    pts_s: float | None
    camera_s: float | None
    arrival_s: float


class FileClock:
    """Presentation times of a file -> strictly increasing times, the first of them `start`."""

    def __init__(self, *, start: float, step_s: float) -> None:
        self._start = start
        self._step_s = step_s
        self._origin: float | None = None
        self._last: float | None = None

    def time(self, presented_s: float | None) -> float:
        """The time of the next frame; presented_s: by the file's own clock, None where it says nothing."""
        self._last = self._start if self._last is None else self._after(self._last, presented_s)
        if self._origin is None and presented_s is not None:
            self._origin = presented_s - (self._last - self._start)
        return self._last

    def _after(self, last: float, presented_s: float | None) -> float:
        if presented_s is None or self._origin is None:
            return last + self._step_s
        moment = self._start + (presented_s - self._origin)
        if moment < last - _CLOCK_SET_BACK_S:
            self._origin = presented_s - (last + self._step_s - self._start)
            return last + self._step_s
        return moment if moment > last else last + self._step_s / 2


class LiveClock:
    """When a live frame was filmed: by the camera's clock where it is believable, else by its arrival.

    Arrival jitters with the network, so it is smoothed: the least delayed packet of the last `window_s`
    says how the stream's timestamps lie to our clock. Times increase strictly, also over reconnections:
    where a better clock says that we are ahead, time runs at half speed until that is made good.
    """

    def __init__(self, *, max_error_s: float = 5.0, window_s: float = 10.0) -> None:
        self.source: Literal["camera", "arrival"] = "arrival"
        self._max_error_s = max_error_s
        self._window_s = window_s
        self._last: float | None = None
        self.connected()

    def connected(self) -> None:
        """A new connection: its timestamps have nothing to do with those before."""
        self._last_stamp: Stamp | None = None
        self._lowest: deque[tuple[float, float]] = deque()  # (arrival, arrival - pts), both increasing

    def time(self, stamp: Stamp) -> float:
        """The time of the next frame, in epoch seconds."""
        smooth = self._smooth(stamp)
        moment = smooth if stamp.camera_s is None else stamp.camera_s
        believed = stamp.camera_s is not None and abs(moment - stamp.arrival_s) <= self._max_error_s
        self.source = "camera" if believed else "arrival"
        moment = moment if believed else smooth
        if self._last is not None:
            moment = max(moment, self._last + self._step_s(stamp) / 2)
        self._last, self._last_stamp = moment, stamp
        return moment

    def _smooth(self, stamp: Stamp) -> float:
        """The arrival without its jitter."""
        if stamp.pts_s is None:
            return stamp.arrival_s
        if self._last_stamp and stamp.pts_s < (self._last_stamp.pts_s or 0.0) - _CLOCK_SET_BACK_S:
            self._lowest.clear()
        offset_s = stamp.arrival_s - stamp.pts_s
        if self._lowest and offset_s - self._lowest[0][1] > self._max_error_s:  # the timestamps stood still
            self._lowest.clear()
        self._note(stamp.arrival_s, offset_s)
        return stamp.pts_s + self._lowest[0][1]

    def _note(self, arrival_s: float, offset_s: float) -> None:
        """Keep the minimum of the window first (the monotonic queue of a sliding-window minimum)."""
        while self._lowest and self._lowest[-1][1] >= offset_s:
            self._lowest.pop()
        self._lowest.append((arrival_s, offset_s))
        while self._lowest[0][0] < arrival_s - self._window_s:
            self._lowest.popleft()

    def _step_s(self, stamp: Stamp) -> float:
        """How long after the frame before it this one was filmed, nearly; within 2 ms to 1 s."""
        before = self._last_stamp
        if before is None or before.pts_s is None or stamp.pts_s is None:
            step = 0.0 if before is None else stamp.arrival_s - before.arrival_s
        else:
            step = stamp.pts_s - before.pts_s
        return min(max(step, 0.002), 1.0)


class Backlog:
    """Tells whether a fresh connection still delivers its backlog, faster than it was filmed.

    Such frames are old, by an amount nobody knows yet. It ends with the first frame that had to be waited
    for, and after two seconds at the latest.
    """

    def __init__(self) -> None:
        self._over = False
        self._until = 0.0
        self._before: Stamp | None = None

    def holds(self, stamp: Stamp) -> bool:
        """Whether the next frame, with this stamp, is part of it. The first one always is."""
        before, self._before = self._before, stamp
        if before is None:
            self._until = stamp.arrival_s + _CATCH_UP_S
        elif stamp.pts_s is None or stamp.arrival_s > self._until:
            self._over = True
        elif before.pts_s is not None:
            self._over |= stamp.arrival_s - before.arrival_s > (stamp.pts_s - before.pts_s) / 2
        return not self._over
