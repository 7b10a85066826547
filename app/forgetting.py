"""When people are no longer looked for: after so many days, each day at a time, where they are too many."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracker.gallery import Gallery

ForgetBefore = Callable[[float], float]
"""now -> the time since when one must have been seen, both in epoch seconds."""

DAY_S = 86400.0

GALLERY_BYTES = 128e6
"""What the vectors that people are told apart by may take in memory: twice as many load twice as long."""

_FLOAT_BYTES = 4


def forget_before(*, after_days: float | None, at: time | None) -> ForgetBefore | None:
    """The rule that a configuration tells; None for ever.

    after_days: since they were last seen. at: of each day, by the machine's clock.
    """
    if after_days is None and at is None:
        return None

    def before(now: float) -> float:
        days = now - after_days * DAY_S if after_days is not None else float("-inf")
        return max(days, _last(at, now) if at is not None else days)

    return before


def _last(at: time, now: float) -> float:
    """When it was that time of the day before now."""
    today = (
        datetime.fromtimestamp(now, UTC)
        .astimezone()
        .replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    )
    if today.timestamp() > now:
        today -= timedelta(days=1)
    return today.timestamp()


def most_people(dimension: int, *, templates: int) -> int:
    """As many as there is memory for. dimension: of the vectors, of which each has so many templates."""
    return int(GALLERY_BYTES // (dimension * templates * _FLOAT_BYTES))


def within(gallery: Gallery, most: int, forgotten: ForgetBefore | None) -> ForgetBefore:
    """The rule, and beyond it: of more than ``most`` people those who were seen last are looked for."""

    def before(now: float) -> float:
        told = float("-inf") if forgotten is None else forgotten(now)
        if len(gallery) <= most:
            return told
        return max(told, heapq.nlargest(most, (known.last_seen for known in gallery.known.values()))[-1])

    return before
