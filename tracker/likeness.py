"""How alike two people look -> log odds that they are one: curves learned from the footage itself.

Of pairs that are near in time and place: where people heap up (see tracker.topology) a share of the pairs is
one person's; elsewhere hardly any is, and those show how alike different people look here. What the heaps
hold beyond that is how alike one person looks (the decoys of Elias and Gygi, Nature Methods 2007).

Of pairs that nothing but looks can tell of: nearly all are strangers, and the more alike, the fewer there
are, by a factor a step that does not grow less (their density is log-concave). So beyond the tail that can be
measured there are no more of them than its tangent says, and what there is above that is one person's (the
null density is fitted where nearly all are null, as in Efron, "Large-scale simultaneous hypothesis testing",
JASA 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import isotonic_regression

from tracker.types import Floats

Numbers = NDArray[np.float64]

STEPS = 100
EDGES = np.linspace(-1.0, 1.0, STEPS + 1)
LEAST_PAIRS = 200.0
"""Of one person's pairs that a curve is learned from; fewer leave the given one."""

MOST_ODDS = 10.0
"""No picture of one person on either side says more than this; a clone or a wrong label would."""


MIDPOINT, WIDTH = 0.50, 0.05
"""Of the curve of networks trained on Market-1501, before there is footage to learn from."""

MIDPOINT_CENTRED, CROWD = 0.40, 100
"""The same of looks less their cameras' means, among up to CROWD people; of more, a pair is rarer one."""

SURPLUS_NEAR, SURPLUS_BEYOND = 2.0, 0.5
"""So many times the strangers expected, what is found beyond them is one person's: of pairs near in time, and
beyond the tail of strangers. By the labels of Market-1501 strangers near in time are up to twice as many as
expected, and a fifth more beyond the tail."""

TAILS = (0.95, 0.98, 0.99, 0.995, 0.998)
"""The quantiles up to which the tail of strangers is measured, from where there are TAIL times as many. Which
of them is below where one person's pairs begin depends on how often people come."""

TAIL, TAIL_STEPS = 15, 12

STEEP = 0.8
"""The part of the steepest fall that counts as no slower, by what chance may do to it."""

LEAST_TAIL = 200
"""Pairs that a tail is measured by."""

LEAST_BEYOND = 30.0
"""Pairs beyond the tail of strangers that a curve is learned from."""

HIDDEN = 0.01
"""The part of the strangers in a tail that may be one person's where nothing is seen beyond them."""


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


def given(people: int) -> Curve:
    """The curve of looks less their cameras' means, among so many people, where nothing is learned."""
    return straight(midpoint=MIDPOINT_CENTRED + WIDTH * float(np.log(max(people, CROWD) / CROWD)))


def learned(inside: Floats, outside: Floats) -> Curve | None:
    """From the similarities of pairs inside heaps and outside; None where they tell too little.

    The share of strangers inside is that which makes up the part below 0, where nobody is himself. They are a
    little more alike than those outside (one light; some go together), so that what is left over is one
    person's only from SURPLUS_NEAR on. Below it the odds fall on as they do above.
    """
    within, strangers = (np.histogram(values, EDGES)[0].astype(np.float64) for values in (inside, outside))
    low = EDGES[:-1] < 0
    if strangers[low].sum() < LEAST_PAIRS:
        return None
    expected = within[low].sum() / strangers[low].sum() * strangers
    surplus = _excess(within, expected)
    own = np.maximum(gaussian_filter1d(within - expected, 1.5), 0.0)
    if own.sum() < LEAST_PAIRS or surplus[-1] < SURPLUS_NEAR:
        return None
    start = int(np.argmax(surplus >= SURPLUS_NEAR))
    if EDGES[start] < 0:
        return None
    other = gaussian_filter1d(strangers, 1.5)
    # Half a pair on either side: bins nobody fell into say little.
    odds = np.log((own + 0.5) / own.sum()) - np.log((other + 0.5) / other.sum())
    centres = (EDGES[:-1] + EDGES[1:]) / 2
    # Nobody is himself below 0: there the odds are down to HIDDEN at the least.
    least = (odds[start] - np.log(HIDDEN)) / centres[start]
    odds[:start] = _falling_on(centres, odds, start, own, other, least=float(least))
    odds = np.maximum.accumulate(odds)
    return Curve(np.interp(EDGES, centres, np.clip(odds, -MOST_ODDS, MOST_ODDS)))


