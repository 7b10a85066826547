"""What files and cameras need of FFmpeg: sources opened or refused in words, upright pictures, a way to stop.

Nothing here owns a thread.
"""

from __future__ import annotations

import math
import os
import re
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import av
import av.container.core
import av.stream
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from app.sources.clocks import Stamp
from app.sources.decoding import Decoder
from app.sources.names import is_folder, shown
from tracker.types import Frame, Grey, Image, Picture

# PyAV 18 refuses words that are not UTF-8 unless told otherwise; 19 takes them, and cannot be told.
_ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
_NOT_FOOTAGE = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
_NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS: a format that only guesses, such as MJPEG over HTTP
_LISTS = {"hls", "concat", "dash", "imf", "concatf"}
_STILLS = {"image2", "ico"}
_MOST_ASPECT = 8.0  # a pixel wider or higher than this is damage
_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "udp")


class SourceError(Exception):
    """A file or camera that cannot be used: one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source is. uri: without credentials. codec: as FFmpeg names it. width, height: of the first
    frame, upright, in pixels.

    fps: the average by the container, 0 where unknown. start: epoch seconds of the first frame; where
    nobody knows it (start_by is "") it is 0. start_by: whose word that is. frames, duration_s: expected, None
    where unknown. doubts: what of it may be otherwise, a few words each.
    """

    uri: str
    codec: str
    width: int
    height: int
    fps: float
    start: float
    start_by: str
    frames: int | None
    duration_s: float | None
    live: bool
    doubts: tuple[str, ...] = ()

    @property
    def start_known(self) -> bool:
        return bool(self.start_by)


def open_file(path: Path) -> InputContainer:
    """Raises SourceError where there is no readable video file."""
    head = _head(path)
    try:
        # As an address, so that no character of the name means anything; and no file leads to another.
        container: InputContainer = av.open(
            f"file:{path.absolute()}",
            "r",
            options={"protocol_whitelist": "file"},
            **_ANY_TEXT,
        )
    except (av.FFmpegError, MemoryError):
        if head[4:8] == b"ftyp":
            raise SourceError(
                f"{shown(path)}: is cut off or damaged, its index (moov) is missing; copy or record it again."
            ) from None
        raise SourceError(
            f"{shown(path)}: is no video; give a video file such as .mp4, .mkv or .avi."
        ) from None
    refused = _refused(container.format.name)
    if refused:
        container.close()
        raise SourceError(f"{shown(path)}: {refused}.")
    return container


def _refused(kind: str) -> str:
    """Why a file that FFmpeg can read is no footage; "" where it may be."""
    if kind == "tty":  # FFmpeg would show a text as pictures
        return "is a text; give a video file such as .mp4, .mkv or .avi"
    if kind in _LISTS:
        return "is a list of other files; give those files, or their folder"
    if kind in _STILLS or kind.endswith("_pipe"):
        return "is a picture; give a video, or the folder of numbered pictures that are one film"
    return ""


def _head(path: Path) -> bytes:
    """The first bytes of the file, or SourceError where it has none."""
    if is_folder(path):
        raise SourceError(f"{shown(path)}: is a folder; give the video files in it.")
    if os.path.exists(path) and not path.is_file():  # noqa: PTH110  (never raises)
        raise SourceError(f"{shown(path)}: is no regular file; give a video file.")
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        raise SourceError(f"{shown(path)}: there is no such file; check the path.") from None
    except OSError as error:
        raise SourceError(
            f"{shown(path)}: cannot be read ({error.strerror}); check its permissions."
        ) from None
    if not head:
        raise SourceError(f"{shown(path)}: is empty (0 bytes); copy or record it again.")
    return head


def words_of(container: InputContainer, stream: VideoStream) -> dict[str, str]:
    """What the file says of itself, the container's word before the stream's."""
    return {**stream.metadata, **container.metadata}


