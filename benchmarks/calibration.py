"""Whether stated probabilities hold: of what is said to be one person with 70 %, are 70 %?

    python benchmarks/calibration.py [--data FOLDER] [--features FILE.npz] [--on market NAME ...] [--probes N]
        [--most N] [--until SECONDS] [--without-online] [--plot FILE.png]

On Market-1501's tracklets (benchmarks/market_parts/tracklets.py), three cameras apart from the other three:

* pairs: two tracklets, by the log odds of the model that the second pass found (tracker.model), nothing of
  which is fitted to labels. N tracklets are held against all others that can be the same person.
* pairs, looks of the other cameras: the same, but how much looks vary is learned from the other three.
* clusters: of each tracklet, that it belongs to its cluster, as the second pass states it; true where the
  cluster's main person is the tracklet's.

Over all six cameras, what the online run states in the end of each sighting's identity, held against whether
the identity's main person is the sighting's. Who is who is taken from the labels with those that are wrong
put right (benchmarks/market_parts/labels.py). Then pairs, clusters and online of the small sites
(benchmarks/small_sites.py) together: looks of CUHK01, seed 0.

The error is the mean of |stated - true| over bins, by how many are in each (Naeini et al., "Obtaining well
calibrated probabilities using Bayesian binning", AAAI 2015); what is stated at 0.01 or less is left out.
--on: Market alone, or some sites. --most: the first N tracklets of each three cameras alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from market_parts.labels import corrected
from market_parts.methods import associator, replay
from market_parts.tracklets import Tracklet as Shown
from market_parts.tracklets import as_told, read_features, tracklets_of
from numpy.typing import NDArray
from site_parts import people as at_sites
from site_parts.marks import tracklets as marks_of
from site_parts.sites import SCHEDULES, make, read
from site_parts.tracking import boxes_of, seen

from app.weights.assets import cache_folder
from tracker.constraints import Constraints
from tracker.model import Links, Model, links_of
from tracker.refine import Pass, second_pass
from tracker.tracklets import Columns, Integers, Tracklet, columns_of

EDGES = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])
HALVES = (("c1", "c2", "c3"), ("c4", "c5", "c6"))
MARKET = "market"
LOOKS, SEED, FPS = "cuhk01", 0, 10.0
Values = NDArray[np.float64]
Held = tuple[Values, NDArray[np.bool_]]
"""Probabilities, and whether each is so."""


def main() -> None:
    told = arguments()
    path = told.features or told.data / "reference/reid/retail0277_market_test.npz"
    market = tracklets_of(read_features(path))
    found = on_market(market, told.probes, told.most) if MARKET in told.on else []
    if MARKET in told.on and not told.without_online:
        found.append(Stated("Market, online", *online(market[: told.most])))
    if sites := [name for name in told.on if name != MARKET]:
        found += on_sites(told.data, sites, told.probes, told.until)
    for one in found:
        print_table(one)
    if told.plot is not None:
        plot(found, told.plot)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--features", type=Path)
    every = [MARKET, *SCHEDULES]
    parser.add_argument("--on", nargs="+", choices=every, default=every, metavar="NAME")
    parser.add_argument("--until", type=float, default=np.inf, metavar="SECONDS", help="of a site")
    parser.add_argument("--probes", type=int, default=400, help="tracklets held against all (default: 400)")
    parser.add_argument("--most", type=int, metavar="N", help="no more tracklets")
    parser.add_argument("--without-online", action="store_true", help="of Market")
    parser.add_argument("--plot", type=Path, help="a picture of the curves")
    return parser.parse_args()


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
class Span:
    """Some tracklets with what the second pass found. person: (N,) who each shows. weight: (N,) how much."""

    tracklets: Sequence[Tracklet]
    person: Integers
    weight: Values
    constraints: Constraints
    found: Pass

    @property
    def model(self) -> Model:
        assert self.found.model is not None  # there are tracklets
        return self.found.model

    def links(self) -> tuple[Columns, Links]:
        """On the clocks that were found."""
        columns, clocks = columns_of(self.tracklets), self.found.clocks
        clock = columns.recording
        if clocks is not None:
            clock = clocks.group[columns.recording]
            columns = columns.shifted(-clocks.offset_s[columns.recording])
        return columns, links_of(columns, self.model.transitions, clock, self.model.ground)

    def pairs(self, probes: int, model: Model | None = None) -> Held:
        """Tracklets held against all others. model: another than its own."""
        model = model or self.model
        columns, links = self.links()
        groups = [model.alone(columns, row) for row in range(len(columns))]
        never = self.constraints.cannot_link(self.tracklets)
        chance, true = [], []
        for row in np.random.default_rng(0).permutation(len(groups))[:probes].tolist():
            others = np.flatnonzero(~never[row] & (np.arange(len(groups)) != row))
            terms = model.log_odds(groups[row], [groups[other] for other in others], links)
            chance.append(1 / (1 + np.exp(-np.clip(terms.log_odds, -30, 30))))
            true.append(self.person[others] == self.person[row])
        return likely(np.concatenate(chance), np.concatenate(true))

    def clusters(self) -> Held:
        """That tracklets belong to their clusters."""
        row = {tracklet.number: k for k, tracklet in enumerate(self.tracklets)}
        label, chance = np.zeros(len(row), np.int64), np.zeros(len(row))
        for code, cluster in enumerate(self.found.clusters):
            rows = [row[number] for number in cluster.tracklets]
            label[rows], chance[rows] = code, cluster.probabilities
        return likely(chance, is_main(label, self.person, self.weight))


def likely(chance: Values, true: NDArray[np.bool_]) -> Held:
    return chance[chance > EDGES[0]], true[chance > EDGES[0]]


def is_main(label: Integers, person: Integers, weight: Values) -> NDArray[np.bool_]:
    """(N,): whether each one's person is the main one of its label."""
    label, person = (np.unique(codes, return_inverse=True)[1] for codes in (label, person))
    held = np.zeros((label.max() + 1, person.max() + 1))
    np.add.at(held, (label, person), weight)
    return np.asarray(held.argmax(axis=1)[label] == person)


