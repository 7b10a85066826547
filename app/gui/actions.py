"""What the user can do: the menus, the toolbar, and the keys."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QIcon, QKeySequence
from PyQt5.QtWidgets import (
    QAction,
    QActionGroup,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from app.gui.icons import camera_icon, folder_icon, history_icon, start_icon, stop_icon
from app.gui.text import tip
from app.gui.words import short

IN_A_MENU = 60
"""Letters of what undo takes back."""

FURTHER_KEYS = (
    ("Footage", "Space", "Play or pause"),
    ("Footage", ", and .", "One picture back, one on"),
    ("Footage", "- and +", "Slower, faster: 1/4 to 16 times"),
    ("Footage", "P and N", "Previous, next sighting of the person chosen, on whichever camera"),
    ("Footage", "Wheel", "Zoom into a picture, or into the timeline"),
    ("Footage", "Double click", "One camera large, or all again"),
    ("Footage", "Shift and drag", "A box drawn round somebody: who is it?"),
    ("Review", "S, D, K", "The same, different, skip"),
    ("Review", "E", "Somebody else: whose the sighting is"),
    ("Lists", "Up, Down, Page, Home, End", "Through the list"),
    ("Lists", "Enter, Down in the search", "To those who were found, the first of them"),
    ("Lists", "Enter, double click", "Play the sighting"),
    ("Lists", "Drag a person on another", "Merge, once both were seen side by side"),
    ("Lists", "Drag sightings on a person", "Move them there"),
    ("Everywhere", "Escape", "Back: the picture as a whole, all cameras, the full screen"),
)
"""Keys and gestures that are no menu's: where, which, what for."""


