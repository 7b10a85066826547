"""A camera's picture, on which regions are drawn in which nobody is looked for."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.gui.picture import fitted, scaled_image
from app.gui.style import ACCENT, BACKGROUND, BAD, MUTED
from app.regions import Polygon
from tracker.types import Image

LEAST = 0.01
"""Of the picture's width: a smaller rectangle was a click."""


class RegionView(QWidget):
    """A drag draws a rectangle; clicks draw a polygon, which a double click or a click on its first corner
    closes.

    *Signals*:
      drawn(object): a new region, a Polygon.
    """

    drawn = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.regions: tuple[Polygon, ...] = ()
        self._image: Image | None = None
        self._picture = QImage()
        self._corners: list[tuple[float, float]] = []
        self._pressed: tuple[float, float] | None = None
        self._at: tuple[float, float] | None = None
        self.setMinimumSize(280, 180)
        self.setMouseTracking(True)
        self.setAccessibleName("Picture of the camera, with regions to ignore")

    def set_image(self, image: Image | None) -> None:
        self._image = image
        self._corners.clear()
        self._scale()
        self.update()

    def set_regions(self, regions: Sequence[Polygon]) -> None:
        self.regions = tuple(regions)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(420, 280)

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._scale()

    @override
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and self._image is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self._share(event.localPos())

    @override
    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self._at = self._share(event.localPos())
            self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self._pressed is None:
            return
        (x1, y1), (x2, y2) = self._pressed, self._share(event.localPos())
        self._pressed = None
        if abs(x2 - x1) > LEAST and abs(y2 - y1) > LEAST:
            self._corners.clear()
            self._tell(((x1, y1), (x2, y1), (x2, y2), (x1, y2)))
        elif len(self._corners) >= 3 and _near((x2, y2), self._corners[0]):
            self._close()
        else:
            self._corners.append((x2, y2))
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self._close()

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), BACKGROUND)
        if self._picture.isNull():
            painter.setPen(MUTED)
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "Test shows the first picture")
        else:
            painter.drawImage(self._target(), self._picture)
        shade = QColor(BAD)
        shade.setAlpha(70)
        painter.setPen(QPen(BAD, 2))
        painter.setBrush(shade)
        for region in self.regions:
            painter.drawPolygon(QPolygonF([self._place(corner) for corner in region]))
        painter.setPen(QPen(ACCENT, 2, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for line in self._lines():
            painter.drawPolyline(QPolygonF([self._place(corner) for corner in line]))
        painter.end()

    def _lines(self) -> list[list[tuple[float, float]]]:
        """What is being drawn."""
        if self._pressed is not None and self._at is not None:
            (x1, y1), (x2, y2) = self._pressed, self._at
            return [[(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]]
        return [[*self._corners, *([self._at] if self._at is not None else [])]] if self._corners else []

    def _close(self) -> None:
        corners, self._corners = self._corners, []
        if len(corners) >= 3:
            self._tell(tuple(corners))
        self.update()

    def _tell(self, corners: Polygon) -> None:
        self.drawn.emit(tuple((round(x, 4), round(y, 4)) for x, y in corners))

    def _target(self) -> QRectF:
        room = QRectF(self.rect())
        if self._image is None:
            return room
        rows, columns = self._image.shape[:2]
        return fitted(QSize(columns, rows), room)

    def _scale(self) -> None:
        if self._image is None:
            self._picture = QImage()
            return
        size = self._target().size() * self.devicePixelRatioF()
        self._picture = scaled_image(self._image, round(size.width()), round(size.height()))

    def _share(self, place: QPointF) -> tuple[float, float]:
        target = self._target()
        x = (place.x() - target.left()) / target.width()
        y = (place.y() - target.top()) / target.height()
        return min(1.0, max(0.0, x)), min(1.0, max(0.0, y))

    def _place(self, corner: tuple[float, float]) -> QPointF:
        target = self._target()
        return QPointF(target.left() + corner[0] * target.width(), target.top() + corner[1] * target.height())


def _near(corner: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(corner[0] - other[0]) < 2 * LEAST and abs(corner[1] - other[1]) < 2 * LEAST
