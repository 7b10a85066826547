"""What every step of an epoch shows, drawn beforehand: whose pictures, and what happens to each.

All of it follows from the seed and the epoch, so that a training that stopped goes on as if it had not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.augment import Integers, draw
from training.recipe import Recipe
from training.sampler import epoch_batches

SHIFT, HEIGHT = slice(1, 3), 5  # columns of training.augment.COLUMNS


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Where pictures lie: those whose person is known, those of nobody known, then composites.

    labels: (K,) of the first. unlabelled, composites: how many there are of the others.
    """

    labels: Integers
    unlabelled: int = 0
    composites: int = 0

    def __len__(self) -> int:
        return len(self.labels) + self.unlabelled + self.composites


def epoch_plan(recipe: Recipe, rows: Rows, epoch: int) -> Integers:
    """(S, B, 11): of every step and place in its batch the row, then what is drawn for it (training.augment).

    A picture that only the teacher judges is shown as the teacher saw it, mirrored at most.
    """
    known = epoch_batches(
        rows.labels, persons=recipe.persons, pictures=recipe.pictures, seed=recipe.seed, epoch=epoch
    )
    steps, first = len(known), len(rows.labels)
    batches = [known]
    for kind, (there, wanted) in enumerate(
        ((rows.composites, recipe.composites), (rows.unlabelled, recipe.unlabelled)), start=3
    ):
        start = first + (rows.unlabelled if kind == 3 else 0)
        random = np.random.default_rng((recipe.seed, epoch, kind))
        batches.append(start + _in_turn(random, there, steps * wanted).reshape(steps, wanted))
    placed = np.concatenate(batches, axis=1)
    drawn = _drawn(recipe, placed.size, epoch).reshape(*placed.shape, -1)
    drawn[:, recipe.known :, SHIFT], drawn[:, recipe.known :, HEIGHT] = recipe.pad, 0
    return np.concatenate([placed[..., None], drawn], axis=2)


def _in_turn(random: np.random.Generator, there: int, wanted: int) -> Integers:
    """(wanted,) of 0 .. there - 1 in random order, each again only after all others."""
    rounds = [random.permutation(there) for _ in range(-(-wanted // there))] if wanted else []
    return np.concatenate([*rounds, np.empty(0, np.int64)])[:wanted].astype(np.int64)


def _drawn(recipe: Recipe, count: int, epoch: int) -> Integers:
    return draw(
        np.random.default_rng((recipe.seed, epoch, 1)),
        count,
        height=recipe.height,
        width=recipe.width,
        flip=recipe.flip,
        pad=recipe.pad,
        erasing=recipe.erasing,
        jitter=recipe.jitter,
    )
