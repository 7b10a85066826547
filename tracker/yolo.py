"""What goes into a detection network: the letterbox; and of boxes that overlap, which stay."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats, Image, Part

GREY = 114  # the padding YOLO networks are trained with

MOST_OF_IT = 0.9
"""The share of the whole input from which a part is not worth a shape of its own."""

STEP = 96
"""Pixels of the input by which parts grow: each size that comes up costs memory, and time at its first."""

NEAR = 2.0  # pixels of the input between a box that ends at an edge, and the edge


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How one picture lies in the network's input: scaled evenly, centred, grey around it.

    shape: (height, width) of the input. inner: the picture's height and width in it. size: its own, or those
    of the part of it that is looked at. origin: the top and left of that part in the picture. cuts: which of
    the part's sides (left, top, right, bottom) are none of the picture's.
    """

    shape: tuple[int, int]
    inner: tuple[int, int]
    size: tuple[int, int]
    origin: tuple[int, int] = (0, 0)
    cuts: tuple[bool, bool, bool, bool] = (False, False, False, False)

    @staticmethod
    def around(height: int, width: int, space: tuple[int, int], stride: int | None) -> Letterbox:
        """The picture scaled into space (height, width), padded to all of it or to multiples of stride."""
        scale = min(space[0] / height, space[1] / width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        if stride is None:
            return Letterbox(space, inner, (height, width))
        shape = -(-inner[0] // stride) * stride, -(-inner[1] // stride) * stride
        return Letterbox(shape, inner, (height, width))

    def around_part(self, part: Part, stride: int) -> Letterbox:
        """Of the same picture a part, on the same scale, and so much around it that its sides are multiples
        of stride, and of few lengths; the whole picture where that is hardly more.
        """
        (rows, columns), (height, width) = self.inner, self.size
        step = -(-STEP // stride) * stride
        top, inner_height = _span(part[1], part[3], rows, step)
        left, inner_width = _span(part[0], part[2], columns, step)
        shape = -(-inner_height // stride) * stride, -(-inner_width // stride) * stride
        if shape[0] * shape[1] > MOST_OF_IT * self.shape[0] * self.shape[1]:
            return self
        y1, y2 = round(top * height / rows), round((top + inner_height) * height / rows)
        x1, x2 = round(left * width / columns), round((left + inner_width) * width / columns)
        cuts = (x1 > 0, y1 > 0, x2 < width, y2 < height)
        return Letterbox(shape, (inner_height, inner_width), (y2 - y1, x2 - x1), (y1, x1), cuts)

    @property
    def corner(self) -> tuple[int, int]:
        """Top and left of the picture in the input."""
        return (self.shape[0] - self.inner[0]) // 2, (self.shape[1] - self.inner[1]) // 2

    def fit(self, image: Image) -> Image:
        """The network's input: (height, width, 3), as large as shape says."""
        (y, x), (height, width) = self.origin, self.size
        image = image[y : y + height, x : x + width]
        if self.inner != self.size:
            image = np.asarray(cv2.resize(image, self.inner[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
        if self.inner == self.shape:
            return image
        canvas = np.full((*self.shape, 3), GREY, np.uint8)
        top, left = self.corner
        canvas[top : top + self.inner[0], left : left + self.inner[1]] = image
        return canvas

    def restore(self, boxes: Floats) -> Floats:
        """Boxes of the input, (N, 4) xyxy, in pixels of the picture and clipped to what is seen of it."""
        height, width = self.size
        top, left = self.corner
        scale = np.array([width / self.inner[1], height / self.inner[0]] * 2, np.float32)
        corner = np.array([left, top] * 2, np.float32)
        bounds = np.array([width, height] * 2, np.float32)
        origin = np.array(self.origin[::-1] * 2, np.float32)
        return np.asarray(np.clip((boxes - corner) * scale, 0, bounds) + origin, np.float32)

    def cut(self, boxes: Floats) -> NDArray[np.bool_]:
        """(N,): which boxes of the picture end where the part that is seen does, but not the picture: more of
        who is in them may be beyond.
        """
        (y, x), (height, width) = self.origin, self.size
        near = self.size[1] / self.inner[1] * NEAR
        ends = np.abs(boxes - np.array([x, y, x + width, y + height], np.float32)) <= near
        return np.asarray((ends & np.array(self.cuts)).any(axis=1))


def _span(low: float, high: float, length: int, step: int) -> tuple[int, int]:
    """Where the part from low to high (0..1) of so many pixels begins, and its length, a multiple of step."""
    wanted = max(1, -(-math.ceil((high - low) * length) // step)) * step
    if wanted >= length:
        return 0, length
    return min(max(round(((low + high) * length - wanted) / 2), 0), length - wanted), wanted


def batches(shapes: Sequence[tuple[int, int]], largest: int) -> Iterator[list[int]]:
    """Rows of equal shape together, in the order they first appear, largest of them at most."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row, shape in enumerate(shapes):
        groups.setdefault(shape, []).append(row)
    for rows in groups.values():
        for start in range(0, len(rows), largest):
            yield rows[start : start + largest]


def suppress(boxes: Floats, scores: Floats, max_overlap: float, most: int) -> NDArray[np.int64]:
    """Greedy non-maximum suppression: the rows that stay, best first.

    boxes: (N, 4) xyxy. A box goes where its IoU with a better one that stays is above max_overlap.
    """
    sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    rows = cv2.dnn.NMSBoxes(sized.astype(float).tolist(), scores.astype(float).tolist(), 0.0, max_overlap)
    return np.asarray(rows, np.int64).reshape(-1)[:most]
