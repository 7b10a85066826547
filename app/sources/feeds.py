"""Sources -> rounds: files in step by their times, live cameras as they come."""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.passage import Arrival
from app.pipeline import CameraStatus, Origin, Round
from app.sources.live import LiveSource
from app.sources.stored import StoredSource
from tracker.types import DetectedFrame, Frame

POLL_S = 0.2
"""How long a live run waits for a frame before it looks whether it should stop."""

EMPTY_EVERY_S = 1.0
"""How often a live run gives an empty round while no camera has a frame: so that its state is still told."""


@dataclass(frozen=True, slots=True)
class FileCamera:
    """A file on the common clock. shift_s is added to its times. after: the frames up to then (epoch seconds)
    are known already, and left out.
    """

    source: StoredSource
    shift_s: float = 0.0
    after: float = -math.inf

    @property
    def start(self) -> float:
        return self.source.info.start + self.shift_s

    @property
    def until(self) -> float:
        """Epoch seconds after the last frame; where the length is unknown, of the first."""
        return self.start + (self.source.info.duration_s or 0.0)

    def frames(self) -> Iterator[Frame | DetectedFrame]:
        for frame in self.source:
            if frame.time + self.shift_s > self.after:
                yield replace(frame, time=frame.time + self.shift_s)


class FileFeed:
    """Files in step: each waits for the others, so every run sees the same rounds."""

    def __init__(self, cameras: Sequence[FileCamera]) -> None:
        self.files = cameras
        self._order = {camera.source.camera: n for n, camera in enumerate(cameras)}
        self._ended: set[str] = set()
        self._first: dict[str, int] = {}

    def rounds(self, stop: threading.Event) -> Iterator[Round]:
        """Frames in order of time, a new round wherever a camera would come twice."""
        merged = heapq.merge(
            *(self._watched(camera) for camera in self.files),
            key=lambda frame: (frame.time, self._order[frame.camera]),
        )
        held: Round = []
        for frame in merged:
            if stop.is_set():
                return
            if any(frame.camera == other.camera for other in held):
                yield held
                held = []
            held.append(frame)
        if held:
            yield held

    def _watched(self, camera: FileCamera) -> Iterator[Frame | DetectedFrame]:
        for frame in camera.frames():
            self._first.setdefault(frame.camera, frame.index)
            yield frame
        self._ended.add(camera.source.camera)

    def cameras(self) -> list[CameraStatus]:
        return [self._status(camera.source) for camera in self.files]

    def _status(self, source: StoredSource) -> CameraStatus:
        ended = source.camera in self._ended
        frames = source.decoded if ended else source.info.frames
        return CameraStatus(
            name=source.camera,
            state="ended" if ended else "playing",
            expected=None if frames is None else max(frames - self._first.get(source.camera, 0), 0),
            problem=_problem(source),
        )

    def origin(self, frame: Frame | DetectedFrame) -> Origin:
        file = self.files[self._order[frame.camera]]
        origin = file.source.origin(frame.index)
        return replace(origin, start=(origin.start or 0.0) + file.shift_s)

    def arrival(self, camera: str) -> Arrival | None:
        return None


def _problem(source: StoredSource) -> str:
    """What is missing of a file, in a few words; "" where nothing is."""
    words = list(source.info.doubts)
    if source.damaged:
        words.append(f"{source.damaged} damaged")
    if source.odd:
        words.append(
            f"{source.odd} wrong timestamps left out" if source.odd > 1 else "a wrong timestamp left out"
        )
    words += [f"a gap of {gap_s:.1f} s" for gap_s in source.gaps_s[:3]]
    words += source.lost[:3]
    return ", ".join(words)


