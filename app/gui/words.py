"""Counts and names as the window writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from app.pipeline import Status
from app.sources.names import natural

_TYPED = re.compile(r"--[a-z]|'sightline ")
_BEGINS_SMALL = re.compile(r"[a-z]+ ")


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss from one hour on."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def in_order(names: Iterable[str]) -> list[str]:
    """As people count them: cam2 before cam10."""
    return sorted(names, key=lambda name: (natural(Path(name.casefold())), name))


def person_title(identity: int | None, name: str | None) -> str:
    """The name people gave, else the number."""
    if identity is None:
        return "Not yet known"
    return name or f"Person {identity}"


def in_window(sentence: str) -> str:
    """What went wrong, in the words of an error, without what is to be typed in a terminal: a window has
    menus and buttons for that.
    """
    what, *remedies = sentence.removesuffix(".").split("; ")
    kept = [what, *filter(None, map(_without_typing, remedies))]
    told = "; ".join(kept) + "." * sentence.endswith(".")
    return told[:1].upper() + told[1:] if _BEGINS_SMALL.match(told) else told


def _without_typing(remedy: str) -> str:
    parts = remedy.split(", ")
    kept = [part for part in parts if not _TYPED.search(part)]
    if len(kept) == len(parts):
        return remedy
    if kept and kept[-1].startswith("if "):
        kept.pop()
    return ", ".join(kept).removeprefix("or ")


def short(name: str, most: int = 36) -> str:
    """A name that ends in … beyond so many letters: what it is a part of grows no wider by it."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """1 camera, 2 cameras."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def closing_words(status: Status | None) -> str:
    """What a run has come to."""
    if status is None:
        return "Stopped"
    people = count(status.identities, "person", "people")
    return f"Done: {count(status.frames, 'frame')}, {people} known, in {clock(status.elapsed_s)}"
