"""Whole lines beside each other: films to tracks by Sightline, ultralytics and BoxMOT, and what that costs.

    python benchmarks/bench_peers.py [--data FOLDER] [--python PYTHON] [--films NAME ...] [--only PEER ...]
        [--quiet-minutes 10] [--times 1] [--json FILE]

FOLDER holds data/video, data/mot and weights. Each peer is run next to Sightline, so that both meet the same
machine; CPU seconds are user and system time of the whole process, starting up included, and are what is
compared: a machine that does other work as well moves them little, unlike the clock. All have YOLOv8n. HOTA
and IDF1 are against the truth of every frame. The peers live in an environment of their own (see peers.py, or
--python), for which ultralytics' export to OpenVINO is made once.

quiet: minutes at 25 frames/s in nine tenths of which nobody is seen, made of PETS09-S2L1
(speed_parts/quiet.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from peers import environment
from rich.console import Console
from rich.table import Table
from speed_parts.cost import Cost, cost_of, films
from speed_parts.quiet import quiet_film

from app.history.opened import opened
from app.scoring.score import Score, found_in, score
from app.scoring.tables import read_mot
from app.weights.assets import cache_folder

SCRIPT = Path(__file__).parent / "peers_side" / "whole.py"
NEEDED = ("boxmot==25.0.0", "ultralytics==8.4.190", "openvino==2026.4.1")
OURS = {
    "sightline": (),
    "sightline, every frame": ("--detector-rate", "every-frame"),
}
PEERS = {
    "decode alone (OpenCV)": ("decode", "-"),
    "ultralytics ByteTrack, torch": ("bytetrack", "torch"),
    "ultralytics ByteTrack, OpenVINO": ("bytetrack", "openvino"),
    "ultralytics BoT-SORT + ReID, torch": ("botsort-reid", "torch"),
    "BoxMOT BoT-SORT + retail-0277, OpenVINO": ("boxmot-botsort", "openvino"),
    "BoxMOT StrongSORT + retail-0277, OpenVINO": ("boxmot-strongsort", "openvino"),
    "BoxMOT OccluBoost + retail-0277, OpenVINO": ("boxmot-occluboost", "openvino"),
}
"""Name -> what whole.py calls it, what runs the detector. ultralytics' ReID: features of the detector."""


@dataclass(frozen=True, slots=True)
class Measured:
    """cpu_s, wall_s: of each run. hota, idf1: None where there is no truth."""

    cpu_s: list[float]
    wall_s: list[float]
    hota: float | None
    idf1: float | None


def main() -> None:
    told = arguments()
    python = environment(NEEDED) if told.python is None else told.python
    export = cache_folder() / "benchmarks" / "yolov8n_openvino_model"
    if not export.exists():
        cost_of([python, SCRIPT, "export", export, told.data / "weights/yolov8n.pt", "-", "-"])
    there: dict[str, tuple[Path, Path | None]] = dict(films(told.data))
    if "quiet" in told.films:
        film = cache_folder() / "benchmarks" / f"quiet-{told.quiet_minutes:g}.mp4"
        source = told.data / "data/video/vtest.avi"
        there["quiet"] = quiet_film(source, 10.0, film, minutes=told.quiet_minutes), None
    found: dict[str, dict[str, Measured]] = {}
    # Once without counting: Python compiles, networks are converted.
    of_film(there["TUD-Campus"][0], None, told.only, 1, python, export, told.data)
    for name in told.films:
        film, truth = there[name]
        found[name] = of_film(film, truth, told.only, told.times, python, export, told.data)
        print_table(name, found[name])
    if told.json is not None:
        told.json.write_text(
            json.dumps(
                {film: {k: asdict(m) for k, m in rows.items()} for film, rows in found.items()}, indent=1
            )
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--python", type=Path, help="of an environment with the peers")
    names = ["PETS09-S2L1", "TUD-Campus", "TUD-Stadtmitte", "quiet"]
    parser.add_argument("--films", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--only", nargs="*", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--quiet-minutes", type=float, default=10.0, help="how long the quiet film is")
    parser.add_argument("--times", type=int, default=1, help="how often each is run")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def of_film(
    film: Path,
    truth: Path | None,
    peers: Sequence[str],
    times: int,
    python: Path,
    export: Path,
    data: Path,
) -> dict[str, Measured]:
    """In turn: ours, a peer, ours, the next peer."""
    rows: dict[str, list[tuple[Cost, Score | None]]] = {name: [] for name in (*OURS, *peers)}
    for _ in range(times):
        rows["sightline, every frame"].append(ours(film, truth, OURS["sightline, every frame"]))
        for peer in peers:
            rows["sightline"].append(ours(film, truth, ()))
            kind, by = PEERS[peer]
            detector = data / "weights/yolov8n.pt" if by == "torch" else export
            reid = data / "weights/person-reidentification-retail-0277.xml"
            rows[peer].append(theirs([python, SCRIPT, kind, detector, reid, film], truth, kind))
    return {name: _measured(runs) for name, runs in rows.items() if runs}


def _measured(runs: Sequence[tuple[Cost, Score | None]]) -> Measured:
    last = runs[-1][1]
    costs = [cost for cost, _ in runs]
    return Measured(
        [cost.cpu_s for cost in costs],
        [cost.wall_s for cost in costs],
        None if last is None else last.hota,
        None if last is None else last.idf1,
    )


def ours(film: Path, truth: Path | None, more: Sequence[str]) -> tuple[Cost, Score | None]:
    """As a user runs it, history and all. Each track counts as an id of its own, as peers' do."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "history.db"
        cost = cost_of([sys.executable, "-m", "app.cli", "run", film, "--db", database, *more])
        if truth is None:
            return cost, None
        with opened(database) as history:
            found = found_in(history, {sighting.id: sighting.id for sighting in history.sightings()})
    return cost, score({"film": read_mot(truth)}, {"film": next(iter(found.values()))}).overall


def theirs(command: Sequence[Any], truth: Path | None, kind: str) -> tuple[Cost, Score | None]:
    environ = {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "false", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.txt"
        cost = cost_of([*command, out], environ=environ)
        if truth is None or kind == "decode":
            return cost, None
        return cost, score({"film": read_mot(truth)}, {"film": read_mot(out)}).overall


def print_table(film: str, rows: dict[str, Measured]) -> None:
    ours_s = median(rows["sightline"].cpu_s)
    table = Table(title=f"{film}: medians; ratio of CPU seconds to sightline's", title_justify="left")
    for name in ("line", "CPU s", "wall s", "ratio", "HOTA", "IDF1"):
        table.add_column(name, justify="left" if name == "line" else "right")
    for name, one in rows.items():
        scores = ["" if value is None else f"{100 * value:.1f}" for value in (one.hota, one.idf1)]
        cpu_s = median(one.cpu_s)
        table.add_row(name, f"{cpu_s:.1f}", f"{median(one.wall_s):.1f}", f"{cpu_s / ours_s:.2f}", *scores)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
