"""How well vectors find people again: CMC, mean average precision and mINP over queries and a gallery.

The protocol of Market-1501 (Zheng et al., ICCV 2015): of every query, the pictures of the same person by the
same camera are taken out of the gallery, the rest is ranked by distance; a query without a right answer is
left out and counted. Entries equally far rank in the gallery's order. Results are those of sorting all
distances, but only a block of rows is held at a time and only the right answers' places are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reid.embedder import Embedder
from reid.preprocess import Floats, Image
from training.errors import TrainingError
from training.market1501 import Integers, Pictures

PLACES = 50
BLOCK = 2**23  # distances held at once, 32 MiB
TIES_AT_ONCE = 2**26  # comparisons made at once where entries are equally far

Vectors = Floats | Tensor
"""(N, D) rows of unit length, on any device."""


class Labelled(Protocol):
    """Pictures, or whatever tells (N,) persons and cameras."""

    @property
    def person(self) -> Integers: ...
    @property
    def camera(self) -> Integers: ...


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """All in 0..1, means over the queries that have a right answer.

    cmc: (50,), element k - 1: how often one of the first k answers is right. map: mean average precision in
    the common, rectangular form, the mean of the precision at each right answer. map_trapezoid: in the form
    of the data set's own code, the area under lines between precisions, which is lower. minp: mean inverse
    negative penalty (Ye et al., TPAMI 2021), right answers over the place of the last. queries: how many were
    scored. skipped: how many had no right answer.
    """

    cmc: NDArray[np.float64]
    map: float
    map_trapezoid: float
    minp: float
    queries: int
    skipped: int

    def rank(self, k: int) -> float:
        """How often one of the first k answers is right, k from 1 to 50."""
        return float(self.cmc[k - 1])

    def row(self) -> dict[str, float]:
        """rank1, rank5, rank10, map, map_trapezoid, minp: as in the log of a training."""
        ranks = {f"rank{k}": self.rank(k) for k in (1, 5, 10)}
        return {**ranks, "map": self.map, "map_trapezoid": self.map_trapezoid, "minp": self.minp}


def evaluate(
    query_vectors: Vectors,
    gallery_vectors: Vectors,
    *,
    query: Labelled,
    gallery: Labelled,
    device: str | torch.device = "cpu",
) -> Scores:
    """The scores by cosine distance; row i of the vectors belongs to row i of the tables.

    device: where the work is done. Raises TrainingError where a vector is not finite or no query has a right
    answer.
    """
    queries, entries = (_on(device, vectors) for vectors in (query_vectors, gallery_vectors))
    rows = max(1, BLOCK // max(1, len(entries)))
    return _scores(
        (-(queries[start : start + rows] @ entries.T) for start in range(0, len(queries), rows)),
        query,
        gallery,
    )


def evaluate_distances(distances: Vectors, *, query: Labelled, gallery: Labelled) -> Scores:
    """The scores by distances (Q, G), as reid.distance.k_reciprocal gives them. They are not written to.

    Raises TrainingError where a distance is not finite or no query has a right answer.
    """
    given = _on(None, distances)
    rows = max(1, BLOCK // max(1, given.shape[1]))
    return _scores(
        (given[start : start + rows].clone() for start in range(0, len(given), rows)), query, gallery
    )


def _on(device: str | torch.device | None, vectors: Vectors) -> Tensor:
    tensor = torch.as_tensor(vectors).detach().to(device=device, dtype=torch.float32)
    if not bool(torch.isfinite(tensor).all()):
        raise TrainingError(
            "The network's vectors are not finite: its weights are damaged, or its training diverged."
        )
    return tensor


def average_precision(places: Sequence[int] | Integers) -> tuple[float, float]:
    """Rectangular and trapezoidal, of one query's right answers at the given places, from 1 and ascending."""
    ranks = np.asarray(places, np.int64)
    rectangular, trapezoid = _precisions(ranks, np.arange(1, len(ranks) + 1))
    return float(rectangular.mean()), float(trapezoid.mean())


