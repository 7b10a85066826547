"""Where there is video of which camera: files that were run, and what was recorded of live cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.sources.detections import holds_detections
from app.sources.names import file_of, is_file_uri, is_folder
from app.sources.stretch import Piece
from storage.history import FootageRow, History

AROUND_S = 1800.0
"""Recorded files are looked up this far before and after the time that is shown."""


@dataclass(frozen=True)
class Reels:
    """By camera, the files that show it, by time; and when it was filmed at all.

    since, until: recorded files of this span are here. missing: why there is no video of a camera. newest:
    when the footage of the last run begins.
    """

    pieces: Mapping[str, tuple[Piece, ...]]
    filmed: Mapping[str, tuple[tuple[float, float], ...]]
    missing: Mapping[str, str]
    since: float
    until: float
    newest: float = 0.0

    @property
    def begin(self) -> float:
        return min((first for spans in self.filmed.values() for first, _ in spans), default=0.0)

    @property
    def end(self) -> float:
        return max((last for spans in self.filmed.values() for _, last in spans), default=1.0)

    def shows(self, camera: str, time: float) -> bool:
        return any(piece.begin <= time <= piece.end for piece in self.pieces.get(camera, ()))


@dataclass
class _Found:
    pieces: dict[str, list[Piece]] = field(default_factory=lambda: defaultdict(list))
    filmed: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    missing: dict[str, str] = field(default_factory=dict)


def reels(history: History, *, around: float | None = None) -> Reels:
    """around: the time that is shown; the beginning of the last run's footage where None."""
    rows = history.footage()
    last = max((row.run for row in rows), default=None)
    newest = min((row.start for row in rows if row.run == last), default=0.0)
    near = newest if around is None else around
    since, until = near - AROUND_S, near + AROUND_S
    found = _Found()
    for row in rows:
        found.filmed[row.camera].append((row.start, row.end))
        _add(row, found, history.path)
    recorded = history.segments(since=since, until=until)
    for segment in recorded:
        piece = Piece(file_of(segment.path, history=history.path), segment.start, segment.start, segment.end)
        found.pieces[segment.camera].append(piece)
    if recorded or history.segments(most=1):
        for camera in [row.camera for row in rows if not is_file_uri(row.uri)]:
            found.missing[camera] = "No recorded footage of this time."
    return Reels(
        {name: tuple(sorted(some, key=lambda one: one.begin)) for name, some in found.pieces.items()},
        {name: tuple(sorted(spans)) for name, spans in found.filmed.items()},
        found.missing,
        since,
        until,
        newest,
    )


def _add(row: FootageRow, found: _Found, history: Path) -> None:
    """The file of a piece of footage, or why there is none to be played."""
    if not is_file_uri(row.uri):
        found.missing[row.camera] = "This was seen on a live stream that was not recorded (record = true)."
        return
    path = file_of(row.uri, history=history)
    if holds_detections(path):
        found.missing[row.camera] = "Of this only what was detected is at hand, and no picture."
    elif is_folder(path):
        found.missing[row.camera] = "This was seen in single pictures, which are not played."
    else:
        found.pieces[row.camera].append(Piece(path, row.start, row.start, row.end))
