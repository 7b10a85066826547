"""What is there already, opened as what it is: a video file, or detections made elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from app.sources.detections import DetectionsSource, holds_detections
from app.sources.ffmpeg import SourceInfo
from app.sources.file import FileSource
from tracker.types import DetectedFrame, Frame


class StoredSource(Protocol):
    """The frames of one camera that are there already, the same on every run.

    Entering opens it, and raises SourceError where it can't be used. info: what it is, once it is entered.
    decoded: frames so far. damaged: parts that could not be read.
    """

    camera: str
    info: SourceInfo
    decoded: int
    damaged: int

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def __iter__(self) -> Iterator[Frame | DetectedFrame]: ...


def stored_source(*, camera: str, path: Path, start: float | None = None) -> StoredSource:
    """Not yet entered. start: epoch seconds of the first frame, None to take it from the file."""
    if holds_detections(path):
        return DetectionsSource(camera=camera, path=path, start=start)
    return FileSource(camera=camera, path=path, start=start)
