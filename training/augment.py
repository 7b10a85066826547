"""Pictures changed at random, a batch at a time on the device that holds them.

What happens to each picture is drawn beforehand, in numpy; doing it is a handful of tensor operations without
any choice in them, the same on every device, which a CUDA graph can hold.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reid.preprocess import Preprocess

COLUMNS = ("flip", "down", "right", "top", "left", "height", "width", "light", "contrast", "colour")
TRIES = 100
AREA = (0.02, 0.4)
ASPECT = (0.3, 1 / 0.3)
FILL = (0.485, 0.456, 0.406)  # written after normalisation, as the baseline does: not the mean colour
JITTER = (0.15, 0.15, 0.1)  # brightness, contrast and saturation change by at most so much
WHOLE = 1000  # the columns are whole numbers: factors are kept in thousandths
GREY = (0.114, 0.587, 0.299)  # of blue, green and red

Integers = NDArray[np.int64]


def draw(
    random: np.random.Generator,
    count: int,
    *,
    height: int,
    width: int,
    flip: float = 0.5,
    pad: int = 10,
    erasing: float = 0.5,
    jitter: float = 0.0,
) -> Integers:
    """(count, 10) what happens to each picture, in the order of COLUMNS.

    flip: 1 for mirrored. down, right: where the cut begins in the padded picture, 0 to 2 * pad. top, left,
    height, width: the rectangle that is erased, in the cut picture; its height is 0 where there is none.
    light, contrast, colour: factors of brightness, contrast and saturation, in thousandths.
    """
    drawn = np.zeros((count, len(COLUMNS)), np.int64)
    drawn[:, 0] = random.random(count) < flip
    drawn[:, 1:3] = random.integers(0, 2 * pad, (count, 2), endpoint=True)
    chosen = np.flatnonzero(random.random(count) < erasing)
    drawn[chosen, 3:7] = _rectangles(random, len(chosen), height, width)
    drawn[:, 7:] = WHOLE
    chosen = np.flatnonzero(random.random(count) < jitter) if jitter else chosen[:0]
    most = np.round(np.array(JITTER) * WHOLE).astype(np.int64)
    drawn[chosen, 7:] += random.integers(-most, most, (len(chosen), 3), endpoint=True)
    return drawn


def _rectangles(random: np.random.Generator, count: int, height: int, width: int) -> Integers:
    """(count, 4) top, left, height, width of random erasing (Zhong et al., AAAI 2020).

    Area and aspect (height over width) are uniform; what does not fit the picture is drawn again.
    """
    found = np.zeros((count, 4), np.int64)
    pending = np.arange(count)
    for _ in range(TRIES):
        area = random.uniform(*AREA, len(pending)) * height * width
        aspect = random.uniform(*ASPECT, len(pending))
        tall, wide = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
        fits = (tall < height) & (wide < width)
        kept, tall, wide = pending[fits], tall[fits].astype(np.int64), wide[fits].astype(np.int64)
        found[kept, 0] = random.integers(0, height - tall, endpoint=True)
        found[kept, 1] = random.integers(0, width - wide, endpoint=True)
        found[kept, 2], found[kept, 3] = tall, wide
        pending = pending[~fits]
    return found


class Augment:
    """Does what was drawn, and normalises. pad, jitter: as drawn with. device: that of the pictures.

    size: height and width of what it gives; where it is smaller than the pictures are, they are shrunk last.
    """

    def __init__(
        self, preprocess: Preprocess, *, pad: int, jitter: float = 0.0, device: torch.device
    ) -> None:
        gain, offset = preprocess.gain_and_offset()
        self._gain = torch.from_numpy(gain).to(device)
        self._offset = torch.from_numpy(offset).to(device)
        self._fill = torch.tensor(FILL, device=device)
        self._rows = torch.arange(preprocess.height, device=device)
        self._columns = torch.arange(preprocess.width, device=device)
        self._grey = torch.tensor(GREY, device=device)
        self._pad = pad
        self._jitters = jitter > 0
        self._bgr = preprocess.bgr
        self.size = (preprocess.height, preprocess.width)

    def __call__(self, pictures: Tensor, which: Tensor, drawn: Tensor) -> Tensor:
        """(B, 3, *size) float32 normalised, in channels-last order.

        pictures: (N, height, width, 3) uint8 BGR. which: (B,) rows of it. drawn: (B, 10) of draw.
        """
        pixels = self._cut(pictures, which, drawn)
        normal = self._normal(self._jittered(pixels, drawn) if self._jitters else pixels)
        return self._sized(torch.where(self._erased(drawn), self._fill, normal))

    def plain(self, pictures: Tensor) -> Tensor:
        """(B, 3, *size) as they are, normalised. pictures: (B, height, width, 3) uint8 BGR."""
        return self._sized(self._normal(pictures.float()))

    def _sized(self, pictures: Tensor) -> Tensor:
        """(B, 3, *size) of (B, height, width, 3)."""
        there = pictures.permute(0, 3, 1, 2)
        if self.size == tuple(there.shape[2:]):
            return there
        return functional.interpolate(there, self.size, mode="bilinear", antialias=True, align_corners=False)

    def _normal(self, pixels: Tensor) -> Tensor:
        """(B, height, width, 3) in the network's channel order."""
        return (pixels if self._bgr else pixels.flip(-1)) * self._gain + self._offset

    def _cut(self, pictures: Tensor, which: Tensor, drawn: Tensor) -> Tensor:
        """(B, height, width, 3) float32 0..255: mirrored, padded with black, cut to size."""
        tall, wide = len(self._rows), len(self._columns)
        y = self._rows + (drawn[:, 1:2] - self._pad)  # (B, height)
        x = self._columns + (drawn[:, 2:3] - self._pad)  # (B, width)
        inside = ((y >= 0) & (y < tall))[:, :, None] & ((x >= 0) & (x < wide))[:, None, :]
        y, x = y.clamp(0, tall - 1), x.clamp(0, wide - 1)
        x = torch.where(drawn[:, :1] > 0, wide - 1 - x, x)
        taken = pictures[which[:, None, None], y[:, :, None], x[:, None, :]]
        return taken.float() * inside[..., None]

    def _jittered(self, pixels: Tensor, drawn: Tensor) -> Tensor:
        """(B, height, width, 3) 0..255: brightness, then contrast about the mean grey, then saturation."""
        light, contrast, colour = (drawn[:, 7:, None, None].float() / WHOLE).unbind(1)
        pixels = pixels * light[..., None]
        mean = (pixels * self._grey).sum(-1, keepdim=True).mean((1, 2), keepdim=True)
        pixels = mean + (pixels - mean) * contrast[..., None]
        grey = (pixels * self._grey).sum(-1, keepdim=True)
        return (grey + (pixels - grey) * colour[..., None]).clamp(0, 255)

    def _erased(self, drawn: Tensor) -> Tensor:
        """(B, height, width, 1) true inside the rectangles."""
        top, left, tall, wide = (drawn[:, column : column + 1] for column in range(3, 7))
        rows = (self._rows >= top) & (self._rows < top + tall)
        columns = (self._columns >= left) & (self._columns < left + wide)
        return (rows[:, :, None] & columns[:, None, :])[..., None]
