"""When footage begins that does not say so itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.config import CameraSettings
from app.gui.text import Label
from app.gui.words import short
from app.moments import MomentError, moment_of
from app.times import moment

MOST_HEIGHT = 400
"""Of the fields, in pixels; more cameras are scrolled to."""


class StartsDialog(QDialog):
    """A field a camera.

    *Signals*:
      told(object): the CameraSettings, with the starts that were told.
    """

    told = pyqtSignal(object)

    def __init__(self, cameras: Sequence[CameraSettings], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("When it begins")
        self.setMinimumWidth(460)
        self._cameras = tuple(cameras)
        self.fields = [QLineEdit("" if one.start is None else moment(one.start)) for one in cameras]
        self.problem = Label(kind="muted", wrap=True)
        rows = QWidget()
        form = QFormLayout(rows)
        form.setContentsMargins(0, 0, 0, 0)
        for camera, field in zip(cameras, self.fields, strict=True):
            field.setPlaceholderText("2026-11-22 09:30:00, local time")
            field.setAccessibleName(f"Start of {camera.name}")
            form.addRow(Label(short(camera.name)), field)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(rows)
        scroll.setMinimumHeight(min(rows.sizeHint().height() + 2, MOST_HEIGHT))
        self.buttons = QDialogButtonBox()
        for button in (QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Cancel):
            self.buttons.addButton(button)
        self.buttons.accepted.connect(self._check)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(Label("Date and time of the first picture of each camera:"))
        layout.addWidget(scroll)
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)

    def _check(self) -> None:
        """Tells the starts, or what is wrong with one."""
        cameras = []
        for camera, field in zip(self._cameras, self.fields, strict=True):
            text = field.text().strip()
            try:
                cameras.append(replace(camera, start=moment_of(text) if text else None))
            except MomentError as error:
                self.problem.setText(f"{camera.name}: {error}.")
                return
        self.told.emit(tuple(cameras))
        self.accept()
