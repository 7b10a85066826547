"""What files' names alone tell: which are of one camera, and what to call it. Loads nothing heavy."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from app.sources.named_times import above_date
from app.sources.names import is_folder, shown

MAX_PIXELS = 40_000_000
"""Of a picture, unless more is allowed: 8K has 33 million, and each is held in several copies."""

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"})
_VIDEO_ENDINGS = (
    "mp4 m4v mov mkv webm avi ts m2ts mts mpg mpeg vob flv f4v wmv asf 3gp 3g2 mxf ogv dav divx rm rmvb "
    "h264 264 h265 265 hevc mjpeg mjpg y4m"
)
VIDEOS = frozenset(f".{ending}" for ending in _VIDEO_ENDINGS.split())
DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_RECORDED = re.compile(r"\d{8}T\d{6}\.\d{3}Z\.(mp4|mkv)")
_PICTURE_FOLDERS = ("img1", "images", "frames", "img")


def is_picture(path: Path) -> bool:
    """Whether it is a still picture, by its name."""
    return path.suffix.lower() in PICTURES


def grouped(sources: Sequence[str]) -> list[list[str]]:
    """The files by camera, in the order of each first: pictures of one folder are one's, recordings too."""
    groups: dict[str, list[str]] = {}
    for number, source in enumerate(sources):
        groups.setdefault(_group(Path(source)) or f"{number}", []).append(source)
    return list(groups.values())


def _group(path: Path) -> str | None:
    if is_picture(path):
        return f"pictures {path.parent}"
    if _RECORDED.fullmatch(path.name) and DAY.fullmatch(path.parent.name):
        return f"recorded {path.parent.parent}"
    return None


def camera_name(files: Sequence[str]) -> str:
    """After the file, or what the names have in common; after the folder of pictures, recordings and days."""
    path = Path(files[0])
    if (group := _group(path)) is not None:
        path = path.parent
    if group is not None or is_folder(path):
        while path.name in _PICTURE_FOLDERS:
            path = path.parent
        return shown(unquote(above_date(path.absolute()).name)) or "camera"
    if len(files) == 1 and not re.search(r"[*?\[]", path.stem):
        return shown(path.stem) or "camera"
    stems = [re.split(r"[*?\[]", Path(file).stem)[0] for file in files]
    letters = itertools.takewhile(lambda some: len(set(some)) == 1, zip(*stems, strict=False))
    same = "".join(some[0] for some in letters).rstrip("0123456789_-. ")
    return shown(same or above_date(path.absolute().parent).name) or "camera"


def seem_one(files: Sequence[str]) -> bool:
    """Whether several files' names differ by a number alone: perhaps one camera's footage in parts."""
    stems = {re.sub(r"\d+", "#", Path(file).stem) for file in files}
    return len(files) > 2 and len(stems) == 1 and "#" in next(iter(stems))
