"""How long a step of the training takes, what share of the device's peak that is, and where the time goes.

    python benchmarks/training_step.py [--recipe NAME] [--set KEY=VALUE ...] [--device cuda]

The recipe is the paper's on a GPU and the small network's on a CPU, if none is named.
Pictures are noise, the network begins as noise: a step costs the same. Ways of doing it alternate in rounds,
so that a busy machine slows all alike; the median counts. On a GPU: every operation launched by itself, or a
captured graph replayed. On a CPU: as glibc handles memory by itself, or as a training has it keep what is
freed. The peak is a product of large matrices in the precision of the backbone, measured in the same run, or
--peak in TFLOP/s. Where time goes is by kind of operation, of some steps without a graph.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from reid.backends import choose_device
from reid.model import BNNeck
from reid.preprocess import Preprocess
from training.augment import Augment, draw
from training.learner import Learner, Lesson, computes_in_half
from training.memory import kept_memory
from training.recipe import Recipe, named, with_settings
from training.train import network

PERSONS, EACH = 751, 4
KINDS = {
    "convolutions": ("conv", "cudnn", "mkldnn"),
    "batch normalisation": ("batch_norm", "group_norm"),
    "Adam": ("adam",),
    "matrix products": ("aten::mm", "addmm", "bmm"),
    "copies and conversions": ("copy", "to_copy", "cat", "clone", "index"),
}

Way = tuple[str, Learner, Callable[[], AbstractContextManager[None]]]


def learner(recipe: Recipe, device: torch.device, *, half: bool, graph: bool) -> Learner:
    """On noise."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    shape = (PERSONS * EACH, recipe.height, recipe.width, 3)
    pictures = random.integers(0, 256, shape, np.uint8)
    taught = torch.randn(len(pictures), 256).half() if recipe.teaches else None
    labels = np.arange(PERSONS).repeat(EACH)
    lesson = Lesson.of(pictures, labels, taught, device=device)
    objective = network(recipe, None, lesson).to(device)
    objective.in_half = half
    preprocess = Preprocess(height=recipe.height, width=recipe.width)
    augment = Augment(preprocess, pad=recipe.pad, jitter=recipe.jitter, device=device)
    made = Learner(objective.train(), lesson, augment, graph=graph)
    made.set_lr(recipe.lr)
    return made


def plan(recipe: Recipe, device: torch.device) -> torch.Tensor:
    """A batch of it: rows and what is drawn."""
    random = np.random.default_rng(1)
    people = random.choice(PERSONS, recipe.persons, replace=False)
    known = (people[:, None] * EACH + np.arange(recipe.pictures) % EACH).ravel()
    rows = np.concatenate([known, random.integers(0, PERSONS * EACH, recipe.batch - recipe.known)])
    drawn = draw(
        random,
        len(rows),
        height=recipe.height,
        width=recipe.width,
        flip=recipe.flip,
        pad=recipe.pad,
        erasing=recipe.erasing,
        jitter=recipe.jitter,
    )
    return torch.from_numpy(np.concatenate([rows[:, None], drawn], axis=1)).to(device)


def timed(device: torch.device, work: Callable[[], object], times: int) -> float:
    """Seconds of one, the mean of so many."""
    _wait(device)
    begun = time.perf_counter()
    for _ in range(times):
        work()
    _wait(device)
    return (time.perf_counter() - begun) / times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ways(recipe: Recipe, device: torch.device, *, half: bool) -> list[Way]:
    """What is compared."""
    eager = learner(recipe, device, half=half, graph=False)
    if device.type == "cuda":
        replayed = learner(recipe, device, half=half, graph=True)
        return [
            ("operations launched one by one", eager, contextlib.nullcontext),
            ("a captured graph replayed", replayed, contextlib.nullcontext),
        ]
    return [
        ("memory as glibc handles it", eager, contextlib.nullcontext),
        ("freed memory kept", eager, kept_memory),
    ]


