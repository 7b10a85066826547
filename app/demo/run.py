"""The demo: three cameras made of real footage, through the whole line, to a page one can look at."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app import errors
from app.config import Settings, read_config
from app.demo.cameras import DemoCamera, demo_truth, make_cameras, scene_of
from app.headless.execution import execute, overridden, report, write_videos
from app.output.page import write_page
from app.output.place import make_folder
from app.scoring.identity_errors import FrameClock
from app.scoring.score import Boxes, Scores, found_in, score
from app.scoring.table import print_errors, print_scores
from app.weights.assets import find, resolve

if TYPE_CHECKING:
    from storage.history import History

RETURNS = {19: 1, 13: 2, 11: 3, 12: 4, 9: 5, 10: 6, 14: 8, 15: 8, 18: 8}
"""The truth of MOT15 gives whoever leaves the picture and comes back a new number: 19 for 10 people.

These are the numbers of the same people, found by looking at every one of them.
"""


def run_demo(arguments: argparse.Namespace) -> int:
    """Footage, run, table, scores, annotated videos, page. Everything goes into ``arguments.out``."""
    out = make_folder(arguments.out)
    cameras = make_cameras(resolve("pedestrians"), out / "cameras")
    settings = overridden(_settings(out), arguments)
    _forget(settings.database)
    with execute(settings) as (history, status, finished):
        report(history, status)
        scores = _scores(history, cameras)
        if not finished:
            return errors.INTERRUPTED
        videos = write_videos(history, out / "annotated")
        scene = scene_of(cameras)
        page = write_page(
            history, out / "index.html", videos=videos, scene=scene, scores=scores, timing=status
        )
    print(f"history: {settings.database}")
    print(f"page: {page}")
    return errors.OK


def _settings(out: Path) -> Settings:
    return replace(read_config(out / "cameras" / "site.toml"), database=out / "history.db")


def _forget(database: Path) -> None:
    """The demo tells its story from the beginning every time."""
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _scores(history: History, cameras: list[DemoCamera]) -> Scores | None:
    """Prints how right the run was, where the truth is at hand; the score by who people are."""
    folder = find("pedestrians-truth")
    if folder is None:
        return None
    told = demo_truth(folder / "gt" / "gt.txt", cameras)
    found, clocks = found_in(history), clocks_of(cameras)
    scores = score(people_in(told), found, clocks=clocks)
    print_scores(scores, title="Against the truth of MOT15, a person who returns being the same person")
    print_errors(scores)
    told_scores = score(told, found, clocks=clocks)
    print_scores(told_scores, title="The same, a person who returns being somebody new (MOT15's ids)")
    return scores


def people_in(told: dict[str, Boxes]) -> dict[str, Boxes]:
    """The truth with one number for each person."""
    return {camera: _by_person(boxes) for camera, boxes in told.items()}


def clocks_of(cameras: list[DemoCamera]) -> dict[str, FrameClock]:
    """When each camera's frames were, by the common clock."""
    return {one.name: FrameClock(one.start - one.clock_offset_s, one.fps) for one in cameras}


def _by_person(boxes: Boxes) -> Boxes:
    ids = np.array([RETURNS.get(int(i), int(i)) for i in boxes.ids], np.int64)
    return replace(boxes, ids=ids)
