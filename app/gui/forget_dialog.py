"""What is to be forgotten for good, with how much that is, before it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from app.gui.combo import Combo
from app.gui.reader import Reader
from app.gui.text import Label
from app.gui.words import person_title
from app.history.keeping import extent_told, left_copies
from app.moments import MomentError, begin_said
from app.recording.files import remove_file
from storage.forgetting import Extent, Forgetting, Kind, Order, Receipt
from storage.history import History, PersonRow

KINDS: dict[str, Kind] = {
    "Sightings, with all their pictures": "sightings",
    "The same, and the recorded footage that shows them": "footage",
    "Pictures and vectors: the sightings stay, nobody is known again by them": "portraits",
    "Pictures alone": "pictures",
}


@dataclass(frozen=True)
class Told:
    """An order, and what it would forget."""

    order: Order
    extent: Extent


@dataclass(frozen=True)
class Forgotten:
    """What was carried out."""

    receipts: tuple[Receipt, ...]


def ask_extent(history: History, order: Order) -> Told:
    return Told(order, Forgetting(history.engine, remove=remove_file).extent(order))


def forget(history: History, order: Order) -> Forgotten:
    """Carries the order out."""
    forgetting = Forgetting(history.engine, remove=remove_file)
    forgetting.order(order)
    return Forgotten(tuple(forgetting.carry_out()))


class ForgetDialog(QDialog):
    """Of whom, of which camera, of before when; and what.

    person: who is proposed, if anybody. near: the last time of the history.

    *Signals*:
      forget(object): the Order, which is meant.
    """

    forget = pyqtSignal(object)

    def __init__(
        self,
        reader: Reader,
        *,
        person: PersonRow | None,
        cameras: Sequence[str],
        near: float | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Forget")
        self.setMinimumWidth(560)
        self.order: Order | None = None
        self._reader, self._near = reader, near
        self.person, self.camera, self.kind = Combo(), Combo(), Combo()
        self.before = QLineEdit()
        self.extent = Label(wrap=True)
        self.sure = QCheckBox("This is meant. It can't be undone.")
        self.button = QPushButton("Forget for good")
        self.person.addItem("Everybody", None)
        if person is not None:
            self.person.addItem(person_title(person.id, person.name), person.id)
            self.person.setCurrentIndex(1)
        self.camera.addItem("All cameras", None)
        for name in cameras:
            self.camera.addItem(name, name)
        for told, kind in KINDS.items():
            self.kind.addItem(told, kind)
        self._lay_out()
        self._connect()
        self._ask()

    @override
    def done(self, result: int) -> None:
        self._reader.answered.disconnect(self._take)
        super().done(result)

    def _lay_out(self) -> None:
        self.before.setPlaceholderText("at any time; or: yesterday, 2026-11-22 09:30")
        form = QFormLayout()
        form.addRow("Of", self.person)
        form.addRow("On", self.camera)
        form.addRow("Before", self.before)
        form.addRow("What", self.kind)
        buttons = QDialogButtonBox()
        buttons.addButton(self.button, QDialogButtonBox.ButtonRole.DestructiveRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for part in (self.extent, self.sure, buttons):
            layout.addWidget(part)

    def _connect(self) -> None:
        self._reader.answered.connect(self._take)
        for box in (self.person, self.camera, self.kind):
            box.currentIndexChanged.connect(self._ask)
        self.before.textChanged.connect(self._ask)
        self.sure.toggled.connect(self._enable)
        self.button.clicked.connect(self._forget)

    def _ask(self) -> None:
        """How much it would be."""
        self.order = None
        self.sure.setChecked(False)
        self._enable()
        text = self.before.text().strip()
        try:
            before = begin_said(text, now=time.time(), near=self._near) if text else None
        except MomentError as error:
            self._tell(f"{error}.")
            return
        told = Order(
            self.kind.currentData(),
            person=self.person.currentData(),
            camera=self.camera.currentData(),
            before=before,
        )
        if (told.person, told.camera, told.before) == (None, None, None):
            self.extent.setText("Say of whom, of which camera, or of before when.")
            return
        self.extent.setText("Counting…")
        self._reader.ask("extent", partial(ask_extent, order=told))

    def _take(self, key: str, answer: object) -> None:
        if not isinstance(answer, Told):
            return
        anything = any(astuple(answer.extent))
        self.order = answer.order if anything else None
        told, copies = extent_told(answer.extent), left_copies(self._reader.path)
        if anything and copies:
            told += f" Copies that may still hold it stay: {', '.join(path.name for path in copies)}."
        self._tell(told)
        self._enable()

    def _tell(self, told: str) -> None:
        """With as much room as that needs."""
        self.extent.setText(told)
        self.adjustSize()

    def _enable(self) -> None:
        self.sure.setEnabled(self.order is not None)
        self.button.setEnabled(self.order is not None and self.sure.isChecked())

    def _forget(self) -> None:
        if self.order is not None:
            self.forget.emit(self.order)
            self.accept()
