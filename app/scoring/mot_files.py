"""Truth and results as files in MOTChallenge's layout: a NAME a camera."""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path

import numpy as np

from app.config import ConfigError
from app.scoring.score import Boxes, read_mot


def read_truth(folder: Path) -> dict[str, Boxes]:
    """Every NAME/gt/gt.txt, else NAME.txt, by name. Raises ConfigError where none can be used."""
    if not folder.is_dir():
        raise ConfigError(f"The folder of the truth {folder} is not there; name another with --truth.")
    files = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    files |= {path.parts[-3]: path for path in sorted(folder.glob("*/gt/gt.txt"))}
    if not files:
        raise ConfigError(
            f"There is no truth in {folder}: NAME/gt/gt.txt or NAME.txt is expected for each camera."
        )
    return {name: read(files[name]) for name in sorted(files)}


def read_results(folder: Path) -> dict[str, Boxes]:
    """Every NAME.txt, by name. Raises ConfigError where the folder is missing or a file is no result."""
    if not folder.is_dir():
        raise ConfigError(f"The folder of the results {folder} is not there; name another with --results.")
    return {path.stem: read(path) for path in sorted(folder.glob("*.txt"))}


def read(path: Path) -> Boxes:
    """One file. Raises ConfigError, a sentence with its place, where it can't be used."""
    try:
        boxes = read_mot(path)
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror}); change its rights.") from error
    except ValueError as error:
        raise ConfigError(
            f"{path} is not in MOT's layout ({error}); lines of frame,id,x,y,w,h,mark,... are expected."
        ) from error
    _expect_once(path, boxes)
    return boxes


def _expect_once(path: Path, boxes: Boxes) -> None:
    keys, counts = np.unique(np.column_stack([boxes.frames, boxes.ids]), axis=0, return_counts=True)
    if (counts > 1).any():
        frame, identity = keys[counts.argmax()]
        raise ConfigError(
            f"{path} has the id {identity} more than once in frame {frame + 1}; a person is in one place."
        )


def read_fps(folder: Path, name: str, default: float) -> float:
    """Frames a second as NAME/seqinfo.ini has them, else the default. ConfigError where they are wrong."""
    path = folder / name / "seqinfo.ini"
    parser = ConfigParser(interpolation=None)
    try:
        found = parser.read(path, encoding="utf-8")
        fps = parser.getfloat("Sequence", "frameRate", fallback=default) if found else default
    except (OSError, IniError, ValueError) as error:
        raise _wrong_fps(path) from error
    if not 0 < fps < np.inf:
        raise _wrong_fps(path)
    return fps


def _wrong_fps(path: Path) -> ConfigError:
    return ConfigError(f"{path} can't be used; under [Sequence] a frameRate in frames a second is expected.")
