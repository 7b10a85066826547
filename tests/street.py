"""A street with people near the camera, and a history of two of them: for looking for people in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from storage.database import open_database
from storage.writer import Writer
from tracker.types import Image, Point, Portrait, Sighting

if TYPE_CHECKING:
    from reid.embedder import Embedder

PEOPLE = {1: (10.0, "gate"), 2: (40.0, "yard")}
"""Two people of the film, when each was seen and on which camera."""


def street_film(shared: Path) -> list[Image]:
    """The first frames of TUD-Stadtmitte."""
    video = cv2.VideoCapture(str(shared / "data/video/TUD-Stadtmitte.mp4"))
    frames = [np.asarray(video.read()[1], np.uint8) for _ in range(21)]
    video.release()
    return frames


def street_crops(shared: Path, film: list[Image]) -> dict[int, list[Image]]:
    """Of the two who are largest in the film's truth: their pictures in every fifth frame."""
    rows = np.loadtxt(shared / "data/mot/TUD-Stadtmitte/gt/gt.txt", delimiter=",")
    first = rows[rows[:, 0] == 1]
    chosen = first[np.argsort(-first[:, 4] * first[:, 5])][:2, 1]
    found: dict[int, list[Image]] = {1: [], 2: []}
    for number, who in enumerate(chosen, start=1):
        for frame in range(0, 21, 5):
            [row] = rows[(rows[:, 0] == frame + 1) & (rows[:, 1] == who)]
            left, top, width, height = (max(0, round(side)) for side in row[2:6])
            found[number].append(film[frame][top : top + height, left : left + width])
    return found


def street_history(path: Path, crops: dict[int, list[Image]], embedder: Embedder) -> Path:
    """Both were seen once, each with the pictures of the later frames."""
    engine = open_database(path, create=True)
    told: dict[str, Any] = {"model": embedder.fingerprint, "dimension": embedder.dimension}
    with Writer(engine, command="sightline run", version="0.1", **told) as record:
        for number, (time, camera) in PEOPLE.items():
            record.footage(camera, uri=f"{camera}.mp4", start=0.0, width=640, height=480)
            record.sighting(Sighting(number, camera, time, time + 2, number, 0.9))
            record.point(number, Point(time, 0, np.array([10, 20, 50, 120], np.float32), 0.9))
            for later, crop in enumerate(crops[number][1:]):
                [look] = embedder.embed([crop])
                record.portrait(number, Portrait(time + later / 2, 0.5 + later / 10, look, crop))
            record.frames(camera, 200, time + 2)
    engine.dispose()
    return path


def written(folder: Path, image: Image) -> Path:
    """As a file that others read."""
    assert cv2.imwrite(str(folder / "photo.png"), image)
    return folder / "photo.png"
