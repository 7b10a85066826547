"""Who a single picture shows: everybody known held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker.compare import posterior
from tracker.likeness import Curve
from tracker.templates import similarities
from tracker.types import Floats, Identity

AT_ONCE = 4096
"""Identities whose pictures are compared in one go."""


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

    look: (D,) unit vector of the picture. likeness: from cosine to log odds (tracker.revisits). The chances
    of all identities and of nobody sum to 1.
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


def _cosines(look: Floats, identities: Sequence[Identity]) -> Floats:
    """(I,) how alike a picture and each one's pictures are."""
    blocks = [identities[row : row + AT_ONCE] for row in range(0, len(identities), AT_ONCE)]
    alike = [similarities(look[None], [identity.embeddings for identity in block]) for block in blocks]
    return np.concatenate(alike) if alike else np.zeros(0, np.float32)
