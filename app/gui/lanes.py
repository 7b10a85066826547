"""The timeline of the footage: a lane a camera, the chosen person's sightings, and the time that is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.gui.style import ACCENT, BACKGROUND, BORDER, MUTED, PANEL, TEXT, identity_colour, mixed
from app.times import moment, zone
from storage.history import SightingRow

AXIS = 22
LANE = 16
MOST_HEIGHT = 190
LEAST_NAME = 9
"""Pixels from one name to the next, in however low lanes."""
SHORTEST_S = 2.0
"""The span that the wheel zooms to at the nearest."""


class Lanes(QWidget):
    """A press or a drag goes to that time on all cameras; the wheel zooms, the right button moves.

    *Signals*:
      sought(float): the time to show.
    """

    sought = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.now = 0.0
        self.view = (0.0, 1.0)
        self._whole = (0.0, 1.0)
        self._filmed: Mapping[str, Sequence[tuple[float, float]]] = {}
        self._rows: Sequence[SightingRow] = ()
        self._grabbed: float | None = None
        self.setMouseTracking(True)
        self.setAccessibleName("Timeline of all cameras")

    def set_filmed(self, filmed: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        """By camera, when it was filmed. What is seen stays where it is, while it is within."""
        self._filmed = filmed
        begin = min((first for spans in filmed.values() for first, _ in spans), default=0.0)
        end = max((last for spans in filmed.values() for _, last in spans), default=begin + 1.0)
        whole = (begin, max(end, begin + SHORTEST_S))
        if self.view == self._whole or self.view[0] > whole[1] or self.view[1] < whole[0]:
            self.view = whole
        self._whole = whole
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def set_sightings(self, rows: Sequence[SightingRow]) -> None:
        """Of the person chosen."""
        self._rows = rows
        self.update()

    def set_now(self, time: float) -> None:
        """The time that is shown; the view follows it."""
        self.now = time
        first, last = self.view
        if not first <= time <= last and self._grabbed is None:
            self.show_span(time - 0.1 * (last - first), time + 0.9 * (last - first))
        self.update()

    def show_span(self, begin: float, end: float) -> None:
        """This much of the footage, as far as there is any."""
        length = min(max(end - begin, SHORTEST_S), self._whole[1] - self._whole[0])
        begin = min(max(begin, self._whole[0]), self._whole[1] - length)
        self.view = (begin, begin + length)
        self.update()

    def x_of(self, time: float) -> float:
        """Where a time is, in this widget's pixels."""
        left, width = self._track()
        return left + (time - self.view[0]) / (self.view[1] - self.view[0]) * width

    def time_at(self, x: float) -> float:
        left, width = self._track()
        share = min(1.0, max(0.0, (x - left) / width))
        return self.view[0] + share * (self.view[1] - self.view[0])

    @override
    def sizeHint(self) -> QSize:
        return QSize(400, int(min(MOST_HEIGHT, max(1, len(self._filmed)) * LANE)) + AXIS)

    @override
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self.sought.emit(self.time_at(event.localPos().x()))
        else:
            self._grabbed = self.time_at(event.localPos().x())

    @override
    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        if self._grabbed is not None:
            by = self._grabbed - self.time_at(event.localPos().x())
            self.show_span(self.view[0] + by, self.view[1] + by)
        elif event.buttons() & Qt.MouseButton.LeftButton:
            self.sought.emit(self.time_at(event.localPos().x()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._grabbed = None

    @override
    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None:
            return
        at, factor = self.time_at(event.position().x()), 1.3 ** (-event.angleDelta().y() / 120)
        self.show_span(at - (at - self.view[0]) * factor, at + (self.view[1] - at) * factor)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = QFont(self.font())
        small.setPointSizeF(small.pointSizeF() - 1.5)
        painter.setFont(small)
        height = (self.height() - AXIS) / max(1, len(self._filmed))
        self._paint_names(painter, height)
        for number, camera in enumerate(self._filmed):
            self._paint_lane(painter, QRectF(0, number * height, self.width(), height), camera)
        self._paint_axis(painter)
        self._paint_now(painter)
        painter.end()

    def _track(self) -> tuple[float, float]:
        """The axis' left end and its width, in pixels."""
        names = max((self.fontMetrics().horizontalAdvance(name) for name in self._filmed), default=0)
        left = min(names, self.width() * 0.2) + 8
        return left, max(1.0, self.width() - left - 4)

    def _paint_names(self, painter: QPainter, height: float) -> None:
        """As large as the lanes are high; where they are too low for that, every second, third... name."""
        painter.save()
        font = QFont(painter.font())
        if painter.fontMetrics().height() > height:
            font.setPixelSize(max(LEAST_NAME - 1, int(height) - 2))
        painter.setFont(font)
        painter.setPen(TEXT)
        width, middle = int(self._track()[0]) - 6, int(Qt.AlignmentFlag.AlignVCenter)
        every = math.ceil(LEAST_NAME / height)
        for number, camera in list(enumerate(self._filmed))[::every]:
            name = painter.fontMetrics().elidedText(camera, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRectF(0, number * height, width, every * height), middle, name)
        painter.restore()

    def _paint_lane(self, painter: QPainter, room: QRectF, camera: str) -> None:
        left, width = self._track()
        painter.setPen(Qt.PenStyle.NoPen)
        bar = QRectF(left, room.top() + 2, width, room.height() - 4)
        painter.setBrush(BACKGROUND)
        painter.drawRect(bar)
        painter.setBrush(BORDER)
        for begin, end in self._filmed[camera]:
            painter.drawRect(self._bar(begin, end, bar))
        for row in self._rows:
            if row.camera == camera:
                painter.setBrush(mixed(identity_colour(row.person), PANEL, 0.35 + 0.65 * row.probability))
                painter.drawRect(self._bar(row.start, row.end, bar, least=3.0))

    def _bar(self, begin: float, end: float, lane: QRectF, *, least: float = 1.0) -> QRectF:
        """A span in its lane; of no width where it lies outside."""
        if end < self.view[0] or begin > self.view[1]:
            return QRectF()
        first, last = max(lane.left(), self.x_of(begin)), min(lane.right(), self.x_of(end))
        return QRectF(first, lane.top(), max(least, last - first), lane.height())

    def _paint_axis(self, painter: QPainter) -> None:
        left, width = self._track()
        room = QRectF(left, self.height() - AXIS + 4, width, AXIS - 4)
        painter.setPen(MUTED)
        begin, end = self.view
        for share, where in (
            (0.0, Qt.AlignmentFlag.AlignLeft),
            (0.5, Qt.AlignmentFlag.AlignHCenter),
            (1.0, Qt.AlignmentFlag.AlignRight),
        ):
            told = moment(begin + share * (end - begin))
            painter.drawText(room, int(where | Qt.AlignmentFlag.AlignVCenter), told)
        self.setToolTip(
            f"Times are local ({zone(begin)})" if zone(begin) else "Times since the footage began"
        )

    def _paint_now(self, painter: QPainter) -> None:
        if not self.view[0] <= self.now <= self.view[1]:
            return
        x, foot = self.x_of(self.now), self.height() - AXIS + 4
        painter.setPen(QPen(ACCENT, 2))
        painter.drawLine(QPointF(x, 0), QPointF(x, foot))
        painter.setBrush(ACCENT)
        painter.drawPolygon(
            QPolygonF([QPointF(x - 4, foot + 4), QPointF(x + 4, foot + 4), QPointF(x, foot - 2)])
        )
