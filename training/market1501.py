"""Market-1501, and any pictures of people laid out like it: read from the archive itself or from a folder.

Zheng et al., "Scalable Person Re-identification: A Benchmark" (ICCV 2015). The folders bounding_box_train,
query and bounding_box_test hold pictures PPPP_cCsS_FFFFFF_BB.jpg: person, camera, sequence, frame and box.
Person -1 is junk, a box that shows nobody in full, and is left out; person 0 in the gallery is somebody else,
whom no query asks for. Names without a sequence, as DukeMTMC-reID's 0005_c2_f0046985.jpg, are read too.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from reid.preprocess import Image, Preprocess
from training.errors import TrainingError

TRAIN, QUERY, GALLERY = FOLDERS = ("bounding_box_train", "query", "bounding_box_test")

NAME = re.compile(r"(-1|\d+)_c(\d+)(?:s(\d+))?_f?(\d+)")
ENDINGS = (".jpg", ".jpeg", ".png")
THREADS = 4
AT_ONCE = 256  # pictures held while they are handed on

Integers = NDArray[np.int64]
Progress = Callable[[int], None]
"""Is told how many pictures are done."""


@dataclass(frozen=True, eq=False, slots=True)
class Pictures:
    """A table of pictures, a row each, ordered by name. Nothing is decoded until asked for.

    source: the archive or folder. names: within it, with "/" between folders. person, camera, sequence,
    frame: (N,) int64, as the names say; a sequence that is not told is 1.
    """

    source: Path
    names: tuple[str, ...]
    person: Integers
    camera: Integers
    sequence: Integers
    frame: Integers

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[Any]) -> Pictures:
        """The given rows, by number or by mask, in that order."""
        numbers = np.arange(len(self))[rows]
        return Pictures(
            self.source,
            tuple(self.names[number] for number in numbers),
            *(column[numbers] for column in (self.person, self.camera, self.sequence, self.frame)),
        )

    def labels(self) -> Integers:
        """(N,) the persons counted from 0 in the order of their numbers."""
        return np.unique(self.person, return_inverse=True)[1].astype(np.int64)

    def batches(self, size: int = AT_ONCE) -> Iterator[list[Image]]:
        """All rows' pictures in turn, size at a time, (h, w, 3) uint8 BGR each of its own size.

        Raises TrainingError for one that is missing or damaged.
        """
        with _Reader(self.source) as reader, ThreadPoolExecutor(THREADS) as pool:
            for start in range(0, len(self), size):
                yield list(pool.map(reader.picture, self.names[start : start + size]))

    def load(self, *, height: int, width: int, progress: Progress | None = None) -> Image:
        """All rows decoded at once: (N, height, width, 3) uint8 BGR.

        Sized as for the network in use (reid.preprocess): bilinear where pictures grow, as PIL's, and by the
        mean of the area where they shrink. Raises TrainingError for a picture that is missing or damaged.
        """
        sizing = Preprocess(height=height, width=width)
        loaded = np.empty((len(self), height, width, 3), np.uint8)
        with _Reader(self.source) as reader, ThreadPoolExecutor(THREADS) as pool:

            def fill(start: int) -> int:
                names = self.names[start : start + AT_ONCE]
                loaded[start : start + AT_ONCE] = sizing.resize([reader.picture(name) for name in names])
                return len(names)

            done = 0
            for count in pool.map(fill, range(0, len(self), AT_ONCE)):
                done += count
                if progress is not None:
                    progress(done)
        return loaded


@dataclass(frozen=True, eq=False, slots=True)
class Market:
    """A data set for training and testing. junk: pictures left out of it, for they show nobody in full."""

    name: str
    train: Pictures
    query: Pictures
    gallery: Pictures
    junk: int


def read_market(path: Path, *, folders: Collection[str] = FOLDERS) -> Market:
    """The tables of a data set: a .zip in Market's layout, or a folder; both may have one folder around all.

    folders: those that have to be there and to hold pictures; another that is missing gives an empty table.

    Raises TrainingError for what is missing, damaged, laid out otherwise or empty.
    """
    names = _names(path)
    tables = {folder: _table(path, folder, names, needed=folder in folders) for folder in FOLDERS}
    seen = {folder: table.take(table.person >= 0) for folder, table in tables.items()}
    for folder in folders:
        if not len(seen[folder]):
            raise TrainingError(f"{folder} of {path} holds no picture (.jpg or .png) of a person: add some.")
    junk = sum(len(tables[folder]) - len(seen[folder]) for folder in FOLDERS)
    return Market(path.name.removesuffix(".zip"), seen[TRAIN], seen[QUERY], seen[GALLERY], junk)


def _names(path: Path) -> list[str]:
    """All files in the archive or folder, two folders deep."""
    if path.is_dir():
        found = [*path.glob("*/*"), *path.glob("*/*/*")]
        return sorted(file.relative_to(path).as_posix() for file in found)
    with _Reader(path) as reader:
        return sorted(reader.names)


def _table(path: Path, folder: str, names: Sequence[str], *, needed: bool) -> Pictures:
    """The pictures of one folder, junk too."""
    inside = [name for name in names if PurePosixPath(name).parent.name == folder]
    roots = {str(PurePosixPath(name).parent.parent) for name in inside} - {"__MACOSX"}
    if len(roots) > 1:
        raise TrainingError(f"{path} holds {folder} more than once: name the one data set that is meant.")
    if needed and not roots:
        raise TrainingError(
            f"{path} holds no folder {folder}: expected Market-1501's layout, {', '.join(FOLDERS)}."
        )
    kept = [name for name in inside if _is_picture(name) and not name.startswith("__MACOSX")]
    rows = np.array([_facts(path, name) for name in kept], np.int64).reshape(-1, 4)
    return Pictures(path, tuple(kept), *np.ascontiguousarray(rows.T))


def _is_picture(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and not PurePosixPath(name).name.startswith(".")


def _facts(path: Path, name: str) -> tuple[int, ...]:
    """Person, camera, sequence and frame."""
    found = NAME.match(PurePosixPath(name).name)
    if found is None:
        raise TrainingError(
            f"{name} in {path} does not say whom it shows: name pictures as 0002_c1s1_000451_03.jpg."
        )
    return tuple(int(told or 1) for told in found.groups())


class _Reader:
    """The files of an archive or a folder, for several threads at once."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._archive = None if source.is_dir() else _open(source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive.close()

    @property
    def names(self) -> list[str]:
        return [] if self._archive is None else self._archive.namelist()

    def picture(self, name: str) -> Image:
        """(h, w, 3) uint8 BGR."""
        data = self._bytes(name)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if _whole(data) else None
        if image is None:
            raise TrainingError(f"The picture {name} in {self._source} is damaged: fetch the data set again.")
        return np.asarray(image, np.uint8)

    def _bytes(self, name: str) -> bytes:
        try:
            return (self._source / name).read_bytes() if self._archive is None else self._archive.read(name)
        except (OSError, KeyError) as error:
            raise TrainingError(
                f"The picture {name} in {self._source} can't be read: fetch the data set again."
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise TrainingError(
                f"The picture {name} in {self._source} is damaged: fetch the data set again."
            ) from error


def _open(path: Path) -> zipfile.ZipFile:
    if not path.exists():
        raise TrainingError(
            f"There is no data set at {path}: name a folder or a .zip in Market-1501's layout."
        )
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise TrainingError(f"{path} is damaged or no .zip: fetch the data set again.") from error


def _whole(data: bytes) -> bool:
    """Whether a picture's bytes come to their end: OpenCV fills up what is missing with grey."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    return len(data) > 0 and (not data.startswith(b"\x89PNG") or b"IEND" in data[-64:])
