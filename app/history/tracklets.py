"""The sightings of a history as the second pass and the links between cameras are learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.config import ConfigError

if TYPE_CHECKING:
    from storage.history import History
    from storage.presences import PresenceRow
    from tracker.tracklets import Path, Tracklet

AT_ONCE = 500
"""Sightings whose trajectories are read together."""


def expect_few(history: History, *, since: float | None, until: float | None) -> None:
    """Raises ConfigError where a span's sightings are too many to compare, before they are read."""
    from tracker.refine import MOST

    number = history.number_of_sightings(since=since, until=until, with_portraits=True)
    if number > MOST:
        raise ConfigError(
            f"{number} sightings are too many to compare at once, {MOST} are the most; "
            "name a shorter span with --since and --until."
        )


def paths_of(history: History, rows: Sequence[PresenceRow]) -> dict[int, Path]:
    """Sighting -> where it was, in steps: some trajectories at a time are in memory."""
    from tracker.tracklets import Steps

    sizes = {row.id: (row.width, row.height) for row in history.footage()}
    found: dict[int, Path] = {}
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        ways = history.trajectories([row.id for row in some])
        for row in some:
            steps, way = Steps(sizes[row.footage]), ways[row.id]
            for time, box in zip(way.times.tolist(), way.boxes, strict=True):
                steps.add(time, box)
            path = steps.path()
            if path is not None:
                found[row.id] = path
    return found


def tracklets_of(
    rows: Sequence[PresenceRow], *, own_clocks: bool, paths: Mapping[int, Path] | None = None
) -> list[Tracklet]:
    """As the second pass wants them. own_clocks: each source has a clock of its own. paths: by sighting."""
    from tracker.tracklets import Tracklet

    paths = paths or {}

    return [
        Tracklet(
            number=row.id,
            camera=row.camera,
            start=row.start,
            end=row.end,
            vectors=row.vectors,
            qualities=row.qualities,
            identity=row.identity,
            recording=row.footage if own_clocks else 0,
            path=paths.get(row.id),
        )
        for row in rows
    ]
