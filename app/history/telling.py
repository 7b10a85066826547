"""How answers are told in a terminal: lengths of time, tables and sentences. Times: app.times."""

from __future__ import annotations

import re
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

SURE = 0.8  # from here on a probability is shown as good, below DOUBTFUL as bad
DOUBTFUL = 0.5

COUNTED = 1000
"""How far is counted what is not listed: beyond, the number tells little, and counting takes long."""


def plain(text: str) -> str:
    """The text with what a terminal would obey (escapes, controls, turns of direction) written as \\x1B."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02X}", text)


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


def at_least(number: int) -> str:
    """A number that was counted to one more than COUNTED."""
    return f"over {COUNTED}" if number == COUNTED + 1 else str(number)


def count_of(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
