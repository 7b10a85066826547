"""A few good and different pictures of one person: what appearance is compared by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats

SAME = 0.95
"""Two embeddings nearer than this (cosine) tell the same; the better picture stays."""

Taken = tuple[int, float]
"""The number of the sighting that a picture is of, negative the id of an earlier run's, and its time."""

UNKNOWN: Taken = (0, 0.0)


class Templates:
    """At most ``most`` embeddings, each with its quality and where it was taken (UNKNOWN where nobody says).

    Room is made by the one that adds least.
    """

    def __init__(self, *, dimension: int, most: int = 8) -> None:
        self.most = most
        self.vectors: Floats = np.zeros((0, dimension), np.float32)
        self.qualities: NDArray[Any] = np.zeros(0)
        self.taken: list[Taken] = []

    def __len__(self) -> int:
        return len(self.vectors)

    def offer(self, vector: Floats, quality: float, taken: Taken = UNKNOWN) -> bool:
        """Takes the (D,) unit vector in if it adds something; says whether it did."""
        if len(self) == 0:
            self._append(vector, quality, taken)
            return True
        near = self.vectors @ vector
        twin = int(near.argmax())
        if near[twin] > SAME:
            return self._replace(twin, vector, quality, taken)
        if len(self) < self.most:
            self._append(vector, quality, taken)
            return True
        return self._squeeze(vector, quality, taken)

    def offer_all(self, vectors: Floats, qualities: NDArray[Any], taken: Iterable[Taken]) -> None:
        for vector, quality, place in zip(vectors, qualities, taken, strict=True):
            self.offer(vector, float(quality), place)

    def begin(self, vectors: Floats, quality: float, taken: Sequence[Taken]) -> None:
        """What an earlier run held, all of one quality: as if offered one by one to none, but at once."""
        vectors, taken = vectors[: self.most], taken[: self.most]
        alike = np.triu(vectors @ vectors.T > SAME, 1)
        kept = list(range(len(vectors)))
        if alike.any():
            kept = []
            for row in range(len(vectors)):
                if not alike[kept, row].any():
                    kept.append(row)
        self.vectors = vectors if len(kept) == len(vectors) else vectors[kept]
        self.qualities = np.full(len(kept), quality)
        self.taken = [taken[row] for row in kept]

    def forget(self, sighting: int) -> None:
        """Lets go of what was taken of a sighting."""
        kept = [row for row, (number, _) in enumerate(self.taken) if number != sighting]
        self.vectors, self.qualities = self.vectors[kept], self.qualities[kept]
        self.taken = [self.taken[row] for row in kept]

    def _append(self, vector: Floats, quality: float, taken: Taken) -> None:
        self.vectors = np.vstack([self.vectors, vector[None]])
        self.qualities = np.append(self.qualities, quality)
        self.taken.append(taken)

    def _replace(self, row: int, vector: Floats, quality: float, taken: Taken) -> bool:
        if quality <= self.qualities[row]:
            return False
        self.vectors[row], self.qualities[row], self.taken[row] = vector, quality, taken
        return True

    def _squeeze(self, vector: Floats, quality: float, taken: Taken) -> bool:
        """Full: of the old and the new one, the least useful goes.

        Useful is good, and unlike the others: quality times distance to the nearest other template.
        """
        vectors = np.vstack([self.vectors, vector[None]])
        qualities = np.append(self.qualities, quality)
        alike = vectors @ vectors.T
        np.fill_diagonal(alike, -1.0)
        worst = int((qualities * (1.0 - alike.max(axis=1))).argmin())
        if worst == len(self):
            return False
        self.vectors = np.delete(vectors, worst, axis=0)
        self.qualities = np.delete(qualities, worst)
        self.taken = [*self.taken[:worst], *self.taken[worst + 1 :], taken]
        return True


def similarity(a: Floats, b: Floats) -> float:
    """How alike two people's templates are: (N, D) and (M, D) unit rows -> cosine, -1..1.

    The mean over each side's rows of the nearest on the other side, both ways.
    """
    alike = a @ b.T
    return float((alike.max(axis=1).mean() + alike.max(axis=0).mean()) / 2)


def similarities(a: Floats, many: Sequence[Floats]) -> Floats:
    """The same of one person and each of many, at once: (N, D) and K times (M, D) -> (K,)."""
    if not many:
        return np.zeros(0, np.float32)
    counts = [len(b) for b in many]
    first = np.cumsum([0, *counts[:-1]])
    alike = a @ np.concatenate(many).T
    mine = np.maximum.reduceat(alike, first, axis=1).mean(axis=0)
    theirs = np.add.reduceat(alike.max(axis=0), first) / counts
    return np.asarray((mine + theirs) / 2, np.float32)
