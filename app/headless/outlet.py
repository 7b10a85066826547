"""Lines to a file in a thread of its own: one that can't be written, or is not read, holds up nobody."""

from __future__ import annotations

import io
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

MOST_LINES = 10_000
"""Lines that wait; as many as a busy run of 16 cameras writes in some minutes."""

_CLOSE_S = 2.0  # how long the end waits for who does not read


class Outlet(io.TextIOBase):
    """Stands in for a file that lines are written to, whole lines at a time.

    What can't be written is lost and counted; lost: what is written once it can be, of how many lines were.
    """

    def __init__(self, file: TextIO, *, lost: Callable[[int], str]) -> None:
        self._file = file
        self._told = lost
        self._counting = threading.Lock()
        self._lines: queue.Queue[bytes | None] = queue.Queue(MOST_LINES)
        self._lost = 0
        self._part = ""
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._part = (self._part + text).split("\n")
        for line in lines:
            try:
                self._lines.put_nowait(f"{line}\n".encode(errors="backslashreplace"))
            except queue.Full:
                self._count(1)
        return len(text)

    def close(self) -> None:
        """What waits is written, for so long as that goes on; then it is given up."""
        if not self.closed:
            super().close()
            with suppress(queue.Full):
                self._lines.put_nowait(None)
            self._thread.join(_CLOSE_S)

    def _count(self, lines: int) -> None:
        with self._counting:
            self._lost += lines

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            lost = self._lost
            told = f"{self._told(lost)}\n".encode() if lost else b""
            try:
                self._out(told + line)
                self._count(-lost)
            except OSError:
                self._count(1)

    def _out(self, data: bytes) -> None:
        try:
            number = self._file.fileno()
        except io.UnsupportedOperation:  # a file in memory
            self._file.write(data.decode())
            return
        while data:
            data = data[os.write(number, data) :]
