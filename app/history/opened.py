"""The history that a command asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.history import History


@contextmanager
def opened(path: Path) -> Iterator[History]:
    """The history in a database that must be there."""
    from storage.database import open_database
    from storage.history import History

    engine = open_database(path, create=False)
    try:
        yield History(engine)
    finally:
        engine.dispose()
