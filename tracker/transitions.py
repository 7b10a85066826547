"""How people go from camera to camera, and how a tracklet goes on where another ended.

For each camera the density of where, and how long ago, a person was before a visit to it, over that of
anybody else. It begins as the latter, so that nothing is said where nothing is known, and moves to what
was seen as hand-overs come in: after a few it tells something, after fifty nearly all (a kernel density with
a prior that counts as BEFORE hand-overs; Javed et al., "Modeling inter-camera space-time and appearance
relationships", CVIU 2008). Delays are on a scale that is linear up to a second and logarithmic beyond:
ways of any length are resolved alike. A delay below zero is somebody seen by two cameras at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.cosines import BEFORE
from tracker.tracklets import STEADY_S, Columns, Doubles, Integers, Path

AT_ONCE = 0.5
"""How likely beforehand two cameras see one person at a time, unless somebody said so."""

WIDTH = 0.3
"""Of the kernel: people's times for one way differ by about a third."""

BINS = np.linspace(-9.0, 16.0, 501)
BIN = 0.05
_REACH = int(4 * WIDTH / BIN)
_BELL = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) * BIN / WIDTH) ** 2)
_BELL /= _BELL.sum()
_PEAK = _BELL.max()
_MIDDLE = BINS[:-1] + BIN / 2
EDGES_S = np.concatenate([[-np.inf], np.sign(_MIDDLE) * np.expm1(np.abs(_MIDDLE)), [np.inf]])
"""Between BINS, and around them, in seconds."""

FRAGMENT_S = 2.0
"""Mean time for which a camera loses somebody who is still there."""

EARLY_S = 0.2
"""By which a piece may begin before the one it goes on from has ended."""

LOST_S = 15.0
"""Nobody is looked for longer at the place where a tracklet ended."""


def scaled(delay_s: Doubles) -> Doubles:
    """Seconds -> the scale of BINS."""
    return np.asarray(np.sign(delay_s) * np.log1p(np.abs(delay_s)))


@dataclass(frozen=True, slots=True)
class Transitions:
    """Of C cameras. ratio: (C, C, bins) log of the density of delays from i to j over that of strangers.
    others: the same for a hand-over that it was learned from, by the others alone. fragments: (C,) the share
    of tracklets that go on where another of that camera ended. starts: (C,) tracklets a second. seen: (C, C)
    hand-overs it was learned from.
    """

    ratio: Doubles
    others: Doubles
    fragments: Doubles
    starts: Doubles
    seen: Doubles

    @staticmethod
    def unknown(columns: Columns, overlap: NDArray[np.bool_]) -> Transitions:
        """Before anything is learned. overlap: (C, C) cameras said to see people at the same moment."""
        count = len(columns.cameras)
        ratio = np.zeros((count, count, len(BINS)))
        before = BINS < 0
        ratio[:, :, before] = np.where(overlap, 0.0, np.log(AT_ONCE))[:, :, None]
        return Transitions(ratio, ratio, np.full(count, 0.5), _starts(columns), np.zeros((count, count)))

    def kept(self, before: Transitions, place: Sequence[int]) -> Transitions:
        """With all that was known before. place: (C,) the codes here of the cameras there."""
        here = np.ix_(place, place)
        ratio, others, seen = self.ratio.copy(), self.others.copy(), self.seen.copy()
        fragments, starts = self.fragments.copy(), self.starts.copy()
        ratio[here], others[here], seen[here] = before.ratio, before.others, before.seen
        fragments[place], starts[place] = before.fragments, before.starts
        return Transitions(ratio, others, fragments, starts, seen)

    def log_ratio(self, first: Integers, second: Integers, delay_s: Doubles) -> Doubles:
        """Broadcast codes of cameras and delays -> log ratio, by the nearest bin."""
        return np.asarray(self.ratio[first, second, _bin(delay_s)])

    def own(self, first: Integers, second: Integers, delay_s: Doubles, told: Doubles) -> Doubles:
        """(K,): what hand-overs that it was learned from add to what they are told, each for itself."""
        bins, share = _bin(delay_s), np.where(first == second, self.fragments[first], 0.0)
        whole, others = (np.exp(ratio[first, second, bins] - told) for ratio in (self.ratio, self.others))
        return np.asarray(-np.log1p(-(1.0 - share) * (whole - others)))

    def going_on(self, camera: int, delay_s: Doubles, motion: Doubles, log_ratio: Doubles) -> Doubles:
        """In one camera: log ratio with what place and motion say. motion: (K,) density of the place where
        the second begins, given where the first ended, over that of any place.
        """
        share = self.fragments[camera]
        rate = np.where(delay_s > -EARLY_S, np.exp(-np.maximum(delay_s, 0.0) / FRAGMENT_S), 0.0)
        again = rate / FRAGMENT_S * motion / self.starts[camera]
        return np.asarray(np.logaddexp(np.log1p(-share) + log_ratio, np.log(share * again + 1e-9)))


def _starts(columns: Columns) -> Doubles:
    lasted = max(float(columns.end.max() - columns.start.min()), 1.0)
    return np.asarray(np.bincount(columns.camera, minlength=len(columns.cameras)) / lasted)


