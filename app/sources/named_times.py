"""Moments in the names of files and their folders, as recorders, phones and programs write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

_UTC_NAMES = ("PXL_",)  # of Pixel phones; others name files by local time
_MOST_FOLDERS = 6  # above a file, that may be a part of its date

_Y, _MON, _D = r"(?P<year>20\d\d)", r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>0[1-9]|[12]\d|3[01])"
_DATE = rf"{_Y}(?P<a>[-_.]?){_MON}(?:(?P=a)|(?<=_\d\d)){_D}"  # cameras in cars write 2026_1122
_YEAR_LAST = r"(?P<one>\d\d)(?P<a>[-_.])(?P<two>\d\d)(?P=a)(?P<year>20\d\d)"
_HOUR = r"(?P<hour>[01]\d|2[0-3]|\d(?=[-_.:h]))"
_TIME = (
    rf"{_HOUR}(?P<b>[-_.:h]?)(?P<minute>[0-5]\d)(?:[-_.:m]?(?P<second>[0-5]\d)s?(?:[.,]?(?P<milli>\d{{3}}))?)?"
    r"(?:[ _-]?(?P<half>[AaPp])[Mm](?![A-Za-z]))?"
)
_ZONE = (
    r"(?P<zone>Z(?![A-Za-z])|[+-](?:0\d|1[0-4])[:.]?(?:00|30|45)|"
    r"[ _]?(?:GMT|UTC)(?P<off>[+-]\d\d?(?:[:.]?\d\d)?)?)"
)
_BETWEEN = r"(?P<between>[-_T .@,]{0,3}|[ _]at[ _])"
_DATED = [re.compile(rf"(?<!\d){date}{_BETWEEN}{_TIME}{_ZONE}?(?!\d)") for date in (_DATE, _YEAR_LAST)]
_CLOCK = re.compile(rf"(?<!\d){_TIME}(?!\d)")
_EPOCH = re.compile(r"(?<!\d)(?P<seconds>1\d{9})(?P<milli>\d{3})?(?!\d)")

_DAY_FOLDER = re.compile(rf"{_DATE}(?:[-_]?(?P<hour>[01]\d|2[0-3]))?")
_DAY_IN_LETTERS = re.compile(rf"{_Y}Y{_MON}M{_D}D(?P<hour>[01]\d|2[0-3])H")
_DAY_IN_THREE = re.compile(rf"{_Y}/{_MON}/{_D}")
_HOUR_FOLDER = re.compile(r"([01]\d|2[0-3])[Hh]?")
_MINUTES = re.compile(r"([0-5]\d)(?:[-_.M]?([0-5]\d)S?)?(?!\d)")
_PART = re.compile(r"\d{1,2}[Hh]?")


def is_part_of_date(folder: Path) -> bool:
    """Whether a folder is called by a year, a day or an hour of one; by two digits, within such a folder."""
    name = folder.name
    if re.fullmatch(_Y, name) or _DAY_FOLDER.fullmatch(name) or _DAY_IN_LETTERS.fullmatch(name):
        return True
    return bool(_PART.fullmatch(name)) and folder.parent != folder and is_part_of_date(folder.parent)


def above_date(folder: Path) -> Path:
    """The folder that is of no date itself: hall, of hall/2026-11-22/09."""
    while is_part_of_date(folder):
        folder = folder.parent
    return folder


def time_in_name(path: Path) -> float | None:
    """Epoch seconds by a date with a time in the file's name; by its folders' date and its time; None where
    neither is there, or it may be read in two ways. Local time, but where a zone is told.

    Also by epoch seconds or milliseconds in the name.
    """
    stem = path.name.removesuffix(path.suffix) if len(path.suffix) < 6 else path.name
    for text in (stem, f"{path.parent.name} {stem}"):
        for pattern in _DATED:
            for found in pattern.finditer(text):
                time = _dated(found, utc=stem.startswith(_UTC_NAMES))
                if time is not None:
                    return time
    epoch = _EPOCH.search(stem)
    if epoch is not None:
        return int(epoch["seconds"]) + int(epoch["milli"] or 0) / 1000
    return _by_folders(path.parent.parts[-_MOST_FOLDERS:], stem)


def _dated(found: re.Match[str], *, utc: bool) -> float | None:
    told = found.groupdict()
    clock = _clock(told)
    day = _day(told)
    if clock is None or day is None:
        return None
    zone = told["zone"] or ""
    if zone[:1] in ("+", "-") and "T" not in told["between"]:
        zone = ""  # a number that follows
    return _moment(day, clock, zone=UTC if utc else _zone(zone.strip(" _"), told["off"]))


def _day(told: dict[str, str | None]) -> tuple[int, int, int] | None:
    """Year, month and day. With the year last, dots have the day first, clocks of twelve hours the month."""
    year = int(told["year"] or 0)
    if told.get("month"):
        return year, int(told["month"] or 0), int(told["day"] or 0)
    one, two = int(told["one"] or 0), int(told["two"] or 0)
    day_first, month_first = told["a"] == "." or one > 12, bool(told["half"]) or two > 12
    if day_first == month_first and one != two:
        return None
    return (year, two, one) if day_first else (year, one, two)


def _clock(told: dict[str, str | None]) -> tuple[int, int, int, int] | None:
    """Hour, minute, second and microsecond; None of four digits in a row, which may be a number."""
    if told["second"] is None and not told["b"]:
        return None
    hour, half = int(told["hour"] or 0), (told["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 * (half == "p") if half else hour
    return hour, int(told["minute"] or 0), int(told["second"] or 0), int(told["milli"] or 0) * 1000


def _zone(told: str, offset: str | None) -> timezone | None:
    """Of Z, +0100, GMT+1; None where none is told."""
    if not told:
        return None
    digits = re.sub(r"[^\d]", "", told if offset is None else offset)
    hours, minutes = (digits[:2], digits[2:]) if digits else ("0", "0")
    ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-ahead if "-" in told else ahead)


def _moment(
    day: tuple[int, int, int], clock: tuple[int, int, int, int], *, zone: timezone | None
) -> float | None:
    try:
        moment = datetime(*day, *clock, tzinfo=zone)
    except ValueError:
        return None
    return (moment if zone is not None else moment.astimezone()).timestamp()


def _by_folders(folders: Sequence[str], stem: str) -> float | None:
    """By a day among the folders, and the file's time; or by an hour's folder, and the file's minute."""
    for k in range(len(folders), 0, -1):
        day = _DAY_FOLDER.fullmatch(folders[k - 1]) or _DAY_IN_LETTERS.fullmatch(folders[k - 1])
        day = day or _DAY_IN_THREE.fullmatch("/".join(folders[max(0, k - 3) : k]))
        if day is not None:
            return _within(day, folders[k:], stem)
    return None


def _within(found: re.Match[str], folders: Sequence[str], stem: str) -> float | None:
    """found: the day, and perhaps the hour. folders: those within it, down to the file."""
    day = _day(found.groupdict())
    inner = _HOUR_FOLDER.fullmatch(folders[0]) if folders else None
    hour = found.groupdict().get("hour") or (inner and inner[1])
    told = _clock_in(stem, minutes=hour is None)
    minutes = _MINUTES.match(stem)
    if told is None and hour is not None and minutes is not None:
        told = int(hour), int(minutes[1]), int(minutes[2] or 0), 0
        # Frigate has a folder a camera below that of the hour, and goes by UTC.
        zone = UTC if inner is not None and len(folders) > 1 else None
    else:
        zone = None
    return None if day is None or told is None else _moment(day, told, zone=zone)


def _clock_in(stem: str, *, minutes: bool) -> tuple[int, int, int, int] | None:
    """A time of day, at the beginning or in clear parts; also one of hours and minutes alone."""
    for found in _CLOCK.finditer(stem):
        at_start = found.start() == 0 and (minutes or found["second"])
        if at_start or (found["b"] and found["second"]):
            return _clock(found.groupdict())
    return None
