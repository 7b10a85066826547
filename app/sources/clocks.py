"""Timestamps of files and live streams -> the times of frames: epoch seconds that strictly increase."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

_CLOCK_SET_BACK_S = 0.5  # timestamps that fall by more than this have started anew; by less, they are noise
_STEP_AHEAD_S, _STEPS_AHEAD = 2.0, 20.0  # a file's ordinary step is no longer, or so many times the usual one
_BELIEVED, _MOST_HELD = 5, 12  # so many frames in a row make a step true; so many are held back at most
_MPEG_WRAP_S = 2**33 / 90_000  # when MPEG's timestamps begin anew: 26.5 hours
_LONGEST_STEP_S = 60.0  # between two frames of footage that was not interrupted
_CATCH_UP_S = 2.0
_NEW_CLOCK_S = 10.0  # timestamps of a stream that step ahead by more have begun anew
_DRY_S = 0.5  # what is due for longer came too late, and all after it is shown later
_CLOCK_JUMP_S = 0.5  # a camera whose clock moves by more than this against its timestamps has set it
_WORST_DRIFT = 2e-4  # how fast a camera's timestamps may run against our clock


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is known of a live frame's time, in seconds; None where there is no such clock.

    pts_s: by the stream's timestamps. camera_s: by the camera's wall clock (RTCP sender reports, RFC 3550
    section 6.4.1). arrival_s: by ours, when it came.
    """

    pts_s: float | None
    camera_s: float | None
    arrival_s: float


T = TypeVar("T")


