"""Who a single picture shows: everybody known held against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Rest:
    """Of very many, those who are surely not among the likeliest, so that their pictures were not read.

    alike: (R,) cosines of the look and the mean of each one's pictures. of_known: the same of the others, by
    id: how much more alike somebody is by single pictures than by their mean is learned from them.
    """

    alike: Floats
    of_known: Mapping[int, float]

    def cosines(self, known: Mapping[int, float]) -> Floats:
        """(R,) as pictures would tell, about; known: what they told of the others, by id."""
        more = [cosine - self.of_known[id_] for id_, cosine in known.items() if id_ in self.of_known]
        return np.asarray(self.alike + np.float32(np.mean(more) if more else 0.0), np.float32)


def search(
    look: Floats,
    identities: Iterable[Sequence[Identity]],
    *,
    most: int,
    likeness: Curve,
    rest: Rest | None = None,
) -> tuple[list[Candidate], float]:
    """The ``most`` likeliest, likeliest first, and the chance that it is nobody of all.

    look: (D,) unit vector of the picture. identities: some at a time, of whom only the likeliest are kept.
    likeness: from cosine to log odds (tracker.revisits). rest: who else it may be. The chances of all and of
    nobody sum to 1.
    """
    found: list[tuple[float, Identity]] = []
    alike = [np.zeros(0, np.float32)]
    by_id: dict[int, float] = {}
    for block in identities:
        cosines = _cosines(look, block)
        alike.append(cosines)
        by_id |= zip((who.id for who in block), cosines.tolist(), strict=True)
        order = np.argsort(-cosines, kind="stable")[:most]
        found += [(float(cosines[row]), block[row]) for row in order]
        found = sorted(found, key=lambda one: -one[0])[:most]
    compared = sum(map(len, alike))
    alike += [rest.cosines(by_id)] if rest is not None else []
    chances = posterior(likeness(np.concatenate(alike))[None])[0]
    by_cosine = np.sort(chances[:compared])[::-1]  # the odds rise with the cosine
    likeliest = [
        Candidate(identity, float(chance), 1.0 - cosine, int((identity.embeddings @ look).argmax()))
        for (cosine, identity), chance in zip(found, by_cosine, strict=False)
    ]
    return likeliest, float(max(0.0, 1.0 - chances.sum()))


def _cosines(look: Floats, identities: Sequence[Identity]) -> Floats:
    """(I,) how alike a picture and each one's pictures are."""
    blocks = [identities[row : row + AT_ONCE] for row in range(0, len(identities), AT_ONCE)]
    alike = [similarities(look[None], [identity.embeddings for identity in block]) for block in blocks]
    return np.concatenate(alike) if alike else np.zeros(0, np.float32)
