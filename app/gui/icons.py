"""The few icons of the window, drawn rather than shipped: sharp at any density, in the theme that is on."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QIcon, QIconEngine, QPainter, QPainterPath, QPen, QPixmap, QPolygonF
from typing_extensions import override

from app.gui.style import ACCENT, DISABLED, TEXT

SIDE = 64

Draw = Callable[[QPainter, QColor], None]


def play_icon() -> QIcon:
    return QIcon(_Engine(_play))


def start_icon() -> QIcon:
    """On the coloured button, white in both themes."""
    return QIcon(_Engine(_play, QColor("#ffffff")))


def pause_icon() -> QIcon:
    return QIcon(_Engine(_pause))


def stop_icon() -> QIcon:
    return QIcon(_Engine(_stop))


def forward_icon() -> QIcon:
    """One frame on."""
    return QIcon(_Engine(_forward))


def back_icon() -> QIcon:
    """One frame back."""
    return QIcon(_Engine(_back))


def next_icon() -> QIcon:
    """To the next sighting."""
    return QIcon(_Engine(_next))


def previous_icon() -> QIcon:
    """To the sighting before."""
    return QIcon(_Engine(_previous))


def folder_icon() -> QIcon:
    return QIcon(_Engine(_folder))


def camera_icon() -> QIcon:
    return QIcon(_Engine(_camera))


def history_icon() -> QIcon:
    return QIcon(_Engine(_history))


def window_icon() -> QIcon:
    """A sight line: two people's dots joined."""
    return QIcon(_Engine(_sightline, ACCENT))


class _Engine(QIconEngine):
    """Draws on a ground of SIDE x SIDE, whenever it is asked to."""

    def __init__(self, draw: Draw, colour: QColor = TEXT) -> None:
        super().__init__()
        self._draw, self._colour = draw, colour

    @override
    def paint(self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        if painter is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(rect.topLeft())
        painter.scale(rect.width() / SIDE, rect.height() / SIDE)
        colour = DISABLED if mode == QIcon.Mode.Disabled else self._colour
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        self._draw(painter, colour)
        painter.restore()

    @override
    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap

    @override
    def clone(self) -> QIconEngine:
        return _Engine(self._draw, self._colour)


def _line(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour, 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))


def _play(painter: QPainter, colour: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(18, 12), QPointF(52, 32), QPointF(18, 52)]))


def _pause(painter: QPainter, colour: QColor) -> None:
    painter.drawRoundedRect(QRectF(16, 13, 11, 38), 3, 3)
    painter.drawRoundedRect(QRectF(37, 13, 11, 38), 3, 3)


def _stop(painter: QPainter, colour: QColor) -> None:
    painter.drawRoundedRect(QRectF(15, 15, 34, 34), 5, 5)


def _forward(painter: QPainter, colour: QColor) -> None:
    painter.drawRect(QRectF(14, 14, 8, 36))
    painter.drawPolygon(QPolygonF([QPointF(28, 14), QPointF(52, 32), QPointF(28, 50)]))


def _back(painter: QPainter, colour: QColor) -> None:
    painter.drawRect(QRectF(42, 14, 8, 36))
    painter.drawPolygon(QPolygonF([QPointF(36, 14), QPointF(12, 32), QPointF(36, 50)]))


def _next(painter: QPainter, colour: QColor) -> None:
    for left in (8, 30):
        painter.drawPolygon(QPolygonF([QPointF(left, 16), QPointF(left + 20, 32), QPointF(left, 48)]))
    painter.drawRect(QRectF(52, 16, 6, 32))


def _previous(painter: QPainter, colour: QColor) -> None:
    for right in (34, 56):
        painter.drawPolygon(QPolygonF([QPointF(right, 16), QPointF(right - 20, 32), QPointF(right, 48)]))
    painter.drawRect(QRectF(6, 16, 6, 32))


def _folder(painter: QPainter, colour: QColor) -> None:
    _line(painter, colour)
    path = QPainterPath(QPointF(8, 50))
    for x, y in ((8, 14), (26, 14), (32, 21), (56, 21), (56, 50)):
        path.lineTo(x, y)
    path.closeSubpath()
    painter.drawPath(path)


def _camera(painter: QPainter, colour: QColor) -> None:
    _line(painter, colour)
    painter.drawRoundedRect(QRectF(7, 18, 34, 28), 5, 5)
    painter.drawPolygon(QPolygonF([QPointF(41, 30), QPointF(57, 20), QPointF(57, 44), QPointF(41, 34)]))


def _history(painter: QPainter, colour: QColor) -> None:
    _line(painter, colour)
    painter.drawEllipse(QPointF(32, 32), 23, 23)
    painter.drawPolyline(QPolygonF([QPointF(32, 18), QPointF(32, 33), QPointF(42, 39)]))


def _sightline(painter: QPainter, colour: QColor) -> None:
    _line(painter, colour)
    painter.drawLine(QPointF(16, 46), QPointF(48, 18))
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(16, 46), 8, 8)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QPointF(48, 18), 8, 8)
