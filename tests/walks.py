"""Short real footage with people in it, cut from the pedestrian clip."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np

from app.output.video import VideoWriter

START = 1_243_857_600.0
"""When the clip is said to begin."""


def cut_walks(clip: Path, folder: Path, *, frames: tuple[int, int], fps: int = 10) -> list[str]:
    """The given frames as two cameras, west and east, that do not see each other; their files."""
    columns = {"west": (256, 448), "east": (512, 768)}
    return [
        str(cut_walk(clip, folder / f"{name}.mp4", columns=part, frames=frames, fps=fps))
        for name, part in columns.items()
    ]


def cut_walk(
    clip: Path,
    path: Path,
    *,
    columns: tuple[int, int],
    frames: tuple[int, int],
    fps: int = 10,
    start: float | None = START,
) -> Path:
    """The given columns and frames of the clip (10 frames/s) as H.264; start: of the clip's first frame.

    fps: 10, or fewer that divide it: only every so manyth frame is taken.
    """
    (first, last), step = frames, 10 // fps
    begin = None if start is None else start + first / 10
    with (
        av.open(str(clip)) as container,
        VideoWriter(path, width=columns[1] - columns[0], height=576, fps=fps, start=begin) as video,
    ):
        for number, frame in enumerate(islice(container.decode(video=0), first, last, step)):
            image = frame.to_ndarray(format="bgr24")[:, columns[0] : columns[1]]
            video.write(np.ascontiguousarray(image), number / fps)
    return path
