"""Times as people read them, the same in the terminal, on pages and in the window.

A moment of footage is local date and time, to the second, in ISO order, and its zone is said; with ``--utc``,
or where the environment's TZ says so, local is UTC. Where a source's start is unknown, times begin near 0 and
are told as elapsed.
"""

from __future__ import annotations

import math
import os
import time as clock
from collections.abc import Iterable
from datetime import datetime

from app.moments import is_dated


def moment(time: float) -> str:
    """Date and time: 2026-11-22 09:30:05; or elapsed."""
    return _local(time).strftime("%Y-%m-%d %H:%M:%S") if is_dated(time) else elapsed(time)


def hour(time: float) -> str:
    """The time of the day alone, beside a date; or elapsed."""
    return _local(time).strftime("%H:%M:%S") if is_dated(time) else elapsed(time)


def day_of(time: float) -> str | None:
    return _local(time).date().isoformat() if is_dated(time) else None


def span(start: float, end: float) -> str:
    """Two moments with a dash between them; the second without its date where that is the first's."""
    return f"{moment(start)} \N{EN DASH} {hour(end) if day_of(start) == day_of(end) else moment(end)}"


def zone(time: float) -> str:
    """Which zone it is told in, as UTC+01:00; empty where it is elapsed."""
    if not is_dated(time):
        return ""
    offset = _local(time).strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset.strip("+-0") else "UTC"


def ahead_s(time: float) -> float:
    """How far local time is ahead of UTC then; 0 where it is elapsed."""
    offset = _local(time).utcoffset() if is_dated(time) else None
    return 0.0 if offset is None else offset.total_seconds()


def iso(time: float) -> str | None:
    """The time as ISO 8601 with its offset, in milliseconds; None where it is elapsed."""
    return _local(time).isoformat(timespec="milliseconds") if is_dated(time) else None


def elapsed(seconds: float) -> str:
    """As mm:ss, or h:mm:ss from an hour on."""
    if not math.isfinite(seconds):
        return "?"
    whole = math.floor(abs(seconds))
    hours, rest = divmod(whole, 3600)
    sign = "-" if seconds < 0 and whole else ""
    told = f"{hours}:{rest // 60:02d}" if hours else f"{rest // 60:02d}"
    return f"{sign}{told}:{rest % 60:02d}"


def use_zone(name: str | None) -> None:
    """Tell times in that zone, such as UTC, from now on in the whole program; None for the machine's."""
    if name is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = name
    clock.tzset()


class AnswerClock:
    """Shows the times of one answer: the date once where all share it, the zone once where all share that."""

    def __init__(self, times: Iterable[float]) -> None:
        dated = [time for time in times if is_dated(time)]
        days, zones = sorted({day_of(time) or "" for time in dated}), sorted({zone(time) for time in dated})
        self.many_days, self._many_zones = len(days) > 1, len(zones) > 1
        self.caption = f", on {days[0]}" if len(days) == 1 else ""
        self.caption += f", {zones[0]}" if len(zones) == 1 else ""

    def show(self, time: float) -> str:
        """In one line, to the second."""
        told = moment(time) if self.many_days else hour(time)
        return f"{told} {zone(time)}" if self._many_zones and is_dated(time) else told


def _local(time: float) -> datetime:
    return datetime.fromtimestamp(time).astimezone()
