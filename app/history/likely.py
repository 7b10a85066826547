"""Somebody in a picture, and whom of the history it is likely to be."""

from __future__ import annotations

from dataclasses import dataclass

from storage.history import PortraitRow
from tracker.search import Candidate

Box = tuple[float, float, float, float]
"""xyxy in pixels."""


@dataclass(frozen=True, slots=True)
class Likely:
    """Somebody it may be. picture: the one of the history that is most alike, where it is still there."""

    candidate: Candidate
    sighting: int | None
    camera: str | None
    time: float | None
    picture: PortraitRow | None

    @property
    def id(self) -> int:
        return self.candidate.identity.id


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody in the picture. box: None where the whole picture was taken. jpeg: them, None where no picture
    is kept. nobody: the chance that it is nobody of those asked for.
    """

    box: Box | None
    jpeg: bytes | None
    likely: list[Likely]
    nobody: float
