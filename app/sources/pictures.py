"""Still pictures: one, read within limits; and numbered ones that are the frames of a film."""

from __future__ import annotations

import io
import itertools
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from PIL import Image as Header

from app.pipeline import Origin
from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.names import shown, uri_of
from app.sources.starts import start_by_name
from app.sources.taken import MAX_PIXELS
from tracker.types import Frame, Image

SEQUENCE = "seqinfo.ini"
_PNG = b"\x89PNG\r\n\x1a\n"
_NUMBER = re.compile(r"(\d+)$")
UNREADABLE = (  # what PIL raises at bytes it makes no sense of; ImportError once ultralytics is loaded
    ImportError,
    LookupError,
    OSError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
_MOST_MISSING = 100  # in a hole of the numbering; a longer one is no film of this rate


def read_image(path: Path, *, max_pixels: float = MAX_PIXELS) -> Image:
    """(H, W, 3) BGR, upright. Raises SourceError where it is no picture, or one of more than max_pixels."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{shown(path)}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise SourceError(f"{shown(path)}: is a folder; give a picture in it.") from None
    except OSError as error:
        raise SourceError(
            f"{shown(path)}: cannot be read ({error.strerror}); check its permissions."
        ) from None
    try:
        return decoded_image(data, max_pixels=max_pixels)
    except ValueError as error:
        raise SourceError(f"{shown(path)}: {error}; give a picture such as .jpg or .png.") from None


def decoded_image(data: bytes, *, max_pixels: float = MAX_PIXELS) -> Image:
    """As read_image, of a file's bytes. Raises ValueError, a part of a sentence."""
    if _promises_too_much(data):
        raise ValueError("is no picture, or damaged")
    width, height = _size(data, max_pixels)
    if width * height > max_pixels:
        raise ValueError(f"has {width}x{height} pixels, more than {max_pixels / 1e6:g} million")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise ValueError("is no picture, or damaged")
    return np.asarray(image, np.uint8)


def _promises_too_much(data: bytes) -> bool:
    """Whether a part of a PNG says it is longer than the whole file: it would take so much memory."""
    if not data.startswith(_PNG):
        return False
    place = len(_PNG)
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if length > len(data):
            return True
        place += 12 + length
    return False


def _size(data: bytes, max_pixels: float) -> tuple[int, int]:
    """Width and height by the header, before anything is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Header.open(io.BytesIO(data)) as header:
                return header.size
    except Header.DecompressionBombError:
        raise ValueError(f"has more than {max_pixels / 1e6:g} million pixels") from None
    except UNREADABLE:
        raise ValueError("is no picture, or damaged") from None


class PicturesSource:
    """Numbered pictures as the frames of a film; each number is a step, also one whose picture is missing.

    fps: frames a second; None to go by seqinfo.ini (as MOTChallenge has it), or by the times in their names.
    Entering reads the first one, and raises SourceError where that can't be used, or nothing tells a rate.
    """

    info: SourceInfo
    odd = 0
    gaps_s: tuple[float, ...] = ()
    lost: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        camera: str,
        paths: Sequence[Path],
        start: float | None = None,
        fps: float | None = None,
        max_pixels: float = MAX_PIXELS,
    ) -> None:
        self.camera = camera
        self.decoded = 0
        self.damaged = 0
        self._paths = paths
        self._start = start
        self._fps = fps
        self._max_pixels = max_pixels
        self._times: list[tuple[int, float]] = []

    def origin(self, index: int) -> Origin:
        return Origin(uri_of(self._paths[0].parent), self.info.start)

    def __enter__(self) -> Self:
        first = self._paths[0]
        told = None if self._start is not None else start_by_name(first)
        start = self._start if told is None else told.time
        self._times = self._dated(start or 0.0)
        image = read_image(first, max_pixels=self._max_pixels)
        span = self._times[-1][1] - self._times[0][1]
        fps = (len(self._times) - 1) / span if span > 0 else self._fps or 1.0
        self.info = SourceInfo(
            uri=str(first.parent),
            codec="pictures",
            width=image.shape[1],
            height=image.shape[0],
            fps=fps,
            start=start or 0.0,
            start_by="the settings" if self._start is not None else told.by if told else "",
            frames=len(self._paths),
            duration_s=span + 1 / fps,
            live=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        for path, (index, time) in zip(self._paths, self._times, strict=True):
            try:
                image = read_image(path, max_pixels=self._max_pixels)
            except SourceError:
                self.damaged += 1
                continue
            self.decoded += 1
            yield Frame(self.camera, index, time, image)

    def _dated(self, start: float) -> list[tuple[int, float]]:
        """Index and time of each: by the rate and their numbers, else by the times in their names."""
        fps, sequence = self._fps, _sequence_of(self._paths[0].parent)
        if fps is None and sequence is not None:
            fps = _rate(sequence)
        if fps is not None:
            first = 1 if sequence is not None else None
            return [(k, start + k / fps) for k in _steps(self._paths, first)]
        told = [start_by_name(path) for path in self._paths]
        times = [one.time for one in told if one is not None]
        if len(times) < len(told) or any(b <= a for a, b in itertools.pairwise(times)):
            raise SourceError(
                f"{shown(self._paths[0].parent)}: holds pictures, but nothing tells how many a second; give "
                "--fps, "
                f"fps in the configuration, or a {SEQUENCE} with frameRate."
            )
        return [(k, start + time - times[0]) for k, time in enumerate(times)]


def _steps(paths: Sequence[Path], first: int | None) -> list[int]:
    """By the numbers at the names' ends, from the first (or ``first``) on; else one after the other."""
    numbers = [int(found[1][-18:]) if (found := _NUMBER.search(path.stem)) else -1 for path in paths]
    steps = [b - a for a, b in itertools.pairwise(numbers)]
    begin = numbers[0] if first is None or numbers[0] < first else first
    plain = min(numbers) < 0 or any(not 0 < step <= _MOST_MISSING for step in steps)
    return list(range(len(paths))) if plain else [number - begin for number in numbers]


def _sequence_of(folder: Path) -> Path | None:
    """The seqinfo.ini of a folder of pictures, in it or above it."""
    return next((path for path in (folder / SEQUENCE, folder.parent / SEQUENCE) if path.is_file()), None)


def _rate(path: Path) -> float:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8-sig")
        fps = parser.getfloat("Sequence", "frameRate")
    except (OSError, IniError, ValueError):
        fps = 0.0
    if not 0 < fps <= 1000:
        raise SourceError(f"{shown(path)}: a frameRate in frames a second is expected under [Sequence].")
    return fps


def pictures_folder(folder: Path) -> Path:
    """Where the pictures of a sequence are: its imDir, or img1; else the folder itself."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(folder / SEQUENCE, encoding="utf-8-sig")
        named = parser.get("Sequence", "imDir", fallback="img1")
    except (OSError, IniError, ValueError):
        named = "img1"
    inner = folder / Path(named).name
    return inner if (folder / SEQUENCE).is_file() and inner.is_dir() else folder
