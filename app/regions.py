"""Regions of a camera's picture in which nobody is looked for, such as a poster or a road."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.types import Detections

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in shares of the picture's width and height, at least three."""

REGIONS = (
    "regions of at least three corners, each in shares of width and height from 0 to 1, such as "
    "[[[0, 0], [1, 0], [1, 0.2], [0, 0.2]]]"
)
"""What a setting of regions is to be."""


def polygons_of(regions: Sequence[Any]) -> tuple[Polygon, ...] | None:
    """Regions as a configuration has them; None where one is none."""
    if not all(isinstance(one, list) and len(one) >= 3 and all(map(_is_corner, one)) for one in regions):
        return None
    return tuple(tuple((float(x), float(y)) for x, y in one) for one in regions)


def _is_corner(corner: Any) -> bool:
    numbers = isinstance(corner, list) and all(type(side) in (int, float) for side in corner)
    return numbers and len(corner) == 2 and all(0.0 <= side <= 1.0 for side in corner)


def outside(found: Detections, polygons: Sequence[Polygon], *, width: int, height: int) -> Detections:
    """The detections whose foot point, the middle of the lower edge, is in none of the polygons.

    width, height: of the picture that the boxes are in, in pixels.
    """
    if not polygons or not len(found):
        return found
    x = (found.boxes[:, 0] + found.boxes[:, 2]) / 2 / width
    y = np.minimum(found.boxes[:, 3] / height, 1.0 - 1e-6)  # who is cut off below stands at the edge
    inside = np.zeros(len(found), bool)
    for polygon in polygons:
        inside |= _inside(x, y, polygon)
    return found.take(~inside)


def _inside(x: NDArray[np.floating], y: NDArray[np.floating], polygon: Polygon) -> NDArray[np.bool_]:
    """(N,) by the even-odd rule: how often a ray to the right crosses the polygon's sides."""
    odd = np.zeros(len(x), bool)
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        spans = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x1 + (y - y1) / (y2 - y1) * (x2 - x1)
        odd ^= spans & (x < at)
    return odd
