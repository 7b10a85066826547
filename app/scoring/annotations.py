"""Boxes as annotation tools write them: COCO's JSON, and CVAT's XML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np

from app.scoring.score import Boxes
from app.scoring.tables import mot_boxes, people_of


def coco_boxes(path: Path) -> dict[str, Boxes]:
    """COCO's layout for videos, or for one camera's numbered pictures: by the video's name, or the pictures'
    folder's. Raises OSError, or ValueError for another layout.
    """
    told = json.loads(path.read_text(encoding="utf-8-sig"))
    try:
        return _coco(told, path.stem)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"it is no list of videos, images and annotations with ids ({error!r})") from error


def _coco(told: Mapping[str, Any], name: str) -> dict[str, Boxes]:
    names = {one["id"]: Path(str(one["name"])).stem for one in told.get("videos", [])}
    places = {one["id"]: _place(one, names, name) for one in told["images"]}
    if min((frame for _, frame in places.values()), default=-1) < 0:
        raise ValueError("its images name no frame")
    first = 0 if any(frame == 0 for _, frame in places.values()) else 1
    people = people_of({one["id"]: str(one["name"]) for one in told["categories"]})
    rows: dict[str, list[list[float]]] = {camera: [] for camera, _ in places.values()}
    for one in told["annotations"]:
        if one["category_id"] in people:
            camera, frame = places[one["image_id"]]
            mark = 0 if one.get("ignore") or one.get("iscrowd") else 1
            rows[camera].append([frame + 1 - first, _who(one), *one["bbox"], mark])
    return {camera: mot_boxes(np.array(some, np.float64).reshape(-1, 7)) for camera, some in rows.items()}


def _place(image: Mapping[str, Any], videos: Mapping[Any, str], name: str) -> tuple[str, int]:
    """Camera and frame: as they are told, else by the picture's folder and number. name: of the whole."""
    path = PurePosixPath(str(image.get("file_name", "")))
    camera = videos[image["video_id"]] if videos else path.parent.name or name
    number = re.search(r"\d{1,15}$", path.stem)
    told = image.get("frame_id", image.get("frame_index"))
    if told is None:
        told = number[0] if number and not videos else -1
    return camera, int(told)


def _who(annotation: Mapping[str, Any]) -> Any:
    """The person's number; CVAT keeps it among the attributes."""
    for place in (annotation, annotation.get("attributes", {})):
        for key in ("instance_id", "track_id"):
            if key in place:
                return place[key]
    raise ValueError("its annotations have no track_id")


def cvat_boxes(path: Path) -> dict[str, Boxes]:
    """CVAT's XML of a video: tracks with a box a frame, from 0. Raises OSError, or ValueError."""
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError as error:
        raise ValueError(f"it is no XML that can be read ({error})") from error
    tracks = root.findall("track")
    if root.tag != "annotations" or not tracks:
        raise ValueError("it is no XML with tracks, as CVAT for video writes it")
    labels = sorted({track.get("label", "") for track in tracks})
    people = people_of(dict(enumerate(labels)))
    rows = [
        [int(box.attrib["frame"]) + 1, int(track.attrib["id"]), *_box(box), 1]
        for track in tracks
        if labels.index(track.get("label", "")) in people
        for box in track.findall("box")
        if box.get("outside") != "1"
    ]
    name = root.findtext("meta/task/name") or root.findtext("meta/source") or path.stem
    return {Path(name).stem: mot_boxes(np.array(rows, np.float64).reshape(-1, 7))}


def _box(box: ElementTree.Element) -> list[float]:
    """x, y, width and height."""
    left, top, right, bottom = (float(box.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
    return [left, top, right - left, bottom - top]
