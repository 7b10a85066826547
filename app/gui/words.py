"""Times, durations and names as the window writes them."""

from __future__ import annotations

from datetime import datetime

from app.moments import is_dated
from app.pipeline import Status


def moment(time: float) -> str:
    """The time of day by the local clock, or m:ss into the footage where its start is unknown."""
    if not is_dated(time):
        return clock(time)
    return datetime.fromtimestamp(time).astimezone().strftime("%H:%M:%S")


def span(start: float, end: float) -> str:
    """Two moments with a dash between them."""
    return f"{moment(start)} \N{EN DASH} {moment(end)}"


def day(time: float) -> str:
    """The local date, empty where the start of the footage is unknown."""
    if not is_dated(time):
        return ""
    return datetime.fromtimestamp(time).astimezone().strftime("%d %b %Y").lstrip("0")


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
