"""Folders for their owner alone, and whether a file that is being written still lies where it did."""

from __future__ import annotations

import os
from pathlib import Path


class Place:
    """The file at a path, as it is when this is made: SQLite goes on writing to one that was moved away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.stat()

    def trouble(self) -> str:
        """What has become of it, in words that go on from "the history PATH"; "" where it is still there."""
        try:
            there = self._path.stat()
        except OSError:
            return "is no longer there: it was moved or deleted; put it back, or start again for a new one"
        if not os.path.samestat(there, self._file):
            return "is another file than before; put the one before back, or start again with this one"
        return ""


def make_private(folder: Path) -> None:
    """The folder, and those above it that are missing, for its owner alone. Raises OSError."""
    for missing in [*reversed(folder.parents), folder]:
        if not missing.is_dir():
            missing.mkdir(mode=0o700, exist_ok=True)
