"""What is learned from tracklets by how likely each pair is one person's so far: clocks, ways, looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.likeness import Curve, learned
from tracker.topology import Clocks, Integers, Stays, Table, heaps, set_clocks, travel_log_odds

HEAPED = 0.1
"""The odds by delay from which a pair lies in a heap."""


STRANGERS = 0.5
"""The chance, so far, below which a pair outside the heaps is one of strangers. Where few people come often
many of those pairs are one person's."""


@dataclass(frozen=True, slots=True)
class Ways:
    """odds: (N, N) log odds of all pairs, by delay and looks; delay: by delay alone; what they come from."""

    odds: Table
    delay: Table
    clocks: Clocks
    curve: Curve


def ways(stays: Stays, alike: Table, chance: Table, never: NDArray[np.bool_]) -> Ways | None:
    """alike: (N, N) how alike any two look. chance: that they are one person, so far. never: those that
    are not. None where the heaps hold too little to learn from.
    """
    clocks = set_clocks(heaps(stays, chance), int(stays.recording.max()) + 1)
    travel = travel_log_odds(stays, clocks, chance, never)
    upper = np.triu(~never, 1)
    heaped = travel > np.log(HEAPED)
    strangers = upper & (travel <= np.median(travel)) & (chance < STRANGERS)
    curve = learned(alike[upper & heaped], alike[strangers])
    return None if curve is None else Ways(travel + curve(alike), travel, clocks, curve)


def chances(odds: Table, never: NDArray[np.bool_]) -> Table:
    """Log odds -> chances, none of what is never."""
    chance: Table = (1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(np.float32)
    chance[never] = 0.0
    return chance


def together_so_far(labels: Integers, never: NDArray[np.bool_]) -> Table:
    """(N, N): 1 of two with one label, else 0."""
    same: Table = ((labels[:, None] == labels[None]) & ~never).astype(np.float32)
    return same
