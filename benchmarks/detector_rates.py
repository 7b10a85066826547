"""What it costs and brings to have the detector see fewer frames.

    python benchmarks/detector_rates.py [--data FOLDER] [--rates every-frame 10 5 2.5] [--demo]

FOLDER holds data/video and data/mot. Whole runs of `sightline run`, one after the other, CPU seconds of all
their threads with starting up. The tracks, as recorded, with what is filled in between frames that were seen,
are scored against the truth of every frame; each track is an id of its own, so that association counts for
nothing. --demo: also `sightline demo`, which has it count.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from speed_parts.cost import cost_of, films

from app.history.opened import opened
from app.scoring.score import found_in, score
from app.scoring.tables import read_mot

SIGHTLINE = (sys.executable, "-m", "app.cli")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--rates", nargs="+", default=["every-frame", "10", "5", "3.3", "2.5"], metavar="N")
    parser.add_argument("--demo", action="store_true")
    told = parser.parse_args()
    table = Table(title="By how many frames a second the detector sees at most", title_justify="left")
    for name in ("film", "rate", "seen", "CPU s", "wall s", "HOTA", "IDF1", "MOTA", "switches"):
        table.add_column(name, justify="left" if name == "film" else "right")
    for name, (film, truth) in films(told.data).items():
        for rate in told.rates:
            table.add_row(name, rate, *of_film(film, truth, rate))
    for rate in told.rates if told.demo else ():
        table.add_row("demo, global ids", rate, *of_demo(rate))
    Console(width=120).print(table)


def of_film(film: Path, truth: Path, rate: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "history.db"
        cost = cost_of([*SIGHTLINE, "run", film, "--db", database, "--detector-rate", rate])
        with opened(database) as history:
            each = {sighting.id: sighting.id for sighting in history.sightings()}
            found = found_in(history, each)
    one = score({"camera": read_mot(truth)}, {"camera": next(iter(found.values()))}).overall
    scores = [f"{100 * value:.1f}" for value in (one.hota, one.idf1, one.mota)]
    return [seen(cost.out), f"{cost.cpu_s:.1f}", f"{cost.wall_s:.1f}", *scores, str(one.switches)]


def of_demo(rate: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        cost = cost_of([*SIGHTLINE, "demo", "--out", Path(folder) / "out", "--detector-rate", rate])
    row = next(line for line in cost.out.splitlines() if "all cameras" in line)
    idf1, _, _, hota, mota, switches = [cell.strip() for cell in row.split("│")[2:8]]
    return [seen(cost.out), f"{cost.cpu_s:.1f}", f"{cost.wall_s:.1f}", hota, idf1, mota, switches]


def seen(out: str) -> str:
    """The share of the frames, as the run tells it."""
    line = next(line for line in out.splitlines() if line.startswith("the detector saw"))
    return line.partition("(")[2].partition(")")[0]


if __name__ == "__main__":
    main()
