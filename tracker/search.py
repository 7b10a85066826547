"""Who a single picture shows: everybody known held against it.

How a cosine becomes a chance is learned from those who are known themselves. A picture of somebody's one
visit, held against the pictures of the other visits and of everybody else, is a question whose answer is
known; so it is with that person left out, whose answer is nobody. Two numbers, where the odds are even and
how fast they rise, are those under which the answers are likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker.compare import posterior
from tracker.likeness import Curve, straight
from tracker.templates import similarities
from tracker.types import Floats, Identity

AT_ONCE = 4096
"""Identities whose pictures are compared in one go."""

LEAST_QUESTIONS, MOST_QUESTIONS = 20, 400
"""Pictures of people with another visit that a curve is learned from; of fewer it is as a run begins with."""

MIDPOINTS, WIDTHS = np.arange(0.30, 0.701, 0.02), np.array([0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1])


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of those it may be. chance: that it is. distance: cosine, 0..2. picture: the row of the identity's
    embeddings that is most alike.
    """

    identity: Identity
    chance: float
    distance: float
    picture: int


def search(
    look: Floats, identities: Sequence[Identity], *, most: int, likeness: Curve
) -> tuple[list[Candidate], float]:
    """The ``most`` likeliest, likeliest first, and the chance that it is nobody of all.

    look: (D,) unit vector of the picture. likeness: from cosine to log odds (``learned``). The chances of all
    identities and of nobody sum to 1.
    """
    cosines = _cosines(look, identities)
    chances = posterior(likeness(cosines)[None])[0]
    order = np.argsort(-cosines, kind="stable")[:most]
    found = [
        Candidate(
            identity=identities[row],
            chance=float(chances[row]),
            distance=1.0 - float(cosines[row]),
            picture=int((identities[row].embeddings @ look).argmax()),
        )
        for row in order
    ]
    return found, float(max(0.0, 1.0 - chances.sum()))


def learned(identities: Sequence[Identity], *, seed: int = 0) -> Curve:
    """From cosine to log odds, of one picture held against somebody's few."""
    questions = _questions(identities, np.random.default_rng(seed))
    if len(questions) < LEAST_QUESTIONS:
        return straight()
    tries = [(midpoint, width) for width in WIDTHS for midpoint in MIDPOINTS]
    midpoint, width = min(tries, key=lambda one: _surprise(questions, *one))
    return straight(midpoint=midpoint, width=width)


def _questions(identities: Sequence[Identity], random: np.random.Generator) -> list[tuple[float, Floats]]:
    """Of pictures of people with several visits: the cosine with the other visits', and everybody else's."""
    places = [
        (row, picture)
        for row, identity in enumerate(identities)
        if len({sighting for sighting, _ in identity.taken}) > 1
        for picture in range(len(identity.taken))
    ]
    chosen = [places[k] for k in random.permutation(len(places))[:MOST_QUESTIONS]]
    return [_question(identities, row, picture) for row, picture in chosen]


def _question(identities: Sequence[Identity], row: int, picture: int) -> tuple[float, Floats]:
    identity = identities[row]
    look, visit = identity.embeddings[picture], identity.taken[picture][0]
    others = [k for k, (sighting, _) in enumerate(identity.taken) if sighting != visit]
    own = float(similarities(look[None], [identity.embeddings[others]])[0])
    return own, np.delete(_cosines(look, identities), row)


def _surprise(questions: Sequence[tuple[float, Floats]], midpoint: float, width: float) -> float:
    """The mean of -log of the chance given to what is so: each question asked with its person and without."""
    curve, told = straight(midpoint=midpoint, width=width), 0.0
    for own, others in questions:
        odds = float(np.exp(curve(np.array([own], np.float32)))[0])
        nobody = 1.0 + float(np.exp(curve(others)).sum())
        told += math.log(nobody + odds) - math.log(odds) + math.log(nobody)
    return told / len(questions)


def _cosines(look: Floats, identities: Sequence[Identity]) -> Floats:
    """(I,) how alike a picture and each one's pictures are."""
    blocks = [identities[row : row + AT_ONCE] for row in range(0, len(identities), AT_ONCE)]
    alike = [similarities(look[None], [identity.embeddings for identity in block]) for block in blocks]
    return np.concatenate(alike) if alike else np.zeros(0, np.float32)
