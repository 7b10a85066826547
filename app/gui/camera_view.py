"""One camera on the screen."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import (
    QColor,
    QFont,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.gui.boxes import draw_box
from app.gui.picture import fitted, scaled_image
from app.gui.style import ACCENT, BACKGROUND, BAD, BORDER, GOOD, MUTED, PANEL, TEXT, WARNING
from app.gui.text import set_tip
from app.gui.words import count
from app.pipeline import CameraStatus
from app.times import moment
from tracker.types import Frame, Result

HEADER = 32
FOOTER = 12

STATES: dict[str, tuple[QColor, str]] = {
    "playing": (GOOD, ""),
    "connecting": (WARNING, "Connecting…"),
    "stalled": (WARNING, "No picture just now…"),
    "frozen": (BAD, "Always the same picture"),
    "waiting": (BAD, "Reconnecting…"),
    "ready": (MUTED, "Ready: press Start"),
    "loading": (WARNING, "Loading the networks…"),
    "ended": (MUTED, ""),
}
"""A camera's state -> the colour of its dot, and what is written over the picture."""


class CameraView(QWidget):
    """A camera's newest picture with boxes and ids, its name, its state and how far it is.

    *Signals*:
      double_clicked(): the user wants it large, or small again.
      person_clicked(int): the identity whose box was clicked.
    """

    double_clicked = pyqtSignal()
    person_clicked = pyqtSignal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.repaints = 0
        self._status = CameraStatus(name, "ready")
        self._result: Result | None = None
        self._picture = QImage()
        self._names: Mapping[int, str] = {}
        self.setMinimumSize(80, 80)
        self.setMouseTracking(True)
        self.setAccessibleName(f"Camera {name}")

    @property
    def result(self) -> Result | None:
        """What is shown."""
        return self._result

    @property
    def status(self) -> CameraStatus:
        return self._status

    def set_result(self, result: Result) -> None:
        """Shows a frame and its people; scales the picture once."""
        self._result = result
        self._scale()
        self.update()

    def set_status(self, status: CameraStatus) -> None:
        if status != self._status:
            self._status = status
            set_tip(self, status.problem)
            self.update()

    def set_names(self, names: Mapping[int, str]) -> None:
        """The names people gave to identities."""
        self._names = names
        self.update()

    def person_at(self, place: QPointF) -> int | None:
        """The identity whose box is under a point of this widget; the smallest one where they overlap."""
        found: tuple[float, int] | None = None
        for rect, identity in self._boxes():
            area = rect.width() * rect.height()
            if identity is not None and rect.contains(place) and (found is None or area < found[0]):
                found = (area, identity)
        return None if found is None else found[1]

    @override
    def sizeHint(self) -> QSize:
        return QSize(480, 360)

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._scale()

    @override
    def showEvent(self, event: QShowEvent | None) -> None:
        self._scale()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.double_clicked.emit()

    @override
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        identity = None if event is None else self.person_at(event.localPos())
        if identity is not None:
            self.person_clicked.emit(identity)

    @override
    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        over = event is not None and self.person_at(event.localPos()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        self.repaints += 1
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(BORDER, 1))
        painter.setBrush(PANEL)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        self._paint_header(painter)
        self._paint_picture(painter)
        self._paint_progress(painter)
        painter.end()

    def _room(self) -> QRectF:
        return QRectF(1, HEADER, self.width() - 2, self.height() - HEADER - FOOTER)

    def _target(self) -> QRectF:
        """Where the picture lies."""
        if self._result is None:
            return self._room()
        return fitted(QSize(*self._result.frame.size), self._room())

    def _scale(self) -> None:
        """Makes the picture for the screen, where there is one and anybody can see it."""
        frame = None if self._result is None else self._result.frame
        if not isinstance(frame, Frame) or not self.isVisible():
            self._picture = QImage()
            return
        target, ratio = self._target(), self.devicePixelRatioF()
        width, height = round(target.width() * ratio), round(target.height() * ratio)
        self._picture = scaled_image(frame.image, width, height)

    def _boxes(self) -> list[tuple[QRectF, int | None]]:
        """The people's boxes in this widget's pixels."""
        if self._result is None:
            return []
        target = self._target()
        scale = target.width() / self._result.frame.size[0]
        boxes = []
        for person in self._result.people:
            x1, y1, x2, y2 = (float(v) * scale for v in person.track.box)
            rect = QRectF(x1, y1, x2 - x1, y2 - y1).translated(target.topLeft())
            boxes.append((rect & target, person.identity))
        return boxes

    def _paint_header(self, painter: QPainter) -> None:
        colour = STATES.get(self._status.state, (MUTED, ""))[0]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(16, HEADER / 2), 4, 4)
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(TEXT)
        room = QRectF(28, 0, self.width() - 40, HEADER)
        name = painter.fontMetrics().elidedText(self.name, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        taken = painter.fontMetrics().horizontalAdvance(name) + 12
        painter.setFont(self.font())
        painter.setPen(MUTED)
        room.setLeft(room.left() + taken)
        painter.drawText(
            room,
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            self._facts(painter, room.width()),
        )

    def _facts(self, painter: QPainter, width: float) -> str:
        """As many of the camera's figures as there is room for, the most wanted ones first."""
        status = self._status
        facts = []
        if status.frames:
            facts = [count(status.people, "person", "people"), f"{status.fps:.1f} fps"]
        if status.time is not None:
            facts.append(moment(status.time))
        if status.dropped:
            facts.append(f"{status.dropped:,} dropped")
        while facts and painter.fontMetrics().horizontalAdvance("  ·  ".join(facts)) > width:
            facts.pop()
        return "  ·  ".join(facts)

    def _paint_picture(self, painter: QPainter) -> None:
        room = self._room()
        painter.fillRect(room, BACKGROUND)
        if not self._picture.isNull():
            painter.drawImage(self._target(), self._picture)
        for rect, identity in self._boxes():
            name = None if identity is None else self._names.get(identity)
            draw_box(painter, rect, identity=identity, name=name, within=self._target())
        message = STATES.get(self._status.state, (MUTED, self._status.state))[1]
        if message:
            self._paint_message(painter, room, message)

    def _paint_message(self, painter: QPainter, room: QRectF, message: str) -> None:
        shade = QColor(BACKGROUND)
        shade.setAlpha(170)
        painter.fillRect(room, shade)
        painter.setPen(TEXT)
        text = f"{message}\n{self._status.problem}".strip()
        inner = room.adjusted(16, 8, -16, -8)
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), text)

    def _paint_progress(self, painter: QPainter) -> None:
        expected = self._status.expected
        if not expected:
            return
        bar = QRectF(10, self.height() - 8, self.width() - 20, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BORDER)
        painter.drawRoundedRect(bar, 2, 2)
        bar.setWidth(bar.width() * min(1.0, self._status.frames / expected))
        painter.setBrush(ACCENT)
        painter.drawRoundedRect(bar, 2, 2)
