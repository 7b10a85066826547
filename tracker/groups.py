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

from tracker.appearance import UNLIKE, Appearance, ByCamera, bounded
from tracker.tracklets import Doubles, Integers
from tracker.types import Floats


@dataclass(frozen=True, slots=True)
class Looks:
    """J looks. camera: (J,) codes; weights: (J,) precisions and sums: (J, D) precision-weighted vectors of
    all visits that show it; rows: those visits. odd: (J,) whether it is nothing like its person.
    """

    camera: Integers
    weights: Doubles
    sums: Floats
    odd: NDArray[np.bool_]
    rows: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.camera)

    @property
    def like(self) -> int:
        """How many are not odd."""
        return int((~self.odd).sum())

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

    def without(self, visit: Looks) -> Looks:
        """Less one visit, which is a look alone. Where only odd ones are left, they are the person."""
        row = visit.rows[0][0]
        place = next(k for k, some in enumerate(self.rows) if row in some)
        rows = tuple(tuple(other for other in some if other != row) for some in self.rows)
        weights, sums = self.weights.copy(), self.sums.copy()
        weights[place] -= visit.weights[0]
        sums[place] -= visit.sums[0]
        left = Looks(self.camera, weights, sums, self.odd, rows).take(np.array([bool(some) for some in rows]))
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
    """rows: of tracklets, by start. chain: log ratio of their transitions. cameras: (k,) codes, ascending;
    weights: (k,) precisions and sums: (k, D) precision-weighted vectors of the looks in each that are not
    odd. person: log likelihood of those, given what each look is; likelihood: of all.
    """

    rows: list[int]
    looks: Looks
    chain: float
    cameras: Integers
    weights: Doubles
    sums: Floats
    person: float
    likelihood: float

    @property
    def estimate(self) -> Floats:
        """(D,) the direction of what it looks like, over cameras alike."""
        mean = (self.sums / np.maximum(self.weights, 1e-9)[:, None]).sum(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def group_of(appearance: Appearance, rows: list[int], looks: Looks, chain: float = 0.0) -> Group:
    """With what its looks say."""
    weights, sums = appearance.shown(looks.weights, looks.sums)
    like = ~looks.odd
    codes, place = np.unique(looks.camera[like], return_inverse=True)
    precision = np.bincount(place, weights[like], len(codes)).astype(float)
    shown = np.zeros((len(codes), looks.sums.shape[1]), np.float32)
    np.add.at(shown, place, sums[like])
    person = float(appearance.of_person(precision, shown))
    alone = appearance.of_person(weights[looks.odd][:, None], sums[looks.odd][:, None]) + np.log(UNLIKE)
    likelihood = person + float(alone.sum()) + float(appearance.of_looks(looks.weights, looks.sums).sum())
    return Group(rows, looks, chain, codes.astype(np.int64), precision, shown, person, likelihood)


def nobody(appearance: Appearance, dimension: int) -> Group:
    """Of whom no look is known."""
    none = np.zeros(0, np.int64)
    empty = np.zeros((0, dimension), np.float32)
    return group_of(appearance, [], Looks(none, np.zeros(0), empty, np.zeros(0, bool), ()))


def joined(appearance: Appearance, one: Group, other: Group, rows: list[int], chain: float) -> Group:
    """Both as one person: two looks are one where that is likelier; or those of the one with fewer odd."""
    found = as_told(appearance, one, other, rows, chain)
    fewer, more = sorted((one, other), key=lambda group: len(group.looks))
    if one.likelihood + other.likelihood + fewer.looks.like * np.log(UNLIKE) <= found.likelihood:
        return found
    odd = replace(fewer.looks, odd=np.ones(len(fewer.looks), bool))
    return group_of(appearance, rows, more.looks.with_those(odd), chain)


def as_told(appearance: Appearance, one: Group, other: Group, rows: list[int], chain: float) -> Group:
    """Both as one person because somebody said so: all looks are theirs, and none is odd for it."""
    found = group_of(appearance, rows, one.looks.with_those(other.looks), chain)
    first, second = np.nonzero(_same_place(one.looks, other.looks))
    second = second + len(one.looks)
    while len(first):
        of = np.zeros(len(first), np.int64)
        gain = appearance.merging(_one_table(found), of, found.looks, first, second)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        kept, gone = int(first[best]), int(second[best])
        found = group_of(appearance, rows, found.looks.merged(kept, gone), chain)
        rest = (second != gone) & (first != kept)
        first, second = first[rest], second[rest] - (second[rest] > gone)
    return found


def alike(appearance: Appearance, group: Group, others: Sequence[Group]) -> Doubles:
    """(M,) log ratio that the group and each of the others look like one person, as ``joined`` would have
    it; of groups of several looks each, who may share more than one, a little more.
    """
    if not others:
        return np.zeros(0)
    table = _table(group, others)
    alone = np.array([other.person for other in others])
    ratio = appearance.of_person(table.weights, table.sums) - group.person - alone
    theirs = together([other.looks for other in others])
    owner = np.repeat(np.arange(len(others)), [len(other.looks) for other in others])
    mine, place = np.nonzero(_same_place(group.looks, theirs))
    if len(mine):
        both, count = together([group.looks, theirs]), len(group.looks)
        gain = appearance.merging(table, owner[place], both, mine, place + count)
        best = np.zeros((count, len(others)))
        np.maximum.at(best, (mine, owner[place]), gain)
        ratio = ratio + best.sum(axis=0)
    fewest = [min((group.looks, other.looks), key=len).like for other in others]
    return bounded(np.maximum(ratio, np.log(UNLIKE) * np.array(fewest)))


def gained(one: Group, other: Group, both: Group) -> float:
    """The log ratio that ``alike`` gives, of two groups that were joined."""
    return float(bounded(np.array(both.likelihood - one.likelihood - other.likelihood)))


def _same_place(mine: Looks, theirs: Looks) -> NDArray[np.bool_]:
    """(J, K) whether two may be one look."""
    same = mine.camera[:, None] == theirs.camera[None]
    return np.asarray(same & ~mine.odd[:, None] & ~theirs.odd[None])


def _one_table(group: Group) -> ByCamera:
    return ByCamera(group.cameras, group.weights[None], group.sums[None])


def _table(group: Group, others: Sequence[Group]) -> ByCamera:
    """Of the group together with each of the others."""
    codes = np.unique(np.concatenate([group.cameras, *(other.cameras for other in others)]))
    weights = np.zeros((len(others), len(codes)))
    sums = np.zeros((len(others), len(codes), group.sums.shape[1]), np.float32)
    mine = np.searchsorted(codes, group.cameras)
    weights[:, mine], sums[:, mine] = group.weights, group.sums
    for place, other in enumerate(others):
        theirs = np.searchsorted(codes, other.cameras)
        weights[place, theirs] += other.weights
        sums[place, theirs] += other.sums
    return ByCamera(codes, weights, sums)
