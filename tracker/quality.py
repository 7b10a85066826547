"""How good a picture of a person is, from where the boxes lie: before anyone looks at the pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.matching import area, intersection
from tracker.types import Floats

FULL_HEIGHT_PX = 128.0
"""A person this tall or taller loses nothing by size: half the height the networks look at."""


def quality(boxes: Floats, scores: Floats, *, width: int, height: int) -> NDArray[Any]:
    """(N, 4) boxes and (N,) scores of one frame -> (N,) in 0..1.

    The product of the detector's score, the size, the part not hidden by people in front (those whose
    feet are lower in the picture), and whether the body is whole: inside the picture, and taller than wide.
    """
    if len(boxes) == 0:
        return np.zeros(0)
    sides = boxes[:, 2:] - boxes[:, :2]
    size = np.clip(sides[:, 1] / FULL_HEIGHT_PX, 0, 1) ** 0.5
    return np.asarray(scores * size * visible(boxes) * _inside(boxes, width, height) * _shape(sides))


def visible(boxes: Floats) -> NDArray[Any]:
    """(N,): the part of each box that the one person most in front of it leaves free, 0..1."""
    hidden = intersection(boxes, boxes) / np.maximum(area(boxes)[:, None], 1e-9)
    in_front = boxes[None, :, 3] > boxes[:, None, 3]
    return np.asarray(1.0 - np.where(in_front, hidden, 0).max(axis=1))


def _inside(boxes: Floats, width: int, height: int) -> NDArray[Any]:
    margin = 2.0
    cut = (boxes[:, 0] < margin) | (boxes[:, 1] < margin)
    cut |= (boxes[:, 2] > width - margin) | (boxes[:, 3] > height - margin)
    return np.where(cut, 0.5, 1.0)


def _shape(sides: Floats) -> NDArray[Any]:
    """1 for a standing person, falling where the box is far too wide or too narrow."""
    ratio = sides[:, 0] / np.maximum(sides[:, 1], 1e-9)
    return np.clip(np.minimum(ratio / 0.2, 0.8 / np.maximum(ratio, 1e-9)), 0, 1)
