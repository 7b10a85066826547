"""Who is who in Market-1501's tracklets: the baselines, the associator and the second pass."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from market_parts.tracklets import Ids, Tracklet, as_told, idf1, rounds
from scipy.cluster.hierarchy import fcluster, linkage

from tracker.associator import Associator
from tracker.clocks import Clocks
from tracker.gallery import Gallery
from tracker.refine import second_pass
from tracker.tracklets import Tracklet as Told
from tracker.tracklets import columns_of
from tracker.types import Floats, Sighting

THRESHOLDS = tuple(float(value) for value in np.arange(0.36, 0.56, 0.01))
"""Cosine distances the baselines choose their best of, by the truth."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: (T,) ids, -1 for who was left undecided. seconds: of CPU, for all tracklets."""

    name: str
    ids: Ids
    seconds: float


def averages(tracklets: Sequence[Tracklet]) -> Floats:
    """(T, D) unit rows: each tracklet's mean."""
    means = np.array([tracklet.vectors.mean(axis=0) for tracklet in tracklets])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def greedy(tracklets: Sequence[Tracklet], thresholds: Sequence[float] = THRESHOLDS) -> list[Ids]:
    """For each threshold: in time order, each joins the id of nearest average, or founds its own."""
    return [_greedy(tracklets, averages(tracklets), threshold) for threshold in thresholds]


def _greedy(tracklets: Sequence[Tracklet], means: Floats, threshold: float) -> Ids:
    sums = np.zeros_like(means)
    known = np.zeros_like(means)
    ids: Ids = np.zeros(len(means), np.int64)
    count = 0
    for row, mean in enumerate(means):
        alike = known[:count] @ mean
        best = int(alike.argmax()) if count else 0
        if not count or 1.0 - alike[best] > threshold:
            best, count = count, count + 1
        ids[row] = best
        sums[best] += mean * len(tracklets[row].times)
        known[best] = sums[best] / np.linalg.norm(sums[best])
    return ids


def clustered(tracklets: Sequence[Tracklet], thresholds: Sequence[float] = THRESHOLDS) -> list[Ids]:
    """For each threshold: average linkage of all tracklets' averages; knows the future."""
    tree = linkage(averages(tracklets), "average", metric="cosine")
    return [fcluster(tree, threshold, "distance").astype(np.int64) for threshold in thresholds]


def baseline(
    name: str,
    method: Callable[[Sequence[Tracklet], Sequence[float]], list[Ids]],
    tracklets: Sequence[Tracklet],
    thresholds: Sequence[float] = THRESHOLDS,
) -> Row:
    """With the threshold that is best by the truth; the row's name tells it."""
    began = time.process_time()
    tries = method(tracklets, thresholds)
    spent = (time.process_time() - began) / len(tries)
    best = max(range(len(tries)), key=lambda k: idf1(tries[k], tracklets))
    return Row(f"{name} ({thresholds[best]:.2f})", tries[best], spent)


@dataclass(frozen=True, slots=True)
class Replay:
    """What the associator said last of each sighting, and which tracklet each is: sighting -> row."""

    last: dict[int, Sighting]
    owners: dict[int, int]
    seconds: float

    def ids(self, count: int) -> Ids:
        ids: Ids = np.full(count, -1, np.int64)
        for number, sighting in self.last.items():
            ids[self.owners[number]] = -1 if sighting.identity is None else sighting.identity
        return ids


def associator(tracklets: Sequence[Tracklet]) -> Associator:
    """With its defaults."""
    return Associator(gallery=Gallery(dimension=tracklets[0].vectors.shape[1]))


def replay(tracklets: Sequence[Tracklet], associator: Associator) -> Replay:
    """All tracklets through an associator."""
    began = time.process_time()
    last: dict[int, Sighting] = {}
    owners: dict[int, int] = {}
    for seen in rounds(tracklets):
        changes = associator.update(seen)
        last |= {sighting.number: sighting for sighting in changes.sightings}
        for people in changes.people.values():
            owners |= {person.sighting: person.track.number for person in people}
    last |= {sighting.number: sighting for sighting in associator.finish().sightings}
    return Replay(last, owners, time.process_time() - began)


def replayed(name: str, tracklets: Sequence[Tracklet]) -> Row:
    """The associator's ids in the end."""
    found = replay(tracklets, associator(tracklets))
    return Row(name, found.ids(len(tracklets)), found.seconds)


def refined(name: str, tracklets: Sequence[Tracklet], *, say: bool = False) -> Row:
    """The second pass over all, with its defaults. say: prints the clocks found."""
    rows = as_told(tracklets)
    began = time.process_time()
    found = second_pass(rows)
    spent = time.process_time() - began
    if found.clocks is not None and say:
        print_clocks(found.clocks, rows)
    ids: Ids = np.full(len(tracklets), -1, np.int64)
    for number, cluster in enumerate(found.clusters):
        ids[list(cluster.tracklets)] = number
    return Row(name, ids, spent)


def print_clocks(clocks: Clocks, rows: Sequence[Told]) -> None:
    """The offsets found, a line for each camera; recordings in order."""
    recording = columns_of(rows).recording
    lines: dict[str, dict[int, str]] = defaultdict(dict)
    for row, code in zip(rows, recording.tolist(), strict=True):
        lines[row.camera][row.recording] = f"{clocks.offset_s[code]:.0f}"
    groups = len(set(clocks.group.tolist()))
    print(f"clocks of {len(clocks.offset_s)} recordings in {groups} group(s), seconds:")
    for camera, offsets in sorted(lines.items()):
        print(f"  {camera}: " + ", ".join(offsets[number] for number in sorted(offsets)))
