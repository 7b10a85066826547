"""Tracklets: one presence on one camera each, and many of them as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]

STEP_S = 0.5
"""Between two steps of a path: people walk about one box width in that time."""

STEADY_S = 1.5
"""For how long somebody walks the same way, and the feet of their boxes are off the same way."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where somebody stood. times: (P,) seconds, ascending. feet: (P, 3) float32, x and y of the middle of
    the box's lower edge and the box's height, pixels of a picture of ``size`` (width, height).
    """

    times: Doubles
    feet: Floats
    size: tuple[int, int]

    def at(self, times: Doubles) -> Doubles:
        """(K,) seconds -> (K, 3), between the steps by straight lines."""
        return np.stack([np.interp(times, self.times, self.feet[:, k]) for k in range(3)], axis=1)


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One presence on one camera. start, end: UTC epoch seconds. vectors: (K, D) float32 unit rows, K >= 1.
    qualities: (K,) 0..1. identity: as decided so far. recording: of which clock its times are; those of
    other recordings may differ by constants nobody told. path: where it was, if that is known. pictures: how
    many independent ones the vectors stand for, and spread: how far each is from their mean, squared; None
    where the vectors are all there is. earlier: how the same person looked at other visits, which are no
    tracklets: camera, (D,) mean and pictures of each.
    """

    number: int
    camera: str
    start: float
    end: float
    vectors: Floats
    qualities: Floats
    identity: int | None
    recording: int = 0
    path: Path | None = None
    pictures: float | None = None
    spread: float = float("nan")
    earlier: Sequence[tuple[str, Floats, float]] = ()

    @property
    def look(self) -> tuple[Floats, float, float]:
        """The (D,) mean of its pictures, how many independent ones it is worth, and their spread."""
        mean, pictures, spread = mean_look(self.vectors, self.qualities)
        return (mean, pictures, spread) if self.pictures is None else (mean, self.pictures, self.spread)


@dataclass(frozen=True, slots=True)
class Columns:
    """N tracklets. cameras: names; camera: (N,) their codes. recording: (N,) codes. start, end: (N,) seconds.
    looks: (N, D) float32 mean of the pictures' vectors, better ones weighing more; not of unit length, which
    tells how alike the pictures are. pictures: (N,) how many independent pictures the mean is worth.
    spread: (N,) mean squared distance of a picture from the mean, NaN where there is one alone. earlier: of
    each, how its person looked at other visits, by code of the camera.
    """

    cameras: tuple[str, ...]
    camera: Integers
    recording: Integers
    start: Doubles
    end: Doubles
    looks: Floats
    pictures: Doubles
    spread: Doubles
    paths: tuple[Path | None, ...]
    earlier: tuple[Sequence[tuple[int, Floats, float]], ...] = ()

    def __len__(self) -> int:
        return len(self.camera)

    def among(self, cameras: Sequence[str]) -> Columns:
        """With codes of these cameras, too, whom nobody of them may have visited."""
        names = tuple(sorted({*self.cameras, *cameras}))
        place: Integers = np.array([names.index(name) for name in self.cameras], np.int64)
        earlier = tuple([(int(place[code]), *look) for code, *look in some] for some in self.earlier)
        return replace(self, cameras=names, camera=place[self.camera], earlier=earlier)  # type: ignore[arg-type]

    def shifted(self, by_s: Doubles) -> Columns:
        """With (N,) seconds added to each one's times."""
        paths = (p and Path(p.times + s, p.feet, p.size) for p, s in zip(self.paths, by_s, strict=True))
        return replace(self, start=self.start + by_s, end=self.end + by_s, paths=tuple(paths))


