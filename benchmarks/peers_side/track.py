"""One peer tracker on one sequence, in an environment that has the peers; benchmarks/peers.py starts it.

    python track.py LIBRARY TRACKER NPZ VIDEO OUT

Writes OUT in MOT's layout and prints ``{"ms": milliseconds a frame}``. VIDEO is ``-`` where there is none:
then each frame is one grey picture, of the ``size`` that NPZ tells. Detections, embeddings and decoded frames
are made ready before the clock runs: it covers the tracker's own call, camera motion included.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

Step = Callable[[int], np.ndarray]
"""Takes frame k; (N, 5) float64 x1, y1, x2, y2, id."""


def main() -> None:
    library, tracker, npz, video, out = sys.argv[1:]
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    stored = np.load(npz)
    frames = still(stored) if video == "-" else decoded(video)
    table, vectors = stored["detections"], stored["embeddings"].astype(np.float32)
    parts = [table[:, 0] == k + 1 for k in range(len(frames))]
    step = LIBRARIES[library](tracker, [(table[rows, 1:], vectors[rows]) for rows in parts], frames)
    rows, spent = [], 0.0
    for k in range(len(frames)):
        began = time.perf_counter()
        found = step(k)
        spent += time.perf_counter() - began
        rows += [(k + 1, box[4], *box[:2], *(box[2:4] - box[:2]), 1, -1, -1, -1) for box in found]
    np.savetxt(out, np.array(rows).reshape(-1, 10), "%d,%d,%.3f,%.3f,%.3f,%.3f,%d,%d,%d,%d")
    print(json.dumps({"ms": 1000 * spent / len(frames)}))


def decoded(video: str) -> list[np.ndarray]:
    reader, frames = cv2.VideoCapture(video), []
    while (read := reader.read())[0]:
        frames.append(read[1])
    return frames


def still(stored: Any) -> list[np.ndarray]:
    """One grey picture as often as there are frames: trackers find that the camera stands still."""
    width, height = (int(side) for side in stored["size"])
    return [np.full((height, width, 3), 127, np.uint8)] * int(stored["detections"][:, 0].max())


def boxmot(name: str, parts: list[tuple[np.ndarray, np.ndarray]], frames: list[np.ndarray]) -> Step:
    """A tracker of BoxMOT, embeddings given.

    ``botsort`` has the settings of BoxMOT's own file, as its command has; ``BotSort`` those of the class.
    """
    import boxmot
    import torch
    from boxmot.structures import Boxes, Detections
    from boxmot.trackers.factory import create_tracker
    from boxmot.trackers.specs import TrackerSpec

    torch.set_num_threads(1)
    tracker: Any = create_tracker(TrackerSpec(name=name)) if name.islower() else getattr(boxmot, name)()
    given = [
        Detections(
            geometry=Boxes(torch.from_numpy(table[:, :4].astype(np.float32))),
            scores=torch.from_numpy(table[:, 4].astype(np.float32)),
            class_ids=torch.zeros(len(table), dtype=torch.int64),
            sample_id=str(k),
            embeddings=torch.from_numpy(vectors) if tracker.accepts_embeddings else None,
        )
        for k, (table, vectors) in enumerate(parts)
    ]

    def step(k: int) -> np.ndarray:
        tracks = tracker.update(given[k], frames[k])
        return np.column_stack([tracks.geometry.values.numpy(), tracks.track_ids.numpy()])

    return step


def roboflow(name: str, parts: list[tuple[np.ndarray, np.ndarray]], frames: list[np.ndarray]) -> Step:
    """A tracker of Roboflow's ``trackers`` at its defaults; none of them looks at appearance."""
    import supervision
    import trackers

    tracker = getattr(trackers, name)()
    given = [
        supervision.Detections(
            xyxy=table[:, :4].astype(np.float32),
            confidence=table[:, 4].astype(np.float32),
            class_id=np.zeros(len(table), int),
        )
        for table, _ in parts
    ]
    moves = "BoTSORT" in name

    def step(k: int) -> np.ndarray:
        found = tracker.update(given[k], frames[k]) if moves else tracker.update(given[k])
        known = found.tracker_id >= 0
        return np.column_stack([found.xyxy[known], found.tracker_id[known]])

    return step


LIBRARIES = {"boxmot": boxmot, "trackers": roboflow}

if __name__ == "__main__":
    main()
