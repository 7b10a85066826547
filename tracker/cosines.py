"""How alike two pictures by one camera are: of one person, and of two. Learned while the camera is watched.

No cosine means the same for two networks, or by day and by night. What it means here is learned from tracks
that place alone leaves no doubt about: cosines within a track, between tracks that are there at once, and the
share of pictures that mislead (a back seen for the first time, somebody half behind a lamp post). The two
kinds are taken to be normal with one variance, so that the log likelihood ratio of a cosine c is a line,
(mw - mb) / v * (c - (mw + mb) / 2) (linear discriminant analysis), and the misleading share bounds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

BEFORE = 5.0
"""Observations that what is believed beforehand counts as, of cosines, looks and ways: networks and cameras
differ much, so footage is soon believed more.
"""


@dataclass(slots=True)
class Normal:
    """Mean and variance of what was seen, and as how many it counts: at first ``count`` by mere assumption.

    most: as how many all that was seen counts at most, so that later light outweighs earlier light.
    """

    mean: float
    variance: float
    count: float = BEFORE
    most: float = 1000.0

    def add(self, value: float, weight: float = 1.0) -> None:
        self.count = min(self.count + weight, self.most)
        share, off = weight / self.count, value - self.mean
        self.mean += share * off
        self.variance += share * (off * (value - self.mean) - self.variance)


@dataclass(slots=True)
class Cosines:
    """within: of one person's pictures; between: of two people's at one moment; both begin with what networks
    for people have in common. misled, told: pictures of sure tracks that spoke against them, and all.
    """

    within: Normal = field(default_factory=lambda: Normal(0.75, 0.15**2))
    between: Normal = field(default_factory=lambda: Normal(0.25, 0.15**2))
    misled: float = 1.0
    told: float = 33.0

    @property
    def misleading(self) -> float:
        """The share of pictures that mislead, 0..0.5."""
        return min(self.misled / self.told, 0.5)

    def log_ratio(self, cosine: Array, doubt: Array | float) -> Array:
        """Log of how much likelier a cosine is of one person than of two; NaN where the cosine is.

        doubt: the chance that the picture says nothing of the person, 0..0.5; it bounds the ratio to
        (1 - doubt) / doubt both ways.
        """
        gap = max(self.within.mean - self.between.mean, 0.0)
        slope = 2 * gap / (self.within.variance + self.between.variance)
        line = slope * (np.nan_to_num(cosine) - (self.within.mean + self.between.mean) / 2)
        good, bad = np.log1p(-np.asarray(doubt)), np.log(doubt)
        ratio = np.logaddexp(good + line, bad) - np.logaddexp(bad + line, good)
        return np.where(np.isnan(cosine), np.nan, ratio)

    def same(self, cosine: float, weight: float = 1.0) -> None:
        """A picture of a track that its place leaves no doubt about. weight: as how many it counts, 0..1."""
        self.told += weight
        if self.log_ratio(np.array(cosine), self.misleading) < 0:
            self.misled += weight
        else:
            self.within.add(cosine, weight)

    def others(self, cosines: Array) -> None:
        """A picture against tracks that are others; together they count as one."""
        for cosine in cosines.tolist():
            self.between.add(cosine, 1 / len(cosines))
