"""The nearest of very many vectors, at a cost that hardly grows with their number.

A random projection to a few numbers keeps angles well enough to leave out all but some hundred (Johnson and
Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space", 1984); those are compared in full.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats

SKETCH = 48
"""Numbers of a projected vector."""

WIDER = 8
"""How many times those asked for are compared in full."""


class Nearest:
    """Vectors by number. dimension: of the vectors. Memory: dimension + SKETCH floats a vector."""

    def __init__(self, *, dimension: int) -> None:
        size = min(SKETCH, dimension)
        rng = np.random.default_rng(0)  # any directions serve, and the same each time
        self._way: Floats = np.linalg.qr(rng.normal(size=(dimension, size)))[0].astype(np.float32)
        self._vectors: Floats = np.zeros((64, dimension), np.float32)
        self._sketches: Floats = np.zeros((64, size), np.float32)
        self._numbers: NDArray[np.int64] = np.zeros(64, np.int64)
        self._row: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._row)

    def place(self, number: int, vector: Floats) -> None:
        """The (D,) vector of that number is this from now on; its length doesn't matter."""
        row = self._row.setdefault(number, len(self._row))
        if row == len(self._numbers):
            self._grow()
        unit = vector / max(float(np.linalg.norm(vector)), 1e-9)
        sketch = unit @ self._way
        self._numbers[row], self._vectors[row] = number, unit
        self._sketches[row] = sketch / max(float(np.linalg.norm(sketch)), 1e-9)

    def remove(self, number: int) -> None:
        """Forgets a number; one that is not there, too. The last takes its row."""
        row = self._row.pop(number, None)
        if row is None:
            return
        last = len(self._row)
        for table in (self._vectors, self._sketches, self._numbers):
            table[row] = table[last]
            table[last] = 0
        if row != last:
            self._row[int(self._numbers[row])] = row

    def to(self, vector: Floats, count: int) -> list[int]:
        """The numbers of the ``count`` nearest by cosine, in order of number; all where there are fewer."""
        size = len(self)
        if size <= count:
            return sorted(self._row)
        near = self._best(self._sketches[:size] @ (vector @ self._way), count * WIDER)
        best = near[self._best(self._vectors[near] @ vector, count)]
        return sorted(self._numbers[best].tolist())

    @staticmethod
    def _best(alike: Floats, count: int) -> NDArray[np.int64]:
        if len(alike) <= count:
            return np.arange(len(alike))
        return np.argpartition(alike, len(alike) - count)[-count:]

    def _grow(self) -> None:
        self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._sketches = np.concatenate([self._sketches, np.zeros_like(self._sketches)])
        self._numbers = np.concatenate([self._numbers, np.zeros_like(self._numbers)])
