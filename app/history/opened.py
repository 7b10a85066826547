"""What a command asks of or corrects in a database that must be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.history import History


@contextmanager
def opened(path: Path) -> Iterator[History]:
    """To be asked."""
    from storage.database import existing
    from storage.history import History

    with existing(path) as engine:
        yield History(engine)
