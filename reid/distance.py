"""Distances between embeddings, plain and re-ranked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from reid.preprocess import Floats

ROWS_AT_ONCE = 1024

Indices = NDArray[np.int32]


def cosine_distance(a: Floats, b: Floats) -> Floats:
    """(N, M) float32, element (i, j) = 1 - cosine of a's row i and b's row j: 0 alike, 2 opposite.

    a: (N, D), b: (M, D), rows of unit length.
    """
    return np.asarray(np.clip(1 - a @ b.T, 0, 2), np.float32)


def k_reciprocal(query: Floats, gallery: Floats, *, k1: int = 20, k2: int = 6, weight: float = 0.3) -> Floats:
    """Re-ranked distances (Q, G) float32, element (i, j) of query i and gallery entry j: 0 alike, 1 unlike.

    Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding" (CVPR 2017): the Jaccard
    distance of the two sets of mutual neighbours, mixed with the squared cosine distance (by row, its largest
    as 1), which has the given weight.

    query: (Q, D), gallery: (G, D), rows of unit length. k1: neighbours a set is drawn from. k2: neighbours
    whose sets are averaged. No (Q + G) x (Q + G) array is made: the memory is that of a few (Q, G).
    """
    everyone = np.concatenate([query, gallery])
    nearest, largest = _nearest(everyone, min(k1 + 1, len(everyone)))
    members = _expanded(nearest, k1)
    sets = _weighted(everyone, members, largest)
    if k2 > 1:
        sets = _averaged(sets, nearest[:, :k2])
    plain = cosine_distance(query, gallery) ** 2 / largest[: len(query), None]
    return np.asarray(_jaccard(sets, len(query)) * (1 - weight) + plain * weight, np.float32)


def _nearest(features: Floats, count: int) -> tuple[Indices, Floats]:
    """(N, count) the rows nearest to each row, best first, and (N,) the largest squared distance of each."""
    nearest = np.empty((len(features), count), np.int32)
    largest = np.empty(len(features), np.float32)
    for start in range(0, len(features), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        distances = cosine_distance(features[rows], features) ** 2
        largest[rows] = distances.max(axis=1)
        some = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, some, axis=1), axis=1, kind="stable")
        nearest[rows] = np.take_along_axis(some, order, axis=1)
    return nearest, largest


def _reciprocal(nearest: Indices, k: int) -> list[set[int]]:
    """Of each row, those of its k nearest (and itself) that have it among theirs."""
    forward = nearest[:, : k + 1]
    mutual = (forward[forward] == np.arange(len(forward), dtype=np.int32)[:, None, None]).any(axis=2)
    return [set(row[kept].tolist()) for row, kept in zip(forward, mutual, strict=True)]


def _expanded(nearest: Indices, k1: int) -> list[list[int]]:
    """The reciprocal sets, each joined by the half-size sets of its members that lie in it by two thirds."""
    whole, half = _reciprocal(nearest, k1), _reciprocal(nearest, round(k1 / 2))
    expanded = []
    for members in whole:
        near = (half[member] for member in members)
        joined = [other for other in near if len(other & members) > 2 / 3 * len(other)]
        expanded.append(sorted(members.union(*joined)))
    return expanded


def _weighted(features: Floats, members: list[list[int]], largest: Floats) -> sparse.csr_array:
    """(N, N) sparse, row i: its members by nearness, exp(-distance), summing to 1."""
    weights = []
    for row, own in enumerate(members):
        distances = cosine_distance(features[row : row + 1], features[own])[0] ** 2 / largest[row]
        near = np.exp(-distances)
        weights.append(near / near.sum())
    starts = np.cumsum([0, *(len(own) for own in members)])
    shape = (len(members), len(members))
    return sparse.csr_array((np.concatenate(weights), np.concatenate(members), starts), shape=shape)


def _averaged(sets: sparse.csr_array, nearest: Indices) -> sparse.csr_array:
    """Each row the mean of its nearest rows."""
    count, k = nearest.shape
    starts = np.arange(0, count * k + 1, k)
    share = np.full(count * k, 1 / k, np.float32)
    return sparse.csr_array((share, nearest.ravel(), starts), shape=sets.shape) @ sets


def _jaccard(sets: sparse.csr_array, queries: int) -> Floats:
    """(Q, G) of the first rows and the others: 1 - intersection / union of rows that each sum to 1."""
    columns = sets[queries:].tocsc()
    found = np.empty((queries, sets.shape[0] - queries), np.float32)
    for row in range(queries):
        own = slice(sets.indptr[row], sets.indptr[row + 1])
        starts, ends = columns.indptr[sets.indices[own]], columns.indptr[sets.indices[own] + 1]
        picked = np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])
        shared = np.minimum(np.repeat(sets.data[own], ends - starts), columns.data[picked])
        common = np.bincount(columns.indices[picked], shared, minlength=found.shape[1])
        found[row] = 1 - common / (2 - common)
    return found
