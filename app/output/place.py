"""Places on disk that a command writes to."""

from __future__ import annotations

import os
from pathlib import Path

from storage.place import make_private


class OutputError(Exception):
    """A folder or file that can't be written: one sentence, what to do."""


def write_own(path: Path, data: bytes) -> None:
    """Write a file that none but its owner may read, whole or not at all. A link there is replaced.

    Raises OSError.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        make_own(part)
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_own(path: Path) -> None:
    """An empty file that none but its owner may read, in place of whatever is there. Raises OSError."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing. Raises OutputError where nothing can be written in it."""
    try:
        make_private(path)
    except OSError as error:
        raise OutputError(
            f"The folder {path} can't be made ({error.strerror}); name another place."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {path} can't be written to; name another place or change its rights.")
    return path
