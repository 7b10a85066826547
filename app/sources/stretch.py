"""Pictures for the player, decoded a little ahead in a thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from time import monotonic

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.sources.clocks import FileClock
from app.sources.ffmpeg import (
    Pictures,
    SourceError,
    best_video,
    frames_per_s,
    open_file,
    sample_aspect,
    seconds,
)
from tracker.types import Image

AHEAD = 6
"""Frames decoded before they are due: enough to hide a slow key frame, little enough to hold in memory."""
NEAR_S = 20.0
"""A stretch that begins this early in its file is decoded up to, a later one is sought."""
DEFAULT_FPS = 25.0
EVEN_S = 1e-6
"""Times that differ by less are one, told twice."""
LATE_S = 0.1
"""Of pictures that are late already, one is made this often."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a stretch: (H, W, 3) BGR, at a time."""

    time: float
    image: Image


@dataclass(frozen=True, slots=True)
class Piece:
    """A video file that shows a camera from ``begin`` to ``end``; its own first frame is of ``start``."""

    path: Path
    start: float
    begin: float
    end: float


def reel(
    pieces: Sequence[Piece],
    *,
    begin: float,
    now: Callable[[], float],
    stop: threading.Event,
) -> Generator[Shot]:
    """The pictures of a camera from the one on the screen at ``begin`` on, file after file.

    now: the time that is shown meanwhile; what lies behind it is passed over, as far as that helps. Raises
    SourceError where the first file can't be read; later ones that can't are left out.
    """
    rest = [piece for piece in pieces if piece.end > begin]
    for number, piece in enumerate(rest):
        until = rest[number + 1].begin if number + 1 < len(rest) else float("inf")
        try:
            yield from stretch(
                piece.path, start=piece.start, begin=max(begin, piece.begin), end=until, now=now, stop=stop
            )
        except SourceError:
            if not number:
                raise


def stretch(
    path: Path,
    *,
    start: float,
    begin: float,
    end: float,
    stop: threading.Event,
    now: Callable[[], float] = lambda: float("-inf"),
) -> Generator[Shot]:
    """The pictures of a video file from the one on the screen at ``begin`` to ``end``, with the times that
    they had in the run.

    start: the time of the file's first frame. Ends early once ``stop`` is set. now: of pictures before it
    only some are made. Raises SourceError where there is no such file, or it is no video.
    """
    with open_file(path) as container:
        stream = best_video(container)
        if stream is None:
            raise SourceError(f"{path}: has no picture stream that can be decoded; give a video file.")
        pictures, held, made = Pictures(), None, float("-inf")
        for frame, time in _timed(container, stream, start=start, begin=begin):
            if stop.is_set():
                return
            if time <= begin + EVEN_S:
                held = frame, time
                continue
            if held is not None:
                yield Shot(held[1], pictures.image(held[0], aspect=sample_aspect(stream)))
                held = None
            if time > end:
                return
            if time >= now() or monotonic() - made >= LATE_S:
                yield Shot(time, pictures.image(frame, aspect=sample_aspect(stream)))
                made = monotonic()
        if held is not None:
            yield Shot(held[1], pictures.image(held[0], aspect=sample_aspect(stream)))


def _timed(
    container: InputContainer, stream: VideoStream, *, start: float, begin: float
) -> Iterator[tuple[VideoFrame, float]]:
    """Frames with their times, from the beginning, or from the last key frame before ``begin``."""
    frames = _frames(container, stream)
    first = next(frames, None)
    if first is None:
        return
    origin = seconds(first, stream)
    if origin is None or stream.time_base is None or begin - start < NEAR_S:
        fps = frames_per_s(container, stream) or DEFAULT_FPS
        clock = FileClock[VideoFrame](start=start, step_s=1 / fps)
        for frame in chain([first], frames):
            yield from clock.take(frame, seconds(frame, stream))
        yield from clock.rest()
        return
    container.seek(round((origin + begin - start) / stream.time_base), stream=stream)
    for frame in _frames(container, stream):
        shown = seconds(frame, stream)
        if shown is not None:
            yield frame, start + shown - origin


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """What can be decoded from where the container stands; damaged packets are passed over."""
    for packet in container.demux(stream):
        try:
            yield from stream.codec_context.decode(packet)
        except av.FFmpegError:
            continue


class Stream:
    """The pictures that ``shots(stop)`` yields, taken one by one without ever waiting.

    ``shots`` is called in the pool's thread; it looks at ``stop`` wherever it takes long.
    """

    def __init__(self, pool: ThreadPoolExecutor, shots: Callable[[threading.Event], Generator[Shot]]) -> None:
        self._ready: deque[Shot] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._future: Future[None] = pool.submit(self._decode, shots)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to take."""
        return self._future.done() and not self._ready

    @property
    def error(self) -> BaseException | None:
        """Why the decoding ended early, if it did."""
        return self._future.exception() if self._future.done() and not self._future.cancelled() else None

    def peek(self) -> Shot | None:
        """The next picture, where it is decoded already."""
        return self._ready[0] if self._ready else None

    def take(self) -> Shot:
        """The next picture. Raises IndexError where ``peek`` has none."""
        with self._changed:
            shot = self._ready.popleft()
            self._changed.notify()
        return shot

    def close(self) -> None:
        """Ends the decoding; the thread is free again soon after."""
        self._stop.set()
        self._future.cancel()
        with self._changed:
            self._changed.notify()

    def _decode(self, shots: Callable[[threading.Event], Generator[Shot]]) -> None:
        with closing(shots(self._stop)) as decoded:
            for shot in decoded:
                with self._changed:
                    self._changed.wait_for(lambda: len(self._ready) < AHEAD or self._stop.is_set())
                    if self._stop.is_set():
                        return
                    self._ready.append(shot)
