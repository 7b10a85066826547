"""What the user can do: the menus and the toolbar."""

from __future__ import annotations

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QIcon, QKeySequence
from PyQt5.QtWidgets import QAction, QMainWindow, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from app.gui.icons import camera_icon, folder_icon, history_icon, play_icon, stop_icon


class Actions:
    """The window's actions, put into its menu bar and its toolbar. The window connects what they do."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self.files = self._action(
            "Open &files…", "Ctrl+O", folder_icon(), "Choose video files to track people in"
        )
        self.streams = self._action("Open &streams…", "Ctrl+Shift+O", camera_icon(), "Watch live cameras")
        self.history = self._action(
            "Open &history…", "Ctrl+H", history_icon(), "Look into another history database"
        )
        self.start = self._action("&Start", "Ctrl+R", play_icon(), "Track people in what is open")
        self.stop = self._action("S&top", "Ctrl+.", stop_icon(), "End the run; what was done is kept")
        self.replace = self._action(
            "Record &anew", "", QIcon(), "Replace what the history holds of these cameras"
        )
        self.replace.setCheckable(True)
        self.all_cameras = self._action("&All cameras", "Ctrl+0", QIcon(), "Show all cameras again")
        self.full_screen = self._action("F&ull screen", "F11", QIcon(), "The window without a frame")
        self.full_screen.setCheckable(True)
        self.search = self._action("&Find a person", "Ctrl+F", QIcon(), "Search by id, name or camera")
        self.find = self._action(
            "Find by &picture…", "Ctrl+Shift+F", QIcon(), "Who of the history is in a photograph?"
        )
        self.quit = self._action("&Quit", "Ctrl+Q", QIcon(), "End the run and close the window")
        self.about = self._action("&About Sightline", "", QIcon(), "Version and licence")
        self._fill_menus()
        self.toolbar = self._toolbar()

    def set_running(self, running: bool, *, ready: bool) -> None:
        """Which actions are to be had. ready: there is something to start."""
        for action in (self.files, self.streams, self.history, self.replace):
            action.setEnabled(not running)
        self.start.setEnabled(ready and not running)
        self.stop.setEnabled(running)

    def _action(self, text: str, keys: str, icon: QIcon, tip: str) -> QAction:
        action = QAction(icon, text, self._window)
        action.setIconText(" " + text.replace("&", "").rstrip("…"))
        if keys:
            action.setShortcut(QKeySequence(keys))
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{tip} ({shown})" if shown else tip)
        return action

    def _fill_menus(self) -> None:
        self._menu("&File", [self.files, self.streams, self.history, None, self.quit])
        self._menu("&Run", [self.start, self.stop, None, self.replace])
        self._menu("&View", [self.search, self.find, None, self.all_cameras, self.full_screen])
        self._menu("&Help", [self.about])

    def _menu(self, title: str, actions: list[QAction | None]) -> None:
        menu = QMenu(title, self._window)
        menu.setToolTipsVisible(True)
        for action in actions:
            if action is None:
                menu.addSeparator()
            else:
                menu.addAction(action)
        bar = self._window.menuBar()
        if bar is not None:
            bar.addMenu(menu)

    def _toolbar(self) -> QToolBar:
        bar = QToolBar("Main", self._window)
        bar.setMovable(False)
        bar.setIconSize(QSize(16, 16))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        for action in (self.files, self.streams, self.history):
            bar.addAction(action)
        room = QWidget()
        room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(room)
        bar.addAction(self.start)
        bar.addAction(self.stop)
        button = bar.widgetForAction(self.start)
        if isinstance(button, QToolButton):
            button.setObjectName("primary")
        return bar
