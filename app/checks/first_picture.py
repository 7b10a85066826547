"""The first picture of a camera, and what is to be said of its source."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from app.checks.site import stream_to_look_at
from app.config import CameraSettings, is_live
from app.sources.detections import holds_detections
from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.stored import stored_camera
from tracker.types import Frame, Image

LOOK_S = 0.05


@dataclass(frozen=True)
class FirstPicture:
    """image: None where there is none, or only what was detected. told: in words, be it good or bad."""

    camera: str
    image: Image | None
    told: str


def first_picture(
    camera: CameraSettings, *, max_pixels: float, timeout_s: float, stop: threading.Event
) -> FirstPicture:
    """Opens the source, waits for a picture and closes it again."""
    try:
        if is_live(camera.source):
            return _of_stream(camera, timeout_s, stop)
        return _of_files(camera, max_pixels)
    except SourceError as error:
        return FirstPicture(camera.name, None, str(error))


def _of_files(camera: CameraSettings, max_pixels: float) -> FirstPicture:
    with stored_camera(camera, max_pixels=max_pixels) as source:
        info = source.info
        frame = None if holds_detections(Path(camera.source)) else next(iter(source), None)
    image = frame.image if isinstance(frame, Frame) else None
    clock = "its start is known" if info.start_known else "when it begins is not known: say it by Start"
    return FirstPicture(camera.name, image, f"{_size(info)}; {clock}.")


def _of_stream(camera: CameraSettings, timeout_s: float, stop: threading.Event) -> FirstPicture:
    wake = threading.Condition()
    with stream_to_look_at(camera, timeout_s, wake) as source:
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and not stop.is_set():
            frame = source.latest()
            if frame is not None and source.info is not None:
                return FirstPicture(camera.name, frame.image, f"{_size(source.info)}; it plays.")
            if source.state == "waiting":
                break
            with wake:
                wake.wait(LOOK_S)
        told = source.problem or f"{source.uri} gave no picture in {timeout_s:g} s; is it too slow?"
        return FirstPicture(camera.name, None, told)


def _size(info: SourceInfo) -> str:
    fps = f", {info.fps:.4g} frames a second" if info.fps else ""
    return f"{info.width}x{info.height}, {info.codec}{fps}"