class FileClock(Generic[T]):
    """Presentation times of a file -> strictly increasing times, the first of them `start`.

    A step out of the ordinary is believed once some frames have gone on from there; what went back to where
    it was before was a wrong stamp, and its frame is dated by its place in the order. Until that is known,
    frames are held back. A step back, or one by the length after which MPEG's 33 bits begin anew, is a clock
    that was set: time goes on without it. A step ahead is a gap.

    odd: how many stamps were wrong. gaps_s: steps ahead that were believed.
    """

    def __init__(self, *, start: float, step_s: float) -> None:
        self.odd = 0
        self.gaps_s: list[float] = []
        self._start = start
        self._step_s = step_s
        self._usual_s = step_s
        self._origin: float | None = None
        self._last: float | None = None
        self._last_stamp: float | None = None
        self._frames = 0
        self._held: list[tuple[T, float]] = []

    def take(self, frame: T, presented_s: float | None) -> list[tuple[T, float]]:
        """The next frame; those whose time is known by it, in order, with their times.

        presented_s: by the file's own clock, None where it says nothing.
        """
        if self._last_stamp is None or presented_s is None or self._follows(presented_s, self._last_stamp):
            return [*self._dismissed(presented_s), (frame, self._dated(presented_s))]
        self._held.append((frame, presented_s))
        sure = self._run_of_held() >= _BELIEVED or len(self._held) >= _MOST_HELD
        return self._believed() if sure else []

    def rest(self) -> list[tuple[T, float]]:
        """What was held back, at the end: believed where more than one frame says so."""
        return self._believed() if self._run_of_held() > 1 else self._dismissed(None)

    def _follows(self, stamp: float, before: float, *, beyond_s: float = 0.0) -> bool:
        """Whether it may come next, in the ordinary. beyond_s: a step that is ordinary too."""
        longest_s = max(_STEP_AHEAD_S, _STEPS_AHEAD * self._usual_s, beyond_s)
        return -_CLOCK_SET_BACK_S <= stamp - before <= longest_s

    def _run_of_held(self) -> int:
        """How many of those held back, from the last, follow each other, be it as slowly as the first."""
        stamps = [stamp for _, stamp in self._held]
        slow_s = 1.5 * (stamps[0] - (self._last_stamp or 0.0)) if stamps else 0.0
        follows = [self._follows(b, a, beyond_s=slow_s) for a, b in itertools.pairwise(stamps)]
        breaks = [k for k, one in enumerate(follows, 1) if not one]
        return len(stamps) - (breaks[-1] if breaks else 0)

    def _dismissed(self, presented_s: float | None) -> list[tuple[T, float]]:
        """Those held back, their stamps being wrong: spread evenly before the next frame."""
        held, self._held = self._held, []
        self.odd += len(held)
        if not held or self._last is None:
            return []
        step_s = self._step_s
        if presented_s is not None and self._origin is not None:
            ahead_s = self._start + presented_s - self._origin - self._last
            step_s = ahead_s / (len(held) + 1) if ahead_s > 0 else step_s / (len(held) + 1)
        times = [self._last + step_s * (k + 1) for k in range(len(held))]
        self._last = times[-1]
        return [(frame, time) for (frame, _), time in zip(held, times, strict=True)]

    def _believed(self) -> list[tuple[T, float]]:
        held, self._held = self._held, []
        dated = []
        if self._frames == 1 and self._is_lone_first(held[0][1], held[-1][1], len(held)):
            self.odd += 1
            self._origin = held[0][1] - self._step_s
            self._last_stamp = held[0][1]
        for frame, stamp in held:
            step_s = stamp - (stamp if self._last_stamp is None else self._last_stamp)
            if abs(step_s - _MPEG_WRAP_S) < _STEP_AHEAD_S and self._origin is not None:
                self._origin += step_s - self._usual_s
            elif step_s > max(_STEP_AHEAD_S, _STEPS_AHEAD * self._usual_s):
                self.gaps_s.append(step_s)
            dated.append((frame, self._dated(stamp)))
        return dated

    def _is_lone_first(self, first: float, last: float, count: int) -> bool:
        """Whether what is held goes on so much faster that the one stamp before it was wrong."""
        step_s = (last - first) / max(count - 1, 1)
        return first - (self._last_stamp or 0.0) > _STEPS_AHEAD * step_s > 0

    def _dated(self, presented_s: float | None) -> float:
        self._frames += 1
        self._last = self._start if self._last is None else self._after(self._last, presented_s)
        if presented_s is not None:
            if self._origin is None:
                self._origin = presented_s - (self._last - self._start)
            if self._last_stamp is not None and 0 < presented_s - self._last_stamp < _LONGEST_STEP_S:
                self._usual_s += 0.1 * (presented_s - self._last_stamp - self._usual_s)
            self._last_stamp = presented_s
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
    says how the stream's timestamps lie to our clock. Times increase strictly, also over reconnections.
    Whatever a clock does, by up to `max_error_s`, time is continuous: it runs at half or at one and a half
    times its speed until it is right again, so that tracks go on. Only a gap longer than that is a jump.

    jumps: how often the camera set its clock in the midst of a stream; jumped_s: by how much, the last time.
    offset_s: how far its clock is ahead of ours, less its shortest delay; None where it tells none.
    late_s: how much later than the least delayed packet of this connection the last one came.
    """

    def __init__(self, *, max_error_s: float = 5.0, window_s: float = 10.0) -> None:
        self.source: Literal["camera", "arrival"] = "arrival"
        self.jumps = 0
        self.jumped_s = 0.0
        self.offset_s: float | None = None
        self._max_error_s = max_error_s
        self._window_s = window_s
        self._last: float | None = None
        self._arrived = 0.0
        self._ahead_s = 0.0  # of the camera's clock when it was last believed; kept while it says nothing
        self._drift = Drift()
        self.connected()

    def connected(self) -> None:
        """A new connection: its timestamps have nothing to do with those before."""
        self.late_s = 0.0
        self._least_s: float | None = None
        self._lead_s: float | None = None
        self._last_stamp: Stamp | None = None
        self._lowest: deque[tuple[float, float]] = deque()  # (arrival, arrival - pts), both increasing
        self._drift.begin()

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the camera's clock runs than ours, in millionths; None before it is known.

        Of its wall clock where it tells one, else of the stream's timestamps.
        """
        return self._drift.ppm

    @property
    def zero_s(self) -> float | None:
        """The time of this connection's timestamp 0, by its last frame; None where nobody knows it."""
        if self._last is None or self._last_stamp is None or self._last_stamp.pts_s is None:
            return None
        return self._last - self._last_stamp.pts_s

    def time(self, stamp: Stamp) -> float:
        """The time of the next frame, in epoch seconds."""
        smooth = self._smooth(stamp)
        target = self._believed(stamp, smooth)
        moment = target if self._last is None else self._towards(self._last, target, self._step_s(stamp))
        self._last, self._last_stamp, self._arrived = moment, stamp, stamp.arrival_s
        return moment

    def _towards(self, last: float, target: float, step_s: float) -> float:
        error_s = target - (last + step_s)
        if error_s > self._max_error_s:
            return target
        return last + step_s + min(max(error_s, -step_s / 2), step_s / 2)

    def _believed(self, stamp: Stamp, smooth: float) -> float:
        """The time by the better of the two clocks."""
        self.source = "arrival"
        known = stamp.camera_s if stamp.camera_s is not None else stamp.pts_s
        if known is not None and self._drift.whose != (stamp.camera_s is not None):
            self._drift.begin(whose=stamp.camera_s is not None)
        if stamp.camera_s is not None and stamp.pts_s is not None:
            self._notice_jump(stamp.camera_s - stamp.pts_s)
        if known is not None:
            self._drift.see(stamp.arrival_s, known - stamp.arrival_s)
        if stamp.camera_s is None:
            return smooth + self._ahead_s
        self.offset_s = stamp.camera_s - smooth
        if abs(stamp.camera_s - stamp.arrival_s) > self._max_error_s:
            return smooth + self._ahead_s
        self.source, self._ahead_s = "camera", self.offset_s
        return stamp.camera_s

    def _notice_jump(self, lead_s: float) -> None:
        """lead_s: the camera's clock at timestamp 0; reports move it a little, a set clock a lot."""
        if self._lead_s is not None and abs(lead_s - self._lead_s) > _CLOCK_JUMP_S:
            self.jumps += 1
            self.jumped_s = lead_s - self._lead_s
            self._drift.begin(whose=True)
        self._lead_s = lead_s

    def _smooth(self, stamp: Stamp) -> float:
        """The arrival without its jitter."""
        if stamp.pts_s is None:
            return stamp.arrival_s
        if self._last_stamp and stamp.pts_s < (self._last_stamp.pts_s or 0.0) - _CLOCK_SET_BACK_S:
            self._lowest.clear()
            self._least_s = None
            self._drift.begin()
        offset_s = stamp.arrival_s - stamp.pts_s
        if self._lowest and offset_s - self._lowest[0][1] > self._max_error_s:  # the timestamps stood still
            self._lowest.clear()
        self._note(stamp.arrival_s, offset_s)
        self._measure_delay(stamp.arrival_s, offset_s)
        return stamp.pts_s + self._lowest[0][1]

    def _measure_delay(self, arrival_s: float, offset_s: float) -> None:
        """Against the least of the connection, not the window, lest a slowly growing delay be missed."""
        passed_s = max(arrival_s - self._arrived, 0.0)
        least_s = offset_s if self._least_s is None else self._least_s + _WORST_DRIFT * passed_s
        self._least_s = min(least_s, offset_s)
        self.late_s = offset_s - self._least_s

    def _note(self, arrival_s: float, offset_s: float) -> None:
        """Keep the minimum of the window first (the monotonic queue of a sliding-window minimum)."""
        while self._lowest and self._lowest[-1][1] >= offset_s:
            self._lowest.pop()
        self._lowest.append((arrival_s, offset_s))
        while self._lowest[0][0] < arrival_s - self._window_s:
            self._lowest.popleft()

    def _step_s(self, stamp: Stamp) -> float:
        """How long after the frame before it this one was filmed, nearly; 2 ms at least."""
        arrival_step = stamp.arrival_s - self._arrived
        before = self._last_stamp
        if before is None or before.pts_s is None or stamp.pts_s is None:
            return max(arrival_step, 0.002)
        step = stamp.pts_s - before.pts_s
        strange = abs(step - arrival_step) > self._max_error_s
        return max(arrival_step if strange else step, 0.002)


