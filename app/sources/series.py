"""Several files as the footage of one camera, one after the other on one clock."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from app.pipeline import Origin
from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.file import FileSource, Look
from app.sources.names import shown, uri_of
from app.sources.starts import BY_NAME
from tracker.types import Frame

LEAST_PACE, MOST_ROUNDED_S = 0.9, 1.5
"""A file a little longer than the time to the next one (names round to seconds) is played so much faster."""

SAME_S = 1e-3


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files. start: of its first frame, epoch seconds. pace: what a second of it counts as.

    skip_s: what it begins with that the files before it show, too, as recorders do that begin a little early.
    """

    path: Path
    start: float
    pace: float
    skip_s: float
    lasts_s: float
    frames: int

    @property
    def end(self) -> float:
        return self.start + self.lasts_s * self.pace


def laid_out(looks: Sequence[Look], start: float | None) -> list[Part]:
    """Where each begins: as it says, else where the one before ends. start: of the first, where told.

    Files that all tell their time may overlap; others never do.
    """
    dated = all(look.start is not None for look in looks)
    ordered = sorted(looks, key=lambda look: look.start.time if look.start else 0.0) if dated else list(looks)
    wanted = _wanted(ordered)
    shift_s = 0.0 if start is None else start - wanted[0]
    parts: list[Part] = []
    end = wanted[0]
    for k, look in enumerate(ordered):
        copied = k > 0 and wanted[k] == wanted[k - 1]  # of one film, by a tool that cuts it in parts
        begin = wanted[k] if dated and not copied else max(wanted[k], end)
        room_s = wanted[k + 1] - begin if k + 1 < len(ordered) else look.lasts_s
        pace, skip_s = _pace(look.lasts_s, room_s), max(0.0, end - begin)
        parts.append(Part(look.path, begin + shift_s, pace, skip_s, look.lasts_s, look.frames))
        end = max(end, begin + look.lasts_s * pace)
    return parts


def _pace(lasts_s: float, room_s: float) -> float:
    """What a second of a file counts as that lasts a little longer than there is room for."""
    over_s = lasts_s - room_s
    rounded = 0 < over_s <= MOST_ROUNDED_S and lasts_s * LEAST_PACE <= room_s
    return room_s / lasts_s if rounded else 1.0


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


def expect_one_camera(looks: Sequence[Look]) -> None:
    """Raises SourceError where names differ by more than numbers and tell one and the same time."""
    by_name: dict[float, Look] = {}
    for look in looks:
        if look.start is None or look.start.by != BY_NAME:
            continue
        other = by_name.setdefault(look.start.time, look)
        if re.sub(r"\d+", "", str(look.path)) != re.sub(r"\d+", "", str(other.path)):
            raise SourceError(
                f"{shown(other.path.name)} and {shown(look.path.name)} were filmed at the same time, by two "
                'cameras as it seems; give one camera\'s files, as a pattern such as "FOLDER/*front*.mp4".'
            )


class SeriesSource:
    """Files that follow each other, as one camera's footage; each is opened when it is its turn.

    look: what a file says of itself, without decoding it. opened: a file, from an epoch second on. One that
    can't be used, or only in part, is told in `lost`; entering raises SourceError where that is the first.
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
        expect_one_camera(looks)
        self._parts = laid_out(looks, self._start)
        self.lost += [
            f"{shown(part.path.name)} was filmed while the files before it were, and its first "
            f"{part.skip_s:.0f} s are left out: give the files of another camera alone."
            for part in self._parts
            if part.skip_s > part.lasts_s * part.pace / 2
        ]
        first, end = self._parts[0], max(part.end for part in self._parts)
        by = {look.start.by for look in looks if look.start is not None}
        with self._opened(first.path, first.start) as source:
            info = source.info
        self.info = replace(
            info,
            uri=str(first.path),
            start_by="the settings" if self._start is not None else ", ".join(sorted(by)),
            frames=sum(part.frames for part in self._parts) or None,
            duration_s=end - first.start,
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
                    first = part.start if part.skip_s else max(part.start, last)
                    self._begun.append((self.decoded, Origin(uri_of(part.path), first)))
                    for frame in source:
                        if frame.time - part.start < part.skip_s - SAME_S:
                            continue
                        time = part.start + (frame.time - part.start) * part.pace
                        last = max(time, last + SAME_S)
                        self.decoded += 1
                        yield replace(frame, index=self.decoded - 1, time=last)
                self.damaged += source.damaged
                self.odd += source.odd
                self.gaps_s += source.gaps_s
                self.lost += [f"{shown(part.path.name)} {words}" for words in source.lost]
            except SourceError as error:
                self.lost.append(str(error))
