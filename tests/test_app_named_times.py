"""Moments in names, as recorders, phones and programs write them; what is no moment is not taken for one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sources.named_times import above_date, is_part_of_date, time_in_name
from app.sources.names import natural
from app.sources.taken import camera_name

NINE_THIRTY_UTC = 1795339800.0  # 2026-11-22
NINE_THIRTY = NINE_THIRTY_UTC - 3600  # in Berlin


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "name",
    [
        "NVR_ch1_main_20261122093000_20261122094000.mp4",  # begin and end
        "RecM01_20261122_093000_093100_6732_A1B2C3.mp4",
        "A20261122_093000_093100.mp4",
        "hall.20261122_093000.mp4",
        "Hall-20261122-093000-1795339800.mp4",
        "20261122093000_000123F.mp4",
        "2026_1122_093000_001.MP4",  # cameras in cars
        "DJI_20261122093000_0001_D.MP4",
        "VID_20261122_093000.mp4",
        "WIN_20261122_09_30_00_Pro.mp4",
        "Desktop 2026.11.22 - 09.30.00.01.mp4",
        "Screen Recording 2026-11-22 at 9.30.00.mov",
        "Screen Recording 2026-11-22 at 9.30.00 AM.mov",
        "hall_2026-11-22_at_09.30.00.mp4",
        "hall 2026-11-22 09h30m00s.mp4",
        "2026-11-22 09-30.mkv",
        "2026-11-22_09-30-00_amsterdam.mp4",
        "2026-11-22_09-30-00-0500.mp4",  # a number, no zone
        "22.11.2026 09.30.00.mp4",
        "22-11-2026_09-30-00.mp4",
        "G4_Bullet_11-22-2026_09.30.00.mp4",
        "UVC G4 11-22-2026, 9.30.00 AM GMT+1 - 11-22-2026, 9.40.00 AM.mp4",
        "2026-11-22T09:30:00+01:00.mp4",
        "2026-11-22T033000-0500.mp4",
        "2026-11-22/hall_09-30-00.mp4",
        "2026-11-22/001/dav/09/09.30.00-09.30.02[R][0@0][0].dav",
        "2026/11/22/09-30-00.mp4",
        "2026/11/22/093000.mp4",
        "2026/11/22/09/30.mp4",
        "20261122/09/30.mp4",
        "2026Y11M22D09H/30M00S60.mp4",
        "2026-11-22/08/hall/30.00.mp4",  # Frigate: UTC
        "PXL_20261122_083000000.mp4",  # Pixel: UTC
    ],
)
def test_a_name_tells_when_it_was_half_past_nine_in_berlin(name: str) -> None:
    assert time_in_name(Path("/footage") / name) == NINE_THIRTY


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hall_20261122093000123.mp4", NINE_THIRTY + 0.123),
        ("2026-11-22T09-30-00.500Z.mp4", NINE_THIRTY_UTC + 0.5),
        ("Screen Recording 2026-11-22 at 9.30.00 PM.mov", NINE_THIRTY + 12 * 3600),
        ("Screen Recording 2026-11-22 at 12.30.00 AM.mov", NINE_THIRTY - 9 * 3600),
        ("1795339800.512233-abcdef.mp4", NINE_THIRTY_UTC),
        ("1795339800123.mp4", NINE_THIRTY_UTC + 0.123),
    ],
)
def test_parts_of_seconds_halves_of_days_and_epochs(name: str, told: float) -> None:
    assert time_in_name(Path(name)) == pytest.approx(told)


@pytest.mark.parametrize(
    "name",
    [
        "11-12-2026_09-30-00.mp4",  # of which month?
        "hall.20261122_0930.mp4",  # or the 930th
        "20261322_093000.mp4",
        "2026-11-22.mp4",
        "2026-11-22 at 13.30.00 PM.mov",
        "31-11-2026_09-30-00.mp4",
        "part_000123.mp4",
        "12345678901234567890.mp4",
        "09.30.00-09.30.02[R][0@0][0].dav",
        "hall/09/30.mp4",
        "hiv00001.mp4",
    ],
)
def test_what_is_no_moment_or_may_be_two_is_none(name: str) -> None:
    assert time_in_name(Path("/footage") / name) is None


def test_folders_of_a_date_are_told_from_cameras_that_have_numbers() -> None:
    assert all(map(is_part_of_date, map(Path, ("a/2026", "a/2026/11", "a/2026-11-22/09", "a/20261122_09"))))
    assert not any(map(is_part_of_date, map(Path, ("a/1", "a/hall", "a/1234", "a/11/22"))))
    assert above_date(Path("hall/2026/11/22/09")) == Path("hall")
    assert camera_name(["nvr/hall/2026-11-22/*.mp4"]) == "hall"
    assert camera_name(["nvr/hall/2026-11-22/09/*.mp4"]) == "hall"


def test_chapters_follow_each_other_film_by_film() -> None:
    names = ["GH010122.MP4", "GH020121.MP4", "GH010121.MP4", "GP010120.MP4", "GOPR0120.MP4"]
    ordered = [path.name for path in sorted(map(Path, names), key=natural)]
    assert ordered == ["GOPR0120.MP4", "GP010120.MP4", "GH010121.MP4", "GH020121.MP4", "GH010122.MP4"]
