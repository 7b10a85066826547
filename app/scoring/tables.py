"""Boxes as rows of numbers: commas, semicolons, tabs or blanks between them, with a heading or without."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.scoring.score import Boxes
from tracker.layout import PERSON_NAMES

MOT_CLASSES = {1: "person", 2: "ignored", 7: "ignored", 8: "ignored", 12: "ignored"}
"""Of MOT16, MOT17 and MOT20: pedestrians; on vehicles, standing still, what misleads, reflections."""
LAST_MOT_CLASS = 13
MOST_BYTES = 2 * 10**9

Rows = NDArray[np.float64]


def read_rows(path: Path) -> Rows:
    """(N, columns) of a text. Raises OSError where it can't be read, ValueError where rows are no numbers."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES / 1e9:g} GB")
    text = path.read_text(encoding="utf-8-sig")
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    rows = [re.split(r"[,;\t]\s*|\s+", line.rstrip(",; ")) for line in lines if line]
    if rows and not _is_number(rows[0][0]) and len(rows) > 1:
        rows = rows[1:]  # a heading
    if not rows:
        return np.zeros((0, 0))
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        odd = next(k for k, row in enumerate(rows, 1) if len(row) != len(rows[0]))
        raise ValueError(f"row {odd} has {len(rows[odd - 1])} columns, the first {len(rows[0])}")
    return np.array(rows, np.float64)


def read_mot(path: Path) -> Boxes:
    """A MOTChallenge text file, truth or result; see mot_boxes. Raises OSError and ValueError."""
    return mot_boxes(read_rows(path))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def mot_boxes(rows: Rows, labels: Sequence[str] = ()) -> Boxes:
    """``frame,id,x,y,w,h,mark,class,...`` with frames from 1; nobody where there are no rows.

    In a truth, a mark of 0 says that the box is to be ignored; in a result it says nothing. labels: what the
    classes are, from 1; without any, MOT16's where there are nine columns. Raises ValueError where a row is
    not of that form, or no class is people.
    """
    if not len(rows):
        return Boxes.none()
    if rows.shape[1] < 6:
        raise ValueError(f"{rows.shape[1]} columns where at least 6 are needed")
    nine = rows.shape[1] == 9
    marks = rows[:, 6] if rows.shape[1] > 6 else np.ones(len(rows))
    rows = np.column_stack([rows[:, :6], marks, rows[:, 7:8] if rows.shape[1] > 7 else np.ones(len(rows))])
    _expect_numbers(rows)
    kept, ignored = _of_people(rows[:, 7], labels, nine=nine and rows_have_classes(rows))
    rows, ignored = rows[kept], (ignored | (rows[:, 6] == 0))[kept]
    corners = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    return Boxes(rows[:, 0].astype(np.int64) - 1, rows[:, 1].astype(np.int64), corners, ignored)


def rows_have_classes(rows: Rows) -> bool:
    """Whether the eighth column can be MOT16's class."""
    classes = rows[:, 7]
    return bool(((classes == np.floor(classes)) & (classes >= 1) & (classes <= LAST_MOT_CLASS)).all())


def _of_people(
    classes: Rows, labels: Sequence[str], *, nine: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are kept, and which of them are to be ignored."""
    everybody, nobody = np.ones(len(classes), bool), np.zeros(len(classes), bool)
    if labels:
        people = people_of(dict(enumerate(labels, 1)))
        if (classes < 1).all():
            return everybody, nobody  # no class was written
        return np.isin(classes, sorted(people)), nobody
    if not nine:
        return everybody, nobody
    ignored = [number for number, kind in MOT_CLASSES.items() if kind == "ignored"]
    return np.isin(classes, sorted(MOT_CLASSES)), np.isin(classes, ignored)


def people_of(names: Mapping[int, str]) -> set[int]:
    """The numbers of the classes that are people, or of the only one. Raises ValueError where none is."""
    people = {number for number, name in names.items() if name.strip().casefold() in PERSON_NAMES}
    if not people and len(names) == 1:
        people = set(names)
    if not people:
        raise ValueError(f"none of its classes is a person: {', '.join(list(names.values())[:6])}")
    return people


def _expect_numbers(rows: Rows) -> None:
    """Raises ValueError where a frame, an id or a box can't be one."""
    finite = np.isfinite(rows[:, :7]).all(axis=1)
    whole = (rows[:, :2] == np.floor(rows[:, :2])).all(axis=1) & (rows[:, 0] >= 1)
    right = finite & whole & (np.abs(rows[:, :2]) < 2**53).all(axis=1)
    if not right.all():
        row = int(right.argmin())
        raise ValueError(f"row {row + 1}: a frame is a whole number from 1, an id a whole number, all finite")


def is_city(rows: Rows) -> bool:
    """Whether rows are AI City's ``camera id frame x y w h ...`` and not MOT's, where these would repeat."""
    if len(rows) < 4 or rows.shape[1] < 9 or not (rows[:, :3] == np.floor(rows[:, :3])).all():
        return False
    places = len(np.unique(rows[:, :2], axis=0))
    return 2 * places <= len(rows) == len(np.unique(rows[:, :3], axis=0))


def city_boxes(rows: Rows) -> dict[str, Boxes]:
    """By the camera's number. Frames count from 0 where a camera has a frame 0, else from 1."""
    found = {}
    first = 0 if (rows[:, 2] == 0).any() else 1
    for camera in np.unique(rows[:, 0]):
        mine = rows[rows[:, 0] == camera]
        frames = mine[:, 2] + 1 - first
        found[f"{camera:.0f}"] = mot_boxes(np.column_stack([frames, mine[:, 1], mine[:, 3:7]]))
    return found


def coco_boxes(path: Path) -> dict[str, Boxes]:
    """COCO's layout for videos: by the video's name. Raises OSError, or ValueError for another layout."""
    told = json.loads(path.read_text(encoding="utf-8-sig"))
    try:
        return _coco(told)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"it is no list of videos, images and annotations with ids ({error!r})") from error


def _coco(told: Mapping[str, Any]) -> dict[str, Boxes]:
    names = {one["id"]: Path(str(one["name"])).stem for one in told.get("videos", [])}
    images = {one["id"]: one for one in told["images"]}
    frames = {id_: int(one.get("frame_id", one.get("frame_index", -1))) for id_, one in images.items()}
    if not names or min(frames.values(), default=-1) < 0:
        raise ValueError("its images name no video and no frame")
    first = 0 if 0 in frames.values() else 1
    people = people_of({one["id"]: str(one["name"]) for one in told["categories"]})
    rows: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for one in told["annotations"]:
        if one["category_id"] in people:
            image = one["image_id"]
            who = one["instance_id"] if "instance_id" in one else one["track_id"]
            mark = 0 if one.get("ignore") or one.get("iscrowd") else 1
            place = rows[names[images[image]["video_id"]]]
            place.append([frames[image] + 1 - first, who, *one["bbox"], mark])
    return {name: mot_boxes(np.array(some, np.float64).reshape(-1, 7)) for name, some in rows.items()}
