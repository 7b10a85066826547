"""Video files, each decoded by a thread of its own.

One waits for whoever takes its frames, and gives the same ones on every run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.pipeline import Origin
from app.sources.clocks import FileClock
from app.sources.ffmpeg import (
    Pictures,
    SourceError,
    SourceInfo,
    best_video,
    decode_in_this_thread,
    duration_s,
    expect_size,
    file_info,
    frames_per_s,
    open_file,
    promised,
    sample_aspect,
    seconds,
    seconds_late,
    words_of,
)
from app.sources.names import shown, uri_of
from app.sources.starts import Creation, Start, start_by_metadata, start_by_name
from app.sources.taken import MAX_PIXELS
from tracker.types import Frame

_Packet: TypeAlias = "Packet[VideoStream]"

LOST_FRAMES = 2
"""How many frames fewer than a container promises are no cause for alarm: many count wrongly by one."""

_DEFAULT_FPS = 25.0
_READ_ERRORS = 20  # how often a damaged file may stop its reader before the rest is given up


@dataclass(frozen=True, slots=True)
class Look:
    """What a file says of itself, before anything of it is decoded. start: of its first picture."""

    path: Path
    start: Start | None
    lasts_s: float
    frames: int


def look_at(path: Path, *, creation: Creation = "auto", fps: float | None = None) -> Look:
    """Raises SourceError where there is no video."""
    with open_file(path) as container:
        stream = best_video(container)
        if stream is None:
            raise SourceError(f"{shown(path)}: has no pictures that can be decoded; give a video file.")
        lasts_s = duration_s(container, stream)
        rate = fps or frames_per_s(container, stream) or _DEFAULT_FPS
        if fps and stream.frames:
            lasts_s = stream.frames / fps
        told = start_by_metadata(words_of(container, stream), lasts_s=lasts_s, creation=creation)
        told = told or start_by_name(path)
        late = seconds_late(container, stream)
        start = told and replace(told, time=told.time + late)
        return Look(path, start, lasts_s or 0.0, promised(stream, lasts_s, rate) or 0)


class FrameQueue:
    """Frames on their way from the decoding thread to the one that takes them; `put` waits for room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self.closed = False

    def put(self, frame: Frame) -> bool:
        """Waits for room; False where nobody will take the frame any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or len(self._frames) < self._size)
            if not self.closed:
                self._frames.append(frame)
                self._changed.notify_all()
            return not self.closed

    def get(self) -> Frame | None:
        """The next frame, waited for; None after the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._finished)
            frame = self._frames.popleft() if self._frames else None
            self._changed.notify_all()
            return frame

    def wait(self) -> None:
        """Until there is a frame, or will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._finished)

    def finish(self) -> None:
        """No more frames will be put."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def close(self) -> None:
        """No more frames will be taken."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()


class FileSource:
    """The frames of a video file, in the order and with the times they are shown.

    start: epoch seconds of the first frame, None to take it from the file. fps: frames a second, None to go
    by the file's timestamps. creation: what the file's creation time is the time of. max_pixels: of a
    picture.

    Entering opens the file and decodes its first frame; `info` is known from then on. `decoded` counts
    frames, `damaged` packets that could not be read or decoded and frames decoded only in part, `odd` wrong
    timestamps, `gaps_s` the steps ahead in them; `lost` says at the end where there are fewer than promised.

    Raises SourceError on entering a file that is no video, and from the iteration where reading fails.
    """

    info: SourceInfo

    def __init__(
        self,
        *,
        camera: str,
        path: Path,
        start: float | None = None,
        fps: float | None = None,
        creation: Creation = "auto",
        max_pixels: float = MAX_PIXELS,
        buffer: int = 8,
    ) -> None:
        self.camera = camera
        self.decoded = 0
        self.damaged = 0
        self._path = path
        self._start = start
        self._fps = fps
        self._creation: Creation = creation
        self._max_pixels = max_pixels
        self._clock: FileClock[VideoFrame] | None = None
        self._begun: Start | None = None
        self._last = 0.0
        self.lost: tuple[str, ...] = ()
        self._queue = FrameQueue(buffer)
        self._pictures = Pictures()
        self._thread = ThreadPoolExecutor(1, f"decode {camera}")

    @property
    def odd(self) -> int:
        return 0 if self._clock is None else self._clock.odd

    @property
    def gaps_s(self) -> tuple[float, ...]:
        return () if self._clock is None else tuple(self._clock.gaps_s)

    def origin(self, index: int) -> Origin:
        """Where the frame of that index comes from."""
        return Origin(uri_of(self._path), self.info.start)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self._close)
            self._work: Future[None] = self._thread.submit(self._decode)
            self._work.add_done_callback(lambda _: self._queue.finish())
            self._queue.wait()
            if not self.decoded:
                self._work.result()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._queue.get()) is not None:
            yield frame
        self._work.result()

    def _close(self) -> None:
        self._queue.close()
        self._thread.shutdown()

    def _decode(self) -> None:
        with open_file(self._path) as container:
            stream = best_video(container)
            if stream is None:
                raise SourceError(
                    f"{shown(self._path)}: has no pictures that can be decoded; give a video file."
                )
            expect_size(shown(self._path), stream, self._max_pixels)
            decode_in_this_thread(stream, max_pixels=self._max_pixels)
            self._play(container, stream)
        if not self.decoded and not self._queue.closed:
            raise SourceError(
                f"{shown(self._path)}: no picture in it can be decoded; copy or record it again."
            )

    def _play(self, container: InputContainer, stream: VideoStream) -> None:
        told_fps = self._fps or frames_per_s(container, stream)
        fps = told_fps or _DEFAULT_FPS
        doubts = () if told_fps else (f"{fps:g} frames a second are assumed, for nothing tells how many",)
        for picture, moment in self._dated(container, stream, fps):
            try:
                seen = self._pictures.picture(picture, aspect=sample_aspect(stream))
            except (av.FFmpegError, MemoryError):
                self.damaged += 1
                continue
            frame = Frame(self.camera, self.decoded, moment, seen)
            if not self.decoded:
                by = "" if self._begun is None else self._begun.by
                self.info = file_info(
                    self._path, container, stream, frame, fps=fps, start_by=by, doubts=doubts
                )
            self.decoded += 1
            self._last = moment
            if not self._queue.put(frame):
                return
        if self.decoded:
            self._tell_loss()

    def _tell_loss(self) -> None:
        """Fewer frames than promised, and they end earlier; where they do not, frames were never there."""
        promised, lasts_s = self.info.frames, self.info.duration_s
        if promised is None or self.odd or self.decoded >= promised - LOST_FRAMES:
            return  # where stamps are wrong, so is the length
        shown_s = self._last - self.info.start
        step_s = max(shown_s / self.decoded, 1 / self.info.fps)
        if lasts_s is None or shown_s + (1 + LOST_FRAMES) * step_s < lasts_s:
            self.lost = (f"ends after {self.decoded} of {promised} frames",)

    def _begins(self, container: InputContainer, stream: VideoStream, first: VideoFrame) -> Start | None:
        """When the first picture was filmed."""
        if self._start is not None:
            return Start(self._start, "the settings")
        told = start_by_metadata(
            words_of(container, stream), lasts_s=duration_s(container, stream), creation=self._creation
        ) or start_by_name(self._path)
        return told and replace(told, time=told.time + seconds_late(container, stream, first))

    def _dated(
        self, container: InputContainer, stream: VideoStream, fps: float
    ) -> Iterator[tuple[VideoFrame, float]]:
        """Every frame with its time."""
        for picture in self._decoded(container, stream):
            if self._clock is None:
                begun = self._begun = self._begins(container, stream, picture)
                self._clock = FileClock(start=0.0 if begun is None else begun.time, step_s=1 / fps)
            yield from self._clock.take(picture, None if self._fps else seconds(picture, stream))
        if self._clock is not None:
            yield from self._clock.rest()

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Every frame that can be decoded, those still held by the decoder at the end included."""
        for packet in self._packets(container, stream):
            if self._queue.closed:
                return
            try:
                pictures = stream.codec_context.decode(packet)
            except (av.FFmpegError, MemoryError):
                self.damaged += 1
                continue
            self.damaged += sum(picture.is_corrupt for picture in pictures)
            yield from pictures

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[_Packet | None]:
        """The packets of the stream, then None, which empties the decoder."""
        for _ in range(_READ_ERRORS):
            try:
                # PyAV ends with an empty packet to empty the decoder, but not where reading failed.
                yield from (packet for packet in container.demux(stream) if packet.size)
                break
            except (av.error.InvalidDataError, IndexError):  # PyAV's, of a stream that turns up in the midst
                self.damaged += 1
            except av.FFmpegError as error:
                raise SourceError(
                    f"{shown(self._path)}: cannot be read further ({error.strerror}); it is damaged, or its "
                    "disk is."
                ) from None
        yield None
