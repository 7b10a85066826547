"""Between the run's thread and the window's: the run never waits for the window, nor the window for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

from PyQt5.QtCore import QObject, Qt, pyqtSignal

from app.config import Settings
from app.pipeline import Status, View
from storage.carrying import Carried
from storage.history import History
from tracker.types import Result


class Running(Protocol):
    """A run that is built and may begin. history: questions to the database it writes, also while it runs.

    carried: once it is over, what became of corrections of what it recorded anew.
    """

    @property
    def history(self) -> History: ...

    @property
    def carried(self) -> Sequence[Carried]: ...

    def run(self, *, view: View, stop: threading.Event) -> Status: ...


Build = Callable[[Settings], AbstractContextManager[Running]]
"""Puts a run together; raises one of the environment's errors where it can't."""


class Latest:
    """A View that keeps each camera's newest result until the window takes it; older ones are forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: dict[str, Result] = {}
        self._status: Status | None = None

    def show(self, results: Sequence[Result], status: Status) -> None:
        """From the run's thread: costs a few assignments."""
        with self._lock:
            self._results.update((result.frame.camera, result) for result in results)
            self._status = status

    def take(self) -> tuple[dict[str, Result], Status | None]:
        """From the window's thread: what is new since the last call."""
        with self._lock:
            results, self._results = self._results, {}
            status, self._status = self._status, None
        return results, status


class Runner(QObject):
    """One run at a time, in a thread of its own.

    *Signals*, delivered in the window's thread:
      ready(object): the networks are loaded and the run begins: the History it writes.
      ended(object): the run is over: its Future, which holds the last Status or the error.
      carried(object): before that, what it Carried over.
    """

    ready = pyqtSignal(object)
    ended = pyqtSignal(object)
    carried = pyqtSignal(object)
    _done = pyqtSignal()

    def __init__(self, build: Build, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.latest = Latest()
        self.running = False
        self._build = build
        self._stop = threading.Event()
        self._future: Future[Status | None] = Future()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run")
        self._done.connect(self._finish, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]  # not in the stubs

    def start(self, settings: Settings) -> None:
        """Begins a run. Raises RuntimeError while another one is on."""
        if self.running:
            raise RuntimeError("a run is on already")
        self.running = True
        self._stop = threading.Event()
        self.latest = Latest()
        self._future = self._pool.submit(self._work, settings, self.latest, self._stop)
        self._future.add_done_callback(lambda done: self._done.emit())

    def stop(self) -> None:
        """Asks the run to end; ``ended`` says when it has."""
        self._stop.set()

    def close(self) -> None:
        """Stops, and waits for the thread."""
        self._stop.set()
        self._pool.shutdown(wait=True)

    def _work(self, settings: Settings, view: Latest, stop: threading.Event) -> Status | None:
        with self._build(settings) as run:
            if stop.is_set():
                return None
            self.ready.emit(run.history)
            status = run.run(view=view, stop=stop)
            for carried in run.carried:
                self.carried.emit(carried)
            return status

    def _finish(self) -> None:
        self.running = False
        self.ended.emit(self._future)
