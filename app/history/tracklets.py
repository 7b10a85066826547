"""The sightings of a history as the second pass and the links between cameras are learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from storage.history import History
    from storage.presences import PresenceRow
    from tracker.tracklets import Path, Tracklet

AT_ONCE = 500
"""Sightings whose trajectories are read together."""


def sampled(
    history: History,
    *,
    since: float | None,
    until: float | None,
    most: int,
    stretches: int,
    own_clocks: bool = False,
) -> list[Tracklet]:
    """All of a span where they are no more than ``most``, else about as many, in equal parts from stretches
    of time that begin evenly over the span. Of their pictures the mean is kept.
    """
    from storage.presences import presence_blocks

    number = history.number_of_sightings(since=since, until=until)
    begins, each = [since], None
    if number > most:
        first, last = history.first_and_last(since=since, until=until)
        begins = [first + (last - first) * k / stretches for k in range(stretches)]
        each = most // stretches
    found: dict[int, Tracklet] = {}
    for begin in begins:
        read = presence_blocks(history.engine, since=begin, until=until, first=AT_ONCE, then=AT_ONCE)
        for row in islice(chain.from_iterable(read), each):
            (tracklet,) = tracklets_of([row], own_clocks=own_clocks)
            found[row.id] = slim(tracklet)
    return list(found.values())


def slim(tracklet: Tracklet) -> Tracklet:
    """The same with the mean of its pictures in their place."""
    mean, pictures, spread = tracklet.look
    one = np.ones(1, np.float32)
    return replace(tracklet, vectors=mean[None], qualities=one, pictures=pictures, spread=spread)


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
