"""``sightline benchmark``: what a run costs on this machine, stage by stage, and how many cameras it carries.

Costs are seconds of CPU, user and system, of all threads: what else the machine does moves them little.
Stages are measured by themselves, with the films' own pictures; the whole line by a run whose history is
thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app import config
from app.build import Run, build_run
from app.checks.capacity import Camera, Carried, Costs, carried, most_carried
from app.config import Settings
from app.errors import OK
from app.headless.execution import settings_of
from app.headless.view import terminal
from app.output.place import make_folder
from app.pipeline import Detect, Embed, Plan, Status
from app.schedule import Intervals
from app.sources.change import Change
from app.sources.stored import stored_camera
from reid.preprocess import cut
from tracker.types import WHOLE, Detections, Floats, Frame, Grey, Image, Part, Result

DECODED = 400
"""Frames of a film by which decoding is measured."""

PICTURES = 12
"""Of a film, spread over those, by which the networks are measured."""

SEEN = 60
"""Of what the detector sees in the run, by which it is measured: the more, the more shapes."""

REST = "track to record"

BUSY = (1.0, 0.1, 0.0)
"""Shares of the time in which it is at a camera as in the films; else nobody is there and nothing moves."""


@dataclass(frozen=True, slots=True)
class Stage:
    """cpu_ms: of one. times: how often in the run. unit: of what."""

    name: str
    unit: str
    cpu_ms: float
    times: float


@dataclass(frozen=True, slots=True)
class Film:
    name: str
    width: int
    height: int
    fps: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Whole:
    """start_cpu_s: until the first frame could be taken. cpu_s, wall_s: of the run after that. seen: by the
    detector. compared: pictures that the gate looked at.
    """

    start_cpu_s: float
    cpu_s: float
    wall_s: float
    frames: int
    seen: int
    crops: int
    compared: int


@dataclass(frozen=True, slots=True)
class Report:
    """whole_picture_ms: of CPU, of the detector for a picture it sees all of. carries: by the share of the
    time that is as in the films, the most cameras. curves: latencies of other numbers of them.
    """

    backend: str
    cores: int
    films: list[Film]
    whole: Whole
    stages: list[Stage]
    whole_picture_ms: float
    carries: dict[str, Carried]
    curves: dict[str, list[Carried]]


class _Counted:
    """An embedder that counts crops."""

    def __init__(self, inner: Embed) -> None:
        self._inner, self.crops = inner, 0

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    def embed(self, crops: Sequence[Image]) -> Floats:
        self.crops += len(crops)
        return self._inner.embed(crops)


class _CountedDetector:
    """A detector that keeps in mind what it was given to see."""

    def __init__(self, inner: Detect) -> None:
        self._inner, self.parts = inner, list[Part]()

    def detect(self, images: Sequence[Image], parts: Sequence[Part] = ()) -> list[Detections]:
        self.parts += parts
        return self._inner.detect(images, parts)


class _CountedPlan:
    """A plan that counts in ``pictures`` how many it looks at."""

    def __init__(self, inner: Plan, pictures: list[int]) -> None:
        self._inner, self._pictures, self.wanted_fps = inner, pictures, inner.wanted_fps

    def due(self, time: float, picture: Callable[[], Grey], people: Callable[[], Floats]) -> Part | None:
        def counted() -> Grey:
            self._pictures[0] += 1
            return picture()

        return self._inner.due(time, counted, people)


class _Unwatched:
    def show(self, results: Sequence[Result], status: Status) -> None: ...


def benchmark(arguments: argparse.Namespace) -> int:
    """The command: measures, prints, draws."""
    settings = settings_of(arguments, live=False)
    if settings.live:
        raise config.ConfigError("A benchmark takes video files; record some minutes of a camera first.")
    if arguments.plot is not None:
        make_folder(arguments.plot.absolute().parent)
    with terminal().status("Measuring ..."):
        report = measured(settings)
    if arguments.plot is not None:
        plot(report, arguments.plot)
    if arguments.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        _print(report)
    return OK


def measured(settings: Settings) -> Report:
    """Runs the films once, then each stage by itself. Raises what a run raises."""
    began = time.process_time()
    with _thrown_away(settings) as built:
        start_s = time.process_time() - began
        counted = _Counted(built.line.embedder)
        detector = _CountedDetector(built.line.detector)
        built.line.embedder, built.line.detector = counted, detector
        compared, plan = [0], built.line.new_plan
        built.line.new_plan = lambda: _CountedPlan(plan(), compared)
        began, wall = time.process_time(), time.perf_counter()
        status = built.run(view=_Unwatched(), stop=threading.Event())
        cpu_s, wall_s = time.process_time() - began, time.perf_counter() - wall
        seen = status.frames - sum(camera.skipped for camera in status.cameras)
        whole = Whole(start_s, cpu_s, wall_s, status.frames, seen, counted.crops, compared[0])
        films, stages, whole_ms = _alone(settings, built, whole, detector.parts)
        cores = len(os.sched_getaffinity(0))
        kinds = {share: _kinds(films, stages, whole, settings, share) for share in BUSY}
    within_s = settings.max_latency_s
    most = {
        _words(share): most_carried(kind, cores=cores, within_s=within_s) for share, kind in kinds.items()
    }
    curves = {_words(share): _curve(kinds[share], most[_words(share)], cores) for share in BUSY}
    backend = f"{built.detector}; {built.embedder}"
    return Report(backend, cores, films, whole, stages, whole_ms, most, curves)


@contextmanager
def _thrown_away(settings: Settings) -> Iterator[Run]:
    """The run, with a history that nobody will ask."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "history.db"
        with build_run(replace(settings, database=database, replace=False, resume=False)) as built:
            yield built


