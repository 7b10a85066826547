"""Who is in a picture: each person in it beside the likeliest of the history."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QIcon, QImage, QPixmap
from PyQt5.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from app.gui.questions import IN_A_BUTTON, Candidate, Found, Sought
from app.gui.style import GAP
from app.gui.text import Label
from app.gui.words import person_title, short
from app.history.why import percent

PICTURE = QSize(124, 220)
"""Of a person, in pixels of the screen: large enough to judge."""


class FoundDialog(QDialog):
    """A row for each person in the picture; a press on one of the history chooses them in the window.

    chosen: is told the id. The window behind can be used meanwhile.
    """

    def __init__(self, found: Found, *, chosen: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Who is in {found.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1180, min(1, len(found.people) - 1) * 280 + 400)
        rows = QWidget()
        listed = QVBoxLayout(rows)
        listed.setSpacing(GAP)
        for sought in found.people:
            listed.addWidget(_row(sought, chosen))
        listed.addStretch(1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(rows)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll)


def _row(sought: Sought, chosen: Callable[[int], None]) -> QWidget:
    """The person asked for, the likeliest, and how likely it is nobody of the history."""
    row = QFrame()
    row.setObjectName("panel")
    layout = QHBoxLayout(row)
    layout.setSpacing(2 * GAP)
    layout.addWidget(_picture(sought.picture))
    for candidate in sought.likely:
        layout.addWidget(_button(candidate, chosen))
    layout.addStretch(1)
    layout.addWidget(Label(f"Nobody\nof them:\n{percent(sought.nobody)}", kind="muted"))
    return row


def _picture(image: QImage) -> Label:
    label = Label()
    label.setPixmap(_fitted(image))
    label.setFixedWidth(PICTURE.width())
    label.setAccessibleName("Asked for")
    return label


def _button(candidate: Candidate, chosen: Callable[[int], None]) -> QToolButton:
    button = QToolButton()
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    title = short(person_title(candidate.id, candidate.name), IN_A_BUTTON)
    told = f"{title}\nMatch {percent(candidate.chance)}\n{candidate.told}".strip()
    button.setText(told.replace("&", "&&"))
    button.setIconSize(PICTURE)
    button.setMinimumWidth(PICTURE.width() + 3 * GAP)
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
