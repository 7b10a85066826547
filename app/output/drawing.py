"""People drawn into a picture: a box, a label and a short trail, in the colour of their identity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats, Image

Colour = tuple[int, int, int]

UNIDENTIFIED: Colour = (150, 150, 150)
OUTLINE: Colour = (24, 24, 24)
FONT = cv2.FONT_HERSHEY_DUPLEX

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SHADES = ((0.74, 0.17), (0.62, 0.19), (0.82, 0.15))
"""Lightness and chroma of one identity after the other, as OKLCH has them: none too dark, none too pale."""

_SUBPIXEL_BITS = 3
_TRAIL_OPACITY = 0.65

Rectangle = tuple[int, int, int, int]


def _no_trail() -> Floats:
    return np.zeros((0, 2), np.float32)


@dataclass(frozen=True, slots=True)
class Label:
    """One person to draw.

    box: (4,) xyxy pixels. identity: None while undecided. trail: (T, 2) pixels where the feet were, oldest
    first, without the present place.
    """

    box: Floats
    identity: int | None
    name: str | None = None
    trail: Floats = field(default_factory=_no_trail)

    @property
    def text(self) -> str:
        if self.identity is None:
            return "?"
        return f"{self.identity} {self.name}" if self.name else str(self.identity)


@lru_cache(maxsize=4096)
def colour_of(identity: int | None) -> Colour:
    """The (b, g, r) of an identity, always the same; grey for None.

    Hues go round by the golden angle, so that identities made one after the other differ most; three
    shades tell those apart whose hues come near. In OKLCH (Ottosson, 2020), where equal steps look equal.
    """
    if identity is None:
        return UNIDENTIFIED
    lightness, chroma = _SHADES[identity % len(_SHADES)]
    return _from_oklch(lightness, chroma, identity * _GOLDEN_ANGLE)


def text_on(colour: Colour) -> Colour:
    """Black or white, whichever is easier to read on a colour (BGR), by its luminance (ITU-R BT.601)."""
    blue, green, red = colour
    return (16, 16, 16) if 0.114 * blue + 0.587 * green + 0.299 * red > 128 else (255, 255, 255)


def draw_people(image: Image, people: Sequence[Label]) -> None:
    """Draw everybody into ``image`` itself, (H, W, 3) uint8 BGR: give it a copy.

    Trails lie under boxes and boxes under labels; who stands nearer (whose feet are lower) is drawn later.
    Widths and letters grow with the picture. Labels keep off each other and inside the picture.
    """
    ordered = sorted(people, key=lambda person: float(person.box[3]))
    width = _line_width(image)
    _draw_trails(image, ordered, width)
    for person in ordered:
        _draw_box(image, person, width)
    taken: list[Rectangle] = []
    for person in reversed(ordered):
        taken.append(_draw_label(image, person, width, taken))


def _line_width(image: Image) -> int:
    return max(1, round(math.sqrt(image.shape[0] * image.shape[1]) / 400))


def _font_scale(image: Image) -> float:
    """Letters a fiftieth of the picture high, but never too small to read."""
    return max(0.36, math.sqrt(image.shape[0] * image.shape[1]) / 1500)


def _draw_trails(image: Image, people: Sequence[Label], width: int) -> None:
    trails = [person for person in people if len(person.trail) > 0]
    if not trails:
        return
    lines = [_trail_to_feet(person) for person in trails]
    x1, y1, x2, y2 = _around(np.concatenate(lines), 2 * width + 2)
    region = image[y1:y2, x1:x2]
    if region.size == 0:
        return
    clean = region.copy()
    for person, line in zip(trails, lines, strict=True):
        _polyline(image, _fixed(line), OUTLINE, 2 * width + 2)
        _polyline(image, _fixed(line), colour_of(person.identity), 2 * width)
    cv2.addWeighted(region, _TRAIL_OPACITY, clean, 1 - _TRAIL_OPACITY, 0, dst=region)


def _trail_to_feet(person: Label) -> Floats:
    x1, _, x2, y2 = person.box
    return np.concatenate([person.trail, np.array([[(x1 + x2) / 2, y2]], np.float32)])


def _around(points: Floats, margin: int) -> Rectangle:
    """The part of any picture the points are in, from 0 on."""
    low = np.maximum(np.floor(points.min(axis=0)) - margin, 0).astype(int)
    high = np.maximum(np.ceil(points.max(axis=0)) + margin, 0).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _polyline(image: Image, points: NDArray[np.int32], colour: Colour, width: int) -> None:
    cv2.polylines(image, [points], False, colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_box(image: Image, person: Label, width: int) -> None:
    x1, y1, x2, y2 = (int(value) for value in _fixed(person.box))
    for colour, thickness in ((OUTLINE, width + 2), (colour_of(person.identity), width)):
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed(values: Floats) -> NDArray[np.int32]:
    """Pixels as the fixed-point numbers OpenCV draws between pixels with."""
    return np.asarray(np.round(values * 2**_SUBPIXEL_BITS), np.int32)


def _draw_label(image: Image, person: Label, width: int, taken: Sequence[Rectangle]) -> Rectangle:
    """Draw it where there is room; the place it took."""
    scale = _font_scale(image)
    text_width = cv2.getTextSize(person.text, FONT, scale, 1)[0][0]
    text_height = cv2.getTextSize("0", FONT, scale, 1)[0][1]
    margin = max(2, round(text_height * 0.3))
    size = (text_width + 2 * margin, text_height + 2 * margin)
    x1, y1, x2, y2 = place = _label_place(image, person.box, size, width, taken)
    colour = colour_of(person.identity)
    cv2.rectangle(image, (x1 - 1, y1 - 1), (x2, y2), OUTLINE, 1, cv2.LINE_AA)
    cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), colour, cv2.FILLED)
    origin = (x1 + margin, y2 - margin)
    cv2.putText(image, person.text, origin, FONT, scale, text_on(colour), 1, cv2.LINE_AA)
    return place


def _label_place(
    image: Image, box: Floats, size: tuple[int, int], width: int, taken: Sequence[Rectangle]
) -> Rectangle:
    """Above the box where that is free, else below it, else at its top inside."""
    height_of_image, width_of_image = image.shape[:2]
    left = round(float(box[0])) - (width + 1) // 2
    left = max(0, min(left, width_of_image - size[0]))
    top, bottom = round(float(box[1])), round(float(box[3]))
    places = [
        (left, y, left + size[0], y + size[1])
        for y in (top - size[1] - width, bottom + width + 1, top + width)
    ]
    inside = [place for place in places if place[1] >= 0 and place[3] <= height_of_image]
    free = [place for place in inside if not any(_overlap(place, other) for other in taken)]
    return (free or inside or places[-1:])[0]


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _from_oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """OKLCH -> BGR, with as much of the chroma as sRGB can show."""
    for _ in range(20):
        linear = _linear_rgb(lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        if all(0.0 <= value <= 1.0 for value in linear):
            break
        chroma *= 0.93
    red, green, blue = (round(255 * _gamma(min(max(value, 0.0), 1.0))) for value in linear)
    return blue, green, red


def _linear_rgb(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Ottosson's OKLab -> linear sRGB."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