def _alone(
    settings: Settings, built: Run, whole: Whole, parts: Sequence[Part]
) -> tuple[list[Film], list[Stage], float]:
    """Each stage by itself, on pictures of every film, and parts of them as in the run; and milliseconds that
    the detector takes for a whole one.
    """
    films, pictures, decode_ms = _decoded(settings)
    colours_ms = _ms(lambda: [frame.image for frame in pictures], len(pictures))
    change = Change(settings.detector_size)
    change.changed(pictures[0].grey, 0.1)
    change.keep(WHOLE)
    gate_ms = _ms(lambda: [change.changed(frame.grey, 0.1) for frame in pictures], len(pictures))
    images = [frame.image for frame in pictures]
    detector, embedder = built.line.detector, built.line.embedder
    found = [detector.detect([image])[0] for image in images]
    whole_ms = _ms(lambda: [detector.detect([image]) for image in images], len(images))
    detect_ms = _parts_ms(detector, images, parts)
    crops = [crop for image, one in zip(images, found, strict=True) for crop in cut(image, one.boxes)][:32]
    embed_ms = _ms(lambda: embedder.embed(crops), len(crops))
    stages = [
        Stage("decode", "frame", decode_ms, whole.frames),
        Stage("gate", "picture compared", gate_ms, whole.compared),
        Stage("colours", "frame seen", colours_ms, whole.seen),
        Stage("detect", "frame seen", detect_ms, whole.seen),
        Stage("embed", "crop", embed_ms, whole.crops),
    ]
    rest_s = whole.cpu_s - sum(stage.cpu_ms * stage.times for stage in stages) / 1000
    rest_ms = 1000 * max(rest_s, 0.0) / max(whole.frames, 1)
    return films, [*stages, Stage(REST, "frame", rest_ms, whole.frames)], whole_ms


