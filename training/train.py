"""The training, read from top to bottom: pictures, network, epochs, weights.

Pictures are decoded once and lie on the device as bytes. A step takes a batch of them, changes them at
random, computes what they cost and moves the weights. Batches and what is drawn for them follow from the
seed, the epoch and the step, so that a training that stopped goes on as if it had not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from reid.card import Card
from reid.embedder import Embedder
from reid.model import BNNeck, load_imagenet, save
from reid.preprocess import Image, Preprocess
from training.augment import Augment
from training.bars import Bars, StoppedError
from training.composites import STOCK, compose
from training.distill import Halves, prototypes, teacher_vectors
from training.epochs import Budget, Epochs, decoded
from training.errors import TrainingError
from training.evaluate import Scores
from training.learner import Learner, Lesson, captures, computes_in_half
from training.log import SCORES_FILE, STEPS_FILE
from training.market1501 import TRAIN, Market, read_market
from training.memory import kept_memory, said_clearly
from training.objective import Objective
from training.recipe import Recipe
from training.report import Run, ranked_answers, write_report

TO_THE_END = Budget()


@dataclass(frozen=True, slots=True)
class Result:
    """weights, page: the finished files; none where it stopped before the end. scores: of its last epoch."""

    weights: Path | None = None
    scores: Scores | None = None
    page: Path | None = None


def train(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    imagenet: Path | None,
    teacher: Callable[[], Embedder] | None = None,
    device: str = "cpu",
    budget: Budget = TO_THE_END,
    stop: threading.Event | None = None,
    console: Console | None = None,
    commit: str = "",
    terms: str = "",
) -> Result:
    """Train by a recipe, or go on with the training in out.

    data: .zip or folder in Market-1501's layout; without query and gallery nothing is scored. out: folder for
    the checkpoint, the logs and in the end NAME.safetensors. imagenet: weights to start from; a name with
    "caffe" has its strides on the 1x1 convolutions. teacher: opens the network the recipe learns from.
    stop: set by others, it ends the training after the step in hand. commit, terms: for the card.

    Raises TrainingError where the data cannot be used, memory is too small, a loss is not finite or out
    cannot be written; WeightsError for the ImageNet weights.
    """
    began, stop = time.perf_counter(), stop or threading.Event()
    _make_folder(out)
    where, preprocess = torch.device(device), Preprocess(height=recipe.height, width=recipe.width)
    _prepare(where, recipe.seed)
    with said_clearly(), kept_memory(), Bars(console or Console()) as bars:
        market = read_market(data, folders=(TRAIN,))
        try:
            pictures = _pictures(market, recipe, where, bars, stop)
            taught, taught_by = _taught(recipe, teacher, pictures, out, bars, stop)
        except StoppedError:
            return Result()
        lesson = Lesson.of(pictures, market.train.labels(), taught, device=where)
        objective = network(recipe, imagenet, lesson).to(where)
        augment = Augment(preprocess, pad=recipe.pad, jitter=recipe.jitter, device=where)
        learner = Learner(objective, lesson, augment, graph=captures(recipe.step, where))
        epochs = Epochs(
            recipe,
            market,
            out,
            data=f"{market.name}: {len(market.train)} pictures of {_persons(lesson)} people{taught_by}",
            start=imagenet.name if imagenet is not None else "noise",
            objective=objective,
            learner=learner,
            augment=augment,
            bars=bars,
        )
        if not epochs.run(budget, stop, began=began):
            return Result()
        caffe = _is_caffe(recipe, imagenet)
        card = epochs.card(preprocess, caffe_stride=caffe, commit=commit, terms=terms)
        weights = out / f"{recipe.name}.safetensors"
        card = save(_lighter(objective.result), weights, card)
        return Result(weights, epochs.scores, _report(out, card, epochs, market, where))


def _prepare(device: torch.device, seed: int) -> None:
    torch.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True


def _report(out: Path, card: Card, epochs: Epochs, market: Market, device: torch.device) -> Path:
    """The page about it all."""
    facts = {
        "data": card.data,
        "network": f"{card.backbone}, {card.preprocess.width} x {card.preprocess.height} pixels",
        "recipe": card.recipe,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "commit": card.commit,
        "fingerprint": card.fingerprint,
        "terms": card.terms,
    }
    vectors = epochs.vectors
    return write_report(
        out,
        Run(
            name=card.name,
            log=out / STEPS_FILE,
            evaluations=out / SCORES_FILE,
            facts={word: fact for word, fact in facts.items() if fact},
            scores=epochs.scores,
            ranked=() if vectors is None else ranked_answers(*vectors, market),
        ),
    )


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"The folder {out} cannot be made: {error}.") from error


def _pictures(
    market: Market, recipe: Recipe, device: torch.device, bars: Bars, stop: threading.Event
) -> Image:
    """(N, height, width, 3) those whose person is known, then composites of them."""
    made = STOCK * len(market.train) if recipe.composites else 0
    pictures = decoded(market.train, recipe, device, bars, beyond=made)
    if not made:
        return pictures
    with bars.counting("composing pictures", made, stop=stop) as progress:
        return np.concatenate([pictures, compose(pictures, made, seed=recipe.seed, progress=progress)])


def _taught(
    recipe: Recipe,
    teacher: Callable[[], Embedder] | None,
    pictures: Image,
    out: Path,
    bars: Bars,
    stop: threading.Event,
) -> tuple[Tensor | None, str]:
    """(N, 2, D) the teacher's vectors, kept in the folder, and words on whose they are."""
    if not recipe.teaches:
        return None, ""
    if teacher is None:
        raise TrainingError(f"The recipe {recipe.name} learns from a teacher: name one with --teacher.")
    asked = teacher()
    of = f"{recipe.height}x{recipe.width}-{len(pictures)}" + (f"-{recipe.seed}" if recipe.composites else "")
    kept = out / f"teacher-{asked.fingerprint}-{of}.npy"
    if not kept.exists():
        with bars.counting(f"asking {asked.name}", len(pictures), stop=stop) as progress:
            _keep(kept, teacher_vectors(asked, pictures, progress=progress))
    return torch.from_numpy(np.load(kept)), f", taught by {asked.name}"


