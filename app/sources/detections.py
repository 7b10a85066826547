"""Detections and embeddings made elsewhere, in a .npz, as the frames of a camera.

detections  (M, 6) numbers: frame (from 1), x1, y1, x2, y2 (pixels), score (0..1); rows in any order
embeddings  (M, D) numbers: what each of them looks like; brought to unit length
fps         frames a second
size        optional: width and height of the picture; else as far as the boxes reach
start       optional: of the first frame, epoch seconds or ISO 8601 text
model       optional: a name for what made the embeddings; vectors of two names are never compared
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from app.moments import MomentError, moment_of
from app.pipeline import Origin
from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.names import shown, uri_of
from tracker.types import DetectedFrame, Detections, Floats, Image, Part

ENDING = ".npz"
KEYS = ("detections", "embeddings", "fps")
OPTIONAL = ("size", "start", "model")
MOST_BYTES = 8 * 10**9
"""How much an array may hold, unpacked: a small archive may claim any size."""
ROWS_AT_ONCE = 65536
MOST_FRAMES = 10**8
MOST_FPS = 1000.0
MOST_PIXELS_A_SIDE = 100_000
UNREADABLE = (  # what numpy and zipfile raise at bytes they make no sense of
    ArithmeticError,
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def holds_detections(path: Path) -> bool:
    """Whether a file is of this kind, by its name."""
    return path.suffix.lower() == ENDING


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds, by frame. first: (F + 1,) where the rows of frame k, counted from 0, begin.

    boxes: (M, 4) xyxy. scores: (M,). embeddings: (M, D) unit rows. start: epoch seconds, None where unknown.
    """

    boxes: Floats
    scores: Floats
    embeddings: Floats
    first: NDArray[np.intp]
    fps: float
    size: tuple[int, int]
    start: float | None
    model: str

    @property
    def frames(self) -> int:
        return len(self.first) - 1

    def detections(self, frame: int) -> Detections:
        rows = slice(int(self.first[frame]), int(self.first[frame + 1]))
        return Detections(self.boxes[rows], self.scores[rows], self.embeddings[rows])