class Steps:
    """A path while it grows: a step each STEP_S, and the last place."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._times: list[float] = []
        self._feet: list[tuple[float, float, float]] = []
        self._last: tuple[float, tuple[float, float, float]] | None = None

    def add(self, time: float, box: Floats) -> None:
        """box: (4,) xyxy pixels."""
        left, top, right, bottom = (float(side) for side in box)
        place = ((left + right) / 2, bottom, bottom - top)
        self._last = time, place
        if not self._times or time - self._times[-1] >= STEP_S - 1e-6:
            self._times.append(time)
            self._feet.append(place)

    def path(self) -> Path | None:
        """So far; None before the first step."""
        if self._last is None:
            return None
        more = self._last[0] > self._times[-1]
        times = [*self._times, self._last[0]] if more else self._times
        feet = [*self._feet, self._last[1]] if more else self._feet
        return Path(np.array(times), np.array(feet, np.float32), self._size)


class Look:
    """The mean of a tracklet's pictures while it grows."""

    def __init__(self, dimension: int) -> None:
        self._sum = np.zeros(dimension)
        self._weight = self._squares = 0.0

    def add(self, vector: Floats, quality: float) -> None:
        """A (D,) unit vector."""
        weight = max(quality, 1e-3)
        self._sum += weight * vector
        self._weight, self._squares = self._weight + weight, self._squares + weight**2

    def __bool__(self) -> bool:
        return self._weight > 0

    @property
    def mean(self) -> Floats:
        return np.asarray(self._sum / max(self._weight, 1e-9), np.float32)

    @property
    def pictures(self) -> float:
        """How many independent ones the mean is worth."""
        return self._weight**2 / max(self._squares, 1e-9)

    @property
    def spread(self) -> float:
        """Mean squared distance of a picture from the mean; NaN where there is one alone."""
        if self.pictures < 1.5:
            return float("nan")
        return float((1.0 - (self.mean.astype(float) ** 2).sum()) / (1.0 - 1.0 / self.pictures))


def columns_of(tracklets: Sequence[Tracklet]) -> Columns:
    """In the same order."""
    names = sorted({t.camera for t in tracklets} | {look[0] for t in tracklets for look in t.earlier})
    code = {name: number for number, name in enumerate(names)}
    recording = np.unique([t.recording for t in tracklets], return_inverse=True)[1]
    looks, pictures, spread = zip(*(t.look for t in tracklets), strict=True)
    return Columns(
        cameras=tuple(names),
        camera=np.array([code[t.camera] for t in tracklets], np.int64),
        recording=recording.reshape(-1).astype(np.int64),
        start=np.array([t.start for t in tracklets], float),
        end=np.array([t.end for t in tracklets], float),
        looks=np.array(looks, np.float32),
        pictures=np.array(pictures, float),
        spread=np.array(spread, float),
        paths=tuple(t.path for t in tracklets),
        earlier=tuple([(code[name], mean, worth) for name, mean, worth in t.earlier] for t in tracklets),
    )


def mean_look(vectors: Floats, qualities: Floats) -> tuple[Floats, float, float]:
    """Of (K, D) unit rows and (K,) qualities: the (D,) mean, how many pictures it is worth, and their spread.

    The number is Kish's: (sum of weights)^2 / sum of squares.
    """
    weights = np.maximum(qualities.astype(float), 1e-3)
    weights /= weights.sum()
    mean = (weights[:, None] * vectors).sum(axis=0)
    worth = float(1.0 / (weights**2).sum())
    if len(vectors) < 2:
        return mean.astype(np.float32), worth, float("nan")
    apart = float((weights * ((vectors - mean) ** 2).sum(axis=1)).sum())
    return mean.astype(np.float32), worth, apart / max(1.0 - 1.0 / worth, 1e-3)


def identities_of(tracklets: Sequence[Tracklet]) -> Integers:
    """(N,) as decided so far, -1 where nothing is."""
    return np.array([-1 if t.identity is None else t.identity for t in tracklets], np.int64)


def people_so_far(tracklets: Sequence[Tracklet]) -> Integers:
    """(N,) codes of who is who as decided; who is undecided is alone."""
    keys = [(1, n) if t.identity is None else (0, t.identity) for n, t in enumerate(tracklets)]
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled.astype(np.float32)
