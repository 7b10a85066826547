"""The demo's history before and after `sightline refine`, against the truth.

    python benchmarks/second_pass.py [--demo FOLDER]

FOLDER is what `sightline demo --out FOLDER` left; without one the demo is run first, into a folder that is
thrown away. The second pass works on a copy.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from app.cli import main as sightline
from app.demo.cameras import demo_truth, make_cameras
from app.demo.run import clocks_of, people_in
from app.scoring.score import Scores, found_in, score
from app.scoring.table import print_errors, print_scores
from app.weights.assets import find, resolve
from storage.database import open_database
from storage.history import History


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, metavar="FOLDER")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        demo = told.demo or Path(name) / "demo"
        if told.demo is None:
            sightline(["demo", "--out", str(demo)])
        copy = Path(name) / "history.db"
        shutil.copy(demo / "history.db", copy)
        before = scored(copy, demo)
        sightline(["refine", "--db", str(copy), "--apply"])
        after = scored(copy, demo)
    for title, scores in (("As it happened", before), ("After the second pass", after)):
        print_scores(scores, title=title)
        print_errors(scores)


def scored(database: Path, demo: Path) -> Scores:
    cameras = make_cameras(resolve("pedestrians"), demo / "cameras")
    folder = find("pedestrians-truth")
    if folder is None:
        raise SystemExit("The demo's truth is not at hand: SIGHTLINE_ASSETS names the folder that has it.")
    engine = open_database(database, create=False)
    try:
        found = found_in(History(engine))
    finally:
        engine.dispose()
    return score(people_in(demo_truth(folder / "gt" / "gt.txt", cameras)), found, clocks=clocks_of(cameras))


if __name__ == "__main__":
    main()
