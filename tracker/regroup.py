"""Who the last presences of a run are, thought about all together, beside those who were known before."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracker.appearance import Appearance
from tracker.clustering import EnoughError
from tracker.constraints import Constraints
from tracker.model import Model
from tracker.refine import Cluster, second_pass
from tracker.tracklets import Tracklet, people_so_far


@dataclass(frozen=True, slots=True)
class Group:
    """One person among the last presences. identity: as known before, None for somebody new. numbers:
    theirs; probabilities: of each that it belongs here.
    """

    identity: int | None
    numbers: tuple[int, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Regrouped:
    """groups: none where somebody no longer wanted to wait. model: of the site, as learned on the way; None
    then.
    """

    groups: list[Group]
    model: Model | None


def regroup(
    window: Sequence[Tracklet],
    older: Sequence[Tracklet],
    *,
    constraints: Constraints | None = None,
    appearance: Appearance | None = None,
    price: float = 0.0,
    afresh: bool = False,
    enough: threading.Event | None = None,
) -> Regrouped:
    """Who the last presences are.

    older: one for each identity from before, of whom no two are one; its number does not matter. Those of an
    older identity take it, others the one that most of their seconds have. enough: once set it ends soon, and
    nothing comes of it. It is one turn of learning and clustering, from who they are so far; the next comes
    with the next presences. afresh: two turns, also from nobody known, and the likelier end is kept.
    """
    if not window:
        return Regrouped([], None)
    told = constraints or Constraints()
    rows = [*window, *older]
    numbered = [replace(tracklet, number=number) for number, tracklet in enumerate(rows)]
    known = np.arange(len(rows)) >= len(window)
    apart = known[:, None] & known[None]
    try:
        found = second_pass(
            numbered,
            constraints=told,
            strangers=apart & ~np.eye(len(rows), dtype=bool),
            begun=[people_so_far(rows), None] if afresh else [people_so_far(rows)],
            appearance=appearance,
            price=price,
            turns=2 if afresh else 1,
            enough=enough,
        )
    except EnoughError:
        return Regrouped([], None)
    return Regrouped(_groups(rows, len(window), found.clusters), found.model)


def _groups(rows: Sequence[Tracklet], count: int, clusters: Sequence[Cluster]) -> list[Group]:
    """Each cluster's identity: that of its older one, else that of most seconds; of two that would have the
    same, the one with more of them keeps it.
    """
    held: dict[tuple[int, int], float] = defaultdict(float)
    for place, cluster in enumerate(clusters):
        for row in cluster.tracklets:
            identity = rows[row].identity
            if identity is not None:
                held[place, identity] += (
                    np.inf if row >= count else max(rows[row].end - rows[row].start, 1e-3)
                )
    kept: dict[int, int] = {}
    taken: set[int] = set()
    for (place, identity), _ in sorted(held.items(), key=lambda item: (-item[1], item[0])):
        if place not in kept and identity not in taken:
            kept[place] = identity
            taken.add(identity)
    groups = []
    for place, cluster in enumerate(clusters):
        here = [
            (row, p) for row, p in zip(cluster.tracklets, cluster.probabilities, strict=True) if row < count
        ]
        if here:
            numbers, sure = zip(*((rows[row].number, p) for row, p in here), strict=True)
            groups.append(Group(kept.get(place), numbers, sure))
    return groups
