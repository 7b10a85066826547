"""``sightline config``: an example of a configuration, and whether one is right and its cameras answer."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app import errors
from app.config import CameraSettings, Settings, read_config
from app.output.place import OutputError
from app.sources import names
from app.sources.ffmpeg import SourceError
from app.sources.live import LiveSource
from app.sources.passwords import redact
from app.sources.stored import stored_camera

EXAMPLE = Path(__file__).with_name("example_site.toml")

SAMPLE_S = 3.0
"""How long a camera that plays is looked at: its frames are counted, and its clock is waited for."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a source gave. source: as it may be shown. codec: as FFmpeg names it.

    fps: counted for streams, by the container for files.
    clock: whose the times are by: camera, arrival, file, or none (a file that does not know its start).
    first_frame_s: how long a stream took to its first picture. problem: "" where all is well.
    """

    camera: str
    source: str
    codec: str = ""
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    clock: str = ""
    first_frame_s: float | None = None
    problem: str = ""


def configure(arguments: argparse.Namespace) -> int:
    """``sightline config init`` and ``check``: the exit code."""
    if arguments.action == "init":
        return init(arguments.file)
    return check(arguments.file, timeout_s=arguments.timeout, as_json=arguments.json)


def init(path: Path) -> int:
    """Writes the example. Raises OutputError where the file is there already or can't be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(EXAMPLE.read_text(encoding="utf-8"))
    except FileExistsError:
        raise OutputError(f"{path} is there already; name another file, or move it away.") from None
    except OSError as error:
        raise OutputError(f"{path} can't be written ({error.strerror}); name another place.") from None
    print(f"{path} is written; put your cameras in, then: sightline config check {path}")
    return errors.OK


def check(path: Path, *, timeout_s: float, as_json: bool) -> int:
    """Says what every source gives; SOURCE where one gives nothing. Raises ConfigError."""
    settings = read_config(path)
    with Console(stderr=True).status("Looking at every source ..."):
        found = look(settings, timeout_s=timeout_s)
    bad = [row for row in found if row.problem]
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    else:
        Console().print(_table(found), highlight=False)
        good = f"{len(found) - len(bad)} of {len(found)}"
        print(f"{path} is right, and all {len(found)} sources play." if not bad else f"{good} sources play.")
    return errors.SOURCE if bad else errors.OK


def look(settings: Settings, *, timeout_s: float) -> list[Found]:
    """Every source opened: streams all at once, for timeout_s and SAMPLE_S at most; files one by one."""
    if settings.live:
        return _look_at_streams(settings.cameras, timeout_s)
    return [_look_at_file(camera, settings.max_pixels) for camera in settings.cameras]


def _look_at_file(camera: CameraSettings, max_pixels: float) -> Found:
    shown = camera.shown or names.shown(camera.source)
    try:
        with stored_camera(camera, max_pixels=max_pixels) as source:
            info = source.info
    except SourceError as error:
        return Found(camera.name, shown, problem=str(error))
    clock = "file" if info.start_known else "none"
    return Found(camera.name, shown, info.codec, info.width, info.height, info.fps or None, clock)


def _look_at_streams(cameras: Sequence[CameraSettings], timeout_s: float) -> list[Found]:
    wake = threading.Condition()
    with ExitStack() as stack:
        looks = [_opened(camera, timeout_s, wake, stack) for camera in cameras]
        until = time.monotonic() + timeout_s + SAMPLE_S + 1.0
        open_ = [look for look in looks if isinstance(look, _Look)]
        while open_ and time.monotonic() < until:
            with wake:
                wake.wait(0.1)
            open_ = [look for look in open_ if not look.over()]
        return [look.found(timeout_s) if isinstance(look, _Look) else look for look in looks]


def stream_to_look_at(camera: CameraSettings, timeout_s: float, wake: threading.Condition) -> LiveSource:
    """A camera's stream, to see whether it plays. Raises SourceError."""
    return LiveSource(
        camera=camera.name,
        uri=camera.source,
        shown=camera.shown,
        open_timeout_s=timeout_s,
        transport=camera.transport,
        poll_s=camera.poll_s,
        decode=camera.decode,
        wake=wake,
    )


def _opened(
    camera: CameraSettings, timeout_s: float, wake: threading.Condition, stack: ExitStack
) -> _Look | Found:
    """The stream, connecting until the stack is left; or why its address is none."""
    try:
        source = stream_to_look_at(camera, timeout_s, wake)
    except SourceError as error:
        return Found(camera.name, redact(camera.shown or camera.source), problem=str(error))
    return _Look(stack.enter_context(source))


class _Look:
    """One stream that is looked at."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self._began_s = time.monotonic()
        self._first_s = 0.0
        self._before = 0
        self._took_s = 0.0

    def over(self) -> bool:
        """Whether enough is known. To be asked often; takes the source's frames."""
        if self.source.latest() is not None and not self._first_s:
            self._first_s, self._before = time.monotonic(), self.source.decoded
        self._took_s = time.monotonic() - self._first_s if self._first_s else 0.0
        return self._took_s >= SAMPLE_S or self.source.state == "waiting"

    def found(self, timeout_s: float) -> Found:
        source, info = self.source, self.source.info
        if source.state == "waiting" or info is None:
            problem = source.problem or f"{source.uri} gave no picture in {timeout_s:g} s; is it too slow?"
            return Found(source.camera, source.uri, problem=problem)
        return Found(
            source.camera,
            source.uri,
            info.codec,
            info.width,
            info.height,
            round((source.decoded - self._before) / max(self._took_s, 0.1), 1),
            source.clock,
            round(self._first_s - self._began_s, 2),
        )


def _table(found: Sequence[Found]) -> Table:
    table = Table()
    for name in ("camera", "source"):
        table.add_column(name, overflow="fold")
    for name in ("codec", "size", "fps", "clock"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("found", ratio=1, overflow="fold")
    for row in found:
        size = f"{row.width}x{row.height}" if row.width else ""
        fps = f"{row.fps:.1f}" if row.fps else ""
        table.add_row(escape(row.camera), escape(row.source), row.codec, size, fps, row.clock, _said(row))
    return table


def _said(row: Found) -> str:
    if row.problem:
        words = row.problem.removeprefix(row.source).removeprefix(":").strip()
        return f"[bold red]{escape(words)}[/]"
    waited = "" if row.first_frame_s is None else f", first picture after {row.first_frame_s:.1f} s"
    return f"[green]plays[/]{waited}"
