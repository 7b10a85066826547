"""Where frames come from: video files and live cameras, each decoded by a thread of its own.

A file waits for whoever takes its frames and gives the same ones on every run. A live camera waits for
nobody: it keeps the newest frame and counts those it replaced.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.clocks import Backlog, FileClock, LiveClock, Stamp
from app.stream import (
    Pictures,
    SourceError,
    SourceInfo,
    best_video,
    decode_in_this_thread,
    file_info,
    frames_per_s,
    interruptible,
    live_address,
    live_pictures,
    open_file,
    open_live,
    recorded_at,
    redact,
    seconds,
)
from tracker.types import Frame

__all__ = ["FileSource", "LiveSource", "SourceError", "SourceInfo", "redact"]

_Packet: TypeAlias = "Packet[VideoStream]"
State = Literal["connecting", "playing", "waiting", "ended"]

_DEFAULT_FPS = 25.0
_READ_ERRORS = 20  # how often a damaged file may stop its reader before the rest is given up
_NO_PICTURE_S = 60.0  # how long a camera may send packets of which none makes a picture


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


class LiveSource:
    """The newest frame of a live camera, which is connected to again and again for as long as it takes.

    uri: rtsp(s)://, http(s)://, rtmp(s)://, srt://, udp:// or a device such as /dev/video0. It counts as lost
    when it cannot be opened in open_timeout_s or nothing comes for read_timeout_s. The pauses between
    attempts double from retry_min_s to retry_max_s, less a random part of up to half (by seed).
    shown: what to show in its place where the uri holds secrets that only its owner can tell from the rest.

    state: connecting, playing, waiting (for the next attempt), ended (left). problem: the last trouble,
    a sentence without credentials, "" before any. clock: whose clock the times are by. decoded: frames so
    far; dropped: those nobody took in time; reconnects: how often lost pictures came back.
    wake is notified at each new frame and change of state.

    Raises SourceError for an address of an unknown kind. Trouble with the camera is never raised, but told
    by state and problem.
    """

    def __init__(
        self,
        *,
        camera: str,
        uri: str,
        shown: str = "",
        open_timeout_s: float = 10.0,
        read_timeout_s: float = 5.0,
        retry_min_s: float = 0.5,
        retry_max_s: float = 15.0,
        wake: threading.Condition | None = None,
        seed: int | None = None,
    ) -> None:
        self.camera = camera
        self.uri = redact(shown or uri)
        self.info: SourceInfo | None = None
        self.state: State = "connecting"
        self.problem = ""
        self.decoded = 0
        self.dropped = 0
        self.reconnects = 0
        self.wake = wake or threading.Condition()
        self._uri = live_address(uri, shown=self.uri)
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._retry_s = (retry_min_s, retry_max_s)
        self._random = random.Random(seed)
        self._times = LiveClock()
        self._pictures = Pictures()
        self._newest: Frame | None = None
        self._taking = threading.Lock()
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, f"decode {camera}")

    @property
    def clock(self) -> Literal["camera", "arrival"]:
        return self._times.source

    def __enter__(self) -> Self:
        self._work: Future[None] = self._thread.submit(self._run)
        self._work.add_done_callback(lambda _: self._notify())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.shutdown()
        self._change("ended")
        if error is None:
            self._work.result()

    def latest(self) -> Frame | None:
        """The newest frame nobody took yet, or None; never waits. Raises what broke the thread, if so."""
        if self._work.done():
            self._work.result()
        with self._taking:
            frame, self._newest = self._newest, None
        return frame

    def _run(self) -> None:
        failures = 0
        with interruptible(self._stop):
            while not self._stop.is_set():
                self._change("connecting")
                before = self.decoded
                problem = self._connect()
                failures = 0 if self.decoded > before else failures + 1
                if not self._stop.is_set():
                    self.problem = problem
                    self._change("waiting")
                    self._stop.wait(self._pause_s(failures))

    def _pause_s(self, failures: int) -> float:
        """Exponential back-off with jitter, lest all cameras of a restarted recorder come back at once."""
        shortest, longest = self._retry_s
        return min(longest, shortest * 2.0 ** min(failures, 32)) * self._random.uniform(0.5, 1.0)

    def _connect(self) -> str:
        """Plays until something ends it, and says what."""
        try:
            timeouts_s = {"open_timeout_s": self._open_timeout_s, "read_timeout_s": self._read_timeout_s}
            with open_live(self._uri, shown=self.uri, **timeouts_s) as container:
                stream = best_video(container)
                if stream is None:
                    return f"{self.uri} sends no video that can be decoded; check which stream it is."
                decode_in_this_thread(stream)
                return self._play(container, stream)
        except SourceError as error:
            return str(error)

    def _play(self, container: InputContainer, stream: VideoStream) -> str:
        self._times.connected()
        backlog = Backlog()
        shown = 0
        seen = time.monotonic()
        for pictures in live_pictures(container, stream, uri=self.uri, read_timeout_s=self._read_timeout_s):
            for picture, stamp in pictures:
                if not backlog.holds(stamp) and self._show(picture, stamp, stream, first=not shown):
                    shown, seen = shown + 1, time.monotonic()
            if self._stop.is_set():
                break
            if time.monotonic() - seen > _NO_PICTURE_S:
                return f"{self.uri} sends nothing that can be decoded; check the camera's encoding."
        return f"{self.uri} ended the stream; check that the camera or server still has it."

    def _show(self, picture: VideoFrame, stamp: Stamp, stream: VideoStream, *, first: bool) -> bool:
        try:
            image = self._pictures.image(picture)
        except av.FFmpegError:
            return False
        frame = Frame(self.camera, self.decoded, self._times.time(stamp), image)
        if first:
            self._began(frame, fps=float(stream.average_rate or 0))
        with self._taking:
            self.dropped += self._newest is not None
            self.decoded += 1
            self._newest = frame
        self._notify()
        return True

    def _began(self, frame: Frame, *, fps: float) -> None:
        self.reconnects += self.decoded > 0
        height, width = frame.image.shape[:2]
        self.info = SourceInfo(
            uri=self.uri,
            width=width,
            height=height,
            fps=fps,
            start=frame.time if self.info is None else self.info.start,
            start_known=True,
            frames=None,
            duration_s=None,
            live=True,
        )
        self._change("playing")

    def _change(self, state: State) -> None:
        self.state = state
        self._notify()

    def _notify(self) -> None:
        with self.wake:
            self.wake.notify_all()