def _precisions(ranks: Integers, number: Integers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(M,) each, what every right answer adds: it is the number-th of its query, at place rank."""
    at = number / ranks
    before = np.where(ranks > 1, (number - 1) / np.maximum(ranks - 1, 1), 1.0)
    return at, (at + before) / 2


def _scores(blocks: Iterable[Tensor], query: Labelled, gallery: Labelled) -> Scores:
    """blocks: the rows of the distances (Q, G) in parts, free to be written to."""
    pairs = _same_person(query, gallery)
    rows, ranks = _places(blocks, pairs)
    if not len(rows):
        raise TrainingError(
            "No query has a right answer: the gallery shows none of their persons by another camera."
        )
    order = np.lexsort((ranks, rows))
    rows, ranks = rows[order], ranks[order]
    _, row, right = np.unique(rows, return_inverse=True, return_counts=True)
    number = _count_up(right) + 1
    at, between = _precisions(ranks, number)
    first, last = ranks[number == 1], ranks[number == right[row]]
    return Scores(
        cmc=(first[:, None] <= np.arange(1, PLACES + 1)).mean(axis=0),
        map=float((np.bincount(row, at) / right).mean()),
        map_trapezoid=float((np.bincount(row, between) / right).mean()),
        minp=float((right / last).mean()),
        queries=len(right),
        skipped=len(query.person) - len(right),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Pairs:
    """Each query's gallery entries of the same person: (M,) each, by query. own: by the same camera too."""

    row: Integers
    column: Integers
    own: NDArray[np.bool_]

    def between(self, start: int, stop: int) -> _Pairs:
        """Those of the queries start to stop, counted from start."""
        part = slice(*np.searchsorted(self.row, (start, stop)))
        return _Pairs(self.row[part] - start, self.column[part], self.own[part])


def _same_person(query: Labelled, gallery: Labelled) -> _Pairs:
    order = np.argsort(gallery.person, kind="stable")
    person = gallery.person[order]
    first = np.searchsorted(person, query.person)
    counts = np.searchsorted(person, query.person, side="right") - first
    row = np.repeat(np.arange(len(counts)), counts)
    column = order[np.repeat(first, counts) + _count_up(counts)]
    return _Pairs(row, column, query.camera[row] == gallery.camera[column])


def _count_up(counts: Integers) -> Integers:
    """0, 1, ... counts[0] - 1, 0, 1, ... counts[1] - 1, and so on."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _places(blocks: Iterable[Tensor], pairs: _Pairs) -> tuple[Integers, Integers]:
    """Query and place (from 1) of every right answer, in no order."""
    rows, ranks, start = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for block in blocks:
        own = pairs.between(start, start + len(block))
        rows.append(own.row[~own.own] + start)
        ranks.append(_places_in(block, own))
        start += len(block)
    return np.concatenate(rows), np.concatenate(ranks)


def _places_in(block: Tensor, pairs: _Pairs) -> Integers:
    """The places of the block's right answers in the order of the pairs."""
    row, column, own = (
        torch.from_numpy(part).to(block.device) for part in (pairs.row, pairs.column, pairs.own)
    )
    block[row[own], column[own]] = torch.inf
    row, column = row[~own], column[~own]
    if not len(row):
        return np.empty(0, np.int64)
    counts = torch.bincount(row, minlength=len(block))
    slot = torch.arange(len(row), device=block.device) - (counts.cumsum(0) - counts)[row]
    wanted = block.new_full((len(block), int(counts.max())), torch.inf)
    wanted[row, slot] = distance = block[row, column]
    ordered = _sorted(block)
    nearer = torch.searchsorted(ordered, wanted)[row, slot]
    equal = torch.searchsorted(ordered, wanted, right=True)[row, slot] - nearer
    for tied in torch.split(torch.nonzero(equal > 1)[:, 0], max(1, TIES_AT_ONCE // block.shape[1])):
        same = block[row[tied]] == distance[tied, None]
        same &= torch.arange(block.shape[1], device=block.device) < column[tied, None]
        nearer[tied] += same.sum(1)
    return (nearer + 1).cpu().numpy()


def _sorted(block: Tensor) -> Tensor:
    """Each row in ascending order. On a CPU by numpy, which is 20 times as fast as torch at it."""
    if block.device.type == "cpu":
        return torch.from_numpy(np.sort(block.numpy(), axis=1))
    return torch.sort(block, dim=1).values


def embed(
    embedder: Embedder,
    pictures: Pictures,
    *,
    flip: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Floats:
    """(N, D) unit rows, row i of picture i. flip: each is the mean of a picture's and its mirror image's.

    progress: is told how many pictures are done. Raises TrainingError for a picture that is missing or
    damaged.
    """
    vectors = np.empty((len(pictures), embedder.dimension), np.float32)
    done = 0
    for crops in pictures.batches():
        found = embedder.embed(crops)
        if flip:
            found = _unit(np.add(found, embedder.embed([_mirrored(crop) for crop in crops])))
        vectors[done : done + len(crops)] = found
        done += len(crops)
        if progress is not None:
            progress(done)
    return vectors


def _mirrored(crop: Image) -> Image:
    return np.ascontiguousarray(crop[:, ::-1])


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What one query finds. query: its row. entries: (K,) gallery rows, nearest first. right: (K,) which of
    them show the person asked for. distances: (K,) cosine distances. there: right ones in the whole gallery.
    """

    query: int
    entries: Integers
    right: NDArray[np.bool_]
    distances: Floats
    there: int


def answers(
    query_vectors: Floats,
    gallery_vectors: Floats,
    *,
    query: Labelled,
    gallery: Labelled,
    rows: Iterable[int],
    count: int = 10,
) -> Iterator[Answer]:
    """The first answers to the queries in the given rows, by the same rules as the scores."""
    for row in rows:
        distances = np.asarray(1 - gallery_vectors @ query_vectors[row], np.float32)
        same, here = gallery.person == query.person[row], gallery.camera == query.camera[row]
        distances[same & here] = np.inf
        entries = np.argsort(distances, kind="stable")[:count]
        entries = entries[np.isfinite(distances[entries])]
        yield Answer(row, entries, same[entries], distances[entries], int((same & ~here).sum()))
