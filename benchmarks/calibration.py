"""Whether stated probabilities hold: of what is said to be one person with 70 %, are 70 %?

    python benchmarks/calibration.py [--data FOLDER] [--features FILE.npz] [--without-online]
        [--plot FILE.png]

On Market-1501's tracklets (benchmarks/market_parts/tracklets.py), six cameras. What is learned from three
cameras' tracklets, with nobody's labels, is applied to the other three's, and the other way round:

* near in time: pairs of tracklets within five minutes. The curve of looks is the others'; delays and clocks,
  which are of these cameras and no others, are learned from them, without labels too.
* journeys: pairs of journeys, which nothing but looks can tell of. The curve is the others'.

In both, probabilities that two are one person, held against whether they are. Then, over all cameras, the
probabilities the online run states in the end of each sighting's identity, held against whether the
identity's main person is the sighting's. Who is who is taken from the labels with those that are wrong put
right (benchmarks/market_parts/labels.py). The error is the mean of |stated - true| over bins, by how many are
in each (Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015); pairs
stated at 0.01 or less are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from market_parts.labels import corrected
from market_parts.methods import associator, replay
from market_parts.tracklets import Tracklet, as_told, read_features, tracklets_of
from numpy.typing import NDArray

from tracker import journeys, refine
from tracker.journeys import Between
from tracker.learning import Ways, together_so_far, ways
from tracker.linkage import rejoined
from tracker.topology import Integers, Stays, Table
from tracker.tracklets import centred, impossible, looks_of, stays_of
from tracker.types import Floats

EDGES = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])
HALVES = (("c1", "c2", "c3"), ("c4", "c5", "c6"))
Values = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--without-online", action="store_true", help="pairs alone, which are faster")
    parser.add_argument("--plot", type=Path, help="a picture of the curves")
    told = parser.parse_args()
    path = told.features or told.data / "reference/reid/retail0277_market_test.npz"
    tracklets = tracklets_of(read_features(path))
    found = held_out([half_of(tracklets, cameras) for cameras in HALVES])
    if not told.without_online:
        found.append(online(tracklets))
    for one in found:
        print_table(one)
    if told.plot is not None:
        plot(found, told.plot)


@dataclass(frozen=True, slots=True)
class Stated:
    """chance: (N,) probabilities above 0.01; true: (N,) whether it is so."""

    name: str
    chance: Values
    true: NDArray[np.bool_]

    def bins(self) -> list[tuple[float, float, int, float, float]]:
        """Of each bin that holds any: its ends, how many, their mean, the share that is true."""
        rows = np.clip(np.digitize(self.chance, EDGES) - 1, 0, len(EDGES) - 2)
        return [
            (EDGES[k], EDGES[k + 1], int(own.sum()), self.chance[own].mean(), self.true[own].mean())
            for k in range(len(EDGES) - 1)
            if (own := rows == k).any()
        ]

    @property
    def error(self) -> float:
        """0..1."""
        return self.error_from(EDGES[0])

    def error_from(self, least: float) -> float:
        """Of those stated at least so. 0..1."""
        bins = [row for row in self.bins() if row[0] >= least]
        off = sum(count * abs(mean - share) for _, _, count, mean, share in bins)
        return off / max(sum(row[2] for row in bins), 1)


@dataclass(frozen=True, slots=True)
class Half:
    """Some cameras' tracklets, and what the second pass learns from them by itself.

    person: (N,). looks: (N, D). journey: (N,) codes. between: of two journeys' looks.
    """

    name: str
    person: Integers
    stays: Stays
    looks: Floats
    never: NDArray[np.bool_]
    ways: Ways
    journey: Integers
    between: Between


def half_of(tracklets: Sequence[Tracklet], cameras: Sequence[str]) -> Half:
    """Raises SystemExit where they teach nothing."""
    mine = [tracklet for tracklet in tracklets if tracklet.camera in cameras]
    rows = as_told(mine)
    never, stays = impossible(rows, frozenset()), stays_of(rows)
    labels = np.empty(len(rows), np.int64)
    for number, cluster in enumerate(refine.second_pass(rows).clusters):
        labels[list(cluster.tracklets)] = number
    looks = centred(looks_of(rows), stays.camera, labels)
    learned = ways(stays, looks @ looks.T, together_so_far(labels, never), never)
    if learned is None:
        raise SystemExit(f"The tracklets of {', '.join(cameras)} are too few to learn ways from.")
    journey = rejoined(learned.odds, never, (), far=journeys.too_far(stays, learned.clocks))
    between = journeys.learned(looks, journey, journeys.spread(never, journey))
    if between is None:
        raise SystemExit(f"The tracklets of {', '.join(cameras)} are too few to learn a curve from.")
    person = people(mine)
    return Half(", ".join(cameras), person, stays, looks, never, learned, journey, between)


def people(tracklets: Sequence[Tracklet]) -> Integers:
    """(T,) codes, by the labels put right."""
    persons = [tracklet.person for tracklet in corrected(tracklets)]
    return np.unique(persons, return_inverse=True)[1].astype(np.int64)


def held_out(halves: Sequence[Half]) -> list[Stated]:
    """Each half by the other's curves, pairs of both together; and by its own, to compare."""
    first, second = halves
    other, own = [(first, second), (second, first)], [(first, first), (second, second)]
    return [
        _together("near in time, curve of the other cameras", [near_in_time(*pair) for pair in other]),
        _together("near in time, curve of the same cameras", [near_in_time(*pair) for pair in own]),
        _together("journeys, curve of the other cameras", [between_journeys(*pair) for pair in other]),
        _together("journeys, curve of the same cameras", [between_journeys(*pair) for pair in own]),
    ]


