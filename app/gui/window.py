"""The window: cameras, people, sightings and player, joined to a run and a history."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence
from PyQt5.QtWidgets import QFileDialog, QMainWindow, QShortcut, QSplitter, QStackedWidget, QWidget
from typing_extensions import override

from app.config import CameraSettings, HeldError, Settings, cameras_from_sources
from app.errors import environment_errors
from app.gui import questions
from app.gui.actions import Actions
from app.gui.bridge import Build, Runner
from app.gui.camera_grid import CameraGrid
from app.gui.dialogs import StreamsDialog, show_about, show_problem
from app.gui.files import PICTURE_FILTER, VIDEO_FILTER, dropped, named, picture_among
from app.gui.found_dialog import FoundDialog
from app.gui.icons import window_icon
from app.gui.people_panel import PeoplePanel
from app.gui.person_panel import PersonPanel
from app.gui.player import Player
from app.gui.reader import Reader
from app.gui.status_line import StatusLine
from app.gui.style import GAP
from app.gui.welcome import Welcome
from app.gui.words import closing_words, count
from app.pipeline import Status
from storage.history import History, SightingRow, UnknownPerson

FRAME_MS = 40
"""At most 25 repaints a second."""
REFRESH_MS = 1000
"""How often the history is asked while a run writes to it."""
REPLACE_HINT = "To record these cameras anew, tick “Record anew” in the Run menu and press Start."


class MainWindow(QMainWindow):
    """Everything on the screen. ``build`` puts a run together, in the run's thread.

    The window takes what is new from the run at most 25 times a second and never more than half of its own
    time; it asks the history at most once a second, in a thread.
    """

    def __init__(self, *, build: Build, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.runner = Runner(build, self)
        self.reader = Reader(settings.database, self)
        self.actions_ = Actions(self)
        self.grid = CameraGrid()
        self.people = PeoplePanel()
        self.person = PersonPanel()
        self.player = Player()
        self.line = StatusLine()
        self._begun = False
        self._closing = False
        self._left = QSplitter()
        self._frames = QTimer(self)
        self._frames.setSingleShot(True)
        self._refreshes = QTimer(self)
        self._refreshes.setInterval(REFRESH_MS)
        self._cameras = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_cameras()
        self.refresh()

    # What the user does

    def add_files(self, paths: Sequence[str]) -> None:
        """Takes video files to what is to be run; begins a new set where the last one was run or is live."""
        earlier = () if self._begun or self.settings.live else self.settings.cameras
        known = {camera.source for camera in earlier}
        fresh = [path for path in paths if path not in known]
        cameras = (*earlier, *named(fresh, {camera.name for camera in earlier}))
        self._set_cameras(cameras, live=False)

    def add_streams(self, addresses: Sequence[str]) -> None:
        """Takes live streams as what is to be run."""
        if addresses:
            self._set_cameras(cameras_from_sources(addresses, live=True), live=True)

    def open_history(self, path: Path) -> None:
        """Shows another database, and records into it from now on."""
        self.settings = replace(self.settings, database=path)
        self.reader.open(path)
        self._close_player()
        self.people.set_cards([])
        self.person.show_person(None)
        self._set_title()
        self.refresh()

    def start(self) -> None:
        """Begins the run; what is loaded and opened for it is, in its thread."""
        if self.runner.running or not self.settings.cameras:
            return
        self._begun = True
        self.grid.set_cameras([camera.name for camera in self.settings.cameras])
        self.grid.set_names(self.people.names())
        self.grid.set_state("loading")
        self.line.say("Loading the networks…")
        anew = self.settings.replace or self.actions_.replace.isChecked()
        self.runner.start(replace(self.settings, replace=anew))
        self._show_running()

    def stop(self) -> None:
        """Ends the run; what was begun is finished and kept."""
        if self.runner.running:
            self.line.say("Finishing what was begun…")
            self.runner.stop()

    def find_picture(self, path: Path) -> None:
        """Asks who of the history is in a picture; a box shows the likeliest."""
        if not self.settings.database.exists():
            show_problem(self, f"Nobody was recorded in {self.settings.database} yet: run something first.")
            return
        self.line.say(f"Looking for who is in {path.name}…")
        self.reader.ask("found", partial(questions.found, picture=path, settings=self.settings))

    def play(self, sighting: SightingRow) -> None:
        """Plays a sighting, once the history has said where its video is."""
        self.reader.ask("clip", partial(questions.clip, sighting=sighting))

    def refresh(self) -> None:
        """Asks the history anew, where it is not being asked already."""
        if not self.reader.busy("people"):
            known = {card.person.id: card for card in self.people.model.cards}
            self.reader.ask("people", partial(questions.people, known=known))
        if self.people.person is not None and not self.reader.busy("person"):
            self.reader.ask("person", partial(questions.details, person=self.people.person))

    # What the run and the history say

    def _take_frames(self) -> None:
        began = time.perf_counter()
        results, status = self.runner.latest.take()
        self.grid.show_results(results)
        if status is not None:
            self.grid.set_status(status)
            self.line.set_status(status)
        spent_ms = (time.perf_counter() - began) * 1000
        if self.runner.running:
            self._frames.start(round(max(FRAME_MS, 2 * spent_ms)))

    def _run_ready(self, history: History) -> None:
        self.reader.use(history)
        self.line.say("Running")
        self.grid.set_state("playing")
        self._frames.start(0)
        self._refreshes.start()

    def _run_ended(self, future: Future[Status | None]) -> None:
        self._take_frames()
        self._frames.stop()
        self._refreshes.stop()
        self.grid.set_ended()
        self._show_running()
        if self._closing:
            QTimer.singleShot(0, self._quit)  # also where the next lines raise
        else:
            self.refresh()
        error = future.exception()
        if error is not None:
            self._tell_run_error(error)
        else:
            self.line.say(closing_words(future.result()))

    def _tell_run_error(self, error: BaseException) -> None:
        """The environment's trouble as a sentence; our own bug is raised, and crashes as bugs do."""
        self.grid.set_state("ready")
        self.line.say("The run ended with a problem")
        if not isinstance(error, environment_errors()):
            raise error
        self.line.say(str(error))
        if self._closing:
            print(f"sightline: {error}", file=sys.stderr)
            return
        show_problem(self, str(error), hint=REPLACE_HINT if isinstance(error, HeldError) else "")

    def _take_answer(self, key: str, answer: object) -> None:
        if key == "people" and isinstance(answer, list):
            self.people.set_cards(answer)
            self.grid.set_names(self.people.names())
        elif isinstance(answer, questions.Details):
            if answer.person.id == self.people.person:
                self.person.show_person(answer)
        elif isinstance(answer, questions.Clip):
            self._open_player()
            self.player.play(answer)
        elif isinstance(answer, questions.Found):
            self.line.say(f"{count(len(answer.people), 'person', 'people')} in {answer.name}")
            FoundDialog(answer, chosen=self._find, parent=self).show()

    def _take_failure(self, key: str, error: BaseException) -> None:
        if isinstance(error, UnknownPerson):
            self.person.show_person(None)
            return
        if not isinstance(error, environment_errors()):
            raise error
        self.line.say(str(error))
        if not self.runner.running or key == "found":
            show_problem(self, str(error))

    def _choose(self, person: int | None) -> None:
        if person is None:
            self.person.show_person(None)
        else:
            self.reader.ask("person", partial(questions.details, person=person))

    def _find(self, person: int) -> None:
        """Chooses the person whose box was clicked."""
        self.people.search.clear()
        self.people.choose(person)

    # How it is put together

    def _lay_out(self) -> None:
        self._set_title()
        self.setWindowIcon(window_icon())
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 620)
        self.resize(1400, 900)
        self.addToolBar(self.actions_.toolbar)
        self.setStatusBar(self.line)
        self._cameras.addWidget(Welcome([self.actions_.files, self.actions_.streams]))
        self._cameras.addWidget(self.grid)
        self._left = _split(Qt.Orientation.Vertical, [self._cameras, self.player], [1, 1])
        right = _split(Qt.Orientation.Vertical, [self.people, self.person], [2, 3])
        right.setSizes([330, 430])
        right.setMinimumWidth(300)
        whole = _split(Qt.Orientation.Horizontal, [self._left, right], [5, 2])
        whole.setSizes([1000, 400])
        whole.setContentsMargins(GAP, GAP, GAP, GAP)
        self.setCentralWidget(whole)
        self.people.list.setFocus()
        self.player.hide()

    def _connect(self) -> None:
        actions = self.actions_
        actions.files.triggered.connect(self._ask_files)
        actions.streams.triggered.connect(self._ask_streams)
        actions.history.triggered.connect(self._ask_history)
        actions.start.triggered.connect(self.start)
        actions.stop.triggered.connect(self.stop)
        actions.search.triggered.connect(self._search)
        actions.find.triggered.connect(self._ask_picture)
        actions.all_cameras.triggered.connect(partial(self.grid.enlarge, None))
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.quit.triggered.connect(self._quit)
        actions.about.triggered.connect(partial(show_about, self))
        self.runner.ready.connect(self._run_ready)
        self.runner.ended.connect(self._run_ended)
        self.reader.answered.connect(self._take_answer)
        self.reader.failed.connect(self._take_failure)
        self.grid.person_clicked.connect(self._find)
        self.people.chosen.connect(self._choose)
        self.person.play.connect(self.play)
        self.player.closed.connect(self._close_player)
        self._frames.timeout.connect(self._take_frames)
        self._refreshes.timeout.connect(self.refresh)
        for keys, do in (("Escape", self._step_back), ("Space", self.player.toggle)):
            QShortcut(QKeySequence(keys), self).activated.connect(do)

    def _set_title(self) -> None:
        self.setWindowTitle(f"{self.settings.database.name} - Sightline")

    def _set_cameras(self, cameras: Sequence[CameraSettings], *, live: bool) -> None:
        if self.runner.running:
            return
        self._begun = False
        self.settings = replace(self.settings, cameras=tuple(cameras), live=live)
        self._show_cameras()

    def _show_cameras(self) -> None:
        names = [camera.name for camera in self.settings.cameras]
        self.grid.set_cameras(names)
        self._cameras.setCurrentIndex(1 if names else 0)
        self._cameras.show()
        self.line.say(
            f"{count(len(names), 'camera')}: press Start" if names else "Open files or streams to begin"
        )
        self._show_running()

    def _show_running(self) -> None:
        self.actions_.set_running(self.runner.running, ready=bool(self.settings.cameras))

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open video files", "", VIDEO_FILTER)
        if paths:
            self.add_files(paths)

    def _ask_streams(self) -> None:
        dialog = StreamsDialog(self)
        if dialog.exec_():
            self.add_streams(dialog.addresses())

    def _ask_history(self) -> None:
        folder = str(self.settings.database.parent)
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a history", folder, "Histories (*.db);;All files (*)"
        )
        if path:
            self.open_history(Path(path))

    def _ask_picture(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Find who is in a picture", "", PICTURE_FILTER)
        if path:
            self.find_picture(Path(path))

    def _set_full_screen(self, on: bool) -> None:
        if on:
            self.showFullScreen()
        else:
            self.showNormal()

    def _search(self) -> None:
        self.people.search.setFocus()
        self.people.search.selectAll()

    def _quit(self) -> None:
        self.close()

    def _open_player(self) -> None:
        """Beside the cameras where their pictures are upright, else below; alone where there are none."""
        self._cameras.setVisible(bool(self.settings.cameras))
        upright = self.grid.shape() < 1.0
        self._left.setOrientation(Qt.Orientation.Horizontal if upright else Qt.Orientation.Vertical)
        self.player.show()

    def _close_player(self) -> None:
        self.player.close_clip()
        self.player.hide()
        self._cameras.show()

    def _step_back(self) -> None:
        """Escape: out of the player, the enlarged camera, the full screen: one at a time."""
        if self.player.isVisible():
            self._close_player()
        elif self.grid.enlarged is not None:
            self.grid.enlarge(None)
        else:
            self.actions_.full_screen.setChecked(False)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        mime = None if event is None else event.mimeData()
        if event is None or mime is None or not mime.hasUrls():
            return
        if not self.runner.running or picture_among(dropped(mime)) is not None:
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent | None) -> None:
        mime = None if event is None else event.mimeData()
        if mime is None:
            return
        paths = dropped(mime)
        picture = picture_among(paths)
        if picture is not None:
            self.find_picture(picture)
        elif paths:
            self.add_files(paths)

    @override
    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closes once the run has ended: what was begun is finished and kept first."""
        if event is None:
            return
        if self.runner.running:
            self._closing = True
            self.stop()
            self.setEnabled(False)
            event.ignore()
            return
        self.runner.close()
        self.player.close_thread()
        self.reader.close()
        event.accept()


def _split(way: Qt.Orientation, parts: Sequence[QWidget], shares: Sequence[int]) -> QSplitter:
    splitter = QSplitter(way)
    splitter.setHandleWidth(GAP)
    splitter.setChildrenCollapsible(False)
    for number, (part, share) in enumerate(zip(parts, shares, strict=True)):
        splitter.addWidget(part)
        splitter.setStretchFactor(number, share)
    return splitter
