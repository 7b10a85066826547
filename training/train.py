"""The training, read from top to bottom: pictures, network, epochs, weights.

Pictures are decoded once and lie on the device as bytes. A step takes a batch of them, changes them at
random, computes what they cost and moves the weights. Batches and what is drawn for them follow from the
seed, the epoch and the step, so that a training that stopped goes on as if it had not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from reid.card import Card, read_card
from reid.embedder import Embedder
from reid.model import OWN, BNNeck, load_into, save
from reid.preprocess import Preprocess
from training.augment import Augment
from training.bars import Bars, StoppedError
from training.distill import prototypes
from training.epochs import Budget, Epochs
from training.errors import TrainingError
from training.evaluate import Scores
from training.gather import Gathering
from training.layouts import TRAIN
from training.learner import Learner, Lesson, captures
from training.log import SCORES_FILE, STEPS_FILE
from training.market1501 import Market, read_market
from training.memory import kept_memory, said_clearly
from training.objective import Objective
from training.recipe import Recipe
from training.report import Run, ranked_answers, write_report
from training.unlabelled import read_unlabelled

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
    start: Path | None,
    unlabelled: Sequence[Path] = (),
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
    the checkpoint, the logs and in the end NAME.safetensors. start: weights to start from, ImageNet's (a name
    with "caffe" has its strides on the 1x1 convolutions) or a network of ours with its neck.
    unlabelled: folders and archives of people whom only the teacher judges. teacher: opens the network the
    recipe learns from.
    stop: set by others, it ends the training after the step in hand. commit, terms: for the card.

    Raises TrainingError where the data cannot be used, memory is too small, a loss is not finite or out
    cannot be written; WeightsError for the weights to start from.
    """
    began, stop = time.perf_counter(), stop or threading.Event()
    _make_folder(out)
    where, preprocess = torch.device(device), Preprocess(height=recipe.height, width=recipe.width)
    _prepare(where, recipe.seed)
    with said_clearly(), kept_memory(), Bars(console or Console()) as bars:
        market, others = read_market(data, folders=(TRAIN,)), read_unlabelled(unlabelled)
        gathering = Gathering(recipe, market, others, teacher=teacher, out=out, bars=bars, stop=stop)
        try:
            lesson = gathering.lesson(where)
        except StoppedError:
            return Result()
        objective = network(recipe, start, lesson).to(where)
        augment = Augment(preprocess, pad=recipe.pad, jitter=recipe.jitter, device=where)
        learner = Learner(objective, lesson, augment, graph=captures(recipe.step, where))
        epochs = Epochs(
            recipe,
            market,
            out,
            rows=gathering.rows,
            data=gathering.told + _begun_with(start),
            start=start.name if start is not None else "noise",
            objective=objective,
            learner=learner,
            augment=augment,
            bars=bars,
        )
        if not epochs.run(budget, stop, began=began):
            return Result()
        caffe = _strides_as_caffe(recipe, start)
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


def _begun_with(start: Path | None) -> str:
    """What a network of ours, started from, had learnt from."""
    if start is None or start.suffix != OWN:
        return ""
    card = read_card(start)
    return f"; begun with {card.name} {card.fingerprint} ({card.data})"


def network(recipe: Recipe, start: Path | None, lesson: Lesson) -> Objective:
    """As the recipe has it, for what is learnt from. On the CPU, where its random weights are the same for
    every device.
    """
    model = BNNeck(
        backbone=recipe.backbone,
        last_stride=recipe.last_stride,
        caffe_stride=_strides_as_caffe(recipe, start),
        pooling=recipe.pooling,
        non_local=recipe.non_local,
        ibn=recipe.ibn,
    )
    if start is not None:
        load_into(model, start)
    of_people = None if lesson.taught is None else prototypes(lesson.taught, lesson.labels).cpu()
    objective = Objective(model, recipe, persons=_persons(lesson), of_people=of_people)
    return objective.to(memory_format=torch.channels_last)


def _persons(lesson: Lesson) -> int:
    return int(lesson.labels.max()) + 1


def _strides_as_caffe(recipe: Recipe, start: Path | None) -> bool:
    if start is None or recipe.backbone != "resnet50":
        return False
    return read_card(start).caffe_stride if start.suffix == OWN else "caffe" in start.name


def _lighter(model: BNNeck) -> BNNeck:
    """With convolutions in half precision; batch normalisation does not bear it."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.data.half()
    return model
