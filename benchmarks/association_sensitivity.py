"""What each constant of the association does: one changed at a time.

    python benchmarks/association_sensitivity.py [--data FOLDER] [--only CONSTANT ...] [--sites NAME ...]
        [--until SECONDS] [--most N]

Identity F1 of the second pass: mean of the small sites (benchmarks/small_sites.py, both kinds of looks, seed
0; what the run recorded is taken as it is), and IDF1 of the first N of Market's tracklets
(benchmarks/market_replay.py). Of the constants that only a run has, that of the run. A constant that is right
stands on a plateau of both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from market_parts.methods import replay
from market_parts.tracklets import Ids, as_told, idf1, read_features, tracklets_of
from market_parts.tracklets import Tracklet as Shown
from site_parts.marks import Tracklets
from site_parts.marks import tracklets as marks_of
from site_parts.people import online
from site_parts.sites import LOOKS, SCHEDULES, Site, make, read
from site_parts.tracking import boxes_of, seen

from app.weights.assets import cache_folder
from tracker.appearance import Appearance
from tracker.associator import Associator
from tracker.constraints import Constraints
from tracker.gallery import Gallery
from tracker.presence import Policy
from tracker.refine import Cluster, second_pass
from tracker.tracklets import Tracklet

OF_THE_PASS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "BEFORE": ("tracker.appearance", (2.0, 20.0)),
    "SPREAD": ("tracker.appearance", (0.08, 0.11)),
    "LOWER": ("tracker.appearance", (0.1, 0.25)),
    "CAMERAS": ("tracker.appearance", (0.01, 0.1)),
    "UNLIKE": ("tracker.appearance", (0.005, 0.05)),
    "ALIKE": ("tracker.appearance", (0.001, 0.01)),
    "AT_ONCE": ("tracker.transitions", (0.25, 0.9)),
    "WIDTH": ("tracker.transitions", (0.15, 0.5)),
    "FRAGMENT_S": ("tracker.transitions", (1.0, 4.0)),
    "LOST_S": ("tracker.transitions", (7.0, 30.0)),
    "PLACE": ("tracker.transitions", (0.08, 0.3)),
    "DRIFT": ("tracker.transitions", (0.25, 1.0)),
    "ELSEWHERE": ("tracker.transitions", (0.03, 0.3)),
    "LEAST_PAIRS": ("tracker.ground", (6, 8)),
    "SAMPLES": ("tracker.ground", (60, 240)),
    "STEADY_S": ("tracker.tracklets", (0.75, 3.0)),
    "OFF": ("tracker.ground", (0.02, 0.12)),
    "MOST": ("tracker.ground", (6.0, 24.0)),
    "SLACK_S": ("tracker.constraints", (0.25, 1.0)),
    "LATELY": ("tracker.model", (2, 8)),
    "TIMES": ("tracker.model", (3.0, 10.0)),
    "TELLING": ("tracker.model", (0.5, 2.0)),
    "NEAREST": ("tracker.clustering", (6, 24)),
    "ROUNDS": ("tracker.clustering", (1, 2, 8)),
    "TURNS": ("tracker.refine", (1, 2, 4)),
    "BIN_S": ("tracker.clocks", (1.0, 4.0)),
    "HEAP_S": ("tracker.clocks", (4.0, 16.0)),
    "GROUND_S": ("tracker.clocks", (30.0, 120.0)),
    "SURE": ("tracker.clocks", (5.0, 8.0)),
    "price": ("", (-2.0, -1.0, 1.0, 2.0)),
}
"""By constant, where it is and values on both sides of it. Of the argument price, values beside 0."""

OF_THE_LOOKS: dict[str, tuple[float, float]] = {
    field.name: (0.7 * float(field.default), 1.4 * float(field.default))  # type: ignore[arg-type]
    for field in fields(Appearance)
}
"""What looks are believed to vary by before footage adapts it."""

OF_THE_RUN: dict[str, tuple[str, tuple[Any, ...]]] = {
    "AGAIN": ("tracker.memory", (0.05, 0.2)),
    "FEWEST": ("tracker.memory", (10, 40)),
    "MOST_OLDER": ("tracker.memory", (150, 1500)),
}

OF_THE_POLICY: dict[str, tuple[Any, ...]] = {
    "accept": (0.5, 0.7, 0.8),
    "reject": (0.1, 0.3),
    "ripe_crops": (2, 8),
    "ripe_s": (0.5, 2.0),
    "patience_s": (2.0, 8.0),
    "revise_s": (0.5, 2.0),
    "min_quality": (0.2, 0.4),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A small site, and what a run recorded there. numbers: of all its sightings, ascending."""

    site: Site
    numbers: list[int]
    tracklets: list[Tracklet]
    of: Tracklets

    def f1(self, people: Mapping[int, int]) -> float:
        """people: sighting -> person; who is not in it is alone."""
        alone = max(people.values(), default=0) + 1
        labels = [people.get(number, alone + number) for number in self.numbers]
        return self.of.f1(np.array(labels))


