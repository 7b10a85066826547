"""The second pass: all tracklets of a span at once -> people, under what is impossible and what is told.

Each pair of tracklets gets log odds of being one person, from appearance and from delay (tracker.learning);
both are learned from the span itself, in turns. Tracklets near in time are joined to journeys by them,
journeys to people by their looks (tracker.journeys), the surest first, by the mean over their pairs (average
linkage), while that is likely enough. What was decided before counts as evidence, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker import journeys
from tracker.journeys import too_far
from tracker.learning import Ways, together_so_far, ways
from tracker.likeness import Curve, given, straight
from tracker.linkage import ACCEPT, joined, rejoined
from tracker.topology import Clocks, Integers, Table
from tracker.tracklets import Tracklet, centred, identities_of, impossible, looks_of, stays_of
from tracker.types import Floats

MOST = 20_000
"""Tracklets at once: a table of all pairs takes 1.6 GB then, and there are some of them."""

ENOUGH = 300
"""Tracklets from which on the footage is asked how its cameras differ and follow each other."""

TURNS = 3
"""Of learning and clustering; a fourth changes nothing to speak of."""


class TooManyError(ValueError):
    """More tracklets than are compared at once."""


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
    forbidden: NDArray[np.bool_] | None = None,
) -> list[Cluster]:
    """Who is who, by all that is known of the span.

    overlap: pairs of cameras that may see one person at the same moment. together, apart: pairs of numbers
    that people have decided on, which stand. forbidden: (N, N) what else is impossible; people outrank it.
    Raises TooManyError; ValueError where one pair is in both.
    """
    return second_pass(
        tracklets, overlap=overlap, together=together, apart=apart, forbidden=forbidden
    ).clusters


def second_pass(
    tracklets: Sequence[Tracklet],
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    together: Collection[tuple[int, int]] = (),
    apart: Collection[tuple[int, int]] = (),
    forbidden: NDArray[np.bool_] | None = None,
    turns: int = TURNS,
    accept: float = ACCEPT,
) -> Pass:
    """As refine, with what was learned. turns: of learning and clustering. accept: the mean probability from
    which two are one person."""
    if len(tracklets) > MOST:
        raise TooManyError(f"{len(tracklets)} sightings are more than the {MOST} that are compared at once.")
    if not tracklets:
        return Pass()
    rows = {tracklet.number: row for row, tracklet in enumerate(tracklets)}
    never = impossible(tracklets, overlap)
    if forbidden is not None:
        never |= forbidden
    ties = [(rows[a], rows[b]) for a, b in together]
    for a, b in ties:  # people outrank what seems impossible
        never[a, b] = never[b, a] = False
    for a, b in apart:
        never[rows[a], rows[b]] = never[rows[b], rows[a]] = True
    return _people(tracklets, never, ties, turns, accept)


def _people(
    tracklets: Sequence[Tracklet],
    never: NDArray[np.bool_],
    ties: Sequence[tuple[int, int]],
    turns: int,
    accept: float,
) -> Pass:
    bare, stays = looks_of(tracklets), stays_of(tracklets)
    people = rejoined(straight()(bare @ bare.T), never, ties)
    looks = centred(bare, stays.camera, people)
    before = identities_of(tracklets)
    odds = given(int(people.max()) + 1)(looks @ looks.T) + journeys.held(before)
    labels = rejoined(odds, never, ties, accept=accept)
    found = Pass(_clusters(tracklets, odds, labels), odds)
    for _ in range(turns if len(tracklets) >= ENOUGH else 0):
        looks = centred(bare, stays.camera, labels)
        learned = ways(stays, looks @ looks.T, together_so_far(labels, never), never)
        if learned is None:
            break
        far = never | too_far(stays, learned.clocks)
        journey = rejoined(learned.odds, never, ties, far=far)
        between, apart = _between(looks, journey, labels, learned, never, far)
        between = between + journeys.held(journeys.decided(before, journey))
        labels = joined(between, apart, (), accept=accept)[journey]
        own = journey[:, None] == journey[None]
        odds = np.where(own, learned.odds, between[np.ix_(journey, journey)])
        found = Pass(_clusters(tracklets, odds, labels), odds, learned.clocks, learned.curve)
    return found


def _between(
    looks: Floats,
    journey: Integers,
    people: Integers,
    ways: Ways,
    never: NDArray[np.bool_],
    far: NDArray[np.bool_],
) -> tuple[Table, NDArray[np.bool_]]:
    """(K, K) log odds that journeys are one person's, and which never are. people: (N,) labels so far."""
    apart = journeys.spread(never, journey)
    often = journeys.returning(people)
    plain = journeys.by_given(looks, journey, people)
    learned = journeys.learned(looks, journey, apart) if often < 1.0 else None
    if learned is None:
        return plain, apart
    told = learned.with_delays(learned.odds(looks, journey), ways.delay, ~far, journey)
    return often * plain + (1.0 - often) * told, apart


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
