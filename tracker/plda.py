"""Whether two groups of pictures show one person, by how people differ and how one person's pictures do.

A vector is its person's own point plus what changes from view to view; both are normal. How wide each is in
which direction is learned from groups that are one person's each. Directions in which pictures of one person
differ as much as people do then count for little, and who is dressed as most are is told from others less
surely (probabilistic linear discriminant analysis: Ioffe, ECCV 2006; Prince and Elder, ICCV 2007; with two
full covariances: Brummer and de Villiers, "The speaker partitioning problem", Odyssey 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.topology import Integers, Table
from tracker.types import Floats

Matrix = NDArray[np.float64]

SHRINK = 0.5
"""The share of how one person's views differ that is taken to be alike in all directions."""

AGAIN = 0.2
"""How much a group as a whole is off its person's point, as a share of one view's variance: another hour,
light or coat. So no number of views of one hour tells more than five would of five hours."""

LEAST_VIEWS = 300
"""Views beyond the first of each group that the covariances are learned from, at least."""

LEAST_GROUPS, SEVERAL = 50, 3
"""So many groups, of so many views each, tell how people differ."""


@dataclass(frozen=True, slots=True)
class Plda:
    """mean: (D,). axes: (D, D) columns along which one person's views have variance 1 and no correlation.
    between: (D,) variance of people's own points along each.
    """

    mean: Matrix
    axes: Matrix
    between: Matrix

    def log_ratios(self, looks: Floats, group: Integers) -> Table:
        """(K, K) log likelihood ratios: groups i and j are one person's, against two's.

        looks: (N, D) as fitted; group: (N,) codes 0..K-1, none left out.
        """
        count = np.bincount(group).astype(np.float64)
        points = (looks.astype(np.float64) - self.mean) @ self.axes
        weight = 1.0 / (1.0 + AGAIN * count)
        sums = _sums(points, group) * weight[:, None]
        return self._ratios(np.round(count * weight, 12), sums)

    def _ratios(self, weight: Matrix, sums: Matrix) -> Table:
        """weight: (K,) how many independent views each group is worth. sums: (K, D) of them."""
        alone = _evidence(weight[:, None], sums, self.between).sum(axis=1)
        ratios = np.empty((len(sums), len(sums)), np.float32)
        kinds, kind = np.unique(weight, return_inverse=True)
        rows = [np.flatnonzero(kind == number) for number in range(len(kinds))]
        for a, first in enumerate(rows):
            for b, second in enumerate(rows[a:], a):
                both = self._joint(kinds[a] + kinds[b], sums[first], sums[second])
                part = both - alone[first][:, None] - alone[second][None]
                ratios[np.ix_(first, second)] = part
                ratios[np.ix_(second, first)] = part.T
        return ratios

    def _joint(self, weight: float, one: Matrix, other: Matrix) -> Matrix:
        """(A, B) the evidence of each two sums together, that have this weight."""
        scale = self.between / (1.0 + weight * self.between)
        squares = ((one**2) @ scale)[:, None] + ((other**2) @ scale)[None]
        cross: Matrix = (one * scale) @ other.T
        joint: Matrix = (squares + 2.0 * cross - np.log1p(weight * self.between).sum()) / 2.0
        return joint


def fit(looks: Floats, group: Integers) -> Plda | None:
    """From (N, D) looks of groups that are one person's each, (N,) codes from 0; None of too few."""
    count = np.bincount(group).astype(np.float64)
    several = count >= SEVERAL
    if len(looks) - len(count) < LEAST_VIEWS or several.sum() < LEAST_GROUPS:
        return None
    rows = looks.astype(np.float64)
    means = _sums(rows, group) / count[:, None]
    off = rows - means[group]
    within = _shrunk(off.T @ off / (len(rows) - len(count)))
    mean = means.mean(axis=0)
    apart = means[several] - mean
    between = apart.T @ apart / several.sum() - within * np.mean(1.0 / count[several])
    white = np.linalg.cholesky(np.linalg.inv(within))
    spread, turn = np.linalg.eigh(white.T @ between @ white)
    return Plda(mean, white @ turn, np.maximum(spread, 0.0))


def _evidence(weight: Matrix | float, sums: Matrix, between: Matrix) -> Matrix:
    """Log evidence of views of one person, less what cancels in a ratio: element by element."""
    found: Matrix = (sums**2 * between / (1.0 + weight * between) - np.log1p(weight * between)) / 2.0
    return found


def _sums(rows: Matrix, group: Integers) -> Matrix:
    sums = np.zeros((int(group.max()) + 1, rows.shape[1]))
    np.add.at(sums, group, rows)
    return sums


def _shrunk(covariance: Matrix) -> Matrix:
    size = len(covariance)
    shrunk: Matrix = (1.0 - SHRINK) * covariance + SHRINK * np.trace(covariance) / size * np.eye(size)
    return shrunk