@dataclass(frozen=True, slots=True)
class Footage:
    """All that is measured on."""

    places: list[Place]
    market: list[Shown]

    def of_pass(self, **told: Any) -> tuple[float, float]:
        """Identity F1 of the second pass: mean of the small sites, and Market's."""
        scores = [place.f1(_people(pass_of(place, **told))) for place in self.places]
        ids: Ids = np.full(len(self.market), -1, np.int64)
        for row, person in _people(second_pass(as_told(self.market), **told).clusters).items():
            ids[row] = person
        return float(np.mean(scores)), idf1(ids, self.market)

    def of_run(self, policy: Policy) -> tuple[float, float]:
        """The same of the run."""
        scores = [run(place, policy) for place in self.places]
        associator = Associator(gallery=Gallery(dimension=self.market[0].vectors.shape[1]), policy=policy)
        return float(np.mean(scores)), idf1(
            replay(self.market, associator).ids(len(self.market)), self.market
        )


def main() -> None:
    names = [*OF_THE_PASS, *OF_THE_LOOKS, *OF_THE_RUN, *OF_THE_POLICY]
    told = arguments(names)
    market = tracklets_of(read_features(told.data / "reference/reid/retail0277_market_test.npz"))[: told.most]
    footage = Footage(places(told.data, told.sites, told.until), market)
    print("| constant | value | small sites | Market |\n|---|---|---|---|", flush=True)
    print_row("second pass", "", footage.of_pass())
    for name in [name for name in told.only if name in OF_THE_PASS]:
        where, values = OF_THE_PASS[name]
        for value in values:
            with changed(where, name, value):
                print_row(name, value, footage.of_pass(**given(name, value)))
    for name in [name for name in told.only if name in OF_THE_LOOKS]:
        for value in OF_THE_LOOKS[name]:
            looks = replace(Appearance(), **{name: value})
            print_row(name, f"{value:.3g}", footage.of_pass(appearance=looks))
    rest = [name for name in told.only if name in OF_THE_RUN or name in OF_THE_POLICY]
    if rest:
        print_row("run", "", footage.of_run(Policy()))
    for name in rest:
        where, values = OF_THE_RUN.get(name) or ("", OF_THE_POLICY[name])
        for value in values:
            policy = replace(Policy(), **{name: value}) if name in OF_THE_POLICY else Policy()
            with changed(where, name, value):
                print_row(name, value, footage.of_run(policy))


def arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="CONSTANT")
    parser.add_argument("--sites", nargs="+", choices=SCHEDULES, default=SCHEDULES, metavar="NAME")
    parser.add_argument("--until", type=float, default=np.inf, metavar="SECONDS", help="of a site")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="of Market (default: 1000)")
    return parser.parse_args()


def places(data: Path, names: list[str], until: float) -> list[Place]:
    cache = cache_folder() / "benchmarks" / "small_sites"
    found = []
    for looks, name in product(LOOKS, names):
        folder = make(data, cache, looks=looks, seed=0, fps=10.0)
        site = read(folder / name, looks=looks, seed=0, until=until)
        recorded = online(seen(site), site.overlap, site.dimension)
        tracklets = [recorded.tracklet(number) for number in sorted(recorded.vectors)]
        of = marks_of(site, boxes_of(recorded.sightings.values(), recorded.points))
        found.append(Place(site, sorted(recorded.sightings), tracklets, of))
    return found


def pass_of(place: Place, **told: Any) -> list[Cluster]:
    constraints = Constraints(overlap=place.site.overlap)
    return second_pass(place.tracklets, constraints=constraints, **told).clusters


def run(place: Place, policy: Policy) -> float:
    """Identity F1 of a run of the site."""
    associator = Associator(
        gallery=Gallery(dimension=place.site.dimension), policy=policy, overlap=place.site.overlap
    )
    last: dict[int, int | None] = {}
    for views in seen(place.site):
        last |= {s.number: s.identity for s in associator.update(views).sightings}
    last |= {s.number: s.identity for s in associator.finish().sightings}
    return place.f1({number: person for number, person in last.items() if person is not None})


def _people(clusters: list[Cluster]) -> dict[int, int]:
    return {n: person for person, cluster in enumerate(clusters) for n in cluster.tracklets}


@contextmanager
def changed(module: str, name: str, value: Any) -> Iterator[None]:
    """The constant has that value meanwhile, wherever it was imported to. module: none for an argument."""
    if not module:
        yield
        return
    before = getattr(import_module(module), name)
    rooms = [place for key, place in sys.modules.items() if key.startswith("tracker.")]
    holders = [place for place in rooms if getattr(place, name, None) is before]
    for place in holders:
        setattr(place, name, value)
    try:
        yield
    finally:
        for place in holders:
            setattr(place, name, before)


def given(name: str, value: Any) -> dict[str, Any]:
    """What is an argument, or its default, has to be handed over."""
    return {name.lower(): value} if name in ("TURNS", "price") else {}


def print_row(name: str, value: Any, scores: tuple[float, float]) -> None:
    print(f"| {name} | {value} | " + " | ".join(f"{100 * score:.1f}" for score in scores) + " |", flush=True)


if __name__ == "__main__":
    main()
