"""Where the cameras lie in a picture of their links: neighbours near, others far."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

ROUNDS = 300
"""Of majorization; a few dozen would do for some dozen cameras."""

NEARLY_STRAIGHT = 0.3
"""A row of cameras that bends by less of the distance between neighbours is drawn straight."""

ASUNDER = 2.0
"""How far those are from each other between whom there is no way."""

Places = NDArray[np.float64]


def places(count: int, linked: Collection[tuple[int, int]]) -> Places:
    """(N, 2): where each of ``count`` cameras lies, neighbours about 1 apart, the longest way from left to
    right. linked: pairs of them.

    Distances are those of the graph, as nearly as a plane allows: stress majorization (Gansner, Koren and
    North, "Graph drawing by stress majorization", 2004), from a circle, so that it is the same every time.
    """
    if count < 2:
        return np.zeros((count, 2))
    wanted = _hops(count, linked)
    weights = 1 / np.maximum(wanted, 1) ** 2
    np.fill_diagonal(weights, 0)
    turn = 2 * np.pi * np.arange(count) / count
    found = np.stack([np.cos(turn), np.sin(turn)], axis=1) * wanted.max() / 2
    laplacian = np.diag(weights.sum(axis=1)) - weights
    solve = np.linalg.pinv(laplacian)
    for _ in range(ROUNDS):
        apart = found[:, None] - found[None]
        length = np.maximum(np.linalg.norm(apart, axis=2), 1e-9)
        pull = weights * wanted / length
        found = solve @ ((np.diag(pull.sum(axis=1)) - pull) @ found)
    return _lying(found)


def _hops(count: int, linked: Collection[tuple[int, int]]) -> Places:
    """(N, N) steps from each to each, ASUNDER where there is no way."""
    steps = np.full((count, count), np.inf)
    np.fill_diagonal(steps, 0)
    for a, b in linked:
        steps[a, b] = steps[b, a] = 1
    for k in range(count):
        steps = np.minimum(steps, steps[:, k, None] + steps[None, k])
    return np.where(np.isfinite(steps), steps, ASUNDER)


def _lying(found: Places) -> Places:
    """Turned so that it is widest from left to right; the first camera is on the left."""
    found = found - found.mean(axis=0)
    _, _, axes = np.linalg.svd(found, full_matrices=False)
    lying = found @ axes.T
    lying[:, 0] *= -1 if lying[0, 0] > 0 else 1
    if np.ptp(lying[:, 1]) < NEARLY_STRAIGHT:
        lying[:, 1] = 0
    return np.asarray(lying)
