"""Six cameras that overlap, one id at the same moment on several: the sample of MultiviewX.

    python benchmarks/multiviewx.py [--data FOLDER]

FOLDER holds data/multiviewx with Image_subsets/C1 to C6 and annotations_positions, and weights/. The frames
are taken to be half a second apart. Each camera's boxes, once the true ones with a score of 1 and once those
of YOLOv8n, go through CameraTracker with retail-0277's embeddings, and the tracks through the associator with
an overlap declared for all pairs of cameras.

Scored over all cameras with global ids. The other rows have the same confirmed tracks of the cameras. Alone,
each has an id of its own. By the baseline, in the order of their beginning, each joins the id of nearest
average that has no box in the same picture, or founds its own, at the best threshold by the truth. The second
pass has them all at once.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from app.scoring.identity_errors import FrameClock
from app.scoring.score import Boxes, Score, score
from app.weights.assets import cache_folder
from reid.embedder import Embedder, open_embedder
from reid.preprocess import cut
from tracker.associator import Associator
from tracker.camera_tracker import CameraTracker
from tracker.constraints import Constraints
from tracker.detector import Detector
from tracker.gallery import Gallery
from tracker.presence import Seen
from tracker.refine import second_pass
from tracker.tracklets import Path as Walked
from tracker.tracklets import Steps, Tracklet
from tracker.types import Detections, Floats, Image

CAMERAS = tuple(f"C{number}" for number in range(1, 7))
PAIRS = frozenset(frozenset(pair) for pair in combinations(CAMERAS, 2))
FPS = 2.0
SIZE = 1920, 1080
THRESHOLDS = np.arange(0.20, 0.70, 0.05)
"""Cosine distances the baseline chooses its best of, by the truth."""

Key = tuple[str, int]
Pictures = dict[str, list[Image]]


@dataclass(slots=True)
class Tracked:
    """What the cameras' trackers found. rounds: a list of cameras' Seen a frame.

    boxes: of each track that was confirmed in the end, (frame, box) in order; looks: its embeddings.
    """

    rounds: list[list[Seen]] = field(default_factory=list)
    boxes: dict[Key, list[tuple[int, Floats]]] = field(default_factory=lambda: defaultdict(list))
    looks: dict[Key, list[Floats]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    data = parser.parse_args().data
    pictures = read_pictures(data / "data/multiviewx/Image_subsets")
    truth = read_truth(data / "data/multiviewx/annotations_positions")
    embedder = open_embedder(data / "weights/person-reidentification-retail-0277.xml")
    detector = Detector(data / "weights/yolov8n.pt", device="cpu", cache=cache_folder())
    given = {
        "true boxes": {camera: true_boxes(truth[camera], len(pictures[camera])) for camera in CAMERAS},
        "detections": {camera: detector.detect(pictures[camera]) for camera in CAMERAS},
    }
    rows = {}
    for name, found in given.items():
        tracked = track(pictures, found, embedder)
        alone = {key: number for number, key in enumerate(tracked.boxes)}
        threshold, nearest = best_greedy(tracked, truth)
        rows[f"{name}: tracks alone"] = scored(truth, as_boxes(tracked, alone))
        rows[f"{name}: greedy nearest average, best ({threshold:.2f})"] = scored(truth, nearest)
        ids = associated(tracked, embedder.dimension)
        rows[f"{name}: sightline online"] = scored(truth, as_boxes(tracked, ids))
        rows[f"{name}: sightline second pass"] = scored(truth, as_boxes(tracked, refined(tracked)))
    print_table(rows)


def read_pictures(folder: Path) -> Pictures:
    """Each camera's pictures in order."""
    found: Pictures = {}
    for camera in CAMERAS:
        images = [cv2.imread(str(path)) for path in sorted((folder / camera).glob("*.jpg"))]
        found[camera] = [np.asarray(image, np.uint8) for image in images if image is not None]
    return found


