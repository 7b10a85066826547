"""A run in the window: begun, shown while it goes on, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from app.config import Settings
from app.errors import environment_errors
from app.gui.bridge import Build, Runner
from app.gui.camera_grid import CameraGrid
from app.gui.status_line import StatusLine
from app.gui.words import closing_words, in_window
from app.pipeline import Status
from storage.history import History

FRAME_MS = 40
"""At most 25 repaints a second."""


class RunDesk(QObject):
    """One run at a time, with its cameras and its figures. ``build`` puts it together, in the run's thread.

    What is new is taken at most 25 times a second and never for more than half of the window's own time.

    *Signals*:
      changed(): a run has begun or is over.
      ready(object): the History that the run writes.
      ended(object): the error of the environment that ended it, or None.
      carried(object): what became of corrections of what it recorded anew (storage.carrying.Carried).
    """

    changed = pyqtSignal()
    ready = pyqtSignal(object)
    ended = pyqtSignal(object)
    carried = pyqtSignal(object)

    def __init__(
        self, build: Build, grid: CameraGrid, line: StatusLine, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.runner = Runner(build, self)
        self._grid, self._line = grid, line
        self._frames = QTimer(self)
        self._frames.setSingleShot(True)
        self._frames.timeout.connect(self._take_frames)
        self.runner.ready.connect(self._begin)
        self.runner.ended.connect(self._end)
        self.runner.carried.connect(self.carried)

    @property
    def running(self) -> bool:
        return self.runner.running

    def start(self, settings: Settings, names: Sequence[str]) -> None:
        """Begins the run; what is loaded and opened for it is, in its thread. names: of the cameras."""
        self._grid.set_cameras(names)
        self._grid.set_state("loading")
        self._line.say("Loading the networks…")
        self.runner.start(settings)
        self.changed.emit()

    def stop(self) -> None:
        """Ends the run; what was begun is finished and kept."""
        if self.running:
            self._line.say("Finishing what was begun…")
            self.runner.stop()

    def close(self) -> None:
        """Stops, and waits for the thread."""
        self.runner.close()

    def _begin(self, history: History) -> None:
        self.ready.emit(history)
        self._line.say("Running")
        self._grid.set_state("playing")
        self._frames.start(0)

    def _take_frames(self) -> None:
        began = time.perf_counter()
        results, status = self.runner.latest.take()
        self._grid.show_results(results)
        if status is not None:
            self._grid.set_status(status)
            self._line.set_status(status)
        spent_ms = (time.perf_counter() - began) * 1000
        if self.running:
            self._frames.start(round(max(FRAME_MS, 2 * spent_ms)))

    def _end(self, future: Future[Status | None]) -> None:
        """The environment's trouble is told; our own bug is raised, and crashes as bugs do."""
        self._take_frames()
        self._frames.stop()
        self._grid.set_ended()
        self.changed.emit()
        error = future.exception()
        told = isinstance(error, environment_errors())
        if error is None:
            self._line.say(closing_words(future.result()))
        else:
            self._grid.set_state("ready")
            self._line.say(in_window(str(error)) if told else "The run ended with a problem")
        self.ended.emit(error if told else None)
        if error is not None and not told:
            raise error
