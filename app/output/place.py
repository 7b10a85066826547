"""Places on disk that a command writes to."""

from __future__ import annotations

import os
from pathlib import Path


class OutputError(Exception):
    """A folder or file that can't be written: one sentence, what to do."""


def write_own(path: Path, data: bytes) -> None:
    """Write a file that none but its owner may read, whole or not at all. A link there is replaced.

    Raises OSError.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing. Raises OutputError where nothing can be written in it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {path} can't be made ({error.strerror}); name another place."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {path} can't be written to; name another place or change its rights.")
    return path
