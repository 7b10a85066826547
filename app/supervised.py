"""A thread beside a run that is begun again where it fails: its failure is shown, and ends nothing."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from app.errors import environment_errors

PAUSE_S = 5.0
"""Between a failure and the next beginning."""

_SHOWN_S = 60.0  # how long a failure is shown where no other follows


class Supervised:
    """Calls work in a thread until it returns; where it raises, again after a pause. stop: ends the pauses.

    What is our bug is written to standard error with its traceback, and raised by join.
    """

    def __init__(
        self, name: str, work: Callable[[], None], *, stop: threading.Event, pause_s: float = PAUSE_S
    ) -> None:
        self._name = name
        self._work = work
        self._stop = stop
        self._pause_s = pause_s
        self._bug: Exception | None = None
        self._last: tuple[str, float] | None = None
        self._thread = threading.Thread(target=self._again, name=name, daemon=True)

    @property
    def trouble(self) -> str:
        """What it failed with lately, a sentence; "" where it works."""
        if self._last is None or time.monotonic() - self._last[1] > _SHOWN_S:
            return ""
        return self._last[0]

    @property
    def started(self) -> bool:
        return self._thread.ident is not None

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for its end. Raises the first bug that it failed with."""
        if self.started:
            self._thread.join(timeout_s)
        if self._bug is not None:
            raise self._bug

    def close(self, error: BaseException | None, timeout_s: float) -> None:
        """Ask for its end and wait for it, as join does; where an error is on the way, that is told and
        nothing raised.
        """
        self._stop.set()
        with suppress(*([] if error is None else [Exception])):
            self.join(timeout_s)

    def _again(self) -> None:
        while not self._stop.is_set():
            try:
                return self._work()
            except environment_errors() as failure:
                self._last = f"{self._name}: {failure}", time.monotonic()
            except Exception as failure:
                self._bug = self._bug or failure
                traceback.print_exception(failure)
                what = f"{type(failure).__name__}: {failure}"
                self._last = f"{self._name} failed ({what}) and is begun again", time.monotonic()
            self._stop.wait(self._pause_s)
        return None
