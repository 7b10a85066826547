"""Where views overlap: a mapping of foot points from picture to picture, learned from who is surely who.

People stand on the ground, and two pictures of one plane differ by a homography (Hartley and Zisserman,
*Multiple View Geometry*, 2004, ch. 4 and 13). It is fitted to what people seen by both cameras at a time were
standing on, without calibration: by random samples of four, then by weights that make little of what lies
far off. How well it holds is told by people it was not fitted to, and one that does not hold says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.tracklets import STEADY_S, STEP_S, Columns, Doubles, Path

LEAST_PAIRS = 4
"""Pairs of tracklets before a mapping is tried: a homography has eight unknowns."""

SAMPLES, MOST_POINTS = 120, 500
"""Samples of four; and points that are fitted to."""

FOLDS = 3

OFF = 0.05
"""The share of foot points that are nowhere near: feet hidden, boxes cut."""

MOST = 12.0
"""Log ratio beyond which more of the same adds nothing."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What two people's tracklets on two cameras did at the same moments. first, second: (P, 3) feet and
    height. lasted_s: from the first to the last moment.
    """

    first: Doubles
    second: Doubles
    lasted_s: float

    @property
    def independent(self) -> float:
        """Of its moments, as how many independent ones they count."""
        return min(1.0 + self.lasted_s / STEADY_S, float(len(self.first)))


def shared(one: Path, other: Path) -> Shared | None:
    """At steps of STEP_S; None where they have no moment in common."""
    begin, end = max(one.times[0], other.times[0]), min(one.times[-1], other.times[-1])
    if end < begin:
        return None
    times = np.arange(np.ceil(begin / STEP_S) * STEP_S, end + 1e-9, STEP_S)
    if not len(times):
        times = np.array([(begin + end) / 2])
    return Shared(one.at(times), other.at(times), float(times[-1] - times[0]))


@dataclass(frozen=True, slots=True)
class Mapping:
    """Between two views. there, back: (3, 3) homographies. off: how far foot points lie from where they
    should, in heights, each way. holds: the share of people for whom it does. pairs: of tracklets it was
    learned from.
    """

    there: Doubles
    back: Doubles
    off: tuple[float, float]
    holds: float
    pairs: int


class Ground:
    """The mappings of a site. crowd: camera -> (K, 3) where people stand there."""

    def __init__(self, mappings: dict[tuple[int, int], Mapping], crowd: dict[int, Doubles]) -> None:
        self.mappings, self.crowd = mappings, crowd

    def among(self, place: Sequence[int]) -> Ground:
        """The same of cameras by other codes, in the same order. place: of each camera, its code there."""
        mappings = {(place[first], place[second]): known for (first, second), known in self.mappings.items()}
        return Ground(mappings, {place[camera]: feet for camera, feet in self.crowd.items()})

    def log_ratio(self, first: int, second: int, both: Shared) -> float:
        """That two tracklets on cameras first < second are one person, by where they stood; 0 where no
        mapping is known.
        """
        known = self.mappings.get((first, second))
        if known is None:
            return 0.0
        value = min(self._mean(first, second, known, both) * both.independent, MOST)
        return float(np.logaddexp(np.log(known.holds) + value, np.log1p(-known.holds)))

    def _mean(self, first: int, second: int, known: Mapping, both: Shared) -> float:
        """Log ratio of a foot point, over the moments and both ways."""
        ways = (
            (known.there, both.first, both.second, known.off[0], second),
            (known.back, both.second, both.first, known.off[1], first),
        )
        told = [
            _point(distances(way, here, there), off, _anybody(self.crowd[camera], there))
            for way, here, there, off, camera in ways
        ]
        return float(np.mean(told))


def _point(apart: Doubles, off: float, anybody: Doubles) -> Doubles:
    """Of each foot point, log of its density where the mapping has it over that of anybody's, bounded."""
    ratio = (1.0 - OFF) * _bell(apart, off) / anybody
    return np.clip(np.log(ratio + OFF), -3.0, 4.0)


def _bell(apart: Doubles, off: float) -> Doubles:
    """Student's density in the plane, of distances in heights, per squared height; two degrees of freedom."""
    return np.asarray((1.0 + apart**2 / (2 * off**2)) ** -2 / (2 * np.pi * off**2))


def _anybody(crowd: Doubles, points: Doubles) -> Doubles:
    """How densely people stand at (P, 3) points, per squared height."""
    away = np.linalg.norm(points[:, None, :2] - crowd[None, :, :2], axis=2) / points[:, None, 2]
    return np.asarray(_bell(away, 0.5).mean(axis=1))


def distances(way: Doubles, here: Doubles, there: Doubles) -> Doubles:
    """(P,) from where (P, 3) feet here should be there to where they are, in heights of the box there."""
    moved = np.column_stack([here[:, :2], np.ones(len(here))]) @ way.T
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.linalg.norm(moved[:, :2] / moved[:, 2:] - there[:, :2], axis=1) / there[:, 2]
    return np.where(np.isfinite(apart), np.minimum(apart, 1e3), 1e3)


def learned(columns: Columns, pairs: Sequence[tuple[int, int, Shared]]) -> Ground:
    """From tracklets that are one person's on two cameras at a time: rows with camera(i) < camera(j)."""
    crowd = {code: _crowd(columns, code) for code in range(len(columns.cameras))}
    held: dict[tuple[int, int], list[Shared]] = {}
    for i, j, both in pairs:
        held.setdefault((int(columns.camera[i]), int(columns.camera[j])), []).append(both)
    mappings = {}
    for (first, second), some in held.items():
        found = _mapping(some, crowd[first], crowd[second])
        if found is not None:
            mappings[first, second] = found
    return Ground(mappings, crowd)


