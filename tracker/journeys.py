"""Journeys: what one person does in one go, from camera to camera; and which journeys are one person's.

Within a journey delays tell as much as looks. Between two journeys (somebody comes back after hours) there
are only looks, but those of several views at once, which tell much more than those of one. Who is dressed as
most are is like many: how alike two journeys are counts from how alike each is to its nearest (cross-domain
similarity local scaling: Conneau et al., "Word translation without parallel data", ICLR 2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.likeness import Curve, beyond_tail
from tracker.topology import Clocks, Integers, Stays, Table
from tracker.tracklets import unit
from tracker.types import Floats

JOURNEY_S = 300.0
"""Tracklets of one journey are not further apart, by the middle of each."""

CROWD, LEAST_CROWD = 0.08, 10
"""The share of all journeys, and the least number, that one is compared with for being like many."""


def too_far(stays: Stays, clocks: Clocks) -> NDArray[np.bool_]:
    """(N, N): tracklets that are not of one journey: too far apart, or by clocks nobody compares."""
    moment = stays.middle - clocks.offset_s[stays.recording]
    group = clocks.group[stays.recording]
    far: NDArray[np.bool_] = np.abs(moment[:, None] - moment[None]) > JOURNEY_S
    far |= group[:, None] != group[None]
    return far


def looks_of(looks: Floats, journey: Integers) -> Floats:
    """(K, D) unit rows: the mean looks of each journey's tracklets. journey: (N,) from 0, none left out."""
    whole = np.zeros((int(journey.max()) + 1, looks.shape[1]), np.float64)
    np.add.at(whole, journey, looks)
    return unit(whole.astype(np.float32))


def spread(never: NDArray[np.bool_], journey: Integers) -> NDArray[np.bool_]:
    """(K, K): what is impossible for one tracklet is so for its journey."""
    member = _members(journey)
    found: NDArray[np.bool_] = (member.T @ never.astype(np.float32) @ member) > 0
    np.fill_diagonal(found, True)
    return found


def averaged(odds: Table, journey: Integers) -> Table:
    """(K, K) the mean of each two journeys' pairs."""
    member = _members(journey)
    size = member.sum(axis=0)
    mean: Table = (member.T @ odds @ member / np.outer(size, size)).astype(np.float32)
    return mean


def _members(journey: Integers) -> Floats:
    return np.eye(int(journey.max()) + 1, dtype=np.float32)[journey]


def odds_of(looks: Floats, never: NDArray[np.bool_]) -> tuple[Table, Curve] | None:
    """(K, K) log odds that two journeys are one person's, and the curve; None of too few to tell.

    looks: (K, D) unit rows, less their cameras' means. never: (K, K) pairs that are not asked.
    """
    if len(looks) <= LEAST_CROWD:
        return None
    alike = uncrowded(looks @ looks.T)
    curve = beyond_tail(alike[np.triu(~never, 1)])
    return None if curve is None else (curve(alike), curve)


def uncrowded(alike: Table) -> Table:
    """(K, K) cosines, less half of how alike each of the two is to those it is most like, itself left out."""
    count = min(max(round(CROWD * len(alike)), LEAST_CROWD), len(alike) - 1)
    others = alike.copy()
    np.fill_diagonal(others, -np.inf)
    near = np.partition(others, len(alike) - count, axis=1)[:, -count:].mean(axis=1)
    scaled: Table = alike - (near[:, None] + near[None]) / 2
    return scaled.astype(np.float32)
