"""A live run on a terminal: a table of the cameras that is drawn over itself."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from app.headless.pace import Pace
from app.headless.view import clock
from app.pipeline import CameraStatus, Status
from tracker.types import Result

_DRAW_EVERY_S = 0.5
_COLOURS = {
    "playing": "green",
    "connecting": "yellow",
    "stalled": "yellow",
    "frozen": "bold red",
    "waiting": "bold red",
    "ended": "dim",
}


class LiveTable:
    """A View that draws the table in the run's own thread, twice a second. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._pace = Pace()
        self._drawn_s = -_DRAW_EVERY_S
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, results: Sequence[Result], status: Status) -> None:
        self._pace.see(status)
        if status.elapsed_s - self._drawn_s >= _DRAW_EVERY_S:
            self._drawn_s = status.elapsed_s
            self._live.update(camera_table(status, self._pace), refresh=True)


def camera_table(status: Status, pace: Pace) -> Table:
    """A row a camera, and the whole run in a line below."""
    table = Table(caption=_whole(status, pace), caption_justify="left", expand=True)
    table.add_column("camera", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in ("fps in", "done", "dropped", "latency", "people", "back"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last trouble", ratio=1, no_wrap=True, overflow="ellipsis")
    for camera in status.cameras:
        table.add_row(*_row(camera, pace))
    return table


def _row(camera: CameraStatus, pace: Pace) -> list[str]:
    rates = pace.of(camera.name)
    return [
        escape(camera.name),
        f"[{_COLOURS[camera.state]}]{camera.state}[/]",
        *(f"{rate:.1f}" for rate in (rates.received, rates.processed, rates.dropped)),
        "" if camera.latency_s is None else f"{camera.latency_s:.2f} s",
        str(camera.people),
        str(camera.reconnects),
        escape(camera.recording if camera.recording not in ("", "on", "off") else camera.problem),
    ]


def _whole(status: Status, pace: Pace) -> str:
    parts = [clock(status.elapsed_s), f"{status.identities} people", f"{status.frames} frames"]
    if pace.overloaded:
        parts.append(f"[bold red]overloaded: {100 * pace.dropped_share:.0f} % of frames dropped[/]")
    if status.queued:
        parts.append(f"{status.queued} to be written")
    troubles = [f"[bold red]{escape(trouble)}[/]" for trouble in status.troubles]
    return "\n".join(["  ".join([*parts, "Ctrl-C stops"]), *troubles])
