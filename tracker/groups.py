"""What is thought to be one person, by looks: its visits show so many looks in each camera.

Visits that show the same look, in the same light from the same side, tell no more than one of them does of
how the person looks elsewhere. Which visits share one is found with who is who, for the same reason: it is
likelier. A look that is nothing like its person (covered, turned away, changed) is odd: it is held together
with the person by times and places alone, and says nothing of how the person looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.appearance import UNLIKE, Appearance, Parts, Shown, bounded, each_of
from tracker.tracklets import Doubles, Integers
from tracker.types import Floats


@dataclass(frozen=True, slots=True)
class Looks:
    """J looks. camera: (J,) codes; weights: (J,) precisions and sums: (J, D) precision-weighted vectors of
    all visits that show it; rows: those visits' numbers. odd: (J,) whether it is nothing like its person.
    """

    camera: Integers
    weights: Doubles
    sums: Floats
    odd: NDArray[np.bool_]
    rows: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.camera)

    def with_those(self, other: Looks) -> Looks:
        return together([self, other])

    def merged(self, one: int, other: int) -> Looks:
        """With two of them as one."""
        weights, sums, rows = self.weights.copy(), self.sums.copy(), list(self.rows)
        weights[one] += weights[other]
        sums[one] += sums[other]
        rows[one] = (*rows[one], *rows[other])
        keep = np.arange(len(self)) != other
        return Looks(self.camera, weights, sums, self.odd, tuple(rows)).take(keep)

    def without(self, visits: Looks) -> Looks:
        """Less the looks of some visits. Where only odd ones are left, they are the person."""
        weights, sums, rows = self.weights.copy(), self.sums.copy(), list(self.rows)
        for gone, weight, shown in zip(visits.rows, visits.weights, visits.sums, strict=True):
            place = next(k for k, some in enumerate(rows) if gone[0] in some)
            rows[place] = tuple(row for row in rows[place] if row not in gone)
            weights[place] -= weight
            sums[place] -= shown
        kept = np.array([bool(some) for some in rows])
        left = Looks(self.camera, weights, sums, self.odd, tuple(rows)).take(kept)
        return replace(left, odd=np.zeros(len(left), bool)) if left.odd.all() else left

    def take(self, keep: NDArray[np.bool_]) -> Looks:
        rows = tuple(some for some, kept in zip(self.rows, keep, strict=True) if kept)
        return Looks(self.camera[keep], self.weights[keep], self.sums[keep], self.odd[keep], rows)


def together(some: Sequence[Looks]) -> Looks:
    return Looks(
        np.concatenate([looks.camera for looks in some]),
        np.concatenate([looks.weights for looks in some]),
        np.concatenate([looks.sums for looks in some]),
        np.concatenate([looks.odd for looks in some]),
        tuple(rows for looks in some for rows in looks.rows),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """rows: of tracklets, by start. chain: log ratio of their transitions. places: of k cameras, by code, the
    looks there that are not odd; weights: (k,) precisions and sums: (k, D) precision-weighted vectors of
    those. over: what they show over all cameras; person: log likelihood of it, given what each look is;
    likelihood: of all.
    """

    rows: list[int]
    looks: Looks
    chain: float
    places: dict[int, list[int]]
    weights: Doubles
    sums: Floats
    over: Parts
    person: float
    likelihood: float

    @property
    def like(self) -> int:
        """How many looks are not odd."""
        return sum(map(len, self.places.values()))

    @property
    def estimate(self) -> Floats:
        """(D,) the direction of what it looks like, over cameras alike."""
        mean = (self.sums / np.maximum(self.weights, 1e-9)[:, None]).sum(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def group_of(appearance: Appearance, rows: list[int], looks: Looks, chain: float = 0.0) -> Group:
    """With what its looks say."""
    weights, sums = appearance.shown(looks.weights, looks.sums)
    places: dict[int, list[int]] = {}
    for place, (code, odd) in enumerate(zip(looks.camera.tolist(), looks.odd.tolist(), strict=True)):
        if not odd:
            places.setdefault(code, []).append(place)
    precision = np.array([weights[some].sum() for some in places.values()])
    shown = np.zeros((len(places), sums.shape[1]), np.float32)
    for k, some in enumerate(places.values()):
        shown[k] = sums[some].sum(axis=0)
    over = appearance.in_camera(precision, shown).over_cameras()
    person = float(appearance.of_person(over))
    likelihood = person + float(appearance.of_looks(looks.weights, looks.sums).sum())
    if looks.odd.any():
        alone = appearance.of_person(appearance.in_camera(weights[looks.odd], sums[looks.odd]))
        likelihood += float((alone + np.log(UNLIKE)).sum())
    return Group(rows, looks, chain, places, precision, shown, over, person, likelihood)


def nobody(appearance: Appearance, dimension: int) -> Group:
    """Of whom no look is known."""
    none = np.zeros(0, np.int64)
    empty = np.zeros((0, dimension), np.float32)
    return group_of(appearance, [], Looks(none, np.zeros(0), empty, np.zeros(0, bool), ()))


def joined(appearance: Appearance, one: Group, other: Group, rows: list[int], chain: float) -> Group:
    """Both as one person: two looks are one where that is likelier; or those of the one with fewer odd."""
    found = as_told(appearance, one, other, rows, chain)
    fewer, more = sorted((one, other), key=lambda group: group.like)
    if one.likelihood + other.likelihood + fewer.like * np.log(UNLIKE) <= found.likelihood:
        return found
    odd = replace(fewer.looks, odd=np.ones(len(fewer.looks), bool))
    return group_of(appearance, rows, more.looks.with_those(odd), chain)


def as_told(appearance: Appearance, one: Group, other: Group, rows: list[int], chain: float) -> Group:
    """Both as one person because somebody said so: all looks are theirs, and none is odd for it."""
    found = group_of(appearance, rows, one.looks.with_those(other.looks), chain)
    first, second = _same_place(one, other)
    second = second + len(one.looks)
    while len(first):
        gain = merging(appearance, found, first, second)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        kept, gone = int(first[best]), int(second[best])
        found = group_of(appearance, rows, found.looks.merged(kept, gone), chain)
        rest = (second != gone) & (first != kept)
        first, second = first[rest], second[rest] - (second[rest] > gone)
    return found


def merging(appearance: Appearance, group: Group, first: Integers, second: Integers) -> Doubles:
    """(P,) gain by taking two of a group's looks in one camera as one."""
    place = {code: k for k, code in enumerate(group.places)}
    here = np.array([place[code] for code in group.looks.camera[first].tolist()])
    over = each_of([group.over]).take(np.zeros(len(first), np.int64))
    one, other = ((group.looks.weights[some], group.looks.sums[some]) for some in (first, second))
    return appearance.merging(over, (group.weights[here], group.sums[here]), one, other)


