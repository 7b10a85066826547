"""Puts the line together: the one place that names concrete classes."""

from __future__ import annotations

import math
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from math import log

from app.config import CameraSettings, ConfigError, HeldError, Settings
from app.dropping import Dropping
from app.forgetting import ForgetBefore, forget_before, most_people, within
from app.history.opened import engine_of
from app.keeping import Keeper
from app.moments import UNDATED_S
from app.passage import Passage
from app.pipeline import Line, Plan, Status, View
from app.recording.files import remove_file
from app.recording.recorder import FootageRecorder, Recorders
from app.recording.shelf import Shelf
from app.schedule import EveryFrame, Intervals, Schedule
from app.sources.change import Change
from app.sources.detections import DetectedElsewhere, DetectionsSource
from app.sources.feeds import FileCamera, FileFeed, LiveFeed
from app.sources.ffmpeg import SourceError
from app.sources.live import LiveSource
from app.sources.names import shown
from app.sources.passwords import redact, with_login_encoded
from app.sources.roster import Roster
from app.sources.stored import StoredSource, stored_camera
from app.topology.overlaps import overlaps_known
from app.weights.assets import cache_folder, default_reid, resolve
from reid.embedder import Embedder, open_embedder
from reid.preprocess import cut
from storage.carrying import Carried, carry, remember
from storage.erased import Erased
from storage.forgetting import Forgetting
from storage.history import FootageRow, History
from storage.repair import apart
from storage.topology import saved
from storage.writer import Writer
from tracker.associator import Associator
from tracker.camera_tracker import CameraTracker
from tracker.constraints import Constraints
from tracker.detector import Detector
from tracker.gallery import Gallery
from tracker.memory import Memory
from tracker.presence import Policy
from tracker.types import Sighting

LIVE_COMMIT_S = 0.5
FILE_COMMIT_S = 1.0
"""How often is committed what was found: with what is yet under way, a kill loses a second at most."""

FILE_BATCH = 8
"""Frames of files the detector is given at once; more gain nothing on a CPU and little on a GPU."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is ready to start. history: questions to the database it writes, also while it runs.

    roster: its cameras, which may change meanwhile; None for files. carried: once the run is over, what came
    of what people decided of what is recorded anew.
    """

    line: Line
    history: History
    writer: Writer
    detector: str
    embedder: str
    roster: Roster | None = None
    carried: list[Carried] = field(default_factory=list)

    def run(
        self,
        *,
        view: View,
        stop: threading.Event,
        note: Callable[[Sighting], None] | None = None,
        passed: Callable[[Passage], None] | None = None,
    ) -> Status:
        """Runs to the end or until ``stop``; all of it is on disk when this returns.

        note, passed: see Line.run.
        """
        status = self.line.run(view=view, stop=stop, note=note, passed=passed)
        self.writer.flush()
        self.carried.append(carry(self.history.engine))
        return status


