"""Which pictures stand together in a batch: P people, K pictures of each.

Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification" (2017); an epoch shows, as the
baseline's, about every picture once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

Integers = NDArray[np.int64]


def epoch_batches(labels: Integers, *, persons: int, pictures: int, seed: int, epoch: int) -> Integers:
    """(S, persons * pictures) rows of the data set, a batch a row; the pictures of a person stand together.

    Each person's rows are shuffled and cut into groups of `pictures`: of a person with fewer, as many are
    drawn with replacement; what is over is left out. Every batch takes a group each of `persons` people drawn
    from those with groups left, until there are too few of them.

    labels: (N,) the person of each row. The same seed and epoch give the same batches.

    Raises TrainingError where the data have fewer people than a batch.
    """
    random = np.random.default_rng((seed, epoch, 0))
    groups = [_groups(rows, pictures, random) for rows in _rows_of_each(labels)]
    if len(groups) < persons:
        raise TrainingError(
            f"The data show {len(groups)} people, too few for batches of {persons}: set persons to fewer."
        )
    left = np.array([len(group) for group in groups])
    batches = []
    while np.count_nonzero(left) >= persons:
        drawn = random.choice(np.flatnonzero(left), persons, replace=False)
        left[drawn] -= 1
        batches.append(np.concatenate([groups[person][left[person]] for person in drawn]))
    return np.stack(batches)


def _rows_of_each(labels: NDArray[Any]) -> list[Integers]:
    """The rows of each person."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    return np.split(order.astype(np.int64), starts)


def _groups(rows: Integers, pictures: int, random: np.random.Generator) -> Integers:
    """(G, pictures)"""
    if len(rows) < pictures:
        return random.choice(rows, (1, pictures), replace=True)
    shuffled = random.permutation(rows)
    return shuffled[: len(rows) // pictures * pictures].reshape(-1, pictures)
