"""How many of very many people `sightline find` must look at closely, so that it tells the likeliest ten.

    python benchmarks/first_look.py [--people 20000] [--asked 150] [--features FILE.npz]

What is kept of each for a first look is the mean of eight pictures in a byte a number (storage.packing). The
queries of Market-1501 are held against its people, each by at most eight pictures, and against made ones, up
to --people: between two people of it, with the differences of a third one's pictures. Told is the share of
queries whose ten likeliest, by every picture, are all among the N most alike by the first look; once more
where half of everybody's pictures is another person's, as of somebody who came in two coats.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from finding import EACH, Pictures
from numpy.typing import NDArray

from storage.packing import pack_centroid, unpack_centroids
from tracker.types import Floats

NEAREST = (100, 200, 500, 1000, 2000)
LIKELIEST = 10
AT_ONCE = 4096

Halves = NDArray[np.float16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    given = Path(__file__).parents[2] / "shared/reference/reid/retail0277_market_test.npz"
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--asked", type=int, default=150)
    parser.add_argument("--features", type=Path, default=given)
    arguments = parser.parse_args()
    pictures = Pictures(arguments.features)
    print(f"| {arguments.people:,} people | {' | '.join(f'among {n:,}' for n in NEAREST)} |")
    print(f"|---|{'---|' * len(NEAREST)}")
    for name, coats in (("as they are", 1), ("in two coats", 2)):
        templates, counts = everybody(pictures, arguments.people, coats=coats)
        ranks = worst_ranks(pictures, templates, counts, arguments.asked)
        print(f"| {name} | {' | '.join(f'{100 * (ranks < n).mean():.1f} %' for n in NEAREST)} |", flush=True)


def everybody(pictures: Pictures, number: int, *, coats: int) -> tuple[Halves, NDArray[np.int64]]:
    """(N, EACH, D) unit rows, and how many of each are there: people of the set last."""
    dice = np.random.default_rng(0)
    looks = [
        pictures.vectors[(pictures.person == person) & ~pictures.query]
        for person in np.unique(pictures.person[pictures.query])
    ]
    templates = np.zeros((number, EACH, pictures.vectors.shape[1]), np.float16)
    counts = np.zeros(number, np.int64)
    made = number - len(looks)
    for row in range(number):
        some = _made(looks, dice) if row < made else dice.permutation(looks[row - made])[:EACH]
        if coats == 2:
            other = dice.permutation(looks[dice.integers(len(looks))])
            some = np.concatenate([some[: EACH // 2], other[: EACH // 2]])
        templates[row, : len(some)], counts[row] = some, len(some)
    return templates, counts


def _made(looks: list[Floats], dice: np.random.Generator) -> Floats:
    first, second, third = (looks[k] for k in dice.integers(len(looks), size=3))
    share = dice.uniform(0.3, 0.7)
    differences = dice.permutation(third - third.mean(axis=0))[:EACH]
    rows = share * first.mean(axis=0) + (1 - share) * second.mean(axis=0) + differences
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def worst_ranks(
    pictures: Pictures, templates: Halves, counts: NDArray[np.int64], asked: int
) -> NDArray[np.int64]:
    """(Q,) of the likeliest ten, by every picture, the last one's place by the first look."""
    there = np.arange(EACH) < counts[:, None]
    means = templates.astype(np.float32).sum(axis=1) / counts[:, None]
    steps, numbers = unpack_centroids(b"".join(map(pack_centroid, means)), len(means))
    queries = np.random.default_rng(1).permutation(np.flatnonzero(pictures.query))[:asked]
    worst = []
    for look in pictures.vectors[queries]:
        alike = np.concatenate(
            [
                templates[row : row + AT_ONCE].astype(np.float32) @ look
                for row in range(0, len(templates), AT_ONCE)
            ]
        )
        nearest = np.where(there, alike, -1.0).max(axis=1)
        closely = (nearest + (alike * there).sum(axis=1) / counts) / 2  # as tracker.templates.similarity
        place = np.empty(len(templates), np.int64)
        place[np.argsort(-(numbers.astype(np.float32) @ look * steps), kind="stable")] = np.arange(
            len(templates)
        )
        worst.append(int(place[np.argsort(-closely)[:LIKELIEST]].max()))
    return np.array(worst)


if __name__ == "__main__":
    main()
