"""What somebody knows of the cameras: which way nobody goes, and how long the others take."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tracker.refine import Cluster
    from tracker.tracklets import Tracklet


class Timed(Protocol):
    """A stay on a camera. start, end: seconds, of the clock of its recording."""

    @property
    def camera(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def recording(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """Of the way from one camera to another; outranks what is learned.

    after_s: nobody comes from ``first`` to ``second`` sooner than the lowest, nor straight later than the
    highest. never: nobody who was on ``first`` is on ``second`` afterwards. overlap: whether they see one
    person at the same moment, whichever is first; None where that is not told.
    """

    first: str
    second: str
    after_s: tuple[float, float] | None = None
    never: bool = False
    overlap: bool | None = None


def forbidden(tracklets: Sequence[Timed], rules: Collection[Rule]) -> NDArray[np.bool_]:
    """(N, N): pairs that are not one person, by what somebody knows of the cameras. Symmetric.

    Who comes later than the highest of ``after_s`` may have been elsewhere meanwhile: see ``cut``. Times of
    two recordings are not of one clock: of them nothing is forbidden but what is so in either order.
    """
    camera = np.array([tracklet.camera for tracklet in tracklets])
    recording = np.array([tracklet.recording for tracklet in tracklets])
    start = np.array([tracklet.start for tracklet in tracklets])
    end = np.array([tracklet.end for tracklet in tracklets])
    never: NDArray[np.bool_] = np.zeros((len(tracklets), len(tracklets)), bool)
    closed = {(rule.first, rule.second) for rule in rules if rule.never}
    for rule in rules:
        rows, columns = np.flatnonzero(camera == rule.first), np.flatnonzero(camera == rule.second)
        if rule.never and (rule.second, rule.first) in closed:
            found = np.ones((len(rows), len(columns)), bool)
        else:
            least = np.inf if rule.never else rule.after_s[0] if rule.after_s else -np.inf
            found = start[columns][None] - end[rows][:, None] < least
            found &= start[columns][None] >= start[rows][:, None]
            found &= recording[rows][:, None] == recording[columns][None]
        never[np.ix_(rows, columns)] |= found
    return never | never.T


def cut(
    clusters: Sequence[Cluster],
    tracklets: Sequence[Tracklet],
    rules: Collection[Rule],
    *,
    together: Collection[tuple[int, int]] = (),
) -> list[Cluster]:
    """Parts people where they would have come straight from one camera to the next later than the highest of
    ``after_s``. together: numbers that people said are one, who are not parted.
    """
    most = longest(rules)
    known = {tracklet.number: tracklet for tracklet in tracklets}
    return [part for cluster in clusters for part in _parts(cluster, known, most, together)]


def _parts(
    cluster: Cluster,
    known: Mapping[int, Tracklet],
    most: Mapping[tuple[str, str], float],
    together: Collection[tuple[int, int]],
) -> list[Cluster]:
    way = sorted(cluster.tracklets, key=lambda number: (known[number].start, number))
    place = {number: k for k, number in enumerate(way)}
    tied = [sorted((place[a], place[b])) for a, b in together if a in place and b in place]
    cuts = [
        k
        for k, (a, b) in enumerate(pairwise(way), 1)
        if is_late(known[a], known[b], most) and not any(low < k <= high for low, high in tied)
    ]
    if not cuts:
        return [cluster]
    sure = dict(zip(cluster.tracklets, cluster.probabilities, strict=True))
    parts = [way[low:high] for low, high in pairwise([0, *cuts, len(way)])]
    return [
        replace(
            cluster,
            tracklets=tuple(part),
            probabilities=tuple(sure[number] if len(part) > 1 else 1.0 for number in part),
        )
        for part in parts
    ]


def longest(rules: Collection[Rule]) -> dict[tuple[str, str], float]:
    """Of the ways that are told, the highest of ``after_s``."""
    return {(rule.first, rule.second): rule.after_s[1] for rule in rules if rule.after_s is not None}


def is_late(a: Timed, b: Timed, most: Mapping[tuple[str, str], float]) -> bool:
    """Whether somebody who went straight from one to the other would have come too late."""
    return a.recording == b.recording and b.start - a.end > most.get((a.camera, b.camera), np.inf)
