"""How long a window's thread keeps anybody waiting: for the tests, and for benchmarks/window.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from PyQt5.QtCore import QTimer


@contextmanager
def heartbeat(beat_ms: int = 10) -> Iterator[list[float]]:
    """The gaps in seconds between the beats of a timer in the window's thread."""
    gaps: list[float] = []
    last = time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.timeout.connect(beat)
    timer.start(beat_ms)
    yield gaps
    timer.stop()
