"""What each constant of the camera tracker does: one changed at a time, on PETS09-S2L1 and the TUD sequences.

    python benchmarks/one_camera_sensitivity.py [--data FOLDER] [--only CONSTANT ...]

FOLDER as in one_camera.py. Each row has the HOTA / IDF1 of every sequence, and their mean over all sequences
as they are, at every second and third frame, and with detections from a confidence of 0.25 on: a constant
that fits 71 frames and nothing else shows there. A tracker whose constants are right stands on a plateau.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from one_camera import FPS, outcome
from rich.console import Console
from rich.table import Table

from app.score import Score
from tracker.camera_tracker import Rules

TRIED: dict[str, tuple[float, ...]] = {
    "sure": (0.0, 0.58, 0.60, 0.62, 0.64, 0.66, 0.68, 0.70),
    "new": (0.50, 0.55, 0.60, 0.65, 0.70),
    "strong": (0.40, 0.45, 0.50, 0.55, 0.60),
    "confirm_s": (0.0, 0.15, 0.25, 0.35, 0.50),
    "max_gap_s": (1.0, 1.5, 2.0, 2.5, 3.0, 4.0),
    "max_iou_distance": (0.75, 0.80, 0.85, 0.90),
    "max_weak_iou_distance": (0.40, 0.50, 0.60),
    "max_new_iou_distance": (0.60, 0.70, 0.80),
    "same": (0.25, 0.30, 0.35),
    "near": (6.0, 9.2, 13.8),
    "refresh_s": (0.25, 0.50, 1.0),
    "clear": (0.40, 0.50, 0.60),
    "momentum": (0.7, 0.8, 0.9),
}
VARIED = ((1, 0.0), (2, 0.0), (3, 0.0), (1, 0.25))
"""Every n-th frame, and the least score of a detection; the first is the sequence as it is."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--only", nargs="*", default=list(TRIED), choices=TRIED, metavar="CONSTANT")
    told = parser.parse_args()
    table = Table(title="HOTA / IDF1 by each constant; * marks the default", title_justify="left")
    for name in ("constant", "value", *FPS, "mean of all varied"):
        table.add_column(name, justify="left" if name == "constant" else "right")
    for constant in told.only:
        for value in TRIED[constant]:
            rules = replace(Rules(), **{constant: value})
            mark = "*" if rules == Rules() else ""
            table.add_row(constant, f"{value:g}{mark}", *figures(told.data, rules))
        table.add_section()
    Console(width=110).print(table)


def figures(data: Path, rules: Rules) -> list[str]:
    """A cell a sequence as it is, and the mean of all sequences, varied."""
    found = [
        [outcome(data, name, fps, rules=rules, step=step, least=least).score for name, fps in FPS.items()]
        for step, least in VARIED
    ]
    return [*(cell([score]) for score in found[0]), cell([score for row in found for score in row])]


def cell(scores: list[Score]) -> str:
    hota = sum(score.hota for score in scores) / len(scores)
    idf1 = sum(score.idf1 for score in scores) / len(scores)
    return f"{100 * hota:.1f} / {100 * idf1:.1f}"


if __name__ == "__main__":
    main()
