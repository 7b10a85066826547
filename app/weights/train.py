"""What ``sightline train`` does around the training itself."""

from __future__ import annotations

import argparse
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from app import errors
from app.config import ConfigError
from app.weights.assets import cache_folder, resolve

if TYPE_CHECKING:
    from reid.embedder import Embedder
    from training.recipe import Recipe
    from training.train import Result

STARTS = {"resnet50": "resnet50-imagenet", "mobilenet_v2": "mobilenet-v2-imagenet"}
"""The ImageNet weights a backbone starts from if nothing else is named."""


def train(arguments: argparse.Namespace) -> int:
    """``sightline train``: a network by its recipe, or a training gone on with."""
    from training.recipe import named, with_settings

    recipe = with_settings(named(arguments.recipe), arguments.settings)
    if arguments.print_recipe:
        print(recipe.describe())
        return errors.OK
    if arguments.data is None:
        raise ConfigError("No data set was given; name one with --data.")
    out = arguments.out or Path("trained") / recipe.name
    return _trained(recipe, arguments, out)


def _trained(recipe: Recipe, arguments: argparse.Namespace, out: Path) -> int:
    from app.headless.view import stop_on_signals, terminal
    from reid.backends import choose_device
    from training.epochs import Budget
    from training.train import train

    budget = Budget.read(arguments.stop_after) if arguments.stop_after else Budget()
    device, console = choose_device(arguments.device), terminal()
    console.print(f"{recipe.name}: {recipe.epochs} epochs on {device}, into {out}", highlight=False)
    with stop_on_signals() as stop:
        result = train(
            recipe,
            data=arguments.data,
            out=out,
            start=_start(recipe, arguments.start),
            unlabelled=arguments.unlabelled,
            teacher=lambda: _teacher(arguments.teacher),
            device=device,
            budget=budget,
            stop=stop,
            console=console,
            commit=commit(),
            terms=arguments.terms,
        )
    _say(result, out)
    return errors.INTERRUPTED if result.weights is None and stop.is_set() else errors.OK


def _start(recipe: Recipe, named: str | None) -> Path | None:
    return None if named == "none" else resolve(named or STARTS[recipe.backbone])


def _teacher(name: str) -> Embedder:
    from reid.embedder import open_embedder

    return open_embedder(resolve(name), cache=cache_folder())


def _say(result: Result, out: Path) -> None:
    if result.weights is None:
        print(f"stopped; the same command goes on from {out}")
        return
    if result.scores is not None:
        print(f"rank-1 {result.scores.rank(1):.2%}, mAP {result.scores.map:.2%}")
    print(f"weights: {result.weights}\npage: {result.page}")


def commit() -> str:
    """The version of the code: a checkout's commit, else the package's number."""
    root = Path(__file__).parents[2]
    git = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    if not (root / ".git").exists():
        return version("sightline")
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version("sightline")