def _parts_ms(detector: Detect, images: Sequence[Image], parts: Sequence[Part]) -> float:
    """Milliseconds for one of the parts, by some spread over all, seen before: first ones are dear."""
    some = [parts[k * len(parts) // SEEN] for k in range(min(SEEN, len(parts)))]

    def look() -> None:
        for k, part in enumerate(some):
            detector.detect([images[k % len(images)]], [part])

    look()
    return _ms(look, len(some))


def _decoded(settings: Settings) -> tuple[list[Film], list[Frame], float]:
    """What the films are, some of their pictures, and the milliseconds that decoding one takes."""
    films: list[Film] = []
    pictures: list[Frame] = []
    began, decoded = time.process_time(), 0
    for camera in settings.cameras:
        times: list[float] = []
        with stored_camera(camera, max_pixels=settings.max_pixels) as source:
            for number, frame in enumerate(islice(source, DECODED)):
                if not isinstance(frame, Frame):
                    raise config.ConfigError(f"{camera.name}: was detected elsewhere; give a video.")
                pictures += [frame] if number % (DECODED // PICTURES) == 0 else []
                times.append(frame.time)
            info = source.info
        decoded += len(times)
        fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else info.fps
        films.append(Film(camera.name, info.width, info.height, fps, info.duration_s or 0.0))
    return films, pictures, 1000 * (time.process_time() - began) / max(decoded, 1)


def _ms(work: Callable[[], object], count: int) -> float:
    """Milliseconds of CPU for each of so many."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began) / max(count, 1)


def _kinds(
    films: list[Film], stages: list[Stage], whole: Whole, settings: Settings, busy: float
) -> list[Camera]:
    """What a camera like each of the films costs, where so much of the time is as in them."""
    cost = {stage.name: stage.cpu_ms / 1000 for stage in stages}
    share, crops = whole.seen / max(whole.frames, 1), whole.crops / max(whole.seen, 1)
    due_s = cost["colours"] + cost["detect"] + crops * cost["embed"] + cost[REST] / max(share, 1e-9)
    rate = settings.detector_rate
    kinds = []
    for film in films:
        compared = 0.0 if rate is None else min(1.0, 2 * rate / film.fps)
        empty = film.fps if rate is None else 1 / Intervals.at_most(rate).empty_s
        costs = Costs(cost["decode"] + compared * cost["gate"], due_s)
        kinds.append(Camera(film.fps, busy * share * film.fps + (1 - busy) * empty, costs))
    return kinds


def _curve(kinds: list[Camera], most: Carried, cores: int) -> list[Carried]:
    counts = sorted({max(1, round(most.cameras * part)) for part in (0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.3)})
    return [carried([kinds[k % len(kinds)] for k in range(count)], cores=cores) for count in counts]


def _words(busy: float) -> str:
    return "nobody, ever" if busy == 0 else "as in the films" if busy == 1 else f"so for {100 * busy:.0f} %"


def _print(report: Report) -> None:
    console, whole = Console(), report.whole
    names = ", ".join(f"{f.name} {f.width}x{f.height} at {f.fps:.3g}/s" for f in report.films)
    console.print(f"{report.backend}; {report.cores} cores; {names}", highlight=False, soft_wrap=True)
    table = Table(title="Seconds of CPU", title_justify="left")
    for column in ("stage", "ms each", "of what", "how often", "seconds", "share"):
        table.add_column(column, justify="left" if column in ("stage", "of what") else "right")
    for stage in report.stages:
        seconds = stage.cpu_ms * stage.times / 1000
        share = f"{100 * seconds / max(whole.cpu_s, 1e-9):.1f} %"
        table.add_row(
            stage.name, f"{stage.cpu_ms:.2f}", stage.unit, f"{stage.times:.0f}", f"{seconds:.2f}", share
        )
    table.add_row("the run", "", "", "", f"{whole.cpu_s:.2f}", "100 %")
    table.add_row("starting up", "", "", "", f"{whole.start_cpu_s:.2f}", "")
    console.print(table)
    lasts_s = sum(film.seconds for film in report.films)
    times = lasts_s / max(whole.wall_s, 1e-9)
    console.print(
        f"{lasts_s:.0f} s of film in {whole.wall_s:.1f} s ({times:.1f} times as fast as it was filmed); the "
        f"detector saw {whole.seen} of {whole.frames} frames",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(title="Live cameras like these, worked out from that", title_justify="left")
    for column in ("somebody in view", "cameras", "latency, median", "95 of 100 within", "cores busy"):
        table.add_column(column, justify="left" if column.startswith("some") else "right")
    for words, most in report.carries.items():
        waits = [f"{1000 * wait_s:.0f} ms" for wait_s in (most.p50_s, most.p95_s)]
        table.add_row(words, str(most.cameras), *waits, f"{100 * most.load:.0f} %")
    console.print(table)


def plot(report: Report, out: Path) -> None:
    """Where the CPU goes, and latency by how many cameras there are."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    stages = report.stages[::-1]
    seconds = [stage.cpu_ms * stage.times / 1000 for stage in stages]
    left.barh([stage.name for stage in stages], seconds, color="#4477aa")
    left.set_xlabel("seconds of CPU in the run")
    for words, curve in report.curves.items():
        known = [one for one in curve if one.p95_s < float("inf")]
        xs, ys = [one.cameras for one in known], [one.p95_s for one in known]
        right.plot(xs, ys, marker="o", markersize=3, label=words)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("cameras")
    right.set_ylabel("latency, 95 of 100 within, seconds")
    right.grid(alpha=0.3)
    right.legend(title="somebody in view")
    figure.savefig(out, dpi=110)
