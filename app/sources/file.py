"""Video files, each decoded by a thread of its own.

One waits for whoever takes its frames, and gives the same ones on every run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.sources.clocks import FileClock
from app.sources.ffmpeg import (
    Pictures,
    SourceError,
    SourceInfo,
    best_video,
    decode_in_this_thread,
    file_info,
    frames_per_s,
    open_file,
    recorded_at,
    seconds,
)
from tracker.types import Frame

_Packet: TypeAlias = "Packet[VideoStream]"

_DEFAULT_FPS = 25.0
_READ_ERRORS = 20  # how often a damaged file may stop its reader before the rest is given up


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

    Entering opens the file and decodes its first frame; `info` is known from then on. `decoded` counts
    frames, `damaged` packets that could not be read or decoded and frames decoded only in part.

    Raises SourceError on entering a file that is no video, and from the iteration where reading fails.
    """

    info: SourceInfo

    def __init__(self, *, camera: str, path: Path, start: float | None = None, buffer: int = 8) -> None:
        self.camera = camera
        self.decoded = 0
        self.damaged = 0
        self._path = path
        self._start = start
        self._queue = FrameQueue(buffer)
        self._pictures = Pictures()
        self._thread = ThreadPoolExecutor(1, f"decode {camera}")

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
                raise SourceError(f"{self._path}: has no pictures that can be decoded; give a video file.")
            decode_in_this_thread(stream)
            self._play(container, stream)
        if not self.decoded and not self._queue.closed:
            raise SourceError(f"{self._path}: no picture in it can be decoded; copy or record it again.")

    def _play(self, container: InputContainer, stream: VideoStream) -> None:
        start = self._start if self._start is not None else recorded_at(container, stream)
        clock = FileClock(start=start or 0.0, step_s=1 / (frames_per_s(stream) or _DEFAULT_FPS))
        for picture in self._decoded(container, stream):
            moment = clock.time(seconds(picture, stream))
            try:
                image = self._pictures.image(picture)
            except av.FFmpegError:
                self.damaged += 1
                continue
            frame = Frame(self.camera, self.decoded, moment, image)
            if not self.decoded:
                self.info = file_info(self._path, container, stream, frame, start_known=start is not None)
            self.decoded += 1
            if not self._queue.put(frame):
                return

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Every frame that can be decoded, those still held by the decoder at the end included."""
        for packet in self._packets(container, stream):
            if self._queue.closed:
                return
            try:
                pictures = stream.codec_context.decode(packet)
            except av.FFmpegError:
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
            except av.error.InvalidDataError:
                self.damaged += 1
            except av.error.OSError as error:
                raise SourceError(
                    f"{self._path}: cannot be read further ({error.strerror}); check the disk it is on."
                ) from None
        yield None
