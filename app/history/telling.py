"""How answers are told in a terminal: times, lengths of time, tables and sentences.

Times are local, in ISO order. Where a source's start is unknown they begin near 0 and are shown as elapsed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from app.moments import is_dated

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

SURE = 0.8  # from here on a probability is shown as good, below DOUBTFUL as bad
DOUBTFUL = 0.5


class AnswerClock:
    """Shows the times of one answer: the date once where all share it; elapsed where none is known."""

    def __init__(self, times: Iterable[float]) -> None:
        days = {_local(time).date() for time in times if is_dated(time)}
        self.many_days = len(days) > 1
        self.caption = f", on {min(days).isoformat()}" if len(days) == 1 else ""

    def show(self, time: float) -> str:
        """In one line: to the second, or with the date to the minute."""
        if self.many_days and is_dated(time):
            return _local(time).strftime("%Y-%m-%d %H:%M")
        return self.hour(time)

    def hour(self, time: float) -> str:
        """The time of the day, or elapsed."""
        return _local(time).strftime("%H:%M:%S") if is_dated(time) else elapsed(time)


def day_of(time: float) -> str | None:
    return _local(time).date().isoformat() if is_dated(time) else None


def _local(time: float) -> datetime:
    return datetime.fromtimestamp(time).astimezone()


def local_iso(time: float) -> str | None:
    """The time as local ISO 8601 with its offset; None where it counts from an unknown start."""
    return _local(time).isoformat(timespec="milliseconds") if is_dated(time) else None


def plain(text: str) -> str:
    """The text with what a terminal would obey (escapes, controls, turns of direction) written as \\x1B."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02X}", text)


def elapsed(seconds: float) -> str:
    """As mm:ss, or h:mm:ss from an hour on."""
    if not math.isfinite(seconds):
        return "?"
    whole = math.floor(abs(seconds))
    hours, rest = divmod(whole, 3600)
    sign = "-" if seconds < 0 and whole else ""
    return (
        f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
        if hours
        else f"{sign}{rest // 60:02d}:{rest % 60:02d}"
    )


def duration(seconds: float) -> str:
    """A length of time in the one or two units that matter."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def style_of(probability: float) -> str:
    if probability >= SURE:
        return "green"
    return "yellow" if probability >= DOUBTFUL else "red"


def plain_table(title: str) -> Table:
    return Table(
        title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False, expand=True
    )


def linked(file: Path | None, word: str | None = None) -> Text:
    """word: what is written, else the file's name."""
    if file is None:
        return Text(word or "")
    return Text(word or file.name, Style(link=file.absolute().as_uri()))


def say(console: Console, sentence: str, *, link: Path | None = None) -> None:
    """A sentence that may hold a path: never broken, coloured or read as markup."""
    style = Style(link=link.absolute().as_uri()) if link else Style()
    console.print(Text(plain(sentence), style), soft_wrap=True)


def count_of(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
