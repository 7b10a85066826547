"""What the gallery knows of somebody while presences come, turn out to be others', and are erased."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.gallery import Known, Presence
from tracker.templates import Templates
from tracker.types import Held

DIMENSION = 12


def shown(known: Known) -> dict[str, tuple[float, np.ndarray]]:
    """Camera -> pictures, and the sum of what they show."""
    sums: dict[str, tuple[float, np.ndarray]] = {}
    for camera, mean, pictures in known.looks:
        count, whole = sums.get(camera, (0.0, np.zeros(DIMENSION)))
        sums[camera] = count + pictures, whole + pictures * mean
    return sums


@pytest.mark.parametrize("seed", range(5))
def test_what_is_taken_out_is_what_was_put_in(seed: int) -> None:
    """Also of the presences that are no longer kept one by one; whoever left is out for good, and what was
    there before something was erased is out with it.
    """
    rng = np.random.default_rng(seed)
    known = Known(1, Templates(dimension=DIMENSION, most=8))
    counted: list[Presence] = []
    everybody: list[Presence] = []
    for time in range(400):
        look = rng.normal(size=DIMENSION).astype(np.float32)
        came = Presence("abc"[rng.integers(3)], time, time + 0.5, look=look, pictures=rng.uniform(1, 6))
        known.was_in(came)
        counted.append(came)
        everybody.append(came)
        if rng.uniform() < 0.2:
            gone = everybody[rng.integers(len(everybody))]
            known.left(gone)
            counted = [one for one in counted if one is not gone]
        if rng.uniform() < 0.01:
            known.drop(Held())
            counted = list(known.presences)
        if rng.uniform() < 0.2:  # of somebody who was out of sight more is seen
            late = everybody[rng.integers(len(everybody))]
            late.pictures += rng.uniform(-0.2, 2)
        some = [one for one in everybody if rng.uniform() < 0.9]
        rest = [one for one in counted if all(one is not other for other in some)]
        left = shown(known.besides(some))
        for camera in "abc":
            here = [one for one in rest if one.camera == camera]
            pictures, whole = left.get(camera, (0.0, np.zeros(DIMENSION)))
            worth = [one.pictures if one.summed is None else one.summed[1] for one in here]
            assert pictures == pytest.approx(sum(worth), abs=1e-4)
            expected = sum(
                (w * looks_of(one) for w, one in zip(worth, here, strict=True)), np.zeros(DIMENSION)
            )
            assert np.allclose(whole, expected, atol=1e-2)


def looks_of(presence: Presence) -> np.ndarray:
    assert presence.look is not None
    return presence.look
