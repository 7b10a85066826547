from __future__ import annotations

import pytest

from app.headless.pace import Pace, Rates
from app.pipeline import CameraStatus, Status


def status(elapsed_s: float, *, received: int = 0, frames: int = 0, dropped: int = 0) -> Status:
    camera = CameraStatus("hall", "playing", frames=frames, dropped=dropped, received=received)
    return Status(elapsed_s, 0, (camera,), None, {})


def test_rates_are_those_of_the_last_seconds() -> None:
    pace = Pace(window_s=5.0)
    assert pace.of("hall") == Rates()
    pace.see(status(0.0))
    assert pace.of("hall") == Rates()
    # Ten seconds at 10 fps, all of it done; then ten at 30 fps, of which 12 are done.
    for second in range(1, 11):
        pace.see(status(second, received=10 * second, frames=10 * second))
    assert pace.of("hall") == Rates(10.0, 10.0, 0.0)
    for second in range(1, 11):
        pace.see(
            status(10 + second, received=100 + 30 * second, frames=100 + 12 * second, dropped=18 * second)
        )
    assert pace.of("hall") == Rates(30.0, 12.0, 18.0)


def test_it_keeps_no_more_than_it_needs_however_often_it_is_shown() -> None:
    pace = Pace(window_s=5.0)
    for hundredth in range(10_000):
        pace.see(status(hundredth / 100, received=hundredth // 4))
    assert pace.of("hall").received == pytest.approx(25.0, rel=0.02)
    assert len(pace._seen) < 30


def test_a_camera_that_joins_later_counts_from_nothing() -> None:
    pace = Pace()
    pace.see(Status(0.0, 0, (), None, {}))
    pace.see(status(2.0, received=20))
    assert pace.of("hall").received == 10.0


@pytest.mark.parametrize(("processed", "share"), [(10, 0.0), (15, 0.0), (8, 0.2), (0, 1.0)])
def test_frames_nobody_wanted_are_no_loss(processed: int, share: float) -> None:
    # 25 a second come, of which ten are enough.
    pace = Pace(window_s=5.0)
    for second in range(20):
        camera = CameraStatus(
            "hall",
            "playing",
            frames=processed * second,
            wanted_fps=10.0,
            dropped=(25 - processed) * second,
            received=25 * second,
        )
        pace.see(Status(float(second), 0, (camera,), None, {}))
    assert pace.dropped_share == pytest.approx(share)
    assert pace.overloaded == (share > 0.1)
    assert pace.of("hall").dropped == 25 - processed


def test_overload_is_told_from_a_tenth_and_until_a_twentieth() -> None:
    pace, received, dropped, told = Pace(window_s=1.0), 0, 0, []
    for second, lost in enumerate([0, 0, 9, 11, 7, 4, 7]):
        received, dropped = received + 100, dropped + lost
        pace.see(
            Status(
                float(second),
                0,
                (CameraStatus("a", "playing", received=received, dropped=dropped),),
                None,
                {},
            )
        )
        told.append((pace.dropped_share, pace.overloaded))
    assert told[2:] == [(0.09, False), (0.11, True), (0.07, True), (0.04, False), (0.07, False)]