class DetectionsSource:
    """The frames of such a file, from the first to the last with a row. Read when it is entered.

    Raises SourceError on entering a file that can't be used.
    """

    info: SourceInfo
    damaged = 0
    odd = 0
    gaps_s: tuple[float, ...] = ()
    lost: tuple[str, ...] = ()

    def __init__(self, *, camera: str, path: Path, start: float | None = None) -> None:
        self.camera = camera
        self.decoded = 0
        self._path = path
        self._start = start
        self._table: Table

    @property
    def model(self) -> str:
        """What made the embeddings."""
        return self._table.model

    @property
    def dimension(self) -> int:
        return int(self._table.embeddings.shape[1])

    def origin(self, index: int) -> Origin:
        """Where the frame of that index comes from."""
        return Origin(uri_of(self._path), self.info.start)

    def __enter__(self) -> Self:
        table = self._table = read_table(self._path)
        start = table.start if self._start is None else self._start
        width, height = table.size
        self.info = SourceInfo(
            uri=shown(self._path),
            codec="detections",
            width=width,
            height=height,
            fps=table.fps,
            start=start or 0.0,
            start_by="" if start is None else "the file" if self._start is None else "the settings",
            frames=table.frames,
            duration_s=table.frames / table.fps,
            live=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._table

    def __iter__(self) -> Iterator[DetectedFrame]:
        table = self._table
        for number in range(table.frames):
            self.decoded += 1
            moment = self.info.start + number / table.fps
            yield DetectedFrame(self.camera, number, moment, table.size, table.detections(number))


def read_table(path: Path) -> Table:
    """Raises SourceError, a sentence with what was expected, where the file is none."""
    arrays = _Arrays(path, _load(path))
    rows = arrays.matrix("detections", columns=6)
    looks = arrays.matrix("embeddings")
    if len(looks) != len(rows):
        arrays.fail(f"{len(rows)} detections, but {len(looks)} embeddings; one is expected for each")
    order, first = arrays.by_frame(rows[:, 0])
    boxes, scores = arrays.boxes(rows[order, 1:5]), arrays.scores(rows[order, 5])
    vectors = arrays.unit_rows(looks)[order]
    return Table(
        boxes=boxes,
        scores=scores,
        embeddings=vectors,
        first=first,
        fps=arrays.fps(),
        size=arrays.size(boxes),
        start=arrays.start(),
        model=arrays.model(vectors.shape[1]),
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of the file that has a meaning here, none of them unpickled."""
    try:
        with path.open("rb") as file:
            return _unpacked(path, file)
    except FileNotFoundError:
        raise SourceError(f"{shown(path)}: there is no such file; check the path.") from None
    except PermissionError:
        raise SourceError(
            f"{shown(path)}: cannot be read (Permission denied); check its permissions."
        ) from None
    except UNREADABLE as error:
        why = str(error).partition("\n")[0].rstrip(".")[:120] or type(error).__name__
        raise SourceError(
            f"{shown(path)}: is no archive of arrays, or damaged ({why}); write it with "
            "numpy.savez_compressed, "
            f"numbers and texts alone."
        ) from None


def _unpacked(path: Path, file: Any) -> dict[str, NDArray[Any]]:
    sizes = {entry.filename: entry.file_size for entry in zipfile.ZipFile(file).infolist()}
    wanted = [key for key in (*KEYS, *OPTIONAL) if f"{key}.npy" in sizes]
    for key in KEYS:
        if key not in wanted:
            names = ", ".join(sorted(name.removesuffix(".npy") for name in sizes))
            there = " ".join(names[:120].split()) or "nothing"
            raise SourceError(
                f"{shown(path)}: holds no {key!r}, but {there}; {', '.join(KEYS)} are expected."
            )
    large = next((key for key in wanted if sizes[f"{key}.npy"] > MOST_BYTES), None)
    if large is not None:
        raise SourceError(
            f"{shown(path)}: {large!r} holds more than {MOST_BYTES / 1e9:g} GB; give it as several files."
        )
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        return {key: archive[key] for key in wanted}


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Checks each array: what is not as expected is told with the file's and the array's name."""

    path: Path
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)

    def fail(self, words: str) -> NoReturn:
        raise SourceError(f"{shown(self.path)}: {words}.")

    def matrix(self, key: str, *, columns: int | None = None) -> NDArray[Any]:
        """(M, columns) finite real numbers; at least one column."""
        array = self.arrays[key]
        wanted = f"(M, {columns or 'D'})"
        if array.ndim != 2 or array.shape[1] < 1 or (columns and array.shape[1] != columns):
            self.fail(f"{key!r} is of the shape {array.shape}; {wanted} is expected")
        if array.dtype.kind not in "fiu":
            self.fail(f"{key!r} is of the type {array.dtype}; real numbers are expected")
        if not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0, 0])
            self.fail(f"{key!r} is not finite in row {row}; leave such detections out")
        return array

    def by_frame(self, frames: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The order of the rows by frame, and where each frame's begin, as Table.first has it."""
        wrong = frames[(frames < 1) | (frames != np.floor(frames)) | (frames > MOST_FRAMES)]
        if len(wrong):
            self.fail(f"'detections' has a frame {wrong[0]:g}; 1, 2, ... to {MOST_FRAMES:,} are expected")
        numbers = frames.astype(np.int64) - 1
        order = np.argsort(numbers, kind="stable")
        last = int(numbers.max(initial=0))
        return order, np.searchsorted(numbers[order], np.arange(last + 2))

    def boxes(self, boxes: NDArray[Any]) -> Floats:
        upright = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        if not upright.all():
            found = ", ".join(f"{edge:g}" for edge in boxes[int(np.argmin(upright))])
            self.fail(f"'detections' has a box {found}; x1, y1, x2, y2 with x1 < x2 and y1 < y2 are expected")
        if np.abs(boxes).max(initial=0.0) > MOST_PIXELS_A_SIDE:
            self.fail(f"'detections' has a box {np.abs(boxes).max():g} pixels away; is it in pixels?")
        return boxes.astype(np.float32)

    def scores(self, scores: NDArray[Any]) -> Floats:
        wrong = scores[(scores < 0) | (scores > 1)]
        if len(wrong):
            self.fail(f"'detections' has a score {wrong[0]:g}; 0 to 1 is expected")
        return scores.astype(np.float32)

    def unit_rows(self, vectors: NDArray[Any]) -> Floats:
        """Each row by its length, which is not 0."""
        rows = np.empty(vectors.shape, np.float32)
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            part = vectors[begin : begin + ROWS_AT_ONCE].astype(np.float64)
            longest = np.abs(part).max(axis=1, keepdims=True)
            if (longest == 0.0).any():
                row = begin + int(longest.argmin())
                self.fail(f"'embeddings' is all zeros in row {row}; leave such detections out")
            part /= longest  # first, lest squares overflow
            rows[begin : begin + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
        return rows

    def fps(self) -> float:
        array = self.arrays["fps"]
        if array.size != 1 or array.dtype.kind not in "fiu" or not 0 < float(array.item()) <= MOST_FPS:
            self.fail(f"'fps' is {_told(array)}; frames a second, up to {MOST_FPS:g}, are expected")
        return float(array.item())

    def size(self, boxes: Floats) -> tuple[int, int]:
        """As told, else as far as the boxes reach."""
        array = self.arrays.get("size")
        if array is None:
            width, height = boxes[:, 2:].max(axis=0, initial=1.0)
            return math.ceil(width), math.ceil(height)
        whole = array.shape == (2,) and array.dtype.kind in "iu"
        if not whole or not ((array > 0) & (array <= MOST_PIXELS_A_SIDE)).all():
            self.fail(f"'size' is {_told(array)}; width and height in pixels are expected")
        return int(array[0]), int(array[1])

    def start(self) -> float | None:
        array = self.arrays.get("start")
        if array is None:
            return None
        if array.size != 1 or array.dtype.kind not in "fiuU":
            self.fail(f"'start' is {_told(array)}; epoch seconds or an ISO 8601 time is expected")
        try:
            return moment_of(str(array.item()))
        except MomentError as error:
            self.fail(f"'start': {error}")

    def model(self, dimension: int) -> str:
        """As told, else a name that only vectors of this length share."""
        array = self.arrays.get("model")
        if array is None:
            return f"elsewhere-{dimension}"
        if array.size != 1 or array.dtype.kind != "U" or not array.item().strip():
            self.fail(f"'model' is {_told(array)}; a text that names what made the embeddings is expected")
        return str(array.item()).strip()


def _told(array: NDArray[Any]) -> str:
    return repr(array.item())[:60] if array.size == 1 else f"{array.dtype} of the shape {array.shape}"


@dataclass(frozen=True, slots=True)
class DetectedElsewhere:
    """Stands in for detector and embedder where every camera's detections were made elsewhere."""

    fingerprint: str
    dimension: int
    backend: str = "made elsewhere"

    def detect(self, images: Sequence[Image], parts: Sequence[Part] = ()) -> list[Detections]:
        """Of no image. Raises ValueError where there is one."""
        if images:
            raise ValueError("a picture came into a run of detections made elsewhere")
        return []

    def embed(self, crops: Sequence[Image]) -> Floats:
        """Of no crop: (0, dimension). Raises ValueError where there is one."""
        if crops:
            raise ValueError("a picture came into a run of detections made elsewhere")
        return np.zeros((0, self.dimension), np.float32)
