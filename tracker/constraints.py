"""Who can't be one person, and who must be: the one place where that is said, asked by every decision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracker.rules import Rule, Timed, forbidden, is_late, longest
from tracker.tracklets import Tracklet, identities_of
from tracker.types import Bar

Pair = frozenset[int]
SLACK_S = 0.5
"""How far the clocks of two cameras may differ that are said to agree."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """rules: what is known of the ways between cameras. apart: pairs of identities that a person said are
    two. overlap: pairs of cameras said to see one person at the same moment; of others that is learned.
    """

    rules: tuple[Rule, ...] = ()
    apart: frozenset[Pair] = frozenset()
    overlap: frozenset[frozenset[str]] = field(default_factory=frozenset)

    def cannot_link(self, tracklets: Sequence[Tracklet]) -> NDArray[np.bool_]:
        """(N, N) symmetric: two at once in one view, or in two that are said not to overlap; a way that
        nobody goes; of two identities that are two.
        """
        never = at_once(tracklets, self.closed)
        never |= forbidden(tracklets, self.rules)
        identity = identities_of(tracklets)
        for pair in self.apart:
            first, second = sorted(pair)
            apart = (identity == first)[:, None] & (identity == second)[None]
            never |= apart | apart.T
        return never

    def bar(self, one: Timed, others: Sequence[Timed]) -> Bar | None:
        """What forbids that a stay and others are one person's: nobody is twice in one view, or in two that
        never overlap, at a time; nor goes a way nobody goes, or for longer than it takes.
        """
        others = [other for other in others if other.recording == one.recording]
        for other in others:
            same = other.camera == one.camera
            slack = 0.0 if same else SLACK_S
            together = other.start < one.end - slack and one.start < other.end - slack
            if together and same:
                return "same view"
            if together and frozenset((other.camera, one.camera)) in self.closed:
                return "no overlap"
        if not self.rules or not others:
            return None
        if forbidden([one, *others], self.rules)[0].any():
            return "link"
        way, most = sorted([*others, one], key=lambda stay: stay.start), longest(self.rules)
        place = next(k for k, stay in enumerate(way) if stay is one)
        near = pairwise(way[max(place - 1, 0) : place + 2])
        return "late" if any(is_late(a, b, most) for a, b in near) else None

    @property
    def closed(self) -> frozenset[frozenset[str]]:
        """Pairs of cameras that never see one person at the same moment."""
        return frozenset(frozenset((r.first, r.second)) for r in self.rules if r.overlap is False)

    def differ(self, first: int, second: int) -> bool:
        """Whether a person said that two identities are two."""
        return frozenset((first, second)) in self.apart


def at_once(tracklets: Sequence[Tracklet], closed: Collection[frozenset[str]]) -> NDArray[np.bool_]:
    """(N, N): two at the same moment in one view, or in two that don't overlap; nobody with himself."""
    names = sorted({tracklet.camera for tracklet in tracklets})
    camera = np.array([names.index(tracklet.camera) for tracklet in tracklets])
    recording = np.array([tracklet.recording for tracklet in tracklets])
    start = np.array([tracklet.start for tracklet in tracklets])
    end = np.array([tracklet.end for tracklet in tracklets])
    excluded = np.array([[a == b or frozenset((a, b)) in closed for b in names] for a in names])
    slack = np.where(camera[:, None] == camera[None], 0.0, SLACK_S)
    over = (start[:, None] < end[None] - slack) & (start[None] < end[:, None] - slack)
    over &= excluded[np.ix_(camera, camera)] & (recording[:, None] == recording[None])
    np.fill_diagonal(over, False)
    return np.asarray(over)
