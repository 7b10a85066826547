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


class Pace:
    """Rates over the last window_s seconds, from the statuses it is shown."""

    def __init__(self, *, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._seen: deque[Status] = deque()

    def see(self, status: Status) -> None:
        """The next status of the run."""
        if self._seen and status.elapsed_s - self._seen[-1].elapsed_s < _STEP_S:
            return
        self._seen.append(status)
        while len(self._seen) > 2 and self._seen[1].elapsed_s <= status.elapsed_s - self._window_s:
            self._seen.popleft()

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


def _named(status: Status, camera: str) -> CameraStatus:
    absent = CameraStatus(camera, "connecting")
    return next((c for c in status.cameras if c.name == camera), absent)
