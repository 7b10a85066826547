"""Has something become slower or worse? Ratios of now beside those that were recorded.

    python benchmarks/regression.py [--data FOLDER] [--times 3] [--record]

Costs are ratios to the detector's for a whole picture on the same machine at the same time, so that another
machine, or one that does other work too, has about the same: seconds of CPU, medians of several runs of
`sightline benchmark`. How much the gate lets through, and HOTA and IDF1 of given detections (one_camera.py),
hardly hang on the machine at all. What has moved by more than MOVED says is told, and ends the command with 1
where it is for the worse. --record: what is measured becomes what is compared with (recorded.json).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from one_camera import FPS, outcome
from rich.console import Console
from rich.table import Table
from speed_parts.cost import cost_of

RECORDED = Path(__file__).parent / "recorded.json"
FILM = "data/video/vtest.avi"
MOVED = {"costs": 0.25, "shares": 0.05, "scores": 0.005}
"""Parts of the value. Costs of three runs on a machine that does other work differ by up to a tenth; shares
by what the precision of a CPU changes in detections; scores not at all.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    told = parser.parse_args()
    now = measured(told.data, told.times)
    if told.record:
        RECORDED.write_text(json.dumps(now, indent=1) + "\n")
    sys.exit(compared(json.loads(RECORDED.read_text()), now))


def measured(data: Path, times: int) -> dict[str, dict[str, float]]:
    """costs: lower is better, as ratios. shares: lower is better, exact. scores: higher is better, exact."""
    command = [sys.executable, "-m", "app.cli", "benchmark", data / FILM, "--json"]
    runs = [json.loads(cost_of(command).out) for _ in range(times)]
    ratios = [_ratios(run) for run in runs]
    whole = runs[0]["whole"]
    scores: dict[str, float] = {}
    for name, fps in FPS.items():
        one = outcome(data, name, fps).score
        scores |= {f"HOTA {name}": round(one.hota, 4), f"IDF1 {name}": round(one.idf1, 4)}
    return {
        "costs": {name: round(median(one[name] for one in ratios), 4) for name in ratios[0]},
        "shares": {
            "frames the detector saw": round(whole["seen"] / whole["frames"], 4),
            "crops a frame it saw": round(whole["crops"] / whole["seen"], 4),
        },
        "scores": scores,
    }


def _ratios(run: dict[str, Any]) -> dict[str, float]:
    cost = {stage["name"]: stage["cpu_ms"] for stage in run["stages"]}
    picture_s, whole = run["whole_picture_ms"] / 1000, run["whole"]
    ratios = {f"{name} / whole picture": ms / 1000 / picture_s for name, ms in cost.items()}
    ratios["a frame of the run / whole picture"] = whole["cpu_s"] / whole["frames"] / picture_s
    ratios["starting up / whole picture"] = whole["start_cpu_s"] / picture_s
    return ratios


def compared(recorded: dict[str, dict[str, float]], now: dict[str, dict[str, float]]) -> int:
    """Prints both; 1 where something is worse."""
    table = Table(title="Ratios and scores, recorded and now", title_justify="left")
    for name in ("what", "recorded", "now", "moved"):
        table.add_column(name, justify="left" if name in ("what", "moved") else "right")
    worse = 0
    for kind, values in recorded.items():
        for name, before in values.items():
            after = now[kind][name]
            verdict = judged(kind, before, after)
            worse |= verdict == "worse"
            table.add_row(name, f"{before:.4g}", f"{after:.4g}", verdict)
    Console(width=100).print(table)
    return worse


def judged(kind: str, before: float, after: float) -> str:
    """better, worse, or "" where it has hardly moved."""
    moved, up = abs(after / before - 1) > MOVED[kind], after > before
    return "" if not moved else "worse" if up == (kind != "scores") else "better"


if __name__ == "__main__":
    main()
