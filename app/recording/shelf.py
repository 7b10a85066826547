"""The folder of recorded footage in order: what a kill left is taken up, what is too old or too much goes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from app.config import RecordingSettings
from app.recording.files import NAME, OURS, is_ours
from app.recording.recorder import Rows
from app.recording.segment_file import length_of
from app.supervised import Supervised
from storage.history import History
from storage.segments import SegmentRow

_AT_ONCE = 500  # files removed between two looks at the database
_CLOSE_S = 3.0


class Shelf:
    """Looks after the folder in a thread of its own, from `begin` on. Use as a context manager.

    Files that are not named as the recorders name theirs are never touched. writing: the files that are open,
    which stay.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        history: History,
        rows: Rows,
        *,
        writing: Callable[[], set[str]],
        every_s: float = 30.0,
    ) -> None:
        self._problem = ""
        self._settings = settings
        self._folder = settings.folder.absolute()
        self._history = history
        self._rows = rows
        self._writing = writing
        self._every_s = every_s
        self._began = math.floor(1000 * time.time()) / 1000  # no file of this run is named earlier
        self._stop = threading.Event()
        self._thread = Supervised("the keeper of recordings", self._work, stop=self._stop)

    def __enter__(self) -> Self:
        return self

    @property
    def problem(self) -> str:
        """Why something can't be removed, or what else fails just now; "" where nothing does."""
        return self._problem or self._thread.trouble

    def begin(self) -> None:
        """Look after it from now on. Once more does no harm."""
        if not self._thread.started:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.close(error, _CLOSE_S)

    def _work(self) -> None:
        self.take_up()
        while not self._stop.is_set():
            more = self.prune() >= _AT_ONCE
            self._stop.wait(2.0 if more else self._every_s)

    def take_up(self) -> None:
        """What earlier runs left: files the database doesn't know as they are, and rows without a file."""
        known = {row.path: row for row in self._history.segments()}
        there = set()
        for path, began in self._files():
            if self._stop.is_set():
                return
            there.add(str(path))
            row = known.get(str(path))
            if began < self._began and (row is None or row.bytes != path.stat().st_size):
                self._measure(path, row.start if row else began)
        for path_, row in known.items():
            here = Path(path_).is_relative_to(self._folder) and self._folder.exists()
            if here and path_ not in there and row.end < self._began and not Path(path_).exists():
                self._rows.forget_segment(path_)

    def _files(self) -> Iterator[tuple[Path, float]]:
        """Ours, with the moment each was begun."""
        for path in sorted(self._folder.glob("*/*/*")):
            if match := OURS.fullmatch(path.name):
                moment = datetime.strptime(match[1], NAME).replace(tzinfo=UTC)
                yield path, moment.timestamp() + int(match[2]) / 1000

    def _measure(self, path: Path, start: float) -> None:
        length_s = length_of(path)
        if length_s is None:
            self._remove(str(path))
            return
        camera = unquote(path.parent.parent.name)
        self._rows.segment(SegmentRow(camera, str(path), start, start + length_s, path.stat().st_size))

    def prune(self) -> int:
        """Removes the oldest files where they are too old or too many; returns how many."""
        too_old = time.time() - self._settings.keep_days * 86400
        excess = self._history.segment_bytes() - self._settings.keep_gb * 1e9
        removed, writing = 0, self._writing()
        for row in self._history.segments(most=_AT_ONCE):
            if row.end >= too_old and excess <= 0:
                break
            if row.path in writing or not self._may_remove(row) or not self._remove(row.path):
                continue
            excess -= row.bytes
            removed += 1
        return removed

    def _may_remove(self, row: SegmentRow) -> bool:
        """What the history says of a file is anybody's word: only what lies in the folder and is named as
        ours is removed. Of any other the row alone goes.
        """
        path = Path(row.path)
        if path.is_relative_to(self._folder) and is_ours(path, row.camera):
            return True
        self._rows.forget_segment(row.path)
        return False

    def _remove(self, path: str) -> bool:
        file = Path(path)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self._problem = f"{path} can't be removed ({error.strerror}); change its permissions."
            return False
        with suppress(OSError):  # the day's folder, once it is empty
            file.parent.rmdir()
        self._problem = ""
        self._rows.forget_segment(path)
        return True
