"""Which files the window takes: videos to run, pictures to ask about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PyQt5.QtCore import QMimeData

from app.config import CameraSettings, cameras_from_sources
from app.sources.names import HISTORIES, SITES

VIDEO_FILTER = "Videos (*.mp4 *.avi *.mkv *.mov *.m4v *.ts *.mpg *.mpeg *.webm *.wmv *.npz);;All files (*)"
HISTORY_FILTER = "Histories (*.db);;All files (*)"
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
PICTURE_FILTER = f"Pictures ({' '.join('*' + ending for ending in PICTURES)});;All files (*)"


def dropped(mime: QMimeData) -> list[str]:
    """The local files that are dropped."""
    return [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]


def picture_among(paths: Sequence[str]) -> Path | None:
    """The one picture, where it is nothing else."""
    return _alone(paths, PICTURES)


def history_among(paths: Sequence[str]) -> Path | None:
    """The one history, where it is nothing else."""
    return _alone(paths, HISTORIES)


def site_among(paths: Sequence[str]) -> Path | None:
    """The one configuration, where it is nothing else."""
    return _alone(paths, SITES)


def _alone(paths: Sequence[str], endings: Sequence[str]) -> Path | None:
    """The only one there is, where its name ends so."""
    return Path(paths[0]) if len(paths) == 1 and Path(paths[0]).suffix.lower() in endings else None


def named(sources: Sequence[str], taken: set[str]) -> list[CameraSettings]:
    """Cameras for files, with names that nobody has."""
    cameras = []
    for camera in cameras_from_sources(sources, live=False):
        name, number = camera.name, 2
        while name in taken:
            name, number = f"{camera.name}-{number}", number + 1
        taken.add(name)
        cameras.append(replace(camera, name=name))
    return cameras
