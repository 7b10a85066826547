"""What stands in the place of the cameras while there are none."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAction, QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.gui.style import GAP
from app.gui.text import Label


class Welcome(QFrame):
    """How to begin."""

    def __init__(self, actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        title = Label("Drop video files here")
        title.setObjectName("title")
        text = Label("One file for each camera. People keep their number from camera to camera.")
        text.setObjectName("muted")
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        buttons.addStretch()
        for action in actions:
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            buttons.addWidget(button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP + 4)
        layout.addStretch()
        for label in (title, text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        layout.addLayout(buttons)
        layout.addStretch()
