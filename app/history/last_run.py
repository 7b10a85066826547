"""What the last run recorded: the part of a history that its page, its videos and its scores are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.history import FootageRow, History, SightingRow


def last_footage(history: History) -> list[FootageRow]:
    """The footage of the last run, by start."""
    rows = history.footage()
    last = max((row.run for row in rows), default=None)
    return [row for row in rows if row.run == last]


def last_sightings(history: History) -> list[SightingRow]:
    """The sightings on that footage, by start."""
    footage = last_footage(history)
    if not footage:
        return []
    numbers = {row.id for row in footage}
    since, until = min(row.start for row in footage), max(row.end for row in footage)
    return [row for row in history.sightings(since=since, until=until) if row.footage in numbers]
