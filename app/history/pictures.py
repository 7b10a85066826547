"""A person's pictures as files beside the database: each sighting's best, and the two that were compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.output.place import write_own
from storage.compared import Compared
from storage.errors import ExportError
from storage.history import History
from storage.place import make_private

MOST_PICTURES = 60


@dataclass(slots=True)
class Files:
    """By sighting. best: its best picture. compared: the two that were compared, side by side."""

    best: dict[int, Path] = field(default_factory=dict)
    compared: dict[int, Path] = field(default_factory=dict)


def write_pictures(
    history: History, sightings: Sequence[int], pairs: Mapping[int, Compared], folder: Path
) -> Files:
    """Of each sighting, while there are not too many. pairs: by sighting. Raises ExportError."""
    from app.output.side_by_side import side_by_side  # loads OpenCV, which most answers can do without

    files = Files()
    try:
        make_private(folder)
        for row in history.portraits(sightings=sightings, each=1, most=MOST_PICTURES):
            files.best[row.sighting] = folder / f"{row.sighting}.jpg"
            write_own(files.best[row.sighting], row.jpeg)
        for sighting, pair in pairs.items():
            if sighting in files.best:
                files.compared[sighting] = folder / f"{sighting}-compared.jpg"
                write_own(files.compared[sighting], side_by_side(pair.own.jpeg, pair.nearest.jpeg))
    except OSError as error:
        raise ExportError(
            f"cannot write pictures to {folder} ({error.strerror}); name another folder with --pictures"
        ) from error
    return files
