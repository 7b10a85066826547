"""One file of recorded footage: packets in, as they came from the camera, never decoded or encoded.

A file is playable at every moment of its making: .mp4 in fragments of a second (movie fragments of ISO/IEC
14496-12) where the codec is one that .mp4 holds, else .mkv.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from app.output.place import make_own

_IN_MP4 = frozenset({"h264", "hevc", "av1", "mpeg4", "mjpeg"})
_OPTIONS = {
    ".mp4": {
        "movflags": "frag_keyframe+empty_moov+default_base_moof",
        "frag_duration": "1000000",  # microseconds; key frames may be ten seconds apart
        "flush_packets": "1",
    },
    ".mkv": {"cluster_time_limit": "1000", "flush_packets": "1"},
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A packet's copy. pts, dts, duration: in time_base, by the stream's clock. time: epoch seconds of its
    picture as the trackers were told, None where nobody knows yet. arrival: epoch seconds."""

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool
    time_base: Fraction
    time: float | None
    arrival: float


class Template:
    """What a file's header says of a stream; stays good when the connection it came from is gone."""

    def __init__(self, stream: VideoStream) -> None:
        name = stream.codec_context.codec.canonical_name
        self.suffix = ".mp4" if name in _IN_MP4 else ".mkv"
        self._container = av.open(io.BytesIO(), "w", format="mp4" if self.suffix == ".mp4" else "matroska")
        self.stream = self._container.add_stream_from_template(stream, opaque=True)


class SegmentFile:
    """A file being written. start: epoch seconds of its own time 0; end: of its last picture.

    Raises OSError or av.FFmpegError where it can't be made or written.
    """

    def __init__(self, path: Path, template: Template, first: Taken) -> None:
        self.path = path
        self._origin = first.dts
        self._time_base = first.time_base
        self._last_dts = first.dts - 1
        self._known = False
        self.start = first.arrival
        self.length_s = 0.0
        make_own(path)
        self._container = av.open(str(path), "w", options=_OPTIONS[path.suffix])
        self._stream = self._container.add_stream_from_template(template.stream, opaque=True)

    @property
    def end(self) -> float:
        return self.start + self.length_s

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size

    def fits(self, packet: Taken, *, most_gap_s: float) -> bool:
        """Whether it follows the packets before, on their clock, and the times told agree with the file's."""
        gap = packet.dts - self._last_dts
        if packet.time_base != self._time_base or not 0 < gap * self._time_base <= most_gap_s:
            return False
        if packet.time is None or not self._known:
            return True
        return abs(packet.time - self._time(packet.pts)) <= most_gap_s

    def _time(self, pts: int) -> float:
        return self.start + float((pts - self._origin) * self._time_base)

    def write(self, packet: Taken) -> None:
        if packet.time is not None and not self._known:
            self.start += packet.time - self._time(packet.pts)
            self._known = True
        copy = Packet(packet.data)
        copy.time_base = packet.time_base
        copy.pts, copy.dts = packet.pts - self._origin, packet.dts - self._origin
        copy.duration = packet.duration
        copy.is_keyframe = packet.key
        copy.stream = self._stream
        self._container.mux(copy)
        self._last_dts = packet.dts
        self.length_s = max(self.length_s, self._time(packet.pts) - self.start)

    def close(self) -> None:
        self._container.close()


def length_of(path: Path) -> float | None:
    """Seconds from the file's time 0 to its last picture, also of one never finished; None without any."""
    last = None
    try:
        with av.open(f"file:{path.absolute()}", "r", options={"protocol_whitelist": "file"}) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None:
                    last = max(last or 0.0, float(packet.pts * packet.time_base))
    except (av.FFmpegError, IndexError):
        pass  # what could be read until then counts
    return last