@contextmanager
def build_run(settings: Settings) -> Iterator[Run]:
    """Opens sources, database and networks, in the order in which a user's mistakes show soonest.

    Raises SourceError, DatabaseError, AssetError, DetectorError, WeightsError or ConfigError.
    """
    _expect_cameras(settings)
    with ExitStack() as stack:
        recorders = Recorders(settings.recording)
        roster = stack.enter_context(_live(settings, recorders)) if settings.live else None
        feed = roster.feed if roster is not None else stack.enter_context(_files(settings))
        held = _held(settings, feed)
        networks = _networks(settings, feed)
        engine = engine_of(settings.database, create=True)
        stack.callback(engine.dispose)
        writer = stack.enter_context(
            Writer(
                engine,
                command=settings.command,
                version=version("sightline"),
                model=networks.embedder.fingerprint,
                dimension=networks.embedder.dimension,
                commit_s=LIVE_COMMIT_S if settings.live else FILE_COMMIT_S,
                patient=settings.live,
            )
        )
        history = History(engine)
        _make_way(history, writer, held)
        shelf = stack.enter_context(Shelf(settings.recording, history, writer, writing=recorders.writing))
        forgetting = Forgetting(engine, remove=remove_file)
        keeper = Keeper(forgetting, settings.database, settings.keep, settings.cameras)
        if settings.live:
            stack.enter_context(keeper)
        dropping = _dropping(history, writer, networks.embedder.fingerprint)
        forgotten = forget_before(after_days=settings.forget_after_days, at=settings.forget_at)
        gallery = _gallery(history, writer, networks.embedder, live=settings.live, forgotten=forgotten)
        overlap = overlaps_known(saved(engine), settings.overlap, settings.links)
        told = Constraints(rules=settings.links, apart=apart(engine), overlap=overlap)
        memory = Memory(constraints=told, price=log(settings.false_merge_price))
        line = Line(
            feed=feed,
            detector=networks.detector,
            embedder=networks.embedder,
            cut=cut,
            new_tracker=CameraTracker,
            new_plan=_planner(settings),
            associator=_associator(settings, gallery, memory, forgotten, stack),
            record=writer,
            batch=1 if settings.live else FILE_BATCH,
            live=settings.live,
            ignored={camera.name: camera.ignore for camera in settings.cameras},
            helpers=(lambda: shelf.problem, lambda: keeper.trouble, lambda: dropping.trouble),
            between=dropping.between_rounds,
        )
        if roster is not None:
            roster.gone = line.leave
        stack.enter_context(dropping)
        stack.callback(recorders.close)  # before the writer, which is told of their last files
        recorders.start(writer, shelf.begin)
        yield Run(line, history, writer, networks.detector.backend, networks.told, roster)


def _expect_cameras(settings: Settings) -> None:
    if not settings.cameras:
        raise ConfigError("No camera was given; name at least one video file or stream.")


def _make_way(history: History, writer: Writer, held: Sequence[tuple[str, float, float]]) -> None:
    """What is held goes; what people decided of it is kept in mind."""
    if held:
        remember(history.engine, held)
    for camera, start, end in held:
        writer.erase(camera, start, end)
    writer.flush()


def open_networks(settings: Settings) -> tuple[Detector, Embedder, str]:
    """What finds people and what tells them apart; and where that is not the best there is, why, in words.

    Raises AssetError, DetectorError or WeightsError.
    """
    reid, lacking = default_reid() if settings.reid == "default" else (resolve(settings.reid), "")
    yolo = resolve(settings.detector)
    # An OpenVINO network runs on the CPU, wherever the detector runs.
    device = "auto" if reid.suffix == ".xml" else settings.device
    embedder = open_embedder(reid, device=device, cache=cache_folder())
    detector = Detector(
        yolo,
        device=settings.device,
        image_size=settings.detector_size,
        person_class=settings.person_class,
        min_score=settings.confidence,
        cache=cache_folder(),
    )
    return detector, embedder, lacking


@dataclass(frozen=True, slots=True)
class _Networks:
    """What finds people and what tells them apart. told: of the latter, for people to read."""

    detector: Detector | DetectedElsewhere
    embedder: Embedder | DetectedElsewhere
    told: str


def _networks(settings: Settings, feed: FileFeed | LiveFeed) -> _Networks:
    """The networks, where there are pictures for them; else what stands in for them.

    Raises SourceError where vectors were made by another model than these, besides what open_networks raises.
    """
    files = [] if isinstance(feed, LiveFeed) else [file.source for file in feed.files]
    brought = [source for source in files if isinstance(source, DetectionsSource)]
    if not brought or len(brought) < len(files):
        detector, embedder, lacking = open_networks(settings)
        networks = _Networks(detector, embedder, ", ".join(filter(None, (lacking, embedder.backend))))
    else:
        one = DetectedElsewhere(brought[0].model, brought[0].dimension)
        networks = _Networks(one, one, f"{one.backend} ({one.fingerprint})")
    for source in brought:
        _expect_same_model(source, networks.embedder)
    return networks


