"""What an epoch shows: whose pictures stand where in a batch, and what happens to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.augment import COLUMNS
from training.plan import Rows, epoch_plan
from training.recipe import PAPER

RECIPE = replace(
    PAPER,
    height=32,
    width=16,
    persons=4,
    pictures=2,
    pad=3,
    erasing=1.0,
    unlabelled=3,
    composites=5,
    relation_weight=1.0,
)
ROWS = Rows(np.arange(8).repeat(6), unlabelled=7, composites=20)


def columns(*names: str) -> list[int]:
    return [1 + COLUMNS.index(name) for name in names]


def test_known_people_come_first_then_composites_and_people_without_a_name() -> None:
    plan = epoch_plan(RECIPE, ROWS, 1)
    assert plan.shape == (len(plan), RECIPE.batch, 11)
    assert RECIPE.batch == 8 + 3 + 5
    known, made, unlabelled = np.split(plan[..., 0], [8, 13], axis=1)
    assert known.max() < 48
    assert (unlabelled.min(), unlabelled.max()) == (48, 54)
    assert (made.min() >= 55, made.max() < 75) == (True, True)
    people = ROWS.labels[known].reshape(len(plan), 4, 2)
    assert (people[..., 0] == people[..., 1]).all()


def test_each_picture_comes_again_only_after_all_others() -> None:
    plan = epoch_plan(RECIPE, ROWS, 1)
    for places, there in ((slice(8, 13), 20), (slice(13, 16), 7)):
        shown = plan[:, places, 0].ravel()
        rounds = [shown[start : start + there] for start in range(0, len(shown), there)]
        assert all(len(set(part.tolist())) == len(part) for part in rounds)


def test_what_only_the_teacher_judges_is_shown_as_the_teacher_saw_it() -> None:
    plan = epoch_plan(RECIPE, ROWS, 1)
    shift, erased = columns("down", "right"), columns("height")
    assert (plan[:, 8:, shift] == RECIPE.pad).all(), "the middle of the padded picture"
    assert (plan[:, 8:, erased] == 0).all()
    assert plan[:, :8, shift].std() > 0
    assert (plan[:, :8, erased] > 0).all()
    assert 0 < plan[:, 8:, columns("flip")].mean() < 1


@pytest.mark.parametrize("changed", [{"seed": 1}, {}])
def test_a_plan_follows_from_the_seed_and_the_epoch(changed: dict[str, int]) -> None:
    one = epoch_plan(RECIPE, ROWS, 2)
    assert np.array_equal(one, epoch_plan(RECIPE, ROWS, 2))
    other = epoch_plan(replace(RECIPE, **changed), ROWS, 2 if changed else 3)  # type: ignore[arg-type]
    for places in (slice(8), slice(8, 13), slice(13, 16)):
        assert not np.array_equal(one[: len(other), places], other[: len(one), places])


def test_without_a_teacher_only_known_people_are_shown() -> None:
    recipe = replace(RECIPE, unlabelled=0, composites=0)
    plan = epoch_plan(recipe, Rows(ROWS.labels), 1)
    assert plan.shape[1:] == (8, 11)
    assert plan[..., 0].max() < 48
