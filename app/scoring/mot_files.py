"""Truth and results as files: MOTChallenge's layout and its variants, COCO's, CVAT's, AI City's."""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.config import ConfigError
from app.scoring.annotations import coco_boxes, cvat_boxes
from app.scoring.score import Boxes
from app.scoring.tables import city_boxes, is_city, mot_boxes, read_rows

T = TypeVar("T")

EXPECTED = "lines of frame,id,x,y,w,h,mark,... are expected"
NOT_BOXES = ("labels.txt", "seqmap.txt")
MOST_UNPACKED = 2 * 10**9


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The folder itself, or that of a .zip's content while the context lasts. Raises ConfigError."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                    raise ConfigError(
                        f"{path} unpacks to more than {MOST_UNPACKED / 1e9:g} GB; unpack it yourself."
                    )
                archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
            raise ConfigError(f"{path} is damaged, or locked by a password ({error}); unpack it.") from error
        yield Path(folder)


def read_truth(path: Path) -> dict[str, Boxes]:
    """By camera: every NAME/gt/gt.txt, else NAME.txt; gt/gt.txt of one camera; one file; COCO's, CVAT's or AI
    City's; also where a folder holds nothing but the one that holds these. Raises ConfigError where none can
    be used.
    """
    if not path.exists():
        raise ConfigError(f"The folder of the truth {path} is not there; name another with --truth.")
    if path.is_file():
        return _read_file(path)
    inner = _inner(path)
    files = {file.stem: file for file in _texts(inner) if file.name.lower() not in NOT_BOXES}
    files |= {file.parts[-3]: file for file in sorted(inner.glob("*/gt/gt.txt"))}
    if not files and (inner / "gt/gt.txt").is_file():
        files = {_sequence_name(inner): inner / "gt/gt.txt"}
    if files:
        return _read_all(files)
    others = [*inner.glob("*.json"), *inner.glob("*.xml")] or sorted(inner.glob("annotations/*.json"))
    if len(others) == 1:
        return _read_file(others[0])
    raise ConfigError(
        f"There is no truth in {path}: NAME/gt/gt.txt or NAME.txt is expected for each camera, or one COCO "
        ".json, or CVAT's .xml of a video."
    )


def _texts(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in (".txt", ".csv"))


def _inner(folder: Path) -> Path:
    """The folder, or the only one in it where there is nothing else, as archives have it."""
    there = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    alone = len(there) == 1 and there[0].is_dir() and there[0].name not in ("gt", "annotations")
    return _inner(there[0]) if alone and not (there[0] / "gt").is_dir() else folder


def read_results(path: Path) -> dict[str, Boxes]:
    """Every NAME.txt, by name; or one file. Raises ConfigError where one is missing, or no result."""
    if not path.exists():
        raise ConfigError(f"The folder of the results {path} is not there; name another with --results.")
    if path.is_file():
        return _read_file(path)
    return _read_all({file.stem: file for file in _texts(path)})


def _read_all(files: Mapping[str, Path]) -> dict[str, Boxes]:
    """One file a camera; but one of all cameras is those cameras'."""
    if len(files) == 1:
        (file,) = files.values()
        rows = _explained(file, lambda: read_rows(file))
        if is_city(rows):
            return _checked(file, _explained(file, lambda: city_boxes(rows)))
    return {name: read(files[name]) for name in sorted(files)}


def _read_file(path: Path) -> dict[str, Boxes]:
    annotations = {".json": coco_boxes, ".xml": cvat_boxes}.get(path.suffix.lower())
    if annotations is not None:
        return _checked(path, _explained(path, lambda: annotations(path)))
    return _read_all({path.parts[-3] if path.parts[-2:] == ("gt", "gt.txt") else path.stem: path})


def read(path: Path) -> Boxes:
    """One camera's file in MOT's layout. Raises ConfigError, a sentence, where it can't be used."""
    boxes = _explained(path, lambda: mot_boxes(read_rows(path), _labels(path)))
    return _checked(path, {"": boxes})[""]


def _labels(path: Path) -> list[str]:
    """What labels.txt beside the file calls the classes, from 1, as CVAT writes it."""
    labels = path.with_name("labels.txt")
    if path.name != "gt.txt" or not labels.is_file():
        return []
    return [line.strip() for line in labels.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def _explained(path: Path, work: Callable[[], T]) -> T:
    """What the work gives, or ConfigError for a file that can't be read or is laid out otherwise."""
    try:
        return work()
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror}); change its rights.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        why = str(error).partition("\n")[0][:200]
        raise ConfigError(f"{path} is not in MOT's layout ({why}); {EXPECTED}.") from error


def _checked(path: Path, cameras: dict[str, Boxes]) -> dict[str, Boxes]:
    for boxes in cameras.values():
        keys, counts = np.unique(np.column_stack([boxes.frames, boxes.ids]), axis=0, return_counts=True)
        if (counts > 1).any():
            frame, identity = keys[counts.argmax()]
            raise ConfigError(
                f"{path} has the id {identity} more than once in frame {frame + 1}; a person is in one place."
            )
    return cameras


def matched(truth: Mapping[str, Boxes], found: Mapping[str, object]) -> dict[str, str]:
    """The truth's cameras -> those found: of the same name, else number, else the only one on either side."""
    pairs = {name: name for name in truth if name in found}
    rest = [name for name in truth if name not in pairs]
    left = [name for name in found if name not in pairs.values()]
    if len(rest) == len(left) == 1 and len(truth) == 1:
        return {rest[0]: left[0]}
    for name in rest:
        same = [other for other in left if _number(other) is not None and _number(other) == _number(name)]
        if len(same) == 1:
            pairs[name] = same[0]
    return pairs


def _number(name: str) -> int | None:
    """The only number in a camera's name."""
    numbers = re.findall(r"\d+", name)
    return int(numbers[0]) if len(numbers) == 1 and len(numbers[0]) < 18 else None


def _sequence_name(folder: Path) -> str:
    """As seqinfo.ini has it, else the folder's."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(folder / "seqinfo.ini", encoding="utf-8-sig")
        return parser.get("Sequence", "name", fallback=folder.absolute().name)
    except (OSError, IniError, ValueError):
        return folder.absolute().name


def read_fps(folder: Path, name: str, default: float) -> float:
    """Frames a second as NAME/seqinfo.ini has them, else the default. ConfigError where they are wrong."""
    places = (folder / name / "seqinfo.ini", folder / "seqinfo.ini")
    path = next((place for place in places if place.is_file()), places[0])
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        found = parser.read(path, encoding="utf-8-sig")
        fps = parser.getfloat("Sequence", "frameRate", fallback=default) if found else default
    except (OSError, IniError, ValueError) as error:
        raise _wrong_fps(path) from error
    if not 0 < fps < np.inf:
        raise _wrong_fps(path)
    return fps


def _wrong_fps(path: Path) -> ConfigError:
    return ConfigError(f"{path} can't be used; under [Sequence] a frameRate in frames a second is expected.")
