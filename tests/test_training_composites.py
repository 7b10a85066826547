"""Pictures made of others: whose halves, in what colours."""

from __future__ import annotations

import numpy as np
import pytest

from reid.preprocess import Image
from training import composites
from training.composites import compose

BLUE, RED = (np.full((64, 32, 3), colour, np.uint8) for colour in ((200, 40, 40), (40, 40, 200)))


def alone(monkeypatch: pytest.MonkeyPatch, *kept: str) -> None:
    """Only the named changes are made."""
    off = {"HALVED": 0.0, "LEAST_KEPT": 1.0, "HUE": 0, "GAIN": 1.0, "BLURRED": 0.0}
    for name, value in off.items():
        if name not in kept:
            monkeypatch.setattr(composites, name, value)


def noise(count: int = 3) -> Image:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 32, 3), np.uint8)


def test_the_same_seed_makes_the_same_pictures_and_another_makes_others() -> None:
    one = compose(noise(), 20, seed=1)
    assert one.shape == (20, 64, 32, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, compose(noise(), 20, seed=1))
    assert not np.array_equal(one, compose(noise(), 20, seed=2))
    assert len(np.unique(one.reshape(20, -1), axis=0)) == 20


def test_what_is_given_is_not_written_to_and_progress_is_told() -> None:
    pictures, told = noise(), list[int]()
    before = pictures.copy()
    compose(pictures, 3, seed=0, progress=told.append)
    assert np.array_equal(pictures, before)
    assert told == [1, 2, 3]


def test_halves_are_of_two_people_and_meet_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "HALVED")
    made = compose(np.stack([BLUE, RED]), 400, seed=0)
    blue = made[..., 0] > 120
    assert (blue.all(2) | ~blue.any(2)).all(), "whole lines"
    lines = blue[:, :, 0]
    changes = (lines[:, 1:] != lines[:, :-1]).sum(1)
    assert set(changes.tolist()) == {0, 1}
    assert (changes == 1).mean() == pytest.approx(0.6 / 2, abs=0.06), "half of the pairs are of two people"
    meet = np.argmax(lines[changes == 1, 1:] != lines[changes == 1, :-1], axis=1) + 1
    assert (meet.min() >= 19, meet.max() <= 45) == (True, True)
    assert 0 < lines[changes == 1, 0].mean() < 1, "either may be the upper one"


def test_colours_and_light_change_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "GAIN")
    made = compose(np.full((1, 64, 32, 3), 100, np.uint8), 300, seed=0).astype(float)
    light = made.mean((1, 2, 3))
    assert light.min() < 75
    assert light.max() > 130
    assert 100 / 1.5**1.5 - 1 < light.min() < light.max() < 100 * 1.5**1.5 + 1
    tint = made[:, 0, 0] / made[:, 0, 0].mean(1, keepdims=True)
    assert tint.std(0).min() > 0.05, "grey is not always grey"


def test_hues_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "HUE")
    made = compose(RED[None], 50, seed=0)[:, 0, 0]
    assert (made.argmax(1) == 2).all(), "by at most forty degrees: red stays the strongest"
    assert len(np.unique(made, axis=0)) > 15


def test_tighter_cuts_show_a_part_as_large_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "LEAST_KEPT")
    ramp = np.broadcast_to(np.linspace(0, 250, 64).astype(np.uint8)[:, None, None], (64, 32, 3))
    made = compose(np.ascontiguousarray(ramp)[None], 100, seed=0)[:, :, 0, 0].astype(int)
    shown = made[:, -1] - made[:, 0]
    assert shown.min() < 190
    assert shown.min() >= 0.69 * 245
    assert shown.max() <= 250


def test_some_lose_their_sharpness(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, "BLURRED")
    made = compose(noise(1), 300, seed=0).astype(float)
    sharp = np.abs(np.diff(made, axis=1)).mean((1, 2, 3))
    assert (sharp < 0.8 * sharp.max()).mean() == pytest.approx(0.3, abs=0.08)
