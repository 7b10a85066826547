"""The one clock that all footage follows."""

from __future__ import annotations

import time

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class Playhead:
    """The time that is shown: still, or running at a speed. `now` may be called from any thread."""

    def __init__(self) -> None:
        self.playing = False
        self.speed = 1.0
        self._at, self._since = 0.0, 0.0

    def now(self) -> float:
        """Epoch seconds."""
        if not self.playing:
            return self._at
        return self._at + (time.monotonic() - self._since) * self.speed

    def seek(self, to: float) -> None:
        self._at, self._since = to, time.monotonic()

    def play(self, on: bool) -> None:
        self.seek(self.now())
        self.playing = on

    def set_speed(self, speed: float) -> None:
        self.seek(self.now())
        self.speed = speed
