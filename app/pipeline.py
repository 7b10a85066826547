"""The line, joined: rounds of frames in, results out, history recorded.

This file knows neither Qt nor SQL, torch or OpenCV: what it needs of them comes in as arguments.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.between import Between
from app.passage import Arrival, Passage
from app.regions import Polygon, outside
from app.schedule import EveryFrame
from app.stopwatch import Stopwatch
from tracker.associator import Associator
from tracker.camera_tracker import CameraTracker
from tracker.presence import Changes, Seen
from tracker.types import (
    WHOLE,
    DetectedFrame,
    Detections,
    Floats,
    Frame,
    Grey,
    Image,
    Part,
    Person,
    Point,
    Portrait,
    Result,
    Sighting,
)

Round = list[Frame | DetectedFrame]
"""Frames that are thought about together: at most one a camera, in order of time. Empty: nothing came."""


class Detect(Protocol):
    """Finds people. One Detections an image, in order. parts: of each image, where they are looked for."""

    def detect(self, images: Sequence[Image], parts: Sequence[Part] = ()) -> list[Detections]: ...


class Embed(Protocol):
    """Turns N crops into (N, dimension) unit rows."""

    @property
    def dimension(self) -> int: ...

    def embed(self, crops: Sequence[Image]) -> Floats: ...


class Plan(Protocol):
    """What the detector sees of a camera's frames; see app.schedule."""

    @property
    def wanted_fps(self) -> float: ...
    def due(self, time: float, picture: Callable[[], Grey], people: Callable[[], Floats]) -> Part | None: ...


class Record(Protocol):
    """Keeps what a run finds. Every call may raise the recorder's own failure. queued: what is yet to do.

    trouble: why nothing can be written just now, "" where it can; full: then nothing more can be kept either.
    """

    @property
    def queued(self) -> int: ...
    @property
    def trouble(self) -> str: ...
    @property
    def full(self) -> bool: ...

    def footage(self, camera: str, *, uri: str, start: float, width: int, height: int) -> None: ...
    def sighting(self, s: Sighting) -> None: ...
    def point(self, number: int, p: Point) -> None: ...
    def portrait(self, number: int, p: Portrait) -> None: ...
    def frames(
        self, camera: str, count: int, end: float, *, on_commit: Callable[[float], None] | None = None
    ) -> None: ...
    def check(self) -> None: ...


class View(Protocol):
    """Shows a run. Called from the run's thread after every round: must return quickly."""

    def show(self, results: Sequence[Result], status: Status) -> None: ...


class Feed(Protocol):
    """Where frames come from: rounds in order of time until the end or ``stop``; raises SourceError.

    arrival: of the camera's frame in the round that was given last; None for files.
    """

    def rounds(self, stop: threading.Event) -> Iterator[Round]: ...
    def cameras(self) -> list[CameraStatus]: ...
    def origin(self, frame: Frame | DetectedFrame) -> Origin: ...
    def arrival(self, camera: str) -> Arrival | None: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a frame comes from. start: of its source's first frame, None for that of the first shown."""

    uri: str
    start: float | None


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera of a running run. expected: frames in all, where known. fps: processed a second of work.
    skipped: frames the detector was not given, for too little can have changed. wanted_fps: frames a second
    that are enough to tell that.

    Of live cameras only: received: frames decoded. latency_s: how long after it was filmed the newest
    result was there, None while there is none. reconnects: how often lost pictures came back. clock: whose
    the times are by, `camera` or `arrival`. damaged: packets and pictures that were. size: (width, height)
    of its pictures. decoder: such as `h264 by cuda`. clock_offset_s: how far its clock is ahead of ours, less
    its least delay; clock_drift_ppm: how much faster it runs; None where unknown. clock_jumps: how often it
    was set; clock_jumped_s: by how much the last time. recording: off, on, or why no footage is
    kept just now; not_recorded: packets the disk was too slow for.
    """

    name: str
    state: str
    frames: int = 0
    expected: int | None = None
    skipped: int = 0
    wanted_fps: float = math.inf
    dropped: int = 0
    fps: float = 0.0
    people: int = 0
    time: float | None = None
    problem: str = ""
    received: int = 0
    latency_s: float | None = None
    reconnects: int = 0
    clock: str = ""
    damaged: int = 0
    size: tuple[int, int] | None = None
    decoder: str = ""
    clock_offset_s: float | None = None
    clock_drift_ppm: float | None = None
    clock_jumps: int = 0
    clock_jumped_s: float = 0.0
    recording: str = ""
    not_recorded: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """A run so far. done: 0..1, or None where no end is known. stages: seconds spent in each stage.

    queued: tasks the recorder has yet to do. troubles: what is wrong with the run itself just now, a sentence
    each: what is found can't be written, a helper of its failed and is begun again.
    """

    elapsed_s: float
    identities: int
    cameras: tuple[CameraStatus, ...]
    done: float | None
    stages: Mapping[str, float]
    queued: int = 0
    troubles: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        return sum(camera.frames for camera in self.cameras)

    @property
    def fps(self) -> float:
        return self.frames / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(slots=True)
class _Camera:
    """One camera's stages, and what has gone through them. people: those shown last."""

    tracker: CameraTracker
    plan: Plan
    size: tuple[int, int] = (0, 0)
    origin: Origin | None = None
    first: int = 0
    frames: int = 0
    skipped: int = 0
    unkept: int = 0
    people: tuple[Person, ...] = ()
    time: float | None = None
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Begun:
    """When (monotonic seconds) a round began, and what each stage had taken until then."""

    at: float
    stages: Mapping[str, float]


