"""The few icons of the window, drawn rather than shipped: sharp at any density."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from app.gui.style import TEXT

SIDE = 64


def play_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_play, colour)


def pause_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_pause, colour)


def stop_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_stop, colour)


def close_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_close, colour)


def folder_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_folder, colour)


def camera_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_camera, colour)


def history_icon(colour: QColor = TEXT) -> QIcon:
    return _icon(_history, colour)


def window_icon() -> QIcon:
    """A sight line: two people's dots joined."""
    return _icon(_sightline, QColor("#4c9aff"))


def _icon(draw: Callable[[QPainter, QColor], None], colour: QColor) -> QIcon:
    icon = QIcon()
    for mode, shade in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, QColor("#5b6472"))):
        pixmap = QPixmap(SIDE, SIDE)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        draw(painter, shade)
        painter.end()
        icon.addPixmap(pixmap, mode)
    return icon


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


def _close(painter: QPainter, colour: QColor) -> None:
    _line(painter, colour)
    painter.drawLine(QPointF(18, 18), QPointF(46, 46))
    painter.drawLine(QPointF(46, 18), QPointF(18, 46))


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
