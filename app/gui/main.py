"""``sightline gui``: the window's beginning and end."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import QApplication

from app.config import Settings
from app.errors import OK, environment_errors
from app.gui.bridge import Running
from app.gui.dialogs import show_problem
from app.gui.display import checked_display
from app.gui.memory import of_the_user
from app.gui.style import apply_style
from app.gui.window import MainWindow
from app.loading import loading

SIGNALS_MS = 200
"""How often Python gets a look at signals, which Qt's own loop keeps from it."""


def main(settings: Settings, site: Path | None = None) -> int:
    """Shows the window until it is closed; runs ``settings`` at once where they name cameras. site: the
    configuration that they are of.

    Raises DisplayError where no window can be shown.
    """
    with checked_display():
        app = application()
    with loading():
        window = MainWindow(build=loaded_run, settings=settings, memory=of_the_user(), site=site)
    with _hooks(window):
        window.show()
        if settings.cameras:
            QTimer.singleShot(0, window.start)
        app.exec_()
    return OK


def application() -> QApplication:
    """The Qt application in our style; the one there is, where there is one."""
    there = QApplication.instance()
    if isinstance(there, QApplication):
        return there
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Sightline")
    app.setDesktopFileName("sightline")
    apply_style(app)
    return app


@contextmanager
def loaded_run(settings: Settings) -> Iterator[Running]:
    """Loads torch and the networks, in whichever thread calls."""
    with ExitStack() as stack:
        with loading():
            from app.build import build_run

            run = stack.enter_context(build_run(settings))
        yield run


@contextmanager
def _hooks(window: MainWindow) -> Iterator[None]:
    """Errors in slots show a box instead of ending the program; Ctrl-C closes the window."""

    def show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if isinstance(error, environment_errors()):
            show_problem(window, str(error))
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        show_problem(
            window,
            f"Something went wrong inside Sightline: {kind.__name__}.",
            hint="This is a bug. Please report it with the details below; the window can be used on.",
            details=details,
        )

    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()  # no more: this may come in the middle of any slot

    def look() -> None:
        if interrupted.is_set():
            interrupted.clear()
            window.close()

    ticks = QTimer(window)
    ticks.timeout.connect(look)
    ticks.start(SIGNALS_MS)
    hook, handler = sys.excepthook, signal.signal(signal.SIGINT, interrupt)
    sys.excepthook = show_error
    try:
        yield
    finally:
        sys.excepthook = hook
        signal.signal(signal.SIGINT, handler)
        ticks.stop()
