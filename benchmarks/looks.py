"""How much networks' vectors vary within and between people (training.appearance), on data of several kinds.

    python benchmarks/looks.py [NETWORK ...] [--data FOLDER]

NETWORK is a name that `sightline assets` lists, or a file of weights; without any, those that Sightline
serves by default. FOLDER holds data/crops, whose GRID and VIPeR are embedded; a card's own numbers come
first, where it has some. retail-0277's of Market-1501's test half, CUHK01 and CUHK03 are from the vectors in
reference/reid.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from unseen import embedded, named

from app.weights.assets import BUNDLED, cache_folder, default_reid, resolve
from reid.card import read_card
from reid.embedder import open_embedder
from training.appearance import appearance_statistics

COLUMNS = ("within", "between", "within_dimensions", "between_dimensions", "people")


def of_references(folder: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Of the vectors that lie there."""
    market = np.load(folder / "retail0277_market_test.npz")
    parts = [Path(str(name)).name.split("_") for name in market["names"]]
    people = np.array([int(part[0]) for part in parts])
    cameras = np.array([int(part[1][1]) for part in parts])
    told = people > 0
    yield (
        "retail-0277 on Market-1501's test half",
        appearance_statistics(market["features"][told], people[told], cameras[told]),
    )
    for name in ("cuhk01", "cuhk03"):
        looks = np.load(folder / f"looks_{name}.npz")
        people, cameras = (
            np.unique(looks[column], return_inverse=True)[1] for column in ("people", "cameras")
        )
        yield f"retail-0277 on {name.upper()}", appearance_statistics(looks["features"], people, cameras)


def of_network(path: Path, data: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """What its card tells, then what is measured."""
    if path.suffix == ".safetensors":
        told = read_card(path).appearance
        for part, words in (("", "trained on"), ("test_", "not trained on")):
            if f"{part}within" in told:
                yield f"{path.stem}'s card, people {words}", {name: told[part + name] for name in COLUMNS}
    embedder = open_embedder(path, device="cpu", cache=cache_folder())
    for name, camera in (("GRID", 1), ("VIPeR", 2)):
        people = named(data / f"data/crops/{name}.zip", person=0, camera=camera)
        yield (
            f"{path.stem} on {name}",
            appearance_statistics(embedded(embedder, people), people.person, people.camera),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    told = parser.parse_args()
    paths = [resolve(name) for name in told.networks or [BUNDLED]]
    if not told.networks:
        paths.insert(0, default_reid()[0])
    table = Table(title="how looks vary, cameras' means taken off", title_justify="left")
    table.add_column("network and people")
    for column in COLUMNS:
        table.add_column(column.replace("_", "\n"), justify="right")
    found = [*of_references(told.data / "reference/reid")]
    for path in paths:
        found += of_network(path, told.data)
    for name, numbers in found:
        table.add_row(name, *(f"{numbers[column]:.4g}" for column in COLUMNS))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