def read_truth(folder: Path) -> dict[str, Boxes]:
    """Who is where on each camera; a view of -1 is not seen."""
    rows: dict[str, list[tuple[int, int, list[float]]]] = {camera: [] for camera in CAMERAS}
    for frame, path in enumerate(sorted(folder.glob("*.json"))):
        for person in json.loads(path.read_text(encoding="utf-8")):
            for view in person["views"]:
                box = [float(view[side]) for side in ("xmin", "ymin", "xmax", "ymax")]
                if box[2] > box[0] >= 0.0:
                    rows[CAMERAS[view["viewNum"]]].append((frame, person["personID"], box))
    return {camera: boxes_of(some) for camera, some in rows.items()}


def boxes_of(rows: list[tuple[int, int, list[float]]]) -> Boxes:
    """Rows of frame, id and xyxy box as columns."""
    return Boxes(
        np.array([frame for frame, _, _ in rows], np.int64),
        np.array([number for _, number, _ in rows], np.int64),
        np.array([box for _, _, box in rows], np.float64).reshape(-1, 4),
        np.zeros(len(rows), np.bool_),
    )


def true_boxes(truth: Boxes, frames: int) -> list[Detections]:
    """The true boxes of each frame as detections nobody doubts."""
    found = [truth.boxes[truth.frames == frame].astype(np.float32) for frame in range(frames)]
    return [Detections(boxes, np.ones(len(boxes), np.float32)) for boxes in found]


def track(pictures: Pictures, found: dict[str, list[Detections]], embedder: Embedder) -> Tracked:
    """Every camera's tracker on its own; the crops it asks for are embedded."""
    done = Tracked()
    trackers = {camera: CameraTracker(camera) for camera in CAMERAS}
    shown: dict[Key, list[tuple[int, Floats]]] = defaultdict(list)
    for frame in range(len(pictures[CAMERAS[0]])):
        views = []
        for camera, tracker in trackers.items():
            image, detections = pictures[camera][frame], found[camera][frame]
            view = look(tracker, frame, image, detections, embedder)
            views.append(view)
            for one in view.tracks:
                key = camera, one.number
                shown[key].append((frame, one.box))
                if one.confirmed:
                    done.boxes[key] = shown[key]
                done.looks[key].append(embedding(view.detections, one.detection))
        done.rounds.append(views)
    return done


def look(
    tracker: CameraTracker, frame: int, image: Image, detections: Detections, embedder: Embedder
) -> Seen:
    """One frame of one camera through its tracker."""
    time = frame / FPS
    wanted = tracker.ask(time, detections)
    looks = np.full((len(detections), embedder.dimension), np.nan, np.float32)
    looks[wanted] = embedder.embed(cut(image, detections.boxes[wanted]))
    detections = detections.with_embeddings(looks)
    update = tracker.update(time, detections)
    height, width = image.shape[:2]
    return Seen(tracker.camera, frame, time, width, height, detections, update.tracks, update.ended)


def embedding(detections: Detections, row: int) -> Floats:
    assert detections.embeddings is not None  # look gives them
    return detections.embeddings[row]


def associated(tracked: Tracked, dimension: int) -> dict[Key, int]:
    """The identity of each track in the end; who was left undecided has none."""
    associator = Associator(gallery=Gallery(dimension=dimension), overlap=PAIRS)
    owners: dict[int, Key] = {}
    last: dict[int, int | None] = {}
    for views in tracked.rounds:
        changes = associator.update(views)
        last |= {sighting.number: sighting.identity for sighting in changes.sightings}
        for camera, people in changes.people.items():
            owners |= {person.sighting: (camera, person.track.number) for person in people}
    last |= {sighting.number: sighting.identity for sighting in associator.finish().sightings}
    return {owners[number]: identity for number, identity in last.items() if identity is not None}


