"""A choice of one out of several."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QSize, Qt
from PyQt5.QtGui import QPainter, QPaintEvent, QPolygonF
from PyQt5.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget
from typing_extensions import override

from app.gui.style import MUTED

ARROW = QSize(8, 5)


class Combo(QComboBox):
    """What is chosen ends in … where there is no room for it all. letters: for how many there always is."""

    def __init__(self, letters: int = 8, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        if not self.isEditable():
            option.currentText = self._fitted(option)
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        self._paint_arrow(painter)
        painter.end()

    def _fitted(self, option: QStyleOptionComboBox) -> str:
        style = self.style()
        assert style is not None
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self)
        return self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room.width() - 2
        )

    def _paint_arrow(self, painter: QPainter) -> None:
        right, top = self.width() - 9.0, (self.height() - ARROW.height()) / 2
        corners = [
            QPointF(right - ARROW.width(), top),
            QPointF(right, top),
            QPointF(right - ARROW.width() / 2, top + ARROW.height()),
        ]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(MUTED)
        painter.drawPolygon(QPolygonF(corners))
