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
    """As moment_of; a time alone (9:31, 9:31:02.5, or 31:02 of footage whose start nobody knows) is that
    nearest to ``near``, in local time.
    """
    said = text.strip()
    if is_dated(near) and _TIME_OF_DAY.fullmatch(said):
        times = [_on_day(near, said, text, days=days) for days in (-1, 0, 1)]
        return min(times, key=lambda time: abs(time - near))
    parts = re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)", said)
    if parts is None or is_dated(near):
        return moment_of(text)
    return 3600.0 * int(parts[1] or 0) + 60 * int(parts[2]) + float(parts[3])


def checked(epoch_s: float, told: object) -> float:
    """The same number, or MomentError where nothing was filmed then. told: how it was written."""
    if math.isfinite(epoch_s) and 0.0 <= epoch_s <= LATEST:
        return epoch_s
    unit = " (are these milliseconds?)" if 0.0 <= epoch_s / 1000 <= LATEST and epoch_s > LATEST else ""
    raise MomentError(f"{str(told)[:40]} is no time between 1970 and 2200{unit}; epoch seconds are expected")


TIME_HELP = "as 2026-11-22 09:30, 09:30 (the last one recorded), yesterday 14:00 or last 2h"
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
    said = _plainly(text)
    ago = _AGO.fullmatch(said)
    if ago is not None:
        return checked(now - float(ago[1]) * _UNITS_S[ago[2][0]], text)
    day, _, rest = said.partition(" ")
    if day in _DAYS:
        return _on_day(now, rest or "00:00", text, days=-_DAYS[day])
    if near is not None and not is_dated(near):
        return moment_near(text, near=near)
    if _TIME_OF_DAY.fullmatch(said):
        return _on_day(now if near is None else near, said, text)
    return moment_of(text)


def nearest_said(text: str, *, now: float, near: float) -> float:
    """As moment_said; a time alone is that nearest to ``near``, be that before midnight or after."""
    alone = _TIME_OF_DAY.fullmatch(_plainly(text)) is not None
    return moment_near(_plainly(text), near=near) if alone else moment_said(text, now=now, near=near)


def begin_said(text: str, *, now: float, near: float | None = None) -> float:
    """As moment_said; a time alone is the last before ``near``: after that nothing is, and what is from 23:00
    on is last night's.
    """
    time, last = moment_said(text, now=now, near=near), now if near is None else near
    if time > last and is_dated(last) and _TIME_OF_DAY.fullmatch(_plainly(text)):
        return _on_day(last, _plainly(text), text, days=-1)
    return time


def end_said(text: str, *, now: float, near: float | None = None, begin: float | None = None) -> float:
    """As moment_said; a time alone is the first that is not before ``begin``: from 23:00 to 01:00 is one
    night.
    """
    said = _plainly(text)
    if begin is None or not is_dated(begin) or not _TIME_OF_DAY.fullmatch(said):
        return moment_said(text, now=now, near=near)
    time = _on_day(begin, said, text)
    return time if time >= begin else _on_day(begin, said, text, days=1)


def names_a_clock_time(text: str) -> bool:
    """Whether a moment is told to the minute, rather than as a day or as how long ago."""
    return ":" in text


def _plainly(text: str) -> str:
    return " ".join(text.lower().split())


def _on_day(near: float, said: str, told: str, *, days: int = 0) -> float:
    """That time of the local day of ``near``, or so many days later."""
    parts = _TIME_OF_DAY.fullmatch(said)
    if parts is None or int(parts[1]) > 23 or int(parts[2]) > 59:
        raise MomentError(f"{told[:40]!r} is no time; write it as 09:30, yesterday 14:00 or last 2h")
    day = datetime.fromtimestamp(near).astimezone() + timedelta(days=days)
    at = day.replace(hour=int(parts[1]), minute=int(parts[2]), second=0, microsecond=0)
    return at.replace(tzinfo=None).timestamp() + float(parts[3] or 0.0)
