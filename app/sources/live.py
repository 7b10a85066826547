"""Live cameras, each connected to and decoded by a thread of its own.

One waits for nobody: it keeps the newest frame and counts those it replaced.
"""

from __future__ import annotations

import math
import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.passage import Arrival
from app.sources.clocks import Backlog, LiveClock, Pacer, Stamp
from app.sources.decoding import Decoder, hardware
from app.sources.ffmpeg import (
    SEGMENTED,
    Pictures,
    SourceError,
    SourceInfo,
    best_video,
    decode_in_this_thread,
    expect_size,
    interruptible,
    is_dated,
    live_address,
    live_pictures,
    may_be_still,
    open_live,
    sample_aspect,
)
from app.sources.passwords import redact, with_login_encoded
from app.sources.stillness import Stillness
from app.sources.taken import MAX_PIXELS
from tracker.types import Frame, Image, Picture

if TYPE_CHECKING:
    from app.recording.recorder import FootageRecorder

State = Literal["connecting", "playing", "stalled", "frozen", "waiting", "ended"]

_NO_PICTURE_S = 20.0  # how long a camera may send packets of which none makes a picture
_STALLED_S = 2.0  # without a picture for so long, and for four pictures' time, a camera is shown as stalled
_SEGMENT_S = 30.0  # how long what comes a segment at a time may be silent, at least
_STEADY_S = 10.0  # a camera that played for so long is well, and is tried at once when it is lost
_LATE_S = 5.0  # how long all pictures may come too late before the connection is given up
_LEAST_SIDE = 16  # pixels; a picture smaller than this comes of a damaged packet


