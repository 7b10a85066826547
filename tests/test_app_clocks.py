"""Times of frames: worked out by hand, a row a frame."""

from __future__ import annotations

import itertools

import pytest

from app.sources.clocks import Backlog, Drift, FileClock, LiveClock, Stamp


def file_times(presented: list[float | None], *, start: float = 100.0, step_s: float = 0.1) -> list[float]:
    clock = FileClock[int](start=start, step_s=step_s)
    dated = [row for number, moment in enumerate(presented) for row in clock.take(number, moment)]
    dated += clock.rest()
    assert [number for number, _ in dated] == list(range(len(presented))), "each once, in order"
    return [time for _, time in dated]


@pytest.mark.parametrize(
    ("presented", "times"),
    [
        # The first frame is at the start, whatever the file calls that moment; gaps stay as they are.
        ([7.0, 7.04, 7.5, 9.0], [100, 100.04, 100.5, 102]),
        # No timestamps at all: one frame a step.
        ([None, None, None], [100, 100.1, 100.2]),
        # A missing one is a step after the frame before it; the next known one counts from the first frame.
        ([0.0, None, 0.3], [100, 100.1, 100.3]),
        # The first one is missing: known ones count from the second frame, which is a step after it.
        ([None, 5.0, 5.2], [100, 100.1, 100.3]),
        # Out of order or twice: half a step after the frame before, so that the next is in order again.
        ([0.0, 0.2, 0.1, 0.3, 0.3], [100, 100.2, 100.25, 100.3, 100.35]),
        # Set back (two recordings in one file): it goes on a step after the last frame.
        ([50.0, 50.1, 50.2, 0.0, 0.1, 0.5], [100, 100.1, 100.2, 100.3, 100.4, 100.8]),
        # A gap that is one: what follows goes on from there.
        ([0.0, 0.1, 30.0, 30.1], [100, 100.1, 130, 130.1]),
        # One stamp that is wrong, ahead or back, in the midst or at the end; and several of them.
        ([0.0, 0.1, 9e4, 0.3, 0.4], [100, 100.1, 100.2, 100.3, 100.4]),
        ([70.0, 70.1, 0.2, 70.3, 70.4], [100, 100.1, 100.2, 100.3, 100.4]),
        ([0.0, 0.1, 0.2, 9e4], [100, 100.1, 100.2, 100.3]),
        ([0.0, 0.1, 9e4, 9e4 + 0.1, 3e3, 0.5, 0.6], [100, 100.1, 100.2, 100.3, 100.4, 100.5, 100.6]),
        # MPEG's 33 bits begin anew, which is no gap.
        ([0.0, 0.1, 95443.9177, 95444.0177], [100, 100.1, 100.2, 100.3]),
        # A picture in five seconds is nothing odd where it is so all along.
        ([0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0], [100, 105, 110, 115, 120, 125, 130]),
    ],
)
def test_file_times(presented: list[float | None], times: list[float]) -> None:
    assert file_times(presented) == pytest.approx(times)


def test_file_times_always_increase() -> None:
    presented = [0.0, 0.1, 0.1, 0.1, 0.1, 0.05, None, 0.2, 0.2, 40.0, None, 0.0, 0.0, 0.6]
    times = file_times(presented)
    assert all(a < b for a, b in itertools.pairwise(times))


def live_times(rows: list[tuple[float | None, float | None, float]], **options: float) -> list[float]:
    clock = LiveClock(**options)
    return [clock.time(Stamp(*row)) for row in rows]


def test_live_times_are_the_cameras() -> None:
    # Its clock is 0.3 s behind the arrival, which jitters.
    rows = [(0.0, 49.7, 50.0), (0.1, 49.8, 50.4), (0.2, 49.9, 50.41)]
    assert live_times(rows) == pytest.approx([49.7, 49.8, 49.9])


def test_without_camera_clock_the_least_delayed_packet_rules() -> None:
    rows: list[tuple[float | None, float | None, float]] = [
        (0.0, None, 50.0),  # arrives at timestamp + 50.0
        (0.1, None, 50.3),  # delayed by 0.2: still timestamp + 50.0
        (0.2, None, 50.31),  # delayed by 0.11
        (0.3, None, 50.3),  # on time
    ]
    assert live_times(rows) == pytest.approx([50.0, 50.1, 50.2, 50.3])


def test_the_least_delay_is_forgotten_with_the_window() -> None:
    # Timestamps that lose 1 ms a second: after 12 s the first offset has left the window of 10 s.
    rows: list[tuple[float | None, float | None, float]] = [(s * 0.999, None, 50.0 + s) for s in range(13)]
    assert live_times(rows)[12] == pytest.approx(62.0 - 0.01, abs=1e-6)


