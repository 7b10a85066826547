"""Market-1501, and any pictures of people laid out like it: read from the archive itself or from a folder.

Zheng et al., "Scalable Person Re-identification: A Benchmark" (ICCV 2015). The folders bounding_box_train,
query and bounding_box_test hold pictures PPPP_cCsS_FFFFFF_BB.jpg: person, camera, sequence, frame and box.
Person -1 is junk, a box that shows nobody in full, and is left out; person 0 in the gallery is somebody else,
whom no query asks for. Names without a sequence, as DukeMTMC-reID's 0005_c2_f0046985.jpg, are read too.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Header

from reid.preprocess import Image, Preprocess
from training.errors import TrainingError
from training.layouts import ENDINGS as ENDINGS
from training.layouts import FOLDERS, GALLERY, QUERY, TRAIN, LayoutError, Row, Trial, laid_out

LOCKED = 0x1  # of an entry's flags
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MOST_BYTES, MOST_PIXELS = 64 * 10**6, 40 * 10**6
"""Of a picture; more is damage, or worse."""
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
    """A data set for training and testing. junk: pictures left out of it, for they show nobody in full.

    trials: rows of query and gallery, of each trial of the data set's own protocol; none: all at once.
    one_camera: it took all of them.
    """

    name: str
    train: Pictures
    query: Pictures
    gallery: Pictures
    junk: int
    trials: tuple[tuple[Integers, Integers], ...] = ()
    one_camera: bool = False


def read_market(path: Path, *, folders: Collection[str] = FOLDERS) -> Market:
    """The tables of a data set: a .zip or a folder, in Market's layout or another of training.layouts.

    folders: those that have to hold pictures; another that is missing gives an empty table. Where one camera
    took all of query and gallery, its pictures count as another's, for nothing would be left to find.

    Raises TrainingError for what is missing, damaged, laid out otherwise or empty.
    """
    with _Reader(path) as reader:
        names = reader.names
        try:
            layout = laid_out(names, reader.text)
        except LayoutError as error:
            raise TrainingError(f"{path} can't be used: {error}.") from error
    tables = {folder: _table(path, rows) for folder, rows in layout.tables.items()}
    for folder in folders:
        if not layout.tables[folder] and not any(f"{folder}/" in name for name in names):
            raise TrainingError(
                f"{path} holds no folder {folder}: expected Market-1501's layout, {', '.join(FOLDERS)}."
            )
        if not len(tables[folder].take(tables[folder].person >= 0)):
            raise TrainingError(f"{folder} of {path} holds no picture (.jpg or .png) of a person: add some.")
    junk = sum(int((table.person < 0).sum()) for table in tables.values())
    if not layout.trials:
        tables = {folder: table.take(table.person >= 0) for folder, table in tables.items()}
    query, gallery, one = _of_two_cameras(tables[QUERY], tables[GALLERY])
    name = path.name.removesuffix(".zip")
    return Market(name, tables[TRAIN], query, gallery, junk, _rows_of(layout.trials), one)


def _rows_of(trials: Sequence[Trial]) -> tuple[tuple[Integers, Integers], ...]:
    return tuple((np.array(query, np.int64), np.array(gallery, np.int64)) for query, gallery in trials)


def _of_two_cameras(query: Pictures, gallery: Pictures) -> tuple[Pictures, Pictures, bool]:
    """Both, and whether one camera took all: then the gallery's is called another."""
    one = len(query) > 0 and len(np.unique(np.concatenate([query.camera, gallery.camera]))) == 1
    return query, replace(gallery, camera=gallery.camera + 1) if one else gallery, one


def _table(path: Path, rows: Sequence[Row]) -> Pictures:
    """By name, junk too."""
    facts = np.array([row[1:] for row in rows], np.int64).reshape(-1, 4)
    return Pictures(path, tuple(row[0] for row in rows), *np.ascontiguousarray(facts.T))


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
        """Of all files, ordered."""
        if self._archive is not None:
            return sorted(self._archive.namelist())
        files = (file for file in self._source.rglob("*") if file.is_file())
        return sorted(file.relative_to(self._source).as_posix() for file in files)

    def text(self, name: str) -> str:
        """Of a file of words."""
        return self._bytes(name).decode("utf-8-sig", "replace")

    def picture(self, name: str) -> Image:
        """(h, w, 3) uint8 BGR."""
        data = self._bytes(name)
        image = _decoded(data) if _whole(data) else None
        if image is None:
            raise TrainingError(f"The picture {name} in {self._source} is damaged: fetch the data set again.")
        return image

    def _bytes(self, name: str) -> bytes:
        try:
            if self._archive is None:
                return (self._source / name).read_bytes()
            if self._archive.getinfo(name).file_size > MOST_BYTES:
                raise TrainingError(f"{name} in {self._source} unpacks to more than {MOST_BYTES / 1e6:g} MB.")
            return self._archive.read(name)
        except (RuntimeError, NotImplementedError) as error:
            raise TrainingError(
                f"{name} in {self._source} can't be unpacked ({error}): unpack it with the program it was "
                "packed by."
            ) from error
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
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TrainingError(f"{path} is damaged or no .zip: fetch the data set again.") from error
    for entry in archive.infolist():
        if entry.flag_bits & LOCKED or entry.compress_type not in METHODS:
            archive.close()
            raise TrainingError(
                f"{entry.filename} in {path} is locked by a password, or packed in a way unknown here: "
                "unpack it "
                "with the program it was packed by, and name the folder."
            )
    return archive


def _decoded(data: bytes) -> Image | None:
    """None where it is no picture, or one of more than MOST_PIXELS."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Header.open(io.BytesIO(data)) as header:
                if header.width * header.height > MOST_PIXELS:
                    return None
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, ValueError, SyntaxError, ImportError, Header.DecompressionBombError, cv2.error):
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _whole(data: bytes) -> bool:
    """Whether a picture's bytes come to their end: OpenCV fills up what is missing with grey."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    return len(data) > 0 and (not data.startswith(b"\x89PNG") or b"IEND" in data[-64:])
