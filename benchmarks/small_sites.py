"""Small sites nobody has trained on: how pure tracklets are, and who is who.

    OMP_NUM_THREADS=1 python benchmarks/small_sites.py [--data FOLDER] [--cache FOLDER] [--sites NAME ...]
        [--looks cuhk01 cuhk03] [--seeds 0 ...] [--fps 10] [--until SECONDS] [--noise LENGTH] [--light LENGTH]
        [--tracks-alone] [--peers] [--jobs 1] [--json FILE]

FOLDER of data holds tools/make_replay_sites.py, whose docstring says what is real and what is made up,
data/sites (real schedules of several cameras) and reference/reid/looks_*.npz (embeddings of real pictures).
The sites are made into the cache's folder once. Each is run as the line runs files: the camera tracker, which
is given embeddings only where it asks for them, and the association. Overlapping views are declared.

purity: of the boxes that show anybody, the part that shows the main person of their tracklet. found: part of
the true boxes. faultless: identity F1 if every tracklet were its main person. linkage: identity F1 of plain
average linkage of camera-centred tracklet means, from a cosine of 0.30 on, nobody twice in one view. online,
second: of the run, and of `sightline refine` after it. Identity F1 is on matched boxes (IoU 0.5); IDF1 is
TrackEval's over all cameras, misses and false alarms counted. Peers are BoxMOT's, given all embeddings.
--noise: as of a network that tells people less well, to each picture's vector a random one of that length is
added; --light: as where each camera has its own light and colours, to all vectors of a camera the same random
one of that length is added (both not for peers).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from site_parts.marks import Tracklets, tracklets
from site_parts.people import online, plain_linkage, second_pass
from site_parts.sites import LOOKS, SCHEDULES, Site, lit, make, noisy, read
from site_parts.tracking import boxes_of, of_peer, seen, tracked

from app.weights.assets import cache_folder

PEERS = {"StrongSORT": "strongsort", "OccluBoost": "occluboost"}
OURS = "sightline"
Marks = dict[str, float]


@dataclass(frozen=True, slots=True)
class Place:
    """One site to be run."""

    folder: Path
    looks: str
    seed: int
    until: float = np.inf
    noise: float = 0.0
    light: float = 0.0

    def read(self) -> Site:
        site = read(self.folder, looks=self.looks, seed=self.seed, until=self.until)
        site = lit(site, self.light, self.seed) if self.light else site
        return noisy(site, self.noise, self.seed) if self.noise else site

    def __str__(self) -> str:
        return f"{self.folder.name} {self.looks} {self.seed}"


def main() -> None:
    told = arguments()
    folders = {
        (looks, seed): make(told.data, told.cache, looks=looks, seed=seed, fps=told.fps)
        for looks, seed in product(told.looks, told.seeds)
    }
    places = [
        Place(folders[looks, seed] / name, looks, seed, told.until, told.noise, told.light)
        for looks, seed, name in product(told.looks, told.seeds, told.sites)
    ]
    methods: dict[str, Callable[[Place], Marks]] = {OURS: ours_alone if told.tracks_alone else ours}
    if told.peers:
        from peers import environment

        python = environment() if told.python is None else told.python
        methods |= {name: partial(theirs, python=python, name=of) for name, of in PEERS.items()}
    names = [str(place) for place in places]
    found = {
        tracker: dict(zip(names, run(method, places, told.jobs), strict=True))
        for tracker, method in methods.items()
    }
    for tracker, marks in found.items():
        print_table(tracker, marks)
    if told.json is not None:
        told.json.write_text(json.dumps(found, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask_for_places(parser)
    parser.add_argument("--fps", type=float, default=10.0)
    parser.add_argument("--until", type=float, default=np.inf, metavar="SECONDS", help="no longer than that")
    parser.add_argument("--noise", type=float, default=0.0, metavar="LENGTH", help="of each picture's vector")
    parser.add_argument("--light", type=float, default=0.0, metavar="LENGTH", help="of each camera's vectors")
    parser.add_argument("--tracks-alone", action="store_true", help="without association")
    parser.add_argument("--peers", action="store_true", help="beside ours, " + " and ".join(PEERS))
    parser.add_argument("--python", type=Path, help="of an environment with BoxMOT, in place of our own")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def ask_for_places(parser: argparse.ArgumentParser) -> None:
    """Which sites, from where, and how many at a time."""
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "benchmarks" / "small_sites")
    parser.add_argument("--sites", nargs="+", choices=SCHEDULES, default=SCHEDULES, metavar="NAME")
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=LOOKS, metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--jobs", type=int, default=1)


def run(one: Callable[[Place], Marks], places: Sequence[Place], jobs: int) -> list[Marks]:
    """One place after the other, or several at a time."""
    if jobs == 1:
        return [one(place) for place in places]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(one, places))


def ours(place: Place) -> Marks:
    """Of the line, at once and after the second pass."""
    site = place.read()
    recorded = online(seen(site), site.overlap, site.dimension)
    of = tracklets(site, boxes_of(recorded.sightings.values(), recorded.points))
    marks = of_tracklets(of)
    at_once = {number: sighting.identity for number, sighting in recorded.sightings.items()}
    for name, people in (("online", at_once), ("second", second_pass(recorded, site.overlap))):
        ids = [people[number] for number in sorted(people)]
        labels = np.array([-1 if person is None else person for person in ids])
        marks |= {name: of.f1(labels), f"{name} IDF1": of.idf1(labels)}
    return marks


def ours_alone(place: Place) -> Marks:
    """Of the camera tracker: nobody is associated but by plain linkage."""
    site = place.read()
    return of_tracklets(tracklets(site, tracked(seen(site))))


def theirs(place: Place, *, python: Path, name: str) -> Marks:
    """Of a peer's tracklets, joined by plain linkage."""
    site = place.read()
    return of_tracklets(tracklets(site, of_peer(python, name, place.folder, site)))


def of_tracklets(of: Tracklets) -> Marks:
    """What tracklets are good for, whoever associates them."""
    plain = plain_linkage(of.means, of.camera, of.start, of.end)
    return {
        "tracklets": len(of),
        "purity": of.purity,
        "found": of.found,
        "faultless": of.f1(of.faultless),
        "linkage": of.f1(plain),
        "linkage IDF1": of.idf1(plain),
    }


def print_table(tracker: str, found: dict[str, Marks]) -> None:
    """A row a site, and the mean."""
    names = list(next(iter(found.values())))
    table = Table(title=tracker, title_justify="left")
    for name in ("site", *names):
        table.add_column(name, justify="left" if name == "site" else "right")
    for site, marks in found.items():
        table.add_row(site, *(_cell(name, marks[name]) for name in names))
    table.add_section()
    means = {name: float(np.mean([marks[name] for marks in found.values()])) for name in names}
    table.add_row(f"mean of {len(found)}", *(_cell(name, means[name]) for name in names))
    Console(width=150).print(table)


def _cell(name: str, value: float) -> str:
    return f"{value:.0f}" if name == "tracklets" else f"{100 * value:.1f}"


if __name__ == "__main__":
    main()
