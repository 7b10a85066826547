"""What goes into a detection network: the letterbox; and of boxes that overlap, which stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats, Image

GREY = 114  # the padding YOLO networks are trained with


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How one picture lies in the network's input: scaled evenly, centred, grey around it.

    shape: (height, width) of the input. inner: the picture's height and width in it. size: its own.
    """

    shape: tuple[int, int]
    inner: tuple[int, int]
    size: tuple[int, int]

    @staticmethod
    def around(height: int, width: int, space: tuple[int, int], stride: int | None) -> Letterbox:
        """The picture scaled into space (height, width), padded to all of it or to multiples of stride."""
        scale = min(space[0] / height, space[1] / width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        if stride is None:
            return Letterbox(space, inner, (height, width))
        shape = -(-inner[0] // stride) * stride, -(-inner[1] // stride) * stride
        return Letterbox(shape, inner, (height, width))

    @property
    def corner(self) -> tuple[int, int]:
        """Top and left of the picture in the input."""
        return (self.shape[0] - self.inner[0]) // 2, (self.shape[1] - self.inner[1]) // 2

    def fit(self, image: Image) -> Image:
        """The network's input: (height, width, 3), as large as shape says."""
        if self.inner != self.size:
            image = np.asarray(cv2.resize(image, self.inner[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
        if self.inner == self.shape:
            return image
        canvas = np.full((*self.shape, 3), GREY, np.uint8)
        top, left = self.corner
        canvas[top : top + self.inner[0], left : left + self.inner[1]] = image
        return canvas

    def restore(self, boxes: Floats) -> Floats:
        """Boxes of the input, (N, 4) xyxy, in pixels of the picture and clipped to it."""
        height, width = self.size
        top, left = self.corner
        scale = np.array([width / self.inner[1], height / self.inner[0]] * 2, np.float32)
        corner = np.array([left, top] * 2, np.float32)
        bounds = np.array([width, height] * 2, np.float32)
        return np.asarray(np.clip((boxes - corner) * scale, 0, bounds), np.float32)


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
