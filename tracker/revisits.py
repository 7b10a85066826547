"""What those who came more than once teach of how alike one person looks, and how alike others.

A picture of somebody's one visit, held against the pictures of the other visits and of everybody else, is a
question whose answer is known; so it is with that person left out, whose answer is nobody. Two numbers, where
the odds are even and how fast they rise, are those under which the answers are likeliest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.likeness import Curve, straight
from tracker.templates import Taken, similarity
from tracker.types import Floats

LEAST_QUESTIONS, MOST_QUESTIONS = 20, 400
"""Pictures of people with another visit that a curve is learned from; of fewer it is as a run begins with."""

LEAST_PEOPLE = 10
"""As many must be known: of one or two nobody learns how alike strangers are."""

RIVALS = 64
"""Of everybody else, the most alike count, as many as a decision looks at."""

AT_ONCE = 512
"""People held against the pictures in one go: a table of some megabytes."""

MIDPOINTS, WIDTHS = np.arange(0.30, 0.701, 0.02), np.array([0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1])

Looks = tuple[Floats, Sequence[Taken]]
"""Of one person: (K, D) unit rows, and of each the visit (any number) and the time; none if nobody knows."""


def learned(people: Sequence[Looks], *, seed: int = 0) -> Curve:
    """From cosine to log odds, of one picture held against somebody's few; a run's first where too little is
    told.
    """
    places = [
        (row, picture)
        for row, (_, taken) in enumerate(people)
        if len({visit for visit, _ in taken}) > 1
        for picture in range(len(taken))
    ]
    if len(places) < LEAST_QUESTIONS or len(people) < LEAST_PEOPLE:
        return straight()
    order = np.random.default_rng(seed).permutation(len(places))[:MOST_QUESTIONS]
    asked = [places[k] for k in order]
    own, others = _own(people, asked), _others(people, asked)
    tries = [(midpoint, width) for width in WIDTHS for midpoint in MIDPOINTS]
    midpoint, width = min(tries, key=lambda one: _surprise(own, others, *one))
    return straight(midpoint=midpoint, width=width)


def _own(people: Sequence[Looks], asked: Sequence[tuple[int, int]]) -> Floats:
    """(Q,) how alike each picture (its person's row, its own) is to that person's other visits."""
    found = []
    for row, picture in asked:
        vectors, taken = people[row]
        rest = [k for k, (visit, _) in enumerate(taken) if visit != taken[picture][0]]
        found.append(similarity(vectors[picture][None], vectors[rest]))
    return np.array(found, np.float32)


def _others(people: Sequence[Looks], asked: Sequence[tuple[int, int]]) -> Floats:
    """(Q, RIVALS) how alike each picture is to those of everybody else who are most alike."""
    looks = np.stack([people[row][0][picture] for row, picture in asked])
    best = np.full((len(asked), RIVALS), -1.0, np.float32)
    rows = np.array([row for row, _ in asked])
    for start in range(0, len(people), AT_ONCE):
        block = [vectors for vectors, _ in people[start : start + AT_ONCE]]
        counts = np.array([len(vectors) for vectors in block])
        first = np.cumsum([0, *counts[:-1]])
        alike = looks @ np.concatenate(block).T
        nearest, mean = (
            np.maximum.reduceat(alike, first, axis=1),
            np.add.reduceat(alike, first, axis=1) / counts,
        )
        whole = (nearest + mean) / 2  # as tracker.templates.similarity of one picture
        here = np.flatnonzero((rows >= start) & (rows < start + len(block)))
        whole[here, rows[here] - start] = -1.0
        best = np.partition(np.hstack([best, whole]), -RIVALS, axis=1)[:, -RIVALS:]
    return best


def _surprise(own: Floats, others: Floats, midpoint: float, width: float) -> float:
    """The mean of -log of the chance given to what is so: each question asked with its person and without."""
    curve = straight(midpoint=midpoint, width=width)
    odds: NDArray[np.float64] = np.exp(curve(own).astype(np.float64))
    nobody = 1.0 + np.exp(curve(others).astype(np.float64)).sum(axis=1)
    return float((np.log(nobody + odds) - np.log(odds) + np.log(nobody)).mean())