def seconds_late(container: InputContainer, stream: VideoStream, first: VideoFrame | None = None) -> float:
    """How long after the container's beginning, which may be sound alone, the first picture is shown.

    first: that picture; None to go by what the stream says of itself.
    """
    begins = seconds(first, stream) if first is not None else None
    if begins is None and stream.start_time is not None and stream.time_base is not None:
        begins = float(stream.start_time * stream.time_base)
    if begins is None or container.start_time is None:
        return 0.0
    return max(0.0, begins - container.start_time / 1e6)


def promised(stream: VideoStream, lasts_s: float | None, fps: float) -> int | None:
    """How many frames are to be expected: an index may also list samples that are not shown."""
    shown_frames = round(lasts_s * fps) if lasts_s and fps else None
    return (
        min(stream.frames, shown_frames) if stream.frames and shown_frames else stream.frames or shown_frames
    )


def expect_size(name: str, stream: VideoStream, max_pixels: float) -> None:
    """Raises SourceError where its pictures are larger than what was allowed."""
    width, height = stream.width, stream.height
    if width * height > max_pixels:
        raise SourceError(
            f"{name}: has pictures of {width}x{height}, more than {max_pixels / 1e6:g} million "
            "pixels; make them "
            "smaller, or allow more with --max-megapixels."
        )


def duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """How long its pictures are shown; None where nothing tells."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if not container.duration:
        return None
    lasts_s, begins_s = container.duration / 1e6, (container.start_time or 0) / 1e6
    # Matroska's is the last timestamp as most write it, also where the first is late.
    from_zero = "matroska" in container.format.name and 0 < begins_s < lasts_s
    return lasts_s - begins_s if from_zero else lasts_s


def file_info(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    first: Frame,
    *,
    fps: float,
    start_by: str,
    doubts: tuple[str, ...],
) -> SourceInfo:
    """Of a file whose first frame has been decoded. fps: frames a second."""
    duration = duration_s(container, stream)
    height, width = first.image.shape[:2]
    return SourceInfo(
        uri=shown(path),
        codec=stream.codec_context.name,
        width=width,
        height=height,
        fps=fps,
        start=first.time,
        start_by=start_by,
        frames=promised(stream, duration, fps),
        duration_s=duration,
        live=False,
        doubts=doubts,
    )


def frames_per_s(container: InputContainer, stream: VideoStream) -> float:
    """By the container, else FFmpeg's guess, else 0; by the pictures alone where it has no timestamps."""
    told = stream.codec_context.framerate
    if not is_dated(container):
        return float(told or 0)
    return float(stream.average_rate or stream.guessed_rate or 0)


