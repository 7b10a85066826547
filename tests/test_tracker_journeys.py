"""Journeys, and which of them are one person's."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.journeys import by_given, learned, returning, spread, too_far
from tracker.likeness import beyond_tail, given
from tracker.topology import Clocks, Integers, Stays
from tracker.tracklets import unit
from tracker.types import Floats


def test_what_is_far_apart_or_on_another_clock_is_no_journey() -> None:
    # Recordings 0 and 1 are on one clock, 1 being 1000 s ahead; 2 is on none.
    stays = Stays(np.array([0, 1, 1, 2]), np.array([0, 1, 1, 2]), np.array([0.0, 1100.0, 1400.0, 0.0]))
    clocks = Clocks(np.array([0.0, 1000.0, 0.0]), np.array([0, 0, 1]))
    far = too_far(stays, clocks)
    # 0 and 1: 100 s. 0 and 2: 400 s. 1 and 2: 300 s, just near enough. 3: nobody knows.
    assert far[0].tolist() == [False, False, True, True]
    assert far[1].tolist() == [False, False, False, True]


def test_what_is_impossible_for_one_view_is_so_for_the_journey() -> None:
    never = np.eye(4, dtype=bool)
    never[1, 3] = never[3, 1] = True
    assert spread(never, np.array([0, 0, 1, 2])).tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, True],
    ]


def test_given_odds_of_journeys_are_the_mean_of_their_pairs() -> None:
    # Of cosines between 0 and 0.8, where the curve is a line.
    looks = unit(np.array([[1, 0, 0], [1, 1, 0], [1, 2, 0], [0, 1, 3]], np.float32))
    pairs = given(3)(looks @ looks.T)
    found = by_given(looks, np.array([0, 0, 1, 2]), np.array([0, 0, 1, 2]))
    assert found[0, 2] == pytest.approx(pairs[:2, 3].mean(), abs=1e-4)
    assert found[1, 2] == pytest.approx(pairs[2, 3], abs=1e-4)


def test_strangers_tail_tells_nothing_where_few_people_come_often() -> None:
    assert returning(np.arange(1000)) == 0.0
    assert returning(np.repeat(np.arange(500), 2)) == 0.0  # one pair in 500
    assert returning(np.repeat(np.arange(50), 20)) == 1.0  # one in 50
    assert 0.4 < returning(np.repeat(np.arange(167), 6)) < 0.6  # one in 167, halfway by the logarithm


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


@pytest.mark.parametrize("seed", range(5))
def test_strangers_alone_are_hardly_ever_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for strangers in (rng.exponential(0.07, 50_000), rng.normal(0.0, 0.15, 50_000)):
        curve = beyond_tail(strangers.astype(np.float32))
        assert curve is None or (curve(strangers.astype(np.float32)) > np.log(0.7 / 0.3)).sum() <= 25


def test_few_pairs_teach_nothing() -> None:
    assert beyond_tail(np.zeros(10, np.float32)) is None
    assert beyond_tail(np.random.default_rng(1).normal(0.0, 0.1, 1000).astype(np.float32)) is None


def test_strangers_whose_number_falls_ever_faster_are_told_by_the_tangent() -> None:
    # 200,000 strangers of a normal tail, and 300 pairs of one person at 0.6.
    rng = np.random.default_rng(3)
    strangers = rng.normal(0.0, 0.12, 200_000)
    curve = beyond_tail(np.concatenate([strangers, rng.normal(0.6, 0.05, 300)]).astype(np.float32))
    assert curve is not None
    # From 0.5 on there are 3 strangers and 293 of one person; a line through the tail's ends would say 50.
    assert curve(np.array([0.56], np.float32))[0] > 1.5
    assert curve(np.array([0.36], np.float32))[0] < -2.5


def walked(times: list[int], *, seed: int) -> tuple[Floats, Integers, Integers]:
    """(N, 32) looks and (N,) journeys of three views each, of people who come so many times; (K,) people."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(len(times)), times)
    journey = np.repeat(np.arange(len(person)), 3)
    looks = rng.normal(size=(len(times), 32))[person[journey]] + rng.normal(0.0, 0.7, (len(journey), 32))
    return unit(looks.astype(np.float32)), journey, person


@pytest.mark.parametrize("times", [[1] * 500 + [2] * 60, [10] * 30], ids=["a mall", "an office"])
def test_who_comes_again_is_found_by_looks(times: list[int]) -> None:
    looks, journey, person = walked(times, seed=4)
    pairs = np.triu(np.ones((len(person), len(person)), bool), 1)
    between = learned(looks, journey, ~pairs & ~pairs.T)
    assert between is not None
    said, same = between.odds(looks, journey)[pairs] > 0, np.equal.outer(person, person)[pairs]
    assert (said & same).sum() / said.sum() > 0.95
    assert (said & same).sum() / same.sum() > 0.9
    assert between.rarity == pytest.approx(np.log(same.mean()), abs=1.0)


def test_delays_tell_how_rare_one_persons_pairs_are_where_they_can() -> None:
    looks, journey, person = walked([1] * 500 + [2] * 60, seed=5)
    between = learned(looks, journey, np.eye(len(person), dtype=bool))
    assert between is not None
    odds = np.full((2, 2), -3.0, np.float32)
    delay = np.full((3, 3), -1.0, np.float32)
    near = np.zeros((3, 3), bool)
    pair = np.array([0, 0, 1])
    assert between.with_delays(odds, delay, near, pair)[0, 1] == pytest.approx(-3.0)
    near[0, 2] = near[2, 0] = True
    assert between.with_delays(odds, delay, near, pair)[0, 1] == pytest.approx(-3.0 - between.rarity - 1.0)


def test_few_journeys_are_not_asked() -> None:
    assert learned(np.eye(5, dtype=np.float32), np.arange(5), np.eye(5, dtype=bool)) is None