def _expect_same_model(source: DetectionsSource, embedder: Embedder | DetectedElsewhere) -> None:
    if (source.model, source.dimension) != (embedder.fingerprint, embedder.dimension):
        raise SourceError(
            f"{source.info.uri}: its embeddings are of the model {source.model} ({source.dimension} numbers "
            f"each), others of {embedder.fingerprint} ({embedder.dimension}), which cannot be compared; "
            "run them apart, or give them one 'model' where they are of one."
        )


def _planner(settings: Settings) -> Callable[[], Plan]:
    """What makes a camera's plan of which frames the detector sees."""
    rate = settings.detector_rate
    if rate is None:
        return EveryFrame
    return lambda: Schedule(Change(settings.detector_size), Intervals.at_most(rate))


def _gallery(
    history: History,
    writer: Writer,
    embedder: Embedder | DetectedElsewhere,
    *,
    live: bool,
    forgotten: ForgetBefore | None,
) -> Gallery:
    """Of everybody in the history whose pictures this network can compare: of those seen last, as many as
    there is memory for, without those who are forgotten by now.
    """
    gallery = Gallery(dimension=embedder.dimension)
    most = most_people(embedder.dimension, templates=gallery.most)
    since = forgotten(time.time()) if live and forgotten is not None else None
    identities = history.identities(embedder.fingerprint, people=most, since=since)
    last = history.last_identity()  # after the identities: whoever is made in between has a higher id
    gallery.load(identities, last=last, over=live)
    writer.knows(last)
    return gallery


def _dropping(history: History, writer: Writer, model: str) -> Dropping:
    """Notices what is erased from now on."""
    erased = Erased(history.engine, run=writer.run, model=model, rows_of=writer.rows_of)
    return Dropping(erased, writer)


def _associator(
    settings: Settings, gallery: Gallery, memory: Memory, forgotten: ForgetBefore | None, stack: ExitStack
) -> Associator:
    """Live, it thinks again beside the run, which must not wait."""
    most = most_people(gallery.dimension, templates=gallery.most)
    return Associator(
        gallery=gallery,
        policy=Policy(forget_before=within(gallery, most, forgotten)),
        memory=memory,
        worker=stack.enter_context(ThreadPoolExecutor(1, "think")) if settings.live else None,
    )


def command_line() -> str:
    """The command as it was typed, for the record, but for passwords in addresses."""
    return shlex.join(["sightline", *(shown(redact(with_login_encoded(word))) for word in sys.argv[1:])])


@contextmanager
def _files(settings: Settings) -> Iterator[FileFeed]:
    """The files, opened and put on one clock."""
    with ExitStack() as stack:
        sources: list[StoredSource] = [
            stack.enter_context(stored_camera(c, max_pixels=settings.max_pixels)) for c in settings.cameras
        ]
        feed = FileFeed(align(settings.cameras, sources, undated_s=_after_what_is_held(settings, sources)))
        yield _resumed(settings, feed) if settings.resume else feed


def _after_what_is_held(settings: Settings, sources: Sequence[StoredSource]) -> float:
    """Where footage begins whose start nobody knows: after such of other files that the history has.

    The same file again is at the same times again, to be held or replaced.
    """
    if settings.replace or not settings.database.exists():
        return 0.0
    engine = engine_of(settings.database)
    try:
        rows = [row for row in History(engine).footage() if row.start < UNDATED_S]
    finally:
        engine.dispose()
    known = {(row.camera, row.uri) for row in rows}
    again = any((source.camera, source.origin(0).uri) in known for source in sources)
    return 0.0 if again else float(math.ceil(max((row.end + 1.0 for row in rows), default=0.0)))


def align(
    cameras: Sequence[CameraSettings], sources: Sequence[StoredSource], *, undated_s: float = 0.0
) -> list[FileCamera]:
    """Shifts each file onto the common clock; one that knows no start begins with the earliest that does.

    undated_s: where they all begin if none does.
    """
    known = [
        s.info.start - c.clock_offset_s for c, s in zip(cameras, sources, strict=True) if s.info.start_known
    ]
    begin = min(known, default=undated_s)
    return [
        FileCamera(s, -c.clock_offset_s if s.info.start_known else begin - s.info.start)
        for c, s in zip(cameras, sources, strict=True)
    ]


