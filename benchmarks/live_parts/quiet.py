"""Films of a place where somebody is for a part of each minute, as long as asked, made of one real clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from live_parts.film import CLIP_FPS, encode

from tracker.types import Image

FPS = 25
MINUTE_S = 60.0
NOISE = 1.5  # grey levels, standard deviation, anew in each picture
SIZE = (1920, 1080)


def quiet_films(clip: Path, folder: Path, *, share: float, seconds: float) -> list[Path]:
    """In each somebody is there for that share of every minute, one part of it after the other; a minute has
    as many parts as there are films. Where the films are there already, they serve.
    """
    films = [folder / f"quiet{number}.mp4" for number in range(round(1 / share))]
    if not all(film.exists() for film in films):
        pieces = _pieces(clip, folder, MINUTE_S * share)
        for number, film in enumerate(films):
            _lay(film, [pieces[k == number] for k in range(len(films))], seconds=seconds)
    return films


def _pieces(clip: Path, folder: Path, length_s: float) -> tuple[Path, Path]:
    """So long of nobody, and of people."""
    with av.open(str(clip)) as container:
        shown = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    empty = np.median(np.stack(shown[:: max(1, len(shown) // 40)]), axis=0).astype(np.uint8)
    count = round(length_s * FPS)
    paths = folder / "nobody.mp4", folder / "somebody.mp4"
    encode(_noisy(empty for _ in range(count)), paths[0], FPS)
    encode(_noisy(shown[int(k * CLIP_FPS / FPS)] for k in range(count)), paths[1], FPS)
    return paths


def _noisy(pictures: Iterator[Image]) -> Iterator[Image]:
    """Enlarged, and as a sensor gives them."""
    noise = np.random.default_rng(0).normal(0, NOISE, (4, SIZE[1], SIZE[0], 3)).round().astype(np.int16)
    for number, picture in enumerate(pictures):
        large = cv2.resize(picture, SIZE, interpolation=cv2.INTER_CUBIC).astype(np.int16)
        shifted = np.roll(noise[number % 4], number * 7919, axis=1)
        yield np.clip(large + shifted, 0, 255).astype(np.uint8)


def _lay(path: Path, minute: Sequence[Path], *, seconds: float) -> None:
    """The pieces one after the other, again and again, without encoding them anew."""
    with av.open(str(path), "w") as container:
        out, shift, piece = None, 0, 0
        while not piece or float(shift * out.time_base) < seconds:
            with av.open(str(minute[piece % len(minute)])) as film:
                stream = film.streams.video[0]
                out = out or container.add_stream_from_template(stream)
                for packet in film.demux(stream):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = out
                        container.mux(packet)
                shift, piece = shift + stream.duration, piece + 1
