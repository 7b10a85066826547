"""How the clocks of recordings lie to each other, where nobody told: by how long people take between them.

People take about the same time from one camera to another. Of all pairs of tracklets on two cameras the few
that are one person's therefore heap up at a delay, on top of the even ground of all the others; where the
clocks of two recordings differ by a constant that nobody told, the heap lies at that constant. Heaps put all
recordings on one clock (Makris, Ellis and Black, "Bridging the gaps between cameras", CVPR 2004, find links
between cameras by them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIN_S = 2.0
"""Of the histograms of delays: finer than people's spread on a path of any length."""

HEAP_S, GROUND_S = 8.0, 60.0
"""Spreads by which the heap and the ground under it are smoothed."""

SURE = 6.0
"""Standard deviations a heap must rise over its ground before a clock is set by it: of 10,000 delays and
some hundred pairs of recordings chance brings about 4.5."""

Integers = NDArray[np.int64]
Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stays:
    """When tracklets were where. camera, recording: (N,) codes from 0; a recording has one clock, of one
    camera or of several. middle: (N,) seconds by that clock.
    """

    camera: Integers
    recording: Integers
    middle: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.middle)


@dataclass(frozen=True, slots=True)
class Heap:
    """Of two recordings, the delay at which pairs heap up: what `second` shows, `first` showed delay_s
    before. height: standard deviations over the ground.
    """

    first: int
    second: int
    delay_s: float
    height: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """offset_s: (R,) seconds to take from each recording's times. group: (R,) recordings of one group are on
    one clock; how groups lie to each other nobody knows.
    """

    offset_s: NDArray[np.float64]
    group: Integers


def heaps(stays: Stays, chance: Table) -> list[Heap]:
    """Of each two recordings the highest, highest first. chance: (N, N) that i and j are one person."""
    members = [np.flatnonzero(stays.recording == r) for r in range(int(stays.recording.max(initial=-1)) + 1)]
    found = []
    for a, rows in enumerate(members):
        for b in range(a + 1, len(members)):
            columns = members[b]
            delays = stays.middle[columns][None] - stays.middle[rows][:, None]
            heap = _heap(delays.ravel(), chance[np.ix_(rows, columns)].ravel().astype(np.float64))
            if heap is not None:
                found.append(Heap(a, b, *heap))
    return sorted(found, key=lambda heap: -heap.height)


def _heap(delays: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float] | None:
    """Delay and height of the highest heap; None where fewer than three people are likely in both."""
    likely = weights > 0.02  # the many that are surely two people would only fill the ground
    if weights[likely].sum() < 3:
        return None
    bins, lowest = _binned(delays)
    size = int(bins.max()) + 1
    spread = HEAP_S / BIN_S
    some = np.bincount(bins[likely], weights=weights[likely], minlength=size)
    from scipy.ndimage import gaussian_filter1d  # takes 0.4 s to load, and few runs have offsets to find

    heap = gaussian_filter1d(some, spread, mode="constant")
    ground = gaussian_filter1d(np.bincount(bins, minlength=size) * 1.0, GROUND_S / BIN_S, mode="constant")
    expected = ground * (some.sum() / ground.sum())
    # The variance of a Poisson count under a Gaussian of that spread, 0.02: less than a count in its width.
    height = (heap - expected) * np.sqrt(2 * np.sqrt(np.pi) * spread / (expected + 0.02))
    best = int(height.argmax())
    return lowest + (best + 0.5) * BIN_S, float(height[best])


def _binned(delays: NDArray[np.float64]) -> tuple[Integers, float]:
    """The bin of each delay, and where the first begins."""
    lowest = float(delays.min(initial=0.0))
    return ((delays - lowest) / BIN_S).astype(np.int64), lowest


def set_clocks(found: Sequence[Heap], recordings: int) -> Clocks:
    """Puts recordings on one clock, by the sure heaps: the highest first, then each to the median of all.

    found: highest first. A delay holds the way between two cameras too, which no clock can tell apart from
    their difference, and which does not matter for what follows.
    """
    sure = [heap for heap in found if heap.height >= SURE]
    offset, group = np.zeros(recordings), np.arange(recordings)
    for heap in sure:
        if group[heap.first] != group[heap.second]:
            joined = group == group[heap.second]
            offset[joined] += offset[heap.first] + heap.delay_s - offset[heap.second]
            group[joined] = group[heap.first]
    for _ in range(20):
        told = np.array([_told(r, sure, offset, group) for r in range(recordings)])
        offset = (offset + told) / 2
    return Clocks(offset, np.unique(group, return_inverse=True)[1].astype(np.int64))


def _told(recording: int, sure: Sequence[Heap], offset: NDArray[np.float64], group: Integers) -> float:
    """The weighted median of what a recording's heaps say of its offset; heaps far off say nothing."""
    said = []
    for heap in sure:
        if recording in (heap.first, heap.second) and group[heap.first] == group[heap.second]:
            off = offset[heap.first] + heap.delay_s - offset[heap.second]
            if abs(off) < GROUND_S:
                said.append((off if heap.second == recording else -off, heap.height))
    if not said:
        return float(offset[recording])
    said.sort()
    steps = np.cumsum([height for _, height in said])
    return float(offset[recording] + said[int(np.searchsorted(steps, steps[-1] / 2))][0])
