"""Labels and tips that show what they are told as text: a person's name is never read as HTML."""

from __future__ import annotations

from html import escape

from PyQt5.QtCore import QEvent, QSize, Qt
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QLabel, QLineEdit, QSizePolicy, QWidget
from typing_extensions import override


class Label(QLabel):
    """kind: its look in the style sheet, such as title or muted."""

    def __init__(self, text: str = "", *, kind: str = "", wrap: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName(kind)
        self.setWordWrap(wrap)
        self.setText(text)


class Line(Label):
    """One line that takes what room there is: it ends in … where that is too little, and a tip then has it
    all. It never makes what it stands in wider.
    """

    def __init__(self, text: str = "", *, kind: str = "") -> None:
        self._whole = text
        super().__init__(text, kind=kind)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @override
    def text(self) -> str:
        """All of it."""
        return self._whole

    @override
    def setText(self, text: str | None) -> None:
        self._whole = text or ""
        self._fit()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self._whole), super().sizeHint().height())

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        words = " ".join(self._whole.split())
        shown = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, self.contentsRect().width())
        super().setText(shown)
        set_tip(self, "" if shown == words else self._whole)


def tip(text: str) -> str:
    """As a tool tip that shows the text as it is, also where Qt would take it for HTML."""
    return f"<span style='white-space: pre-wrap'>{escape(text)}</span>" if "<" in text else text


def set_tip(widget: QWidget, text: str) -> None:
    widget.setToolTip(tip(text))


def mark_wrong(field: QLineEdit, problem: str, *, otherwise: str = "") -> None:
    """Marks a field whose text makes no sense, and tips why; otherwise: its tip where it does."""
    set_tip(field, problem or otherwise)
    style = field.style()
    if field.property("wrong") != bool(problem) and style is not None:
        field.setProperty("wrong", bool(problem))
        style.unpolish(field)
        style.polish(field)
