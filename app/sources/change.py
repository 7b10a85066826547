"""Where a picture differs from what the detector saw last: the cheap question before the dear one.

Pictures are compared small, as brightness. What counts as different is learned for each place: leaves, water,
screens and a sensor's noise differ all the time, and are expected to (a running median of the differences, by
steps of one size: Manzanera and Richefeu, "A new motion detection algorithm based on Sigma-Delta background
estimation", 2007). Light that changes everywhere at once is taken away.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import WHOLE, Grey, Part

SMALL = 4
"""How many pixels of the detector's picture are one here, in a row: half a head of the smallest person that
detectors find (about 20 pixels tall) is still one."""

LEAST = 6.0
"""Grey levels by which encoding changes a still picture at most, averaged over SMALL by SMALL pixels."""

UNUSUAL = 4.0
"""How many times the usual difference is none: four medians are 2.7 standard deviations of normal noise."""

MOST_USUAL = 8.0
"""Grey levels: where people pass all the time, that is not to become what nobody minds."""

LEARN = 0.5
"""Grey levels a second by which the usual difference is followed: in 16 s to its most."""

_BLOCK = np.ones((2, 2), np.uint8)  # this large a part must have changed, lest a single pixel counts


def small(grey: Grey, detector_size: int) -> Grey:
    """(H, W) brightness, as small as it is compared: by a whole factor, which is fast. Of large pictures some
    rows are enough: a mean of three rows of a dozen has little noise left.
    """
    height, width = grey.shape
    factor = max(1, round(max(height, width) * SMALL / detector_size))
    rows, columns = max(1, height // factor), max(1, width // factor)
    step = max(step for step in (1, 2, 3, 4) if (factor % step == 0 and factor >= 3 * step) or step == 1)
    inner = grey[: rows * factor : step, : columns * factor]
    return np.asarray(cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


class Change:
    """Compares a camera's pictures, as (H, W) brightness, with what the detector saw of it last.

    detector_size: the longer side of the detector's picture, in pixels.
    """

    def __init__(self, detector_size: int) -> None:
        self._detector_size = detector_size
        self._kept: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._picture = self._kept
        self._usual: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def keep(self, part: Part) -> None:
        """The detector sees that part of the picture asked about last."""
        if self._kept.shape != self._picture.shape:
            self._kept = self._picture
            self._usual = np.ones(self._picture.shape, np.float32)
        rows, columns = self._picture.shape
        x1, x2 = math.ceil(part[0] * columns), math.floor(part[2] * columns)
        y1, y2 = math.ceil(part[1] * rows), math.floor(part[3] * rows)
        self._kept[y1:y2, x1:x2] = self._picture[y1:y2, x1:x2]

    def changed(self, grey: Grey, after_s: float) -> Part | None:
        """What changed since: the part of the picture that holds all of it, if anything did.

        after_s: seconds since the last one asked about.
        """
        picture = self._picture = small(grey, self._detector_size).astype(np.float32)
        if self._kept.shape != picture.shape:
            return WHOLE
        apart = picture - self._kept
        apart = np.abs(apart - apart.mean())
        much = apart > LEAST + UNUSUAL * self._usual
        step = np.float32(LEARN * min(after_s, 1.0))
        self._usual += np.where(apart > self._usual, step, -step)
        np.clip(self._usual, 0.0, MOST_USUAL, out=self._usual)
        blocks = cv2.erode(much.astype(np.uint8), _BLOCK)
        return _bounds(blocks) if blocks.any() else None


def _bounds(marked: NDArray[Any]) -> Part:
    """The part that holds all blocks whose last pixel is marked, and the pixels around them."""
    rows, columns = marked.shape
    ys, xs = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    left, top = max(int(xs[0]) - 2, 0), max(int(ys[0]) - 2, 0)
    right, bottom = min(int(xs[-1]) + 2, columns), min(int(ys[-1]) + 2, rows)
    return left / columns, top / rows, right / columns, bottom / rows
