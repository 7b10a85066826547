"""When people are no longer looked for."""

from __future__ import annotations

from datetime import datetime, time

from app.forgetting import forget_before


def moment(text: str) -> float:
    """Of the machine's own clock."""
    return datetime.fromisoformat(text).astimezone().timestamp()


NOON = moment("2026-03-04T12:00")


def test_nobody_is_forgotten_unless_it_is_said() -> None:
    assert forget_before(after_days=None, at=None) is None


def test_after_days() -> None:
    before = forget_before(after_days=1.5, at=None)
    assert before is not None
    assert before(NOON) == moment("2026-03-03T00:00")


def test_each_day_at_a_time() -> None:
    before = forget_before(after_days=None, at=time(4, 30))
    assert before is not None
    assert before(NOON) == moment("2026-03-04T04:30")
    assert before(moment("2026-03-04T04:00")) == moment("2026-03-03T04:30")


def test_of_both_what_forgets_more() -> None:
    before = forget_before(after_days=0.1, at=time(4, 30))
    assert before is not None
    assert before(NOON) == moment("2026-03-04T09:36")
