"""Who is who in the demo, by method: the baselines, what `sightline demo` recorded, and `sightline refine`.

    python benchmarks/demo_identities.py [--demo FOLDER]

FOLDER is what `sightline demo --out FOLDER` left; without one the demo is run first, into a folder that is
thrown away. All rows are of its sightings and the pictures kept of them. The baselines join sightings by
their mean pictures, at the threshold that is best by the truth: greedy in time order, as demos of trackers
do, and average linkage of the means less their cameras'; neither lets anybody be twice on one camera at a
time. The second pass works on a copy.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from site_parts.people import plain_linkage

from app.cli import main as sightline
from app.demo.cameras import demo_truth, make_cameras
from app.demo.run import clocks_of, people_in
from app.history.tracklets import tracklets_of
from app.scoring.identity_errors import FrameClock
from app.scoring.score import Boxes, Score, found_in, score
from app.weights.assets import find, resolve
from storage.database import open_database
from storage.history import History
from storage.presences import presences
from tracker.tracklets import Tracklet, columns_of

THRESHOLDS = tuple(float(value) for value in np.arange(0.2, 1.0, 0.02))
"""Cosine distances the baselines choose their best of, by the truth."""

Ids = dict[int, int]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, metavar="FOLDER")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        demo = told.demo or Path(folder) / "demo"
        if told.demo is None:
            sightline(["demo", "--out", str(demo)])
        copy = Path(folder) / "history.db"
        shutil.copy(demo / "history.db", copy)
        engine = open_database(copy, create=False)
        try:
            history, truth = History(engine), Truth(demo)
            tracklets = tracklets_of(presences(engine, since=None, until=None), own_clocks=False)
            rows = {"tracks alone": truth.score(history, {t.number: t.number for t in tracklets})}
            for name, method in (("greedy nearest average", greedy), ("average linkage", clustered)):
                threshold, best = truth.best(history, tracklets, method)
                rows[f"{name}, best threshold ({threshold:.2f})"] = best
            rows["sightline online"] = truth.score(history)
        finally:
            engine.dispose()
        sightline(["refine", "--db", str(copy), "--apply"])
        engine = open_database(copy, create=False)
        try:
            rows["sightline second pass"] = truth.score(History(engine))
        finally:
            engine.dispose()
    print_table(rows)


class Truth:
    """Who was where in the demo."""

    def __init__(self, demo: Path) -> None:
        cameras = make_cameras(resolve("pedestrians"), demo / "cameras")
        folder = find("pedestrians-truth")
        if folder is None:
            raise SystemExit(
                "The demo's truth is not at hand: SIGHTLINE_ASSETS names the folder that has it."
            )
        self.people: dict[str, Boxes] = people_in(demo_truth(folder / "gt" / "gt.txt", cameras))
        self.clocks: dict[str, FrameClock] = clocks_of(cameras)

    def score(self, history: History, ids: Mapping[int, int] | None = None) -> Score:
        """Over all cameras. ids: of each sighting, else as the history has them."""
        return score(self.people, found_in(history, ids), clocks=self.clocks).overall

    def best(
        self, history: History, tracklets: list[Tracklet], method: Callable[[list[Tracklet], float], Ids]
    ) -> tuple[float, Score]:
        """The threshold of the largest IDF1, and its score."""
        tries = [(t, self.score(history, method(tracklets, t))) for t in THRESHOLDS]
        return max(tries, key=lambda one: one[1].idf1)


def greedy(tracklets: list[Tracklet], threshold: float) -> Ids:
    """By beginning, each joins the id of nearest mean that is not on its camera meanwhile, or founds one."""
    ids: Ids = {}
    sums: list[np.ndarray] = []
    held: list[list[Tracklet]] = []
    for tracklet in sorted(tracklets, key=lambda t: (t.start, t.number)):
        whole = tracklet.vectors.sum(axis=0)
        apart = [
            np.inf if any(clash(tracklet, other) for other in others) else distance(whole, known)
            for known, others in zip(sums, held, strict=True)
        ]
        near = int(np.argmin(apart)) if min(apart, default=np.inf) <= threshold else len(sums)
        if near == len(sums):
            sums.append(np.zeros_like(whole))
            held.append([])
        ids[tracklet.number] = near
        sums[near] = sums[near] + whole
        held[near].append(tracklet)
    return ids


def clash(one: Tracklet, other: Tracklet) -> bool:
    return one.camera == other.camera and one.start < other.end and other.start < one.end


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return 1.0 - float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def clustered(tracklets: list[Tracklet], threshold: float) -> Ids:
    """As benchmarks/small_sites.py joins a site's; knows the future."""
    of = columns_of(tracklets)
    labels = plain_linkage(of.looks, of.camera, of.start, of.end, cosine=1.0 - threshold)
    return {t.number: int(label) for t, label in zip(tracklets, labels, strict=True)}


def print_table(rows: Mapping[str, Score]) -> None:
    table = Table(title="The demo: three cameras, all together", title_justify="left")
    columns = ("IDF1", "HOTA", "purity", "ids", "false merges", "missed merges", "hand-overs kept")
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for name, s in rows.items():
        errors = s.identities
        rates = [f"{100 * rate:.1f}" for rate in (s.idf1, s.hota, errors.purity or 0.0)]
        kept = f"{100 * (errors.handover_recall or 0.0):.1f} %"
        table.add_row(name, *rates, str(s.ids), str(errors.false_merges), str(errors.missed_merges), kept)
    people = next(iter(rows.values())).people
    table.caption = f"{people} people; merges: how many in all"
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
