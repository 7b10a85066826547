"""Recorded files by what the history says of them: that may be anybody's word, and has to look right."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

NAME = "%Y%m%dT%H%M%S"
"""How files are named: UTC, with milliseconds and Z behind it."""

OURS = re.compile(r"(\d{8}T\d{6})\.(\d{3})Z\.(?:mp4|mkv)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def folder_of(camera: str) -> str:
    """The name of a camera's folder: never a path, nor a name that means another folder."""
    name = quote(camera, safe=" ")
    return name.replace(".", "%2E") if not name.strip(". ") else name


def is_ours(path: Path, camera: str) -> bool:
    """Whether a recorder of that camera may have written it: FOLDER/CAMERA/DAY/TIME.mp4, and no link."""
    return (
        OURS.fullmatch(path.name) is not None
        and _DAY.fullmatch(path.parent.name) is not None
        and path.parent.parent.name == folder_of(camera)
        and ".." not in path.parts
        and not path.is_symlink()
    )


def remove_file(path: str, camera: str) -> bool:
    """Remove a recorded file; whether it is gone. What no recorder of ours wrote stays."""
    file = Path(path)
    if not is_ours(file, camera):
        return False
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return False
    return True
