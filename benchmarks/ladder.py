"""The paper's table of tricks, and what lies past it, row by row beside the published figures.

    python benchmarks/ladder.py --data Market-1501-v15.09.15.zip --out FOLDER [--seeds 0,1,2] [--budget 9m]
        [--recipes bnneck-r50,ablation-*,beyond-*] [--device cuda] [--set KEY=VALUE ...]

Trains each recipe with each seed, the first seed of all rows first, into FOLDER/RECIPE-SEED, and goes on
where it stopped: what is finished is not trained again, and with --budget it stops in time for the table. The
table has the last epoch's scores by cosine, without flip and re-ranking, as mean and standard deviation over
seeds, and the median rate of the training. FOLDER/runs gets the logs alone.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.weights.assets import resolve
from app.weights.train import STARTS, commit
from reid.backends import choose_device
from training.epochs import Budget
from training.log import SCORES_FILE, STEPS_FILE
from training.recipe import RECIPES, Recipe, named, with_settings
from training.train import train

PUBLISHED: Mapping[str, str] = {
    "ablation-standard": "87.7 / 74.0",
    "ablation-warm-up": "88.7 / 75.2",
    "ablation-erasing": "91.3 / 79.3",
    "ablation-smoothing": "91.4 / 80.3",
    "ablation-stride": "92.0 / 81.7",
    "ablation-bnneck": "94.1 / 85.7",
    "bnneck-r50": "94.5 / 85.9",
}
ORDER = "bnneck-r50,ablation-*,beyond-*"


@dataclass(frozen=True, slots=True)
class Run:
    """A training that came to its end. rank1, map: in percent. rate: pictures a second, the median."""

    rank1: float
    map: float
    rate: float
    seconds: float


def chosen(patterns: str, settings: Sequence[str]) -> list[Recipe]:
    """Recipes in the order of the patterns, each once."""
    names = [name for pattern in patterns.split(",") for name in fnmatch.filter(RECIPES, pattern)]
    return [with_settings(named(name), settings) for name in dict.fromkeys(names)]


def wanted(recipes: Sequence[Recipe], seeds: Sequence[int], out: Path) -> Iterator[tuple[Recipe, Path]]:
    """Each training and its folder, the first seed of all rows first."""
    for seed in seeds:
        for recipe in recipes:
            yield replace(recipe, seed=seed), out / f"{recipe.name}-{seed}"


def finished(recipe: Recipe, folder: Path) -> Run | None:
    """What its logs say, where it came to its end."""
    if not (folder / f"{recipe.name}.safetensors").exists():
        return None
    last, steps = _rows(folder / SCORES_FILE)[-1], _rows(folder / STEPS_FILE)
    return Run(
        rank1=100 * float(last["rank1"]),
        map=100 * float(last["map"]),
        rate=statistics.median(float(row["images_per_s"]) for row in steps),
        seconds=float(steps[-1]["seconds"]),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keep_logs(folder: Path, runs: Path) -> None:
    """The logs without weights, pages and checkpoints."""
    (runs / folder.name).mkdir(parents=True, exist_ok=True)
    for name in (STEPS_FILE, SCORES_FILE):
        shutil.copyfile(folder / name, runs / folder.name / name)


def table(recipes: Sequence[Recipe], seeds: Sequence[int], out: Path) -> Table:
    """A row a recipe."""
    made = Table(title="rank-1 / mAP on Market-1501, last epoch", title_justify="left")
    for name in ("recipe", "published", "measured", "sd", "seeds", "pictures/s", "minutes"):
        made.add_column(name, justify="left" if name == "recipe" else "right")
    for recipe in recipes:
        found = [finished(recipe, folder) for _, folder in wanted([recipe], seeds, out)]
        runs = [run for run in found if run is not None]
        if not runs:
            made.add_row(recipe.name, PUBLISHED.get(recipe.name, ""), "", "", "0", "", "")
            continue
        ranks, maps = [run.rank1 for run in runs], [run.map for run in runs]
        spread = f"{statistics.stdev(ranks):.2f} / {statistics.stdev(maps):.2f}" if len(runs) > 1 else ""
        made.add_row(
            recipe.name,
            PUBLISHED.get(recipe.name, ""),
            f"{statistics.mean(ranks):.2f} / {statistics.mean(maps):.2f}",
            spread,
            str(len(runs)),
            f"{statistics.median(run.rate for run in runs):.0f}",
            f"{statistics.mean(run.seconds for run in runs) / 60:.1f}",
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipes", default=ORDER)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--budget", default="")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--start", help="weights to start from, as for sightline train")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    told = parser.parse_args()
    began, console = time.perf_counter(), Console(width=110)
    seconds = Budget.read(told.budget).seconds if told.budget else float("inf")
    seeds = [int(seed) for seed in told.seeds.split(",")]
    recipes, device = chosen(told.recipes, told.settings), choose_device(told.device)
    for recipe, folder in wanted(recipes, seeds, told.out):
        left = seconds - (time.perf_counter() - began)
        if finished(recipe, folder) is None and left > 0:
            console.print(f"{recipe.name}, seed {recipe.seed}", highlight=False)
            start = resolve(told.start or STARTS[recipe.backbone])
            train(
                recipe,
                data=told.data,
                out=folder,
                start=start,
                device=device,
                budget=Budget(seconds=left),
                console=console,
                commit=commit(),
            )
        if (folder / SCORES_FILE).exists():
            keep_logs(folder, told.out / "runs")
    console.print(table(recipes, seeds, told.out))


if __name__ == "__main__":
    main()
