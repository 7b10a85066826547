"""A sighting as a film: its stretch of footage with camera and time burnt in, others blurred on request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont

from app.history.telling import plain
from app.output.drawing import Label, draw_people
from app.output.video import VideoWriter
from app.sources.detections import holds_detections
from app.sources.names import file_of, is_file_uri, is_folder
from app.sources.stretch import Piece, Shot, reel
from app.times import moment, zone
from storage.history import FootageRow, History, SightingRow, Trajectory
from tracker.types import Floats, Image

AROUND_S = 1.0
"""Of footage before a sighting and after it."""

GAP_S = 1.0
"""Between two points no further apart somebody's box is drawn where it must have been."""

HOLDS_S = 1.0
"""For so long before their first point and after their last one others are blurred, too."""

WIDER = 0.15
"""Share of its size by which a box is made larger on each side before it is blurred: what sticks out."""

GRAIN = 6
"""Cells across the blurred part of a picture: a face is one or two of them."""


@dataclass(frozen=True, slots=True)
class Others:
    """Who else is on the camera: their ways, which are blurred."""

    ways: Sequence[Trajectory] = ()

    def boxes(self, time: float) -> list[Floats]:
        found = (box_at(way, time, hold_s=HOLDS_S) for way in self.ways)
        return [box for box in found if box is not None]


def pieces_of(history: History, sighting: SightingRow, footage: FootageRow) -> list[Piece]:
    """The files that show a sighting and a moment around it, by time; none where there is no video."""
    path = file_of(footage.uri, history=history.path)
    if is_file_uri(footage.uri):
        if not path.is_file() or holds_detections(path) or is_folder(path):
            return []
        return [Piece(path, footage.start, footage.start, footage.end)]
    rows = history.segments(since=sighting.start - AROUND_S, until=sighting.end + AROUND_S)
    mine = [(file_of(row.path, history=history.path), row) for row in rows if row.camera == sighting.camera]
    found = [Piece(path, row.start, row.start, row.end) for path, row in mine if path.is_file()]
    return sorted(found, key=lambda piece: piece.begin)


def write_clip(
    sighting: SightingRow,
    way: Trajectory,
    pieces: Sequence[Piece],
    out: Path,
    *,
    name: str | None = None,
    others: Others | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[float], None] | None = None,
) -> bool:
    """Write the film, as MP4; whether there was a picture to write. The picture is whole: what is burnt in
    stands below it.

    pieces: of `pieces_of`. others: are blurred. progress: is told the share that is done. Raises SourceError
    where footage cannot be read, OutputError where the file cannot be written.
    """
    begin, end = sighting.start - AROUND_S, sighting.end + AROUND_S
    shots = _until(reel(pieces, begin=begin, now=lambda: -np.inf, stop=stop or threading.Event()), end)
    first = next(shots, None)
    if first is None:
        return False
    height, width = first.image.shape[:2]
    bar = bar_height(width)
    size = {"width": width, "height": height + bar}
    with VideoWriter(out, **size, fps=_fps(way), start=max(first.time, begin)) as video:
        for shot in _with(first, shots):
            image = _drawn(shot, sighting, way, name, others)
            video.write(
                np.vstack([image, _bar(image.shape[1], bar, _words(sighting, name, shot.time))]), shot.time
            )
            if progress is not None:
                progress(min(max((shot.time - begin) / (end - begin), 0.0), 1.0))
    return True


def _until(shots: Iterator[Shot], end: float) -> Iterator[Shot]:
    last = -np.inf
    for shot in shots:
        if shot.time > end:
            return
        if shot.time > last:
            yield shot
            last = shot.time


def _with(first: Shot, rest: Iterator[Shot]) -> Iterator[Shot]:
    yield first
    yield from rest


def _fps(way: Trajectory) -> float:
    span = float(way.times[-1] - way.times[0]) if len(way) > 1 else 0.0
    return (len(way) - 1) / span if span > 0 else 25.0


def _drawn(
    shot: Shot, sighting: SightingRow, way: Trajectory, name: str | None, others: Others | None
) -> Image:
    image, box = shot.image.copy(), box_at(way, shot.time)
    if others is not None:
        blur(image, others.boxes(shot.time), but=box)
    if box is not None:
        draw_people(image, [Label(box, sighting.person, name)])
    return image


