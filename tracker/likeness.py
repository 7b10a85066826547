"""How alike a picture and somebody known look -> log odds that it is theirs: what `sightline find` asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats

Numbers = NDArray[np.float64]

STEPS = 100
EDGES = np.linspace(-1.0, 1.0, STEPS + 1)

MOST_ODDS = 10.0
"""No picture of one person on either side says more than this; a clone or a wrong label would."""

MIDPOINT, WIDTH = 0.50, 0.05
"""Of the curve of networks trained on Market-1501, before there is footage to learn from."""


@dataclass(frozen=True, slots=True)
class Curve:
    """log_odds: at the similarities EDGES, rising."""

    log_odds: Numbers

    def __call__(self, similarity: Floats) -> Floats:
        steps = np.float32(STEPS / 2) * (np.asarray(similarity, np.float32) + np.float32(1.0))
        steps = np.clip(steps, 0.0, np.float32(STEPS) - np.float32(1e-3))
        left = steps.astype(np.int32)
        odds = self.log_odds.astype(np.float32)
        found: Floats = odds[left] + np.diff(odds)[left] * (steps - left)
        return found

    @property
    def even(self) -> float:
        """The least similarity at which being one person is no less likely than not; 1 where it never is."""
        reached = np.flatnonzero(self.log_odds >= 0)
        if not len(reached) or reached[0] == 0:
            return -1.0 if len(reached) else 1.0
        after = reached[0]
        return float(np.interp(0.0, self.log_odds[after - 1 : after + 1], EDGES[after - 1 : after + 1]))


def straight(*, midpoint: float = MIDPOINT, width: float = WIDTH) -> Curve:
    """The curve of a network nobody has footage of: even at midpoint, a factor e in the odds a width."""
    return Curve(np.clip((EDGES - midpoint) / width, -MOST_ODDS, MOST_ODDS))
