"""Places on disk that a command writes to."""

from __future__ import annotations

import os
from pathlib import Path


class OutputError(Exception):
    """A folder or file that can't be written: one sentence, what to do."""


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing. Raises OutputError where nothing can be written in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {path} can't be made ({error.strerror}); name another place."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {path} can't be written to; name another place or change its rights.")
    return path