def _held(settings: Settings, feed: FileFeed | LiveFeed) -> list[tuple[str, float, float]]:
    """Camera, start and end of what the database holds already of these files' times.

    Raises HeldError where it is not to be replaced.
    """
    if isinstance(feed, LiveFeed) or settings.resume or not settings.database.exists():
        return []
    engine = engine_of(settings.database)
    try:
        history = History(engine)
        files = [file for file in feed.files if history.held(file.source.camera, file.start, file.until)]
        held = [(f.source.camera, f.start, _held_until(f, history)) for f in files]
    finally:
        engine.dispose()
    if held and not settings.replace:
        undated = [f.source.info for f in files if not f.source.info.start_known]
        other = "if they were filmed at another time, say when with --start; " if undated else ""
        raise HeldError(
            f"{settings.database} already holds {', '.join(camera for camera, _, _ in held)} at these times; "
            f"{other}--resume goes on where a run was stopped, --replace records them anew; "
            "or name another database with --db."
        )
    return held


def _resumed(settings: Settings, feed: FileFeed) -> FileFeed:
    """The files, from where the history ends. Raises HeldError where it has them to their ends."""
    if not settings.database.exists():
        return feed
    engine = engine_of(settings.database)
    try:
        rows = History(engine).footage()
    finally:
        engine.dispose()
    files = [replace(file, after=_known_until(file, rows)) for file in feed.files]
    if all(_is_known_whole(file) for file in files):
        raise HeldError(
            f"{settings.database} holds these files to their ends: there is nothing to go on with; "
            "--replace records them anew."
        )
    return FileFeed(files)


def _known_until(file: FileCamera, rows: Sequence[FootageRow]) -> float:
    """When the last recorded frame of this file was filmed; before all, where none is."""
    mine = [row for row in rows if row.camera == file.source.camera and row.start < file.until]
    return max((row.end for row in mine if row.end > file.start), default=-math.inf)


def _is_known_whole(file: FileCamera) -> bool:
    """Whether no frame is left of it, as far as it tells how long it is."""
    info = file.source.info
    return info.duration_s is not None and file.after >= file.until - 1.5 / info.fps


def _held_until(file: FileCamera, history: History) -> float:
    """The end of the file, or of what was recorded from its start, whichever is later."""
    rows = history.footage(file.source.camera)
    return max([file.until, *(row.end for row in rows if row.start <= file.start < row.end)])


@contextmanager
def _live(settings: Settings, recorders: Recorders) -> Iterator[Roster]:
    """The streams, each connecting in its own thread."""
    wake = threading.Condition()

    def opened(camera: CameraSettings) -> LiveSource:
        recorder = recorders.of(camera.name, offset_s=camera.clock_offset_s) if camera.record else None
        limits = {"max_latency_s": settings.max_latency_s, "max_pixels": settings.max_pixels}
        return live_source(camera, **limits, wake=wake, recorder=recorder)

    feed = LiveFeed([], wake=wake, offsets={}, max_latency_s=settings.max_latency_s)
    with Roster(feed, opened) as roster:
        roster.become(settings.cameras)
        yield roster


def live_source(
    camera: CameraSettings,
    *,
    max_latency_s: float,
    max_pixels: float,
    wake: threading.Condition,
    recorder: FootageRecorder | None = None,
) -> LiveSource:
    """A stream as its settings say. Raises SourceError."""
    return LiveSource(
        camera=camera.name,
        uri=camera.source,
        shown=camera.shown,
        open_timeout_s=camera.open_timeout_s,
        read_timeout_s=camera.read_timeout_s,
        frozen_after_s=camera.frozen_after_s,
        max_latency_s=max_latency_s,
        max_pixels=max_pixels,
        transport=camera.transport,
        poll_s=camera.poll_s,
        decode=camera.decode,
        size=camera.size,
        recorder=recorder,
        wake=wake,
    )
