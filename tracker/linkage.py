"""Clusters from pairs: average linkage under constraints, with who is in the way moved out of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.topology import Integers, Table

ACCEPT = 0.7
"""Mean probability from which two clusters are one person: a wrong merge is worse than a duplicate."""

ROUNDS = 4
"""Of moving out who is in the way, and linking again; the last ones change little."""

NEVER = -np.inf

Pairs = NDArray[np.bool_]


def joined(
    odds: Table, never: Pairs, ties: Collection[tuple[int, int]], *, accept: float = ACCEPT
) -> Integers:
    """(N,) labels: clusters joined by the mean log odds of their pairs, the highest first, while accepted.

    never: pairs that are in no cluster together. ties: pairs that are, whatever the odds; raises ValueError
    where that cannot be. accept: the mean probability from which clusters join.
    """
    return _linked(odds, never, _tied(never, ties), accept)


def rejoined(
    odds: Table,
    never: Pairs,
    ties: Collection[tuple[int, int]],
    *,
    far: Pairs | None = None,
    accept: float = ACCEPT,
) -> Integers:
    """As joined, where a few of the wrong cluster keep nobody else out of the right one.

    A detector finds somebody twice, or half of them; linked to the person first, that keeps out their own
    tracklets of the same moment. So of two clusters that never keeps apart, those who are in the way become
    clusters of their own, if by the odds more is gained than lost. far: pairs that are in no cluster together
    either; nobody is moved out for these alone.
    """
    apart = never if far is None else never | far
    labels = joined(odds, apart, ties, accept=accept)
    fixed = np.zeros(len(odds), bool)
    fixed[[row for pair in ties for row in pair]] = True
    for _ in range(ROUNDS):
        freed = _freed(odds, never, apart, labels, fixed, _log_odds(accept))
        if freed is None:
            break
        labels = _linked(odds, apart, freed, accept)
    return labels


def _tied(never: Pairs, ties: Collection[tuple[int, int]]) -> Integers:
    labels = np.arange(len(never))
    for a, b in ties:
        if labels[a] != labels[b]:
            if never[a, b]:
                raise ValueError("Two sightings are said to be one person's, and cannot be.")
            labels[labels == labels[b]] = labels[a]
    return labels.astype(np.int64)


def _linked(odds: Table, never: Pairs, begun: Integers, accept: float) -> Integers:
    """begun: (N,) labels of those that are together from the beginning."""
    table = np.where(never, NEVER, odds.astype(np.float64))
    np.fill_diagonal(table, NEVER)
    labels, sizes = np.arange(len(table)), np.ones(len(table))
    for rows in _members(begun):
        for row in rows[1:].tolist():
            _join(table, labels, sizes, int(rows[0]), row)
    best, where = table.max(axis=1, initial=NEVER), table.argmax(axis=1)
    while len(best) and best.max() > _log_odds(accept):
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


def _log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def _members(labels: Integers) -> Iterator[Integers]:
    """The rows of each label, 0..K-1 in turn; none is left out."""
    order = np.argsort(labels, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else ()


def _join(
    table: NDArray[np.float64], labels: Integers, sizes: NDArray[np.float64], first: int, second: int
) -> Pairs:
    """Puts the second cluster into the first; says which clusters there still are."""
    weight = sizes[first] / (sizes[first] + sizes[second])
    table[first] = weight * table[first] + (1 - weight) * table[second]
    table[first, first] = NEVER
    table[:, first] = table[first]
    table[second], table[:, second] = NEVER, NEVER
    labels[labels == second] = first
    sizes[first], sizes[second] = sizes[first] + sizes[second], 0
    return sizes > 0


def _freed(
    odds: Table, never: Pairs, apart: Pairs, labels: Integers, fixed: Pairs, least: float
) -> Integers | None:
    """(N,) labels with pairs of clusters made one, and who was in the way alone; None where there are none.

    Each cluster once, those who have most to say for each other first. labels: 0..K-1. fixed: (N,) who
    stays. least: mean log odds from which clusters join.
    """
    member = csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    first, second = (member @ csr_array(never) @ member.T).nonzero()
    members = list(_members(labels))
    hopes = []
    for one, other in zip(*(rows[first < second].tolist() for rows in (first, second)), strict=True):
        block = np.ix_(members[one], members[other])
        free = ~apart[block]
        hope = float(odds[block][free].sum())
        if hope > least * max(free.sum(), 1):
            hopes.append((hope, one, other))
    freed, used, alone = labels.copy(), set[int](), len(members)
    for _, one, other in sorted(hopes, reverse=True):
        if used.isdisjoint((one, other)):
            leaving = _leaving(odds, apart, members[one], members[other], fixed, least)
            if leaving is not None:
                used |= {one, other}
                freed[members[other]] = one
                freed[leaving] = alone + np.arange(len(leaving))
                alone += len(leaving)
    return np.unique(freed, return_inverse=True)[1].astype(np.int64) if used else None


def _leaving(
    odds: Table, apart: Pairs, one: Integers, other: Integers, fixed: Pairs, least: float
) -> Integers | None:
    """Who is to leave two clusters so that the rest can be one: of those in the way, always whom the least
    speaks for. None where that is not worth it."""
    both = np.concatenate([one, other])
    conflict = apart[np.ix_(both, both)]
    own = np.arange(len(both)) < len(one)
    conflict &= own[:, None] != own[None]
    table = np.where(apart[np.ix_(both, both)], 0.0, odds[np.ix_(both, both)].astype(np.float64))
    stays = np.ones(len(both), bool)
    while (conflicting := (conflict[:, stays].any(axis=1) & stays)).any():
        support = np.where(conflicting & ~fixed[both], table[:, stays].sum(axis=1), np.inf)
        weakest = int(support.argmin())
        if support[weakest] == np.inf:
            return None
        stays[weakest] = False
    cross = table[np.ix_(stays & own, stays & ~own)]
    before = sum(np.triu(table[np.ix_(side, side)], 1).sum() for side in (own, ~own))
    after = np.triu(table[np.ix_(stays, stays)], 1).sum()
    if not cross.size or cross.mean() <= least or after <= before:
        return None
    return both[~stays]