class Drift:
    """How fast another clock runs against ours: a line through the least delayed reading of every bin_s.

    Least squares over an hour at most. whose: True for a camera's wall clock, False for timestamps.
    """

    def __init__(self, *, bin_s: float = 5.0, bins: int = 720, needed: int = 12) -> None:
        self._bin_s = bin_s
        self._needed = needed
        self._points: deque[tuple[float, float]] = deque(maxlen=bins)
        self.whose = False
        self.begin()

    def begin(self, *, whose: bool | None = None) -> None:
        """What was read so far has nothing to do with what comes."""
        self.whose = self.whose if whose is None else whose
        self.ppm: float | None = None
        self._points.clear()
        self._best: tuple[float, float] | None = None
        self._until = 0.0

    def see(self, now_s: float, ahead_s: float) -> None:
        """A reading: the other clock less ours. Delays make it too small: the largest counts."""
        if self._best is None or now_s >= self._until:
            if self._best is not None:
                self._points.append(self._best)
                self._fit()
            self._best, self._until = (now_s, ahead_s), now_s + self._bin_s
        elif ahead_s > self._best[1]:
            self._best = now_s, ahead_s

    def _fit(self) -> None:
        count = len(self._points)
        if count < self._needed:
            return
        mean_t = sum(t for t, _ in self._points) / count
        mean_a = sum(a for _, a in self._points) / count
        over = sum((t - mean_t) * (a - mean_a) for t, a in self._points)
        self.ppm = 1e6 * over / sum((t - mean_t) ** 2 for t, _ in self._points)


class Pacer:
    """Plays out what comes in bursts (HLS, DASH) by its timestamps, at a steady delay.

    The delay is that of the first picture, and grows where the next one comes later than it was due.
    """

    def __init__(self) -> None:
        self._lead_s: float | None = None  # our clock at timestamp 0
        self._last_s = 0.0

    def wait_s(self, pts_s: float | None, now_s: float) -> float:
        """How long to hold the picture of that timestamp back. now_s: by any clock that runs on."""
        if pts_s is None:
            return 0.0
        anew = self._lead_s is None or not -_CLOCK_SET_BACK_S <= pts_s - self._last_s <= _NEW_CLOCK_S
        wait_s = 0.0 if anew or self._lead_s is None else pts_s + self._lead_s - now_s
        if anew or wait_s < -_DRY_S:
            self._lead_s, wait_s = now_s - pts_s, 0.0
        self._last_s = pts_s
        return max(wait_s, 0.0)


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
