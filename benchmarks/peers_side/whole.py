"""A peer's whole line on one film, in an environment that has the peers; benchmarks/bench_peers.py starts it.

    python whole.py KIND DETECTOR REID FILM OUT

Decodes, detects, embeds where KIND looks at appearance, tracks, and writes OUT in MOT's layout. DETECTOR: a
.pt for torch, or a folder of ultralytics' OpenVINO export; REID: an OpenVINO .xml. ``export``: makes DETECTOR
from the .pt that REID names. ``decode``: nothing but the pictures.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

BOTSORT_REID = """tracker_type: botsort
track_high_thresh: 0.25
track_low_thresh: 0.1
new_track_thresh: 0.25
track_buffer: 30
match_thresh: 0.8
fuse_score: True
gmc_method: sparseOptFlow
proximity_thresh: 0.5
appearance_thresh: 0.8
with_reid: True
model: auto
"""
"""ultralytics' own botsort.yaml with its appearance turned on."""


def main() -> None:
    kind, detector, reid, film, out = sys.argv[1:]
    if kind == "export":
        export(Path(reid), Path(detector))
        return
    if kind == "decode":
        reader = cv2.VideoCapture(film)
        while reader.read()[0]:
            pass
        return
    found = boxmot(kind, detector, reid, film) if kind.startswith("boxmot") else own(kind, detector, film)
    rows = [(frame, number, *box[:2], *(box[2:] - box[:2]), 1, -1, -1, -1) for frame, number, box in found]
    np.savetxt(out, np.array(rows).reshape(-1, 10), "%d,%d,%.3f,%.3f,%.3f,%.3f,%d,%d,%d,%d")


def export(weights: Path, folder: Path) -> None:
    """ultralytics' own export; in a folder of its own, for it is written beside the weights."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copy(weights, place))
        made = YOLO(str(copy)).export(format="openvino", dynamic=True)
        shutil.copytree(made, folder, dirs_exist_ok=True)


def own(kind: str, detector: str, film: str) -> Iterator[tuple[int, int, np.ndarray]]:
    """``yolo track`` as its command has it: frame from 1, id, box."""
    from ultralytics import YOLO

    model = YOLO(detector, task="detect")
    with tempfile.TemporaryDirectory() as place:
        settings = f"{kind}.yaml"
        if kind == "botsort-reid":
            file = Path(place) / "botsort-reid.yaml"
            file.write_text(BOTSORT_REID)
            settings = str(file)
        results = model.track(film, stream=True, tracker=settings, classes=[0], verbose=False, save=False)
        for frame, result in enumerate(results, 1):
            boxes = result.boxes
            if boxes is not None and boxes.id is not None:
                for number, box in zip(boxes.id.int().tolist(), boxes.xyxy.cpu().numpy(), strict=True):
                    yield frame, number, box


def boxmot(kind: str, detector: str, reid: str, film: str) -> Iterator[tuple[int, int, np.ndarray]]:
    """ultralytics' detections, the given network's vectors of all of them, BoxMOT's tracker."""
    import torch
    from boxmot.structures import Boxes, Detections
    from boxmot.trackers.factory import create_tracker
    from boxmot.trackers.specs import TrackerSpec
    from ultralytics import YOLO

    tracker: Any = create_tracker(TrackerSpec(name=kind.partition("-")[2]))
    look = embedder(reid)
    results = YOLO(detector, task="detect").predict(
        film, stream=True, classes=[0], conf=0.1, verbose=False, save=False
    )
    for frame, result in enumerate(results, 1):
        boxes, image = result.boxes, result.orig_img
        vectors = look([image[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1] for x1, y1, x2, y2 in boxes.xyxy])
        seen = Detections(
            geometry=Boxes(boxes.xyxy.cpu().contiguous()),
            scores=boxes.conf.cpu().contiguous(),
            class_ids=torch.zeros(len(boxes), dtype=torch.int64),
            sample_id=str(frame),
            embeddings=torch.from_numpy(vectors),
        )
        tracks = tracker.update(seen, image)
        for number, box in zip(tracks.track_ids.tolist(), tracks.geometry.values.numpy(), strict=True):
            yield frame, number, box


def embedder(reid: str) -> Any:
    """Crops -> (N, D) unit rows, in batches of any size, in the precision the CPU is fastest in."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    core = openvino.Core()
    model = core.read_model(reid)
    model.reshape([-1, 3, 256, 128])
    run = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})

    def look(crops: list[np.ndarray]) -> np.ndarray:
        if not crops:
            return np.zeros((0, 256), np.float32)
        sized = np.stack([cv2.resize(crop, (128, 256)) for crop in crops])
        vectors = run(sized.transpose(0, 3, 1, 2).astype(np.float32))[0].reshape(len(crops), -1)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    return look


if __name__ == "__main__":
    main()
