"""Packets of a live stream -> pictures: by hardware where it is there; a decoder that broke is replaced."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypeAlias

import av
from av.codec import CodecContext
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_Packet: TypeAlias = "Packet[VideoStream]"

AUTO, SOFTWARE = "auto", "software"
_DEVICES = {"cuda": ("/dev/nvidiactl",), "vaapi": ("/dev/dri",), "qsv": ("/dev/dri",)}
_HARDWARE_ERRORS = 3  # how often hardware may fail before its first picture
_BROKEN_ERRORS = 10  # errors in a row, over some time, after which a decoder counts as broken


def hardware(wanted: str) -> str:
    """The kind of device to decode by, "" for none. wanted: auto, software, or a kind that FFmpeg knows."""
    if wanted == SOFTWARE:
        return ""
    built = set(hwdevices_available())
    if wanted != AUTO:
        return wanted if wanted in built else ""
    there = (k for k, paths in _DEVICES.items() if k in built and any(Path(p).exists() for p in paths))
    return next(there, "")


class Decoder:
    """One connection's decoder.

    device: the kind of hardware, "" for none; it becomes "" where hardware can't decode this stream. Damaged
    packets bring nothing, and the next key frame mends the picture; where for patience_s nothing comes but
    errors, the decoder is made anew. errors: packets it failed on. restarts: how often it was made anew.
    """

    def __init__(self, stream: VideoStream, *, device: str = "", patience_s: float = 3.0) -> None:
        self.device = device
        self.errors = 0
        self.restarts = 0
        self._stream = stream
        self._patience_s = patience_s
        self._pictures = False
        self._failures = 0
        self._failing_since = 0.0
        self._context = self._by_hardware() or stream.codec_context

    @property
    def name(self) -> str:
        """Such as `h264` or `h264 by cuda`."""
        codec = self._stream.codec_context.name
        return f"{codec} by {self.device}" if self.device else codec

    def decode(self, packet: _Packet) -> list[VideoFrame]:
        """What the packet brings, which may be nothing."""
        try:
            pictures = self._context.decode(packet) if packet.size else []
        except av.FFmpegError:
            self._failed()
            return []
        if pictures:
            self._pictures, self._failures = True, 0
        return pictures

    def _failed(self) -> None:
        self.errors += 1
        now = time.monotonic()
        self._failing_since = self._failing_since if self._failures else now
        self._failures += 1
        if self.device and not self._pictures and self._failures >= _HARDWARE_ERRORS:
            self.device, self._context, self._failures = "", self._new(None), 0
        elif self._failures >= _BROKEN_ERRORS and now - self._failing_since >= self._patience_s:
            self._context = self._by_hardware() or self._new(None)
            self.restarts, self._failures = self.restarts + 1, 0

    def _by_hardware(self) -> VideoCodecContext | None:
        if not self.device:
            return None
        try:
            context = self._new(HWAccel(self.device, allow_software_fallback=False))
            context.open(strict=False)
        except (av.FFmpegError, NotImplementedError, ValueError):
            self.device = ""
            return None
        if not context.is_hwaccel:
            self.device = ""
            return None
        return context

    def _new(self, accelerator: HWAccel | None) -> VideoCodecContext:
        """A decoder with nothing behind it, told what the stream's own was told."""
        told = self._stream.codec_context
        context = CodecContext.create(told.codec.name, "r", accelerator)
        assert isinstance(context, VideoCodecContext)
        context.extradata = told.extradata
        context.width, context.height = told.width, told.height
        if told.pix_fmt and accelerator is None:
            context.pix_fmt = told.pix_fmt
        context.thread_type, context.thread_count = "SLICE", 1
        return context
