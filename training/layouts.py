"""How data sets of people are laid out: which picture shows whom, by which camera, told by names alone.

Market-1501  bounding_box_train, query, bounding_box_test, also with a folder a person in them; and others
             in that layout, as DukeMTMC-reID and CUHK03-NP
MSMT17       list_train.txt, list_query.txt, list_gallery.txt; the camera is in the pictures' names
VIPeR        632 pairs: 000_45_1.jpg (person, angle, camera), or cam_a and cam_b; ten times 316 people
GRID         250 pairs and 775 strangers, 0001_1_25004_... (person, camera, frame); ten times 125 people
CUHK03       1_001_1_01.png (pair of cameras, person, camera, number); twenty times 100 people
folders      a folder a person, in folders a camera or with such in it; in train, query and gallery, or all
             together
names        0002_c1s1_000451_03.jpg and the like, in train, query and gallery, or all together
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeAlias

import numpy as np

TRAIN, QUERY, GALLERY = FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
STRANGER = 0

NAME = re.compile(r"(-1|\d{1,15})_c(\d{1,9})(?:s(\d{1,9}))?_f?(\d{1,15})")
_CAMERA = re.compile(r"(?:^|_)c(?:am)?(\d{1,4})|^\d+C(\d)T")  # MARS has 0001C1T0001F001
_CAMERA_FOLDER = re.compile(r"c(?:am(?:era)?)?[-_ ]?(\d{1,4}|[a-z])", re.IGNORECASE)
_MSMT = re.compile(r"\d+_\d+_(\d{1,4})_")
_VIPER = re.compile(r"(\d{3,4})_(\d{1,3})_([12])")
_VIPER_FOLDERS = {"cam_a": 1, "cam_b": 2}
_GRID = re.compile(r"(\d{4})_([0-9])_(\d{1,9})_\d+_\d+_\d+_\d+")
_CUHK03 = re.compile(r"(\d)_(\d{3})_([12])_(\d{2})")
_SPLITS = {"train": TRAIN, "query": QUERY, "probe": QUERY, "gallery": GALLERY, "test": GALLERY}
_SPLITS |= {TRAIN: TRAIN, GALLERY: GALLERY}
_SPLITS |= {f"image_{name}": _SPLITS[name] for name in ("train", "query", "test")}  # as VeRi has it
_LISTS = {"list_train.txt": TRAIN, "list_query.txt": QUERY, "list_gallery.txt": GALLERY}

Row: TypeAlias = tuple[str, int, int, int, int]
"""A picture's name, person, camera, sequence and frame."""

Trial: TypeAlias = tuple[list[int], list[int]]
"""Rows of the query and of the gallery that one trial of a protocol is about."""


class LayoutError(ValueError):
    """Pictures laid out as nothing known: says what was expected, a part of a sentence."""


@dataclass(slots=True)
class Layout:
    """tables: by FOLDERS. trials: of the data set's own protocol, to be averaged; none: all at once."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {folder: [] for folder in FOLDERS})
    trials: list[Trial] = field(default_factory=list)


def is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def laid_out(names: Sequence[str], text_of: Callable[[str], str]) -> Layout:
    """Of files of these names, "/" between folders. text_of: what is in one. Raises LayoutError."""
    pictures = [name for name in names if is_picture(name)]
    if not pictures:
        raise LayoutError("it holds no picture (.jpg or .png)")
    folders = {part for name in names for part in PurePosixPath(name).parts[:-1]}
    if folders & {TRAIN, GALLERY} or (QUERY in folders and not folders & {"gallery", "test"}):
        return _market(pictures)
    lists = {PurePosixPath(name).name: name for name in names if PurePosixPath(name).name in _LISTS}
    if lists:
        return _msmt(pictures, {kind: text_of(lists[kind]) for kind in lists})
    stems = [PurePosixPath(name).stem for name in pictures]
    if all(_GRID.fullmatch(stem) for stem in stems):
        return _grid(pictures)
    if all(_VIPER.fullmatch(stem) for stem in stems) or _in_cam_folders(pictures):
        return _viper(pictures)
    if all(_CUHK03.fullmatch(stem) for stem in stems):
        return _cuhk03(pictures)
    named = {name: _by_name(name) for name in pictures}
    told = [row for row in named.values() if row is not None]
    return _split(told if len(told) == len(named) else _by_folders(pictures))


def _market(pictures: Sequence[str]) -> Layout:
    """By the folder, and then by the pictures' own names."""
    layout = Layout()
    roots: dict[str, set[str]] = {folder: set() for folder in FOLDERS}
    for name in pictures:
        parts = PurePosixPath(name).parts
        folder = next((part for part in parts[:-1] if part in FOLDERS), None)
        if folder is None:
            continue
        roots[folder].add("/".join(parts[: parts.index(folder)]))
        found = NAME.match(parts[-1])
        if found is None:
            raise LayoutError(f"{name} does not say whom it shows: name pictures as 0002_c1s1_000451_03.jpg")
        layout.tables[folder].append((name, *(int(told or 1) for told in found.groups())))  # type: ignore[arg-type]
    for folder, there in roots.items():
        if len(there) > 1:
            raise LayoutError(f"it holds {folder} more than once: name the one data set that is meant")
    return layout


