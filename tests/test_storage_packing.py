from __future__ import annotations

import zlib

import numpy as np
import pytest

from storage.packing import (
    BOX_STEP_PX,
    SCORE_STEP,
    TIME_STEP_S,
    Trajectory,
    pack,
    pack_vector,
    unpack,
    unpack_vectors,
)


def walk(rng: np.random.Generator, count: int, *, start: float, scale: float) -> Trajectory:
    """A random way: uneven times, skipped frames, boxes inside and outside of the picture."""
    times = start + np.cumsum(rng.uniform(1e-3, 0.2, count))
    frames = rng.integers(0, 10**7) + np.cumsum(rng.integers(1, 4, count))
    corner = np.cumsum(rng.normal(0, scale, (count, 2)), axis=0) + rng.uniform(-50, 4000, 2)
    boxes = np.hstack([corner, corner + rng.uniform(1, 300, (count, 2))]).astype(np.float32)
    return Trajectory(times, frames, boxes, rng.random(count).astype(np.float32))


@pytest.mark.parametrize("seed", range(40))
def test_what_is_packed_comes_back_as_near_as_promised(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = float(rng.choice([0.0, -5.0, 1.7e9, 4e9]))
    way = walk(rng, int(rng.integers(1, 200)), start=start, scale=float(rng.choice([0.1, 3, 100])))
    back = unpack(pack(way))
    np.testing.assert_array_equal(back.frames, way.frames)
    np.testing.assert_allclose(back.times, way.times, rtol=0, atol=TIME_STEP_S / 2 + 1e-6)
    np.testing.assert_allclose(back.boxes, way.boxes, rtol=0, atol=BOX_STEP_PX / 2 + 1e-3)
    np.testing.assert_allclose(back.scores, way.scores, rtol=0, atol=SCORE_STEP / 2 + 1e-6)
    assert (np.diff(back.times) > 0).all()
    assert (back.times.dtype, back.frames.dtype) == (np.float64, np.int64)
    assert (back.boxes.dtype, back.scores.dtype) == (np.float32, np.float32)


def test_packing_what_was_unpacked_changes_nothing() -> None:
    once = unpack(pack(walk(np.random.default_rng(1), 100, start=1.7e9, scale=3)))
    twice = unpack(pack(once))
    np.testing.assert_array_equal(once.times, twice.times)
    np.testing.assert_array_equal(once.boxes, twice.boxes)
    np.testing.assert_array_equal(once.scores, twice.scores)


def test_times_closer_than_a_step_stay_in_order() -> None:
    times = 5.0 + np.arange(20) * 1e-6
    back = unpack(
        pack(Trajectory(times, np.arange(20), np.zeros((20, 4), np.float32), np.zeros(20, np.float32)))
    )
    assert (np.diff(back.times) > 0).all()


def test_a_step_as_long_as_a_lifetime_and_a_box_far_away_are_held() -> None:
    way = Trajectory(
        np.array([0.0, 3e9]),
        np.array([0, 2**40]),
        np.array([[0, 0, 1, 1], [1e6, 1e6, 2e6, 2e6]], np.float32),
        np.array([0, 1], np.float32),
    )
    back = unpack(pack(way))
    np.testing.assert_array_equal(back.times, way.times)
    np.testing.assert_array_equal(back.frames, way.frames)
    np.testing.assert_array_equal(back.boxes, way.boxes)


def test_a_walk_takes_few_bytes_a_point() -> None:
    rng = np.random.default_rng(0)
    k = np.arange(125)
    corner = np.array([100.0, 200.0]) + k[:, None] * [1.5, 0.2]
    boxes = np.hstack([corner, corner + np.array([60, 160])]) + rng.normal(0, 0.7, (125, 4))
    way = Trajectory(
        1.7e9 + k / 25, k, boxes.astype(np.float32), rng.uniform(0.4, 0.9, 125).astype(np.float32)
    )
    assert len(pack(way)) / len(way) < 7


def no_points() -> Trajectory:
    return Trajectory.joined([])


@pytest.mark.parametrize(
    ("times", "boxes", "sentence"),
    [
        ([1.0, 1.0], [[0, 0, 1, 1]] * 2, "times of a trajectory increase"),
        ([2.0, 1.0], [[0, 0, 1, 1]] * 2, "times of a trajectory increase"),
        ([np.nan], [[0, 0, 1, 1]], "times of a trajectory increase"),
        ([1.0], [[0, 0, np.nan, 1]], "only finite numbers"),
        ([1.0], [[0, 0, np.inf, 1]], "only finite numbers"),
    ],
)
def test_what_is_no_trajectory_is_refused(
    times: list[float], boxes: list[list[float]], sentence: str
) -> None:
    n = len(times)
    way = Trajectory(np.array(times), np.arange(n), np.array(boxes, np.float32), np.zeros(n, np.float32))
    with pytest.raises(ValueError, match=sentence):
        pack(way)


def test_no_points_cannot_be_packed_but_joined() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        pack(no_points())
    assert no_points().boxes.shape == (0, 4)


@pytest.mark.parametrize("blob", [b"", b"\x02abc", b"\x01abc", b"\x01" + zlib.compress(b"short")])
def test_bytes_that_are_no_trajectory_are_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="packed trajectory"):
        unpack(blob)


def test_a_blob_that_was_cut_is_refused() -> None:
    blob = pack(walk(np.random.default_rng(2), 50, start=0, scale=1))
    for length in (1, 5, len(blob) // 2, len(blob) - 1):
        with pytest.raises(ValueError, match="packed trajectory"):
            unpack(blob[:length])


def test_vectors_come_back_as_unit_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    back = unpack_vectors([pack_vector(row) for row in rows])
    assert back.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
    assert (np.sum(back * rows, axis=1) > 0.99999).all()
    assert len(pack_vector(rows[0])) == 512
