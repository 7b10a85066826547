"""Every trick a setting, every setting checked, the learning rate as published."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest

from training.errors import TrainingError
from training.recipe import MOBILE, PAPER, RECIPES, Recipe, Smaller, learning_rate, named, with_settings


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (1, 3.8150e-5),  # 3.5e-4 * (0.01 + 0.99 * 1 / 10)
        (2, 7.2800e-5),
        (5, 1.7675e-4),
        (9, 3.1535e-4),
        (10, 3.5e-4),  # the warm-up is over
        (39, 3.5e-4),
        (40, 3.5e-5),
        (69, 3.5e-5),
        (70, 3.5e-6),
        (120, 3.5e-6),
    ],
)
def test_the_learning_rate_is_the_baselines(epoch: int, rate: float) -> None:
    assert learning_rate(PAPER, epoch) == pytest.approx(rate, rel=1e-9)


def test_without_warm_up_the_rate_begins_in_full() -> None:
    assert learning_rate(replace(PAPER, warm_up_epochs=0), 1) == PAPER.lr


def test_without_steps_the_rate_stays() -> None:
    assert learning_rate(replace(PAPER, lr_steps=()), 120) == PAPER.lr


def test_the_rate_falls_along_half_a_cosine() -> None:
    recipe = replace(PAPER, epochs=100, warm_up_epochs=10, lr_steps=(), anneal_from=20)
    assert learning_rate(recipe, 10) == learning_rate(recipe, 20) == PAPER.lr
    assert learning_rate(recipe, 19, done=0.9) == PAPER.lr, "it does not before"
    assert learning_rate(recipe, 60, done=0.5) == pytest.approx(PAPER.lr * 0.501)  # half way from 1 to 0.002
    assert learning_rate(recipe, 60, done=1) == learning_rate(recipe, 61)
    assert learning_rate(recipe, 100, done=1) == pytest.approx(PAPER.lr * 0.002)
    stepped = replace(recipe, lr_steps=(60,))
    assert learning_rate(stepped, 60, done=0.5) == pytest.approx(PAPER.lr * 0.0501)


def test_the_full_recipe_is_the_papers() -> None:
    assert (PAPER.height, PAPER.width, PAPER.batch, PAPER.epochs) == (256, 128, 64, 120)
    assert (PAPER.last_stride, PAPER.bnneck, PAPER.centre_weight, PAPER.margin) == (1, True, 0.0005, 0.3)
    assert not PAPER.teaches
    assert MOBILE.teaches


def changes(rows: list[Recipe]) -> list[list[str]]:
    """The settings in which each recipe differs from the one before it."""
    return [
        [
            field.name
            for field in fields(Recipe)
            if field.name != "name" and getattr(before, field.name) != getattr(after, field.name)
        ]
        for before, after in itertools.pairwise(rows)
    ]


def test_each_row_of_the_ablation_adds_one_setting_and_the_last_lacks_only_the_centres() -> None:
    rows = [recipe for name, recipe in RECIPES.items() if name.startswith("ablation-")]
    rows.append(PAPER)
    assert changes(rows) == [
        ["warm_up_epochs"],
        ["erasing"],
        ["label_smoothing"],
        ["last_stride"],
        ["bnneck"],
        ["centre_weight"],
    ]


def test_each_row_beyond_the_paper_adds_one_trick() -> None:
    rows = [PAPER, *(recipe for name, recipe in RECIPES.items() if name.startswith("beyond-"))]
    assert changes(rows) == [
        ["pooling"],
        ["triplet"],
        ["non_local"],
        ["triplet_weight"],
        ["lr_steps", "anneal_from"],
        ["ema"],
        ["jitter"],
        ["ibn"],
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_shown_can_be_typed_in_again(name: str) -> None:
    lines = named(name).describe().splitlines()
    assert with_settings(Recipe(name="other"), lines) == named(name)


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("epochs=60", "epochs", 60),
        (" lr = 1e-3 ", "lr", 1e-3),
        ("bnneck=off", "bnneck", False),
        ("non_local=yes", "non_local", True),
        ("triplet=weighted", "triplet", "weighted"),
        ("pooling=gem", "pooling", "gem"),
        ("lr_steps=30,50,55", "lr_steps", (30, 50, 55)),
        ("lr_steps=", "lr_steps", ()),
        ("backbone=mobilenet_v2", "backbone", "mobilenet_v2"),
        ("name=mine", "name", "mine"),
        ("sizes=128x64:8, 192x96:16", "sizes", (Smaller(128, 64, 8), Smaller(192, 96, 16))),
        ("sizes=", "sizes", ()),
    ],
)
def test_a_setting_is_read_by_its_type(setting: str, key: str, value: object) -> None:
    assert getattr(with_settings(PAPER, [setting]), key) == value


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("epochs", "--set epochs has no value: write it as key=value, as epochs=60."),
        ("epoch=3", "There is no setting 'epoch': --print-recipe shows all there are."),
        ("epochs=many", "epochs is 'many': give a whole number."),
        ("epochs=0", "epochs is 0: give one of at least 1."),
        ("lr=fast", "lr is 'fast': give a number."),
        ("lr=nan", "lr is nan: give one of at least 0."),
        ("lr=inf", "lr is inf: give one of at least 0."),
        ("flip=2", "flip is 2.0: give one from 0 to 1."),
        ("last_stride=3", "last_stride is 3: give one from 1 to 2."),
        ("persons=1", "persons is 1: give one of at least 2."),
        ("bnneck=maybe", "bnneck is 'maybe': give yes or no."),
        ("lr_steps=ten", "lr_steps is 'ten': give epochs, as 40,70."),
        ("lr_steps=70,40", "lr_steps is 70,40: give epochs in order, as 40,70."),
        ("backbone=vgg", "backbone is 'vgg': give one of resnet50, mobilenet_v2."),
        ("precision=half", "precision is 'half': give one of auto, bf16, fp32."),
        ("triplet=hard", "triplet is 'hard': give one of margin, soft, weighted."),
        ("pooling=max", "pooling is 'max': give one of average, gem."),
        ("ema=1", "ema is 1.0: give one from 0 to 0.99999."),
        (
            "composites=8",
            "composites need a teacher: set cosine_weight, relation_weight or likeness_weight too.",
        ),
        (
            "unlabelled=8",
            "unlabelled need a teacher: set cosine_weight, relation_weight or likeness_weight too.",
        ),
        ("stock=0", "stock is 0: give one of at least 1."),
        ("sizes=128", "sizes is '128': give sizes and their last epochs, as 128x64:8,192x96:16."),
        (
            "sizes=128x64:16,192x96:8",
            "sizes is 128x64:16,192x96:8: give epochs in order and before the last, 120, as "
            "128x64:8,192x96:16.",
        ),
        (
            "sizes=128x64:120",
            "sizes is 128x64:120: give epochs in order and before the last, 120, as 128x64:8,192x96:16.",
        ),
        ("sizes=512x128:8", "sizes has 512x128:8: give a height from 16 to 256."),
        ("sizes=128x8:8", "sizes has 128x8:8: give a width from 16 to 128."),
        ("anneal_from=121", "anneal_from is 121: give one of the 120 epochs."),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(setting: str, sentence: str) -> None:
    with pytest.raises(TrainingError) as caught:
        with_settings(PAPER, [setting])
    assert str(caught.value) == sentence


@pytest.mark.parametrize("trick", ["non_local", "ibn"])
def test_what_only_a_resnet_has_is_refused_to_another(trick: str) -> None:
    with pytest.raises(TrainingError, match="non_local and ibn are ResNet-50's: mobilenet_v2 has no place"):
        with_settings(PAPER, ["backbone=mobilenet_v2", f"{trick}=yes"])


def test_pictures_grow_with_the_epochs() -> None:
    recipe = with_settings(PAPER, ["sizes=128x64:8,192x96:16"])
    found = {epoch: recipe.size(epoch) for epoch in (1, 8, 9, 16, 17, 120)}
    assert found == {
        1: (128, 64),
        8: (128, 64),
        9: (192, 96),
        16: (192, 96),
        17: (256, 128),
        120: (256, 128),
    }
    assert with_settings(PAPER, recipe.describe().splitlines()) == recipe
    assert PAPER.size(1) == (256, 128)


def test_an_unknown_recipe_is_refused_with_those_there_are() -> None:
    with pytest.raises(TrainingError, match="There is no recipe 'best': give one of bnneck-r50, "):
        named("best")
