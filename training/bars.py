"""What a training shows of itself in a terminal; where there is none, a line an epoch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class StoppedError(Exception):
    """Somebody asked to stop while something was counted that is worth nothing in parts."""


class Bars:
    """Bars for the whole training and its epoch, with the time left."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._epochs: TaskID | None = None
        self._steps: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """A line above the bars."""
        self._bars.console.print(line, highlight=False)

    def step(self, epoch: int, epochs: int, step: int, steps: int) -> None:
        """Steps done of an epoch, counted from 1. The whole is taken to be epochs of as many steps."""
        if self._epochs is None or self._steps is None:
            self._epochs = self._bars.add_task("training", total=epochs * steps)
            self._steps = self._bars.add_task("epoch")
        self._bars.update(self._epochs, total=epochs * steps, completed=(epoch - 1) * steps + step)
        self._bars.update(self._steps, description=f"epoch {epoch}/{epochs}", total=steps, completed=step)

    @contextmanager
    def counting(
        self, what: str, total: int, *, stop: threading.Event | None = None
    ) -> Iterator[Callable[[int], None]]:
        """A bar of its own while something else is counted; gives what to tell how many are done, which
        raises StoppedError where stop is set.
        """
        task = self._bars.add_task(what, total=total)

        def tell(done: int) -> None:
            if stop is not None and stop.is_set():
                raise StoppedError
            self._bars.update(task, completed=done)

        try:
            yield tell
        finally:
            self._bars.remove_task(task)
