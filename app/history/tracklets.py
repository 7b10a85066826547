"""The sightings of a history as the second pass and the links between cameras are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.config import ConfigError

if TYPE_CHECKING:
    from storage.presences import PresenceRow
    from tracker.tracklets import Tracklet


def tracklets_of(rows: Sequence[PresenceRow], *, own_clocks: bool) -> list[Tracklet]:
    """As the second pass wants them. own_clocks: each source has a clock of its own. Raises ConfigError where
    they are too many.
    """
    from tracker.refine import MOST
    from tracker.tracklets import Tracklet

    if len(rows) > MOST:
        raise ConfigError(
            f"{len(rows)} sightings are too many to compare at once, {MOST} are the most; "
            "name a shorter span with --since and --until."
        )
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
