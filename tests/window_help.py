"""For the tests of the window: runs without networks, message boxes, a pulse, and a clean end."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QDialog, QFileDialog, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from app.config import Settings
from app.gui.bridge import Build, Running
from app.gui.window import MainWindow
from app.pipeline import CameraStatus, Status, View
from app.sources.file import FileSource
from storage.carrying import Carried
from storage.database import open_database
from storage.history import History
from tracker.types import Result

THREADS = ("run", "history", "player", "decode")
Dialog = TypeVar("Dialog", bound=QDialog)
RUN_MS = 60_000
"""How long a short real run may take on a busy machine."""


def chosen(window: MainWindow, qtbot: QtBot) -> None:
    """Shows a window with the small history, and chooses Ann."""
    with qtbot.waitActive(window):
        window.show()
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.sightings.person is not None)


def closed(window: MainWindow, qtbot: QtBot) -> None:
    """Closes a window as the user does, and waits until it is."""
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    assert not [t.name for t in threading.enumerate() if t.name.split("_")[0].split()[0] in THREADS]


def boxes() -> list[QMessageBox]:
    """The message boxes that are open."""
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, QMessageBox) and one.isVisible()]


def problem(qtbot: QtBot) -> str:
    """The sentence of the box that opens; presses OK."""
    qtbot.waitUntil(lambda: len(boxes()) == 1, timeout=20_000)
    box = boxes()[0]
    text = box.text()
    qtbot.mouseClick(box.button(QMessageBox.StandardButton.Ok), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not boxes())
    return text


def dialog(qtbot: QtBot, kind: type[Dialog]) -> Dialog:
    """The one of its kind that opens, once it has the keyboard."""
    found = lambda: [  # noqa: E731
        one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()
    ]
    qtbot.waitUntil(lambda: len(found()) == 1, timeout=20_000)
    [there] = found()
    qtbot.waitUntil(there.isActiveWindow)
    return there


def choose_files(qtbot: QtBot, *paths: Path) -> None:
    """Types them into the dialog that asks for files or a folder, and presses Enter."""
    asked = dialog(qtbot, QFileDialog)
    field = asked.findChild(QLineEdit)
    assert field is not None
    field.selectAll()
    qtbot.keyClicks(field, str(paths[0]) if len(paths) == 1 else " ".join(f'"{path}"' for path in paths))
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not asked.isVisible())


def real_keys(*keys: str) -> None:
    """Strikes keys on the display, as its keyboard would: they go to whichever window has it."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("no Xvfb or xdotool here; install the packages xvfb and xdotool")
    if os.environ["QT_QPA_PLATFORM"] != "xcb":
        pytest.skip("windows are offscreen in parallel workers; make test runs this one by itself, too")
    subprocess.run(["xdotool", "key", "--delay", "30", *keys], check=True, timeout=20)


def finish(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.runner.running, timeout=RUN_MS)


@dataclass
class Steady:
    """A run over one file, over and over until it is stopped: real frames, without the networks.

    pause_s: between rounds. error: what it ends with, after so many rounds.
    """

    settings: Settings
    pause_s: float = 0.0
    rounds: int | None = None
    error: Exception | None = None
    carried: Sequence[Carried] = ()
    shown: int = 0
    slowest_s: float = 0.0

    @property
    def history(self) -> History:
        return History(open_database(self.settings.database, create=True))

    def run(self, *, view: View, stop: threading.Event) -> Status:
        camera = self.settings.cameras[0]
        status = Status(1.0, 0, (CameraStatus(camera.name, "playing", 1),), None, {"detect": 1.0})
        while not stop.is_set() and self.shown != self.rounds:
            with FileSource(camera=camera.name, path=Path(camera.source)) as source:
                for frame in source:
                    self._show(view, Result(frame, ()), status)
                    if stop.wait(self.pause_s) or self.shown == self.rounds:
                        break
        if self.error is not None:
            raise self.error
        return status

    def _show(self, view: View, result: Result, status: Status) -> None:
        began = time.perf_counter()
        view.show([result], status)
        self.slowest_s = max(self.slowest_s, time.perf_counter() - began)
        self.shown += 1


def building(runs: list[Steady], **more: object) -> Build:
    """Builds such runs, and tells which."""

    @contextmanager
    def build(settings: Settings) -> Iterator[Running]:
        runs.append(Steady(settings, **more))  # type: ignore[arg-type]
        yield runs[-1]

    return build
