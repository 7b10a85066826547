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
from tracker.templates import Taken
from tracker.types import Floats

LEAST_QUESTIONS, MOST_QUESTIONS = 20, 400
"""Pictures of people with another visit that a curve is learned from; of fewer it is as a run begins with."""

LEAST_PEOPLE = 10
"""As many must be known: of one or two nobody learns how alike strangers are."""

RIVALS = 64
"""Of everybody else, the most alike count."""

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
    own, others = _answers(people, [places[k] for k in order])
    tries = [(midpoint, width) for width in WIDTHS for midpoint in MIDPOINTS]
    midpoint, width = min(tries, key=lambda one: _surprise(own, others, *one))
    return straight(midpoint=midpoint, width=width)


def _answers(people: Sequence[Looks], places: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
    """How alike each picture (its person's row, its own) is to the other visits of that person, (Q,), and to
    the RIVALS most alike of everybody else, (Q, R).
    """
    counts = np.array([len(vectors) for vectors, _ in people])
    first = np.cumsum([0, *counts[:-1]])
    looks = np.stack([people[row][0][picture] for row, picture in places])
    alike = looks @ np.concatenate([vectors for vectors, _ in people]).T
    whole = (np.maximum.reduceat(alike, first, axis=1) + np.add.reduceat(alike, first, axis=1) / counts) / 2
    own = np.empty(len(places), np.float32)
    for question, (row, picture) in enumerate(places):
        taken = people[row][1]
        rest = [first[row] + k for k, (visit, _) in enumerate(taken) if visit != taken[picture][0]]
        own[question] = (alike[question, rest].max() + alike[question, rest].mean()) / 2
        whole[question, row] = -1.0
    return own, np.sort(whole, axis=1)[:, -RIVALS:]


def _surprise(own: Floats, others: Floats, midpoint: float, width: float) -> float:
    """The mean of -log of the chance given to what is so: each question asked with its person and without."""
    curve = straight(midpoint=midpoint, width=width)
    odds: NDArray[np.float64] = np.exp(curve(own).astype(np.float64))
    nobody = 1.0 + np.exp(curve(others).astype(np.float64)).sum(axis=1)
    return float((np.log(nobody + odds) - np.log(odds) + np.log(nobody)).mean())
