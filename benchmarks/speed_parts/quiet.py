"""A film in which nobody is seen for nine tenths of it, made of one in which there always is somebody."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tracker.types import Image

FPS = 25
BUSY = (0.4, 0.5)  # from which part of it to which the people of the other film are there
NOISE = 2.0  # grey levels, standard deviation, anew in each picture, as a sensor has it by day


def quiet_film(source: Path, source_fps: float, out: Path, *, minutes: float) -> Path:
    """Writes it as H.264 with a key frame each two seconds, where it is not there yet.

    The empty place is the median of pictures spread over the source; for a tenth of the time its own pictures
    are shown, each as long as it lasts there.
    """
    if out.exists():
        return out
    pictures = list(_decoded(source))
    empty = np.median(np.stack(pictures[:: max(1, len(pictures) // 40)]), axis=0).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, NOISE, (8, *empty.shape)).round().astype(np.int16)
    draft = out.with_suffix(".part.mp4")
    with av.open(str(draft), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "25"})
        stream.height, stream.width = empty.shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", 2 * FPS
        stream.codec_context.time_base = Fraction(1, FPS)
        frames = round(60 * minutes * FPS)
        for k in range(frames):
            busy = BUSY[0] <= k / frames < BUSY[1]
            since_s = (k - BUSY[0] * frames) / FPS
            shown = pictures[int(since_s * source_fps) % len(pictures)] if busy else empty
            noisy = np.roll(noise[k % 8], k * 7919, axis=1)
            image = np.clip(shown.astype(np.int16) + noisy, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return draft.rename(out)


def _decoded(path: Path) -> Iterator[Image]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