class Actions:
    """The window's actions, put into its menu bar and its toolbar. The window connects what they do."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        make = self._action
        self.files = make("Open &files…", "Ctrl+O", "Choose video files to track people in", folder_icon())
        self.streams = make("Open &streams…", "Ctrl+Shift+O", "Watch live cameras", camera_icon())
        self.history = make("Open &history…", "Ctrl+H", "Look into another history database", history_icon())
        self.new_history = make("&New history…", "", "Record into a new, empty history")
        self.site = make(
            "S&ite…", "Ctrl+I", "Cameras and networks: read, changed, tried and saved as site.toml"
        )
        self.case = make(
            "&Export case…", "Ctrl+E", "What is chosen as a folder: clips, contact sheet, tables"
        )
        self.forget = make("F&orget…", "", "Erase a person, a camera or old footage everywhere")
        self.quit = make("&Quit", "Ctrl+Q", "End the run and close the window")
        self.start = make("&Start", "Ctrl+R", "Track people in what is open", start_icon())
        self.stop = make("S&top", "Ctrl+.", "End the run; what was done is kept", stop_icon())
        self.replace = self._switch(
            "Process &again", "", "The next start replaces what the history holds of these cameras"
        )
        self.resume = self._switch(
            "&Go on where it stopped", "", "Files whose run was stopped: the rest of them"
        )
        self.undo = make("&Undo", "Ctrl+Z", "Take the last correction back")
        self.redo = make("&Redo", "Ctrl+Shift+Z", "Make anew what was undone")
        self.name = make("&Name…", "F2", "Give the person a name")
        self.merge = make("&Merge with…", "M", "Two are one person: side by side first")
        self.differ = make("Never the &same as…", "D", "Two are surely two people: side by side first")
        self.move = make("Mo&ve sighting to…", "V", "Give the sightings chosen to somebody else")
        self.confirm = make("Surely &theirs", "Y", "The sightings chosen surely are this person's")
        self.split = make("S&plit off", "X", "The sightings chosen are somebody new's")
        self.cut = make("Split at the time &shown", "T", "From the time the footage shows it is somebody new")
        self.journal = self._switch("&Journal", "Ctrl+J", "All corrections, to be undone one by one")
        self.search = make("&Find a person", "Ctrl+F", "By id, name or camera")
        self.everybody = make("&Show everybody", "Ctrl+Shift+E", "Clear the filter, and nobody is chosen")
        self.find = make("Find by &picture…", "Ctrl+Shift+F", "Who of the history is in a photograph?")
        self.alike = make("Who else is &like this", "L", "Look for the person of the sighting chosen")
        self.mark = self._switch("Find by a &box", "B", "Draw a box in the footage: who is it?")
        self.cameras = make("&Cameras", "Ctrl+1", "The cameras of the run")
        self.footage = make("&Footage", "Ctrl+2", "What was filmed, on one clock")
        self.review = make("&Review", "Ctrl+3", "What is worth a look")
        self.all_cameras = make("&All cameras", "Ctrl+0", "Show all cameras again")
        self.snapshot = make("&Snapshot…", "Ctrl+P", "Save the pictures shown, with boxes, camera and time")
        self.full_screen = self._switch("F&ull screen", "F11", "The window without a frame")
        self.keys = make("&Keys", "F1", "All keys on one sheet")
        self.about = make("&About Sightline", "", "Version and licence")
        self.themes = self._theme_actions()
        self.utc = self._switch("Times in &UTC", "", "Times are local, or UTC")
        self.recent = QMenu("&Recent", window)
        self.of_person = (self.name, self.merge, self.differ)
        self.of_sightings = (self.move, self.confirm, self.split, self.alike)
        self.menus: list[QMenu] = []
        self._fill_menus()
        self.toolbar = self._toolbar()

    def set_running(self, running: bool, *, ready: bool) -> None:
        """Which actions are to be had. ready: there is something to start."""
        for action in (
            self.files,
            self.streams,
            self.history,
            self.new_history,
            self.site,
            self.replace,
            self.resume,
        ):
            action.setEnabled(not running)
        self.recent.setEnabled(not running)
        self.start.setEnabled(ready and not running)
        self.stop.setEnabled(running)

    def set_chosen(self, *, person: bool, sightings: bool) -> None:
        """Whether a person and sightings are chosen."""
        for action in self.of_person:
            action.setEnabled(person)
        for action in self.of_sightings:
            action.setEnabled(sightings)

    def set_undo(self, undo: str | None, redo: str | None) -> None:
        """Undo and redo say what they would do; None for nothing."""
        for action, word, what in ((self.undo, "Undo", undo), (self.redo, "Redo", redo)):
            action.setEnabled(what is not None)
            action.setText(f"&{word}: {short(what, IN_A_MENU).replace('&', '&&')}" if what else f"&{word}")
            action.setIconText(f" {word}")
            action.setToolTip(tip(f"{word}: {what}" if what else f"Nothing to {word.lower()}"))

    def sheet(self) -> list[tuple[str, str, str]]:
        """Every key: where, which, what for."""
        keys = []
        for menu in self.menus:
            for action in menu.actions():
                shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
                if shown:
                    keys.append((menu.title().replace("&", ""), shown, action.statusTip()))
        return [*keys, *FURTHER_KEYS]

    def _action(self, text: str, keys: str, told: str, icon: QIcon | None = None) -> QAction:
        action = QAction(icon or QIcon(), text, self._window)
        action.setIconText(" " + text.replace("&", "").rstrip("…"))
        if keys:
            action.setShortcut(QKeySequence(keys))
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setStatusTip(told)
        action.setToolTip(f"{told} ({shown})" if shown else told)
        return action

    def _switch(self, text: str, keys: str, told: str) -> QAction:
        action = self._action(text, keys, told)
        action.setCheckable(True)
        return action

    def _theme_actions(self) -> dict[str, QAction]:
        group = QActionGroup(self._window)
        found = {}
        for theme in ("dark", "light"):
            found[theme] = self._switch(f"&{theme.capitalize()}", "", f"A {theme} window")
            group.addAction(found[theme])
        return found

    def _fill_menus(self) -> None:
        self._menu("&File", [self.files, self.streams, self.site, None, self.history, self.recent])
        self._add(self.menus[0], [self.new_history, None, self.case, self.forget, None, self.quit])
        self._menu("&Run", [self.start, self.stop, None, self.resume, self.replace])
        self._menu("&Correct", [self.undo, self.redo, None, self.name, self.merge, self.differ, None])
        self._add(self.menus[2], [self.move, self.confirm, self.split, self.cut, None, self.journal])
        self._menu("Fi&nd", [self.search, self.everybody, None, self.find, self.alike, self.mark])
        self._menu("&View", [self.cameras, self.footage, self.review, None, self.all_cameras])
        self._add(self.menus[4], [self.snapshot, self.full_screen, None, *self.themes.values(), self.utc])
        self._menu("&Help", [self.keys, self.about])

    def _menu(self, title: str, actions: Sequence[QAction | QMenu | None]) -> None:
        menu = QMenu(title, self._window)
        menu.setToolTipsVisible(True)
        self._add(menu, actions)
        self.menus.append(menu)
        bar = self._window.menuBar()
        if bar is not None:
            bar.addMenu(menu)

    def _add(self, menu: QMenu, actions: Sequence[QAction | QMenu | None]) -> None:
        for action in actions:
            if action is None:
                menu.addSeparator()
            elif isinstance(action, QMenu):
                menu.addMenu(action)
            else:
                menu.addAction(action)

    def _toolbar(self) -> QToolBar:
        bar = QToolBar("Main", self._window)
        bar.setMovable(False)
        bar.setIconSize(QSize(16, 16))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        for action in (self.files, self.streams, self.site, self.history):
            bar.addAction(action)
        room = QWidget()
        room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(room)
        for action in (self.undo, self.redo, self.start, self.stop):
            bar.addAction(action)
        button = bar.widgetForAction(self.start)
        if isinstance(button, QToolButton):
            button.setObjectName("primary")
        return bar
