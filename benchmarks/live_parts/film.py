"""Small films of real people for many cameras, as long as asked, made of one real clip."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np

CLIP_FPS = 10
COLUMNS, ROWS = 4, 2
LONGEST_S = 3600.0
"""A film is no longer than this; who plays it for longer sees it end, and begin anew."""


def write_films(
    clip: Path, folder: Path, *, rates: list[float], seconds: float, keep: bool = False
) -> dict[str, Path]:
    """A film a camera, by its name: `cam01` has rates[0] frames/s.

    Each is a part of the picture (a quarter of its width, half of its height); cameras that see the same part
    see it at different times. The clip is repeated. keep: films that are there already serve.
    """
    names = [f"cam{number:02d}" for number in range(1, len(rates) + 1)]
    films = {name: folder / f"{name}.mp4" for name in names}
    with ThreadPoolExecutor(2) as pool:  # encoding lets other threads run
        works = [
            pool.submit(write_film, clip, film, part=number, fps=fps, seconds=seconds)
            for number, (film, fps) in enumerate(zip(films.values(), rates, strict=True))
            if not (keep and film.exists())
        ]
    for work in works:
        work.result()
    return films


def write_film(clip: Path, path: Path, *, part: int, fps: float, seconds: float) -> Path:
    """part: which part of the picture, and from when on: 0, 1, 2 ..."""
    once = path.with_suffix(".once.mp4")
    encode(_parts(clip, part, fps), once, fps)
    _repeat(once, path, seconds=min(seconds, LONGEST_S))
    once.unlink()
    return path


def _parts(clip: Path, part: int, fps: float) -> Iterator[np.ndarray[Any, Any]]:
    """The pictures of one part, fps of them for each second of the clip; later parts begin later in it."""
    with av.open(str(clip)) as container:
        pictures = [_cut(frame.to_ndarray(format="bgr24"), part) for frame in container.decode(video=0)]
    first = part // (COLUMNS * ROWS) * len(pictures) // 2
    for number in range(round(len(pictures) / CLIP_FPS * fps)):
        yield pictures[(first + int(number * CLIP_FPS / fps)) % len(pictures)]


def _cut(image: np.ndarray[Any, Any], part: int) -> np.ndarray[Any, Any]:
    height, width = image.shape[0] // ROWS, image.shape[1] // COLUMNS
    left, top = part % COLUMNS * width, part // COLUMNS % ROWS * height
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def encode(pictures: Iterator[np.ndarray[Any, Any]], path: Path, fps: float) -> None:
    options = {"preset": "veryfast", "tune": "zerolatency", "crf": "27", "x264-params": "sliced-threads=0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(fps), options=options)
        stream.pix_fmt, stream.gop_size = "yuv420p", max(round(2 * fps), 2)
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _repeat(once: Path, path: Path, *, seconds: float) -> None:
    """The film again and again, without encoding it anew."""
    with av.open(str(path), "w") as container:
        out, shift, done_s = None, 0, 0.0
        while done_s < seconds:
            with av.open(str(once)) as film:
                stream = film.streams.video[0]
                out = out or container.add_stream_from_template(stream)
                for packet in film.demux(stream):
                    if packet.size and done_s < seconds:
                        done_s = float((packet.pts + shift) * stream.time_base)
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = out
                        container.mux(packet)
                shift += stream.duration
