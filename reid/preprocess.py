"""From a picture of a person to what a network takes: one definition for training and for serving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

MOST_SIDE = 4096
"""Pixels: a network that asks for more is none for people."""


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How crops are sized and their values scaled: (value * scale - mean) / std, values in 0..255.

    height, width: pixels of the network's input. bgr: its channel order is blue first. mean, std: of its
    three channels, in its order. The defaults are those of ImageNet networks in torchvision.
    """

    height: int = 256
    width: int = 128
    bgr: bool = False
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255

    @staticmethod
    def from_dict(told: dict[str, Any]) -> Preprocess:
        """Of dataclasses.asdict, or of its JSON. Raises TypeError or ValueError where it does not fit."""
        made = Preprocess(**{**told, "mean": tuple(told["mean"]), "std": tuple(told["std"])})
        values = np.array([*made.mean, *made.std, made.scale], np.float64)
        sized = all(type(side) is int and 0 < side <= MOST_SIDE for side in (made.height, made.width))
        if not sized or len(values) != 7 or not np.isfinite(values).all() or not all(made.std):
            raise ValueError(f"expected a size and three means and deviations, found {made}"[:300])
        return made

    def raw(self) -> Preprocess:
        """The same size for a network that normalises by itself: blue first, values as they are in 0..255."""
        return Preprocess(self.height, self.width, True, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 1.0)

    def resize(self, crops: Sequence[Image]) -> Image:
        """(N, height, width, 3) uint8 BGR of crops (h, w, 3) of any size; the sides are scaled apart."""
        sized = np.empty((len(crops), self.height, self.width, 3), np.uint8)
        for row, crop in enumerate(crops):
            shrinks = crop.shape[0] > self.height
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            sized[row] = cv2.resize(crop, (self.width, self.height), interpolation=how)
        return sized

    def gain_and_offset(self) -> tuple[Floats, Floats]:
        """(3,) each, in the network's channel order: what it takes is value * gain + offset."""
        std = np.array(self.std, np.float32)
        return np.float32(self.scale) / std, -np.array(self.mean, np.float32) / std

    def normalise(self, sized: Image) -> Floats:
        """(N, height, width, 3) uint8 BGR -> (N, 3, height, width) float32, in the network's order."""
        ordered = sized if self.bgr else sized[..., ::-1]
        gain, offset = self.gain_and_offset()
        return np.ascontiguousarray((ordered * gain + offset).transpose(0, 3, 1, 2), np.float32)

    def batch(self, crops: Sequence[Image]) -> Floats:
        """(N, 3, height, width) float32, what the network takes."""
        return self.normalise(self.resize(crops))


def cut(image: Image, boxes: NDArray[Any]) -> list[Image]:
    """The parts of an image in boxes, as views (nothing is copied).

    boxes: (N, 4) xyxy in pixels. Edges go outwards to whole pixels and stop at the image's border; a box
    without area, or outside the image, gives the nearest pixels there are.

    Raises ValueError for a box that is not finite.
    """
    if not np.isfinite(boxes).all():
        raise ValueError("boxes: expected finite numbers")
    height, width = image.shape[:2]
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    left = np.clip(np.floor(boxes[:, 0]), 0, width - 1).astype(int)
    top = np.clip(np.floor(boxes[:, 1]), 0, height - 1).astype(int)
    right = np.clip(np.ceil(boxes[:, 2]), left + 1, width).astype(int)
    bottom = np.clip(np.ceil(boxes[:, 3]), top + 1, height).astype(int)
    return [image[y1:y2, x1:x2] for x1, y1, x2, y2 in zip(left, top, right, bottom, strict=True)]