def _crowd(columns: Columns, camera: int, most: int = 300) -> Doubles:
    feet = [
        p.feet for p, c in zip(columns.paths, columns.camera, strict=True) if p is not None and c == camera
    ]
    if not feet:
        return np.zeros((0, 3))
    every = np.concatenate(feet).astype(float)
    return every[np.random.default_rng(0).permutation(len(every))[:most]]


def _mapping(some: Sequence[Shared], crowd: Doubles, crowd_there: Doubles) -> Mapping | None:
    """None where too few were seen by both."""
    if len(some) < LEAST_PAIRS or sum(len(both.first) for both in some) < 3 * LEAST_PAIRS:
        return None
    here, there = (np.concatenate([getattr(both, side) for both in some]) for side in ("first", "second"))
    pair = np.repeat(np.arange(len(some)), [len(both.first) for both in some])
    held = _held_out(here, there, pair), _held_out(there, here, pair)
    offs = _typical(held[0]), _typical(held[1])
    points = _point(held[0], offs[0], _anybody(crowd_there, there))
    points = (points + _point(held[1], offs[1], _anybody(crowd, here))) / 2
    each = np.bincount(pair, points) / np.bincount(pair)
    holds = min((float((each > 0).sum()) + 1.0) / (len(some) + 2.0), 0.97)
    return Mapping(_fitted(here, there), _fitted(there, here), offs, holds, len(some))


def _held_out(here: Doubles, there: Doubles, pair: NDArray[np.intp]) -> Doubles:
    """(P,) distances, each by a mapping fitted to other people."""
    away = np.full(len(here), 1e3)
    for fold in range(FOLDS):
        out = pair % FOLDS == fold
        if out.any() and (~out).sum() >= 2 * LEAST_PAIRS:
            away[out] = distances(_fitted(here[~out], there[~out]), here[out], there[out])
    return away


def _typical(away: Doubles) -> float:
    """The scale of those that are not far off, in heights."""
    scale = 0.3
    for _ in range(8):
        weight = (1.0 + away**2 / (2 * scale**2)) ** -2
        scale = float(np.sqrt((weight * np.minimum(away, 5.0) ** 2).sum() / max(weight.sum(), 1e-9)))
        scale = max(scale, 0.05)
    return scale


def _fitted(here: Doubles, there: Doubles) -> Doubles:
    """(3, 3) the homography from (P, 3) to (P, 3) feet, P >= 4, that most lie near."""
    rng = np.random.default_rng(0)  # any samples serve, and the same each time
    if len(here) > MOST_POINTS:
        some = rng.permutation(len(here))[:MOST_POINTS]
        here, there = here[some], there[some]
    way = _best_of_four(here, there, rng)
    for _ in range(8):
        weight = (1.0 + (distances(way, here, there) / 0.3) ** 2) ** -1.5 / there[:, 2] ** 2
        way = _solved(here, there, weight / weight.max())
    return way


def _best_of_four(here: Doubles, there: Doubles, rng: np.random.Generator) -> Doubles:
    """(3, 3) of the homographies through random fours the one that most points lie near."""
    ours, theirs = _scaling(here[:, :2]), _scaling(there[:, :2])
    fours = np.array([rng.choice(len(here), 4, replace=False) for _ in range(SAMPLES)])
    a, b = _equations(here, there, ours, theirs)
    rows = np.concatenate([a[fours], b[fours]], axis=1)
    ways = np.linalg.inv(theirs) @ np.linalg.svd(rows)[2][:, -1].reshape(-1, 3, 3) @ ours
    near = [float(np.exp(-(distances(way, here, there) ** 2) / 0.18).sum()) for way in ways]
    return np.asarray(ways[int(np.argmax(near))])


def _equations(here: Doubles, there: Doubles, ours: Doubles, theirs: Doubles) -> tuple[Doubles, Doubles]:
    """(P, 9) two linear equations each, in the homography's entries, of scaled points."""
    one = np.ones((len(here), 1))
    a, b = np.hstack([here[:, :2], one]) @ ours.T, np.hstack([there[:, :2], one]) @ theirs.T
    nothing = np.zeros_like(a)
    return np.hstack([a, nothing, -b[:, :1] * a]), np.hstack([nothing, a, -b[:, 1:2] * a])


def _solved(here: Doubles, there: Doubles, weight: Doubles) -> Doubles:
    """By the direct linear transform, with centred and scaled points, P > 4."""
    ours, theirs = _scaling(here[:, :2]), _scaling(there[:, :2])
    rows = np.concatenate([part * np.sqrt(weight)[:, None] for part in _equations(here, there, ours, theirs)])
    last = np.linalg.svd(rows, full_matrices=False)[2][-1].reshape(3, 3)
    return np.asarray(np.linalg.inv(theirs) @ last @ ours)


def _scaling(points: Doubles) -> Doubles:
    """(3, 3) that brings points around the origin, to a mean distance of sqrt(2)."""
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.sqrt(((points - middle) ** 2).sum(axis=1)).mean()), 1e-9)
    return np.array([[scale, 0.0, -scale * middle[0]], [0.0, scale, -scale * middle[1]], [0.0, 0.0, 1.0]])
