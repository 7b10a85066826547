"""What each command does. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from app import config, errors
from app.config import Settings

if TYPE_CHECKING:
    from rich.progress import TaskID

    from app.pipeline import Status
    from storage.history import History


def run(arguments: argparse.Namespace) -> int:
    """``sightline run``: files to the end, then the table, and videos where asked for."""
    from app.outputs import make_folder

    settings = settings_of(arguments, live=False)
    if arguments.annotate is not None:
        make_folder(arguments.annotate)
    with execute(settings) as (history, status, finished):
        report(history, status)
        if arguments.annotate is not None:
            write_videos(history, arguments.annotate)
        print(f"history: {settings.database}")
    return errors.OK if finished else errors.INTERRUPTED


def watch(arguments: argparse.Namespace) -> int:
    """``sightline watch``: streams until Ctrl-C, SIGTERM or the time given."""
    settings = settings_of(arguments, live=True)
    with execute(settings, seconds=arguments.seconds) as (history, status, _):
        report(history, status)
        print(f"history: {settings.database}")
    return errors.OK


def gui(arguments: argparse.Namespace) -> int:
    """``sightline gui``: the window. Without files it opens with nothing running."""
    from app.gui.main import main

    if not arguments.files and arguments.config is None:
        return main(overridden(Settings(()), arguments))
    live = any("://" in name or name.startswith("/dev/") for name in arguments.files)
    return main(settings_of(arguments, live=live))


def demo(arguments: argparse.Namespace) -> int:
    """``sightline demo``: three cameras from real footage, the run, the table, the page, the videos."""
    from app.demo_run import run_demo

    return run_demo(arguments)


def people(arguments: argparse.Namespace) -> int:
    """``sightline people``: everyone known, or those of a camera or a time."""
    from app.answers import print_people

    since, until = (None if t is None else config.read_time(t) for t in (arguments.since, arguments.until))
    with opened(arguments.db) as history:
        print_people(history, as_json=arguments.json, camera=arguments.camera, since=since, until=until)
    return errors.OK


def show(arguments: argparse.Namespace) -> int:
    """``sightline show ID``: one person's sightings."""
    from app.answers import print_person

    with opened(arguments.db) as history:
        print_person(history, arguments.id, as_json=arguments.json, pictures=arguments.pictures)
    return errors.OK


def export(arguments: argparse.Namespace) -> int:
    """``sightline export``: the history for other programs."""
    from storage.export import export as write

    with opened(arguments.db) as history:
        for path in write(history, arguments.format, arguments.out):
            print(path)
    return errors.OK


def assets(arguments: argparse.Namespace) -> int:
    """``sightline assets``: what is known by name, what is here."""
    from app.assets import print_assets

    print_assets(arguments.json)
    return errors.OK


def doctor(arguments: argparse.Namespace) -> int:
    """``sightline doctor``: what works here."""
    from app.doctor import print_checks

    return print_checks(arguments.json)


def settings_of(arguments: argparse.Namespace, *, live: bool) -> Settings:
    """The configuration file, with what the command line says put over it. Raises ConfigError."""
    if arguments.config is None:
        settings = Settings(config.cameras_from_sources(arguments.files, live=live), live=live)
    elif arguments.files:
        raise config.ConfigError("Name the cameras either in --config or on the command line, not in both.")
    else:
        settings = config.read_config(arguments.config)
    if settings.live and not live and arguments.command == "run":
        raise config.ConfigError("The configuration names live streams; use `sightline watch` for them.")
    if not settings.cameras:
        what = "stream" if live else "video file"
        raise config.ConfigError(f"No camera was given; name at least one {what}, or a --config that does.")
    cameras = config.with_starts(settings.cameras, getattr(arguments, "start", []))
    return overridden(replace(settings, cameras=cameras, live=live or settings.live), arguments)


def overridden(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """The settings with what the command line says of networks, device and database."""
    names = [name for name in ("detector", "reid", "device") if getattr(arguments, name)]
    said = {name: getattr(arguments, name) for name in names}
    if getattr(arguments, "db", None) is not None:
        said["database"] = arguments.db
    return replace(settings, replace=getattr(arguments, "replace", False), **said)


@contextmanager
def execute(settings: Settings, *, seconds: float | None = None) -> Iterator[tuple[History, Status, bool]]:
    """Runs in this thread to the end; then the history, how the run went, and whether it came to its end."""
    from app.headless import TerminalView, stop_on_signals, terminal

    console = terminal()
    with stop_on_signals() as stop, ExitStack() as stack:
        with console.status("Loading the networks ..."):
            from app.build import build_run, command_line

            built = stack.enter_context(build_run(replace(settings, command=command_line())))
        console.print(f"detector: {built.detector}; re-identification: {built.embedder}", highlight=False)
        with TerminalView(console) as view, timer(stop, seconds) as timed_out:
            status = built.run(view=view, stop=stop)
        yield built.history, status, timed_out.is_set() or not stop.is_set()


@contextmanager
def timer(stop: threading.Event, seconds: float | None) -> Iterator[threading.Event]:
    """Sets ``stop`` after so many seconds; the event it gives says whether it did."""
    rang = threading.Event()

    def ring() -> None:
        rang.set()
        stop.set()

    clock = threading.Timer(seconds or 0.0, ring)
    if seconds is not None:
        clock.start()
    try:
        yield rang
    finally:
        clock.cancel()
        if seconds is not None:
            clock.join()


def report(history: History, status: Status) -> None:
    """Who was seen in the last run, and where its time went."""
    from app.answers import print_people
    from app.headless import pace_line, stage_table

    rows = history.footage()
    last = max((row.run for row in rows), default=0)
    spans = [(row.start, row.end) for row in rows if row.run == last]
    since = min((start for start, _ in spans), default=None)
    until = max((end for _, end in spans), default=None)
    print_people(history, as_json=False, camera=None, since=since, until=until)
    Console().print(stage_table(status))
    print(pace_line(status))
    for camera in status.cameras:
        if camera.problem:
            print(f"{camera.name}: {camera.problem}")


def write_videos(history: History, folder: Path) -> list[Path]:
    """The last run's footage with boxes and ids drawn in, with a bar a video."""
    from rich.progress import Progress

    from app.annotate import annotate
    from app.headless import terminal

    with Progress(console=terminal(), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(camera: str, done: int, expected: int) -> None:
            if camera not in tasks:
                tasks[camera] = bars.add_task(f"drawing {camera}", total=expected)
            bars.update(tasks[camera], completed=done)

        paths = annotate(history, folder, progress=progress)
    for path in paths:
        print(f"annotated: {path}")
    return paths


@contextmanager
def opened(path: Path) -> Iterator[History]:
    """The history in a database that must be there."""
    from storage.database import open_database
    from storage.history import History

    engine = open_database(path, create=False)
    try:
        yield History(engine)
    finally:
        engine.dispose()
