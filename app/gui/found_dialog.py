"""Who is in a picture: each person in it beside the likeliest of the history."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QIcon, QImage, QPixmap
from PyQt5.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.questions import Asked, Candidate, Found
from app.gui.style import GAP
from app.gui.words import person_title

PICTURE = QSize(72, 128)
"""Of a person, in pixels of the screen."""


class FoundDialog(QDialog):
    """A row for each person in the picture; a press on one of the history chooses them in the window.

    chosen: is told the id. The window behind can be used meanwhile.
    """

    def __init__(self, found: Found, *, chosen: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Who is in {found.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 560)
        rows = QWidget()
        listed = QVBoxLayout(rows)
        listed.setSpacing(GAP)
        for asked in found.people:
            listed.addWidget(_row(asked, chosen))
        listed.addStretch(1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(rows)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll)


def _row(asked: Asked, chosen: Callable[[int], None]) -> QWidget:
    """The person asked for, the likeliest, and how likely it is nobody of the history."""
    row = QFrame()
    row.setObjectName("panel")
    layout = QHBoxLayout(row)
    layout.setSpacing(2 * GAP)
    layout.addWidget(_picture(asked.picture))
    for candidate in asked.likely:
        layout.addWidget(_button(candidate, chosen))
    nobody = QLabel(f"Nobody\nof them:\n{asked.nobody:.0%}")
    nobody.setObjectName("muted")
    layout.addStretch(1)
    layout.addWidget(nobody)
    return row


def _picture(image: QImage) -> QLabel:
    label = QLabel()
    label.setPixmap(_fitted(image))
    label.setFixedWidth(PICTURE.width())
    label.setAccessibleName("Asked for")
    return label


def _button(candidate: Candidate, chosen: Callable[[int], None]) -> QToolButton:
    button = QToolButton()
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    button.setText(f"{person_title(candidate.id, candidate.name)}\n{candidate.chance:.0%} sure")
    button.setIconSize(PICTURE)
    button.setMinimumWidth(PICTURE.width() + 4 * GAP)
    if candidate.picture is not None:
        button.setIcon(QIcon(_fitted(candidate.picture)))
    button.clicked.connect(partial(_choose, chosen, candidate.id))
    return button


def _choose(chosen: Callable[[int], None], person: int, checked: bool = False) -> None:
    chosen(person)


def _fitted(image: QImage) -> QPixmap:
    return QPixmap.fromImage(image).scaled(
        PICTURE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
