"""What a training does, as one value: every trick of the baseline is a setting of it.

Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification" (CVPRW 2019).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args, get_type_hints

from training.errors import TrainingError

LR_END = 0.002  # of the rate, at the end of a cosine

Pooling = Literal["average", "gem"]
Triplet = Literal["margin", "soft", "weighted"]


@dataclass(frozen=True, slots=True)
class Smaller:
    """Pixels of the pictures until and with an epoch. Written as 128x64:8."""

    height: int
    width: int
    until: int

    @staticmethod
    def read(text: str) -> Smaller:
        """Raises ValueError for another form."""
        found = re.fullmatch(r"(\d+)x(\d+):(\d+)", text.strip())
        if found is None:
            raise ValueError(text)
        return Smaller(*(int(number) for number in found.groups()))

    def __str__(self) -> str:
        return f"{self.height}x{self.width}:{self.until}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The network, its batches, pictures, losses and steps. The defaults are the paper's full recipe.

    height, width: pixels of the network's input. last_stride: 1 keeps the resolution of the last stage.
    pooling, non_local, ibn: see reid.model.BNNeck.
    bnneck: the identity loss and the result come from behind the batch-norm neck; without it both come from
    the pooled vector. frozen_blocks: of the backbone's first ones, kept as ImageNet made them.
    sizes: smaller ones for the first epochs, each until and with an epoch; height and width come after.
    persons, pictures: of each batch, P people with K pictures each. unlabelled, composites: pictures of each
    batch beyond those, which only a teacher judges: of nobody known, and made of others
    (training.composites). stock: how many composites are made in all.
    flip, erasing, jitter: probabilities; jitter changes brightness, contrast and saturation a little.
    pad: black pixels around a picture before it is cut to size at random.
    label_smoothing: of the identity loss. triplet: "margin" asks the hardest triplets for one, "soft" takes
    log(1 + exp(x)) in its place, "weighted" does so with all positives and negatives, the hard ones weighing
    more (training.losses). Weights are of the loss's terms; 0 leaves one out. centre_lr: of their descent.
    cosine_weight, relation_weight, likeness_weight: learning from a teacher (training.distill).
    lr_steps: the first epochs, counted from 1, with the rate times lr_factor. warm_up_epochs: 0 for none.
    anneal_from: the epoch from which the rate falls along half a cosine as well, step by step, to LR_END of
    itself at the end of the last; 0 for none. ema: how much a step keeps of the running mean of the weights,
    which is then what is evaluated and saved; 0 for the weights themselves.
    start_share: how much of the weights that it began with the finished network has, the rest being those
    learnt; 0 for none (Wortsman et al., "Robust Fine-Tuning of Zero-Shot Models", CVPR 2022).
    evaluate_every: epochs; the last one is always evaluated.
    precision: "bf16" is the backbone's alone; "auto" takes it where it is measured to be faster.
    step: "graph" replays a captured CUDA graph, "eager" does not; "auto" captures on a GPU.
    """

    name: str
    backbone: Literal["resnet50", "mobilenet_v2"] = "resnet50"
    height: int = 256
    width: int = 128
    sizes: tuple[Smaller, ...] = ()
    last_stride: int = 1
    pooling: Pooling = "average"
    non_local: bool = False
    ibn: bool = False
    bnneck: bool = True
    frozen_blocks: int = 0
    persons: int = 16
    pictures: int = 4
    unlabelled: int = 0
    composites: int = 0
    stock: int = 40_000
    flip: float = 0.5
    pad: int = 10
    erasing: float = 0.5
    jitter: float = 0.0
    identity_weight: float = 1.0
    label_smoothing: float = 0.1
    triplet_weight: float = 1.0
    triplet: Triplet = "margin"
    margin: float = 0.3
    centre_weight: float = 0.0005
    centre_lr: float = 0.5
    cosine_weight: float = 0.0
    relation_weight: float = 0.0
    likeness_weight: float = 0.0
    lr: float = 3.5e-4
    weight_decay: float = 5e-4
    epochs: int = 120
    warm_up_epochs: int = 10
    lr_steps: tuple[int, ...] = (40, 70)
    lr_factor: float = 0.1
    anneal_from: int = 0
    ema: float = 0.0
    start_share: float = 0.0
    evaluate_every: int = 20
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    step: Literal["auto", "eager", "graph"] = "auto"

    def __post_init__(self) -> None:
        _check(self)

    @property
    def known(self) -> int:
        """Pictures in a batch whose person is known; they come first."""
        return self.persons * self.pictures

    @property
    def batch(self) -> int:
        """Pictures in a batch."""
        return self.known + self.unlabelled + self.composites

    def size(self, epoch: int) -> tuple[int, int]:
        """Height and width of the pictures in an epoch, counted from 1."""
        found = next((size for size in self.sizes if epoch <= size.until), None)
        return (self.height, self.width) if found is None else (found.height, found.width)

    @property
    def teaches(self) -> bool:
        """Whether it learns from a teacher."""
        return max(self.cosine_weight, self.relation_weight, self.likeness_weight) > 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def describe(self) -> str:
        """A line for each setting, as ``--set`` takes them."""
        width = max(len(field.name) for field in fields(self))
        rows = ((field.name, getattr(self, field.name)) for field in fields(self))
        return "\n".join(f"{name:{width}} = {_text(value)}" for name, value in rows)


