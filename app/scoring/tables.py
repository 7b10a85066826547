"""Boxes as rows of numbers: commas, semicolons, tabs or blanks between them, with a heading or without."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.scoring.score import Boxes
from tracker.layout import PERSON_NAMES

MOT_CLASSES = {1: "person", 2: "ignored", 7: "ignored", 8: "ignored", 12: "ignored"}
"""Of MOT16, MOT17 and MOT20: pedestrians; on vehicles, standing still, what misleads, reflections."""
LAST_MOT_CLASS = 13
VISDRONE_CLASSES = {0: "ignored", 1: "person", 2: "person", 11: "ignored"}
"""Regions, pedestrians, people, others."""
LAST_VISDRONE_CLASS = 11
MOST_BYTES = 2 * 10**9

Rows = NDArray[np.float64]


def read_rows(path: Path) -> Rows:
    """(N, columns) of a text. Raises OSError where it can't be read, ValueError where rows are no numbers."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES / 1e9:g} GB")
    lines = [line.partition("#")[0].replace('"', "").strip() for line in _text(path).splitlines()]
    rows = [_parts(line) for line in lines if line]
    if rows and not _is_number(rows[0][0]) and len(rows) > 1:
        rows = rows[1:]  # a heading
    if not rows:
        return np.zeros((0, 0))
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        odd = next(k for k, row in enumerate(rows, 1) if len(row) != len(rows[0]))
        raise ValueError(f"row {odd} has {len(rows[odd - 1])} columns, the first {len(rows[0])}")
    return np.array(rows, np.float64)


def _text(path: Path) -> str:
    """In UTF-8, or UTF-16 by its mark; letters that are none may stand in comments."""
    data = path.read_bytes()
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16") if marked else data.decode("utf-8-sig", errors="replace")


def _parts(line: str) -> list[str]:
    """The words of a row. Where semicolons or tabs part them, commas are those of decimals."""
    for mark in (";", "\t"):
        if mark in line and "," in line:
            return [word.strip().replace(",", ".") for word in line.rstrip("; \t").split(mark)]
    return re.split(r"[,;\t]\s*|\s+", line.rstrip(",; "))


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
    classes = _classes(rows)
    marks = rows[:, 6] if rows.shape[1] > 6 else np.ones(len(rows))
    rows = np.column_stack([rows[:, :6], marks, rows[:, 7:8] if rows.shape[1] > 7 else np.ones(len(rows))])
    _expect_numbers(rows)
    kept, ignored = _of_people(rows[:, 7], labels, classes)
    rows, ignored = rows[kept], (ignored | (rows[:, 6] == 0))[kept]
    corners = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    return Boxes(rows[:, 0].astype(np.int64) - 1, rows[:, 1].astype(np.int64), corners, ignored)


def _classes(rows: Rows) -> Mapping[int, str]:
    """What the eighth column can be: MOT16's classes, or VisDrone's, which tells two more things behind."""
    width, classes = rows.shape[1], rows[:, 7] if rows.shape[1] > 7 else np.zeros(0)
    whole = len(classes) > 0 and bool((classes == np.floor(classes)).all())
    if width == 9 and whole and classes.min() >= 1 and classes.max() <= LAST_MOT_CLASS:
        return MOT_CLASSES
    if width == 10 and whole and classes.min() >= 0 and 1 <= classes.max() <= LAST_VISDRONE_CLASS:
        hidden = np.isin(rows[:, 8], (0, 1)) & np.isin(rows[:, 9], (0, 1, 2))
        return VISDRONE_CLASSES if hidden.all() else {}
    return {}


def _of_people(
    classes: Rows, labels: Sequence[str], told: Mapping[int, str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are kept, and which of them are to be ignored."""
    everybody, nobody = np.ones(len(classes), bool), np.zeros(len(classes), bool)
    if labels:
        people = people_of(dict(enumerate(labels, 1)))
        if (classes < 1).all():
            return everybody, nobody  # no class was written
        return np.isin(classes, sorted(people)), nobody
    if not told:
        return everybody, nobody
    ignored = [number for number, kind in told.items() if kind == "ignored"]
    return np.isin(classes, sorted(told)), np.isin(classes, ignored)


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