def sample_aspect(stream: VideoStream) -> float:
    """How wide a pixel is to be shown, by its height; 1 where nothing, or nothing sane, is told."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 1 / _MOST_ASPECT <= ratio <= _MOST_ASPECT else 1.0


def seconds(picture: VideoFrame, stream: VideoStream) -> float | None:
    if picture.pts is None or stream.time_base is None:
        return None
    return float(picture.pts * stream.time_base)


SEGMENTED = frozenset({"hls", "dash"})
"""Formats whose pictures come a segment at a time."""

_STILL_CODECS = frozenset({"mjpeg", "png", "webp", "bmp", "jpeg2000", "jpegls", "tiff", "gif"})
_WEB = "http,https,httpproxy,tcp,tls,crypto"
_LEADS_TO = {  # what FFmpeg may open on behalf of an address: above all, no files
    "http": _WEB,
    "https": _WEB,
    "rtsp": "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https",
    "rtsps": "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https",
    "rtmp": "rtmp,rtmpt,tcp,http",
    "rtmps": "rtmps,rtmp,rtmpts,tls,tcp,https",
    "srt": "srt,udp",
    "udp": "udp,rtp",
}


def may_be_still(stream: VideoStream) -> bool:
    """Whether a connection that ended after one picture was that picture, as cameras give snapshots."""
    return stream.codec_context.name in _STILL_CODECS


def live_address(uri: str, *, shown: str) -> str:
    """The uri itself; raises SourceError where it is none of a network stream or a device, or one of DASH
    where FFmpeg was built without it, as in PyAV's wheels.
    """
    if uri.partition("://")[0].lower() not in _SCHEMES and not uri.startswith("/dev/"):
        raise SourceError(f"{shown}: is no live camera; give an rtsp:// address or /dev/video0.")
    if re.match(r"https?://[^?#]+\.mpd(?:[?#]|$)", uri, re.IGNORECASE) and not _reads("dash"):
        raise SourceError(f"{shown}: is DASH, which is not read here; give its HLS (.m3u8) or RTSP address.")
    return uri


def _reads(kind: str) -> bool:
    try:
        return av.ContainerFormat(kind, "r").is_input
    except ValueError:
        return False


def open_live(
    uri: str, *, shown: str, open_timeout_s: float, read_timeout_s: float, transport: str = "auto"
) -> InputContainer:
    """Connects, which takes open_timeout_s at most (within `interruptible`). Raises SourceError.

    shown: the address without secrets, for the error. transport: see app.config.TRANSPORTS.
    """
    options = _live_options(uri, transport)
    device = "v4l2" if uri.startswith("/dev/") else None
    began = time.monotonic()
    _clock.until = began + open_timeout_s  # PyAV by itself would wait twice: to connect, and to look
    try:
        container: InputContainer = av.open(
            uri,
            "r",
            format=device,
            options=options,
            **_ANY_TEXT,
            timeout=(open_timeout_s, read_timeout_s),
        )
    except av.FFmpegError as error:
        late = time.monotonic() - began >= open_timeout_s
        raise _trouble(error, uri=shown, waited_s=open_timeout_s if late else None) from None
    finally:
        _clock.until = math.inf
    if time.monotonic() - began >= open_timeout_s:  # connected, but looked in vain for a picture
        container.close()
        raise _silence(shown, open_timeout_s)
    return container


def _live_options(uri: str, transport: str) -> dict[str, str]:
    scheme = uri.partition("://")[0].lower()
    options = {"fpsprobesize": "0"}  # do not hold back a second of pictures to guess the frame rate
    if scheme in _LEADS_TO:
        options["protocol_whitelist"] = _LEADS_TO[scheme]
    if scheme.startswith("rtsp"):
        how = {"rtsp_flags": "prefer_tcp"} if transport == "auto" else {"rtsp_transport": transport}
        options |= {"allowed_media_types": "video"} | how
    return options


def _trouble(error: av.FFmpegError, *, uri: str, waited_s: float | None) -> SourceError:
    """Why a live stream is not there. uri: redacted. waited_s: the timeout that ran out, if one did."""
    match error:
        case _ if waited_s is not None:
            return _silence(uri, waited_s)
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return SourceError(f"{uri} refused the user name or password; check both.")
        case av.error.HTTPNotFoundError():
            return SourceError(f"{uri}: the server has no stream of that name; check the path.")
        case av.error.ConnectionRefusedError():
            return SourceError(f"{uri}: nobody answers there (connection refused); check host and port.")
        case av.error.FileNotFoundError():
            return SourceError(f"{uri}: there is no such device; check that the camera is plugged in.")
    return SourceError(f"{uri} cannot be played ({error.strerror}); check the address and the camera.")


def _silence(uri: str, waited_s: float) -> SourceError:
    return SourceError(f"{uri} sent nothing for {waited_s:g} s; check that camera and network are up.")


def live_pictures(
    container: InputContainer, stream: VideoStream, decoder: Decoder, *, uri: str, read_timeout_s: float
) -> Iterator[tuple[Packet[VideoStream], list[tuple[VideoFrame, Stamp]]]]:
    """Each packet, and what it brings, which may be nothing, until the stream ends. uri: redacted.

    Raises SourceError where the stream is lost.
    """
    dated = is_dated(container)
    lead_s: float | None = None
    for packet in _live_packets(container, stream, uri=uri, read_timeout_s=read_timeout_s):
        arrival_s = time.time()
        lead_s = _camera_lead_s(packet, before=lead_s)
        stamps = []
        for picture in decoder.decode(packet):
            pts_s = seconds(picture, stream) if dated else None
            camera_s = None if pts_s is None or lead_s is None else pts_s + lead_s
            stamps.append((picture, Stamp(pts_s, camera_s, arrival_s)))
        yield packet, stamps


def is_dated(container: InputContainer) -> bool:
    """Whether its timestamps are those of the stream, and no guess."""
    return not container.format.flags & _NO_TIMESTAMPS


def _live_packets(
    container: InputContainer, stream: VideoStream, *, uri: str, read_timeout_s: float
) -> Iterator[Packet[VideoStream]]:
    asked = time.monotonic()
    try:
        for packet in container.demux(stream):
            # Interrupted, FFmpeg first brings what its parser held, and would wait once more for the rest.
            if time.monotonic() - asked >= read_timeout_s:
                raise _silence(uri, read_timeout_s)
            yield packet
            asked = time.monotonic()
    except IndexError:  # PyAV's, of a stream that turns up in the midst
        raise SourceError(f"{uri} changed what it sends; it is connected to anew.") from None
    except av.FFmpegError as error:
        late = isinstance(error, av.error.ExitError)
        raise _trouble(error, uri=uri, waited_s=read_timeout_s if late else None) from None


def _camera_lead_s(packet: Packet[VideoStream], *, before: float | None) -> float | None:
    """Epoch seconds at timestamp 0 by the camera's clock, which FFmpeg adds to packets once it was reported.

    The side data is an AVProducerReferenceTime: int64 microseconds since the epoch, then flags.
    """
    if packet.pts is None or not packet.has_sidedata("prft"):
        return before
    (wall_us,) = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))
    return float(wall_us / 1e6 - packet.pts * packet.time_base)


def best_video(container: InputContainer) -> VideoStream | None:
    """The stream to watch: decodable footage (no cover art), the default one first, then the largest."""
    footage = [s for s in container.streams.video if s.codec_context and not s.disposition & _NOT_FOOTAGE]
    return max(footage, key=_rank, default=None)


def _rank(stream: VideoStream) -> tuple[bool, int]:
    return bool(stream.disposition & av.stream.Disposition.default), stream.width * stream.height


def decode_in_this_thread(stream: VideoStream, *, max_pixels: float) -> None:
    """Decode without helper threads, so that damaged footage looks the same in every run.

    FFmpeg's frame threads conceal errors from whatever the neighbouring thread has decoded by then, and
    they hold back a frame each, which a live picture must not.
    """
    stream.thread_type = "SLICE"
    stream.thread_count = 1
    # Pictures may grow in the midst; a decoder counts whole blocks, beyond what is shown.
    stream.codec_context.options = {"max_pixels": f"{min(2 * max_pixels, 2**31 - 1):.0f}"}


class Pictures:
    """Decoded frames -> (H, W, 3) uint8 BGR images, contiguous, upright and with square pixels.

    Any pixel format and size, also changing from frame to frame. Interlaced frames stay woven. Several
    threads may ask.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._one_at_a_time = threading.Lock()
        self._known: tuple[str, int, int] | None = None

    def picture(self, frame: VideoFrame, *, aspect: float = 1.0) -> Image | Picture:
        """The frame's image, or where one like it was converted before, what will be its image when asked.

        Raises av.FFmpegError where the pixels cannot be converted.
        """
        kind = frame.format.name, frame.width, frame.height
        if kind == self._known:
            return _Decoded(self, frame, aspect)
        image = self.image(frame, aspect=aspect)
        self._known = kind
        return image

    def image(self, frame: VideoFrame, *, aspect: float = 1.0) -> Image:
        """aspect: how wide a pixel is to be shown, by its height; the shorter side is stretched.

        Raises av.FFmpegError where the pixels cannot be converted.
        """
        width, height = _shown_size(frame, aspect)
        with self._one_at_a_time:
            bgr = self._reformatter.reformat(frame, width, height, format="bgr24", threads=1)
        image: Image = bgr.to_ndarray().astype(np.uint8, copy=False)
        matrix = _display_matrix(frame)
        return image if matrix is None else upright(image, matrix)