class LiveSource:
    """The newest frame of a live camera, which is connected to again and again for as long as it takes.

    uri: rtsp(s)://, http(s)://, rtmp(s)://, srt://, udp:// or a device such as /dev/video0. It counts as lost
    when it cannot be opened in open_timeout_s, when nothing comes for read_timeout_s, when it shows the same
    picture for frozen_after_s (0: never mind), and when for five seconds everything comes more than
    max_latency_s later than it could: a network that is too slow piles pictures up, and only a new connection
    is rid of them. The pauses between attempts double from retry_min_s to retry_max_s, less a random part of
    up to half (by seed), and begin anew after ten seconds of playing. transport: how RTSP's pictures travel,
    one of TRANSPORTS. poll_s: how often a camera is asked that gives a single picture a call. What comes a
    segment at a time (HLS) is played out at a steady delay. max_pixels: of a picture. decode: auto, software,
    or a kind of hardware such as cuda. size: (width, height) that is expected. recorder: is given every
    packet, and closed at the end. shown: what to show in its place where the uri holds secrets that only its
    owner can tell from the rest.

    state: connecting, playing, stalled (connected, but no picture just now), frozen (always the same
    picture, which is not given out), waiting (for the next attempt), ended (left). problem: the last trouble,
    a sentence without credentials, "" before any. clock: whose clock the times are by. decoded: frames so
    far; dropped: those nobody took in time; damaged: packets the decoder failed on, and pictures it patched;
    reconnects: how often lost pictures came back. arrival: of the frame that was taken last. times tells
    offset, drift and jumps of the camera's clock. wake is notified at each new frame and change of state.

    Raises SourceError for an address of an unknown kind. Trouble with the camera is never raised, but told
    by state and problem.
    """

    def __init__(
        self,
        *,
        camera: str,
        uri: str,
        shown: str = "",
        open_timeout_s: float = 10.0,
        read_timeout_s: float = 5.0,
        frozen_after_s: float = 30.0,
        max_latency_s: float = 1.0,
        retry_min_s: float = 0.5,
        retry_max_s: float = 15.0,
        transport: str = "auto",
        poll_s: float = 1.0,
        max_pixels: float = MAX_PIXELS,
        decode: str = "auto",
        size: tuple[int, int] | None = None,
        recorder: FootageRecorder | None = None,
        wake: threading.Condition | None = None,
        seed: int | None = None,
    ) -> None:
        self.camera = camera
        self.recorder = recorder
        uri = with_login_encoded(uri)
        self.uri = redact(shown or uri)
        self.info: SourceInfo | None = None
        self.decoded = 0
        self.dropped = 0
        self.damaged = 0
        self.reconnects = 0
        self.times = LiveClock()
        self.arrival: Arrival | None = None
        self.wake = wake or threading.Condition()
        self._state: State = "connecting"
        self._problem = ""
        self._uri = live_address(uri, shown=self.uri)
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._transport = transport
        self._poll_s = poll_s
        self._max_pixels = max_pixels
        self._single = False  # it gives a single picture a call
        self._max_latency_s = max_latency_s
        self._retry_s = (retry_min_s, retry_max_s)
        self._expected = size
        self._device = hardware(decode)
        self._random = random.Random(seed)
        self._pictures = Pictures()
        self._still = Stillness(after_s=frozen_after_s)
        self._decoder: Decoder | None = None
        self._shape: tuple[int, int] | None = None
        self._candidate: tuple[int, int] | None = None
        self._jumps = 0
        self._newest: tuple[Frame, Arrival] | None = None
        self._seen = self._steady_from = 0.0
        self._late_since: float | None = None
        self._interval_s = 0.0
        self._taking = threading.Lock()
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, f"decode {camera}")

    @property
    def clock(self) -> Literal["camera", "arrival"]:
        return self.times.source

    @property
    def decoder(self) -> str:
        """What decodes, such as `h264 by cuda`; "" before the first connection."""
        return "" if self._decoder is None else self._decoder.name

    @property
    def state(self) -> State:
        return "stalled" if self._state == "playing" and self._silent_s() else self._state

    @property
    def problem(self) -> str:
        silent_s = self._silent_s() if self._state == "playing" else 0.0
        return f"{self.uri} has sent no picture for {silent_s:.0f} s." if silent_s else self._problem

    def _silent_s(self) -> float:
        """How long no picture has come; 0 where that is nothing unusual."""
        silent_s = time.monotonic() - self._seen
        return silent_s if silent_s > max(_STALLED_S, 4 * self._interval_s) else 0.0

    def __enter__(self) -> Self:
        self._work: Future[None] = self._thread.submit(self._run)
        self._work.add_done_callback(lambda _: self._notify())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.shutdown()
        self._change("ended")
        if self.recorder is not None:
            self.recorder.close()
        if error is None:
            self._work.result()

    def latest(self, *, max_age_s: float = math.inf) -> Frame | None:
        """The newest frame nobody took yet, or None; never waits. Raises what broke the thread, if so.

        One that came more than max_age_s ago is dropped.
        """
        if self._work.done():
            self._work.result()
        with self._taking:
            newest, self._newest = self._newest, None
            if newest is None:
                return None
            frame, self.arrival = newest
            if time.monotonic() - self.arrival.ready > max_age_s:
                self.dropped += 1
                return None
        return frame

    def _run(self) -> None:
        failures = 0
        with interruptible(self._stop):
            while not self._stop.is_set():
                if not self._single:
                    self._change("connecting")
                    self._steady_from = math.inf
                began = time.monotonic()
                problem = self._connect()
                if self._single and not problem:
                    self._stop.wait(max(0.0, began + self._poll_s - time.monotonic()))
                    continue
                self._single = False
                failures = 0 if time.monotonic() - self._steady_from >= _STEADY_S else failures + 1
                if not self._stop.is_set():
                    self._problem = problem
                    self._change("waiting")
                    self._stop.wait(self._pause_s(failures - 1 if self._steady_from < math.inf else failures))

    def _pause_s(self, failures: int) -> float:
        """Exponential back-off with jitter, lest all cameras of a restarted recorder come back at once."""
        shortest, longest = self._retry_s
        doubled = shortest * 2.0 ** min(max(failures, 0), 32)
        return min(longest, doubled) * self._random.uniform(0.5, 1.0)

    def _connect(self) -> str:
        """Plays until something ends it, and says what."""
        try:
            with self._opened() as container:
                stream = best_video(container)
                if stream is None:
                    return f"{self.uri} sends no video that can be decoded; check which stream it is."
                expect_size(self.uri, stream, self._max_pixels)
                decode_in_this_thread(stream, max_pixels=self._max_pixels)
                return self._play(container, stream)
        except SourceError as error:
            return str(error)

    def _opened(self) -> InputContainer:
        """Connected. What comes a segment at a time may be silent for as long as one lasts."""
        opened = partial(
            open_live,
            self._uri,
            shown=self.uri,
            open_timeout_s=self._open_timeout_s,
            transport=self._transport,
        )
        container = opened(read_timeout_s=self._read_timeout_s)
        if container.format.name in SEGMENTED and self._read_timeout_s < _SEGMENT_S:
            self._read_timeout_s = _SEGMENT_S
            container.close()
            container = opened(read_timeout_s=self._read_timeout_s)
        return container

    def _play(self, container: InputContainer, stream: VideoStream) -> str:
        self.times.connected()
        backlog = Backlog()
        decoder = self._decoder = Decoder(stream, device=self._device)
        began, self._late_since = time.monotonic(), None
        shown = failed = came = 0
        dated = is_dated(container)
        pacer = Pacer() if container.format.name in SEGMENTED else None
        if self.recorder is not None:
            self.recorder.connected(stream)
        for packet, pictures in live_pictures(
            container, stream, decoder, uri=self.uri, read_timeout_s=self._read_timeout_s
        ):
            self.damaged += decoder.errors - failed + sum(picture.is_corrupt for picture, _ in pictures)
            failed, self._device = decoder.errors, decoder.device
            came += len(pictures)
            for picture, stamp in pictures:
                if pacer is not None:
                    stamp = self._paced(stamp, pacer)
                waits = pacer is None and not self._single and backlog.holds(stamp)
                if not waits and self._show(picture, stamp, stream, first=not shown):
                    shown += 1
            if self.recorder is not None:
                self.recorder.offer(packet, zero_s=self.times.zero_s, dated=dated)
            trouble = self._trouble(max(self._seen, began))
            if trouble or self._stop.is_set():
                return trouble
        if came == 1 and may_be_still(stream):
            self._single = True
            return ""
        return f"{self.uri} ended the stream; check that the camera or server still has it."

    def _paced(self, stamp: Stamp, pacer: Pacer) -> Stamp:
        """Waits until the picture is due; as if it had come only then."""
        self._stop.wait(pacer.wait_s(stamp.pts_s, time.monotonic()))
        return replace(stamp, arrival_s=time.time())

    def _trouble(self, seen: float) -> str:
        """Why to connect anew although packets come; "" where all is well. seen: the last picture."""
        now = time.monotonic()
        if now - seen > _NO_PICTURE_S:
            return f"{self.uri} sends nothing that can be decoded; check the camera's encoding."
        if self._still.due(now):
            since = f"{self._still.after_s:g} s"
            return f"{self.uri} shows the same picture for more than {since}; check the camera."
        if self._late_since is not None and now - self._late_since > _LATE_S:
            late = f"{self.times.late_s:.1f} s"
            return f"{self.uri} sends its pictures {late} late; are network and server fast enough?"
        return ""

    def _show(self, picture: VideoFrame, stamp: Stamp, stream: VideoStream, *, first: bool) -> bool:
        """Whether it is one to be seen; gives it out, unless it is late, or the same for too long."""
        moment, now = self.times.time(stamp), time.monotonic()
        self._tell_jump()
        late = self.times.late_s > self._max_latency_s and not first
        self._late_since = (self._late_since or now) if late else None
        seen = None if late else self._picture(picture, aspect=sample_aspect(stream))
        if late:
            self.decoded, self.dropped = self.decoded + 1, self.dropped + 1
        if seen is None:
            return False
        self._note_pace(now)
        self.reconnects += first and self.decoded > 0 and not self._single
        frame = Frame(self.camera, self.decoded, moment, seen)
        if self._still.see(frame.grey, now):
            self._change("frozen")
            return True
        if self._state != "playing":
            self._steady_from = min(self._steady_from, now)
            self._change("playing")
        self._describe(frame, codec=stream.codec_context.name, fps=float(stream.average_rate or 0))
        with self._taking:
            self.dropped += self._newest is not None
            self.decoded += 1
            self._newest = frame, Arrival(stamp.arrival_s, time.time() - stamp.arrival_s, time.monotonic())
        self._notify()
        return True

    def _picture(self, picture: VideoFrame, *, aspect: float) -> Image | Picture | None:
        """What it shows; None where there are none, or its size is one nobody believes yet."""
        size = picture.width, picture.height
        if min(size) < _LEAST_SIDE or (self._shape not in (None, size) and not self._settled(size)):
            return None
        self._shape = size
        try:
            return self._pictures.picture(picture, aspect=aspect)
        except (av.FFmpegError, MemoryError):
            return None

    def _settled(self, size: tuple[int, int]) -> bool:
        """Whether another size came twice in a row; once may be a damaged packet."""
        self._candidate, before = size, self._candidate
        return before == size

    def _tell_jump(self) -> None:
        if self.times.jumps > self._jumps:
            self._jumps = self.times.jumps
            self._problem = f"{self.uri} set its clock by {self.times.jumped_s:+.1f} s; times go on smoothly."

    def _note_pace(self, now: float) -> None:
        if self._seen:
            self._interval_s += 0.1 * (min(now - self._seen, 60.0) - self._interval_s)
        self._seen = now

    def _describe(self, frame: Frame, *, codec: str, fps: float) -> None:
        """What the camera gives; says so where the size is another than before, or than expected."""
        width, height = frame.size
        before = self._expected if self.info is None else (self.info.width, self.info.height)
        if self.info is not None and before == (width, height) and self.info.codec == codec:
            return
        if before not in (None, (width, height)):
            was = "expected" if self.info is None else "before"
            self._problem = f"{self.uri} sends {width}x{height}, {was}: {before[0]}x{before[1]}."
        self.info = SourceInfo(
            uri=self.uri,
            codec=codec,
            width=width,
            height=height,
            fps=fps,
            start=frame.time if self.info is None else self.info.start,
            start_by="the camera",
            frames=None,
            duration_s=None,
            live=True,
        )

    def _change(self, state: State) -> None:
        self._state = state
        self._notify()

    def _notify(self) -> None:
        with self.wake:
            self.wake.notify_all()
