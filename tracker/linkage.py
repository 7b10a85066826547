"""Clusters from pairs: average linkage under constraints."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from tracker.topology import Table

ACCEPT = 0.7
"""Mean probability from which two clusters are one person: a wrong merge is worse than a duplicate."""

NEVER = -np.inf


def joined(
    odds: Table, never: NDArray[np.bool_], ties: Collection[tuple[int, int]], *, accept: float = ACCEPT
) -> NDArray[np.int64]:
    """(N,) labels: clusters joined by the mean log odds of their pairs, the highest first, while accepted.

    never: pairs that are in no cluster together. ties: pairs that are, whatever the odds; raises ValueError
    where that cannot be. accept: the mean probability from which clusters join.
    """
    table = np.where(never, NEVER, odds.astype(np.float64))
    np.fill_diagonal(table, NEVER)
    labels, sizes = np.arange(len(table)), np.ones(len(table))
    for a, b in ties:
        first, second = labels[a], labels[b]
        if first != second:
            if never[a, b]:
                raise ValueError("Two sightings are said to be one person's, and cannot be.")
            _join(table, labels, sizes, first, second)
    best, where = table.max(axis=1, initial=NEVER), table.argmax(axis=1)
    while len(best) and best.max() > np.log(accept / (1 - accept)):
        first = int(best.argmax())
        second = int(where[first])
        stale = _join(table, labels, sizes, first, second) & ((where == first) | (where == second))
        for row in {first, *np.flatnonzero(stale).tolist()}:
            where[row] = table[row].argmax()
            best[row] = table[row, where[row]]
        best[second] = NEVER
        better = table[first] > best
        best[better], where[better] = table[first][better], first
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _join(
    table: NDArray[np.float64], labels: NDArray[np.int64], sizes: NDArray[np.float64], first: int, second: int
) -> NDArray[np.bool_]:
    """Puts the second cluster into the first; says which clusters there still are."""
    weight = sizes[first] / (sizes[first] + sizes[second])
    table[first] = weight * table[first] + (1 - weight) * table[second]
    table[first, first] = NEVER
    table[:, first] = table[first]
    table[second], table[:, second] = NEVER, NEVER
    labels[labels == second] = first
    sizes[first], sizes[second] = sizes[first] + sizes[second], 0
    return sizes > 0
