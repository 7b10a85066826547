"""The same few people all day, in front of six cameras of one clock: an office, a shop's staff, a family.

    python benchmarks/few_people.py [--data FOLDER] [--weights NAME_OR_PATH] [--people N ...] [--presences N]
        [--seeds N ...]

Visits are made up, their pictures are real: N people of Market-1501's test half come again and again, see
one to four cameras in a row, 25 s apart (4 s of spread), and at each are shown by two pictures of theirs,
taken by that camera where there are any. IDF1 counts presences. For each N: average linkage at the threshold
that is best by the truth, the associator online and the second pass with their defaults; means over seeds, as
one merge of two people decides a single day. --weights: as in market_replay.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from market_parts.embedding import embedded
from market_parts.labels import corrected
from market_parts.methods import baseline, clustered, refined, replayed
from market_parts.tracklets import Tracklet, idf1, read_features, tracklets_of

from app.weights.assets import cache_folder

CAMERAS, HOURS, SHOWN_S = 6, 8.0, 5.0
WAY_S, SPREAD_S, BETWEEN_S = 25.0, 4.0, 30.0
"""The way from camera to camera; and how long somebody is away at least before coming back."""

SEEDS = (3, 4, 5, 6, 7, 8)
THRESHOLDS = tuple(float(value) for value in np.arange(0.3, 0.8, 0.02))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--weights", help="embed the pictures with this network instead")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "market")
    parser.add_argument("--people", type=int, nargs="*", default=[1, 2, 5, 10, 20, 50, 200])
    parser.add_argument("--presences", type=int, default=800)
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS, help="of who comes, and when")
    told = parser.parse_args()
    given = read_features(told.data / "reference/reid/retail0277_market_test.npz")
    if told.weights is not None:
        pictures = told.data / "data/Market-1501-v15.09.15.zip"
        given = embedded(given.names, data=pictures, weights=told.weights, cache=told.cache)
    known = corrected(tracklets_of(given))
    print("| people | average linkage, best | ids | online | ids | second pass | ids |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for people in told.people:
        days = [figures(day(known, people, told.presences, seed)) for seed in told.seeds]
        cells = [f"{score:.1f} | {ids:.4g}" for score, ids in np.mean(days, axis=0)]
        print(f"| {people} | {' | '.join(cells)} |", flush=True)


def figures(rows: list[Tracklet]) -> list[tuple[float, int]]:
    """IDF1 in per cent, and how many ids, of each method."""
    found = (
        baseline("average linkage", clustered, rows, THRESHOLDS),
        replayed("online", rows),
        refined("second pass", rows),
    )
    return [(100 * idf1(row.ids, rows), len(np.unique(row.ids[row.ids >= 0]))) for row in found]


def day(known: list[Tracklet], people: int, presences: int, seed: int = SEEDS[0]) -> list[Tracklet]:
    """By time. Who has many pictures of several views is asked to come."""
    rng = np.random.default_rng(seed)
    views: dict[int, list[Tracklet]] = {}
    for tracklet in known:
        views.setdefault(tracklet.person, []).append(tracklet)
    often = [p for p, own in views.items() if len(own) >= 4 and sum(len(t.times) for t in own) >= 12]
    coming = rng.choice(often, people, replace=False).tolist()
    length = HOURS * 3600
    busy: dict[int, list[tuple[float, float]]] = {person: [] for person in coming}
    rows: list[Tracklet] = []
    while len(rows) < presences:
        person = int(rng.choice(coming))
        begin, camera = float(rng.uniform(0, length)), int(rng.integers(CAMERAS))
        visit, moment = [], begin
        for _ in range(int(rng.integers(1, 5))):
            visit.append(_presence(views[person], person, camera, moment, rng))
            moment += SHOWN_S + float(rng.normal(WAY_S, SPREAD_S))
            camera = (camera + int(rng.choice([-1, 1]))) % CAMERAS
        if any(begin < end + BETWEEN_S and moment + BETWEEN_S > start for start, end in busy[person]):
            length *= 1.01  # a day too full becomes longer
            continue
        busy[person].append((begin, moment))
        rows += visit
    return sorted(rows, key=lambda row: float(row.times[0]))


def _presence(
    own: list[Tracklet], person: int, camera: int, moment: float, rng: np.random.Generator
) -> Tracklet:
    """Four moments, and two of the person's pictures, each twice."""
    name = f"c{camera + 1}"
    view = [tracklet for tracklet in own if tracklet.camera == name] or own
    vectors = view[int(rng.integers(len(view)))].vectors
    shown = np.repeat(vectors[rng.integers(len(vectors), size=2)], 2, axis=0)
    return Tracklet(name, moment + np.linspace(0, SHOWN_S, 4), shown, np.full(4, person))


if __name__ == "__main__":
    main()
