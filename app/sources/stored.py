"""Footage that is there already, opened as what it is: videos, pictures, or detections made elsewhere."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from app.config import CameraSettings
from app.pipeline import Origin
from app.sources.detections import DetectionsSource, holds_detections
from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.file import FileSource, look_at
from app.sources.named_times import is_part_of_date
from app.sources.names import is_folder, natural, shown
from app.sources.pictures import PicturesSource, pictures_folder
from app.sources.series import SeriesSource
from app.sources.starts import Creation
from app.sources.taken import MAX_PIXELS, VIDEOS, is_picture
from tracker.types import DetectedFrame, Frame


class StoredSource(Protocol):
    """The frames of one camera that are there already, the same on every run.

    Entering opens it, and raises SourceError where it can't be used. info: what it is, once it is entered.
    decoded: frames so far. damaged: parts that could not be read. odd: timestamps that were wrong. gaps_s:
    steps ahead in them. lost: files that could not be used, a sentence each.
    """

    camera: str
    info: SourceInfo
    decoded: int

    @property
    def damaged(self) -> int: ...
    @property
    def odd(self) -> int: ...
    @property
    def gaps_s(self) -> tuple[float, ...]: ...
    @property
    def lost(self) -> Sequence[str]: ...
    def origin(self, index: int) -> Origin: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def __iter__(self) -> Iterator[Frame | DetectedFrame]: ...


def stored_camera(camera: CameraSettings, *, max_pixels: float) -> StoredSource:
    """A camera's footage as its settings say, not yet entered. Raises SourceError."""
    return stored_source(
        camera=camera.name,
        sources=camera.sources,
        start=camera.start,
        fps=camera.fps,
        creation=camera.creation,
        max_pixels=max_pixels,
    )


def stored_source(
    *,
    camera: str,
    sources: Sequence[str],
    start: float | None = None,
    fps: float | None = None,
    creation: Creation = "auto",
    max_pixels: float = MAX_PIXELS,
) -> StoredSource:
    """Not yet entered. sources: a file, a folder, a pattern, or several files, of one camera.

    start: epoch seconds of the first frame, None to take it from the files. fps: frames a second, None to go
    by the files. creation: what a file's creation time is the time of. Raises SourceError where there is no
    file.
    """
    paths = files_of(sources)
    if len(paths) == 1 and is_picture(paths[0]):
        raise SourceError(
            f"{shown(paths[0])}: is one picture alone; give a video, or the folder of numbered pictures that "
            "are one film."
        )
    if all(is_picture(path) for path in paths):
        return PicturesSource(camera=camera, paths=paths, start=start, fps=fps, max_pixels=max_pixels)
    if len(paths) == 1 and holds_detections(paths[0]):
        return DetectionsSource(camera=camera, path=paths[0], start=start)
    opened = partial(_opened, camera=camera, fps=fps, max_pixels=max_pixels)
    if len(paths) == 1:
        return FileSource(
            camera=camera, path=paths[0], start=start, fps=fps, creation=creation, max_pixels=max_pixels
        )
    strange = [path for path in paths if is_picture(path) or holds_detections(path)]
    if strange:
        raise SourceError(
            f"{shown(strange[0])}: is no video like the others; give videos alone as one camera."
        )
    look = partial(look_at, creation=creation, fps=fps)
    return SeriesSource(camera=camera, paths=paths, look=look, opened=opened, start=start)


def _opened(path: Path, start: float, *, camera: str, fps: float | None, max_pixels: float) -> FileSource:
    return FileSource(camera=camera, path=path, start=start, fps=fps, max_pixels=max_pixels)


def files_of(sources: Sequence[str]) -> list[Path]:
    """The files that are meant, in order: of a folder or a pattern by the numbers in their names."""
    return [path for source in sources for path in _files_of(Path(source))]


def _files_of(path: Path) -> list[Path]:
    if is_folder(path):
        return _files_in(path)
    if glob.has_magic(str(path)) and not os.path.exists(path):  # noqa: PTH110  (never raises)
        found = sorted((Path(name) for name in glob.glob(str(path))), key=natural)  # noqa: PTH207
        if not found:
            raise SourceError(f"{shown(path)}: no file fits this pattern; check the path.")
        return found
    return [path]


def _files_in(folder: Path) -> list[Path]:
    """The videos of a folder, or else its pictures; of recorders' folders a day or an hour, all of them."""
    inner = pictures_folder(folder)
    try:
        there = sorted(inner.iterdir(), key=natural)
    except OSError as error:
        raise SourceError(
            f"{shown(inner)}: cannot be read ({error.strerror}); check its permissions."
        ) from None
    files = [path for path in there if path.is_file() and not path.name.startswith(".")]
    videos = [path for path in files if path.suffix.lower() in VIDEOS]
    pictures = [path for path in files if is_picture(path)]
    folders = [path for path in there if path.is_dir() and not path.name.startswith(".")]
    if videos or pictures:
        return videos or pictures
    if folders and all(is_part_of_date(path) for path in folders):
        return [file for day in folders for file in _files_in(day)]
    if folders:
        names = ", ".join(shown(path.name) for path in folders[:4])
        raise SourceError(
            f"{shown(folder)}: holds no video, but folders ({names}); name one camera's folder."
        )
    raise SourceError(f"{shown(folder)}: holds no video and no pictures; name a folder that does.")
