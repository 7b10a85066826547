"""A person's box on the screen: one look in the cameras and in the player."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QFont, QPainter, QPen

from app.gui.style import identity_colour, readable_on


def draw_box(
    painter: QPainter, rect: QRectF, *, identity: int | None, name: str | None, within: QRectF
) -> None:
    """A box with the person's name or number; the label stays ``within`` the picture."""
    painter.save()
    colour = identity_colour(identity)
    shade = QColor(0, 0, 0, 110)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(shade, 4), QPen(colour, 2)):
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawRoundedRect(rect, 3, 3)
    if identity is not None:
        _draw_label(painter, rect, name or str(identity), colour, within)
    painter.restore()


def _draw_label(painter: QPainter, rect: QRectF, text: str, colour: QColor, within: QRectF) -> None:
    font = QFont(painter.font())
    font.setPointSizeF(9.0)
    font.setWeight(QFont.Weight.Bold)
    painter.setFont(font)
    metrics = painter.fontMetrics()
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, 140)
    label = QRectF(0, 0, metrics.horizontalAdvance(text) + 10, metrics.height() + 2)
    left = min(max(rect.left() - 1, within.left()), within.right() - label.width())
    top = max(rect.top() - label.height(), within.top())
    label.moveTopLeft(QPointF(left, top))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(label, 4, 4)
    painter.setPen(readable_on(colour))
    painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)
