"""Many ids in several queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_ROWS_A_QUERY = 500


def in_batches(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts short enough to name in one query."""
    return (ids[k : k + _ROWS_A_QUERY] for k in range(0, len(ids), _ROWS_A_QUERY))
