"""A moment as people write it -> epoch seconds, and what no moment of footage can be."""

from __future__ import annotations

import math
from datetime import UTC, datetime

LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
"""Footage is from between 1970 and here; a number beyond is of another unit, or damage."""


class MomentError(Exception):
    """A text or number that is no moment: says what was expected, a part of a sentence."""


def moment_of(text: str) -> float:
    """Epoch seconds of an ISO 8601 time (local where it names no zone) or of a number. Raises MomentError."""
    try:
        return checked(float(text), text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return checked(moment.astimezone().timestamp(), text)
    except (ValueError, OverflowError, OSError):
        raise MomentError(
            f"{text!r} is no time; write it as 2026-11-22T09:30:00Z, or without Z for local time"
        ) from None


def checked(epoch_s: float, told: object) -> float:
    """The same number, or MomentError where nothing was filmed then. told: how it was written."""
    if math.isfinite(epoch_s) and 0.0 <= epoch_s <= LATEST:
        return epoch_s
    unit = " (are these milliseconds?)" if 0.0 <= epoch_s / 1000 <= LATEST and epoch_s > LATEST else ""
    raise MomentError(f"{told} is no time between 1970 and 2200{unit}; epoch seconds are expected")
