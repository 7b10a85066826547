"""How alike two people look -> log odds that they are one: a curve learned from the footage itself.

Where people heap up (see tracker.topology) a share of the pairs is one person's; elsewhere hardly any is, and
those show how alike different people look here, by this network, under these lights. What the heaps hold
beyond that is how alike one person looks (the decoys of Elias and Gygi, Nature Methods 2007, put to cameras).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tracker.types import Floats

EDGES = np.linspace(-1.0, 1.0, 101)
LEAST_PAIRS = 200.0
"""Of one person's pairs that a curve is learned from; fewer leave the given one."""

MOST_ODDS = 10.0
"""No picture of one person on either side says more than this; a clone or a wrong label would."""


@dataclass(frozen=True, slots=True)
class Curve:
    """log_odds: at the similarities EDGES, rising."""

    log_odds: NDArray[np.float64]

    def __call__(self, similarity: Floats) -> Floats:
        found: Floats = np.interp(similarity, EDGES, self.log_odds).astype(np.float32)
        return found


def straight(*, midpoint: float, width: float) -> Curve:
    """The curve of a network nobody has footage of: even at midpoint, a factor e in the odds a width."""
    return Curve(np.clip((EDGES - midpoint) / width, -MOST_ODDS, MOST_ODDS))


def learned(inside: Floats, outside: Floats) -> Curve | None:
    """From the similarities of pairs inside heaps and outside; None where they tell too little.

    The share of strangers inside is that which makes up the part below 0, where nobody is himself.
    """
    within, strangers = (np.histogram(values, EDGES)[0].astype(np.float64) for values in (inside, outside))
    low = EDGES[:-1] < 0
    if strangers[low].sum() < LEAST_PAIRS:
        return None
    share = within[low].sum() / strangers[low].sum()
    own = np.maximum(gaussian_filter1d(within - share * strangers, 1.5), 0.0)
    if own.sum() < LEAST_PAIRS:
        return None
    other = gaussian_filter1d(strangers, 1.5)
    # Half a pair on either side: bins nobody fell into say little.
    odds = np.log((own + 0.5) / own.sum()) - np.log((other + 0.5) / other.sum())
    start = int(np.argmax(np.where(EDGES[:-1] < 0.2, -odds, -np.inf)))  # below it, only noise
    odds[:start] = odds[start]
    odds = np.clip(np.maximum.accumulate(odds), -MOST_ODDS, MOST_ODDS)
    centres = (EDGES[:-1] + EDGES[1:]) / 2
    return Curve(np.interp(EDGES, centres, odds))