def _falling_on(
    at: Numbers, odds: Numbers, start: int, own: Numbers, other: Numbers, *, least: float
) -> Numbers:
    """(start,) the odds below the bin start, where they fall on as they do above it, or as least does.

    own, other: how many pairs of either kind in the bins; where there are hardly any of one, no fall is seen.
    """
    above, weights = at[start:], (own * other / np.maximum(own + other, 1e-9))[start:]
    apart = above - np.average(above, weights=weights + 1e-9)
    seen = float((weights * apart * odds[start:]).sum() / max((weights * apart**2).sum(), 1e-9))
    below: Numbers = odds[start] + max(seen, least) * (at[:start] - at[start])
    return below


def beyond_tail(alike: Floats) -> Curve | None:
    """From how alike all pairs are that only looks can tell of; None where it tells too little.

    Unlike `learned`, these are the odds themselves, with how rare one person's pairs are. The tangent may be
    off by SURPLUS_BEYOND: where what is left over is less, the odds fall on as they do above.
    """
    tails = [tail for quantile in TAILS if (tail := _tail(alike, quantile)) is not None]
    if not tails:
        return None
    # Where one person's pairs begin, the fall slows down.
    steep = STEEP * max(tail.rate for tail in tails)
    low, high, density, rate = [tail for tail in tails if tail.rate >= steep][-1]
    edges = np.append(EDGES[low > EDGES], np.linspace(low, 1.0, round((1.0 - low) / 0.02) + 1))
    found = np.histogram(np.minimum(alike, 1.0), edges)[0].astype(np.float64)
    left = density / rate * np.exp(-rate * np.maximum(edges - high, low - high))
    strangers = left[:-1] - left[1:]
    beyond = edges[:-1] >= high
    if np.maximum(found - strangers, 0.0)[beyond].sum() < LEAST_BEYOND:
        return None
    odds = np.full(len(found), -MOST_ODDS)
    odds[edges[:-1] >= low] = np.log(HIDDEN)
    odds[beyond] = np.minimum(np.log(_excess(found[beyond], strangers[beyond])), MOST_ODDS)
    centres = (edges[:-1] + edges[1:]) / 2
    start = int(np.argmax(odds >= np.log(SURPLUS_BEYOND)))
    if odds[start] >= np.log(SURPLUS_BEYOND):
        own = np.maximum(found - strangers, 0.0)
        falling = _falling_on(centres, odds, start, own, strangers, least=0.0)
        odds[:start] = np.minimum(odds[:start], np.maximum(falling, np.log(HIDDEN)))
    return Curve(np.interp(EDGES, centres, odds))


def _excess(found: Numbers, expected: Numbers) -> Numbers:
    """What there is beyond the strangers expected, as a share of them, in bins where it can only rise.

    The likeliest such shares of counts (isotonic regression). A twentieth of a pair in every bin: where there
    is nothing of either, nothing is said.
    """
    weights = expected + 0.05
    risen = isotonic_regression((found + 0.05) / weights, weights=weights).x
    shares: Numbers = np.maximum(risen - 1.0, HIDDEN)
    return shares


class Tail(NamedTuple):
    """Of strangers, between two similarities: by the tangent, how many a unit there are at the high end, and
    the rate they fall at."""

    low: float
    high: float
    density: float
    rate: float


def _tail(alike: Floats, quantile: float) -> Tail | None:
    """By the tangent of a parabola through the logarithm of a histogram, or by a line where that would bend
    upwards; None of too few, or where they don't fall."""
    low, high = (float(v) for v in np.quantile(alike, (1.0 - TAIL * (1.0 - quantile), quantile)))
    tail = alike[(alike >= low) & (alike < high)]
    found, edges = np.histogram(tail, np.linspace(low, high, TAIL_STEPS + 1))
    if len(tail) < LEAST_TAIL or low == high or not found.all():
        return None
    before = (edges[:-1] + edges[1:]) / 2 - high
    level, weight = np.log(found), np.sqrt(found)
    bend, slope, height = np.polyfit(before, level, 2, w=weight)
    if bend > 0:
        slope, height = np.polyfit(before, level, 1, w=weight)
    if slope >= 0:
        return None
    return Tail(low, high, float(np.exp(height)) * TAIL_STEPS / (high - low), -float(slope))
