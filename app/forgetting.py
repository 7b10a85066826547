"""When people are no longer looked for: after so many days, or each day at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

DAY_S = 86400.0


def forget_before(*, after_days: float | None, at: time | None) -> Callable[[float], float] | None:
    """now -> the time since when one must have been seen, both in epoch seconds; None for ever.

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