def _msmt(pictures: Sequence[str], lists: dict[str, str]) -> Layout:
    layout = Layout()
    whole = {"/".join(PurePosixPath(name).parts[-2:]): name for name in pictures}
    for kind, text in lists.items():
        for line in text.splitlines():
            listed, _, label = line.strip().rpartition(" ")
            if not listed:
                continue
            name = whole.get("/".join(PurePosixPath(listed).parts[-2:]))
            found = _MSMT.match(PurePosixPath(listed).name)
            if name is None or found is None or not label.isdecimal():
                raise LayoutError(
                    f"{kind} names {listed[:60]}, which is not there, or does not tell its camera"
                )
            layout.tables[_LISTS[kind]].append((name, int(label), int(found[1]), 1, 1))
    return layout


def _grid(pictures: Sequence[str]) -> Layout:
    """Two pictures of each, the first asked for; strangers, of whom there is one, are in every gallery."""
    pictures_of = Counter(_grid_facts(name)[0] for name in pictures)
    query: list[Row] = []
    gallery: list[Row] = []
    asked: set[int] = set()
    for name in sorted(pictures):
        told, camera, frame = _grid_facts(name)
        person = told if pictures_of[told] > 1 else STRANGER
        first = person != STRANGER and person not in asked
        asked.add(person)
        (query if first else gallery).append((name, person, camera, 1, frame))
    return _paired(query, gallery, people=125, trials=10)


def _grid_facts(name: str) -> tuple[int, int, int]:
    """Person, camera and frame."""
    found = _GRID.fullmatch(PurePosixPath(name).stem)
    assert found is not None, "laid_out has looked"
    return int(found[1]), int(found[2]), int(found[3])


def _in_cam_folders(pictures: Sequence[str]) -> bool:
    folders = {PurePosixPath(name).parent for name in pictures}
    return len(folders) == 2 and {folder.name for folder in folders} == set(_VIPER_FOLDERS)


def _viper(pictures: Sequence[str]) -> Layout:
    rows: list[Row] = []
    for name in pictures:
        path = PurePosixPath(name)
        found = _VIPER.fullmatch(path.stem)
        number = re.search(r"\d+", path.stem)
        person = found[1] if found else number[0] if number else ""
        if not person:
            raise LayoutError(f"{name} does not say whom it shows: name pictures as 000_45.bmp")
        camera = int(found[3]) if found else _VIPER_FOLDERS[path.parent.name]
        rows.append((name, int(person) + 1, camera, 1, 1))
    query, gallery = ([row for row in rows if row[2] == camera] for camera in (1, 2))
    return _paired(query, gallery, people=316, trials=10)


def _cuhk03(pictures: Sequence[str]) -> Layout:
    rows: list[Row] = []
    for name in pictures:
        found = _CUHK03.fullmatch(PurePosixPath(name).stem)
        assert found is not None, "laid_out has looked"
        pair, person, camera, number = map(int, found.groups())
        rows.append((name, 1000 * pair + person, camera, 1, number))
    query, gallery = ([row for row in rows if row[2] == camera] for camera in (1, 2))
    return _paired(query, gallery, people=100, trials=20, one_each=True)


