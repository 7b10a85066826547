"""A camera's stream into files, as it came, in a thread of its own; a slow disk delays nobody."""

from __future__ import annotations

import shutil
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeAlias

import av
from av.packet import Packet
from av.video.stream import VideoStream

from app.config import RecordingSettings
from app.recording.files import NAME, folder_of
from app.recording.segment_file import SegmentFile, Taken, Template
from storage.errors import DatabaseError
from storage.place import make_private
from storage.segments import SegmentRow

_TELL_EVERY_S = 2.0  # how often the database is told how long a file has become
_MOST_GAP_S = 2.0  # a silence, or a clock that moves so far, begins a new file
_REORDERED_S = 1.0  # how far, at most, B-frames come in another order than they are shown
_CLOSE_S = 3.0  # how long the end may wait for the disk
_MEGABYTE = 1_000_000

_Item: TypeAlias = "Taken | Template"


class Rows(Protocol):
    """Where it is written down which file shows what."""

    def segment(self, row: SegmentRow) -> None: ...
    def forget_segment(self, path: str) -> None: ...


class FootageRecorder:
    """Takes a camera's packets and writes them to files that begin at key frames.

    Until `start` what follows the last key frame is kept in memory. `connected` and `offer` come from the
    decoding thread and never wait: where more than queue_mb waits to be written, packets are dropped until
    the next key frame, and counted in `dropped`. offset_s: how far the camera's clock is ahead; subtracted.
    Where the disk is full or can't be written, `problem` says so in a sentence, and it is tried again after
    retry_s; else it is "".
    """

    def __init__(
        self,
        camera: str,
        settings: RecordingSettings,
        *,
        offset_s: float = 0.0,
        queue_mb: float = 16.0,
        retry_s: float = 30.0,
    ) -> None:
        self.camera = camera
        self.problem = ""
        self.dropped = 0
        self._settings = settings
        self._folder = settings.folder.absolute() / folder_of(camera)
        self._offset_s = offset_s
        self._most_bytes = queue_mb * _MEGABYTE
        self._retry_s = retry_s
        self._retry_at = 0.0
        self._items: deque[_Item] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self.closed = self._skipping = False
        self._early: Packet[VideoStream] | None = None
        self._last_dts = 0
        self._template: Template | None = None
        self._file: SegmentFile | None = None
        self._told_s = 0.0
        self._rows: Rows | None = None
        self._bug: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"record {camera}", daemon=True)

    def start(self, rows: Rows) -> None:
        """From now on what comes is written; rows is told of every file. At most once."""
        self._rows = rows
        with self._changed:
            self._thread.start()

    def connected(self, stream: VideoStream) -> None:
        """The packets that follow are of this stream."""
        template = Template(stream)
        with self._changed:
            if self._thread.ident is None:
                self._items.clear()
            self._items.append(template)
            self._changed.notify()

    def offer(self, packet: Packet[VideoStream], *, zero_s: float | None, dated: bool) -> None:
        """The next packet. zero_s: the time of timestamp 0, epoch seconds. dated: it has timestamps."""
        with self._changed:
            started = self._thread.ident is not None
            if not packet.size or self.closed or (started and not self._thread.is_alive()):
                return
            if packet.is_keyframe and not started:
                self._forget_packets()
            self._skipping &= not packet.is_keyframe
            if self._skipping or self._waiting_bytes + packet.size > self._most_bytes:
                self._skipping = True
                self.dropped += started
                return
            self._put(packet, zero_s, dated=dated)
            self._changed.notify()

    def _forget_packets(self) -> None:
        self._items = deque(item for item in self._items if isinstance(item, Template))
        self._waiting_bytes = 0

    def _put(self, packet: Packet[VideoStream], zero_s: float | None, *, dated: bool) -> None:
        """An RTSP stream's first packet has no timestamp: it is a step before the second."""
        early, self._early = self._early, None
        self._waiting_bytes += packet.size
        if dated and packet.pts is None:
            self._early = packet
            return
        pts, dts = (packet.pts, packet.dts) if dated else (None, None)
        if early is not None and pts is not None:
            step = max(early.duration or 0, 1)
            self._last_dts = pts - max(step, round(_REORDERED_S / early.time_base))
            self._items.append(_taken(early, pts=pts - step, dts=self._last_dts, zero_s=zero_s))
        if pts is not None:  # FFmpeg does not know the first ones of a stream with B-frames
            dts = self._last_dts = self._last_dts + 1 if dts is None else dts
        self._items.append(_taken(packet, pts=pts, dts=dts, zero_s=zero_s))

    @property
    def writing(self) -> str:
        """The file that is open, "" where none is."""
        file = self._file
        return "" if file is None else str(file.path)

    def close(self) -> None:
        """Write what waits and end the file, in three seconds at most; then the disk is given up.

        Raises what the thread has failed with, where that is a bug.
        """
        with self._changed:
            self.closed = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_S)
        if self._bug is not None:
            raise self._bug

    def _work(self) -> None:
        while (item := self._next()) is not None:
            with self._shown():
                self._take(item)
        with self._shown():
            self._end_file()

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """A failure of ours ends neither the thread nor the run: it is shown, and raised at the end."""
        try:
            yield
        except DatabaseError as error:  # raised by the run itself
            self._give_up(str(error))
        except Exception as failure:
            self._bug = self._bug or failure
            traceback.print_exception(failure)
            self._give_up(f"a failure of ours ({type(failure).__name__}: {failure})")

    def _next(self) -> _Item | None:
        """The next thing to do, waited for; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self.closed)
            if not self._items:
                return None
            item = self._items.popleft()
            self._waiting_bytes -= len(item.data) if isinstance(item, Taken) else 0
            return item

    def _take(self, item: _Item) -> None:
        if isinstance(item, Template):
            self._end_file()
            self._template = item
            return
        if self._file is not None and self._over(self._file, item):
            self._end_file()
        try:
            self._write(item)
        except (OSError, av.FFmpegError) as error:
            self._give_up(
                f"{self._folder} can't be written ({error.strerror}); make room or change its permissions"
            )

    def _over(self, file: SegmentFile, packet: Taken) -> bool:
        full = packet.key and file.length_s >= self._settings.segment_s
        return full or not file.fits(packet, most_gap_s=_MOST_GAP_S)

    def _write(self, packet: Taken) -> None:
        if self._file is None:
            if not packet.key or self._template is None or time.monotonic() < self._retry_at:
                return
            self._check_room()
            self._file = SegmentFile(self._new_path(self._template.suffix), self._template, packet)
        self._file.write(packet)
        if time.monotonic() - self._told_s >= _TELL_EVERY_S:
            self._check_room()
            self._tell(self._file)
            self.problem = ""

    def _new_path(self, suffix: str) -> Path:
        moment = datetime.now(UTC)
        folder = self._folder / f"{moment:%Y-%m-%d}"
        make_private(folder)
        return folder / f"{moment.strftime(NAME)}.{moment.microsecond // 1000:03d}Z{suffix}"

    def _check_room(self) -> None:
        """Raises OSError where too little is free: the history may need the rest."""
        make_private(self._folder)
        if shutil.disk_usage(self._folder).free < self._settings.keep_free_gb * 1e9:
            raise OSError(28, f"less than {self._settings.keep_free_gb:g} GB is free")

    def _tell(self, file: SegmentFile) -> None:
        self._told_s = time.monotonic()
        if self._rows is not None:
            start, end = file.start - self._offset_s, file.end - self._offset_s
            self._rows.segment(SegmentRow(self.camera, str(file.path), start, end, file.bytes))

    def _end_file(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
            self._tell(file)
            self.problem = ""
        except (OSError, av.FFmpegError) as error:
            self._give_up(
                f"{self._folder} can't be written ({error.strerror}); make room or change its permissions"
            )

    def _unwritable(self, error: OSError) -> str:
        return f"{self._folder} can't be written ({error.strerror}); make room or change its permissions"

    def _give_up(self, why: str) -> None:
        """Until the next attempt."""
        self.problem = f"Not recorded: {why}."
        self._retry_at = time.monotonic() + self._retry_s
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError, av.FFmpegError):
                file.close()
            with suppress(OSError, DatabaseError):
                self._tell(file)


def _taken(packet: Packet[VideoStream], *, pts: int | None, dts: int | None, zero_s: float | None) -> Taken:
    """A copy on the stream's clock; on ours where pts is None."""
    arrival, base = time.time(), packet.time_base
    moment = None if zero_s is None or pts is None else zero_s + float(pts * base)
    at = round(arrival / base) if pts is None else pts
    key, duration = packet.is_keyframe, packet.duration or 0
    return Taken(bytes(packet), at, at if dts is None else dts, duration, key, base, moment, arrival)


class Recorders:
    """Those of the cameras that are to be recorded."""

    def __init__(self, settings: RecordingSettings) -> None:
        self._settings = settings
        self._rows: Rows | None = None
        self._all: list[FootageRecorder] = []

    def of(self, camera: str, *, offset_s: float) -> FootageRecorder:
        """A new one, which starts now or with the others."""
        recorder = FootageRecorder(camera, self._settings, offset_s=offset_s)
        self._all = [known for known in self._all if not known.closed] + [recorder]
        if self._rows is not None:
            self._look_after()
            recorder.start(self._rows)
        return recorder

    def start(self, rows: Rows, look_after: Callable[[], None]) -> None:
        """look_after: keeps the folder in order from now on; called where there is something to record."""
        self._rows, self._look_after = rows, look_after
        if self._all:
            look_after()
        for recorder in self._all:
            recorder.start(rows)

    def writing(self) -> set[str]:
        """The files that are open."""
        return {recorder.writing for recorder in self._all}

    def close(self) -> None:
        """Ends all files."""
        for recorder in self._all:
            recorder.close()
