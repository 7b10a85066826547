from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_t

from tracker.kalman import TAIL, Motion, centres, corners

BOX = np.array([[100.0, 50.0, 140.0, 150.0]])  # centre (120, 100), 40 wide, 100 tall


def test_boxes_go_to_centres_and_back() -> None:
    assert centres(BOX).tolist() == [[120, 100, 40, 100]]
    mean, _ = Motion().begin(BOX)
    assert corners(mean).tolist() == BOX.tolist()


def test_a_target_at_rest_stays_and_grows_uncertain() -> None:
    motion = Motion()
    mean, covariance = motion.begin(BOX)
    moved, grown = motion.predict(mean, covariance, np.array([0.5]))
    assert corners(moved).tolist() == BOX.tolist()
    assert (grown[..., 0, 0] > covariance[..., 0, 0]).all()


def test_a_step_by_hand() -> None:
    # A long memory makes the speed last: 60 px/s for 0.5 s is 30 px.
    motion = Motion(memory_s=1e9, size_memory_s=1e9, push=0.0, stretch=0.0, start_speed=0.2)
    mean, covariance = motion.begin(BOX)
    mean[0, 0, 1] = 60.0
    moved, grown = motion.predict(mean, covariance, np.array([0.5]))
    assert moved[0, 0].tolist() == pytest.approx([150.0, 60.0], rel=1e-6)
    # Position variance (2 * 0.05 * 100)^2 = 100, speed variance (0.2 * 100)^2 = 400: 100 + 0.25 * 400 = 200.
    assert grown[0, 0, 0, 0] == pytest.approx(200.0, rel=1e-6)
    assert grown[0, 0, 0, 1] == pytest.approx(200.0, rel=1e-6)
    # Seen at x + 30 more; noise 5^2 = 25: gain 200 / 225 of position, 200 / 225 of speed.
    seen = BOX + np.array([60, 0, 60, 0])
    corrected, kept = motion.update(moved, grown, seen)
    assert corrected[0, 0].tolist() == pytest.approx([150 + 30 * 200 / 225, 60 + 30 * 200 / 225], rel=1e-6)
    assert kept[0, 0, 0, 0] == pytest.approx(200 * 25 / 225, rel=1e-6)


def test_two_small_steps_are_one_large_step() -> None:
    motion = Motion()
    mean, covariance = motion.begin(BOX)
    mean[0, :, 1] = [50, -20, 5, 3]
    once = motion.predict(mean, covariance, np.array([0.4]))
    half = motion.predict(*motion.predict(mean, covariance, np.array([0.1])), np.array([0.3]))
    assert half[0] == pytest.approx(once[0], rel=1e-9)
    # The noise of a damped speed is added as if undamped over a step, near the truth for short steps.
    assert half[1] == pytest.approx(once[1], rel=0.15)


def textbook(
    mean: NDArray[np.float64], covariance: NDArray[np.float64], dt: float, motion: Motion, seen: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One filter of two numbers written with matrices: predict, then update by a position."""
    height = 100.0
    fade = np.exp(-dt / motion.memory_s)
    step = np.array([[1, motion.memory_s * (1 - fade)], [0, fade]])
    noise = (motion.push * height) ** 2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    mean, covariance = step @ mean, step @ covariance @ step.T + noise
    look = np.array([[1.0, 0.0]])
    gain = covariance @ look.T / (look @ covariance @ look.T + (motion.jitter * height) ** 2)
    return mean + gain[:, 0] * (seen - mean[0]), (np.eye(2) - gain @ look) @ covariance


def test_the_filter_equals_the_textbook_over_many_steps() -> None:
    motion = Motion()
    rng = np.random.default_rng(7)
    mean, covariance = motion.begin(BOX)
    one, spread = mean[0, 0].copy(), covariance[0, 0].copy()
    for _ in range(30):
        dt, x = rng.uniform(0.02, 0.5), rng.normal(120, 10)
        mean, covariance = motion.predict(mean, covariance, np.array([dt]))
        mean, covariance = motion.update(mean, covariance, np.array([[x - 20, 50, x + 20, 150]]))
        one, spread = textbook(one, spread, dt, motion, x)
    assert mean[0, 0] == pytest.approx(one, rel=1e-9)
    assert covariance[0, 0] == pytest.approx(spread, rel=1e-9)


def test_log_odds_are_those_of_the_t_density_against_a_stranger_in_each_height() -> None:
    motion = Motion()
    mean, covariance = motion.begin(np.concatenate([BOX, BOX + 200]))
    boxes = np.concatenate([BOX, BOX + 5])
    found = motion.log_odds(mean, covariance, boxes)
    assert found.shape == (2, 2)
    # Variances (0.1^2 + 0.05^2) 100^2 px in all four; in heights, against a density of one.
    spread = np.eye(4) * (0.1**2 + 0.05**2)
    for column, off in enumerate(([0, 0, 0, 0], [0.05, 0.05, 0, 0])):
        density = multivariate_t(np.zeros(4), spread, df=TAIL).logpdf(off)
        assert found[0, column] == pytest.approx(density)
    assert found[1].max() < -5  # two heights away


def test_who_was_not_seen_for_long_is_claimed_less_surely() -> None:
    motion = Motion()
    mean, covariance = motion.begin(BOX)
    odds = [
        motion.log_odds(*motion.predict(mean, covariance, np.array([dt])), BOX).item()
        for dt in (0.1, 0.5, 1.0, 2.0)
    ]
    assert odds == sorted(odds, reverse=True)


def test_no_targets_are_no_trouble() -> None:
    motion = Motion()
    mean, covariance = motion.begin(np.zeros((0, 4)))
    moved, _ = motion.predict(mean, covariance, np.zeros(0))
    assert corners(moved).shape == (0, 4)
