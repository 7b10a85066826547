"""Which detection is which track: log odds by place and by looks, and the chance that a pairing is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.matching import others

Array = NDArray[np.floating[Any]]
Pairs = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of T tracks and R detections. place: (T, R) log odds that detection j is track i rather than somebody
    nobody knows of, by where it is and how large. looks: (T, R) log likelihood ratio of its picture, NaN
    where there is none.
    """

    place: Array
    looks: Array

    @property
    def odds(self) -> Array:
        """(T, R): both together."""
        return np.asarray(self.place + np.nan_to_num(self.looks))

    def mistaken(self, pairs: Pairs, odds: Array) -> Array:
        """(M,): the chance that each of (M, 2) pairs is wrong, by what else could have been.

        Another track may be this detection: one that has a detection of its own then takes that of the first
        in exchange, one that has none was hidden. Or it is somebody unknown, of whose looks nothing is known.
        odds: (T, R) that alternatives between tracks are weighed by.
        """
        tracks, rows = pairs[:, 0], pairs[:, 1]
        chosen = odds[tracks, rows]
        across = odds[np.ix_(tracks, rows)]  # (k, m): track k at the detection of pair m
        swapped = across.T + across - chosen[:, None] - chosen[None]
        np.fill_diagonal(swapped, -np.inf)
        idle = others(len(odds), tracks)
        hidden = odds[np.ix_(idle, rows)] - chosen
        unknown = -self.place[tracks, rows]
        against = np.exp(np.minimum(np.vstack([swapped, hidden, unknown[None]]), 50.0)).sum(axis=0)
        return np.asarray(against / (1 + against))


def log_odds(probability: float) -> float:
    """Of a probability; those of 0 and 1 are kept finite."""
    bounded = min(max(probability, 1e-9), 1 - 1e-9)
    return float(np.log(bounded / (1 - bounded)))


def probability(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
