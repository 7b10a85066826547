"""How fast a live run goes just now, where a Status only says how far it has come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from app.pipeline import CameraStatus, Status

_STEP_S = 0.25  # statuses that follow each other faster than this are not all kept


@dataclass(frozen=True, slots=True)
class Rates:
    """Frames a second of one camera: decoded, gone through the line, replaced by newer ones."""

    received: float = 0.0
    processed: float = 0.0
    dropped: float = 0.0


OVERLOADED, AT_EASE = 0.1, 0.05
"""The share of missed frames from which a run counts as overloaded, and below which it no longer does."""


class Pace:
    """Rates over the last window_s seconds, from the statuses it is shown.

    dropped_share: of the frames that were wanted of all cameras, 0..1: where fewer are enough than a camera
    gives, those dropped beyond them are none's loss. overloaded: whether the machine can't keep up.
    """

    def __init__(self, *, window_s: float = 5.0) -> None:
        self.dropped_share = 0.0
        self.overloaded = False
        self._window_s = window_s
        self._seen: deque[Status] = deque()

    def see(self, status: Status) -> None:
        """The next status of the run."""
        if self._seen and status.elapsed_s - self._seen[-1].elapsed_s < _STEP_S:
            return
        self._seen.append(status)
        while len(self._seen) > 2 and self._seen[1].elapsed_s <= status.elapsed_s - self._window_s:
            self._seen.popleft()
        self._judge()

    def _judge(self) -> None:
        first, last = self._seen[0], self._seen[-1]
        took_s = last.elapsed_s - first.elapsed_s
        counts = [_missed(_named(first, camera.name), camera, took_s) for camera in last.cameras]
        wanted = sum(one for one, _ in counts)
        self.dropped_share = min(sum(lost for _, lost in counts) / wanted, 1.0) if wanted > 0 else 0.0
        if last.elapsed_s - first.elapsed_s >= 0.8 * self._window_s:
            self.overloaded = self.dropped_share >= (AT_EASE if self.overloaded else OVERLOADED)

    def of(self, camera: str) -> Rates:
        """Zeros before there are two statuses."""
        if len(self._seen) < 2:
            return Rates()
        first, last = self._seen[0], self._seen[-1]
        before, now = _named(first, camera), _named(last, camera)
        took_s = last.elapsed_s - first.elapsed_s
        return Rates(
            received=(now.received - before.received) / took_s,
            processed=(now.frames - before.frames) / took_s,
            dropped=(now.dropped - before.dropped) / took_s,
        )


def _missed(before: CameraStatus, now: CameraStatus, took_s: float) -> tuple[float, float]:
    """How many frames were wanted in that time, and how many of them were dropped."""
    received, dropped = now.received - before.received, max(now.dropped - before.dropped, 0)
    if now.wanted_fps * took_s >= received:
        return max(received, 0), dropped
    enough = now.wanted_fps * took_s
    return enough, min(dropped, max(enough - (now.frames - before.frames), 0.0))


def _named(status: Status, camera: str) -> CameraStatus:
    absent = CameraStatus(camera, "connecting")
    return next((c for c in status.cameras if c.name == camera), absent)
