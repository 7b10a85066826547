"""Pictures that nobody took, for a teacher to say what it sees in them.

A student that sees only some hundred people learns the teacher's answers about them by heart. Two people's
halves, other colours, other cuts and other sharpness make people it has not seen, and a teacher needs no
label to judge them: Beyer et al., "Knowledge Distillation: A Good Teacher Is Patient and Consistent"
(CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from reid.preprocess import Image

STOCK = 3  # composites that are made, for each picture
HALVED = 0.6  # the share of two people's halves
CUT = (0.3, 0.7)  # where the halves meet, of the height
COVERED, COVER = 0.3, (0.2, 0.5)  # the share of those partly covered by a third, and of each side how much
ZOOM = (0.8, 1.4)  # how much larger a person is made; what then lacks is mirrored
HUE = 20  # of OpenCV's 180, either way
GAIN = 1.5  # brightness, contrast, each channel and saturation change by at most this factor
BLURRED, LEAST_SHARP = 0.4, 0.25  # the share that loses sharpness, and down to what size it is brought


def compose(
    pictures: Image, into: Image, *, seed: int, progress: Callable[[int], None] | None = None
) -> None:
    """Fill an array (M, height, width, 3) uint8 BGR with pictures made of others: (N, height, width, 3) with
    N of at least 1.

    The same seed gives the same pictures. progress: is told how many are made.
    """
    random = np.random.default_rng((seed, 2))
    for row in range(len(into)):
        one, other, third = pictures[random.integers(0, len(pictures), 3)]
        whole = _halves(one, other, random) if random.random() < HALVED else one
        seen = _covered(whole, third, random) if random.random() < COVERED else whole
        into[row] = _blurred(_recoloured(_framed(seen, random), random), random)
        if progress is not None:
            progress(row + 1)


def _halves(upper: Image, lower: Image, random: np.random.Generator) -> Image:
    """The upper part of one and the lower part of the other."""
    line = round(random.uniform(*CUT) * len(upper))
    return np.concatenate([upper[:line], lower[line:]])


def _covered(picture: Image, by: Image, random: np.random.Generator) -> Image:
    """With a rectangle of another picture somewhere before it."""
    tall, wide = (max(1, round(random.uniform(*COVER) * side)) for side in picture.shape[:2])
    corners = [
        random.integers(0, side - part + 1, 2)
        for side, part in zip(picture.shape[:2], (tall, wide), strict=True)
    ]
    (top, at), (left, beside) = corners
    covered = picture.copy()
    covered[top : top + tall, left : left + wide] = by[at : at + tall, beside : beside + wide]
    return covered


def _framed(picture: Image, random: np.random.Generator) -> Image:
    """Larger or smaller, and not in the middle, as boxes that do not fit are."""
    height, width = picture.shape[:2]
    zoom = np.array([random.uniform(*ZOOM) for _ in range(2)])  # of x and y
    room = np.abs(1 - zoom) * (width, height)
    shift = (1 - zoom) * (width, height) / 2 + random.uniform(-0.5, 0.5, 2) * room
    change = np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]])
    moved = cv2.warpAffine(
        picture, change, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.uint8)


def _recoloured(picture: Image, random: np.random.Generator) -> Image:
    """Another hue, saturation, contrast and brightness, and another white."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + random.integers(-HUE, HUE, endpoint=True)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * _factor(random), 0, 255)
    pixels = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.float32)
    mean = pixels.mean()
    pixels = ((pixels - mean) * _factor(random) + mean) * _factor(random)
    white = np.array([_factor(random) ** 0.5 for _ in range(3)], np.float32)
    return np.asarray(np.clip(pixels * white, 0, 255), np.uint8)


def _factor(random: np.random.Generator) -> float:
    """Between 1 / GAIN and GAIN, as likely less as more."""
    return float(GAIN ** random.uniform(-1, 1))


def _blurred(picture: Image, random: np.random.Generator) -> Image:
    """Some are made small and large again, as people far away are."""
    if random.random() >= BLURRED:
        return picture
    height, width = picture.shape[:2]
    share = random.uniform(LEAST_SHARP, 1)
    small = (max(1, round(share * width)), max(1, round(share * height)))
    lost = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(lost, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
