"""One camera: the camera tracker beside those of BoxMOT and Roboflow's `trackers`, given the same.

    python benchmarks/peers.py [--data FOLDER] [--only TRACKER ...]

FOLDER as in one_camera.py, with the films in data/video. The peers live in an environment of their own in the
cache, made with `uv` the first time (minutes, 3 GB: BoxMOT needs torch). Detections and embeddings are
the same for all and settings are each library's defaults, of which BoxMOT has two sets: those its command
reads from a file, and those of its classes. Time is the tracker's own call, one thread, without detector and
embedding network, with camera motion where a tracker estimates it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from one_camera import FPS, outcome
from rich.console import Console
from rich.table import Table

from app.scoring.score import Score, score
from app.scoring.tables import read_mot
from app.weights.assets import cache_folder

NEEDED = ("boxmot==25.0.0", "trackers==2.6.1")
FILMS = {
    "PETS09-S2L1": "vtest.avi",
    "TUD-Campus": "TUD-Campus.mp4",
    "TUD-Stadtmitte": "TUD-Stadtmitte.mp4",
}
OURS = "sightline"
SCRIPT = Path(__file__).parent / "peers_side" / "track.py"
OF_BOXMOT = {
    "ByteTrack": ("bytetrack", "ByteTrack", False),
    "OC-SORT": ("ocsort", "OcSort", False),
    "SFSORT": ("sfsort", "SFSORT", False),
    "BoostTrack": ("boosttrack", "BoostTrack", False),
    "BoT-SORT": ("botsort", "BotSort", True),
    "Deep OC-SORT": ("deepocsort", "DeepOcSort", True),
    "StrongSORT": ("strongsort", "StrongSort", True),
    "HybridSORT": ("hybridsort", "HybridSort", True),
    "OccluBoost": ("occluboost", "OccluBoost", True),
}
"""Name -> in its command, as a class, whether it looks at embeddings. The two have different defaults."""
OF_ROBOFLOW = {
    "SORT": "SORTTracker",
    "ByteTrack": "ByteTrackTracker",
    "OC-SORT": "OCSORTTracker",
    "BoT-SORT": "BoTSORTTracker",
    "C-BIoU": "CBIoUTracker",
}
PEERS = {
    **{f"BoxMOT {name}": ("boxmot", told, looks) for name, (told, _, looks) in OF_BOXMOT.items()},
    **{f"BoxMOT {name}, class": ("boxmot", kind, looks) for name, (_, kind, looks) in OF_BOXMOT.items()},
    **{f"Roboflow {name}": ("trackers", kind, False) for name, kind in OF_ROBOFLOW.items()},
}
"""Name -> library, tracker, whether it looks at the embeddings."""


@dataclass(frozen=True, slots=True)
class Measured:
    """score: against the truth. ms: the tracker's, a frame."""

    score: Score
    ms: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--only", nargs="*", default=list(PEERS), choices=PEERS, metavar="TRACKER")
    told = parser.parse_args()
    python = environment()
    found = {OURS: {name: ours(told.data, name, fps) for name, fps in FPS.items()}}
    for peer in told.only:
        found[peer] = {name: theirs(python, told.data, name, peer) for name in FPS}
    print_table(found)


def environment(needed: Sequence[str] = NEEDED) -> Path:
    """The Python that has the peers; made where it is missing."""
    folder = cache_folder() / "benchmarks" / "-".join(needed).replace("==", "-")
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        uv = shutil.which("uv")
        if uv is None:
            sys.exit("The peers need an environment of their own, which `uv` makes: install it with pip.")
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        subprocess.run([uv, "venv", "-q", "--clear", "--python", version, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *needed], check=True)
        done.touch()
    return python


def ours(data: Path, sequence: str, fps: int) -> Measured:
    done = outcome(data, sequence, fps)
    return Measured(done.score, done.ms)


def theirs(python: Path, data: Path, sequence: str, peer: str) -> Measured:
    """A peer's figures, from a process of its own."""
    library, tracker, _ = PEERS[peer]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.txt"
        given: list[Any] = [
            data / "reference/mot" / f"{sequence}.npz",
            data / "data/video" / FILMS[sequence],
            out,
        ]
        command = [python, SCRIPT, library, tracker, *given]
        environ = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environ)
        truth = read_mot(data / "data/mot" / sequence / "gt/gt.txt")
        found = score({sequence: truth}, {sequence: read_mot(out)})
    return Measured(found.overall, json.loads(done.stdout.splitlines()[-1])["ms"])


def print_table(found: dict[str, dict[str, Measured]]) -> None:
    """A row a tracker."""
    table = Table(
        title="HOTA / IDF1 / switches, and milliseconds a frame on the first sequence", title_justify="left"
    )
    for name in ("tracker", "looks", *FPS, "ms"):
        table.add_column(name, justify="left" if name in ("tracker", "looks") else "right")
    for tracker, rows in found.items():
        looks = "yes" if tracker == OURS or PEERS[tracker][2] else "no"
        scores = [
            f"{100 * row.score.hota:.1f} / {100 * row.score.idf1:.1f} / {row.score.switches}"
            for row in rows.values()
        ]
        table.add_row(tracker, looks, *scores, f"{next(iter(rows.values())).ms:.2f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
