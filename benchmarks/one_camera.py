"""The tracker of one camera on PETS09-S2L1 and the TUD sequences, from given detections and embeddings.

    python benchmarks/one_camera.py [--data FOLDER]

FOLDER holds reference/mot/NAME.npz (`detections`: frame from 1, x1, y1, x2, y2, score; `embeddings`) and
data/mot/NAME/gt/gt.txt. Only detections the tracker asks to look at have their embedding given to it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from app.between import Between
from app.scoring.score import Boxes, Score, score
from app.scoring.tables import read_mot
from tracker.camera_tracker import CameraTracker, Rules
from tracker.types import Detections, Floats, Point, Sighting, Track

FPS = {"PETS09-S2L1": 10, "TUD-Campus": 25, "TUD-Stadtmitte": 25}


@dataclass(frozen=True, slots=True)
class Outcome:
    """score: against the truth, of the boxes found. recorded: with those filled in between, as a history has
    them. ms: the tracker's, a frame. looked_at: part of the detections embedded.
    """

    score: Score
    recorded: Score
    ms: float
    looked_at: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    data = parser.parse_args().data
    table = Table(title="One camera, given detections and embeddings", title_justify="left")
    marks = ("HOTA", "IDF1", "MOTA", "switches")
    filled_in = [f"{mark}, filled" for mark in marks]
    for name in ("sequence", *marks, *filled_in, "people", "ids", "looked at", "ms a frame"):
        table.add_column(name, justify="left" if name == "sequence" else "right", no_wrap=name == "sequence")
    for sequence, fps in FPS.items():
        done = outcome(data, sequence, fps)
        counts = [str(done.score.people), str(done.score.ids)]
        cells = [*_marks(done.score), *_marks(done.recorded), *counts]
        table.add_row(sequence, *cells, f"{100 * done.looked_at:.0f} %", f"{done.ms:.2f}")
    Console(width=130).print(table)


def _marks(of: Score) -> list[str]:
    return [*(f"{100 * rate:.1f}" for rate in (of.hota, of.idf1, of.mota)), str(of.switches)]


def outcome(
    data: Path, sequence: str, fps: int, *, rules: Rules | None = None, step: int = 1, least: float = 0.0
) -> Outcome:
    """Tracks every ``step``-th frame by detections of score ``least`` and more, and scores it."""
    stored = np.load(data / "reference/mot" / f"{sequence}.npz")
    detections, embeddings = stored["detections"], stored["embeddings"].astype(np.float32)
    truth = read_mot(data / "data/mot" / sequence / "gt/gt.txt")
    last = int(truth.frames.max())
    truth = truth.take(truth.frames % step == 0)
    tracker = CameraTracker(sequence, rules or Rules())
    found: list[tuple[int, Track]] = []
    asked = spent = 0.0
    for frame in range(0, last + 1, step):
        rows = (detections[:, 0] == frame + 1) & (detections[:, 5] >= least)
        vectors = embeddings[rows]
        seen = Detections(detections[rows, 1:5].astype(np.float32), detections[rows, 5].astype(np.float32))
        began = time.perf_counter()
        wanted = tracker.ask(frame / fps, seen)
        hidden = seen.with_embeddings(np.where(wanted[:, None], vectors, np.nan))
        found += [(frame, track) for track in tracker.update(frame / fps, hidden).tracks]
        spent += time.perf_counter() - began
        asked += wanted.sum()
    frames = range(0, last + 1, step)
    boxes = confirmed(found)
    tracked, recorded = (
        score({sequence: truth}, {sequence: of}).overall for of in (boxes, filled(boxes, frames, fps))
    )
    return Outcome(tracked, recorded, 1000 * spent / len(frames), asked / len(detections))


def confirmed(found: list[tuple[int, Track]]) -> Boxes:
    """Every box of the tracks that were confirmed in the end, those before it included, as the line does."""
    numbers = {track.number for _, track in found if track.confirmed}
    kept = [(frame, track) for frame, track in found if track.number in numbers]
    boxes: Floats = np.array([track.box for _, track in kept], np.float32)
    return Boxes(
        np.array([frame for frame, _ in kept], np.int64),
        np.array([track.number for _, track in kept], np.int64),
        boxes.astype(np.float64),
        np.zeros(len(kept), np.bool_),
    )


def filled(boxes: Boxes, frames: Iterable[int], fps: float) -> Boxes:
    """With those between two in which a track was found. frames: those that were looked at."""
    between = Between()
    found: list[tuple[int, Point]] = []
    for frame in frames:
        between.frame("", frame, frame / fps)
        here = boxes.take(boxes.frames == frame)
        for number, box in zip(here.ids.tolist(), here.boxes, strict=True):
            between.sighting(Sighting(number, "", 0.0, frame / fps, None, 0.0))
            points = between.filled(number, Point(frame / fps, frame, box, 1.0))
            found += [(number, point) for point in points]
    return Boxes(
        np.array([point.frame for _, point in found], np.int64),
        np.array([number for number, _ in found], np.int64),
        np.array([point.box for _, point in found], np.float64),
        np.zeros(len(found), np.bool_),
    )


if __name__ == "__main__":
    main()