def _paired(
    query: list[Row], gallery: list[Row], *, people: int, trials: int, one_each: bool = False
) -> Layout:
    """So many trials, each of people drawn by chance (always the same). one_each: and one picture of each."""
    both = sorted({row[1] for row in query} & {row[1] for row in gallery} - {STRANGER})
    layout = Layout()
    layout.tables |= {TRAIN: sorted(query + gallery), QUERY: query, GALLERY: gallery}
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        chosen = (
            set(rng.choice(both, min(people, max(len(both) // 2, 1)), replace=False).tolist())
            if both
            else set()
        )
        sides = []
        for rows in (query, gallery):
            mine = [k for k, row in enumerate(rows) if row[1] in chosen or row[1] == STRANGER]
            sides.append(_one_each(rows, mine, rng) if one_each else mine)
        layout.trials.append((sides[0], sides[1]))
    return layout


def _one_each(rows: Sequence[Row], mine: Sequence[int], rng: np.random.Generator) -> list[int]:
    by_person: dict[int, list[int]] = {}
    for k in mine:
        by_person.setdefault(rows[k][1], []).append(k)
    return [int(rng.choice(some)) for some in by_person.values()]


def _by_name(name: str) -> Row | None:
    found = NAME.match(PurePosixPath(name).name)
    return None if found is None else (name, *(int(told or 1) for told in found.groups()))  # type: ignore[return-value]


def _by_folders(pictures: Sequence[str]) -> list[Row]:
    """Rows of a folder a person, which may hold a folder a camera, or be in one."""
    people = {name: _person(PurePosixPath(name)) for name in pictures}
    known = sorted(set(people.values()) - {""})
    several = [who for who in known if sum(one == who for one in people.values()) > 1]
    if len(several) < 2:
        raise LayoutError(
            f"it is laid out as nothing known: Market-1501's {', '.join(FOLDERS)} or its names, MSMT17's "
            "lists, or a folder of pictures for each person are expected"
        )
    numbers = {who: number for number, who in enumerate(known, 1)}
    return [(name, numbers[people[name]], _camera(name), 1, 1) for name in pictures if people[name]]


def _person(picture: PurePosixPath) -> str:
    """The folder that is no camera's and no split's; "" where there is none."""
    folder = picture.parent
    folder = folder.parent if _CAMERA_FOLDER.fullmatch(folder.name) else folder
    return "" if folder.name.lower() in _SPLITS else folder.name


def _split(rows: Sequence[Row]) -> Layout:
    """By folders. Where none tells what is asked for, everybody's first picture in each camera is; where that
    is all there are, everybody's first.
    """
    layout = Layout()
    split = {name: _split_of(name) for name, *_ in rows}
    if QUERY in split.values() and GALLERY in split.values():
        for row in sorted(rows):
            layout.tables[split[row[0]] or TRAIN].append(row)
        return layout
    layout.tables[TRAIN] = sorted(rows)
    one_each = len({row[1:3] for row in rows}) == len(rows)
    seen: set[tuple[int, ...]] = set()
    for row in sorted(rows):
        whose = row[1:2] if one_each else row[1:3]
        layout.tables[GALLERY if whose in seen else QUERY].append(row)
        seen.add(whose)
    return layout


def _split_of(name: str) -> str | None:
    parts = [part.lower() for part in PurePosixPath(name).parts[:-1]]
    return next((_SPLITS[part] for part in parts if part in _SPLITS), None)


def _camera(name: str) -> int:
    """By the picture's name, or its folders'; letters by their place in the alphabet; 0 where none tells."""
    path = PurePosixPath(name)
    found = _CAMERA.search(path.stem)
    if found is not None:
        return int(found[1] or found[2])
    folders = (_CAMERA_FOLDER.fullmatch(part) for part in reversed(path.parts[:-1]))
    told = next((found[1] for found in folders if found is not None), "0")
    return int(told) if told.isdecimal() else ord(told.lower()) - ord("a") + 1
