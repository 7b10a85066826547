"""The line over two real streams, one of which is broken in many ways, and what both made of it.

People are painted, and found by their paint: everything but the two networks is the real thing. `hall` comes
through a FaultProxy, `yard` from a server of its own, so that what
happens to the one may not touch the other.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from fault_proxy import FaultProxy
from rtsp_server import RtspServer

from app.pipeline import CameraStatus, Line, Status
from app.sources.feeds import LiveFeed
from app.sources.live import LiveSource
from reid.preprocess import cut
from tracker.associator import Associator
from tracker.camera_tracker import CameraTracker
from tracker.gallery import Gallery
from tracker.types import Detections, Floats, Image, Part, Result

FPS = 25
PATIENCE_S = 30.0


def paint(moment_s: float, grey: int, size: tuple[int, int] = (640, 240)) -> Image:
    """Somebody in grey clothes who sways; the picture is never the same twice."""
    image = np.full((240, 640, 3), 90, np.uint8)
    left = round(280 + 40 * math.sin(moment_s))
    image[40:200, left : left + 64] = grey
    image[220:236, round(moment_s * 50) % 600 :][:, :16] = 120
    if size == (640, 240):
        return image
    rows = np.arange(size[1]) * 240 // size[1]
    columns = np.arange(size[0]) * 640 // size[0]
    return np.ascontiguousarray(image[rows][:, columns])


def write_people(
    path: Path, *, grey: int, seconds: float = 40.0, fps: int = FPS, still_s: float = 0.0
) -> Path:
    """A film of somebody, H.265 where the path ends in .h265.mp4.

    still_s: for how long, from its beginning, the picture is the same.
    """
    with av.open(str(path), "w") as container:
        stream = _stream(container, (640, 240), fps, h265=path.name.endswith(".h265.mp4"))
        for number in range(round(seconds * fps)):
            _add(container, stream, stream, paint(max(number / fps, still_s), grey), number)
        container.mux(stream.encode())
    return path


def write_resized(path: Path, *, grey: int, seconds: float, fps: int = FPS) -> Path:
    """An MPEG transport stream whose pictures are 640x240 in the first half, and 480x360 in the second."""
    with av.open(str(path), "w", format="mpegts") as container:
        stream = _stream(container, (640, 240), fps)
        with av.open("/dev/null", "w", format="mpegts") as other:
            second = _stream(other, (480, 360), fps)
            half = round(seconds * fps / 2)
            for number in range(2 * half):
                late = number >= half
                image = paint(number / fps, grey, (480, 360) if late else (640, 240))
                _add(container, stream, second if late else stream, image, number)
    return path


def _stream(container: Any, size: tuple[int, int], fps: int, *, h265: bool = False) -> Any:
    options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20"}
    options |= {"x265-params": "log-level=none"} if h265 else {"x264-params": "sliced-threads=0"}
    stream = container.add_stream("libx265" if h265 else "libx264", rate=fps, options=options)
    (stream.width, stream.height), stream.pix_fmt, stream.gop_size = size, "yuv420p", fps
    return stream


def _add(container: Any, stream: Any, encoder: Any, image: Image, number: int) -> None:
    frame = av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="yuv420p")
    frame.pts = number
    for packet in encoder.encode(frame):
        packet.stream = stream
        container.mux(packet)


class Eyes:
    """Finds the painted. cost_s: what a picture takes, on a machine that slow."""

    cost_s = 0.0

    def detect(self, images: Sequence[Image], parts: Sequence[Part] = ()) -> list[Detections]:
        time.sleep(self.cost_s * len(images))
        return [self._look(image) for image in images]

    def _look(self, image: Image) -> Detections:
        height = len(image)
        row = image[height // 2, :, 0].astype(int)
        boxes = []
        for there in (row < 60, row > 150):
            columns = np.flatnonzero(there)
            if len(columns) > image.shape[1] // 20:
                boxes.append((columns[0], height / 6, columns[-1] + 1, height * 5 / 6))
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


class Looks:
    dimension = 4

    def embed(self, crops: Sequence[Image]) -> Floats:
        rows = np.zeros((len(crops), 4), np.float32)
        for row, crop in zip(rows, crops, strict=True):
            row[int(crop[len(crop) // 2, crop.shape[1] // 2, 0] > 100)] = 1.0
        return rows


class Nothing:
    """A record that keeps nothing."""

    queued = 0
    trouble = ""
    full = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@dataclass(frozen=True, slots=True)
class Seen:
    """A result, and when (monotonic seconds) it was there."""

    at: float
    camera: str
    moment: float
    latency_s: float
    size: tuple[int, int]
    identities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """others_before_s, others_during_s: the 95th percentile of `yard`'s latency."""

    noticed_s: float
    recovered_s: float
    frames_lost: int
    ids_kept: bool
    others_before_s: float
    others_during_s: float
    others_gap_s: float
    said: str


