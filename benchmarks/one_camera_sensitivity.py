"""What each constant of the camera tracker does: one changed at a time, on PETS09-S2L1 and the TUD sequences.

    python benchmarks/one_camera_sensitivity.py [--data FOLDER] [--only CONSTANT ...]

FOLDER as in one_camera.py. Each row has the HOTA / IDF1 of every sequence, and the mean over them. The TUD
sequences are taken as they are and at every second frame; PETS09-S2L1, which is long, at every second only. A
constant that fits 71 frames and nothing else shows there. One that is right stands on a plateau.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

from one_camera import FPS, outcome

from app.scoring.score import Score
from tracker.camera_tracker import Rules

TRIED: dict[str, tuple[float, ...]] = {
    "sure": (0.0, 0.62, 0.66),
    "new": (0.55, 0.65),
    "strong": (0.45, 0.55),
    "confirm_s": (0.15, 0.35),
    "max_gap_s": (2.0, 3.0),
    "max_weak_iou_distance": (0.40, 0.60),
    "max_new_iou_distance": (0.60, 0.80),
    "refresh_s": (0.25, 1.0),
    "doubtful": (1.0, 3.0),
    "cut": (-1.0, 1.0),
    "moment_s": (0.0, 0.1, 0.2, 0.25),
}
"""Values on both sides of each default."""

VARIED = (
    ("PETS09-S2L1", 2),
    ("TUD-Campus", 1),
    ("TUD-Campus", 2),
    ("TUD-Stadtmitte", 1),
    ("TUD-Stadtmitte", 2),
)
"""Sequences, and which of their frames: every n-th."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--only", nargs="*", default=list(TRIED), choices=TRIED, metavar="CONSTANT")
    told = parser.parse_args()
    print("HOTA / IDF1 by each constant; /n: every n-th frame")
    names = [f"{name} /{step}" for name, step in VARIED]
    print_row(["constant", "default", "value", *names, "mean"])
    print_row(["as they are", "", "", *figures(told.data, Rules())])
    for constant in told.only:
        default = f"{asdict(Rules())[constant]:g}"
        for value in TRIED[constant]:
            rules = replace(Rules(), **{constant: value})
            print_row([constant, default, f"{value:g}", *figures(told.data, rules)])


def figures(data: Path, rules: Rules) -> list[str]:
    """A cell for each that is varied, and their mean."""
    found = [outcome(data, name, FPS[name], rules=rules, step=step).score for name, step in VARIED]
    return [*(cell([score]) for score in found), cell(found)]


def cell(scores: list[Score]) -> str:
    hota = sum(score.hota for score in scores) / len(scores)
    idf1 = sum(score.idf1 for score in scores) / len(scores)
    return f"{100 * hota:.1f} / {100 * idf1:.1f}"


def print_row(cells: list[str]) -> None:
    """A line as soon as it is known: all together take minutes."""
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