LEAST: Mapping[str, float] = MappingProxyType(
    {
        "height": 16,
        "width": 16,
        "persons": 2,
        "pictures": 2,
        "stock": 1,
        "epochs": 1,
        "evaluate_every": 1,
        "last_stride": 1,
    }
)
MOST: Mapping[str, float] = MappingProxyType(
    {
        "last_stride": 2,
        "flip": 1,
        "erasing": 1,
        "jitter": 1,
        "label_smoothing": 1,
        "ema": 0.99999,
        "start_share": 1,
    }
)


def _check(recipe: Recipe) -> None:
    """Raises TrainingError for a setting no training can have."""
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if isinstance(value, (int, float)):
            least, most = LEAST.get(field.name, 0), MOST.get(field.name, float("inf"))
            if not least <= value <= most or value == float("inf"):
                raise TrainingError(f"{field.name} is {value}: give one {_range(least, most)}.")
    for name in ("backbone", "pooling", "triplet", "precision", "step"):
        _choose(name, getattr(recipe, name), get_args(get_type_hints(Recipe)[name]))
    if list(recipe.lr_steps) != sorted(set(recipe.lr_steps)):
        raise TrainingError(f"lr_steps is {_text(recipe.lr_steps)}: give epochs in order, as 40,70.")
    if recipe.backbone != "resnet50" and (recipe.non_local or recipe.ibn):
        raise TrainingError(f"non_local and ibn are ResNet-50's: {recipe.backbone} has no place for them.")
    for name in ("composites", "unlabelled"):
        if getattr(recipe, name) and not recipe.teaches:
            raise TrainingError(
                f"{name} need a teacher: set cosine_weight, relation_weight or likeness_weight too."
            )
    if recipe.anneal_from > recipe.epochs:
        raise TrainingError(f"anneal_from is {recipe.anneal_from}: give one of the {recipe.epochs} epochs.")
    _check_sizes(recipe)


def _check_sizes(recipe: Recipe) -> None:
    """Smaller ones come in the order of their epochs and end before the last."""
    until = [size.until for size in recipe.sizes]
    if until != sorted(set(until)) or not all(0 < epoch < recipe.epochs for epoch in until):
        raise TrainingError(
            f"sizes is {_text(recipe.sizes)}: give epochs in order and before the last, "
            f"{recipe.epochs}, as 128x64:8,192x96:16."
        )
    for size in recipe.sizes:
        if not (LEAST["height"] <= size.height <= recipe.height):
            raise TrainingError(f"sizes has {size}: give a height from 16 to {recipe.height}.")
        if not (LEAST["width"] <= size.width <= recipe.width):
            raise TrainingError(f"sizes has {size}: give a width from 16 to {recipe.width}.")


def _range(least: float, most: float) -> str:
    return f"of at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"


