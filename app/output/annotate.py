"""The footage of the last run, with everybody in it marked."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.history.last_run import last_footage, last_sightings
from app.output.drawing import Label, draw_people
from app.output.place import make_folder
from app.output.video import VideoWriter
from app.sources.detections import holds_detections
from app.sources.file import FileSource
from app.sources.names import file_of, is_file_uri
from tracker.types import Floats

if TYPE_CHECKING:
    from storage.history import FootageRow, History, SightingRow, Trajectory

Progress = Callable[[str, int, int], None]
"""Told the camera, how many frames are written and how many are expected, after each frame."""

MAX_GAP_S = 1.0
"""Between two points of a trajectory no further apart the box is drawn where it must have been."""

TRAIL_S = 2.0

_AHEAD_S = 1.0


def annotate(history: History, out: Path, *, progress: Progress | None = None) -> list[Path]:
    """Write NAME.mp4 a camera: the last run's footage with boxes, ids, names and short trails drawn in.

    The identities are the history's, not those of the moment: labels are right from a person's first frame,
    and follow later corrections. Frames keep their times. Footage that is not there any more, or never was a
    file, is left out. The videos written, by camera.

    Raises OutputError where the folder cannot be written, SourceError where footage cannot be read.
    """
    make_folder(out)
    names = {person.id: person.name for person in history.people()}
    sightings = last_sightings(history)
    paths: list[Path] = []
    for row in sorted(last_footage(history), key=lambda row: (row.camera, row.start)):
        source = file_of(row.uri, history=history.path)
        if is_file_uri(row.uri) and source.is_file() and not holds_detections(source):
            path = _free_name(out, row.camera, paths)
            there = [
                s for s in sightings if s.camera == row.camera and s.start <= row.end and s.end >= row.start
            ]
            _write(row, source, _People(history, there, names), path, progress)
            paths.append(path)
    return paths


def _free_name(out: Path, camera: str, taken: Sequence[Path]) -> Path:
    """NAME.mp4, of the letters every disk takes; NAME-2.mp4 where that is taken."""
    stem = re.sub(r"[^\w.-]+", "_", camera).strip("._") or "camera"
    path = out / f"{stem}.mp4"
    number = 2
    while path in taken:
        path, number = out / f"{stem}-{number}.mp4", number + 1
    return path


def _write(row: FootageRow, footage: Path, people: _People, path: Path, progress: Progress | None) -> None:
    span = row.end - row.start
    fps = (row.frames - 1) / span if span > 0 else 0.0
    with (
        FileSource(camera=row.camera, path=footage, start=row.start, max_pixels=math.inf) as source,
        VideoWriter(path, width=row.width, height=row.height, fps=fps, start=row.start) as video,
    ):
        for done, frame in enumerate(source, 1):
            image = frame.image.copy()
            draw_people(image, people.at(frame.index, frame.time))
            video.write(image, frame.time)
            if progress is not None:
                progress(row.camera, done, max(row.frames, done))


class _People:
    """Who is on one camera, asked for frame after frame: ways are read as they begin, and let go after."""

    def __init__(
        self, history: History, sightings: Sequence[SightingRow], names: Mapping[int, str | None]
    ) -> None:
        self._history = history
        self._names = names
        self._coming = deque(sorted(sightings, key=lambda sighting: (sighting.start, sighting.id)))
        self._ways: list[_Way] = []

    def at(self, frame: int, time: float) -> list[Label]:
        self._read(time + _AHEAD_S)
        self._ways = [way for way in self._ways if way.path.frames[-1] >= frame]
        labels = (way.at(frame) for way in self._ways)
        return [label for label in labels if label is not None]

    def _read(self, until: float) -> None:
        due = []
        while self._coming and self._coming[0].start <= until:
            due.append(self._coming.popleft())
        paths = self._history.trajectories([sighting.id for sighting in due]) if due else {}
        for sighting in due:
            if len(paths[sighting.id].frames) > 0:
                name = None if sighting.person is None else self._names.get(sighting.person)
                self._ways.append(_Way(sighting.person, name, paths[sighting.id]))


@dataclass(frozen=True, slots=True)
class _Way:
    """One sighting's way through the picture."""

    identity: int | None
    name: str | None
    path: Trajectory

    def at(self, frame: int) -> Label | None:
        """The person in a frame: as tracked, or in between where the gap is short."""
        last = int(np.searchsorted(self.path.frames, frame, side="right")) - 1
        if last < 0:
            return None
        box = self.path.boxes[last] if self.path.frames[last] == frame else self._between(last, frame)
        return None if box is None else Label(box, self.identity, self.name, self._trail(last, frame))

    def _between(self, last: int, frame: int) -> Floats | None:
        frames, times, boxes = self.path.frames, self.path.times, self.path.boxes
        if last + 1 >= len(frames) or times[last + 1] - times[last] > MAX_GAP_S:
            return None
        part = (frame - frames[last]) / (frames[last + 1] - frames[last])
        return np.asarray(boxes[last] + part * (boxes[last + 1] - boxes[last]), np.float32)

    def _trail(self, last: int, frame: int) -> Floats:
        """Where the feet were in the last seconds before the frame."""
        end = last if self.path.frames[last] == frame else last + 1
        begin = int(np.searchsorted(self.path.times, self.path.times[last] - TRAIL_S))
        boxes = self.path.boxes[begin:end]
        return np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