class _Decoded:
    """See tracker.types.Picture. The colours of most frames nobody asks for."""

    def __init__(self, pictures: Pictures, frame: VideoFrame, aspect: float) -> None:
        self._pictures, self._frame, self._aspect = pictures, frame, aspect

    @property
    def size(self) -> tuple[int, int]:
        width, height = _shown_size(self._frame, self._aspect)
        matrix = _display_matrix(self._frame)
        return (height, width) if matrix is not None and _is_turned(matrix) else (width, height)

    @cached_property
    def image(self) -> Image:
        return self._pictures.image(self._frame, aspect=self._aspect)

    @property
    def grey(self) -> Grey:
        """The luma plane where there is one of bytes; else the image's green."""
        frame = self._frame
        if not _has_luma(frame):
            return self.image[..., 1]
        plane: Any = frame.planes[0]
        rows: Grey = np.frombuffer(plane, np.uint8)[: plane.line_size * frame.height]
        return rows.reshape(frame.height, plane.line_size)[:, : frame.width]


def _shown_size(frame: VideoFrame, aspect: float) -> tuple[int, int]:
    """Width and height with square pixels, before it is turned."""
    return round(frame.width * max(aspect, 1.0)), round(frame.height * max(1 / aspect, 1.0))


def _display_matrix(frame: VideoFrame) -> bytes | None:
    matrix = cast(SideData | None, frame.side_data.get("DISPLAYMATRIX"))
    return None if matrix is None else bytes(matrix)


