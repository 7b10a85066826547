"""Presences held against the gallery: how alike, how likely, what is impossible, and on what evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.gallery import Gallery, Known
from tracker.gallery import Presence as Span
from tracker.likeness import Curve
from tracker.presence import Policy, Presence
from tracker.types import Evidence, Floats

LEAST = 1e-3
"""A chance below which a rival takes nothing worth asking for."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """ids: (I,) of identities. alike: (R, I) cosines, -inf where presence i can't be identity j.
    chance: (R, I) that it is; the rest to 1 is that it is somebody new.
    """

    ids: list[int]
    alike: Floats
    chance: NDArray[np.floating]


class Comparer:
    """Knows the gallery, the curve from cosine to log odds, and the cameras that overlap."""

    def __init__(
        self, *, gallery: Gallery, likeness: Curve, policy: Policy, overlap: frozenset[frozenset[str]]
    ) -> None:
        self.gallery = gallery
        self.likeness = likeness
        self.policy = policy
        self.overlap = overlap

    def compare(self, ripe: Sequence[Presence]) -> Comparison:
        """Each presence with the identities it is most like; what can't be is left out."""
        near = [self.gallery.near(p.templates.vectors) for p in ripe]
        ids = sorted({number for some in near for number in some})
        column = {number: k for k, number in enumerate(ids)}
        alike = np.full((len(ripe), len(ids)), -np.inf, np.float32)
        for row, (presence, some) in enumerate(zip(ripe, near, strict=True)):
            possible = [i for i in some if self.can_be(presence, self.gallery.known[i])]
            if possible:
                where = [column[i] for i in possible]
                alike[row, where] = self.gallery.similarity(presence.templates.vectors, possible)
        odds = np.where(np.isfinite(alike), self.likeness(alike), -np.inf)
        return Comparison(ids, alike, self._shared(posterior(odds), ids))

    def _shared(self, chance: NDArray[np.floating], ids: Sequence[int]) -> NDArray[np.floating]:
        """Adds to each row's best what rivals took that are likely the same person as the best.

        An identity that was split in two is no reason to split it in three.
        """
        accept = self.policy.accept
        for row in chance:
            best = int(row.argmax()) if len(row) else 0
            if not len(row) or row[best] >= accept or row.sum() < accept:
                continue
            rivals = [int(j) for j in np.flatnonzero(row > LEAST) if j != best]
            kin = [j for j in rivals if self._kin(ids[best], ids[j])]
            row[best] += row[kin].sum()
            row[kin] = 0.0
        return chance

    def _kin(self, a: int, b: int) -> bool:
        """Whether two identities are likely one person: alike, and never in two places at a time."""
        first, second = self.gallery.known[a], self.gallery.known[b]
        alike = self.gallery.similarity(first.templates.vectors, [b])
        if self.likeness(alike)[0] < 0.0:
            return False
        return all(self._compatible(span, second) for span in first.presences)

    def can_be(self, presence: Presence, known: Known) -> bool:
        return known is not presence.identity and self._compatible(presence.span, known)

    def _compatible(self, mine: Span, known: Known) -> bool:
        """Nobody is twice in one view, or in two views that don't overlap, at a time."""
        for span in known.presences:
            if span is mine or span.over or span.recording != mine.recording:
                continue
            slack = 0.0 if span.camera == mine.camera else self.policy.slack_s
            together = span.start < mine.end - slack and mine.start < span.end - slack
            if together and frozenset((span.camera, mine.camera)) not in self.overlap:
                return False
        return True

    def evidence(
        self, presence: Presence, chosen: Known | None, ids: Sequence[int], alike: Floats
    ) -> Evidence:
        """Why it is the chosen one, or nobody of ids. alike: (len(ids),) cosines, -inf where it can't be."""
        order = [int(i) for i in np.argsort(-alike, kind="stable") if np.isfinite(alike[i])]
        if chosen is not None:
            order.sort(key=lambda i: ids[i] != chosen.id)
        if not order:
            return Evidence(None, None, None, None, crops=presence.crops)
        nearest = self.gallery.known[ids[order[0]]]
        start = presence.span.start
        earlier = [p.end for p in nearest.presences if p is not presence.span and p.start < start]
        picture, sighting, when = _pictures(presence, nearest)
        return Evidence(
            distance=1.0 - float(alike[order[0]]),
            gap_s=start - max(earlier) if earlier else None,
            runner_up=ids[order[1]] if len(order) > 1 else None,
            runner_up_distance=1.0 - float(alike[order[1]]) if len(order) > 1 else None,
            crops=presence.crops,
            picture_time=picture,
            nearest_sighting=sighting,
            nearest_time=when,
        )


def _pictures(presence: Presence, known: Known) -> tuple[float | None, int | None, float | None]:
    """The two most alike: when the presence's was taken; the other's sighting and time, if known."""
    theirs = [
        row for row, (number, _) in enumerate(known.templates.taken) if number not in (0, presence.number)
    ]
    if not theirs or not len(presence.templates):
        return None, None, None
    alike = presence.templates.vectors @ known.templates.vectors[theirs].T
    mine, other = np.unravel_index(int(alike.argmax()), alike.shape)
    sighting, when = known.templates.taken[theirs[int(other)]]
    return presence.templates.taken[int(mine)][1], sighting, when


def posterior(log_odds: NDArray[np.floating]) -> NDArray[np.floating]:
    """(R, I) log odds of being each identity rather than somebody new -> probabilities.

    Row i with the probability of being somebody new sums to 1: two that are alike share it.
    """
    peak = np.maximum(log_odds.max(axis=1, keepdims=True, initial=0.0), 0.0)
    weight = np.exp(log_odds - peak)
    return np.asarray(weight / (np.exp(-peak) + weight.sum(axis=1, keepdims=True)))
