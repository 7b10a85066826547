"""Still pictures, by hand: one a second, frozen after three seconds."""

from __future__ import annotations

import numpy as np
import pytest

from app.sources.stillness import Stillness


def picture(level: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((48, 64, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("levels", "frozen"),
    [
        ([9, 9, 9, 9, 9], [False, False, False, True, True]),
        ([9, 11, 9, 12, 9], [False, False, False, True, True]),  # the same, encoded anew
        ([9, 9, 9, 20, 20, 20, 20], [False, False, False, False, False, False, True]),
        ([9, 9, 9, 9, 20, 20], [False, False, False, True, False, False]),  # alive again at once
    ],
)
def test_frozen_once_nothing_changes(levels: list[int], frozen: list[bool]) -> None:
    still = Stillness(after_s=3.0)
    assert [still.see(picture(level), float(second)) for second, level in enumerate(levels)] == frozen


def test_one_changed_spot_is_life() -> None:
    still = Stillness(after_s=1.0)
    other = picture(9)
    other[8:16, 8:16] = 30
    assert [still.see(p, float(n)) for n, p in enumerate([picture(9), other, picture(9)])] == [False] * 3


def test_a_new_size_is_life() -> None:
    still = Stillness(after_s=1.0)
    still.see(picture(9), 0.0)
    assert not still.see(np.full((96, 64, 3), 9, np.uint8), 5.0)


def test_it_is_tried_again_ever_more_seldom() -> None:
    still = Stillness(after_s=3.0)
    tried = []
    for second in range(60):
        still.see(picture(9), float(second))
        if still.due(float(second)):
            tried.append(second)
    assert tried == [3, 9, 21, 45]  # 3, 6, 12, 24 s after the one before


def test_it_can_be_turned_off() -> None:
    still = Stillness(after_s=0.0)
    assert not any(still.see(picture(9), float(second)) or still.due(float(second)) for second in range(99))
