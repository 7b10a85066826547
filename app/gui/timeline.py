"""A person's sightings over cameras and time."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QFont, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt5.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from app.gui.style import BACKGROUND, BORDER, MUTED, PANEL, TEXT, identity_colour, mixed
from app.gui.text import tip
from app.history.telling import duration
from app.history.why import percent
from app.times import day_of, hour, moment, span
from storage.history import SightingRow

LANE = 22
AXIS = 20
NARROWEST = 4.0


class Timeline(QWidget):
    """A lane for each camera, a bar for each visit; paler where the identity is less sure.

    *Signals*:
      chosen(object): the SightingRow whose bar was clicked.
    """

    chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SightingRow, ...] = ()
        self._lanes: dict[str, int] = {}
        self._start, self._end = 0.0, 1.0
        self.setMouseTracking(True)
        self.setAccessibleName("Timeline")

    def set_sightings(self, rows: Sequence[SightingRow]) -> None:
        """Shows these sightings; the axis reaches from the first to the last."""
        self._rows = tuple(rows)
        self._lanes = {name: lane for lane, name in enumerate(dict.fromkeys(row.camera for row in rows))}
        self._start = min((row.start for row in rows), default=0.0)
        self._end = max((row.end for row in rows), default=0.0)
        self._end = max(self._end, self._start + 1.0)
        self.setFixedHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    def bar(self, row: SightingRow) -> QRectF:
        """Where a visit's bar lies, in this widget's pixels."""
        left, width = self._track()
        scale = width / (self._end - self._start)
        length = max(NARROWEST, (row.end - row.start) * scale)
        x = min(left + (row.start - self._start) * scale, left + width - length)
        return QRectF(x, self._lanes[row.camera] * LANE + 4, length, LANE - 8)

    def row_at(self, place: QPointF) -> SightingRow | None:
        """The visit under a point of this widget."""
        for row in reversed(self._rows):
            if self.bar(row).adjusted(-1, -3, 1, 3).contains(place):
                return row
        return None

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, max(1, len(self._lanes)) * LANE + AXIS)

    @override
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        row = None if event is None else self.row_at(event.localPos())
        if row is not None:
            self.chosen.emit(row)

    @override
    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        over = event is not None and self.row_at(event.localPos()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    @override
    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.row_at(QPointF(event.pos()))
            text = "" if row is None else tip(_told(row))
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = QFont(self.font())
        small.setPointSizeF(small.pointSizeF() - 1.5)
        painter.setFont(small)
        for camera, lane in self._lanes.items():
            self._paint_lane(painter, lane, camera)
        painter.setPen(Qt.PenStyle.NoPen)
        for row in self._rows:
            share = 0.35 + 0.65 * row.probability
            painter.setBrush(mixed(identity_colour(row.person), PANEL, share))
            painter.drawRoundedRect(self.bar(row), 3, 3)
        self._paint_axis(painter)
        painter.end()

    def _track(self) -> tuple[float, float]:
        """The axis' left end and its width, in pixels."""
        names = max((self.fontMetrics().horizontalAdvance(name) for name in self._lanes), default=0)
        left = min(names, self.width() * 0.3) + 8
        return left, max(1.0, self.width() - left - 2)

    def _paint_lane(self, painter: QPainter, lane: int, camera: str) -> None:
        left, width = self._track()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BACKGROUND)
        painter.drawRoundedRect(QRectF(left, lane * LANE + 4, width, LANE - 8), 3, 3)
        painter.setPen(TEXT)
        name = painter.fontMetrics().elidedText(camera, Qt.TextElideMode.ElideRight, int(left - 6))
        painter.drawText(
            QRectF(0, lane * LANE, left, LANE),
            int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft),
            name,
        )

    def _paint_axis(self, painter: QPainter) -> None:
        left, width = self._track()
        top = len(self._lanes) * LANE
        painter.setPen(QPen(BORDER, 1))
        painter.drawLine(QPointF(left, top + 1), QPointF(left + width, top + 1))
        painter.setPen(MUTED)
        room = QRectF(left, top + 2, width, AXIS - 2)
        painter.drawText(
            room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), moment(self._start)
        )
        painter.drawText(
            room,
            int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
            hour(self._end) if day_of(self._start) == day_of(self._end) else moment(self._end),
        )


def _told(row: SightingRow) -> str:
    return (
        f"{row.camera}, {span(row.start, row.end)}, "
        f"{duration(row.end - row.start)}, match {percent(row.probability)}"
    )
