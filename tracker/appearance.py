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

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.tracklets import Columns, Doubles, Integers, unit
from tracker.types import Floats

STRANGERS = 50.0
"""Tracklets of known strangers that the starting values count as."""

COMMON, SPREAD, LOWER = 0.12, 0.1, 0.16
"""Of cosines of two people's vectors: what is usual in the middle, and from there down to the LOWER share.
What lies above the middle is no measure: two in one view may cover each other."""

PEOPLE = 20.0
"""Visits by which a camera's own light and view are believed half."""

UNLIKE = 0.02
"""The share of views that look nothing like their person: covered, turned away, changed."""


ALIKE = 0.003
"""The share of pairs of people whom looks take for one: how much likelier they find it has no limit, but it
is rarer only in proportion. So strangers of Market-1501 and of the small sites are, the more of each is seen.
"""


class LooksLike(Protocol):
    """Looks: (J,) codes of cameras, (J,) precisions and (J, D) precision-weighted sums."""

    @property
    def camera(self) -> Integers: ...
    @property
    def weights(self) -> Doubles: ...
    @property
    def sums(self) -> Floats: ...


@dataclass(frozen=True, slots=True)
class ByCamera:
    """Of M people: cameras: (C,) codes, ascending; weights: (M, C) precisions, sums: (M, C, D) in each."""

    cameras: Integers
    weights: Doubles
    sums: Floats


@dataclass(frozen=True, slots=True)
class Appearance:
    """Variances, each summed over the numbers of a vector: between: of people; view: of one person from
    camera to camera; look: from look to look in one; visit: from visit to visit of one look; picture: from
    picture to picture. sharpness: independent
    numbers of a vector. A network's card may carry them; what they are here is what footage of many cameras
    and three networks had in common, people being less alike to themselves than they mostly are.
    """

    between: float = 0.25
    view: float = 0.27
    look: float = 0.2
    visit: float = 0.15
    picture: float = 0.2
    sharpness: float = 38.0
    common: float = COMMON

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

    def of_person(self, weights: Doubles, sums: NDArray[np.floating]) -> Doubles:
        """(..., C) precisions and (..., C, D) precision-weighted sums of one person's looks in each camera
        -> (...) log likelihood, less what is the same however they are divided among people.
        """
        inner = 1.0 / (1.0 + self.view * weights)
        cameras = self._of_camera(weights, sums).sum(axis=-1)
        centre = (inner[..., None] * sums).sum(axis=-2)
        return (
            0.5
            * self.sharpness
            * np.asarray(cameras + self._of_centre((weights * inner).sum(axis=-1), centre))
        )

    def merging(
        self, table: ByCamera, of: Integers, looks: LooksLike, one: Integers, other: Integers
    ) -> Doubles:
        """(P,) gain in log likelihood by taking two looks in one camera as one.

        table: M people, with all their looks; of: (P,) which of them. one, other: (P,) places in looks.
        """
        place = np.searchsorted(table.cameras, looks.camera[one])
        inner = 1.0 / (1.0 + self.view * table.weights)
        whole, centre = (table.weights * inner).sum(axis=-1), np.einsum("mc,mcd->md", inner, table.sums)
        weights, sums, share = table.weights[of, place], table.sums[of, place], inner[of, place]
        both = looks.weights[one] + looks.weights[other], looks.sums[one] + looks.sums[other]
        apart = [(looks.weights[some], looks.sums[some]) for some in (one, other)]
        (more, added), *less = [self.shown(*look) for look in (both, *apart)]
        after = weights + more - sum(weight for weight, _ in less)
        total = sums + added - sum(some for _, some in less)
        shared = 1.0 / (1.0 + self.view * after)
        moved = centre[of] + shared[:, None] * total - share[:, None] * sums
        gain = self._of_camera(after, total) - self._of_camera(weights, sums)
        gain += self._of_centre(whole[of] + after * shared - weights * share, moved)
        gain -= self._of_centre(whole[of], centre[of])
        return (
            0.5 * self.sharpness * gain + self.of_looks(*both) - sum(self.of_looks(*look) for look in apart)
        )

    def _of_camera(self, weights: Doubles, sums: NDArray[np.floating]) -> Doubles:
        square = self.view * (sums**2).sum(axis=-1) / (1.0 + self.view * weights)
        return np.asarray(square - np.log1p(self.view * weights))

    def _of_centre(self, weight: Doubles, centre: NDArray[np.floating]) -> Doubles:
        square = self.between * (centre**2).sum(axis=-1) / (1.0 + self.between * weight)
        return np.asarray(square - np.log1p(self.between * weight))

    def adapted(self, columns: Columns, strangers: NDArray[np.bool_]) -> Appearance:
        """By the footage. strangers: (N, N) pairs that are surely two people, seen at once in one view.

        Their mean cosine tells what share of a vector is common to all, and so how much the rest can vary;
        the spread of what is left tells how sharp cosines are.
        """
        rows, others = np.nonzero(np.triu(strangers, 1))
        common, spread, count = COMMON, SPREAD, 0
        if len(rows):
            looks = unit(columns.looks)
            lower, middle = np.quantile((looks[rows] * looks[others]).sum(axis=1), (LOWER, 0.5))
            count = len(np.union1d(rows, others))
            common = (STRANGERS * COMMON + count * float(middle)) / (STRANGERS + count)
            spread = (STRANGERS * SPREAD + count * float(middle - lower)) / (STRANGERS + count)
        scale = float(np.clip((1.0 - common) / (1.0 - COMMON), 0.1, 1.2))
        apart = columns.spread[np.isfinite(columns.spread)]
        picture = (self.picture * PEOPLE + float(apart.sum())) / (PEOPLE + len(apart))
        return replace(
            self,
            between=self.between * scale,
            view=self.view * scale,
            look=self.look * scale,
            visit=self.visit * scale,
            common=common,
            picture=picture,
            sharpness=self.sharpness * float(np.clip(scale * SPREAD / spread, 0.5, 2.0)) ** 2,
        )


