"""How much a network's vectors of one person vary, and how much people differ: where a model of looks begins.

The two-covariance model (probabilistic linear discriminant analysis; Brümmer and de Villiers, "The Speaker
Partitioning Problem", Odyssey 2010): a vector is its camera's mean, plus the person with covariance B, plus
what differs from picture to picture with covariance W.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid.preprocess import Floats
from training.errors import TrainingError
from training.market1501 import Integers

LEAST_PEOPLE = 4

Matrix = NDArray[np.float64]


def appearance_statistics(vectors: Floats, people: Integers, cameras: Integers) -> dict[str, float]:
    """Of (N, D) vectors of unit length, with the people and cameras (N,) they are of, numbers of any kind.

    within: the trace of W, over pairs of pictures of one person by different cameras. between: the trace of
    B. Both are without bias however few pictures a person has; people weigh alike, and each camera's mean is
    taken off before. within_dimensions, between_dimensions: how many dimensions of equal variance would vary
    as much, the trace squared over the trace of the square; two halves of the people make the square, so that
    chance does not count. people: those seen by at least two cameras.

    Raises TrainingError where these are fewer than four.
    """
    centred = _without_cameras(vectors, cameras)
    halves = (_Halves.of(vectors.shape[1]), _Halves.of(vectors.shape[1]))
    found = _over_cameras(people, cameras)
    if len(found) < LEAST_PEOPLE:
        raise TrainingError(
            f"{len(found)} people are seen by two cameras, too few to tell how looks vary: four will do."
        )
    for number, person in enumerate(found):
        own = people == person
        halves[number % 2].add(centred[own], cameras[own])
    first, second = halves
    weight = first.people / len(found)
    return {
        "within": _mixed(weight, *(float(np.trace(half.within)) for half in halves)),
        "between": _mixed(weight, *(float(np.trace(half.between)) for half in halves)),
        "within_dimensions": _dimensions(first.within, second.within),
        "between_dimensions": _dimensions(first.between, second.between),
        "people": float(len(found)),
    }


def people_over_cameras(people: Integers, cameras: Integers) -> int:
    """How many are seen by at least two cameras."""
    return len(_over_cameras(people, cameras))


def _over_cameras(people: Integers, cameras: Integers) -> Integers:
    views = np.unique(np.stack([people, cameras]), axis=1)[0]
    persons, counts = np.unique(views, return_counts=True)
    return np.asarray(persons[counts > 1], np.int64)


@dataclass(slots=True)
class _Halves:
    """Sums over one half of the people: of each picture with itself, and with those by other cameras."""

    own: Matrix
    shared: Matrix
    people: int = 0

    @staticmethod
    def of(dimension: int) -> _Halves:
        return _Halves(np.zeros((dimension, dimension)), np.zeros((dimension, dimension)))

    def add(self, vectors: Matrix, cameras: Integers) -> None:
        """One person's. Every pair of pictures by different cameras weighs alike."""
        seen, where, counts = np.unique(cameras, return_inverse=True, return_counts=True)
        sums = np.zeros((len(seen), vectors.shape[1]))
        np.add.at(sums, where, vectors)
        total, weights = sums.sum(0), (len(vectors) - counts[where]).astype(np.float64)
        pairs = weights.sum()
        self.own += (vectors * weights[:, None]).T @ vectors / pairs
        self.shared += (np.outer(total, total) - sums.T @ sums) / pairs
        self.people += 1

    @property
    def within(self) -> Matrix:
        return (self.own - self.shared) / self.people

    @property
    def between(self) -> Matrix:
        return self.shared / self.people


def _without_cameras(vectors: Floats, cameras: Integers) -> Matrix:
    """(N, D) with each camera's mean taken off."""
    centred = np.asarray(vectors, np.float64).copy()
    for camera in np.unique(cameras):
        centred[cameras == camera] -= centred[cameras == camera].mean(0)
    return centred


def _mixed(weight: float, one: float, other: float) -> float:
    return weight * one + (1 - weight) * other


def _dimensions(one: Matrix, other: Matrix) -> float:
    """Of two estimates of one covariance; at most D, which it is where chance is all there is."""
    both = float((one * other).sum())
    most = float(len(one))
    return min(most, float(np.trace(one) * np.trace(other)) / both) if both > 0 else most
