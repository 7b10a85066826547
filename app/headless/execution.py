"""A run as the terminal has it: from what was typed to what was found."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from app import config
from app.config import CameraSettings, Settings
from app.history.telling import plain
from app.sources.names import HISTORIES, SITES, shown
from app.sources.taken import seem_one

if TYPE_CHECKING:
    from rich.progress import TaskID

    from app.pipeline import Status
    from storage.carrying import Carried
    from storage.history import History


def settings_of(arguments: argparse.Namespace, *, live: bool) -> Settings:
    """The configuration file, with what the command line says put over it. Raises ConfigError."""
    if arguments.command == "run" and any(config.is_live(name) for name in arguments.files):
        raise config.ConfigError("That is a live stream and no video file; use `sightline watch` for it.")
    _refuse_others(arguments.files)
    if arguments.command == "run":
        _refuse_twice(arguments.files)
    if arguments.config is None:
        as_one = getattr(arguments, "as_one", False)
        cameras = config.cameras_from_sources(arguments.files, live=live, as_one=as_one)
        settings = Settings(cameras, live=live)
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
    cameras = tuple(_told(camera, arguments) for camera in cameras)
    return overridden(replace(settings, cameras=cameras, live=live or settings.live), arguments)


def _refuse_others(names: Sequence[str]) -> None:
    """What is no camera, and where it belongs."""
    for name in map(shown, names):
        ending = Path(name).suffix.lower()
        if ending in SITES:
            raise config.ConfigError(f"{name} is a configuration and no camera; say --config before it.")
        if ending in HISTORIES:
            asked = f"'sightline people --db {name}' asks it"
            raise config.ConfigError(f"{name} is a history and no camera; --db names it; {asked}.")


def _refuse_twice(names: Sequence[str]) -> None:
    """One film is one camera's: as two, everybody in it would be in two places at once."""
    paths = [Path(name).absolute() for name in names]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise config.ConfigError(
                f"{shown(names[number])} is named twice; name each camera's footage once."
            )


def placed(arguments: argparse.Namespace) -> argparse.Namespace:
    """A history or a configuration that is named among the files, as what --db and --config name."""
    kept = argparse.Namespace(**vars(arguments))
    for key, endings in (("db", HISTORIES), ("config", SITES)):
        some = [name for name in kept.files if Path(name).suffix.lower() in endings]
        if len(some) == 1 and getattr(kept, key) is None:
            setattr(kept, key, Path(some[0]))
            kept.files = [name for name in kept.files if name != some[0]]
    return kept


def _told(camera: CameraSettings, arguments: argparse.Namespace) -> CameraSettings:
    """The camera with what the command line says of all of them."""
    fps, creation = getattr(arguments, "fps", None), getattr(arguments, "creation_time", None)
    if fps is not None and not 0 < fps <= 1000:
        raise config.ConfigError(f"--fps is {fps:g}; frames a second, above 0 and up to 1000, are expected.")
    return replace(camera, fps=fps or camera.fps, creation=creation or camera.creation)


def overridden(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """The settings with what the command line says of networks, device and database."""
    names = [name for name in ("detector", "reid", "device") if getattr(arguments, name)]
    said = {name: getattr(arguments, name) for name in names}
    if getattr(arguments, "person_class", None) is not None:
        said["person_class"] = config.read_class(arguments.person_class)
    if getattr(arguments, "detector_rate", None) is not None:
        said["detector_rate"] = config.read_rate(arguments.detector_rate)
    if getattr(arguments, "db", None) is not None:
        said["database"] = arguments.db
    if getattr(arguments, "max_latency", None) is not None:
        if not arguments.max_latency >= 0.1:
            raise config.ConfigError("--max-latency: expected seconds, 0.1 at least.")
        said["max_latency_s"] = arguments.max_latency
    if getattr(arguments, "max_megapixels", None) is not None:
        if not 0 < arguments.max_megapixels < float("inf"):
            raise config.ConfigError("--max-megapixels: expected a number above 0.")
        said["max_megapixels"] = arguments.max_megapixels
    if getattr(arguments, "false_merge_price", None) is not None:
        said["false_merge_price"] = config.read_price(arguments.false_merge_price)
    for name in ("replace", "resume"):
        said[name] = getattr(arguments, name, False)
    return replace(settings, **said)


@contextmanager
def execute(settings: Settings) -> Iterator[tuple[History, Status, bool]]:
    """Runs in this thread to the end; then the history, how the run went, and whether it came to its end."""
    from app.headless.view import TerminalView, stop_on_signals, terminal

    console = terminal()
    with stop_on_signals() as stop, ExitStack() as stack:
        with console.status("Loading the networks ..."):
            from app.build import build_run, command_line

            built = stack.enter_context(build_run(replace(settings, command=command_line())))
        if not settings.live and seem_one([camera.source for camera in settings.cameras]):
            first, last = (Path(settings.cameras[k].source).name for k in (0, -1))
            console.print(
                f"{shown(first)} to {shown(last)} are taken for {len(settings.cameras)} cameras; if they "
                "are one "
                "camera's footage in parts, say --as-one.",
                highlight=False,
                soft_wrap=True,
            )
        console.print(f"detector: {built.detector}; re-identification: {built.embedder}", highlight=False)
        with TerminalView(console) as view:
            status = built.run(view=view, stop=stop)
        for sentence in carried_told(built.carried[-1]):
            console.print(sentence, highlight=False, soft_wrap=True, markup=False)
        yield built.history, status, not stop.is_set()


def carried_told(carried: Carried) -> list[str]:
    """What became of corrections of what was recorded anew, in sentences; none where there were none."""
    from app.history.corrections import told

    sentences = [f"carried over: {told(row)} (correction {row.id})" for row in carried.made]
    sentences += [f"as it was corrected: {told(row)} (correction {row.id})" for row in carried.held]
    sentences += [f"not found again: {told(row)} (correction {row.id})" for row in carried.lost]
    sentences += [f"waits for the rest of its footage: {told(row)}" for row in carried.waiting]
    if carried.lost:
        sentences.append("What was not found again is to be corrected by hand, if it is still so.")
    return [plain(sentence) for sentence in sentences]


def report(history: History, status: Status) -> None:
    """Who was seen in the last run, and where its time went."""
    from app.headless.view import pace_line, skipped_line, stage_table
    from app.history.answers import print_people

    rows = history.footage()
    last = max((row.run for row in rows), default=0)
    spans = [(row.start, row.end) for row in rows if row.run == last]
    since = min((start for start, _ in spans), default=None)
    until = max((end for _, end in spans), default=None)
    print_people(history, {"camera": None, "since": since, "until": until}, as_json=False)
    Console().print(stage_table(status))
    print(pace_line(status))
    print(skipped_line(status))
    for camera in status.cameras:
        if camera.problem:
            print(f"{camera.name}: {camera.problem}")


def write_videos(history: History, folder: Path) -> list[Path]:
    """The last run's footage with boxes and ids drawn in, with a bar a video."""
    from rich.progress import Progress

    from app.headless.view import terminal
    from app.output.annotate import annotate

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