def alike(appearance: Appearance, group: Group, others: Sequence[Group]) -> Doubles:
    """(M,) log ratio that the group and each of the others look like one person, as ``joined`` would have
    it; of groups of several looks each, who may share more than one, a little more.
    """
    if not others:
        return np.zeros(0)
    over = each_of([other.over for other in others]) + group.over
    alone = np.array([other.person for other in others]) + group.person
    met = _met(group, others)
    if met is None:
        ratio = appearance.of_person(over) - alone
    else:
        mine, theirs = (group.weights[met.mine], group.sums[met.mine]), met.shown
        here = mine[0] + theirs[0], mine[1] + theirs[1]
        change = appearance.in_camera(*here) - appearance.in_camera(*mine) - appearance.in_camera(*theirs)
        over = over + change.summed(met.of, len(others))
        one = group.looks.weights[met.one], group.looks.sums[met.one]
        at = here[0][met.pair], here[1][met.pair]
        gain = appearance.merging(over.take(met.of[met.pair]), at, one, met.other)
        best = np.zeros((len(group.looks), len(others)))
        np.maximum.at(best, (met.one, met.of[met.pair]), gain)
        ratio = appearance.of_person(over) - alone + best.sum(axis=0)
    like = np.array([other.like for other in others])
    return bounded(np.maximum(ratio, np.log(UNLIKE) * np.minimum(like, group.like)))


@dataclass(frozen=True, slots=True)
class Met:
    """Where others were seen in a camera that saw a group: of (M,) which of the others, mine: (M,) the
    group's place of that camera, shown: (M,) what theirs shows. pair: (P,) which of the M, for each pair of
    looks there: one (P,) of the group's looks, other: (P,) what theirs shows.
    """

    of: Integers
    mine: Integers
    shown: Shown
    pair: Integers
    one: Integers
    other: Shown


def _met(group: Group, others: Sequence[Group]) -> Met | None:
    place = {code: k for k, code in enumerate(group.places)}
    found: list[tuple[int, int, int]] = []
    pairs: list[tuple[int, int, int]] = []
    there, looks = 0, 0
    for of, other in enumerate(others):
        for theirs, (code, some) in enumerate(other.places.items()):
            if code in place:
                pairs += [(len(found), j, looks + k) for j in group.places[code] for k in some]
                found.append((of, place[code], there + theirs))
        there, looks = there + len(other.places), looks + len(other.looks)
    if not found:
        return None
    of, mine, theirs = np.array(found).T
    pair, one, two = np.array(pairs).T
    weights = np.concatenate([other.weights for other in others])[theirs]
    sums = np.concatenate([other.sums for other in others])[theirs]
    of_looks = np.concatenate([other.looks.weights for other in others])[two]
    all_looks = np.concatenate([other.looks.sums for other in others])[two]
    return Met(of, mine, (weights, sums), pair, one, (of_looks, all_looks))


def gained(one: Group, other: Group, both: Group) -> float:
    """The log ratio that ``alike`` gives, of two groups that were joined."""
    return float(bounded(np.array(both.likelihood - one.likelihood - other.likelihood)))


def _same_place(one: Group, other: Group) -> tuple[Integers, Integers]:
    """(P,), (P,): looks of either that may be the same: in one camera, and not odd."""
    pairs = [(j, k) for code, some in one.places.items() for j in some for k in other.places.get(code, ())]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return first, second
