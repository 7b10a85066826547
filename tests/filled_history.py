"""A real history of the demo's cameras, as a faultless run would have recorded it: from the ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np

from app.demo.cameras import CLIP_FPS, DemoCamera, demo_truth, make_cameras
from app.output.video import VideoWriter
from app.scoring.score import Boxes
from storage.database import open_database
from storage.history import History
from storage.writer import Writer
from tracker.types import Evidence, Image, Point, Portrait, Sighting

MODEL = "truth"
DIMENSION = 8
MAX_GAP_S = 2.0


def record(path: Path, cameras: Sequence[DemoCamera], truth: Mapping[str, Boxes]) -> History:
    """Record the truth's people, each with the id it has there, into a new run of the history at ``path``."""
    engine = open_database(path, create=True)
    numbers = iter(range(1, 100_000))
    with Writer(engine, command="truth", version="0", model=MODEL, dimension=DIMENSION) as writer:
        for camera in cameras:
            record_camera(writer, camera, truth[camera.name], numbers)
    return History(engine)


def record_camera(writer: Writer, camera: DemoCamera, truth: Boxes, numbers: Iterator[int]) -> None:
    times = camera.start - camera.clock_offset_s + np.array(camera.clip_frames) / CLIP_FPS
    writer.footage(
        camera.name, uri=str(camera.path), start=times[0], width=camera.size[0], height=camera.size[1]
    )
    pictures = pictures_of(camera.path)
    for visit in visits(truth.take(~truth.ignored), times):
        record_visit(writer, camera.name, visit, times, pictures, next(numbers))
    writer.frames(camera.name, len(times), times[-1])


def visits(truth: Boxes, times: np.ndarray) -> Iterator[Boxes]:
    """The truth of one person after the other, parted where the person is away for long."""
    for identity in np.unique(truth.ids):
        rows = np.flatnonzero(truth.ids == identity)
        rows = rows[np.argsort(truth.frames[rows])]
        away = np.flatnonzero(np.diff(times[truth.frames[rows]]) > MAX_GAP_S) + 1
        yield from (truth.take(part) for part in np.split(rows, away))


def record_visit(
    writer: Writer, camera: str, visit: Boxes, times: np.ndarray, pictures: Sequence[Image], number: int
) -> None:
    seen = times[visit.frames]
    identity = int(visit.ids[0])
    evidence = Evidence(0.2, 3.0, identity + 1, 0.4, len(visit))
    writer.sighting(Sighting(number, camera, seen[0], seen[-1], identity, 0.9, evidence))
    for frame, time, box in zip(visit.frames.tolist(), seen, visit.boxes, strict=True):
        writer.point(number, Point(time, frame, box.astype(np.float32), 0.9))
    for row in sorted({len(visit) // 3, 2 * len(visit) // 3}):
        x1, y1, x2, y2 = visit.boxes[row].astype(int)
        crop = pictures[visit.frames[row]][y1 : y2 + 1, x1 : x2 + 1]
        vector = np.eye(DIMENSION, dtype=np.float32)[identity % DIMENSION]
        writer.portrait(number, Portrait(seen[row], 0.5 + 0.01 * row / len(visit), vector, crop))


def pictures_of(path: Path) -> list[Image]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def short_clip(shared: Path, path: Path, frames: int) -> Path:
    """The first frames of the real clip, as a file of their own."""
    with (
        av.open(shared / "data" / "video" / "vtest.avi") as container,
        VideoWriter(path, width=768, height=576, fps=CLIP_FPS, crf=12) as video,
    ):
        for k, frame in enumerate(islice(container.decode(video=0), frames)):
            video.write(frame.to_ndarray(format="bgr24"), k / CLIP_FPS)
    return path


@dataclass(frozen=True)
class Demo:
    history: History
    cameras: list[DemoCamera]
    truth: Mapping[str, Boxes]


def demo_history(shared: Path, folder: Path, *, frames: int = 40) -> Demo:
    """The demo's cameras from a short clip, their truth, and a history that holds it."""
    cameras = make_cameras(short_clip(shared, folder / "clip.mp4", frames), folder / "demo")
    truth = demo_truth(shared / "data/mot/PETS09-S2L1/gt/gt.txt", cameras)
    return Demo(record(folder / "history.db", cameras, truth), cameras, truth)
