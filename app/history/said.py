"""What people type of people and times, and what is meant by it in a history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.config import ConfigError
from app.moments import MomentError, moment_said

if TYPE_CHECKING:
    from storage.history import History


MOST_LETTERS = 100
"""Of a name: one that is longer is no name, but a text that went where none belongs."""


def name_said(text: str) -> str:
    """A name that somebody is to be given. Raises ConfigError where it is far too long."""
    if len(text) > MOST_LETTERS:
        raise ConfigError(f"A name has at most {MOST_LETTERS} letters, not {len(text)}; shorten it.")
    return text


def time_said(history: History, text: str | None) -> float | None:
    """Epoch seconds of what somebody typed; None where that was nothing. Raises ConfigError."""
    if text is None:
        return None
    try:
        return moment_said(text, now=time.time(), near=history.last_time())
    except MomentError as error:
        raise ConfigError(f"{error}.") from None


def span_said(history: History, since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """Both ends. Raises ConfigError, also where the end is before the beginning."""
    first, last = time_said(history, since), time_said(history, until)
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
