"""``sightline watch``: live cameras until stopped, and what tells of it meanwhile."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import IO, TYPE_CHECKING, cast

from rich.console import Console

from app import errors
from app.config import Settings, read_config
from app.headless.execution import report, settings_of
from app.headless.json_log import JsonLog, line
from app.headless.live_table import LiveTable
from app.headless.memory import GiveBack, forget_the_loaded, share_arenas
from app.headless.outlet import Outlet
from app.headless.reload import Reload, reload_on_hang_up
from app.headless.view import (
    TerminalView,
    interrupted_by_signals,
    pace_line,
    skipped_line,
    stop_on_signals,
    terminal,
)
from app.pipeline import Status, View
from app.sources.passwords import redact_all
from app.sources.roster import Change
from tracker.types import Result

if TYPE_CHECKING:
    from app.build import Run
    from app.headless.metrics import Monitor


@dataclass(frozen=True, slots=True)
class Views:
    """Several views of one run, shown one after the other."""

    views: Sequence[View]

    def show(self, results: Sequence[Result], status: Status) -> None:
        for view in self.views:
            view.show(results, status)


def watch(arguments: argparse.Namespace) -> int:
    """Runs until Ctrl-C, SIGTERM or the time given; returns the exit code.

    With ``--log json`` also what goes wrong around us is told as an event, and not raised.
    """
    share_arenas()
    if arguments.log != "json":
        return _watch(arguments, None)
    with Outlet(sys.stderr, lost=lambda lines: line("log_lost", lines=lines)) as file:
        log = JsonLog(file, status_every_s=arguments.status_every)
        try:
            return _watch(arguments, log)
        except errors.environment_errors() as error:
            log.write("failed", problem=redact_all(str(error)), exit_code=errors.exit_code(error))
            return errors.exit_code(error)


def _watch(arguments: argparse.Namespace, log: JsonLog | None) -> int:
    settings = settings_of(arguments, live=True)
    with stop_on_signals() as stop, ExitStack() as stack:
        try:
            with interrupted_by_signals(stop):
                monitor = _monitor(arguments, settings, log, stack)
                built = _loaded(settings, log, stack)
        except KeyboardInterrupt:
            if log is not None:
                log.write("stopped", uptime_s=0.0, frames=0, identities=0)
            return errors.OK
        forget_the_loaded()
        reload = _reload(arguments, log, built, stack)
        with _screen(arguments, log) as screen, _timer(stop, arguments.seconds):
            note = None if log is None else log.note
            passed = None if monitor is None else monitor.passed
            views = Views([*([] if monitor is None else [monitor]), *reload, screen, GiveBack()])
            status = built.run(view=views, stop=stop, note=note, passed=passed)
        _tell_end(built, status, log, whole=sys.stdout.isatty() or arguments.seconds is not None)
        if log is None:
            print(f"history: {settings.database}")
    return errors.OK


def _monitor(
    arguments: argparse.Namespace, settings: Settings, log: JsonLog | None, stack: ExitStack
) -> Monitor | None:
    """The metrics, where they are asked for; they answer also while loading."""
    if log is not None:
        names = [camera.name for camera in settings.cameras]
        log.write("starting", version=version("sightline"), database=str(settings.database), cameras=names)
    if arguments.metrics is None:
        return None
    from app.headless.metrics import Monitor, MonitorServer

    monitor = Monitor()
    server = stack.enter_context(MonitorServer(monitor, address=arguments.metrics))
    if log is None:
        terminal().print(f"metrics: {server.url}/metrics", highlight=False)
    else:
        log.write("metrics", url=f"{server.url}/metrics")
    return monitor


def _loaded(settings: Settings, log: JsonLog | None, stack: ExitStack) -> Run:
    """The run, ready to begin."""
    with ExitStack() as waiting:
        if log is None:
            waiting.enter_context(terminal().status("Loading the networks ..."))
        from app.build import build_run, command_line

        built = stack.enter_context(build_run(replace(settings, command=command_line())))
    if log is None:
        words = f"detector: {built.detector}; re-identification: {built.embedder}"
        terminal().print(words, highlight=False)
    else:
        log.write("running", detector=built.detector, reid=built.embedder)
    return built


def _reload(arguments: argparse.Namespace, log: JsonLog | None, built: Run, stack: ExitStack) -> list[View]:
    """Where there is a configuration, SIGHUP reads it again."""
    if arguments.config is None:
        return []

    def tell(change: Change | None, remark: str) -> None:
        if log is None:
            done = "kept as it was" if change is None else f"read again: {_said(change)}"
            terminal().print(f"{arguments.config} {done}. {remark}".rstrip(), soft_wrap=True, highlight=False)
        elif change is None:
            log.write("reload_refused", problem=remark)
        else:
            log.write("reloaded", **{k: list(v) for k, v in asdict(change).items()}, remark=remark)

    reload = Reload(arguments.config, read_config(arguments.config), tell)
    reload.roster = built.roster
    stack.enter_context(reload_on_hang_up(reload.ask))
    return [reload]


def _said(change: Change) -> str:
    parts = [f"{', '.join(names)} {word}" for word, names in asdict(change).items() if names]
    return "; ".join(parts) or "the cameras are the same"


@contextmanager
def _screen(arguments: argparse.Namespace, log: JsonLog | None) -> Iterator[View]:
    """What is seen: the log, or a table on a terminal, or plain lines elsewhere."""
    console = terminal()
    if log is not None:
        yield log
    elif console.is_terminal:
        with LiveTable(console) as table:
            yield table
    else:
        with (
            Outlet(sys.stderr, lost=lambda lines: f"{lines} lines of this log are lost") as file,
            TerminalView(
                Console(file=cast("IO[str]", file), width=console.width), plain_every_s=arguments.status_every
            ) as lines,
        ):
            yield lines


@contextmanager
def _timer(stop: threading.Event, seconds: float | None) -> Iterator[None]:
    """Sets ``stop`` after so many seconds."""
    if seconds is None:
        yield
        return
    clock = threading.Timer(seconds, stop.set)
    clock.start()
    try:
        yield
    finally:
        clock.cancel()
        clock.join()


def _tell_end(built: Run, status: Status, log: JsonLog | None, *, whole: bool) -> None:
    """How it went. whole: also everybody who was seen, who may be many after months."""
    if log is not None:
        facts = {"uptime_s": round(status.elapsed_s, 1), "frames": status.frames}
        log.write("stopped", **facts, identities=status.identities)
    elif whole:
        report(built.history, status)
    else:
        print(pace_line(status))
        print(skipped_line(status))