def _keep(path: Path, vectors: Halves) -> None:
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            np.save(file, vectors)
        draft.replace(path)
    except OSError as error:
        raise TrainingError(f"The teacher's vectors cannot be written to {path}: {error}.") from error


def network(recipe: Recipe, imagenet: Path | None, lesson: Lesson) -> Objective:
    """As the recipe has it, for what is learnt from. On the CPU, where its random weights are the same for
    every device.
    """
    model = BNNeck(
        backbone=recipe.backbone,
        last_stride=recipe.last_stride,
        caffe_stride=_is_caffe(recipe, imagenet),
        pooling=recipe.pooling,
        non_local=recipe.non_local,
        ibn=recipe.ibn,
    )
    if imagenet is not None:
        load_imagenet(model, imagenet)
    of_people = None if lesson.taught is None else prototypes(lesson.taught, lesson.labels).cpu()
    in_half = computes_in_half(recipe.precision, lesson.pictures.device)
    objective = Objective(model, recipe, persons=_persons(lesson), of_people=of_people, in_half=in_half)
    return objective.to(memory_format=torch.channels_last)


def _persons(lesson: Lesson) -> int:
    return int(lesson.labels.max()) + 1


def _is_caffe(recipe: Recipe, imagenet: Path | None) -> bool:
    return recipe.backbone == "resnet50" and imagenet is not None and "caffe" in imagenet.name


def _lighter(model: BNNeck) -> BNNeck:
    """With convolutions in half precision; batch normalisation does not bear it."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.data.half()
    return model
