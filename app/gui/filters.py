"""Whom and what the lists show: words, a camera, a time, and what kind."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.combo import Combo
from app.gui.style import GAP
from app.gui.text import Label, mark_wrong, set_tip
from app.moments import MomentError, begin_said, end_said, names_a_clock_time
from storage.history import PersonRow

KINDS = {
    "Everybody": "everybody",
    "Named": "named",
    "Unnamed": "unnamed",
    "Unsure": "unsure",
    "Unidentified": "unidentified",
}
ORDERS = {
    "Last seen": "last",
    "First seen": "first",
    "Number": "id",
    "Name": "name",
    "Sightings": "sightings",
    "In view": "seconds",
}
TYPING_MS = 400
"""How long to wait for more of a time that is being typed."""
TIMES = "A time: 09:30, yesterday 14:00, 2026-11-22 09:30, or how long ago: last 2h"


@dataclass(frozen=True)
class Filter:
    """words: all of them name an id, or a part of a name or of a camera's name. since, until: epoch s."""

    words: tuple[str, ...] = ()
    camera: str | None = None
    since: float | None = None
    until: float | None = None
    kind: str = "everybody"
    order: str = "last"

    @property
    def asks_the_history(self) -> bool:
        """Whether who is meant can't be told by what is known of everybody."""
        return self.since is not None or self.until is not None or self.kind == "unsure"

    def takes(self, person: PersonRow) -> bool:
        """Whether somebody is meant, as far as can be told."""
        if self.kind == "unidentified" or (self.camera is not None and self.camera not in person.cameras):
            return False
        if self.kind in ("named", "unnamed") and (self.kind == "named") != bool(person.name):
            return False
        return all(_names(word, person) for word in self.words)

    def sorted(self, people: Sequence[PersonRow]) -> list[PersonRow]:
        """In the order that is asked for; of equal ones the last seen first."""
        if self.order == "last":
            return list(people)
        if self.order == "name":
            return sorted(people, key=lambda one: (one.name is None, (one.name or "").casefold(), one.id))
        return sorted(
            people, key=lambda one: getattr(one, self.order), reverse=self.order not in ("first", "id")
        )


def _names(word: str, person: PersonRow) -> bool:
    number = word.removeprefix("#")
    if number.isdigit() and int(number) == person.id:
        return True
    if person.name is not None and word in person.name.casefold():
        return True
    return any(_holds(camera, word) for camera in person.cameras)


@lru_cache(maxsize=4096)
def _holds(camera: str, word: str) -> bool:
    """Of a camera's name, of which there are few for many people."""
    return word in camera.casefold()


class FilterBar(QWidget):
    """What the filter is told. near: a time of the day alone is of that day, epoch seconds.

    *Signals*:
      changed(object): the Filter.
    """

    changed = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filter = Filter()
        self.near: float | None = None
        self.words = _field("Search id, name or camera", "Search people")
        self.camera, self.kind, self.order = Combo(), Combo(), Combo()
        self.since = _field("From: last 2h, 09:30", "From")
        self.until = _field("To: yesterday 14:00", "To")
        self.more = QToolButton()
        self.count = Label(kind="muted")
        self._rest = QWidget()
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPING_MS)
        self._lay_out()
        self.set_cameras(())
        self.words.textChanged.connect(self._tell)
        for field in (self.since, self.until):
            field.textChanged.connect(self._typed.start)
            field.editingFinished.connect(self._tell)
        self._typed.timeout.connect(self._tell)
        for box in (self.camera, self.kind, self.order):
            box.currentIndexChanged.connect(self._tell)

    def set_cameras(self, names: Sequence[str]) -> None:
        """Which there are to choose from."""
        if [self.camera.itemData(row) for row in range(1, self.camera.count())] == list(names):
            return
        chosen = self.camera.currentData()
        self.camera.blockSignals(True)
        self.camera.clear()
        self.camera.addItem("All cameras", None)
        for name in names:
            self.camera.addItem(name, name)
        self.camera.setCurrentIndex(max(0, self.camera.findData(chosen)))
        self.camera.blockSignals(False)
        self._tell()

    def clear(self) -> None:
        """Everybody."""
        for field in (self.words, self.since, self.until):
            field.clear()
        self.camera.setCurrentIndex(0)
        self.kind.setCurrentIndex(0)
        self._tell()

    def _lay_out(self) -> None:
        for name, kind in KINDS.items():
            self.kind.addItem(name, kind)
        for name, order in ORDERS.items():
            self.order.addItem(name, order)
        for box, name in ((self.camera, "Camera"), (self.kind, "Kind"), (self.order, "Order")):
            box.setAccessibleName(name)
        set_tip(self.order, "The order of the list: most sightings and longest in view first")
        for field in (self.since, self.until):
            set_tip(field, TIMES)
        self.more.setText("Filter")
        self.more.setCheckable(True)
        set_tip(self.more, "By camera, time and kind; and the order of the list")
        self.more.toggled.connect(self._rest.setVisible)
        for box in (self.kind, self.order):
            box.setSizeAdjustPolicy(Combo.SizeAdjustPolicy.AdjustToContents)
        self.camera.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        rest = QVBoxLayout(self._rest)
        rest.setContentsMargins(0, 0, 0, 0)
        rest.setSpacing(GAP - 2)
        rest.addLayout(_side_by_side(self.camera, self.kind, self.order))
        rest.addLayout(_side_by_side(self.since, self.until))
        self._rest.hide()
        head = _side_by_side(self.words, self.count, self.more)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GAP - 2)
        whole.addLayout(head)
        whole.addWidget(self._rest)

    def _tell(self) -> None:
        self._typed.stop()
        since = self._time(self.since, begin_said)
        begin = since if names_a_clock_time(self.since.text()) else None
        new = Filter(
            tuple(self.words.text().casefold().split()),
            self.camera.currentData(),
            since,
            self._time(self.until, partial(end_said, begin=begin)),
            self.kind.currentData() or "everybody",
            self.order.currentData() or "last",
        )
        if new != self.filter:
            self.filter = new
            told = replace(new, words=(), order="last") != Filter()
            self.more.setText("Filter •" if told else "Filter")
            self.changed.emit(new)

    def _time(self, field: QLineEdit, said: Callable[..., float]) -> float | None:
        """What is written there; marked where it is no time, which then is passed over."""
        text = field.text().strip()
        try:
            moment = said(text, now=time.time(), near=self.near) if text else None
            problem = ""
        except MomentError as error:
            moment, problem = None, str(error)
        mark_wrong(field, problem, otherwise=TIMES)
        return moment


def _side_by_side(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(GAP - 2)
    for part in parts:
        row.addWidget(part)
    return row


def _field(hint: str, name: str) -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText(hint)
    field.setAccessibleName(name)
    field.setClearButtonEnabled(True)
    field.setAttribute(Qt.WidgetAttribute.WA_MacShowFocusRect, False)
    return field