def refined(tracked: Tracked) -> dict[Key, int]:
    """The cluster of each confirmed track that was looked at, by the second pass."""
    keys = list(tracked.boxes)
    tracklets = []
    for number, key in enumerate(keys):
        looks = np.array(tracked.looks[key])
        looks = looks[~np.isnan(looks).any(axis=1)]
        start, end = tracked.boxes[key][0][0] / FPS, (tracked.boxes[key][-1][0] + 1) / FPS
        if len(looks):
            sure = np.ones(len(looks), np.float32)
            path = walked(tracked.boxes[key])
            tracklets.append(Tracklet(number, key[0], start, end, looks, sure, identity=None, path=path))
    clusters = second_pass(tracklets, constraints=Constraints(overlap=PAIRS)).clusters
    return {keys[row]: number for number, cluster in enumerate(clusters) for row in cluster.tracklets}


def walked(places: list[tuple[int, Floats]]) -> Walked | None:
    """Where a track was. places: its frames and boxes."""
    steps = Steps(SIZE)
    for frame, box in places:
        steps.add(frame / FPS, box)
    return steps.path()


def best_greedy(tracked: Tracked, truth: dict[str, Boxes]) -> tuple[float, dict[str, Boxes]]:
    """The threshold and the result of largest IDF1 over all cameras."""
    tries = [(float(t), as_boxes(tracked, greedy(tracked, float(t)))) for t in THRESHOLDS]
    return max(tries, key=lambda one: scored(truth, one[1]).idf1)


def greedy(tracked: Tracked, threshold: float) -> dict[Key, int]:
    """By beginning, each track joins the id of nearest average that is not in its pictures, or founds one."""
    sums: list[NDArray[np.float64]] = []
    places: list[set[tuple[str, int]]] = []
    ids: dict[Key, int] = {}
    for key in sorted(tracked.boxes, key=lambda key: (tracked.boxes[key][0][0], key)):
        whole = np.nansum(np.array(tracked.looks[key]), axis=0).astype(np.float64)
        taken = {(key[0], frame) for frame, _ in tracked.boxes[key]}
        apart = [
            np.inf if taken & held else cosine_distance(whole, known)
            for known, held in zip(sums, places, strict=True)
        ]
        ids[key] = int(np.argmin(apart)) if min(apart, default=np.inf) <= threshold else len(sums)
        if ids[key] == len(sums):
            sums.append(np.zeros_like(whole))
            places.append(set())
        sums[ids[key]] += whole
        places[ids[key]] |= taken
    return ids


def cosine_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return 1.0 - float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)


def as_boxes(tracked: Tracked, ids: dict[Key, int]) -> dict[str, Boxes]:
    """Each camera's boxes with global ids; of two of one id in a frame the first counts."""
    rows: dict[str, dict[tuple[int, int], list[float]]] = {camera: {} for camera in CAMERAS}
    for key, places in tracked.boxes.items():
        for frame, box in places if key in ids else ():
            rows[key[0]].setdefault((frame, ids[key]), box.tolist())
    return {c: boxes_of([(*place, box) for place, box in some.items()]) for c, some in rows.items()}


def scored(truth: dict[str, Boxes], found: dict[str, Boxes]) -> Score:
    clocks = {camera: FrameClock(fps=FPS) for camera in CAMERAS}
    return score(truth, found, clocks=clocks).overall


def print_table(rows: dict[str, Score]) -> None:
    table = Table(title="MultiviewX sample: six cameras, all together", title_justify="left")
    for column in ("", "IDF1", "HOTA", "purity", "recall", "people", "ids", "false", "missed"):
        table.add_column(column, justify="right" if column else "left")
    for name, s in rows.items():
        rates = [f"{100 * rate:.1f}" for rate in (s.idf1, s.hota, s.identities.purity or 0.0, s.recall)]
        merges = s.identities.false_merges, s.identities.missed_merges
        table.add_row(name, *rates, str(s.people), str(s.ids), *map(str, merges))
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
