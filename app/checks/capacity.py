"""How many cameras a machine carries, worked out from what each piece of work was measured to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LASTS_S = 60.0
MOST_CAMERAS = 4096
BEARABLE = 0.01  # of the frames due, those whose camera's next one comes before they are taken


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of CPU. frame: to decode one and see whether it is due. due: for one that the detector sees,
    all that follows included.
    """

    frame: float
    due: float


@dataclass(frozen=True, slots=True)
class Camera:
    """Frames a second: fps, those there are; due, those the detector sees. costs: of one of this kind."""

    fps: float
    due: float
    costs: Costs

    @property
    def load(self) -> float:
        """Cores it keeps busy."""
        return self.fps * self.costs.frame + self.due * self.costs.due


@dataclass(frozen=True, slots=True)
class Carried:
    """So many cameras at once. p50_s, p95_s: from when a frame is there to its result. load: of the cores,
    0..1 and more. missed: the share of due frames for which there was no time.
    """

    cameras: int
    p50_s: float
    p95_s: float
    load: float
    missed: float


def carried(cameras: Sequence[Camera], *, cores: int) -> Carried:
    """Plays a minute: each camera brings due frames evenly, from a moment of its own on; the line takes the
    newest of every camera that has one, works through them together, and begins anew.

    Decoders and the line share the cores; what is decoded is not there for the line.
    """
    load = sum(camera.load for camera in cameras) / cores
    left = cores - sum(camera.fps * camera.costs.frame for camera in cameras)
    if left <= 0:
        return Carried(len(cameras), np.inf, np.inf, load, 1.0)
    waits, given, done = _played(cameras, left)
    p50_s, p95_s = (float(np.quantile(waits, q)) for q in (0.5, 0.95)) if waits else (0.0, 0.0)
    return Carried(len(cameras), p50_s, p95_s, load, 1.0 - done / given if given else 0.0)


def _played(cameras: Sequence[Camera], left: float) -> tuple[list[float], int, int]:
    """Latencies; how many frames were due; how many of them were taken."""
    random = np.random.default_rng(0)
    due = [np.arange(random.uniform(0, 1 / c.due), LASTS_S, 1 / c.due) for c in cameras]
    taken = [0] * len(cameras)
    waits: list[float] = []
    now, done = 0.0, 0
    while now < LASTS_S:
        ready = [int(np.searchsorted(times, now, side="right")) for times in due]
        fresh = [k for k, count in enumerate(ready) if count > taken[k]]
        if not fresh:
            now = min(
                (times[n] for times, n in zip(due, ready, strict=True) if n < len(times)), default=LASTS_S
            )
            continue
        end = now + sum(cameras[k].costs.due for k in fresh) / left
        waits += [end - float(due[k][ready[k] - 1]) for k in fresh]
        done += len(fresh)
        taken, now = ready, end
    return waits, sum(map(len, due)), done


def most_carried(kinds: Sequence[Camera], *, cores: int, within_s: float) -> Carried:
    """The most cameras, of the kinds in turn, whose results come within that time, 95 of 100, and of which
    hardly a due frame is missed. None may be carried: then `cameras` is 0.
    """

    def fits(count: int) -> Carried | None:
        one = carried([kinds[k % len(kinds)] for k in range(count)], cores=cores)
        return one if one.p95_s <= within_s and one.missed <= BEARABLE else None

    best, step = Carried(0, 0.0, 0.0, 0.0, 0.0), 1
    while step <= MOST_CAMERAS and (more := fits(step)) is not None:
        best, step = more, 2 * step
    low, high = best.cameras, min(step, MOST_CAMERAS)
    while high - low > 1:
        middle = (low + high) // 2
        more = fits(middle)
        if more is None:
            high = middle
        else:
            best, low = more, middle
    return best