def box_at(way: Trajectory, time: float, *, hold_s: float = 0.0) -> Floats | None:
    """(4,) where somebody is: as tracked, in between where the gap is short; None where nobody knows.

    hold_s: with one, they are taken to be there from so long before to so long after, and in every gap.
    """
    if not len(way) or not way.times[0] - hold_s <= time <= way.times[-1] + hold_s:
        return None
    after = int(np.searchsorted(way.times, time))
    if not hold_s and 0 < after < len(way) and way.times[after] - way.times[after - 1] > GAP_S:
        return None
    return np.array([np.interp(time, way.times, column) for column in way.boxes.T], np.float32)


def blur(image: Image, boxes: Sequence[Floats], *, but: Floats | None = None) -> None:
    """Make everybody in the boxes unrecognisable, in the picture itself: a few cells of colour are left of
    each.

    but: whose box is kept where they stand in front (their feet are lower).
    """
    kept = image.copy() if but is not None else None
    behind = [box for box in boxes if but is not None and box[3] <= but[3]]
    for box in behind:
        _blur(image, box)
    if but is not None and kept is not None:
        x1, y1, x2, y2 = _inside(image, but, 0.0)
        image[y1:y2, x1:x2] = kept[y1:y2, x1:x2]
    for box in boxes:
        if not any(box is other for other in behind):
            _blur(image, box)


def _blur(image: Image, box: Floats) -> None:
    x1, y1, x2, y2 = _inside(image, box, WIDER)
    part = image[y1:y2, x1:x2]
    if not part.size:
        return
    high = max(1, round(GRAIN * part.shape[0] / part.shape[1]))
    small = cv2.resize(part, (GRAIN, min(high, 4 * GRAIN)), interpolation=cv2.INTER_AREA)
    size = (part.shape[1], part.shape[0])
    image[y1:y2, x1:x2] = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def _inside(image: Image, box: Floats, wider: float) -> tuple[int, int, int, int]:
    """Whole pixels of the picture, made larger by a share of its size on each side."""
    height, width = image.shape[:2]
    margin = wider * np.array([box[2] - box[0], box[3] - box[1]])
    low = np.floor(box[:2] - margin).astype(int).clip(0, [width, height])
    high = np.ceil(box[2:] + margin).astype(int).clip(0, [width, height])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def bar_height(width: int) -> int:
    """Of the strip below the picture, of two lines; even, as H.264 wants it."""
    return 2 * max(16, round(width / 28))


def _words(sighting: SightingRow, name: str | None, time: float) -> tuple[str, str]:
    """Camera and time, to a tenth of a second; and who it is."""
    person = f"person {sighting.person}{f' {plain(name)}' if name else ''}"
    when = f"{moment(time)}.{int(10 * time) % 10} {zone(time)}".rstrip()
    who = "nobody" if sighting.person is None else person
    return f"{plain(sighting.camera)}   {when}", f"{who}, sighting {sighting.id}"


def _bar(width: int, height: int, words: tuple[str, str]) -> NDArray[np.uint8]:
    """(height, width, 3): two lines on black, made smaller where one is too wide."""
    canvas = Canvas.new("RGB", (width, height))
    pen = ImageDraw.Draw(canvas)
    size = round(height / 2 * 0.72)
    wide = max(pen.textlength(text, font=_font(size)) for text in words)
    font = _font(max(6, min(size, int(size * (width - size) / max(wide, 1)))))
    for text, middle, fill in zip(words, (height / 4, 3 * height / 4), ("white", "#c8c8c8"), strict=True):
        pen.text((size / 2, middle), text, font=font, fill=fill, anchor="lm")
    return np.asarray(canvas)[:, :, ::-1]


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def others_of(history: History, sighting: SightingRow, people: Collection[int]) -> Others:
    """Everybody else on the camera at that time, but for these people."""
    since, until = sighting.start - AROUND_S - HOLDS_S, sighting.end + AROUND_S + HOLDS_S
    rows = history.sightings(camera=sighting.camera, since=since, until=until)
    ids = [
        row.id for row in rows if row.id != sighting.id and (row.person is None or row.person not in people)
    ]
    return Others(list(history.trajectories(ids).values()))