def test_an_unbelievable_camera_clock_is_not_used() -> None:
    clock = LiveClock(max_error_s=5.0)
    assert clock.time(Stamp(0.0, 3650.0, 50.0)) == 50.0
    assert clock.source == "arrival"
    assert clock.time(Stamp(0.1, 50.05, 50.1)) > 50.0
    assert clock.source == "camera"


def test_a_better_clock_that_is_behind_is_waited_for_at_half_speed() -> None:
    # From the second frame on the camera says that we are 0.1 s ahead: 0.05 s a frame until it is right.
    rows = [(0.0, None, 50.0), (0.1, 50.0, 50.1), (0.2, 50.1, 50.2), (0.3, 50.2, 50.3), (0.4, 50.3, 50.4)]
    assert live_times(rows) == pytest.approx([50.0, 50.05, 50.1, 50.2, 50.3])


def test_timestamps_that_stood_still_start_anew() -> None:
    # The server paused for 60 s and goes on where it was.
    rows: list[tuple[float | None, float | None, float]] = [
        (0.0, None, 50.0),
        (0.1, None, 110.1),
        (0.2, None, 110.2),
    ]
    assert live_times(rows) == pytest.approx([50.0, 110.1, 110.2])


def test_without_timestamps_the_arrival_is_the_time() -> None:
    assert live_times([(None, None, 50.0), (None, None, 50.2)]) == [50.0, 50.2]


def test_live_times_increase_over_connections_and_a_clock_set_back() -> None:
    clock = LiveClock()
    times = [clock.time(Stamp(0.0, 60.0, 60.1)), clock.time(Stamp(0.1, 60.1, 60.2))]
    clock.connected()
    times += [
        clock.time(Stamp(9.0, None, 60.0)),
        clock.time(Stamp(9.1, None, 60.1)),
        clock.time(Stamp(9.2, None, 65)),
    ]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert times[2] < 60.11


def test_the_backlog_ends_with_the_first_frame_waited_for() -> None:
    backlog = Backlog()
    rows = [(None, 50.0), (0.1, 50.001), (0.2, 50.002), (0.3, 50.1), (0.4, 50.1)]
    assert [backlog.holds(Stamp(pts, None, arrival)) for pts, arrival in rows] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_the_backlog_ends_in_two_seconds() -> None:
    backlog = Backlog()
    held = [backlog.holds(Stamp(n * 1.0, None, 50.0 + n * 0.1)) for n in range(30)]
    assert held == [True] * 21 + [False] * 9


def test_without_timestamps_there_is_no_backlog_to_see() -> None:
    backlog = Backlog()
    assert [backlog.holds(Stamp(None, None, 50.0)) for _ in range(3)] == [True, False, False]


def test_a_clock_that_is_set_moves_time_by_half_a_step_a_frame() -> None:
    # From the third frame on the camera's clock is 3 s ahead of what it was: 0.15 s a frame, not 3.1.
    clock = LiveClock()
    rows = [(0.1 * n, 50.0 + 0.1 * n + (3.0 if n >= 2 else 0.0), 50.0 + 0.1 * n) for n in range(80)]
    times = [clock.time(Stamp(*row)) for row in rows]
    assert times[:4] == pytest.approx([50.0, 50.1, 50.25, 50.4])
    assert times[-1] == pytest.approx(rows[-1][1])
    assert (clock.jumps, clock.jumped_s, clock.offset_s) == (1, pytest.approx(3.0), pytest.approx(3.0))


def test_a_clock_set_by_an_hour_is_no_longer_believed_and_time_goes_on() -> None:
    clock = LiveClock()
    rows = [(0.1 * n, 49.8 + 0.1 * n + (3600.0 if n >= 2 else 0.0), 50.0 + 0.1 * n) for n in range(5)]
    assert [clock.time(Stamp(*row)) for row in rows] == pytest.approx([49.8, 49.9, 50.0, 50.1, 50.2])
    assert (clock.source, clock.jumps) == ("arrival", 1)


def test_a_delay_that_grows_slowly_is_measured() -> None:
    # A tenth of a second a second, which the window of 10 s would never show as more than one.
    clock = LiveClock()
    for second in range(60):
        clock.time(Stamp(float(second), None, 50.0 + 1.1 * second))
    assert clock.late_s == pytest.approx(5.9, abs=0.05)


def test_drift_is_the_slope_of_the_least_delayed() -> None:
    drift = Drift()
    for second in range(120):
        delay_s = 0.05 if second % 3 else 0.3
        drift.see(1000.0 + second, 50e-6 * second - delay_s)
    assert drift.ppm == pytest.approx(50.0, abs=0.5)
    drift.begin()
    assert drift.ppm is None