def _choose(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise TrainingError(f"{name} is '{value}': give one of {', '.join(choices)}.")
    return value


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with each "key=value" put over it. Raises TrainingError for one that does not fit."""
    hints = get_type_hints(Recipe)
    changes: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise TrainingError(f"--set {setting} has no value: write it as key=value, as epochs=60.")
        if key not in hints:
            raise TrainingError(f"There is no setting '{key}': --print-recipe shows all there are.")
        changes[key] = _read(key, text, hints[key])
    return replace(recipe, **changes)


def _read(key: str, text: str, kind: Any) -> Any:
    """A value of the field's type."""
    if get_args(kind) and not _is_tuple(kind):
        return _choose(key, text, get_args(kind))
    readers: dict[Any, tuple[Any, str]] = {
        int: (int, "a whole number"),
        float: (float, "a number"),
        bool: (_truth, "yes or no"),
        str: (str, "a word"),
    }
    if _is_tuple(kind):
        readers[kind] = (_epochs, "epochs, as 40,70")
        if Smaller in get_args(kind):
            readers[kind] = (_sizes, "sizes and their last epochs, as 128x64:8,192x96:16")
    reader, wanted = readers[kind]
    try:
        return reader(text)
    except ValueError as error:
        raise TrainingError(f"{key} is '{text}': give {wanted}.") from error


def _is_tuple(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is tuple


def _truth(text: str) -> bool:
    words = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False}
    if text.lower() not in {*words, "0"}:
        raise ValueError(text)
    return words.get(text.lower(), False)


def _epochs(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _sizes(text: str) -> tuple[Smaller, ...]:
    return tuple(Smaller.read(part) for part in text.split(",") if part.strip())


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def learning_rate(recipe: Recipe, epoch: int, *, done: float = 0.0) -> float:
    """Of an epoch, counted from 1, of which a share is done: a linear warm-up from a hundredth, then
    downwards in steps, along a cosine or both. Only the cosine falls within an epoch.

    The warm-up is as the paper's released code has it; the paper's text begins it at a tenth and its formula
    there has a misprint. The cosine: Loshchilov and Hutter, "SGDR" (ICLR 2017), without restarts.
    """
    if epoch < recipe.warm_up_epochs:
        return recipe.lr * (0.01 + 0.99 * epoch / recipe.warm_up_epochs)
    rate = float(recipe.lr * recipe.lr_factor ** sum(epoch >= step for step in recipe.lr_steps))
    if not recipe.anneal_from or epoch < recipe.anneal_from:
        return rate
    along = (epoch + done - recipe.anneal_from) / (recipe.epochs + 1 - recipe.anneal_from)
    return rate * (LR_END + (1 - LR_END) * (1 + math.cos(math.pi * along)) / 2)


def named(name: str) -> Recipe:
    """The recipe of that name. Raises TrainingError where there is none."""
    if name not in RECIPES:
        raise TrainingError(f"There is no recipe '{name}': give one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def _beyond() -> list[Recipe]:
    """Past the paper, a recipe a row; each row has all of those before it, and the last of them all."""
    rows = [PAPER]
    tricks: dict[str, dict[str, Any]] = {
        "gem": {"pooling": "gem"},
        "weighted": {"triplet": "weighted"},
        "non-local": {"non_local": True},
        "triplets": {"triplet_weight": 2.0},
        "anneal": {"lr_steps": (), "anneal_from": 40},
        "ema": {"ema": 0.999},
        "jitter": {"jitter": 0.5},
        "ibn": {"ibn": True},
    }
    for trick, changes in tricks.items():
        rows.append(replace(rows[-1], name=f"beyond-{trick}", **changes))
    return rows[1:]


def _ablation() -> list[Recipe]:
    """The paper's table of tricks, a recipe a row; each row has all of those before it. The last is PAPER."""
    standard: dict[str, Any] = {
        "warm_up_epochs": 0,
        "erasing": 0.0,
        "label_smoothing": 0.0,
        "last_stride": 2,
        "bnneck": False,
        "centre_weight": 0.0,
    }
    rows = [replace(PAPER, name="ablation-standard", **standard)]
    for trick, setting in zip(
        ("warm-up", "erasing", "smoothing", "stride", "bnneck"), standard, strict=False
    ):
        change = {setting: getattr(PAPER, setting)}
        rows.append(replace(rows[-1], name=f"ablation-{trick}", **change))
    return rows


PAPER = Recipe(name="bnneck-r50")

CPU = replace(
    PAPER,
    name="bnneck-r50-cpu",
    sizes=(Smaller(128, 64, 14), Smaller(192, 96, 24)),
    unlabelled=16,
    composites=16,
    stock=24_000,
    erasing=0.0,
    identity_weight=0.5,
    centre_weight=0.0,
    cosine_weight=4.0,
    relation_weight=40.0,
    likeness_weight=2.0,
    epochs=28,
    warm_up_epochs=2,
    lr_steps=(),
    anneal_from=10,
    evaluate_every=10,
)

MOBILE = replace(
    CPU,
    name="bnneck-mobilenet",
    backbone="mobilenet_v2",
    height=192,
    width=96,
    sizes=(),
    pad=8,
    frozen_blocks=4,
    unlabelled=0,
    composites=64,
    stock=38_808,
    relation_weight=10.0,
    lr=1e-3,
    epochs=22,
    anneal_from=6,
    precision="fp32",
)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {recipe.name: recipe for recipe in (PAPER, CPU, MOBILE, *_ablation(), *_beyond())}
)
