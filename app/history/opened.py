"""The history that a command asks, corrects or fills; that an older one is upgraded is told on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Engine
    from storage.history import History

TOLD_EVERY_S = 5.0
"""How often it is told how far a long upgrade is."""


@contextmanager
def opened(path: Path) -> Iterator[History]:
    """One that must be there, to be asked."""
    from storage.history import History

    with opened_engine(path) as engine:
        yield History(engine)


@contextmanager
def opened_engine(path: Path) -> Iterator[Engine]:
    """The same, to be changed."""
    from storage.database import existing

    with existing(path, progress=_Upgrade(path).told) as engine:
        yield engine


def engine_of(path: Path, *, create: bool = False) -> Engine:
    """One that somebody else disposes of; create: it is made where there is none. Raises DatabaseError."""
    from storage.database import open_database

    return open_database(path, create=create, progress=_Upgrade(path).told)


class _Upgrade:
    """Says that an older history is upgraded, and now and then how far that is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = self._last = 0.0

    def told(self, what: str, share: float | None) -> bool:
        now = time.monotonic()
        if not self._begun:
            self._begun = self._last = now
            self._say(f"{self._path} is of an older Sightline and is brought up to date, once.")
        elif now - self._last >= TOLD_EVERY_S:
            self._last = now
            far = f"{now - self._begun:.0f} s so far" if share is None else f"{100 * share:.0f} %"
            self._say(f"{what}: {far}")
        return True

    def _say(self, sentence: str) -> None:
        from app.history.telling import plain

        print(f"sightline: {plain(sentence)}", file=sys.stderr, flush=True)
