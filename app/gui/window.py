"""The window: cameras, footage, people and sightings, joined to a run and a history."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShowEvent
from PyQt5.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QShortcut,
    QSplitter,
    QWidget,
)
from typing_extensions import override

from app.config import CameraSettings, ConfigError, HeldError, Settings, cameras_from_sources, read_config
from app.gui import questions
from app.gui.actions import Actions
from app.gui.asking import ask_for_file, ask_for_files, ask_for_new, fit_screen, present
from app.gui.bridge import Build, Runner
from app.gui.camera_grid import CameraGrid
from app.gui.corrector import Corrector, Made, merge
from app.gui.deeds import Deeds
from app.gui.dialogs import StreamsDialog, show_about, show_keys, show_problem
from app.gui.faces import Faces
from app.gui.files import (
    HISTORY_FILTER,
    PICTURE_FILTER,
    VIDEO_FILTER,
    dropped,
    history_among,
    named,
    picture_among,
    site_among,
)
from app.gui.footage_page import FootagePage
from app.gui.forget_dialog import Forgotten
from app.gui.found_dialog import FoundDialog
from app.gui.history_desk import HistoryDesk
from app.gui.icons import window_icon
from app.gui.journal_panel import JournalPanel
from app.gui.memory import Memory
from app.gui.pages import Pages
from app.gui.people_panel import PeoplePanel
from app.gui.reader import Reader
from app.gui.review_page import ReviewPage
from app.gui.run_desk import RunDesk
from app.gui.sightings_panel import SightingsPanel
from app.gui.site_dialog import SiteDialog
from app.gui.snapshot import ask_snapshot
from app.gui.start_dialog import StartsDialog
from app.gui.status_line import StatusLine
from app.gui.style import GAP, apply_style
from app.gui.upgrade_dialog import UpgradeDialog
from app.gui.welcome import Welcome
from app.gui.words import count, in_window
from app.headless.execution import carried_told
from app.history.corrections import in_words
from app.times import use_zone
from storage.carrying import Carried
from storage.history import History, SightingRow
from storage.repair import CorrectionError, TogetherError


class MainWindow(QMainWindow):
    """Everything on the screen. ``build`` puts a run together, in the run's thread.

    The history is asked at most once a second, in a thread, and only where somebody wrote to it.
    """

    def __init__(
        self, *, build: Build, settings: Settings, memory: Memory | None = None, site: Path | None = None
    ) -> None:
        super().__init__()
        self.settings, self.site = settings, site
        self.memory = memory or Memory()
        self.reader = Reader(settings.database, self)
        self.actions_ = Actions(self)
        self.faces = Faces(self.reader, self)
        self.corrector = Corrector(self.reader, self)
        self.grid = CameraGrid()
        self.footage = FootagePage()
        self.people = PeoplePanel(self.faces)
        self.sightings = SightingsPanel(self.faces)
        self.journal = JournalPanel()
        self.review = ReviewPage()
        self.line = StatusLine()
        self.run = RunDesk(build, self.grid, self.line, self)
        welcome = Welcome([self.actions_.files, self.actions_.streams, self.actions_.history])
        self.pages = Pages(self.grid, self.footage, self.review, welcome)
        self.desk = HistoryDesk(
            self.reader,
            faces=self.faces,
            people=self.people,
            sightings=self.sightings,
            footage=self.footage,
            journal=self.journal,
            review=self.review,
            corrector=self.corrector,
            grid=self.grid,
            parent=self,
        )
        self.deeds = Deeds(
            self,
            self.actions_,
            self.people,
            self.sightings,
            self.footage,
            self.corrector,
            self.reader,
            self.faces,
            self.look_for,
        )
        self.upgrade = UpgradeDialog(self.reader, self)
        self._begun = False
        self._closing = False
        self._zone = os.environ.get("TZ")
        self._lay_out()
        self._connect()
        self._show_cameras()
        self._recall()
        self.desk.begin()

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
        """Shows another database, and records into it from now on; where it is none, the open one stays.

        One that is not there yet is made by the next run.
        """
        if path.exists():
            self.line.say(f"Opening {path.name}…")
            self.reader.look_into(path)
        else:
            self._turn_to(path, None)

    @property
    def runner(self) -> Runner:
        """The run's thread."""
        return self.run.runner

    def start(self) -> None:
        """Begins the run over what is open."""
        if self.run.running or not self.settings.cameras:
            return
        self._begun = True
        self.pages.show_cameras()
        anew = self.settings.replace or self.actions_.replace.isChecked()
        resume = not anew and (self.settings.resume or self.actions_.resume.isChecked())
        names = [camera.name for camera in self.settings.cameras]
        self.run.start(replace(self.settings, replace=anew, resume=resume), names)
        for action in (self.actions_.replace, self.actions_.resume):
            action.setChecked(False)  # said of this run; the next may be of other footage
        self.grid.set_names(self.people.names())

    def stop(self) -> None:
        """Ends the run; what was begun is finished and kept."""
        self.run.stop()

    def find_picture(self, path: Path) -> None:
        """Asks who of the history is in a picture; a box shows the likeliest."""
        self.look_for(path.name, partial(questions.found, name=path.name, picture=path))

    def look_for(self, told: str, question: Callable[..., object]) -> None:
        """Asks a question that needs the networks; a box shows the likeliest. told: what is looked into."""
        if not self.settings.database.exists():
            show_problem(self, f"Nobody was recorded in {self.settings.database} yet: run something first.")
            return
        self.line.say(f"Looking for who is in {told}…")
        self.reader.ask("found", partial(question, settings=self.settings), long=True)

    def play(self, sighting: SightingRow) -> None:
        """Plays a sighting on all cameras."""
        self.pages.show_footage()
        self.desk.play(sighting)

    # What the run and the history say

    def _run_ready(self, history: History) -> None:
        self.reader.use(history)
        self.memory.add_recent(history.path)
        self._show_recent()

    def _run_ended(self, error: Exception | None) -> None:
        if self._closing:
            QTimer.singleShot(0, self._quit)  # also where the next lines raise
            if error is not None:
                print(f"sightline: {error}", file=sys.stderr)
            return
        self.desk.refresh()
        self.desk.ask_reels()
        if isinstance(error, HeldError):
            self._tell_held(error)
        elif error is not None:
            show_problem(self, str(error))

    def _tell_held(self, error: HeldError) -> None:
        """Footage of the same times: of another day, which can be told, or to be processed again."""
        hint = (
            "If this is other footage, say when it begins. If it is the same, the Run menu has “Go on where "
            "it stopped” for the rest of it, and “Process again” to replace what the history holds."
        )
        show_problem(self, str(error), hint=hint, remedy="Say when it begins…", do=self._ask_starts)

    def _tell_carried(self, carried: Carried) -> None:
        """What became of the corrections of what was recorded anew, where something is left to do."""
        sentences = carried_told(carried)
        if carried.lost or carried.waiting:
            told = "Not all corrections of what was recorded before could be carried over."
            show_problem(self, told, hint="\n".join(sentences))

    def _ask_starts(self) -> None:
        dialog = StartsDialog(self.settings.cameras, self)
        dialog.told.connect(self._take_starts)
        present(dialog)

    def _take_starts(self, cameras: tuple[CameraSettings, ...]) -> None:
        self.settings = replace(self.settings, cameras=cameras)
        self.start()

    def _take_made(self, made: Made) -> None:
        self.line.say(f"{made.told}  (Ctrl+Z takes it back)" if not made.undone else made.told)

    def _tell_failure(self, key: str, error: Exception) -> None:
        if isinstance(error, TogetherError):
            anyway = partial(merge, kept=error.first, other=error.second, anyway=True)
            do = partial(self.corrector.make, anyway)
            show_problem(self, f"{in_words(error)}.", remedy="Merge anyway", do=do)
            return
        told = in_words(error) if isinstance(error, CorrectionError) else str(error)
        if key == "export":  # its own window says it
            return
        self.line.say(in_window(told))
        if not self.run.running or key in ("found", "correction", "opened", "forgot"):
            show_problem(self, told)

    def _show_found(self, found: questions.Found) -> None:
        self.line.say(f"{count(len(found.people), 'person', 'people')} in {found.name}")
        present(FoundDialog(found, chosen=self._find, parent=self), modal=False)

    def _tell_forgotten(self, forgotten: Forgotten) -> None:
        told = sum(receipt.sightings for receipt in forgotten.receipts)
        pictures = sum(receipt.pictures for receipt in forgotten.receipts)
        self.line.say(f"Forgotten: {count(told, 'sighting')}, {count(pictures, 'picture')}")

    def _find(self, person: int) -> None:
        """Chooses the person whose box was clicked."""
        if self.people.row_of(person) not in self.people.rows:
            self.people.bar.clear()
        self.people.choose(person)

    def _pick(self, walk: questions.Walk) -> None:
        """A box of the footage was clicked."""
        if walk.sighting.person is not None:
            self._find(walk.sighting.person)

    def _enable(self) -> None:
        chosen = self.people.person is not None
        self.actions_.set_chosen(person=chosen, sightings=self.sightings.current is not None)

    # How it is put together

    def _lay_out(self) -> None:
        self._set_title()
        self.setWindowIcon(window_icon())
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 600)  # a laptop's 1366 x 768 at 125 % is 614 high
        self.resize(1400, 900)
        self.addToolBar(self.actions_.toolbar)
        self.setStatusBar(self.line)
        right = _split(Qt.Orientation.Vertical, [self.people, self.sightings], [1, 1])
        right.setMinimumWidth(300)
        right.setSizes([420, 580])
        whole = _split(Qt.Orientation.Horizontal, [self.pages, right], [5, 2])
        whole.setSizes([1000, 400])
        whole.setContentsMargins(GAP, GAP, GAP, GAP)
        self.setCentralWidget(whole)
        self.splitters = {"whole": whole, "right": right}
        self.dock = QDockWidget("Journal", self)
        self.dock.setObjectName("journal")
        self.dock.setWidget(self.journal)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self.people.list.setFocus()

    def _connect(self) -> None:
        self._connect_actions()
        self._connect_parts()
        self.deeds.connect()
        for keys, do in (
            ("Escape", self._step_back),
            ("Space", self.footage.toggle),
            (",", partial(self.footage.step, -1)),
            (".", partial(self.footage.step, 1)),
            ("-", partial(self.footage.faster, -1)),
            ("+", partial(self.footage.faster, 1)),
            ("P", partial(self.footage.step_sighting, -1)),
            ("N", partial(self.footage.step_sighting, 1)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(do)

    def _connect_actions(self) -> None:
        actions = self.actions_
        actions.files.triggered.connect(self._ask_files)
        actions.streams.triggered.connect(self._ask_streams)
        actions.history.triggered.connect(self._ask_history)
        actions.new_history.triggered.connect(self._ask_new_history)
        actions.site.triggered.connect(self._ask_site)
        actions.start.triggered.connect(self.start)
        actions.stop.triggered.connect(self.stop)
        actions.undo.triggered.connect(lambda: self.corrector.undo())
        actions.redo.triggered.connect(lambda: self.corrector.redo())
        actions.search.triggered.connect(self._search)
        actions.everybody.triggered.connect(self._show_everybody)
        actions.find.triggered.connect(self._ask_picture)
        actions.mark.toggled.connect(self.footage.set_marking)
        actions.cameras.triggered.connect(self.pages.show_cameras)
        actions.footage.triggered.connect(self.pages.show_footage)
        actions.review.triggered.connect(self.pages.show_review)
        actions.all_cameras.triggered.connect(partial(self.grid.enlarge, None))
        actions.all_cameras.triggered.connect(partial(self.footage.enlarge, None))
        actions.snapshot.triggered.connect(lambda: ask_snapshot(self, self.footage, self.line.say))
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.journal.toggled.connect(self.dock.setVisible)
        actions.quit.triggered.connect(self._quit)
        actions.keys.triggered.connect(self._show_keys)
        actions.about.triggered.connect(partial(show_about, self))
        actions.utc.toggled.connect(self.set_utc)
        for theme, action in actions.themes.items():
            action.triggered.connect(partial(self.set_theme, theme))

    def _connect_parts(self) -> None:
        self.run.ready.connect(self._run_ready)
        self.run.ended.connect(self._run_ended)
        self.run.carried.connect(self._tell_carried)
        self.run.changed.connect(self._show_running)
        self.desk.opened.connect(lambda history: self._turn_to(history.path, history))
        self.desk.forgotten.connect(self._tell_forgotten)
        self.desk.found.connect(self._show_found)
        self.desk.failed.connect(self._tell_failure)
        self.corrector.done.connect(self._take_made)
        self.corrector.changed.connect(self._show_undo)
        self.grid.person_clicked.connect(self._find)
        self.people.chosen.connect(self._enable)
        self.sightings.play.connect(self.play)
        self.sightings.chosen.connect(self._enable)
        self.review.decided.connect(self.corrector.make)
        self.review.play.connect(self.play)
        self.review.else_wanted.connect(lambda row: self.deeds.move([row]))
        self.footage.picked.connect(self._pick)
        self.pages.footage_wanted.connect(self.desk.ask_reels)
        self.journal.undo.connect(self.corrector.undo)
        self.journal.again.connect(self.corrector.redo)
        self.dock.visibilityChanged.connect(self.actions_.journal.setChecked)

    def _recall(self) -> None:
        """As the window was left the last time."""
        self.set_theme(self.memory.theme)
        self.actions_.utc.setChecked(self.memory.utc)
        self.restoreGeometry(self.memory.state("window"))
        fit_screen(self)
        for name, splitter in self.splitters.items():
            splitter.restoreState(self.memory.state(name))
        if self.settings.database.exists():
            self.memory.add_recent(self.settings.database)
        self._show_recent()
        self._show_undo()
        self._enable()

    def _remember(self) -> None:
        self.memory.set_state("window", self.saveGeometry())
        for name, splitter in self.splitters.items():
            self.memory.set_state(name, splitter.saveState())

    def set_theme(self, theme: str, checked: bool = False) -> None:
        """Dark or light, at once and the next time."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_style(app, theme)
        self.memory.theme = theme
        self.actions_.themes[theme].setChecked(True)
        self.update()

    def set_utc(self, on: bool) -> None:
        """Times in UTC, or local, at once and the next time."""
        use_zone("UTC" if on else self._zone)
        self.memory.utc = on
        for part in self.findChildren(QWidget):
            part.update()
        self.desk.ask_sightings()

    def _turn_to(self, path: Path, history: History | None) -> None:
        """To another history, which was opened, or is to be made."""
        self.settings = replace(self.settings, database=path)
        if history is None:
            self.reader.open(path)
        else:
            self.reader.use(history)
            self.memory.add_recent(path)
        self.desk.clear()
        self._show_recent()
        self._set_title()
        self.line.say(f"{path.name} is open" if history is not None else f"{path.name} will be made by a run")
        self.desk.refresh()
        if self.pages.shows_footage:
            self.desk.ask_reels()

    def _set_title(self) -> None:
        self.setWindowTitle(f"{self.settings.database.name} - Sightline")

    def _set_cameras(self, cameras: tuple[CameraSettings, ...], *, live: bool) -> None:
        self._begun = False
        self.settings = replace(self.settings, cameras=cameras, live=live)
        self._show_cameras()

    def _show_cameras(self) -> None:
        names = [camera.name for camera in self.settings.cameras]
        self.grid.set_cameras(names)
        self.pages.set_cameras(bool(names))
        self.line.say(
            f"{count(len(names), 'camera')}: press Start" if names else "Open files or streams to begin"
        )
        self._show_running()

    def _show_running(self) -> None:
        self.actions_.set_running(self.run.running, ready=bool(self.settings.cameras))

    def _show_undo(self) -> None:
        self.actions_.set_undo(self.corrector.undo_told, self.corrector.redo_told)

    def _show_recent(self) -> None:
        menu = self.actions_.recent
        menu.clear()
        for path in self.memory.recent:
            action = menu.addAction(str(path).replace("&", "&&"))
            if action is not None:
                action.triggered.connect(partial(self._open_recent, path))
        shown = menu.menuAction()
        if shown is not None:
            shown.setVisible(bool(self.memory.recent))

    def _open_recent(self, path: Path, checked: bool = False) -> None:
        self.open_history(path)

    def _ask_files(self) -> None:
        ask_for_files(self, "Open video files", VIDEO_FILTER, self.add_files)

    def _ask_streams(self) -> None:
        cameras = self.settings.cameras if self.settings.live else ()
        written_out = not any(camera.shown for camera in cameras)  # else a password would be shown
        dialog = StreamsDialog([camera.source for camera in cameras] if written_out else (), self)
        dialog.accepted.connect(lambda: self.add_streams(dialog.addresses()))
        present(dialog)

    def _ask_site(self) -> None:
        dialog = SiteDialog(self.settings, self.site, self)
        dialog.used.connect(self.use_site)
        present(dialog)

    def open_site(self, path: Path) -> None:
        """Takes what a configuration says; one that is not right changes nothing."""
        try:
            self.use_site(read_config(path), path)
        except ConfigError as error:
            show_problem(self, str(error))

    def use_site(self, settings: Settings, path: Path) -> None:
        """Takes cameras, networks and history from a configuration."""
        database = self.settings.database
        self.settings, self.site = replace(settings, command=self.settings.command), path
        self._set_cameras(settings.cameras, live=settings.live)
        if settings.database != database:
            self.open_history(settings.database)

    def _ask_history(self) -> None:
        ask_for_file(self, "Open a history", HISTORY_FILTER, self.open_history, self.settings.database.parent)

    def _ask_new_history(self) -> None:
        proposed = self.settings.database.parent / "history.db"
        ask_for_new(self, "A new history", HISTORY_FILTER, self.open_history, proposed)

    def _ask_picture(self) -> None:
        ask_for_file(self, "Find who is in a picture", PICTURE_FILTER, self.find_picture)

    def _show_keys(self) -> None:
        show_keys(self, self.actions_.sheet())

    def _set_full_screen(self, on: bool) -> None:
        if on:
            self.showFullScreen()
        else:
            self.showNormal()

    def _search(self) -> None:
        self.people.bar.words.setFocus()
        self.people.bar.words.selectAll()

    def _show_everybody(self) -> None:
        self.people.bar.clear()
        self.people.choose(None)

    def _quit(self) -> None:
        self.close()

    def _step_back(self) -> None:
        """Escape: out of an enlarged camera, the full screen: one at a time."""
        if self.footage.enlarged is not None:
            self.footage.enlarge(None)
        elif self.grid.enlarged is not None:
            self.grid.enlarge(None)
        else:
            self.actions_.full_screen.setChecked(False)

    @override
    def showEvent(self, event: QShowEvent | None) -> None:
        """Asks for the keyboard, which nobody else gives where there is no window manager."""
        super().showEvent(event)
        if event is not None and not event.spontaneous():
            self.activateWindow()

    @override
    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        mime = None if event is None else event.mimeData()
        if event is None or mime is None or not mime.hasUrls():
            return
        if not self.run.running or picture_among(dropped(mime)) is not None:
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent | None) -> None:
        mime = None if event is None else event.mimeData()
        if mime is None:
            return
        paths = dropped(mime)
        picture, history, site = picture_among(paths), history_among(paths), site_among(paths)
        if picture is not None:
            self.find_picture(picture)
        elif history is not None:
            self.open_history(history)
        elif site is not None:
            self.open_site(site)
        elif paths:
            self.add_files(paths)

    @override
    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closes once the run has ended: what was begun is finished and kept first."""
        if event is None:
            return
        self._remember()
        if self.run.running:
            self._closing = True
            self.stop()
            self.setEnabled(False)
            event.ignore()
            return
        self.run.close()
        self.desk.close()
        event.accept()


def _split(way: Qt.Orientation, parts: Sequence[QWidget], shares: Sequence[int]) -> QSplitter:
    splitter = QSplitter(way)
    splitter.setHandleWidth(GAP)
    splitter.setChildrenCollapsible(False)
    for number, (part, share) in enumerate(zip(parts, shares, strict=True)):
        splitter.addWidget(part)
        splitter.setStretchFactor(number, share)
    return splitter
