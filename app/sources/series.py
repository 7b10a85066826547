"""Several files as the footage of one camera, one after the other on one clock."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from app.pipeline import Origin
from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.file import FileSource, Look
from app.sources.names import shown, uri_of
from tracker.types import Frame

LEAST_PACE = 0.9
"""A file a little longer than the time to the next one (recorders round) is played so much faster."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files. start: of its first frame, epoch seconds. pace: what a second of it counts as."""

    path: Path
    start: float
    pace: float
    lasts_s: float
    frames: int


def laid_out(looks: Sequence[Look], start: float | None) -> list[Part]:
    """Where each begins: as it says, else where the one before ends. start: of the first, where told."""
    dated = all(look.start is not None for look in looks)
    ordered = sorted(looks, key=lambda look: look.start.time if look.start else 0.0) if dated else list(looks)
    wanted = _wanted(ordered)
    shift_s = 0.0 if start is None else start - wanted[0]
    parts: list[Part] = []
    end = wanted[0]
    for k, look in enumerate(ordered):
        begin = max(wanted[k], end)
        room_s = wanted[k + 1] - begin if k + 1 < len(ordered) else look.lasts_s
        short = look.lasts_s > 0 and LEAST_PACE <= room_s / look.lasts_s < 1
        pace = room_s / look.lasts_s if short else 1.0
        end = begin + look.lasts_s * pace
        parts.append(Part(look.path, begin + shift_s, pace, look.lasts_s, look.frames))
    return parts


def _wanted(looks: Sequence[Look]) -> list[float]:
    """When each should begin; those that do not say follow, or come before the first that does."""
    known = next((k for k, look in enumerate(looks) if look.start is not None), None)
    at = 0.0
    if known is not None:
        first = looks[known].start
        at = (first.time if first else 0.0) - sum(look.lasts_s for look in looks[:known])
    times = []
    for look in looks:
        at = look.start.time if look.start is not None else at
        times.append(at)
        at += look.lasts_s
    return times


class SeriesSource:
    """Files that follow each other, as one camera's footage; each is opened when it is its turn.

    look: what a file says of itself, without decoding it. opened: a file, from an epoch second on. One that
    can't be used is left out and told in `lost`; entering raises SourceError where that is the first.
    """

    info: SourceInfo

    def __init__(
        self,
        *,
        camera: str,
        paths: Sequence[Path],
        look: Callable[[Path], Look],
        opened: Callable[[Path, float], FileSource],
        start: float | None = None,
    ) -> None:
        self.camera = camera
        self.decoded = self.damaged = self.odd = 0
        self.gaps_s: tuple[float, ...] = ()
        self.lost: list[str] = []
        self._paths = paths
        self._look = look
        self._opened = opened
        self._start = start
        self._parts: list[Part] = []
        self._begun: list[tuple[int, Origin]] = []

    def origin(self, index: int) -> Origin:
        """Where the frame of that index comes from: of those that were given out, or the first."""
        if not self._begun:
            return Origin(uri_of(self._parts[0].path), self._parts[0].start)
        firsts = [first for first, _ in self._begun]
        return self._begun[max(0, bisect.bisect_right(firsts, index) - 1)][1]

    def __enter__(self) -> Self:
        looks = [look for path in self._paths if (look := self._looked_at(path)) is not None]
        if not looks:
            raise SourceError(self.lost[0])
        self._parts = laid_out(looks, self._start)
        first, last = self._parts[0], self._parts[-1]
        by = {look.start.by for look in looks if look.start is not None}
        with self._opened(first.path, first.start) as source:
            info = source.info
        self.info = replace(
            info,
            uri=str(first.path),
            start_by="the settings" if self._start is not None else ", ".join(sorted(by)),
            frames=sum(part.frames for part in self._parts) or None,
            duration_s=last.start + last.lasts_s * last.pace - first.start,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def _looked_at(self, path: Path) -> Look | None:
        try:
            return self._look(path)
        except SourceError as error:
            self.lost.append(str(error))
            return None

    def __iter__(self) -> Iterator[Frame]:
        last = -float("inf")
        for part in self._parts:
            try:
                with self._opened(part.path, part.start) as source:
                    self._begun.append((self.decoded, Origin(uri_of(part.path), max(part.start, last))))
                    for frame in source:
                        time = part.start + (frame.time - part.start) * part.pace
                        last = max(time, last + 1e-3)
                        self.decoded += 1
                        yield replace(frame, index=self.decoded - 1, time=last)
                self.damaged += source.damaged
                self.odd += source.odd
                self.gaps_s += source.gaps_s
            except SourceError as error:
                self.lost.append(str(error))


def gaps_between(parts: Sequence[Part], *, least_s: float) -> list[tuple[str, float]]:
    """After which files nothing is there for so long, and for how long."""
    pairs = itertools.pairwise(parts)
    holes = [(shown(a.path.name), b.start - a.start - a.lasts_s * a.pace) for a, b in pairs]
    return [(name, hole_s) for name, hole_s in holes if hole_s >= least_s]
