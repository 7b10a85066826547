"""Moments as people write them, and what none can be."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.moments import (
    LATEST,
    MomentError,
    begin_said,
    end_said,
    moment_near,
    moment_of,
    moment_said,
    nearest_said,
)


def test_a_moment_is_an_iso_time_or_epoch_seconds() -> None:
    assert moment_of("2026-11-22T09:30:00Z") == moment_of("1795339800") == 1795339800.0
    assert moment_of("2026-11-22T09:30:00") == datetime(2026, 11, 22, 9, 30).astimezone().timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "nan", "inf", "-inf", "1e300", "-1", "1764403200000", "0001-01-01T00:00:00", "9999-12-31T23:59:59Z",
        "2200-01-02", "yesterday", "", "2026-13-01", "0001-01-01T00:00:00+14:00", "\x00", "9" * 5000,
    ],
)  # fmt: skip
def test_what_was_filmed_at_no_such_time_is_refused(text: str) -> None:
    with pytest.raises(MomentError, match="is no time"):
        moment_of(text)


def test_milliseconds_are_guessed_at() -> None:
    with pytest.raises(MomentError, match="milliseconds"):
        moment_of("1764403200000")
    assert moment_of(str(LATEST)) == LATEST


def test_a_time_alone_is_elapsed_or_of_the_nearest_day() -> None:
    assert moment_near("1:02:03.5", near=20.0) == 3723.5
    assert moment_near("31:02", near=20.0) == 1862.0
    late = datetime(2026, 11, 22, 23, 59, 50).astimezone().timestamp()
    assert moment_near("23:59:58", near=late) == late + 8
    assert moment_near("00:00:03", near=late) == late + 13
    assert moment_near("2026-11-22T09:30:00Z", near=late) == 1795339800.0
    assert moment_near("23:59", near=late) == late - 50
    with pytest.raises(MomentError, match="is no time"):
        moment_near("31:02", near=late)


def local(*when: int) -> float:
    return datetime(*when).astimezone().timestamp()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("last 2h", local(2026, 11, 22, 13, 30)),
        ("90 min ago", local(2026, 11, 22, 14, 0)),
        ("1.5 days", local(2026, 11, 21, 3, 30)),
        ("Yesterday 14:00", local(2026, 11, 21, 14, 0)),
        ("yesterday", local(2026, 11, 21)),
        ("today 09:30:05", local(2026, 11, 22, 9, 30, 5)),
        ("09:30", local(2026, 11, 20, 9, 30)),
        ("2026-11-22 09:30", local(2026, 11, 22, 9, 30)),
        ("1795339800", 1795339800.0),
    ],
)
def test_times_are_understood_as_people_say_them(said: str, meant: float) -> None:
    """Said on a Sunday at half past three; a time alone is of the day of the history, two days before."""
    now, near = local(2026, 11, 22, 15, 30), local(2026, 11, 20, 18, 0)
    assert moment_said(said, now=now, near=near) == meant


def test_a_time_of_footage_without_a_start_is_elapsed() -> None:
    assert moment_said("31:02", now=local(2026, 11, 22), near=100.0) == 1862.0


def test_a_time_alone_is_the_last_one_recorded_and_ends_after_it_begins() -> None:
    """Of a history that ends on a Sunday at five in the morning."""
    now, near = local(2026, 11, 25, 12, 0), local(2026, 11, 22, 5, 0)
    assert begin_said("04:59", now=now, near=near) == local(2026, 11, 22, 4, 59)
    assert begin_said("23:00", now=now, near=near) == local(2026, 11, 21, 23, 0)
    assert begin_said("2026-11-22 23:00", now=now, near=near) == local(2026, 11, 22, 23, 0)
    assert begin_said("yesterday 23:00", now=now, near=near) == local(2026, 11, 24, 23, 0)
    assert begin_said("23:00", now=now) == local(2026, 11, 24, 23, 0)
    assert begin_said("31:02", now=now, near=100.0) == 1862.0
    night = local(2026, 11, 21, 23, 0)
    assert end_said("01:00", now=now, near=near, begin=night) == local(2026, 11, 22, 1, 0)
    assert end_said("23:30", now=now, near=near, begin=night) == local(2026, 11, 21, 23, 30)
    assert end_said("23:00", now=now, near=near, begin=night) == night
    assert end_said("04:00", now=now, near=near) == local(2026, 11, 22, 4, 0)
    assert end_said("2026-11-20", now=now, near=near, begin=night) == local(2026, 11, 20)
    assert end_said("31:02", now=now, near=100.0, begin=50.0) == 1862.0


def test_a_time_to_go_to_is_the_nearest_one_over_midnight() -> None:
    now, late = local(2026, 11, 25, 12, 0), local(2026, 11, 21, 23, 59)
    assert nearest_said("00:01", now=now, near=late) == late + 120
    assert nearest_said("23:58:30", now=now, near=late) == late - 30
    assert nearest_said("0:12", now=now, near=5.0) == 12.0
    assert nearest_said("yesterday 14:00", now=now, near=late) == local(2026, 11, 24, 14, 0)


@pytest.mark.parametrize("said", ["soon", "25:00", "yesterday noon", "last week or so", "9:61"])
def test_what_is_no_time_is_told(said: str) -> None:
    with pytest.raises(MomentError, match="is no time"):
        moment_said(said, now=local(2026, 11, 22))
