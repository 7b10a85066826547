"""The two pictures by which a visit was decided, side by side, and what spoke for it."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QFont, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.gui.questions import Visit
from app.gui.style import GAP, MUTED, TEXT, identity_colour
from app.gui.words import count, duration, moment
from storage.history import SightingRow


class ComparedView(QWidget):
    """A visit's picture and the one it was held against."""

    HEIGHT = 96

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[str] = []
        self._visit: Visit | None = None
        self.setFixedHeight(self.HEIGHT)
        self.setAccessibleName("Compared pictures")

    @property
    def filled(self) -> bool:
        """Whether there is something to show."""
        return self._visit is not None

    def show_visit(self, visit: Visit | None) -> None:
        """Shows what a visit was decided by; nothing where it was not noted."""
        self._visit = visit if visit is not None and visit.pair is not None else None
        self.lines = [] if self._visit is None else lines_of(self._visit)
        self.setAccessibleDescription(", ".join(self.lines))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, self.HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._visit is None or self._visit.pair is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        pair = self._visit.pair
        left = paint_picture(painter, pair.own, 0.0, self.HEIGHT)
        painter.setPen(QPen(identity_colour(self._visit.sighting.person), 2))
        middle = self.HEIGHT / 2
        painter.drawLine(QPointF(left - GAP + 2, middle - 3), QPointF(left + GAP - 2, middle - 3))
        painter.drawLine(QPointF(left - GAP + 2, middle + 3), QPointF(left + GAP - 2, middle + 3))
        left = paint_picture(painter, pair.nearest, left + GAP, self.HEIGHT)
        self._paint_lines(painter, QRectF(left + GAP, 0, self.width() - left - GAP, self.HEIGHT))
        painter.end()

    def _paint_lines(self, painter: QPainter, room: QRectF) -> None:
        small = QFont(painter.font())
        small.setPointSizeF(small.pointSizeF() - 1)
        painter.setFont(small)
        step = room.height() / max(len(self.lines), 1)
        for number, line in enumerate(self.lines):
            painter.setPen(TEXT if number == 0 else MUTED)
            words = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, int(room.width()))
            row = QRectF(room.left(), room.top() + number * step, room.width(), step)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)


def width_of(picture: QImage, height: float) -> float:
    """How wide a picture is shown at that height: as it is, but no wider than high."""
    return min(height * picture.width() / max(1, picture.height()), height)


def paint_picture(painter: QPainter, picture: QImage, left: float, height: float) -> float:
    """With round corners; where the next one begins."""
    width = width_of(picture, height)
    frame = QRectF(left, 0, width, height)
    path = QPainterPath()
    path.addRoundedRect(frame, 4, 4)
    painter.save()
    painter.setClipPath(path)
    painter.drawImage(frame, picture)
    painter.restore()
    return left + width + GAP


def lines_of(visit: Visit) -> list[str]:
    """What is said beside the pictures."""
    row, pair = visit.sighting, visit.pair
    if pair is None:
        return []
    lines = [f"Held against {pair.camera}, {moment(pair.time)}", f"{row.probability:.0%} sure"]
    evidence = row.evidence
    if evidence is not None and evidence.distance is not None:
        lines[1] += f": distance {evidence.distance:.2f}"
    if evidence is not None and evidence.gap_s is not None:
        gap = f"{duration(evidence.gap_s)} after they were last seen"
        lines.append(gap if evidence.gap_s >= 0 else "They were there at the same time")
    return [*lines, *_next_best(row)]


def _next_best(row: SightingRow) -> list[str]:
    evidence = row.evidence
    if evidence is None:
        return []
    compared = f"{count(evidence.crops, 'picture')} compared"
    if evidence.runner_up is None or evidence.runner_up_distance is None:
        return [compared]
    return [f"Next is person {evidence.runner_up} at {evidence.runner_up_distance:.2f}; {compared}"]
