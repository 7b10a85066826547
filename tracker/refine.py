"""The second pass: all tracklets of a span at once -> people, under what is impossible and what is told.

Each pair of tracklets gets log odds of being one person, from appearance and from delay (tracker.topology,
tracker.likeness); both are learned from the span itself, in turns. Then clusters are joined, the surest
first, by the mean over their pairs (average linkage), while that is likely enough.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker.likeness import Curve, learned, straight
from tracker.topology import Clocks, Stays, Table, heaps, set_clocks, travel_log_odds
from tracker.types import Floats

MOST = 20_000
"""Tracklets at once: a table of all pairs takes 1.6 GB then, and there are some of them."""

ENOUGH = 300
"""Tracklets from which on the footage is asked how its cameras differ and follow each other."""

TURNS = 3
"""Of learning and clustering; a fourth changes nothing to speak of."""

ACCEPT = 0.7
"""Mean probability from which two clusters are one person: a wrong merge is worse than a duplicate."""

SLACK_S = 0.5
"""How far the clocks of two cameras may differ that are said to agree."""

NEVER = -np.inf


class TooManyError(ValueError):
    """More tracklets than are compared at once."""


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One presence on one camera. start, end: UTC epoch seconds. vectors: (K, D) float32 unit rows, K >= 1.
    qualities: (K,) 0..1. identity: as decided so far. recording: of which clock its times are; those of
    other recordings may differ by constants nobody told.
    """

    number: int
    camera: str
    start: float
    end: float
    vectors: Floats
    qualities: Floats
    identity: int | None
    recording: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """One person. tracklets: their numbers. probabilities: of each, that it belongs here, 0..1."""

    tracklets: tuple[int, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pass:
    """Clusters, and what was learned on the way. odds: (N, N) log odds of all pairs; clocks, curve: what
    they come from, none where the footage told too little.
    """

    clusters: list[Cluster] = field(default_factory=list)
    odds: Table = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    clocks: Clocks | None = None
    curve: Curve | None = None


def refine(
    tracklets: Sequence[Tracklet],
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    together: Collection[tuple[int, int]] = (),
    apart: Collection[tuple[int, int]] = (),
) -> list[Cluster]:
    """Who is who, by all that is known of the span.

    overlap: pairs of cameras that may see one person at the same moment. together, apart: pairs of numbers
    that people have decided on, which stand. Raises TooManyError; ValueError where one pair is in both.
    """
    return second_pass(tracklets, overlap=overlap, together=together, apart=apart).clusters


def second_pass(
    tracklets: Sequence[Tracklet],
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    together: Collection[tuple[int, int]] = (),
    apart: Collection[tuple[int, int]] = (),
    turns: int = TURNS,
) -> Pass:
    """As refine, with what was learned. turns: of learning and clustering."""
    if len(tracklets) > MOST:
        raise TooManyError(f"{len(tracklets)} sightings are more than the {MOST} that are compared at once.")
    if not tracklets:
        return Pass()
    rows = {tracklet.number: row for row, tracklet in enumerate(tracklets)}
    never = impossible(tracklets, overlap)
    ties = [(rows[a], rows[b]) for a, b in together]
    for a, b in ties:  # people outrank what seems impossible
        never[a, b] = never[b, a] = False
    for a, b in apart:
        never[rows[a], rows[b]] = never[rows[b], rows[a]] = True
    odds, clocks, curve = _odds(tracklets, never, turns)
    labels = joined(odds, never, ties)
    return Pass(_clusters(tracklets, odds, labels), odds, clocks, curve)


def impossible(tracklets: Sequence[Tracklet], overlap: frozenset[frozenset[str]]) -> NDArray[np.bool_]:
    """(N, N): nobody is twice in one view, or in two that don't overlap, at a time; nor twice oneself.

    Times of two recordings that are not of one clock rule nothing out.
    """
    names = sorted({tracklet.camera for tracklet in tracklets})
    camera = np.array([names.index(tracklet.camera) for tracklet in tracklets])
    recording = np.array([tracklet.recording for tracklet in tracklets])
    start = np.array([tracklet.start for tracklet in tracklets])
    end = np.array([tracklet.end for tracklet in tracklets])
    excluded = np.array([[a == b or frozenset((a, b)) not in overlap for b in names] for a in names])
    slack = np.where(camera[:, None] == camera[None], 0.0, SLACK_S)
    at_once = (start[:, None] < end[None] - slack) & (start[None] < end[:, None] - slack)
    never: NDArray[np.bool_] = (
        at_once & excluded[np.ix_(camera, camera)] & (recording[:, None] == recording[None])
    )
    np.fill_diagonal(never, True)
    return never


def _odds(
    tracklets: Sequence[Tracklet], never: NDArray[np.bool_], turns: int
) -> tuple[Table, Clocks | None, Curve | None]:
    """(N, N) log odds of being one person, and what they were learned with."""
    plain = straight(midpoint=0.5, width=0.05)
    untaught = plain(similarities(tracklets, centred=False))
    if len(tracklets) < ENOUGH:
        return untaught, None, None
    alike, stays = similarities(tracklets, centred=True), stays_of(tracklets)
    recordings = int(stays.recording.max()) + 1
    chance = _chance(plain(alike), never)
    for turn in range(turns):
        clocks = set_clocks(heaps(stays, chance), recordings)
        travel = travel_log_odds(stays, clocks, chance, never)
        curve = _curve(alike, travel, never)
        if curve is None:
            return untaught, None, None
        odds: Table = travel + curve(alike)
        if turn + 1 < turns:
            labels = joined(odds, never, ())
            chance = ((labels[:, None] == labels[None]) & ~never).astype(np.float32)
    return odds, clocks, curve


def _chance(odds: Table, never: NDArray[np.bool_]) -> Table:
    chance: Table = (1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(np.float32)
    chance[never] = 0.0
    return chance


def _curve(alike: Table, travel: Table, never: NDArray[np.bool_]) -> Curve | None:
    """From pairs whose delay makes them likely, and those whose delay does not."""
    upper = np.triu(~never, 1)
    heaped = travel > np.log(0.1)
    return learned(alike[upper & heaped], alike[upper & (travel < np.median(travel))])


def stays_of(tracklets: Sequence[Tracklet]) -> Stays:
    """Cameras and recordings as codes."""
    camera = np.unique([tracklet.camera for tracklet in tracklets], return_inverse=True)[1]
    keys = [f"{tracklet.camera}\0{tracklet.recording}" for tracklet in tracklets]
    recording = np.unique(keys, return_inverse=True)[1]
    middle = np.array([(tracklet.start + tracklet.end) / 2 for tracklet in tracklets])
    return Stays(camera.astype(np.int64), recording.astype(np.int64), middle)


def similarities(tracklets: Sequence[Tracklet], *, centred: bool) -> Table:
    """(N, N) cosines of the tracklets' means. centred: from each camera's own mean, which takes out its
    light and its view.
    """
    means = np.array([_mean(tracklet) for tracklet in tracklets], np.float32)
    if centred:
        camera = stays_of(tracklets).camera
        for code in range(int(camera.max()) + 1):
            means[camera == code] -= means[camera == code].mean(axis=0)
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    alike: Table = means @ means.T
    return alike


def _mean(tracklet: Tracklet) -> Floats:
    mean: Floats = (tracklet.vectors * np.maximum(tracklet.qualities, 1e-3)[:, None]).sum(axis=0)
    return mean / np.float32(max(float(np.linalg.norm(mean)), 1e-9))


def joined(
    odds: Table, never: NDArray[np.bool_], ties: Collection[tuple[int, int]], *, accept: float = ACCEPT
) -> NDArray[np.int64]:
    """(N,) labels: clusters joined by the mean log odds of their pairs, the highest first, while accepted.

    never: pairs that are in no cluster together. ties: pairs that are, whatever the odds; raises ValueError
    where that cannot be. accept: the mean probability from which clusters join.
    """
    table = np.where(never, NEVER, odds.astype(np.float64))
    np.fill_diagonal(table, NEVER)
    labels, sizes = np.arange(len(table)), np.ones(len(table))
    for a, b in ties:
        first, second = labels[a], labels[b]
        if first != second:
            if never[a, b]:
                raise ValueError("Two sightings are said to be one person's, and cannot be.")
            _join(table, labels, sizes, first, second)
    best, where = table.max(axis=1, initial=NEVER), table.argmax(axis=1)
    while len(best) and best.max() > np.log(accept / (1 - accept)):
        first = int(best.argmax())
        second = int(where[first])
        stale = _join(table, labels, sizes, first, second) & ((where == first) | (where == second))
        for row in {first, *np.flatnonzero(stale).tolist()}:
            where[row] = table[row].argmax()
            best[row] = table[row, where[row]]
        best[second] = NEVER
        better = table[first] > best
        best[better], where[better] = table[first][better], first
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _join(
    table: NDArray[np.float64], labels: NDArray[np.int64], sizes: NDArray[np.float64], first: int, second: int
) -> NDArray[np.bool_]:
    """Puts the second cluster into the first; says which clusters there still are."""
    weight = sizes[first] / (sizes[first] + sizes[second])
    table[first] = weight * table[first] + (1 - weight) * table[second]
    table[first, first] = NEVER
    table[:, first] = table[first]
    table[second], table[:, second] = NEVER, NEVER
    labels[labels == second] = first
    sizes[first], sizes[second] = sizes[first] + sizes[second], 0
    return sizes > 0


def _clusters(tracklets: Sequence[Tracklet], odds: Table, labels: NDArray[np.int64]) -> list[Cluster]:
    found = []
    for label in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == label)
        inner = odds[np.ix_(rows, rows)].astype(np.float64)
        np.fill_diagonal(inner, 0.0)
        mean = inner.sum(axis=1) / max(len(rows) - 1, 1)
        sure = 1 / (1 + np.exp(-np.clip(mean, -30, 30))) if len(rows) > 1 else np.ones(1)
        numbers = tuple(tracklets[row].number for row in rows.tolist())
        found.append(Cluster(numbers, tuple(float(p) for p in sure)))
    return found