def learned(
    columns: Columns,
    links: Sequence[tuple[int, int]],
    people: Integers,
    overlap: NDArray[np.bool_],
    clock: Integers,
) -> Transitions:
    """From hand-overs. links: rows of tracklets that follow each other as one person's. people: (N,) codes.
    overlap: as for ``unknown``. clock: (N,) delays count between those of one clock alone.
    """
    count = len(columns.cameras)
    start = Transitions.unknown(columns, overlap)
    held, fragments = np.zeros((count, count, len(BINS))), np.zeros(count)
    for i, j in links:
        if clock[i] != clock[j]:
            continue
        delay = columns.start[j] - columns.end[i]
        first, second = int(columns.camera[i]), int(columns.camera[j])
        if first == second and delay < FRAGMENT_S:
            fragments[first] += 1
        else:
            held[first, second, _bin(delay)] += 1
    chance = _by_chance(columns, people, clock)
    believed = chance * np.exp(start.ratio)
    believed /= believed.sum(axis=(0, 2), keepdims=True) * BIN
    here = np.apply_along_axis(_smoothed, 2, held) / BIN
    seen = held.sum(axis=2)
    known = seen.sum(axis=0)[None, :, None]
    each = BEFORE * believed + here
    ratio = np.where(known > 0, np.log(each / (BEFORE + known) / chance), start.ratio)
    rest = np.maximum(each - np.minimum(held, 1.0) * _PEAK / BIN, BEFORE * believed)
    others = np.where(known > 0, np.log(rest / (BEFORE + np.maximum(known - 1, 0)) / chance), start.ratio)
    tracklets = np.bincount(columns.camera, minlength=count)
    shares = (fragments + BEFORE / 2) / (tracklets + BEFORE)
    return Transitions(ratio, others, np.clip(shares, 0.01, 0.99), start.starts, seen)


def _by_chance(columns: Columns, people: Integers, clock: Integers) -> Doubles:
    """(C, 1, bins): the density of the camera and the delay of a person's last visit, at any moment that has
    nothing to do with that person, never nothing.

    So somebody who is taken for two does not seem to be followed by a stranger.
    """
    count = len(columns.cameras)
    order = np.lexsort((columns.start, people, clock))
    one, start, end, of = clock[order], columns.start[order], columns.end[order], people[order]
    last = np.zeros(int(clock.max()) + 1)
    np.maximum.at(last, clock, columns.end)
    until = last[one]
    on = (of[1:] == of[:-1]) & (one[1:] == one[:-1])
    until[:-1][on] = start[1:][on]
    # From its start to the next one's a visit is the last: delays are spread evenly.
    within = np.clip(EDGES_S[None], (start - end)[:, None], (until - end)[:, None])
    spent = np.diff(within, axis=1)
    whole = np.bincount(one, spent.sum(axis=1))
    spent *= (np.bincount(one) / np.maximum(whole, 1e-9))[one][:, None]
    seen = np.zeros((count, len(BINS)))
    np.add.at(seen, columns.camera[order], spent)
    flat = 1.0 / (count * (BINS[-1] - BINS[0]))
    smooth = np.apply_along_axis(_smoothed, 1, seen) / BIN
    return np.asarray((smooth + flat) / (len(columns) + 1.0))[:, None]


def _bin(delay_s: Doubles) -> Integers:
    place = np.rint((scaled(delay_s) - BINS[0]) / BIN)
    return np.asarray(np.clip(place, 0, len(BINS) - 1), np.int64)


def _smoothed(counts: Doubles) -> Doubles:
    """By a Gaussian kernel."""
    return np.convolve(counts, _BELL, "same")


PLACE, DRIFT = 0.15, 0.5
"""Heights by which a box's foot point is off, and by which somebody strays in a second out of sight."""

ELSEWHERE = 0.1
"""The chance that a visit is where, or when, no way leads to."""


def motion_ratio(before: Path, after: Path, delay_s: float) -> float:
    """The density of the place where ``after`` begins, given how ``before`` ended, over that of any place."""
    last, size = before.feet[-1], before.size[0] * before.size[1]
    recent = before.times >= before.times[-1] - 1.0
    lasted = float(before.times[-1] - before.times[recent][0])
    height = max(float(last[2]), 1.0)
    speed = np.zeros(2)
    if lasted > 0:
        speed = (last[:2] - before.feet[recent][0, :2]) / lasted
        speed *= min(1.0, height / max(float(np.linalg.norm(speed)), 1e-6))
    way = STEADY_S * (1.0 - np.exp(-max(delay_s, 0.0) / STEADY_S))
    spread = height * (PLACE + DRIFT * max(delay_s, 0.0))
    off = float(((after.feet[0, :2] - last[:2] - way * speed) ** 2).sum()) / spread**2
    taller = float(np.log(max(float(after.feet[0, 2]), 1.0) / height)) / 0.2
    near = np.exp(-(off + taller**2) / 2) / (2 * np.pi * spread**2)
    return float((1.0 - ELSEWHERE) * near * size + ELSEWHERE)
