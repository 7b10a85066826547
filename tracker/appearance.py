"""How much likelier two sets of pictures are if they show one person than if they show two.

A tracklet's mean vector is what all vectors have in common, plus its camera's own light and view, plus the
person, plus how the person appears in this camera, plus the look of this visit (lit so, seen from that side),
which some visits share, plus what is this visit's own, plus what its few pictures happen to show. Each but
the first two is drawn from a Gaussian of its own variance: the two-covariance model of speaker verification
(PLDA; Prince and Elder, "Probabilistic linear discriminant analysis", ICCV 2007; Sizov et al., 2014) with two
levels more. Numbers of a vector are not independent: ``sharpness`` says as how many independent ones they
count, and is read off strangers' cosines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.cosines import BEFORE
from tracker.tracklets import Columns, Doubles, Integers
from tracker.types import Floats

SPREAD, LOWER = 0.095, 0.16
"""From the middle of cosines of two people's vectors, less what cameras add, down to the LOWER share. What is
above the middle is no measure: two in one view may cover each other.
"""

CAMERAS = 0.025
"""Variance of what cameras add to vectors, their light and view; it counts as one camera seen."""

EM_STEPS = 50
"""Of expectation and maximisation of that variance: it hardly changes any more."""

UNLIKE = 0.02
"""The share of views that look nothing like their person: covered, turned away, changed, or somebody else's
for a while.
"""


ALIKE = 0.003
"""The share of pairs of people whom looks take for one: how much likelier they find it has no limit, but it
is rarer only in proportion. So strangers of Market-1501 and of the small sites are, the more of each is seen.
"""


Shown = tuple[Doubles, NDArray[np.floating]]
"""(...) precisions and (..., D) precision-weighted sums."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What goes over all cameras into the likelihood of (...) people: level: (...) and whole: (...) of
    precisions, centre: (..., D); each is a sum of what is shown in each camera.
    """

    level: Doubles
    whole: Doubles
    centre: NDArray[np.floating]

    def __add__(self, other: Parts) -> Parts:
        return Parts(self.level + other.level, self.whole + other.whole, self.centre + other.centre)

    def __sub__(self, other: Parts) -> Parts:
        return Parts(self.level - other.level, self.whole - other.whole, self.centre - other.centre)

    def take(self, rows: Integers) -> Parts:
        return Parts(self.level[rows], self.whole[rows], self.centre[rows])

    def summed(self, of: Integers, count: int) -> Parts:
        """(M,) and of whom each is -> (count,)."""
        centre = np.zeros((count, self.centre.shape[1]), self.centre.dtype)
        np.add.at(centre, of, self.centre)
        level, whole = (np.bincount(of, some, count).astype(float) for some in (self.level, self.whole))
        return Parts(level, whole, centre)

    def over_cameras(self) -> Parts:
        """(..., C) -> (...)."""
        return Parts(self.level.sum(axis=-1), self.whole.sum(axis=-1), self.centre.sum(axis=-2))


def each_of(some: Sequence[Parts]) -> Parts:
    """(M,) of M people's."""
    return Parts(
        np.array([parts.level for parts in some]),
        np.array([parts.whole for parts in some]),
        np.array([parts.centre for parts in some]),
    )


