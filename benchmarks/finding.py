"""How right `sightline find` is: single pictures of Market-1501 held against half of its people.

    python benchmarks/finding.py [--features FILE.npz] [--probes 3368]

FILE.npz holds names and features of all test pictures (reference/reid/retail0277_market_test.npz of the
folder of shared data). Half of the people, drawn with a fixed seed, are known, each by at most eight
pictures; a query is asked for once against all of them, without the pictures that its own camera took. So
half of the queries are of people nobody knows. The likeliest candidate's chance is held against how often it
is right, and the chance of being nobody against how often it is nobody. The curve is learned from those who
are known, as `sightline find` does; --given takes the one that a run begins with.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from tracker.likeness import straight
from tracker.revisits import learned
from tracker.search import search
from tracker.types import Floats, Identity

SEED, EACH = 1501, 8
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)

Numbers = NDArray[np.int64]
Told = NDArray[np.float64]


class Pictures:
    """Who (N,), by which camera (N,), whether asked for (N,), and unit vectors (N, D)."""

    def __init__(self, path: Path) -> None:
        held = np.load(path)
        names = [Path(str(name)) for name in held["names"]]
        self.person: Numbers = np.array([int(name.name.split("_")[0]) for name in names])
        self.camera: Numbers = np.array([int(name.name.split("_")[1][1]) for name in names])
        sequence = np.array([int(name.name.split("_")[1][3]) for name in names])
        self.visit: Numbers = 10 * self.camera + sequence
        self.query = np.array([name.parent.name == "query" for name in names])
        vectors = held["features"].astype(np.float32)
        self.vectors: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def identity(pictures: Pictures, person: int, rows: Numbers, random: np.random.Generator) -> Identity:
    """Somebody by a few of these pictures."""
    chosen = random.permutation(rows)[:EACH]
    taken = tuple((int(pictures.visit[row]), 0.0) for row in chosen)
    return Identity(person, None, pictures.vectors[chosen], {}, taken)


def asked(pictures: Pictures, probes: int, *, learn: bool) -> tuple[Told, Told, float]:
    """(P, 2) each: the likeliest's chance and whether it is right; the chance of nobody and whether it is.
    And the cosine of even odds.
    """
    random = np.random.default_rng(SEED)
    everybody = np.unique(pictures.person[pictures.query])
    half = np.sort(random.permutation(everybody)[: len(everybody) // 2])
    rows = {int(person): np.flatnonzero((pictures.person == person) & ~pictures.query) for person in half}
    whole = [identity(pictures, person, there, random) for person, there in rows.items()]
    likeness = learned([(one.embeddings, one.taken) for one in whole]) if learn else straight()
    by_camera = {
        int(camera): [
            identity(pictures, person, there[pictures.camera[there] != camera], random)
            for person, there in rows.items()
            if (pictures.camera[there] != camera).any()
        ]
        for camera in np.unique(pictures.camera)
    }
    best, nobody = [], []
    for row in random.permutation(np.flatnonzero(pictures.query))[:probes]:
        identities = by_camera[int(pictures.camera[row])]
        [first], none = search(pictures.vectors[row], [identities], most=1, likeness=likeness)
        person = int(pictures.person[row])
        best.append((first.chance, first.identity.id == person))
        nobody.append((none, all(one.id != person for one in identities)))
    return np.array(best, np.float64), np.array(nobody, np.float64), likeness.even


def table(best: Told, nobody: Told) -> Table:
    made = Table(title="said, and how often it was so", title_justify="left")
    for name in (
        "chance",
        "likeliest: pictures",
        "mean said",
        "right",
        "nobody: pictures",
        "mean said",
        "so",
    ):
        made.add_column(name, justify="right")
    for low, high in itertools.pairwise(EDGES):
        cells = []
        for told in (best, nobody):
            here = told[(told[:, 0] >= low) & ((told[:, 0] < high) | (high == 1.0))]
            means = ["", ""] if not len(here) else [f"{value:.2f}" for value in here.mean(axis=0)]
            cells += [str(len(here)), *means]
        made.add_row(f"{low:.2f} to {high:.2f}", *cells)
    return made


def error(told: Told) -> float:
    """Expected calibration error over the bins of EDGES."""
    bins = np.clip(np.digitize(told[:, 0], EDGES) - 1, 0, len(EDGES) - 2)
    parts = [told[bins == number] for number in range(len(EDGES) - 1)]
    off = [abs(float(np.diff(part.mean(axis=0))[0])) * len(part) for part in parts if len(part)]
    return sum(off) / len(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    shared = Path(__file__).parents[2] / "shared"
    given = shared / "reference/reid/retail0277_market_test.npz"
    parser.add_argument("--features", type=Path, default=given)
    parser.add_argument("--probes", type=int, default=3368)
    parser.add_argument("--given", action="store_true", help="learn no curve")
    told = parser.parse_args()
    best, nobody, even = asked(Pictures(told.features), told.probes, learn=not told.given)
    there = nobody[:, 1] == 0
    console = Console(width=110)
    console.print(table(best, nobody))
    console.print(
        f"{len(best)} pictures, {there.sum()} of people who are known: the likeliest is right for "
        f"{best[there, 1].mean():.1%} of these. Calibration error: likeliest {error(best):.3f}, "
        f"nobody {error(nobody):.3f}. Even odds at a cosine of {even:.2f}",
        highlight=False,
    )


if __name__ == "__main__":
    main()