def _together(name: str, parts: Sequence[tuple[Values, NDArray[np.bool_]]]) -> Stated:
    chance, true = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Stated(name, chance, true)


def near_in_time(half: Half, teacher: Half) -> tuple[Values, NDArray[np.bool_]]:
    """The pairs within five minutes: what is said, and what is so."""
    alike: Table = half.looks @ half.looks.T
    odds = half.ways.odds - half.ways.curve(alike) + teacher.ways.curve(alike)
    asked = np.triu(~(half.never | journeys.too_far(half.stays, half.ways.clocks)), 1)
    return said(odds[asked], (half.person[:, None] == half.person[None])[asked])


def between_journeys(half: Half, teacher: Half) -> tuple[Values, NDArray[np.bool_]]:
    """All pairs that can be one: those journeys are of one person that show mostly one."""
    asked = np.triu(~journeys.spread(half.never, half.journey), 1)
    odds = teacher.between.odds(half.looks, half.journey)
    counts = np.zeros((len(odds), int(half.person.max()) + 1), np.int64)
    np.add.at(counts, (half.journey, half.person), 1)
    person = counts.argmax(axis=1)
    return said(odds[asked], (person[:, None] == person[None])[asked])


def said(odds: Floats, true: NDArray[np.bool_]) -> tuple[Values, NDArray[np.bool_]]:
    chance = 1 / (1 + np.exp(-np.clip(odds.astype(np.float64), -30, 30)))
    return chance[chance > EDGES[0]], true[chance > EDGES[0]]


def online(tracklets: Sequence[Tracklet]) -> Stated:
    """The sightings that have an identity in the end."""
    found = replay(tracklets, associator(tracklets))
    decided = [(number, s) for number, s in found.last.items() if s.identity is not None]
    person = people(tracklets)[[found.owners[number] for number, _ in decided]]
    identity = np.unique([s.identity for _, s in decided], return_inverse=True)[1]
    sizes = np.array([len(tracklets[found.owners[number]].times) for number, _ in decided])
    counts = np.zeros((identity.max() + 1, person.max() + 1), np.int64)
    np.add.at(counts, (identity, person), sizes)
    right = counts.argmax(axis=1)[identity] == person
    chance = np.array([s.probability for _, s in decided])
    kept = chance > EDGES[0]
    return Stated("online, a sighting's identity", chance[kept], right[kept])


def print_table(stated: Stated) -> None:
    surer = f"from 0.5 on {stated.error_from(0.5):.3f}"
    print(f"\n{stated.name}: {len(stated.chance):,}, error {stated.error:.3f}, {surer}\n")
    print("| stated | how many | mean stated | true |\n|---|---|---|---|")
    for low, high, count, mean, share in stated.bins():
        print(f"| {low:g} to {high:g} | {count:,} | {mean:.3f} | {share:.3f} |")


def plot(found: Sequence[Stated], path: Path) -> None:
    """Share that is true by what was stated, the diagonal being right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 7), layout="constrained")
    axes = figure.add_subplot(xlabel="stated", ylabel="true", aspect="equal", xlim=(0, 1), ylim=(0, 1))
    axes.plot((0, 1), (0, 1), color="0.7", linewidth=1)
    for one in found:
        points = [(mean, share) for *_, mean, share in one.bins()]
        axes.plot(*zip(*points, strict=True), marker="o", label=f"{one.name} ({one.error:.3f})")
    figure.legend(loc="outside lower center", fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
