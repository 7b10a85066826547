"""Pictures of people whom nobody named, for a teacher to judge: folders and archives of any layout."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from training.errors import TrainingError
from training.market1501 import ENDINGS, Pictures

NOBODY = -1


def read_unlabelled(paths: Sequence[Path]) -> list[Pictures]:
    """A table for each folder or .zip: all pictures in it, however deep, of person -1.

    Raises TrainingError for one that is missing, damaged or without a picture.
    """
    return [_table(path) for path in paths]


def _table(path: Path) -> Pictures:
    names = sorted(name for name in _names(path) if _is_picture(PurePosixPath(name)))
    if not names:
        raise TrainingError(f"{path} holds no picture (.jpg or .png): name another with --unlabelled.")
    nobody = np.full(len(names), NOBODY, np.int64)
    return Pictures(path, tuple(names), nobody, *(np.zeros(len(names), np.int64) for _ in range(3)))


def _names(path: Path) -> list[str]:
    """Of all files, with "/" between folders."""
    if path.is_dir():
        return [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except FileNotFoundError as error:
        raise TrainingError(f"There are no pictures at {path}: name a folder or a .zip of them.") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise TrainingError(f"{path} is damaged or no .zip: fetch it again.") from error


def _is_picture(name: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in ENDINGS and not hidden