def measured(found: list[Way], batch: torch.Tensor, *, rounds: int, steps: int) -> list[float]:
    """Median seconds a step of each way, the first round of each left out."""
    taken: list[list[float]] = [[] for _ in found]
    for _ in range(rounds + 1):
        for row, (_, one, within) in enumerate(found):
            with within():
                one.step(batch)
                taken[row].append(timed(batch.device, partial(one.step, batch), steps))
    return [statistics.median(row[1:]) for row in taken]


def untrained(recipe: Recipe) -> BNNeck:
    nobody = Lesson(torch.empty(0), torch.zeros(1, dtype=torch.int64))
    return network(recipe, None, nobody).model


def operations(recipe: Recipe) -> int:
    """Floating point operations of a step as they are usually counted: three times the forward pass's, those
    of convolutions and matrices alone. Frozen blocks take fewer.
    """
    model, counter = untrained(recipe).eval(), FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.zeros(1, 3, recipe.height, recipe.width))
    return 3 * recipe.batch * counter.get_total_flops()


def peak(device: torch.device, *, half: bool) -> float:
    """Floating point operations a second of a product of large matrices."""
    side, kind = (8192 if device.type == "cuda" else 2048), torch.bfloat16 if half else torch.float32
    one = torch.randn(side, side, device=device, dtype=kind)
    timed(device, lambda: one @ one, 3)
    return 2 * side**3 / timed(device, lambda: one @ one, 10)


def spent(one: Learner, batch: torch.Tensor, steps: int = 3) -> dict[str, float]:
    """Each kind of operation's share of the time that operations took on the device."""
    on_gpu = batch.device.type == "cuda"
    kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if on_gpu else [])
    with profile(activities=kinds) as told:
        for _ in range(steps):
            one.step(batch)
        _wait(batch.device)
    shares = dict.fromkeys([*KINDS, "the rest, element by element"], 0.0)
    for event in told.key_averages():
        took = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        if not on_gpu or event.key.startswith("aten::"):
            shares[_kind(event.key)] += took
    total = sum(shares.values())
    return {kind: took / total for kind, took in shares.items()}


def _kind(operation: str) -> str:
    name = operation.lower()
    found = (kind for kind, words in KINDS.items() if any(word in name for word in words))
    return next(found, "the rest, element by element")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recipe")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of a round (default: 50 on a GPU, 2 on a CPU)")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the data sheet, in place of the measured one")
    told = parser.parse_args()
    device = torch.device(choose_device(told.device))
    on_gpu = device.type == "cuda"
    name = told.recipe or ("bnneck-r50" if on_gpu else "bnneck-mobilenet")
    recipe = with_settings(named(name), told.settings)
    torch.backends.cudnn.benchmark = on_gpu
    half = computes_in_half(recipe, untrained(recipe).backbone, device)
    found, batch = ways(recipe, device, half=half), plan(recipe, device)
    seconds = measured(found, batch, rounds=told.rounds, steps=told.steps or (50 if on_gpu else 2))
    most = told.peak * 1e12 if told.peak else peak(device, half=half)
    work = operations(recipe)
    where = torch.cuda.get_device_name(device) if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    where += " in bfloat16" if half else " in float32"
    table = Table(title=f"{recipe.name} on {where}: {recipe.batch} pictures a step", title_justify="left")
    for column in ("way", "ms a step", "pictures/s", "TFLOP/s", f"of {most / 1e12:.2f}", "times the first"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for (name, _, _), took in zip(found, seconds, strict=True):
        rate = work / took
        row = (f"{1e3 * took:.1f}", f"{recipe.batch / took:.0f}", f"{rate / 1e12:.2f}", f"{rate / most:.1%}")
        table.add_row(name, *row, f"{seconds[0] / took:.2f}")
    console = Console(width=110)
    console.print(table)
    with found[-1][2]():
        for kind, share in spent(found[0][1], batch).items():
            console.print(f"{share:6.1%}  {kind}", highlight=False)


if __name__ == "__main__":
    main()
