"""Tracklets of a small site: by our camera tracker as the line runs it, and by a peer's."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from site_parts.sites import Camera, Site, rounds

from app.scoring.score import Boxes
from app.scoring.tables import read_mot
from tracker.camera_tracker import CameraTracker
from tracker.presence import Seen
from tracker.types import Point, Sighting

SCRIPT = Path(__file__).parents[1] / "peers_side" / "track.py"


def seen(site: Site) -> Iterator[list[Seen]]:
    """The line up to the association: what is not asked for is not embedded."""
    trackers = {camera.name: CameraTracker(camera.name) for camera in site.cameras}
    for moment in rounds(site):
        yield [_look(trackers[camera.name], camera, frame) for camera, frame in moment]


def _look(tracker: CameraTracker, camera: Camera, frame: int) -> Seen:
    time, (width, height) = float(camera.times[frame]), camera.size
    detections = camera.detections[frame]
    wanted = tracker.ask(time, detections)
    if detections.embeddings is not None:
        detections = detections.with_embeddings(
            np.where(wanted[:, None], detections.embeddings, np.float32(np.nan))
        )
    update = tracker.update(time, detections)
    return Seen(camera.name, frame, time, width, height, detections, update.tracks, update.ended)


def tracked(rounds_seen: Iterable[Sequence[Seen]]) -> dict[str, Boxes]:
    """Boxes of the tracks that were confirmed in the end, those before it included; ids are unique."""
    rows: dict[tuple[str, int], list[tuple[int, np.ndarray]]] = defaultdict(list)
    sure: set[tuple[str, int]] = set()
    for views in rounds_seen:
        for view in views:
            for track in view.tracks:
                rows[track.camera, track.number].append((view.frame, track.box))
                sure |= {(track.camera, track.number)} if track.confirmed else set()
    found: dict[str, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
    for number, key in enumerate(sorted(sure), start=1):
        found[key[0]] += [(frame, number, box) for frame, box in rows[key]]
    return {camera: _boxes(boxes) for camera, boxes in found.items()}


def boxes_of(sightings: Iterable[Sighting], points: Mapping[int, Sequence[Point]]) -> dict[str, Boxes]:
    """What was recorded, by camera; ids are the sightings' numbers."""
    rows: dict[str, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
    for sighting in sightings:
        rows[sighting.camera] += [(p.frame, sighting.number, p.box) for p in points[sighting.number]]
    return {camera: _boxes(found) for camera, found in rows.items()}


def _boxes(rows: Sequence[tuple[int, int, np.ndarray]]) -> Boxes:
    frames, ids = (np.array([row[k] for row in rows], np.int64) for k in (0, 1))
    return Boxes(frames, ids, np.array([row[2] for row in rows], np.float64), np.zeros(len(rows), np.bool_))


def of_peer(python: Path, name: str, folder: Path, site: Site) -> dict[str, Boxes]:
    """A tracker of BoxMOT on each camera of the site that lies in the folder, given all embeddings."""
    found: dict[str, Boxes] = {}
    first = 0
    environ = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    for camera in site.cameras:
        with tempfile.TemporaryDirectory() as out:
            result = Path(out) / "result.txt"
            given = ["boxmot", name, folder / f"{camera.name}.npz", "-", result]
            subprocess.run([python, SCRIPT, *given], check=True, stdout=subprocess.DEVNULL, env=environ)
            boxes = read_mot(result)
        boxes = boxes.take(boxes.frames < len(camera.times))
        found[camera.name] = Boxes(boxes.frames, boxes.ids + first, boxes.boxes, boxes.ignored)
        first += int(boxes.ids.max(initial=0)) + 1
    return found
