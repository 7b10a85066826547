"""How many cameras fit, on costs that can be worked out by hand."""

from __future__ import annotations

import pytest

from app.checks.capacity import Camera, Costs, carried, most_carried

DECODE, DETECT = Camera(25, 0.0001, Costs(0.004, 0.03)), Camera(5, 5, Costs(0.0, 0.05))


def test_one_camera_waits_for_its_own_detection() -> None:
    one = carried([Camera(10, 2, Costs(0.001, 0.06))], cores=2)
    # 2 cores less 0.01 for decoding: 0.06 / 1.99
    assert (one.p50_s, one.p95_s) == pytest.approx((0.0302, 0.0302), abs=1e-3)
    assert one.load == pytest.approx((10 * 0.001 + 2 * 0.06) / 2)
    assert one.missed == pytest.approx(0.0, abs=0.01)


def test_detection_bounds_the_cameras() -> None:
    # Each takes a quarter of a core: eight are two cores whole, and wait for each other.
    most = most_carried([DETECT], cores=2, within_s=1.0)
    assert 7 <= most.cameras <= 8
    assert carried([DETECT] * 9, cores=2).missed > 0.05


def test_decoding_bounds_the_cameras() -> None:
    # Each takes a tenth of a core.
    assert 19 <= most_carried([DECODE], cores=2, within_s=1.0).cameras <= 20
    assert carried([DECODE] * 20, cores=2).missed == 1.0


def test_the_sooner_the_fewer() -> None:
    counts = [most_carried([DETECT], cores=2, within_s=s).cameras for s in (0.01, 0.03, 0.06, 0.5)]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[1] >= 1


def test_more_cameras_wait_longer_and_none_may_wait_for_a_bad_reason() -> None:
    waits = [carried([DETECT] * n, cores=2).p95_s for n in (1, 3, 6)]
    assert waits == sorted(waits)
    assert waits[2] <= 6 * 0.05 / 2 * 2  # a round, and the one before it


def test_kinds_come_in_turn() -> None:
    most = most_carried([DETECT, DECODE], cores=2, within_s=1.0)
    assert 10 <= most.cameras <= 12  # a quarter and a tenth: 0.35 a pair
