"""Labels and tips that show what they are told as text: a person's name is never read as HTML."""

from __future__ import annotations

from html import escape

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLabel, QWidget


class Label(QLabel):
    """kind: its look in the style sheet, such as title or muted."""

    def __init__(self, text: str = "", *, kind: str = "", wrap: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName(kind)
        self.setWordWrap(wrap)
        self.setText(text)


def tip(text: str) -> str:
    """As a tool tip that shows the text as it is, also where Qt would take it for HTML."""
    return f"<span style='white-space: pre-wrap'>{escape(text)}</span>" if "<" in text else text


def set_tip(widget: QWidget, text: str) -> None:
    widget.setToolTip(tip(text))
