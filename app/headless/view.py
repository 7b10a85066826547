"""A run in the terminal: progress while it lasts, and who was seen when it ends."""

from __future__ import annotations

import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from app.headless.pace import Pace
from app.pipeline import Status
from tracker.types import Result

PLAIN_EVERY_S = 5.0
"""How often a line is written where the output is no terminal."""


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C interrupts at once."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_by_signals(stop: threading.Event) -> Iterator[None]:
    """Within it Ctrl-C and SIGTERM interrupt at once: nothing has begun yet that were to be finished."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        stop.set()
        raise KeyboardInterrupt

    before = {s: signal.signal(s, interrupt) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class TerminalView:
    """A bar a camera on a terminal; a plain line now and then elsewhere. Use as a context manager."""

    def __init__(self, console: Console, *, plain_every_s: float = PLAIN_EVERY_S) -> None:
        self.console = console
        self._tasks: dict[str, TaskID] = {}
        self._pace = Pace()
        self._plain_every_s = plain_every_s
        self._said = -plain_every_s
        self._progress = Progress(
            TextColumn("[bold]{task.description}", justify="right"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}"),
            TextColumn("{task.fields[frames]}", justify="right"),
            TextColumn("{task.fields[fps]}", justify="right"),
            TextColumn("{task.fields[people]}", justify="right"),
            console=console,
            transient=True,
            expand=True,
            refresh_per_second=5,
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._progress.stop()

    def show(self, results: Sequence[Result], status: Status) -> None:
        if self.console.is_terminal:
            self._bars(status)
            return
        self._pace.see(status)
        if status.elapsed_s - self._said >= self._plain_every_s:
            self._said = status.elapsed_s
            line = plain_line(status)
            if self._pace.overloaded and status.done is None:
                line += f"  overloaded: {100 * self._pace.dropped_share:.0f} % of frames dropped"
            self.console.print(line, soft_wrap=True, highlight=False)

    def _bars(self, status: Status) -> None:
        for camera in status.cameras:
            if camera.name not in self._tasks:
                self._tasks[camera.name] = self._progress.add_task(
                    camera.name, state="", frames="", fps="", people=""
                )
            total = camera.expected
            self._progress.update(
                self._tasks[camera.name],
                total=total,
                completed=camera.frames,
                state=camera.problem or camera.state,
                frames=f"{camera.frames}/{total}" if total else f"{camera.frames}, {camera.dropped} dropped",
                fps=f"{camera.fps:.1f} fps",
                people=f"{camera.people} in view",
            )
        self._whole(status)

    def _whole(self, status: Status) -> None:
        """The last bar: all cameras together."""
        if "" not in self._tasks:
            self._tasks[""] = self._progress.add_task("all", state="", frames="", fps="", people="")
        left = time_left(status)
        self._progress.update(
            self._tasks[""],
            total=None if status.done is None else 1000,
            completed=1000 * (status.done or 0.0),
            state="; ".join([*([] if left is None else [f"{clock(left)} left"]), *status.troubles]),
            frames=str(status.frames),
            fps=f"{status.fps:.1f} fps",
            people=f"{status.identities} people",
        )


def plain_line(status: Status) -> str:
    """One line that says how far a run is."""
    left = time_left(status)
    parts = [
        clock(status.elapsed_s),
        "live" if status.done is None else f"{100 * status.done:.0f}%",
        f"{status.frames} frames",
        f"{status.fps:.1f} frames/s",
        f"{status.identities} people",
    ]
    if left is not None:
        parts.append(f"{clock(left)} left")
    parts += [
        f"{c.name}: {c.problem or c.state}" for c in status.cameras if c.problem or c.state != "playing"
    ]
    parts += status.troubles
    return "  ".join(parts)


def time_left(status: Status) -> float | None:
    """Seconds until the end at the pace so far; None where there is no telling."""
    if status.done is None or status.done <= 0.0:
        return None
    return status.elapsed_s * (1.0 - status.done) / status.done


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    return time.strftime("%-M:%S" if seconds < 3600 else "%-H:%M:%S", time.gmtime(seconds))


def stage_table(status: Status) -> Table:
    """Where the time of a run went."""
    table = Table(title="Where the time went", title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    table.add_column("ms a frame", justify="right")
    rest = status.elapsed_s - sum(status.stages.values())
    for name, seconds in {**status.stages, "rest": rest}.items():
        share = 100 * seconds / max(status.elapsed_s, 1e-9)
        table.add_row(
            name, f"{seconds:.2f}", f"{share:.1f} %", f"{1000 * seconds / max(status.frames, 1):.2f}"
        )
    table.add_row("all", f"{status.elapsed_s:.2f}", "100 %", f"{1000 / max(status.fps, 1e-9):.2f}")
    return table


def pace_line(status: Status) -> str:
    """How much was done how fast, with the most memory this process ever held."""
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{status.frames} frames, {status.fps:.1f} a second; peak memory {memory_mb:.0f} MB"


def skipped_line(status: Status) -> str:
    """What the detector saw, and what it was spared."""
    seen = status.frames - sum(camera.skipped for camera in status.cameras)
    share = 100 * seen / max(status.frames, 1)
    line = f"the detector saw {seen} of {status.frames} frames ({share:.1f} %)"
    if len(status.cameras) > 1 and seen < status.frames:
        each = (f"{c.name} {100 * (1 - c.skipped / max(c.frames, 1)):.0f} %" for c in status.cameras)
        line += f": {', '.join(each)}"
    return line


def terminal() -> Console:
    """Where progress goes: standard error, so that standard output stays clean."""
    return Console(file=sys.stderr)
