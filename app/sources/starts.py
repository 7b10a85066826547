"""When a file's first picture was filmed, and by whose word: its metadata's, or its name's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from app.moments import LATEST, UNDATED_S

Creation = Literal["auto", "start", "end"]
"""What a file's creation time is: of its first picture, of its last, or as its maker is known to have it."""

CREATIONS: tuple[Creation, ...] = ("auto", "start", "end")

_APPLE = "com.apple.quicktime.creationdate"
_WRITES_THE_END = ("com.android.version",)  # Android's recorder dates a film when it is finished
_DAY = r"(?P<year>20\d\d)(?P<a>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=a)(?P<day>0[1-9]|[12]\d|3[01])"
_TIME = r"(?P<hour>[01]\d|2[0-3])(?P<b>[-_.:h]?)(?P<minute>[0-5]\d)(?P<c>[-_.:m]?)(?P<second>[0-5]\d)"
_DATED = re.compile(rf"(?<!\d){_DAY}[-_T .@]{{0,3}}{_TIME}(?:[.](?P<milli>\d{{3}}))?(?P<zone>Z)?(?!\d)")
_EPOCH = re.compile(r"(?<!\d)(?P<seconds>1\d{9})(?P<milli>\d{3})?(?!\d)")


@dataclass(frozen=True, slots=True)
class Start:
    """time: epoch seconds. by: whose word it is, for people to read."""

    time: float
    by: str


def start_by_metadata(words: Mapping[str, str], *, lasts_s: float | None, creation: Creation) -> Start | None:
    """Of the container's beginning, by its words and its stream's; None where they tell no time.

    lasts_s: how long the film is; needed where the time is that of its end.
    """
    for key in (_APPLE, "creation_time"):
        time = _read(words.get(key, ""))
        if time is None:
            continue
        habit = key == "creation_time" and any(maker in words for maker in _WRITES_THE_END)
        if creation == "end" or (creation == "auto" and habit):
            return Start(time - (lasts_s or 0.0), f"{key}, the end of the film") if lasts_s else None
        return Start(time, key)
    return None


def _read(text: str) -> float | None:
    """Epoch seconds, None where it is no time, or one before 1971 (a clock never set)."""
    try:
        moment = datetime.fromisoformat(text)
        epoch_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return epoch_s if UNDATED_S <= epoch_s <= LATEST else None


def start_by_name(path: Path) -> Start | None:
    """By a date with a time in the file's name, or in its folder's name and its own; local time, but for a Z.

    Also by epoch seconds or milliseconds in the name.
    """
    stem = path.name.removesuffix(path.suffix) if len(path.suffix) < 6 else path.name
    for text in (stem, f"{path.parent.name} {stem}"):
        for found in _DATED.finditer(text):
            time = _dated(found)
            if time is not None:
                return Start(time, "the file's name")
    epoch = _EPOCH.search(stem)
    if epoch is None:
        return None
    return Start(int(epoch["seconds"]) + int(epoch["milli"] or 0) / 1000, "the file's name")


def _dated(found: re.Match[str]) -> float | None:
    parts = ("year", "month", "day", "hour", "minute", "second")
    try:
        moment = datetime(*(int(found[part]) for part in parts), int(found["milli"] or 0) * 1000)  # type: ignore[call-arg,arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    zoned = moment.replace(tzinfo=UTC) if found["zone"] else moment.astimezone()
    return zoned.timestamp()
