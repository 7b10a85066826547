"""How identity grows with what was seen: small sites, up to the moment of so many hand-overs.

    OMP_NUM_THREADS=1 python benchmarks/hand_overs.py [--data FOLDER] [--cache FOLDER] [--sites NAME ...]
        [--looks cuhk01 cuhk03] [--seeds 0 ...] [--jobs 1] [--plot FILE.png]

The sites are those of small_sites.py, made and run the same way. A hand-over is a person's next visit, on
another camera, to one of theirs, by the truth of the tracklets. For each number of them, the second pass
has the tracklets that began until then; identity F1 is on their matched boxes. transitions off: the same
tracklets, each on a clock of its own, so that neither delays nor where people stood say anything; who was
at once in one view is two all the same. alone: every tracklet somebody of their own. The mean is over the
sites that have so many.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from site_parts.marks import Tracklets, tracklets
from site_parts.people import Recorded, online
from site_parts.sites import make
from site_parts.tracking import boxes_of, seen
from small_sites import Place, ask_for_places, run

from tracker.constraints import Constraints
from tracker.refine import second_pass
from tracker.tracklets import Tracklet

NUMBERS = (3, 6, 12, 25, 50, 100, 200)
ROWS = ("transitions on", "transitions off", "alone")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask_for_places(parser)
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    told = parser.parse_args()
    places = [
        Place(make(told.data, told.cache, looks=looks, seed=seed, fps=10.0) / name, looks, seed)
        for looks in told.looks
        for seed in told.seeds
        for name in told.sites
    ]
    found = run(partial(curves, numbers=NUMBERS), places, told.jobs)
    print("| hand-overs | sites | tracklets | " + " | ".join(ROWS) + " |\n|---|---|---|---|---|---|")
    for number in NUMBERS:
        some = [marks for marks in found if f"{ROWS[0]} {number}" in marks]
        if some:
            means = [100 * np.mean([marks[f"{row} {number}"] for marks in some]) for row in ROWS]
            count = np.mean([marks[f"tracklets {number}"] for marks in some])
            print(f"| {number} | {len(some)} | {count:.0f} | " + " | ".join(f"{m:.1f}" for m in means) + " |")
    if told.plot is not None:
        plot(found, told.plot)


def curves(place: Place, *, numbers: tuple[int, ...]) -> dict[str, float]:
    """Identity F1 at each number of hand-overs that the site has."""
    site = place.read()
    recorded = online(seen(site), site.overlap, site.dimension)
    of = tracklets(site, boxes_of(recorded.sightings.values(), recorded.points))
    moments = hand_overs(of)
    marks = {}
    for number in numbers:
        if number <= len(moments):
            begun = of.start <= moments[number - 1]
            marks[f"tracklets {number}"] = float(begun.sum())
            there = replace(of, shown=of.shown * begun[:, None])
            for row, labels in zip(ROWS, labelled(recorded, begun, site.overlap), strict=True):
                marks[f"{row} {number}"] = there.f1(labels)
    return marks


def hand_overs(of: Tracklets) -> np.ndarray:
    """When somebody came to another camera, ascending."""
    moments = []
    for person in np.unique(of.faultless[of.shown.any(axis=1)]):
        rows = np.flatnonzero(of.faultless == person)
        rows = rows[np.argsort(of.start[rows], kind="stable")]
        moments += of.start[rows[1:]][of.camera[rows[1:]] != of.camera[rows[:-1]]].tolist()
    return np.sort(moments)


def labelled(recorded: Recorded, begun: np.ndarray, overlap: frozenset[frozenset[str]]) -> list[np.ndarray]:
    """(T,) ids by each of ROWS, -1 of those who had not begun."""
    numbers = sorted(recorded.sightings)
    rows = {number: row for row, number in enumerate(numbers)}
    some = [
        replace(recorded.tracklet(number), identity=None)
        for number, there in zip(numbers, begun, strict=True)
        if there and number in recorded.vectors
    ]
    told = Constraints(overlap=overlap)
    apart = [replace(tracklet, recording=k) for k, tracklet in enumerate(some)]
    alone = np.where(begun, len(numbers) + np.arange(len(numbers)), -1)
    return [
        joined(some, rows, alone, told=told),
        joined(apart, rows, alone, strangers=told.cannot_link(some)),
        alone,
    ]


def joined(
    some: list[Tracklet],
    rows: dict[int, int],
    alone: np.ndarray,
    *,
    told: Constraints | None = None,
    strangers: np.ndarray | None = None,
) -> np.ndarray:
    labels = alone.copy()
    for person, cluster in enumerate(second_pass(some, constraints=told, strangers=strangers).clusters):
        labels[[rows[number] for number in cluster.tracklets]] = person
    return labels


def plot(found: list[dict[str, float]], file: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for row in ROWS:
        at = [number for number in NUMBERS if any(f"{row} {number}" in marks for marks in found)]
        means = [np.mean([m[f"{row} {n}"] for m in found if f"{row} {n}" in m]) for n in at]
        axes.plot(at, 100 * np.array(means), marker="o", label=row)
    axes.set(xscale="log", xlabel="hand-overs", ylabel="identity F1, %")
    axes.legend()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