@dataclass(frozen=True, slots=True)
class Appearance:
    """Variances, each summed over the numbers of a vector: between: of people; view: of one person from
    camera to camera; look: from look to look in one; visit: from visit to visit of one look; picture: from
    picture to picture. sharpness: independent numbers of a vector. common: squared length of what all
    vectors, of unit length, have in common. A network's card may carry them; what they are here is what
    footage of many cameras and three networks had in common, people being less alike to themselves than
    they mostly are.
    """

    between: float = 0.25
    view: float = 0.27
    look: float = 0.2
    visit: float = 0.15
    picture: float = 0.2
    sharpness: float = 38.0
    common: float = 0.1

    def precision(self, pictures: Doubles) -> Doubles:
        """(N,) numbers of pictures -> 1 / variance of their mean around the look they show."""
        return np.asarray(1.0 / (self.visit + self.picture / np.maximum(pictures, 1.0)))

    def shown(self, weights: Doubles, sums: NDArray[np.floating]) -> tuple[Doubles, NDArray[np.floating]]:
        """(..., J) precisions and (..., J, D) precision-weighted sums of the visits of each look -> of what
        each says of how the person appears in its camera.
        """
        share = 1.0 / (1.0 + self.look * weights)
        return weights * share, sums * share[..., None]

    def of_looks(self, weights: Doubles, sums: NDArray[np.floating]) -> Doubles:
        """(..., J) precisions and (..., J, D) precision-weighted sums of the visits of each look -> (..., J)
        log likelihood, beyond what ``of_person`` says of the looks.
        """
        square = self.look * (sums**2).sum(axis=-1) / (1.0 + self.look * weights)
        return np.asarray(0.5 * self.sharpness * (square - np.log1p(self.look * weights)))

    def in_camera(self, weights: Doubles, sums: NDArray[np.floating]) -> Parts:
        """(...) precisions and (..., D) precision-weighted sums of one person's looks in one camera each."""
        inner = 1.0 / (1.0 + self.view * weights)
        level = self.view * inner * (sums**2).sum(axis=-1) - np.log1p(self.view * weights)
        return Parts(np.asarray(level), np.asarray(weights * inner), inner[..., None] * sums)

    def of_person(self, parts: Parts) -> Doubles:
        """(...) log likelihood of what is shown over cameras, less what is the same however looks are divided
        among people.
        """
        scale = self.between / (1.0 + self.between * parts.whole)
        square = scale * (parts.centre**2).sum(axis=-1) - np.log1p(self.between * parts.whole)
        return np.asarray(0.5 * self.sharpness * (parts.level + square))

    def merging(self, over: Parts, here: Shown, one: Shown, other: Shown) -> Doubles:
        """(P,) gain in log likelihood by taking two looks in one camera as one. over: what their person shows
        over all cameras; here: in that camera.
        """
        both = one[0] + other[0], one[1] + other[1]
        weights, sums = here
        for sign, look in ((1, both), (-1, one), (-1, other)):
            weight, shown = self.shown(*look)
            weights, sums = weights + sign * weight, sums + sign * shown
        after = over + self.in_camera(weights, sums) - self.in_camera(*here)
        gain = self.of_person(after) - self.of_person(over)
        return np.asarray(gain + self.of_looks(*both) - self.of_looks(*one) - self.of_looks(*other))

    def adapted(self, columns: Columns, strangers: NDArray[np.bool_]) -> Appearance:
        """By the footage. strangers: (N, N) pairs that are surely two people, seen at once in one view.

        Vectors are of unit length: what of them is each picture's own, people do not differ by. Of the rest
        strangers' mean cosine tells what share is common to all, and so how much people can vary; how wide
        cosines spread once what cameras add is taken out tells how sharp they are.
        """
        apart = columns.spread[np.isfinite(columns.spread)]
        # Below 1: pictures may contradict each other by more than unit vectors can hold.
        picture = min((self.picture * BEFORE + float(apart.sum())) / (BEFORE + len(apart)), 0.95)
        rows, others = np.nonzero(np.triu(strangers, 1))
        count = len(np.union1d(rows, others))
        kept, usual = 1.0 - picture, self.common / (1.0 - self.picture)
        common = usual
        if count:
            cosines = (columns.looks[rows] * columns.looks[others]).sum(axis=1) / kept
            common = (BEFORE * usual + count * float(np.median(cosines))) / (BEFORE + count)
        varied = float(np.clip((1.0 - common) / (1.0 - usual), 0.1, 1.2))
        found = self._scaled(varied * kept / (1.0 - self.picture), common * kept, picture)
        if not count:
            return found
        own = columns.looks - camera_means(columns, found, np.arange(len(columns)))[columns.camera]
        lower, middle = np.quantile((own[rows] * own[others]).sum(axis=1) / kept, (LOWER, 0.5))
        wider = (BEFORE + count * float(middle - lower) / (SPREAD * varied)) / (BEFORE + count)
        return replace(found, sharpness=self.sharpness * float(np.clip(1.0 / wider, 0.5, 2.0)) ** 2)

    def _scaled(self, scale: float, common: float, picture: float) -> Appearance:
        """With what people differ by so much larger."""
        return replace(
            self,
            between=self.between * scale,
            view=self.view * scale,
            look=self.look * scale,
            visit=self.visit * scale,
            common=common,
            picture=picture,
        )


def bounded(log_ratio: NDArray[np.floating]) -> Doubles:
    """Looks never quite tell that two are one: some people look the same, and the more alike, the fewer."""
    rarer = np.log(ALIKE) - np.log1p(np.maximum(log_ratio, 0.0))
    return np.asarray(-np.logaddexp(-log_ratio, rarer))


def camera_means(columns: Columns, appearance: Appearance, people: Integers) -> Floats:
    """(C, D): what the vectors of each camera have in common, people taken out.

    people: (N,) codes as far as known. What cameras add is drawn from a Gaussian, too, whose variance all
    cameras of the site tell together (expectation and maximisation); a camera that few visited has the mean
    of all.
    """
    looks, weight = columns.looks.astype(np.float64), appearance.precision(columns.pictures)
    people = np.unique(people, return_inverse=True)[1].reshape(-1)
    count, cameras = int(people.max(initial=-1)) + 1, len(columns.cameras)
    common = looks.mean(axis=0)
    common *= min(1.0, np.sqrt(max(appearance.common, 0.0)) / max(float(np.linalg.norm(common)), 1e-9))
    weight = weight / (1.0 + appearance.view * weight)
    rest = (looks - common) * weight[:, None]
    weights = np.zeros((count, cameras))
    np.add.at(weights, (people, columns.camera), weight)
    # Each person's mean is unknown and integrated over, which leaves cameras that much less of what is seen.
    shared = weights * (appearance.between / (1.0 + appearance.between * weights.sum(axis=1)))[:, None]
    precision, basis = np.linalg.eigh(np.diag(weights.sum(axis=0)) - shared.T @ weights)
    sums = basis.T @ (_sums(rest, columns.camera, cameras) - shared.T @ _sums(rest, people, count))
    variance, squares = CAMERAS, (sums**2).sum(axis=1)
    for _ in range(EM_STEPS):
        posterior = 1.0 / (np.maximum(precision, 0.0) + 1.0 / variance)
        variance = (CAMERAS + float((squares * posterior**2 + posterior).sum())) / (1 + cameras)
    own = basis @ (sums * posterior[:, None])
    return np.asarray(common + own, np.float32)


def _sums(rows: Doubles, codes: Integers, count: int) -> Doubles:
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return sums
