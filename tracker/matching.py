"""Costs between two sets of things, and the cheapest way to pair them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lap
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Matches:
    """pairs: (M, 2) of row and column; rows, columns: those left over, ascending."""

    pairs: Rows
    rows: Rows
    columns: Rows


def intersection(a: Matrix, b: Matrix) -> Matrix:
    """(N, 4) and (M, 4) xyxy boxes -> (N, M); element (i, j) is the area shared by a[i] and b[j]."""
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(right_bottom - left_top, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1])


def area(boxes: Matrix) -> Matrix:
    """(N, 4) xyxy boxes -> (N,) areas."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def iou(a: Matrix, b: Matrix) -> Matrix:
    """(N, 4) and (M, 4) xyxy boxes -> (N, M); element (i, j) is the shared part of a[i] and b[j], 0..1."""
    shared = intersection(a, b)
    whole = area(a)[:, None] + area(b)[None, :] - shared
    return np.asarray(shared / np.maximum(whole, 1e-9))


def buffered_iou(a: Matrix, b: Matrix, margin: Matrix) -> Matrix:
    """As ``iou``, of boxes grown on every side: element (i, j) with a[i] and b[j] grown by margin[i].

    margin: (N, 2) pixels in x and y. Things that moved past each other between two frames still meet
    (C-BIoU, arXiv 2211.14317).
    """
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    grown = 2 * margin[:, None, :]
    shared = np.clip(right_bottom - left_top + grown, 0, None).prod(axis=-1)
    first = (a[:, None, 2:] - a[:, None, :2] + grown).prod(axis=-1)
    second = (b[None, :, 2:] - b[None, :, :2] + grown).prod(axis=-1)
    return np.asarray(shared / np.maximum(first + second - shared, 1e-9))


def cosine_distance(a: Matrix, b: Matrix) -> Matrix:
    """(N, D) and (M, D) unit rows -> (N, M); element (i, j) is 1 - a[i].b[j], 0..2, NaN where a row is."""
    return np.asarray(1.0 - a @ b.T)


def assign(cost: Matrix, *, max_cost: float) -> Matches:
    """The pairing of least total cost in which no pair costs more than ``max_cost``.

    cost: (N, M); infinite or NaN elements are never paired. Jonker and Volgenant's method, 1987.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return Matches(np.zeros((0, 2), np.intp), np.arange(rows), np.arange(columns))
    barred = ~(cost <= max_cost)
    finite = np.where(barred, max_cost + 1.0, cost).astype(np.float64)
    _, partner, _ = lap.lapjv(finite, extend_cost=True, cost_limit=max_cost + 0.5)
    chosen = [(i, j) for i, j in enumerate(partner) if j >= 0 and not barred[i, j]]
    pairs = np.array(chosen, np.intp).reshape(-1, 2)
    return Matches(pairs, others(rows, pairs[:, 0]), others(columns, pairs[:, 1]))


def others(count: int, taken: Rows) -> Rows:
    """The numbers below ``count`` that are not taken, ascending."""
    free = np.ones(count, np.bool_)
    free[taken] = False
    return np.flatnonzero(free)
