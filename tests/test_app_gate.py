"""A film in which people come after a while, with real networks: what the detector was spared, and lost."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from app import errors
from app.cli import main
from app.history.opened import opened
from tracker.matching import iou
from tracker.types import Floats, Image

FPS, QUIET_S, BUSY_S = 25, 5, 2


@pytest.fixture(scope="module")
def film(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seconds of an empty place, as a sensor gives it; then people are there."""
    with av.open(str(shared / "data/video/vtest.avi")) as container:
        shown = [frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), 240)]
    empty = np.median(np.stack(shown[::12]), axis=0)
    pictures: list[Image] = []
    random = np.random.default_rng(0)
    noise = [random.normal(0, 2, empty.shape).round() for _ in range(4)]
    for k in range((QUIET_S + BUSY_S) * FPS):
        picture = empty if k < QUIET_S * FPS else shown[100 + int((k / FPS - QUIET_S) * 10)]
        pictures.append(np.clip(picture + noise[k % 4], 0, 255).astype(np.uint8))
    path = tmp_path_factory.mktemp("gate") / "hall.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "23"})
        stream.height, stream.width = empty.shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, FPS)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def run(film: Path, folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, bytes]:
    """How many frames the detector saw, and what was found, as MOT's rows."""
    folder.mkdir()
    database = folder / "history.db"
    capsys.readouterr()
    assert main(["run", str(film), "--db", str(database), *more]) == errors.OK
    told = re.search(r"the detector saw (\d+) of 175 frames", capsys.readouterr().out)
    assert told is not None
    assert main(["export", "--db", str(database), "--format", "mot", "--out", str(folder)]) == errors.OK
    return int(told.group(1)), (folder / "hall.txt").read_bytes()


def boxes_of(database: Path) -> dict[int, Floats]:
    """Frame, from 0 -> (N, 4) boxes that were recorded, of the undecided too."""
    with opened(database) as history:
        paths = history.trajectories([sighting.id for sighting in history.sightings()]).values()
    frames = np.concatenate([path.frames for path in paths])
    boxes = np.concatenate([path.boxes for path in paths])
    return {frame: boxes[frames == frame] for frame in np.unique(frames).tolist()}


@pytest.mark.usefixtures("assets")
def test_an_empty_place_costs_little_and_who_comes_is_found_at_once(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, rows = run(film, tmp_path / "some", capsys)
    every, _ = run(film, tmp_path / "all", capsys, "--detector-rate", "every-frame")
    assert every == 175
    assert seen <= 1 + QUIET_S / 4 + BUSY_S * 6  # five a second while people are there
    some, everything = (boxes_of(tmp_path / name / "history.db") for name in ("some", "all"))
    assert QUIET_S * FPS <= min(everything) <= min(some) <= min(everything) + FPS // 5
    right = [iou(boxes, everything[frame]).max(axis=1) >= 0.5 for frame, boxes in some.items()]
    assert np.concatenate(right).mean() > 0.95  # those on the line between two frames that it saw, too
    # Of two seconds; who is half hidden at first has ten chances to be seen well, not fifty.
    assert sum(map(len, some.values())) > 0.6 * sum(map(len, everything.values()))
    assert run(film, tmp_path / "again", capsys) == (seen, rows)