@dataclass(slots=True)
class Line:
    """Frames -> results and history. Holds every stage, and the state that lasts from round to round.

    Frames whose people were detected elsewhere pass by the detector and the embedder, and leave no pictures.
    Of other frames only those go through the line that the camera's plan has the detector see; on the others
    people are shown where they are expected, and recorded, later, between where they were found.

    batch: how many frames the detector is given at once where rounds can be had ahead (files).
    live: whether frames come as they are filmed, so that their latency means something. helpers: each says
    what is wrong with one of those who work beside the line, "" where nothing is. between: is called between
    two rounds, when the associator may be changed. ignored: by camera, regions in which nobody is looked for.
    """

    feed: Feed
    detector: Detect
    embedder: Embed
    cut: Callable[[Image, Floats], list[Image]]
    new_tracker: Callable[[str], CameraTracker]
    associator: Associator
    record: Record
    new_plan: Callable[[], Plan] = EveryFrame
    batch: int = 1
    live: bool = False
    helpers: Sequence[Callable[[], str]] = ()
    between: Callable[[Associator], None] | None = None
    ignored: Mapping[str, Sequence[Polygon]] = field(default_factory=dict)
    watch: Stopwatch = field(default_factory=Stopwatch)
    _cameras: dict[str, _Camera] = field(default_factory=dict)
    _between: Between = field(default_factory=Between)
    _note: Callable[[Sighting], None] | None = None
    _passed: Callable[[Passage], None] | None = None
    _round: _Begun = field(default_factory=lambda: _Begun(0.0, {}))

    def run(
        self,
        *,
        view: View,
        stop: threading.Event,
        note: Callable[[Sighting], None] | None = None,
        passed: Callable[[Passage], None] | None = None,
    ) -> Status:
        """Runs to the end of the feed, or until ``stop``; what was begun is finished and recorded.

        note: is told every sighting that is recorded, each time more is known of it. passed: is told of every
        live frame that is on disk, from the recorder's thread. Both must return quickly.
        """
        self.watch, self._note, self._passed = Stopwatch(), note, passed
        for rounds in self._batches(stop):
            if self.between is not None:
                self.between(self.associator)
            if self.live and self.record.full:
                rounds = [self._unkept(frames) for frames in rounds]
            self._round = _Begun(time.monotonic(), dict(self.watch.stages))
            with self.watch.stage("gate"):
                parts = [[self._due(frame) for frame in frames] for frames in rounds]
            seen = [
                [(frame, part) for frame, part in zip(frames, some, strict=True) if part is not None]
                for frames, some in zip(rounds, parts, strict=True)
            ]
            with self.watch.stage("detect"):
                found = self._detect([one for some in seen for one in some])
            for frames, those in zip(rounds, seen, strict=True):
                results = self._think(frames, [frame for frame, _ in those], [next(found) for _ in those])
                with self.watch.stage("show"):
                    view.show(results, self.status())
        self._keep(self.associator.finish())
        self.record.check()
        status = self.status()
        view.show([], status)
        return status

    def leave(self, camera: str) -> None:
        """The camera is gone for good: who was on it is recorded. To be called between two rounds."""
        self._keep(self.associator.leave(camera))
        self._cameras.pop(camera, None)
        self._between.leave(camera)

    def _batches(self, stop: threading.Event) -> Iterator[list[Round]]:
        """Rounds grouped until a batch of frames is full, or there is nothing to wait for."""
        held: list[Round] = []
        for frames in self.watch.timed("decode", self.feed.rounds(stop)):
            if stop.is_set():
                return
            held.append(frames)
            if not frames or sum(map(len, held)) >= self.batch:
                yield held
                held = []
        if held:
            yield held

    def _detect(self, seen: Sequence[tuple[Frame | DetectedFrame, Part]]) -> Iterator[Detections]:
        """One Detections a frame, in order; those made elsewhere come without their embeddings, for now."""
        real = [(frame, part) for frame, part in seen if isinstance(frame, Frame)]
        images, parts = [frame.image for frame, _ in real], [part for _, part in real]
        found = self.detector.detect(images, parts) if real else []
        kept = iter([self._outside(f, people) for (f, _), people in zip(real, found, strict=True)])
        return iter(
            [next(kept) if isinstance(f, Frame) else replace(f.detections, embeddings=None) for f, _ in seen]
        )

    def _outside(self, frame: Frame, found: Detections) -> Detections:
        """Without those in regions of the camera in which nobody is looked for."""
        width, height = frame.size
        return outside(found, self.ignored.get(frame.camera, ()), width=width, height=height)

    def _unkept(self, frames: Round) -> Round:
        """What these show could be kept nowhere: they count as dropped. A live run goes on without them."""
        for frame in frames:
            self._camera(frame.camera).unkept += 1
        return []

    def _due(self, frame: Frame | DetectedFrame) -> Part | None:
        """What of it goes through the line, if anything; to be asked once of each."""
        camera = self._camera(frame.camera)
        self._between.frame(frame.camera, frame.index, frame.time)
        if isinstance(frame, DetectedFrame):
            return WHOLE

        def people() -> Floats:
            size: Floats = np.array(frame.size * 2, np.float32)
            boxes = [box / size for box in camera.tracker.expected(frame.time).values()]
            return np.array(boxes, np.float32).reshape(-1, 4)

        return camera.plan.due(frame.time, lambda: frame.grey, people)

    def _think(self, frames: Round, those: Round, found: list[Detections]) -> list[Result]:
        """One round through embed, track, associate and record. those: of the frames, with what was found."""
        if not frames:
            self.record.check()
            return []
        self._announce(frames)
        changes = self._follow(those, found) if those else Changes()
        for frame in frames:
            self._show(frame, changes)
        told = {frame.camera for frame in those}
        with self.watch.stage("store"):
            for frame in frames:
                commit = self._on_commit(frame) if frame.camera in told else None
                count = frame.index + 1 - self._cameras[frame.camera].first
                self.record.frames(frame.camera, count, frame.time, on_commit=commit)
            self.record.check()
        return [Result(frame, self._cameras[frame.camera].people) for frame in frames]

    def _follow(self, frames: Round, found: list[Detections]) -> Changes:
        """The frames that the detector saw, through all that follows."""
        with self.watch.stage("track"):
            wanted = [
                self._camera(f.camera).tracker.ask(f.time, d) for f, d in zip(frames, found, strict=True)
            ]
        with self.watch.stage("embed"):
            found = self._embed(frames, found, wanted)
        with self.watch.stage("track"):
            seen = [self._track(f, d) for f, d in zip(frames, found, strict=True)]
        with self.watch.stage("associate"):
            changes = self.associator.update(seen)
        with self.watch.stage("store"):
            self._keep(changes)
            self._keep_pictures(frames, seen, changes)
        return changes

    def _camera(self, name: str) -> _Camera:
        if name not in self._cameras:
            self._cameras[name] = _Camera(self.new_tracker(name), self.new_plan())
        return self._cameras[name]

    def _announce(self, frames: Round) -> None:
        """Tells the record of a camera's footage when it begins, when another file does, or another size."""
        for frame in frames:
            tally = self._camera(frame.camera)
            origin = self.feed.origin(frame)
            if tally.size == frame.size and tally.origin == origin:
                continue
            if tally.origin not in (None, origin):
                tally.first = frame.index
            tally.origin = origin
            start = frame.time if origin.start is None else origin.start
            width, height = frame.size
            self.record.footage(frame.camera, uri=origin.uri, start=start, width=width, height=height)
            tally.size = frame.size

    def _embed(
        self, frames: Round, found: list[Detections], wanted: list[NDArray[np.bool_]]
    ) -> list[Detections]:
        """The round's wanted crops as one batch; rows that were not wanted are NaN."""
        crops = [
            self.cut(f.image, d.boxes[rows])
            for f, d, rows in zip(frames, found, wanted, strict=True)
            if isinstance(f, Frame)
        ]
        vectors = self.embedder.embed([crop for some in crops for crop in some])
        parts = iter(np.split(vectors, np.cumsum([len(some) for some in crops])))
        filled = []
        for f, d, rows in zip(frames, found, wanted, strict=True):
            columns = np.full((len(d), self.embedder.dimension), np.nan, np.float32)
            columns[rows] = next(parts) if isinstance(f, Frame) else _brought(f)[rows]
            filled.append(d.with_embeddings(columns))
        return filled

    def _track(self, frame: Frame | DetectedFrame, detections: Detections) -> Seen:
        width, height = frame.size
        update = self._camera(frame.camera).tracker.update(frame.time, detections)
        return Seen(
            camera=frame.camera,
            frame=frame.index,
            time=frame.time,
            width=width,
            height=height,
            detections=detections,
            tracks=update.tracks,
            ended=update.ended,
        )

    def _keep(self, changes: Changes) -> None:
        for sighting in changes.sightings:
            self._between.sighting(sighting)
            self.record.sighting(sighting)
            if self._note is not None:
                self._note(sighting)
        for number, last in changes.points:
            for point in self._between.filled(number, last):
                self.record.point(number, point)

    def _keep_pictures(self, frames: Round, seen: Sequence[Seen], changes: Changes) -> None:
        for frame, view in zip(frames, seen, strict=True):
            for kept in changes.kept.get(frame.camera, ()):
                picture = Portrait(
                    frame.time, kept.quality, kept.embedding, self._crop(frame, view, kept.row)
                )
                self.record.portrait(kept.sighting, picture)

    def _crop(self, frame: Frame | DetectedFrame, view: Seen, row: int) -> Image | None:
        if isinstance(frame, DetectedFrame):
            return None
        return self.cut(frame.image, view.detections.boxes[row : row + 1])[0].copy()

    def _on_commit(self, frame: Frame | DetectedFrame) -> Callable[[float], None] | None:
        """What is to be called with the moment (monotonic seconds) of the frame's commit, if anything."""
        arrival, passed = self.feed.arrival(frame.camera), self._passed
        if passed is None or arrival is None:
            return None
        begun, now = self._round, time.monotonic()
        parts = {"way": arrival.received - frame.time, "decode": arrival.decode_s}
        parts["wait"] = begun.at - arrival.ready
        for stage in ("detect", "embed", "track", "associate"):
            parts[stage] = self.watch.stages.get(stage, 0.0) - begun.stages.get(stage, 0.0)
        parts["store"] = now - arrival.ready - sum(list(parts.values())[2:])

        # Of the frame not its picture: where the history is locked, this waits for minutes.
        told = frame.camera, frame.index, frame.time

        def tell(at: float) -> None:
            passed(Passage(*told, {**parts, "commit": at - now}))

        return tell

    def _show(self, frame: Frame | DetectedFrame, changes: Changes) -> None:
        """Who is in the frame: as found, or in one the detector did not see, as expected."""
        camera = self._cameras[frame.camera]
        seen = frame.camera in changes.people
        if seen:
            camera.people = changes.people[frame.camera]
        elif camera.people:
            boxes = camera.tracker.expected(frame.time)
            camera.people = tuple(_moved(person, frame.time, boxes) for person in camera.people)
        camera.skipped += not seen
        camera.frames += 1
        camera.time = frame.time
        camera.latency_s = time.time() - frame.time if self.live else None

    def status(self) -> Status:
        elapsed = self.watch.elapsed_s
        cameras = tuple(self._camera_status(camera, elapsed) for camera in self.feed.cameras())
        expected = [camera.expected for camera in cameras]
        done = None
        if expected and all(expected):
            whole = sum(count or 0 for count in expected)
            done = min(1.0, sum(camera.frames for camera in cameras) / whole)
        stages = dict(self.watch.stages)
        troubles = tuple(filter(None, (self.record.trouble, *(look() for look in self.helpers))))
        return Status(
            elapsed, self.associator.identities, cameras, done, stages, self.record.queued, troubles
        )

    def _camera_status(self, camera: CameraStatus, elapsed: float) -> CameraStatus:
        tally = self._cameras.get(camera.name)
        if tally is None:
            return camera
        away = self.live and camera.state != "playing"
        return replace(
            camera,
            frames=tally.frames,
            skipped=tally.skipped,
            wanted_fps=tally.plan.wanted_fps,
            dropped=camera.dropped + tally.unkept,
            fps=tally.frames / elapsed if elapsed > 0 else 0.0,
            people=0 if away else len(tally.people),
            time=tally.time,
            latency_s=None if away else tally.latency_s,
        )


def _moved(person: Person, time: float, boxes: Mapping[int, Floats]) -> Person:
    """The person at a later time, where the track is expected to be."""
    track = person.track
    return replace(person, track=replace(track, time=time, box=boxes.get(track.number, track.box)))


def _brought(frame: DetectedFrame) -> Floats:
    """The embeddings that came with the frame's detections, (N, D)."""
    assert frame.detections.embeddings is not None, "DetectedFrame sees to it"
    return frame.detections.embeddings
