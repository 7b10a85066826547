"""What people type of people and times, and what is meant by it in a history."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, TypedDict

from app.config import ConfigError
from app.moments import MomentError, begin_said, end_said, names_a_clock_time

if TYPE_CHECKING:
    from storage.history import History

MOST_NAMED = 8
"""Cameras of which a message tells the names."""


class There(TypedDict):
    """Where and when: on a camera, and between two times in epoch seconds; None for any."""

    camera: str | None
    since: float | None
    until: float | None


def there_said(history: History, arguments: argparse.Namespace) -> There:
    """What --camera, --since and --until mean. Raises ConfigError, and UnknownCamera."""
    since, until = span_said(history, arguments.since, arguments.until)
    return {"camera": camera_said(history, arguments.camera), "since": since, "until": until}


def camera_said(history: History, name: str | None) -> str | None:
    """The same name, where there is such a camera. Raises UnknownCamera, one sentence that names those there
    are.
    """
    from storage.errors import UnknownCamera

    known = [] if name is None else history.cameras()
    if name is None or name in known:
        return name
    told = ", ".join(known[:MOST_NAMED]) + (
        f" and {len(known) - MOST_NAMED} more" * (len(known) > MOST_NAMED)
    )
    there = f"there are: {told}" if known else "it has none yet"
    raise UnknownCamera(f"no camera in {history.path} is called {name}; {there}")


MOST_LETTERS = 100
"""Of a name: one that is longer is no name, but a text that went where none belongs."""


def name_said(text: str) -> str:
    """A name that somebody is to be given. Raises ConfigError where it is far too long."""
    if len(text) > MOST_LETTERS:
        raise ConfigError(f"A name has at most {MOST_LETTERS} letters, not {len(text)}; shorten it.")
    return text


def time_said(history: History, text: str | None) -> float | None:
    """Epoch seconds of what somebody typed; None where that was nothing. Raises ConfigError."""
    return span_said(history, text, None)[0]


def span_said(history: History, since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """Both ends, of which a time of the day alone is the last recorded, and the first after the other.

    Raises ConfigError, also where the end is before the beginning.
    """
    now, near = time.time(), history.last_time() if since or until else None
    try:
        first = None if since is None else begin_said(since, now=now, near=near)
        begin = first if since is not None and names_a_clock_time(since) else None
        last = None if until is None else end_said(until, now=now, near=near, begin=begin)
    except MomentError as error:
        raise ConfigError(f"{error}.") from None
    if first is not None and last is not None and last < first:
        raise ConfigError(f"--until {until} is before --since {since}.")
    return first, last


def person_said(history: History, text: str) -> int:
    """The id of somebody named by id or by name. Raises UnknownPerson, one sentence, also where the name is
    that of several.
    """
    from storage.errors import UnknownPerson

    if text.isdecimal():
        return int(text)
    found = history.named(text)
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(map(str, found))
        raise UnknownPerson(f"{text} is the name of several: {ids}; say which by its id")
    raise UnknownPerson(f"nobody in {history.path} is called {text}; 'sightline people' lists everybody")
