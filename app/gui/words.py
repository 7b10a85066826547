"""Times, durations and names as the window writes them."""

from __future__ import annotations

from datetime import datetime

from app.moments import is_dated
from app.pipeline import Status

DASH = " \N{EN DASH} "


def moment(time: float) -> str:
    """Local date and time, or m:ss into the footage where its start is unknown."""
    if not is_dated(time):
        return clock(time)
    return _local(time).strftime("%Y-%m-%d %H:%M:%S")


def hour(time: float) -> str:
    """The local time of the day alone, beside a date; m:ss where the start of the footage is unknown."""
    return _local(time).strftime("%H:%M:%S") if is_dated(time) else clock(time)


def span(start: float, end: float) -> str:
    """Two moments with a dash between them; the second without its date where that is the first's."""
    same_day = is_dated(start) and is_dated(end) and _local(start).date() == _local(end).date()
    return f"{moment(start)}{DASH}{hour(end) if same_day else moment(end)}"


def zone(time: float) -> str:
    """Which zone times are told in, as UTC+01:00; empty where the start of the footage is unknown."""
    if not is_dated(time):
        return ""
    offset = _local(time).strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset.strip("+-0") else "UTC"


def _local(time: float) -> datetime:
    return datetime.fromtimestamp(time).astimezone()


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss from one hour on."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """A length of time in words: 4.2 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def person_title(identity: int | None, name: str | None) -> str:
    """The name people gave, else the number."""
    if identity is None:
        return "Not yet known"
    return name or f"Person {identity}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """1 camera, 2 cameras."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def closing_words(status: Status | None) -> str:
    """What a run has come to."""
    if status is None:
        return "Stopped"
    people = count(status.identities, "person", "people")
    return f"Done: {count(status.frames, 'frame')}, {people} known, in {clock(status.elapsed_s)}"
