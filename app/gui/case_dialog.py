"""Somebody, or some sightings, as a folder to hand on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PyQt5.QtCore import QUrl, pyqtSignal
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from app.errors import environment_errors
from app.gui.asking import ask_for_new
from app.gui.combo import Combo
from app.gui.reader import Reader
from app.gui.text import Label
from app.gui.words import count, in_window, person_title
from app.moments import MomentError, begin_said, end_said, names_a_clock_time
from app.output.case import Progress, Wanted, write_case
from storage.history import History, PersonRow, SightingRow

BLURRED = "Who was not detected is not blurred: look the clips through before you hand them on."


@dataclass(frozen=True)
class Written:
    """The page of the folder that was written."""

    page: Path


def write(
    history: History, *, wanted: Wanted, out: Path, progress: Progress, stop: threading.Event
) -> Written:
    return Written(write_case(history, wanted, out, progress=progress, stop=stop))


class CaseDialog(QDialog):
    """What goes into it, and where it goes; then how far it is.

    people: who is chosen. sightings: which are, of whoever they are. cameras: to choose one from.
    """

    _progress = pyqtSignal(str, float)

    def __init__(
        self,
        reader: Reader,
        *,
        people: Sequence[PersonRow],
        sightings: Sequence[SightingRow],
        cameras: Sequence[str],
        near: float | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export case")
        self.setMinimumWidth(560)
        self._reader, self._near = reader, near
        self._people, self._sightings = list(people), list(sightings)
        self.page: Path | None = None
        self.what, self.camera = Combo(), Combo()
        self.since, self.until, self.folder = QLineEdit(), QLineEdit(), QLineEdit()
        self.clips = QCheckBox("Clips, with camera and time burnt in")
        self.blur = QCheckBox("Others in the clips blurred, as far as they were detected")
        self.blur.setToolTip(BLURRED)
        self.bar = QProgressBar()
        self.told = Label(kind="muted", wrap=True)
        self.button = QPushButton("Export")
        self.open_button = QPushButton("Open it")
        self._stop = threading.Event()
        self._lay_out(cameras)
        self._connect()

    @override
    def done(self, result: int) -> None:
        """Closing it ends the writing; nothing half is left."""
        self._stop.set()
        self._reader.answered.disconnect(self._take)
        self._reader.failed.disconnect(self._fail)
        super().done(result)

    def start(self) -> None:
        """Writes it in a thread."""
        try:
            wanted = self._wanted()
        except MomentError as error:
            self.told.setText(f"{error}.")
            return
        out = Path(self.folder.text().strip() or "case").absolute()
        self.button.setEnabled(False)
        self.bar.setVisible(True)
        self.told.setText(f"Writing {out}…")
        question = partial(write, wanted=wanted, out=out, progress=self._progress.emit, stop=self._stop)
        self._reader.ask("export", question, long=True)

    def _wanted(self) -> Wanted:
        """Raises MomentError."""
        what = self.what.currentData()
        chosen = [row.id for row in self._sightings] if what == "sightings" else None
        since = self._time(self.since, begin_said)
        begin = since if names_a_clock_time(self.since.text()) else None
        return Wanted(
            people=[row.id for row in self._people] if what == "people" else (),
            since=since,
            until=self._time(self.until, partial(end_said, begin=begin)),
            camera=self.camera.currentData(),
            sightings=chosen,
            clips=self.clips.isChecked(),
            blur=self.blur.isChecked(),
        )

    def _time(self, field: QLineEdit, said: Callable[..., float]) -> float | None:
        text = field.text().strip()
        return said(text, now=time.time(), near=self._near) if text else None

    def _take(self, key: str, answer: object) -> None:
        if isinstance(answer, Written):
            self.page = answer.page
            self.bar.setVisible(False)
            self.told.setText(f"Written: {answer.page}")
            self.open_button.setVisible(True)
            self.button.setText("Done")
            self.button.setEnabled(True)
            self.button.clicked.disconnect()
            self.button.clicked.connect(self.accept)

    def _fail(self, key: str, error: object) -> None:
        if key == "export" and isinstance(error, environment_errors()):
            self.bar.setVisible(False)
            self.button.setEnabled(True)
            self.told.setText(in_window(str(error)))

    def _show_progress(self, name: str, share: float) -> None:
        self.told.setText(f"Writing {name}…")
        self.bar.setValue(round(100 * share))

    def _enable(self) -> None:
        """Clips are of somebody, and others are blurred in clips."""
        self.clips.setEnabled(self.what.currentData() != "everybody")
        self.blur.setEnabled(self.clips.isEnabled() and self.clips.isChecked())
        if not self.clips.isEnabled():
            self.clips.setChecked(False)
        if not self.blur.isEnabled():
            self.blur.setChecked(False)

    def _ask_folder(self) -> None:
        proposed = Path(self.folder.text() or "case")
        ask_for_new(self, "A folder for the case", "", lambda path: self.folder.setText(str(path)), proposed)

    def _open(self) -> None:
        if self.page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.page)))

    def _connect(self) -> None:
        self._reader.answered.connect(self._take)
        self._reader.failed.connect(self._fail)
        self._progress.connect(self._show_progress)
        self.what.currentIndexChanged.connect(self._enable)
        self.clips.toggled.connect(self._enable)
        self.button.clicked.connect(self.start)
        self.open_button.clicked.connect(self._open)
        self._enable()

    def _lay_out(self, cameras: Sequence[str]) -> None:
        if self._people:
            names = ", ".join(person_title(row.id, row.name) for row in self._people)
            self.what.addItem(names, "people")
        if self._sightings:
            self.what.addItem(f"{count(len(self._sightings), 'sighting')} chosen", "sightings")
        self.what.addItem("Everybody: a contact sheet", "everybody")
        self.camera.addItem("All cameras", None)
        for name in cameras:
            self.camera.addItem(name, name)
        self.since.setPlaceholderText("from the beginning; or: yesterday 14:00, 09:30, last 2h")
        self.until.setPlaceholderText("to the end")
        self.folder.setPlaceholderText("case")
        self.bar.setVisible(False)
        self.open_button.setVisible(False)
        choose = QPushButton("…")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._ask_folder)
        where = QHBoxLayout()
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        form = QFormLayout()
        for name, field in (
            ("What", self.what),
            ("Camera", self.camera),
            ("From", self.since),
            ("To", self.until),
        ):
            form.addRow(name, field)
        form.addRow("Folder", where)
        form.addRow("", self.clips)
        form.addRow("", self.blur)
        cancel = QPushButton("Close")
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addWidget(self.open_button)
        foot.addStretch()
        foot.addWidget(self.button)
        foot.addWidget(cancel)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self.told)
        layout.addLayout(foot)
