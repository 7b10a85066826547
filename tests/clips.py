"""Small video files, encoded on the spot, in which every frame tells its number and which way is up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from tracker.types import Image


def picture(number: int, *, width: int, height: int) -> Image:
    """Grey by its number modulo 40; the top left quarter red."""
    image = np.full((height, width, 3), number % 40 * 5 + 30, np.uint8)
    image[: height // 2, : width // 2] = (0, 0, 255)
    return image


def number_of(image: Image) -> int:
    """The number of an upright frame, modulo 40, from its lower right corner."""
    return round((float(image[-10:-2, -10:-2].mean()) - 28.7) / 5)  # 30 comes back as 27 to 30


def write_clip(
    path: Path,
    *,
    frames: int = 25,
    size: tuple[int, int] = (160, 120),
    fps: int = 25,
    times_s: Sequence[float] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    key_every: int = 12,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    prepare: Callable[[VideoStream], None] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encodes that many pictures. times_s: of each, where not 1 / fps apart. prepare: alters the stream."""
    width, height = size
    if options is None:
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "15"} if codec == "libx264" else {}
    with av.open(str(path), "w", options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, pixels, key_every
        stream.codec_context.time_base = Fraction(1, 1000) if times_s else Fraction(1, fps)
        if prepare is not None:
            prepare(stream)
        for number in range(frames):
            image = av.VideoFrame.from_ndarray(picture(number, width=width, height=height), "bgr24")
            image.time_base = stream.codec_context.time_base
            image.pts = round(times_s[number] * 1000) if times_s else number
            container.mux(stream.encode(image.reformat(format=pixels)))
        container.mux(stream.encode())
    return path
