"""Journeys, and which of them are one person's."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.journeys import averaged, looks_of, odds_of, spread, too_far, uncrowded
from tracker.likeness import beyond_tail
from tracker.topology import Clocks, Stays


def test_what_is_far_apart_or_on_another_clock_is_no_journey() -> None:
    # Recordings 0 and 1 are on one clock, 1 being 1000 s ahead; 2 is on none.
    stays = Stays(np.array([0, 1, 1, 2]), np.array([0, 1, 1, 2]), np.array([0.0, 1100.0, 1400.0, 0.0]))
    clocks = Clocks(np.array([0.0, 1000.0, 0.0]), np.array([0, 0, 1]))
    far = too_far(stays, clocks)
    # 0 and 1: 100 s. 0 and 2: 400 s. 1 and 2: 300 s, just near enough. 3: nobody knows.
    assert far[0].tolist() == [False, False, True, True]
    assert far[1].tolist() == [False, False, False, True]


def test_a_journey_looks_like_the_mean_of_its_views() -> None:
    looks = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    assert looks_of(looks, np.array([0, 0, 1])) == pytest.approx(
        np.array([[0.7071, 0.7071], [0, 1]]), abs=1e-4
    )


def test_what_is_impossible_for_one_view_is_so_for_the_journey() -> None:
    never = np.eye(4, dtype=bool)
    never[1, 3] = never[3, 1] = True
    assert spread(never, np.array([0, 0, 1, 2])).tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, True],
    ]


def test_odds_of_journeys_are_the_mean_of_their_pairs() -> None:
    odds = np.array([[0, 9, 2], [9, 0, 4], [2, 4, 0]], np.float32)
    assert averaged(odds, np.array([0, 0, 1]))[0, 1] == pytest.approx(3.0)


def test_who_is_like_many_counts_as_less_alike() -> None:
    # Twenty in white shirts are 0.8 alike; two in red trousers are 0.8 alike, and 0.1 like the others.
    alike = np.full((22, 22), 0.1, np.float32)
    alike[:20, :20] = 0.8
    alike[20:, 20:] = 0.8
    np.fill_diagonal(alike, 1.0)
    scaled = uncrowded(alike)
    # White: 0.8 less (0.8 + 0.8) / 2. Red: of the ten nearest one is 0.8, nine 0.1: 0.17.
    assert scaled[0, 1] == pytest.approx(0.0, abs=1e-6)
    assert scaled[20, 21] == pytest.approx(0.8 - 0.17, abs=1e-6)


def test_what_is_beyond_the_tail_of_strangers_is_one_persons() -> None:
    # 200,000 strangers whose number halves every 0.05 from 0 on, and 200 pairs of one person at 0.65.
    rng = np.random.default_rng(1)
    strangers = rng.exponential(0.05 / np.log(2), 200_000)
    own = rng.normal(0.65, 0.05, 200)
    curve = beyond_tail(np.concatenate([strangers, own]).astype(np.float32))
    assert curve is not None
    assert (np.diff(curve.log_odds) >= 0).all()
    # From 0.64 to 0.66 there are 200,000 (2^-12.8 - 2^-13.2) = 6.8 strangers and 200 * 0.16 = 32 of one:
    # log odds 1.5. From 0.44 to 0.46 there are 108, and none.
    assert curve(np.array([0.65], np.float32))[0] == pytest.approx(1.5, abs=0.5)
    assert curve(np.array([0.45], np.float32))[0] < -2.5


def test_strangers_alone_teach_nothing() -> None:
    strangers = np.random.default_rng(2).exponential(0.07, 50_000).astype(np.float32)
    assert beyond_tail(strangers) is None
    assert beyond_tail(np.zeros(10, np.float32)) is None


def test_few_journeys_are_not_asked() -> None:
    assert odds_of(np.eye(5, dtype=np.float32), np.eye(5, dtype=bool)) is None
