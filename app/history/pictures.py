"""A person's pictures as files beside the database: each sighting's best, and the two that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.output.side_by_side import side_by_side
from storage.compared import Compared
from storage.errors import ExportError
from storage.history import History

MOST_PICTURES = 60


@dataclass(slots=True)
class Files:
    """By sighting. best: its best picture. compared: the two that were compared, side by side.

    problem: why there are none.
    """

    best: dict[int, Path] = field(default_factory=dict)
    compared: dict[int, Path] = field(default_factory=dict)
    problem: str | None = None


def write_pictures(
    history: History, person: int, pairs: Mapping[int, Compared], folder: Path, *, asked: bool
) -> Files:
    """Of each sighting, while there are not too many. pairs: by sighting.

    asked: somebody named the folder; then ExportError is raised where nothing can be written there.
    """
    files = Files()
    try:
        for row in history.portraits(person=person, each=1, most=MOST_PICTURES):
            folder.mkdir(parents=True, exist_ok=True)
            files.best[row.sighting] = folder / f"{row.sighting}.jpg"
            files.best[row.sighting].write_bytes(row.jpeg)
        for sighting, pair in pairs.items():
            if sighting in files.best:
                files.compared[sighting] = folder / f"{sighting}-compared.jpg"
                files.compared[sighting].write_bytes(side_by_side(pair.own.jpeg, pair.nearest.jpeg))
    except OSError as error:
        problem = f"cannot write pictures to {folder} ({error.strerror}); name another folder with --pictures"
        if asked:
            raise ExportError(problem) from error
        return Files(problem=problem)
    return files