class FaultRun:
    """A run of both cameras in a thread; it is told what happens by `show`."""

    def __init__(self, hall: Path, yard: Path, **settings: Any) -> None:
        self.seen: list[Seen] = []
        self.states: list[tuple[float, CameraStatus]] = []
        self.eyes = Eyes()
        self.server = RtspServer({"hall": hall})
        self._yard = RtspServer({"yard": yard})
        self._settings = {"open_timeout_s": 5.0, "max_latency_s": 1.0, **settings}
        self._stop = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(self.server)
            undo.enter_context(self._yard)
            self.proxy = undo.enter_context(FaultProxy(self.server.port))
            wake = threading.Condition()
            urls = {"hall": self.proxy.url("hall"), "yard": self._yard.url("yard")}
            sources = [
                undo.enter_context(LiveSource(camera=n, uri=uri, wake=wake, seed=1, **self._settings))
                for n, uri in urls.items()
            ]
            self.hall = sources[0]
            self.line = Line(
                feed=LiveFeed(sources, wake=wake, offsets={}),
                detector=self.eyes,
                embedder=Looks(),
                cut=cut,
                new_tracker=CameraTracker,
                associator=Associator(gallery=Gallery(dimension=4)),
                record=Nothing(),
                live=True,
            )
            thread = undo.enter_context(ThreadPoolExecutor(1, "line"))
            self._work = thread.submit(self.line.run, view=self, stop=self._stop)
            undo.callback(self._stop.set)
            self._stack = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self._stop.set()
            self._work.result()

    def show(self, results: Sequence[Result], status: Status) -> None:
        now = time.monotonic()
        for result in results:
            frame = result.frame
            ids = tuple(p.identity for p in result.people if p.identity is not None)
            size = frame.image.shape[1], frame.image.shape[0]
            self.seen.append(Seen(now, frame.camera, frame.time, time.time() - frame.time, size, ids))
        self.states.append((now, status.cameras[0]))

    def restarted(self, *, login: tuple[str, str] | None = None, film: Path | None = None) -> None:
        """Another server in the place of `hall`'s: one that wants a password, or shows another film."""
        self.server.login = login
        if film is not None:
            self.server.clips["hall"] = film
        self.server.restart()

    def of(self, camera: str, since: float = 0.0) -> list[Seen]:
        return [s for s in list(self.seen) if s.camera == camera and s.at >= since]

    def until(self, true: Callable[[], bool], patience_s: float = PATIENCE_S) -> float:
        """The moment it became true."""
        deadline = time.monotonic() + patience_s
        while not true():
            if self._work.done():
                self._work.result()
            if time.monotonic() >= deadline:
                raise AssertionError(f"in vain; hall is {self.hall.state}: {self.hall.problem}")
            time.sleep(0.02)
        return time.monotonic()

    def known(self, camera: str, since: float) -> set[int]:
        return {number for s in self.of(camera, since) for number in s.identities}

    def settle(self) -> None:
        """Until both people are known, and both cameras play."""
        since = time.monotonic()
        self.until(lambda: bool(self.known("hall", since)) and bool(self.known("yard", since)))

    def suffer(
        self,
        spoil: Callable[[], object],
        mend: Callable[[], object],
        *,
        noticed: Callable[[CameraStatus], bool] = lambda status: status.state != "playing",
        hold_s: float = 0.0,
        patience_s: float = PATIENCE_S,
    ) -> Outcome:
        """What a fault did that is mended once it was noticed, and hold_s have passed."""
        self.settle()
        before = time.monotonic()
        ids = self.known("hall", before - 1.0)
        spoil()
        self.until(
            lambda: any(noticed(status) for at, status in list(self.states) if at >= before), patience_s
        )
        notice = next(at for at, status in list(self.states) if at >= before and noticed(status))
        said = self.hall.problem
        time.sleep(hold_s)
        mend()
        mended = time.monotonic()
        self.until(lambda: bool(self.known("hall", mended)) and self.hall.state == "playing", patience_s)
        back = self.of("hall", mended)[0].at
        time.sleep(0.5)
        moments = [s.moment for s in self.of("hall", before - 0.5)]
        lost = sum(max(round((b - a) * FPS) - 1, 0) for a, b in itertools.pairwise(moments))
        others = [s.at for s in self.of("yard", before)]
        return Outcome(
            noticed_s=notice - before,
            recovered_s=back - mended,
            frames_lost=lost,
            ids_kept=self.known("hall", mended) == ids,
            others_before_s=percentile([s.latency_s for s in self.of("yard", before - 3) if s.at < before]),
            others_during_s=percentile([s.latency_s for s in self.of("yard", before)]),
            others_gap_s=float(np.diff(others).max()),
            said=said.replace(self.hall.uri, "it"),
        )


def percentile(values: Sequence[float], share: float = 95.0) -> float:
    return float(np.percentile(values, share)) if values else math.nan
