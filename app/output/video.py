"""Pictures with their times into an H.264 file."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from app.moments import is_dated
from app.output.place import OutputError, make_own
from tracker.types import Image

TIME_BASE = Fraction(1, 90_000)
"""The tick of the times written: that of RTP video, fine enough for every frame rate."""


class VideoWriter:
    """Writes BGR pictures as H.264 (yuv420p, mp4), each at its own time.

    ``with VideoWriter(path, width=768, height=576) as video: video.write(image, time)``

    Times are seconds on any clock and must rise; the file begins with the first. The file appears under its
    name only when it is whole: until then, and after a failure or without a picture, there is none.
    width, height: of the pictures; an odd one is padded by a pixel, for H.264 halves the colours. A picture
    of another shape is fitted in, with black around it. start: what the container says the recording's
    start was, epoch seconds, kept to the second. fps: what to announce; the times written are the true ones.

    Raises OutputError where the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: float = 25.0,
        start: float | None = None,
        crf: int = 22,
    ) -> None:
        self.path = path
        self.width = width + width % 2
        self.height = height + height % 2
        self._part = path.with_name(path.name + ".part")
        self._fps = Fraction(fps if fps > 0 else 25.0).limit_denominator(1000)
        self._start = start
        self._crf = crf
        self._first: float | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None

    def __enter__(self) -> Self:
        try:
            self._open()
        except (OSError, av.error.FFmpegError) as error:
            self._abandon()
            raise self._failure(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or self._first is None:
            self._abandon()
            return
        try:
            self._finish()
        except (OSError, av.error.FFmpegError) as failure:
            self._abandon()
            raise self._failure(failure) from failure

    def write(self, image: Image, time: float) -> None:
        """Add a picture, (H, W, 3) uint8 BGR, at a time in seconds later than the one before."""
        if self._first is None:
            self._first = time
        frame = av.VideoFrame.from_ndarray(self._fitted(image), format="bgr24")
        frame.pts = round((time - self._first) / TIME_BASE)
        frame.time_base = TIME_BASE
        try:
            self._encode(frame)
        except (OSError, av.error.FFmpegError) as error:
            raise self._failure(error) from error

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        make_own(self._part)
        self._container = av.open(self._part, "w", format="mp4", options={"movflags": "+faststart"})
        if self._start is not None and is_dated(self._start):
            self._container.metadata["creation_time"] = datetime.fromtimestamp(self._start, UTC).isoformat()
        # The same bytes every time: x264's macroblock tree varies from run to run at some sizes, and its
        # output depends on the number of threads.
        options = {
            "crf": str(self._crf),
            "preset": "veryfast",
            "threads": "2",
            "x264-params": "mbtree=0",
        }
        stream = self._container.add_stream("libx264", rate=self._fps, options=options)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        self._stream = stream

    def _encode(self, frame: av.VideoFrame | None) -> None:
        if self._container is None or self._stream is None:
            raise ValueError("write inside the with block of a VideoWriter")
        self._container.mux(self._stream.encode(frame))

    def _finish(self) -> None:
        self._encode(None)
        container, self._container = self._container, None
        if container is not None:
            container.close()
        self._part.replace(self.path)

    def _abandon(self) -> None:
        container, self._container = self._container, None
        try:
            if container is not None:
                container.close()
            self._part.unlink(missing_ok=True)
        except (OSError, av.error.FFmpegError):
            return  # the failure that led here is the one to tell of

    def _fitted(self, image: Image) -> Image:
        height, width = image.shape[:2]
        if (width, height) == (self.width, self.height):
            return np.ascontiguousarray(image)
        if 0 <= self.width - width <= 1 and 0 <= self.height - height <= 1:
            return np.pad(image, ((0, self.height - height), (0, self.width - width), (0, 0)), mode="edge")
        return self._letterboxed(image)

    def _letterboxed(self, image: Image) -> Image:
        height, width = image.shape[:2]
        scale = min(self.width / width, self.height / height)
        small = cv2.resize(image, (max(1, int(width * scale)), max(1, int(height * scale))))
        canvas = np.zeros((self.height, self.width, 3), np.uint8)
        top, left = (self.height - small.shape[0]) // 2, (self.width - small.shape[1]) // 2
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
        return canvas

    def _failure(self, error: OSError | av.error.FFmpegError) -> OutputError:
        if error.errno == errno.ENOSPC:
            return OutputError(f"The disk is full: {self.path} was not written; make room and run again.")
        reason = error.strerror or str(error)
        return OutputError(f"{self.path} cannot be written ({reason}); choose a folder you may write to.")
