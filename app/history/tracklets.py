"""The sightings of a history as the second pass and the links between cameras are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.config import ConfigError

if TYPE_CHECKING:
    from storage.history import History
    from storage.presences import PresenceRow
    from tracker.tracklets import Tracklet


def expect_few(history: History, *, since: float | None, until: float | None) -> None:
    """Raises ConfigError where a span's sightings are too many to compare, before they are read."""
    from tracker.refine import MOST

    number = history.number_of_sightings(since=since, until=until, with_portraits=True)
    if number > MOST:
        raise ConfigError(
            f"{number} sightings are too many to compare at once, {MOST} are the most; "
            "name a shorter span with --since and --until."
        )


def tracklets_of(rows: Sequence[PresenceRow], *, own_clocks: bool) -> list[Tracklet]:
    """As the second pass wants them. own_clocks: each source has a clock of its own."""
    from tracker.tracklets import Tracklet

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
        )
        for row in rows
    ]
