"""A moment as people write it -> epoch seconds, and what no moment of footage can be."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
"""Footage is from between 1970 and here; a number beyond is of another unit, or damage."""
UNDATED_S = 366 * 86400.0
"""Nobody has footage of 1970: a time before this counts from a start that nobody knows."""


def is_dated(time: float) -> bool:
    """Whether it is a moment of footage, rather than elapsed since a start that nobody knows, or damage."""
    return UNDATED_S <= time <= LATEST


class MomentError(Exception):
    """A text or number that is no moment: says what was expected, a part of a sentence."""


def moment_of(text: str) -> float:
    """Epoch seconds of an ISO 8601 time (local where it names no zone) or of a number. Raises MomentError."""
    try:
        return checked(float(text), text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return checked(moment.astimezone().timestamp(), text)
    except (ValueError, OverflowError, OSError):
        raise MomentError(
            f"{text[:40]!r} is no time; write it as 2026-11-22T09:30:00Z, or without Z for local time"
        ) from None


def moment_near(text: str, *, near: float) -> float:
    """As moment_of; a time alone (9:31:02.5, or 31:02 of footage whose start nobody knows) is that nearest to
    ``near``, in local time.
    """
    parts = re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)", text.strip())
    if parts is None:
        return moment_of(text)
    hours, minutes, seconds = int(parts[1] or 0), int(parts[2]), float(parts[3])
    if near < UNDATED_S:
        return 3600 * hours + 60 * minutes + seconds
    if parts[1] is None or hours > 23:
        raise MomentError(f"{text} is no time of a day; write hours, minutes and seconds, as in 09:31:02")
    day = datetime.fromtimestamp(near).astimezone()
    days = [day + timedelta(days=days) for days in (-1, 0, 1)]
    wanted = {"hour": hours, "minute": minutes, "second": 0, "microsecond": 0}
    times = [one.replace(**wanted).timestamp() + seconds for one in days]  # type: ignore[arg-type]
    return min(times, key=lambda time: abs(time - near))


def checked(epoch_s: float, told: object) -> float:
    """The same number, or MomentError where nothing was filmed then. told: how it was written."""
    if math.isfinite(epoch_s) and 0.0 <= epoch_s <= LATEST:
        return epoch_s
    unit = " (are these milliseconds?)" if 0.0 <= epoch_s / 1000 <= LATEST and epoch_s > LATEST else ""
    raise MomentError(f"{str(told)[:40]} is no time between 1970 and 2200{unit}; epoch seconds are expected")


TIME_HELP = "as 2026-11-22 09:30, 09:30 (of the last day), yesterday 14:00 or last 2h"
"""How people may write a moment."""

_AGO = re.compile(
    r"(?:last |past )?(\d+(?:\.\d+)?) ?(s|m|h|d|w|sec|min|seconds?|minutes?|hours?|days?|weeks?)(?: ago)?"
)
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_DAYS = {"today": 0, "yesterday": 1}
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")


def moment_said(text: str, *, now: float, near: float | None = None) -> float:
    """As moment_of, and as people say it: ``last 2h``, ``yesterday 14:00``, ``today``, ``09:30``.

    now: what the first three count from. near: a time alone is of that day (local), or, where it is no dated
    time, elapsed; None for now. Raises MomentError.
    """
    said = " ".join(text.lower().split())
    ago = _AGO.fullmatch(said)
    if ago is not None:
        return checked(now - float(ago[1]) * _UNITS_S[ago[2][0]], text)
    day, _, rest = said.partition(" ")
    if day in _DAYS:
        begin = datetime.fromtimestamp(now).astimezone() - timedelta(days=_DAYS[day])
        return _on_day(begin, rest or "00:00", text)
    if near is not None and not is_dated(near):
        return moment_near(text, near=near)
    if _TIME_OF_DAY.fullmatch(said):
        return _on_day(datetime.fromtimestamp(now if near is None else near).astimezone(), said, text)
    return moment_of(text)


def _on_day(day: datetime, said: str, told: str) -> float:
    parts = _TIME_OF_DAY.fullmatch(said)
    if parts is None or int(parts[1]) > 23 or int(parts[2]) > 59:
        raise MomentError(f"{told[:40]!r} is no time; write it as 09:30, yesterday 14:00 or last 2h")
    at = day.replace(hour=int(parts[1]), minute=int(parts[2]), second=0, microsecond=0)
    return at.replace(tzinfo=None).timestamp() + float(parts[3] or 0.0)