class LiveFeed:
    """Live cameras: a round is the newest frame of every camera that has one; now and then an empty one.

    Where the machine can't keep up, a round holds only as many frames as half of max_latency_s is enough for,
    of the cameras that have waited longest: the frames of fast cameras are dropped first, and those that are
    equally fast take turns. A frame then waits for a round at most, and is thought about for one; one whose
    result would come later than max_latency_s after it arrived is dropped.
    """

    def __init__(
        self,
        sources: Sequence[LiveSource],
        *,
        wake: threading.Condition,
        offsets: dict[str, float],
        max_latency_s: float = 1.0,
    ) -> None:
        self.sources = {source.camera: source for source in sources}
        self._wake = wake
        self._offsets = dict(offsets)
        self._max_latency_s = max_latency_s
        self._frame_s = 0.0  # what a frame costs the line, lately
        self._turns = dict.fromkeys(self.sources, 0)
        self._turn = 0

    def add(self, source: LiveSource, *, offset_s: float) -> None:
        """One camera more, from the next round on."""
        self._offsets[source.camera] = offset_s
        self._turns[source.camera] = self._turn
        self.sources[source.camera] = source

    def remove(self, camera: str) -> LiveSource:
        """The camera's frames are no longer taken; its source, which is still to be left."""
        self._offsets.pop(camera, None)
        self._turns.pop(camera, None)
        return self.sources.pop(camera)

    def rounds(self, stop: threading.Event) -> Iterator[Round]:
        """Ends only when ``stop`` is set."""
        given = time.monotonic()
        while not stop.is_set():
            frames = self._wait()
            if frames or time.monotonic() - given >= EMPTY_EVERY_S:
                given = time.monotonic()
                yield sorted(frames, key=lambda frame: frame.time)
                self._note_cost(time.monotonic() - given, len(frames))

    def _wait(self) -> Round:
        """The newest frames, waited for a moment where there are none."""
        with self._wake:  # held from looking to waiting, so that no frame comes unnoticed between them
            frames = self._look()
            if not frames:
                self._wake.wait(POLL_S)
        return frames or self._look()

    def _note_cost(self, took_s: float, frames: int) -> None:
        if frames:
            cost_s = took_s / frames
            self._frame_s = cost_s if not self._frame_s else self._frame_s + 0.2 * (cost_s - self._frame_s)

    @property
    def most(self) -> int:
        """How many frames a round may hold for its results to be there in time; 1 at least."""
        if not self._frame_s:
            return len(self.sources)
        return max(1, int(self._max_latency_s / 2 / self._frame_s))

    @property
    def patience_s(self) -> float:
        """How old a frame may be whose result is to be there in time, after a round; half of it at least."""
        round_s = self._frame_s * min(self.most, len(self.sources))
        return max(self._max_latency_s - round_s, self._max_latency_s / 2)

    def _look(self) -> Round:
        frames: Round = []
        for source in sorted(self.sources.values(), key=lambda s: self._turns[s.camera]):
            frame = self._newest(source) if len(frames) < self.most else None
            if frame is not None:
                self._turn += 1
                self._turns[source.camera] = self._turn
                frames.append(frame)
        return frames

    def _newest(self, source: LiveSource) -> Frame | None:
        frame = source.latest(max_age_s=self.patience_s)
        if frame is None:
            return None
        return replace(frame, time=frame.time - self._offsets.get(source.camera, 0.0))

    def cameras(self) -> list[CameraStatus]:
        return [
            CameraStatus(
                name=s.camera,
                state=s.state,
                dropped=s.dropped,
                problem=s.problem,
                received=s.decoded,
                reconnects=s.reconnects,
                clock=s.clock,
                damaged=s.damaged,
                size=None if s.info is None else (s.info.width, s.info.height),
                decoder=s.decoder,
                clock_offset_s=s.times.offset_s,
                clock_drift_ppm=s.times.drift_ppm,
                clock_jumps=s.times.jumps,
                clock_jumped_s=s.times.jumped_s,
                recording="off" if s.recorder is None else s.recorder.problem or "on",
                not_recorded=0 if s.recorder is None else s.recorder.dropped,
            )
            for s in self.sources.values()
        ]

    def origin(self, frame: Frame | DetectedFrame) -> Origin:
        info = self.sources[frame.camera].info
        return Origin(info.uri if info is not None else "", None)

    def arrival(self, camera: str) -> Arrival | None:
        return self.sources[camera].arrival
