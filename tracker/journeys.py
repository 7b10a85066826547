"""Journeys: what one person does in one go, from camera to camera; and which journeys are one person's.

Within a journey delays tell as much as looks. Between two journeys (somebody comes back after hours) there
are only looks, but those of several views at once, which tell much more than those of one. And the journeys
show how one person's views differ, from camera to camera and picture to picture (tracker.plda).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.likeness import MOST_ODDS, Curve, beyond_tail, given
from tracker.plda import Plda, fit
from tracker.topology import Clocks, Integers, Stays, Table
from tracker.types import Floats

JOURNEY_S = 300.0
"""Tracklets of one journey are not further apart, by the middle of each."""

MIDDLE, UPPER, WIDTH = 0.5, 0.9, 0.5
"""Of all pairs, nearly all of them strangers, what is between these quantiles takes so much of the curve."""


DECIDED = np.float32(2.0)
"""Log odds that a decision of before counts as, those of about 0.9: it saw the single pictures."""

RARE, COMMON = 0.003, 0.012
"""The shares of all pairs that are one person's: up to the one, strangers' tail tells of what is beyond it;
from the other on it tells nothing, and the given curve holds; between, something of both."""


def too_far(stays: Stays, clocks: Clocks) -> NDArray[np.bool_]:
    """(N, N): tracklets that are not of one journey: too far apart, or by clocks nobody compares."""
    moment = stays.middle - clocks.offset_s[stays.recording]
    group = clocks.group[stays.recording]
    far: NDArray[np.bool_] = np.abs(moment[:, None] - moment[None]) > JOURNEY_S
    far |= group[:, None] != group[None]
    return far


def returning(people: Integers) -> float:
    """How little strangers' tail can tell, 0..1, by how many of all pairs are one person's.

    people: (N,) codes of the tracklets, as far as is known. At 0, where people hardly come back, all that is
    beyond the tail is one person's; at 1 the tail itself is full of them.
    """
    share = float(((np.bincount(np.unique(people, return_inverse=True)[1]) / len(people)) ** 2).sum())
    return float(np.clip(np.log(share / RARE) / np.log(COMMON / RARE), 0.0, 1.0))


def by_given(looks: Floats, journey: Integers, people: Integers) -> Table:
    """(K, K) the mean log odds of each two journeys' pairs by the given curve, which is a line: by the means.

    looks: (N, D) unit rows, less their cameras' means. journey: (N,) from 0, none left out. people: (N,)
    codes, as far as is known.
    """
    member = _member(journey)
    means = (member @ looks) / np.bincount(journey)[:, None].astype(np.float32)
    return given(len(np.unique(people)))(means @ means.T)


def decided(identity: Integers, journey: Integers) -> Integers:
    """(K,) the identity that most of each journey's tracklets had before; -1 where none had one.

    identity: (N,) -1 of who was not decided. journey: (N,) from 0, none left out.
    """
    most = np.full(int(journey.max()) + 1, -1, np.int64)
    for number in range(len(most)):
        had = identity[(journey == number) & (identity >= 0)]
        if len(had):
            most[number] = Counter(had.tolist()).most_common(1)[0][0]
    return most


def held(identity: Integers) -> Table:
    """(K, K) log odds that those are one who had one identity before. identity: (K,) -1 of who had none."""
    same = (identity[:, None] == identity[None]) & (identity >= 0)[:, None]
    odds: Table = DECIDED * same.astype(np.float32)
    return odds


def spread(never: NDArray[np.bool_], journey: Integers) -> NDArray[np.bool_]:
    """(K, K): what is impossible for one tracklet is so for its journey."""
    found: NDArray[np.bool_] = _summed(never.astype(np.float32), journey) > 0
    np.fill_diagonal(found, True)
    return found


def _summed(pairs: Floats, journey: Integers) -> Floats:
    """(K, K) sums over each two journeys' pairs of (N, N)."""
    member = _member(journey)
    sums: Floats = (member @ (member @ pairs).T).T
    return sums


def _member(journey: Integers) -> csr_array:
    """(K, N): 1 where a journey has a tracklet."""
    return csr_array((np.ones(len(journey), np.float32), (journey, np.arange(len(journey)))))


@dataclass(frozen=True, slots=True)
class Between:
    """How likely two journeys are one person's. zero, step: the log likelihood ratio of their looks that the
    curve takes for 0, and how much more it takes for 1. rarity: log of the share of pairs that are one.
    """

    plda: Plda
    zero: float
    step: float
    curve: Curve
    rarity: float

    def odds(self, looks: Floats, journey: Integers) -> Table:
        """(K, K) log odds by looks. looks, journey: as learned from, of any tracklets."""
        return self.curve(_scaled(self.plda.log_ratios(looks, journey), self.zero, self.step))

    def with_delays(self, odds: Table, delay: Table, near: NDArray[np.bool_], journey: Integers) -> Table:
        """(K, K) log odds: of journeys near in time, how rare one person's pairs are is told by the delays.

        delay: (N, N) log odds of tracklets, by delay alone. near: (N, N) those it can tell of.
        """
        count = _summed(near.astype(np.float32), journey)
        mean = _summed(np.where(near, delay, np.float32(0.0)), journey) / np.maximum(count, 1.0)
        told: Table = np.where(count > 0, odds - np.float32(self.rarity) + mean, odds)
        return np.clip(told, -MOST_ODDS, MOST_ODDS)


def learned(looks: Floats, journey: Integers, never: NDArray[np.bool_]) -> Between | None:
    """From the journeys themselves; None of too few to tell.

    looks: (N, D) unit rows, less their cameras' means. journey: (N,) from 0, none left out. never: (K, K)
    journeys that are not one person's, and are not asked.
    """
    plda = fit(looks, journey)
    if plda is None:
        return None
    ratios = plda.log_ratios(looks, journey)
    asked = np.triu(~never, 1)
    if not asked.any():
        return None
    low, zero = (float(value) for value in np.quantile(ratios[asked], (MIDDLE, UPPER)))
    if low == zero:
        return None
    step = (zero - low) / WIDTH
    alike = _scaled(ratios, zero, step)[asked]
    curve = beyond_tail(alike)
    if curve is None:
        return None
    share = float((1.0 / (1.0 + np.exp(-curve(alike).astype(np.float64)))).mean())
    return Between(plda, zero, step, curve, float(np.log(share / (1.0 - share))))


def _scaled(ratios: Table, zero: float, step: float) -> Table:
    scaled: Table = np.clip((ratios - zero) / step, -1.0, 1.0).astype(np.float32)
    return scaled