def bounded(log_ratio: NDArray[np.floating]) -> Doubles:
    """Looks never quite tell that two are one: some people look the same, and the more alike, the fewer."""
    rarer = np.log(ALIKE) - np.log1p(np.maximum(log_ratio, 0.0))
    return np.asarray(-np.logaddexp(-log_ratio, rarer))


def camera_means(columns: Columns, appearance: Appearance, people: Integers) -> Floats:
    """(C, D): what the vectors of each camera have in common, people taken out.

    people: (N,) codes as far as known. Alternates between people and cameras (Gauss and Seidel); a camera
    that few visited has the mean of all.
    """
    looks, weight = columns.looks.astype(np.float64), appearance.precision(columns.pictures)
    people = np.unique(people, return_inverse=True)[1].reshape(-1)
    count, cameras = int(people.max(initial=-1)) + 1, len(columns.cameras)
    common = looks.mean(axis=0)
    common *= min(1.0, np.sqrt(max(appearance.common, 0.0)) / max(float(np.linalg.norm(common)), 1e-9))
    own = np.zeros((cameras, looks.shape[1]))
    weight = weight / (1.0 + appearance.view * weight)
    belief = PEOPLE * float(np.median(weight))
    whole = np.bincount(people, weight, count)
    each = np.bincount(columns.camera, weight, cameras) + belief
    for _ in range(10):
        rest = looks - common - own[columns.camera]
        person = _sums(rest * weight[:, None], people, count)
        person *= (appearance.between / (1.0 + appearance.between * whole))[:, None]
        rest = looks - common - person[people]
        own = _sums(rest * weight[:, None], columns.camera, cameras) / each[:, None]
    return np.asarray(common + own, np.float32)


def _sums(rows: Doubles, codes: Integers, count: int) -> Doubles:
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return sums
