"""The demo: three cameras made of real footage, through the whole line, to a page one can look at."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from app import errors
from app.assets import find, resolve
from app.config import Settings, read_config
from app.demo import DemoCamera, demo_truth, make_cameras, scene_of
from app.execution import execute, overridden, report, write_videos
from app.outputs import make_folder
from app.page import write_page
from app.score import Boxes, Scores, found_in, score

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
    people = {camera: _by_person(boxes) for camera, boxes in told.items()}
    found = found_in(history)
    scores = score(people, found)
    print_scores(scores, title="Against the truth of MOT15, a person who returns being the same person")
    print_scores(score(told, found), title="The same, a person who returns being somebody new (MOT15's ids)")
    return scores


def _by_person(boxes: Boxes) -> Boxes:
    ids = np.array([RETURNS.get(int(i), int(i)) for i in boxes.ids], np.int64)
    return replace(boxes, ids=ids)


def print_scores(scores: Scores, *, title: str) -> None:
    """A row a camera, and one for all of them with global ids."""
    table = Table(title=title, title_justify="left")
    for column in ("camera", "IDF1", "IDP", "IDR", "HOTA", "MOTA", "switches", "people", "ids"):
        table.add_column(column, justify="left" if column == "camera" else "right")
    for name, row in {**scores.cameras, "all cameras": scores.overall}.items():
        rates = [f"{100 * rate:.1f}" for rate in (row.idf1, row.idp, row.idr, row.hota, row.mota)]
        table.add_row(name, *rates, str(row.switches), str(row.people), str(row.ids))
    Console().print(table)
