"""SIGHUP: the cameras of a live run as the configuration has them now."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from app.config import ConfigError, Settings, read_config
from app.pipeline import Status
from app.sources.ffmpeg import SourceError
from app.sources.roster import Change, Roster
from tracker.types import Result


class Reload:
    """A View, since a run shows itself in its own thread between two rounds: then cameras may change.

    tell: is given what was done, or the sentence that says why nothing was.
    """

    def __init__(self, path: Path, settings: Settings, tell: Callable[[Change | None, str], None]) -> None:
        self.roster: Roster | None = None
        self._path = path
        self._settings = settings
        self._tell = tell
        self._asked = False

    def ask(self) -> None:
        """Read it again, soon."""
        self._asked = True

    def show(self, results: Sequence[Result], status: Status) -> None:
        if self._asked and self.roster is not None:
            self._asked = False
            self._again(self.roster)

    def _again(self, roster: Roster) -> None:
        try:
            settings = read_config(self._path)
            if not settings.live:
                raise ConfigError(f"{self._path} names files; a live run can't change to them.")
            change = roster.become(settings.cameras)
        except (ConfigError, SourceError) as error:
            self._tell(None, str(error))
            return
        same = replace(settings, cameras=self._settings.cameras) == self._settings
        self._tell(change, "" if same else "what is not of a camera counts from the next start")


@contextmanager
def reload_on_hang_up(ask: Callable[[], None]) -> Iterator[None]:
    """Within it SIGHUP asks."""

    def asked(number: int, frame: FrameType | None) -> None:
        ask()

    before = signal.signal(signal.SIGHUP, asked)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