def together(name: str, parts: Sequence[Held]) -> Stated:
    chance, true = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Stated(name, chance, true)


def on_market(market: Sequence[Shown], probes: int, most: int | None) -> list[Stated]:
    """Each three cameras by themselves; and with how much looks vary on the other three."""
    halves = [half_of([t for t in market if t.camera in cameras][:most]) for cameras in HALVES]
    pairs = [half.pairs(probes) for half in halves]
    others = [
        half.pairs(probes, replace(half.model, appearance=other.model.appearance))
        for half, other in zip(halves, reversed(halves), strict=True)
    ]
    return [
        together("Market, pairs", pairs),
        together("Market, pairs, looks of the other cameras", others),
        together("Market, clusters", [half.clusters() for half in halves]),
    ]


def half_of(some: Sequence[Shown]) -> Span:
    rows = as_told(some)
    weight = np.array([len(tracklet.times) for tracklet in some], float)
    return Span(rows, people(some), weight, Constraints(), second_pass(rows))


def people(tracklets: Sequence[Shown]) -> Integers:
    """(T,) codes, by the labels put right."""
    persons = [tracklet.person for tracklet in corrected(tracklets)]
    return np.unique(persons, return_inverse=True)[1].astype(np.int64)


def online(market: Sequence[Shown]) -> Held:
    """The sightings that have an identity in the end."""
    found = replay(market, associator(market))
    decided = [(number, s) for number, s in found.last.items() if s.identity is not None]
    rows = [found.owners[number] for number, _ in decided]
    weight = np.array([len(market[row].times) for row in rows], float)
    identity = np.array([s.identity for _, s in decided])
    chance = np.array([s.probability for _, s in decided])
    return likely(chance, is_main(identity, people(market)[rows], weight))


def on_sites(data: Path, names: Sequence[str], probes: int, until: float) -> list[Stated]:
    cache = cache_folder() / "benchmarks" / "small_sites"
    folder = make(data, cache, looks=LOOKS, seed=SEED, fps=FPS)
    pairs, clusters, runs = zip(*(on_site(folder / name, probes, until) for name in names), strict=True)
    kinds = {"pairs": pairs, "clusters": clusters, "online": runs}
    return [together(f"small sites, {name}", parts) for name, parts in kinds.items()]


def on_site(folder: Path, probes: int, until: float) -> tuple[Held, Held, Held]:
    """Pairs, clusters, and the run; of tracklets that show somebody."""
    site = read(folder, looks=LOOKS, seed=SEED, until=until)
    recorded = at_sites.online(seen(site), site.overlap, site.dimension)
    of = marks_of(site, boxes_of(recorded.sightings.values(), recorded.points))
    shown = {
        number: (int(person), float(boxes.sum()))
        for number, person, boxes in zip(sorted(recorded.sightings), of.faultless, of.shown, strict=True)
        if boxes.any()
    }
    numbers = sorted(shown.keys() & recorded.vectors.keys())
    tracklets = [recorded.tracklet(number) for number in numbers]
    told = Constraints(overlap=site.overlap)
    person = np.array([shown[number][0] for number in numbers])
    weight = np.array([shown[number][1] for number in numbers])
    span = Span(tracklets, person, weight, told, second_pass(tracklets, constraints=told))
    decided = [k for k, tracklet in enumerate(tracklets) if tracklet.identity is not None]
    identity = np.array([tracklets[k].identity for k in decided])
    chance = np.array([recorded.sightings[numbers[k]].probability for k in decided])
    run = likely(chance, is_main(identity, person[decided], weight[decided]))
    return span.pairs(probes), span.clusters(), run


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
