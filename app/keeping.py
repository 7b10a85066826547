"""How long is kept what a run finds: what a configuration lets go is forgotten by itself, beside the run."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from app.config import CameraSettings, KeepSettings
from app.supervised import Supervised
from storage.errors import DatabaseError
from storage.forgetting import Forgetting, Kind, Order

DAY_S = 86400.0
EVERY_S = 600.0
"""How often is looked for what is too old."""

_LOOK_S = 30.0  # how often at the disk
_AHEAD_S = 3600.0  # with less room than for that, what may go goes at once
_CLOSE_S = 5.0


class Keeper:
    """Forgets what is older than the settings say, and what somebody ordered and did not finish.

    Looks at the disk too: where less is free than an hour takes, by how it went lately, it does so at once
    and says so in `trouble`. Use as a context manager.
    """

    def __init__(
        self, forgetting: Forgetting, database: Path, keep: KeepSettings, cameras: Sequence[CameraSettings]
    ) -> None:
        self._forgetting = forgetting
        self._folder = database.absolute().parent
        self._keep = keep
        self._cameras = cameras
        self._free: deque[tuple[float, int]] = deque(maxlen=int(_AHEAD_S / _LOOK_S))
        self._low = ""
        self._stop = threading.Event()
        self._thread = Supervised("forgetting", self._work, stop=self._stop)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.close(error, _CLOSE_S)

    @property
    def trouble(self) -> str:
        """A sentence where the disk runs full, or where forgetting fails; else ""."""
        return self._low or self._thread.trouble

    def _work(self) -> None:
        due = 0.0
        while not self._stop.is_set():
            left_s = self.left_s(shutil.disk_usage(self._folder).free, time.monotonic())
            self._low = "" if left_s >= _AHEAD_S else _told(self._folder, left_s)
            if self._low or time.monotonic() >= due:
                self.forget(time.time())
                due = time.monotonic() + EVERY_S
            self._stop.wait(_LOOK_S)

    def left_s(self, free: int, now: float) -> float:
        """How long the disk lasts, by how its free bytes went since the first look of the last hour."""
        self._free.append((now, free))
        begun, before = self._free[0]
        rate = (before - free) / max(now - begun, _LOOK_S)
        return free / rate if rate > 0 else float("inf")

    def forget(self, now: float) -> None:
        """All that is too old by now."""
        for order in orders(self._keep, self._cameras, now):
            with suppress(DatabaseError):  # a camera that nothing was seen on yet
                self._forgetting.order(order, author="policy")
        self._forgetting.carry_out()


def orders(keep: KeepSettings, cameras: Sequence[CameraSettings], now: float) -> list[Order]:
    """What the settings let go."""
    found = [
        Order("footage", camera=camera.name, before=now - camera.keep_days * DAY_S)
        for camera in cameras
        if camera.keep_days is not None
    ]
    kept: dict[Kind, float | None] = {
        "sightings": keep.sightings_days,
        "portraits": keep.portraits_days,
        "pictures": keep.pictures_days,
    }
    return found + [Order(kind, before=now - days * DAY_S) for kind, days in kept.items() if days is not None]


def _told(folder: Path, left_s: float) -> str:
    return (
        f"the disk of {folder} is full in {left_s / 60:.0f} minutes; what [keep] lets go was cleared, "
        "make room or keep less"
    )