def _has_luma(frame: VideoFrame) -> bool:
    """Whether the first plane is brightness alone, a byte a pixel."""
    kind = frame.format
    first = kind.components[0]
    alone = len(kind.components) == 1 or kind.components[1].plane != first.plane
    return alone and first.bits == 8 and not kind.is_rgb and not kind.has_palette


def upright(image: Image, display_matrix: bytes) -> Image:
    """The image turned and mirrored by quarter turns as its display matrix says.

    display_matrix: nine native int32, rows (a, b, u), (c, d, v), (x, y, w); a pixel at (x, y) is shown at
    (a x + c y, b x + d y), the `matrix structure` of the QuickTime file format.
    """
    a, b, _, c, d = struct.unpack_from("=5i", display_matrix)
    turned = _is_turned(display_matrix)
    right, down = (c, b) if turned else (a, d)
    pixels = image.view("V3")[..., 0]  # whole pixels move four times faster than single bytes
    pixels = pixels.T if turned else pixels
    pixels = pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 3)


def _is_turned(display_matrix: bytes) -> bool:
    """Whether its width becomes the height."""
    a, b = struct.unpack_from("=2i", display_matrix)
    return bool(abs(b) > abs(a))


class _StoppableClock(threading.local):
    """The clock PyAV measures its timeouts by; time is up once a thread was told to stop, or past `until`."""

    stop: threading.Event | None = None
    until = math.inf
    ahead_s = 0.0

    def monotonic(self) -> float:
        now = time.monotonic()
        if now > self.until or (self.stop is not None and self.stop.is_set()):
            self.ahead_s += 1e9  # further at each look: also a wait begun after that is over at once
        return now + self.ahead_s


_clock = _StoppableClock()


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Within it, FFmpeg gives up waiting for the network about 0.1 s after `stop` is set, in this thread.

    FFmpeg asks its caller ten times a second whether to go on waiting, but PyAV answers by its timeout
    alone; a thread in `av.open` would hold up the end of a run by twice that. PyAV takes the time from the
    `time` of its module; ours stands in for it and is the ordinary clock to every other thread. Were a
    PyAV to take it from elsewhere, stopping would wait for the timeouts again; a test notices.
    """
    vars(av.container.core)["time"] = _clock
    _clock.stop = stop
    try:
        yield
    finally:
        _clock.stop = None
