"""One camera of the footage: its picture at the time that is shown, with everybody's boxes and names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PyQt5.QtCore import QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.errors import environment_errors
from app.gui.boxes import draw_box
from app.gui.picture import fitted, scaled_image
from app.gui.playhead import Playhead
from app.gui.questions import Walk
from app.gui.style import ACCENT, BACKGROUND, GAP, MUTED, TEXT
from app.gui.words import in_window
from app.sources.stretch import Piece, Shot, Stream, reel
from app.times import hour, moment
from storage.history import Trajectory
from tracker.types import Floats, Image

HEADER = 26
NAMES_SHARE = 0.4
"""Of the width above the picture, what a camera's name may take before the time gives way."""
SLACK_S = 0.25
"""A box is drawn this long before the first point of its way and after the last."""
LAG_S = 1.0
"""Footage that is this much behind, in seconds of waiting, is begun anew from the time that is shown."""
MOST_ZOOM = 12.0


def box_at(way: Trajectory, time_s: float) -> Floats | None:
    """The box (4,) at a time, linear between two points; None where the person isn't there."""
    times = way.times
    if not len(times) or not times[0] - SLACK_S <= time_s <= times[-1] + SLACK_S:
        return None
    return np.array([np.interp(time_s, times, way.boxes[:, side]) for side in range(4)], np.float32)


class Screen(QWidget):
    """A camera's picture, or a sentence instead. The wheel zooms, a drag moves, a double click enlarges.

    *Signals*:
      double_clicked(): it is to be shown alone, or with the others again.
      picked(object): the Walk whose box was clicked.
      menu_asked(object, object): the Walk whose box was clicked with the right button, and where.
      marked(object): the part of the picture, (H, W, 3), round which a box was drawn.
    """

    double_clicked = pyqtSignal()
    picked = pyqtSignal(object)
    menu_asked = pyqtSignal(object, object)
    marked = pyqtSignal(object)

    def __init__(self, name: str, playhead: Playhead, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.shot: Shot | None = None
        self.message = ""
        self.marking = False
        self.away = False
        self.pieces: tuple[Piece, ...] = ()
        self._playhead = playhead
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="player")
        self._stream: Stream | None = None
        self._restarted = 0.0
        self._fresh = False
        self._walks: Sequence[Walk] = ()
        self._names: Mapping[int, str] = {}
        self._chosen: int | None = None
        self._picture = QImage()
        self._part = QRectF(0.0, 0.0, 1.0, 1.0)
        self._pressed: QPoint | None = None
        self._mark: QRectF | None = None
        self.setMinimumSize(160, 120)
        self.setMouseTracking(True)
        self.setAccessibleName(f"Footage of {name}")

    # The picture

    def restart(self) -> None:
        """Shows the picture of the time that is shown, and decodes on from there."""
        self.halt()
        self.message, self.away = "", False
        begin = self._playhead.now()
        self._restarted = time.monotonic()
        self._fresh = True
        shots = partial(reel, self.pieces, begin=begin, now=self._playhead.now)
        self._stream = Stream(self._pool, lambda stop: shots(stop=stop))

    def halt(self) -> None:
        """Ends the decoding; the picture stays."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def go_away(self, message: str) -> None:
        """The camera is not filmed at the time that is shown; `restart` brings it back."""
        self.blank(message)
        self.away = True

    def blank(self, message: str) -> None:
        """No picture, but a sentence."""
        self.halt()
        if self.message != message or self.shot is not None:
            self.shot, self.message, self._picture = None, message, QImage()
            self.update()

    def close_thread(self) -> None:
        self.halt()
        self._pool.shutdown(wait=True)

    def advance(self, now: float) -> bool:
        """Shows what is due; whether it is another picture."""
        stream = self._stream
        if stream is None:
            return False
        if stream.error is not None:
            self._fail(stream.error)
            return True
        shot = None
        while (peeked := stream.peek()) is not None and (self._fresh or peeked.time <= now):
            shot, self._fresh = stream.take(), False
        if shot is not None:
            self.shot, self.message = shot, ""
            self._scale()
            self.update()
        elif self._lags(stream, now):
            self.restart()
        elif stream.ended and self._fresh:
            self.blank("The video file holds no picture of this time.")
        return shot is not None

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._stream is None or not self._fresh

    @property
    def next_time(self) -> float | None:
        """The time of the next picture, where it is decoded already."""
        shot = None if self._stream is None else self._stream.peek()
        return None if shot is None else shot.time

    def _lags(self, stream: Stream, now: float) -> bool:
        waited = time.monotonic() - self._restarted > 2 * LAG_S
        behind = self.shot is not None and now - self.shot.time > LAG_S * max(1.0, self._playhead.speed)
        return waited and behind and stream.peek() is None

    def _fail(self, error: BaseException) -> None:
        self._stream = None
        if not isinstance(error, environment_errors()):
            raise error
        self.blank(in_window(str(error)))

    # What is drawn over it

    def set_walks(self, walks: Sequence[Walk], names: Mapping[int, str]) -> None:
        """Everybody's ways on this camera, and the names of who has one."""
        self._walks, self._names = walks, names
        self.update()

    def set_chosen(self, person: int | None) -> None:
        """Whose box stands out."""
        self._chosen = person
        self.update()

    def walk_at(self, place: QPointF) -> Walk | None:
        """Whose box is under a point; the smallest one where they overlap."""
        found = [
            (rect.width() * rect.height(), number, walk)
            for number, (rect, walk) in enumerate(self._boxes())
            if rect.contains(place)
        ]
        return min(found)[2] if found else None

    def drawn(self) -> QImage:
        """The whole picture at its own size, with boxes, camera and time; null where there is none."""
        if self.shot is None:
            return QImage()
        rows, columns = self.shot.image.shape[:2]
        image = scaled_image(self.shot.image, columns, rows)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(0, 0, columns, rows)
        for walk in self._walks:
            if (box := box_at(walk.way, self.shot.time)) is not None:
                x1, y1, x2, y2 = map(float, box)
                self._draw(painter, QRectF(x1, y1, x2 - x1, y2 - y1) & whole, walk, whole)
        told = f"{self.name}  {moment(self.shot.time)}"
        width = painter.fontMetrics().horizontalAdvance(told) + 16
        painter.fillRect(QRectF(0, rows - 22, width, 22), Qt.GlobalColor.black)
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(QPointF(8, rows - 7), told)
        painter.end()
        return image

    def reset_zoom(self) -> None:
        self._part = QRectF(0.0, 0.0, 1.0, 1.0)
        self._scale()
        self.update()

    @property
    def zoom(self) -> float:
        return 1.0 / self._part.width()

    @override
    def sizeHint(self) -> QSize:
        return QSize(480, 360)

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._scale()

    @override
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self._pressed = event.pos()
            marks = self.marking or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._mark = QRectF(event.localPos(), event.localPos()) if marks else None

    @override
    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        if self._pressed is None:
            over = self.walk_at(event.localPos()) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)
        elif self._mark is not None:
            self._mark.setBottomRight(event.localPos())
        elif self.zoom > 1.0:
            self._move(event.pos() - self._pressed)
            self._pressed = event.pos()
        self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        pressed, mark = self._pressed, self._mark
        self._pressed = self._mark = None
        self.update()
        if event is None or pressed is None:
            return
        walk = self.walk_at(event.localPos())
        if mark is not None and mark.normalized().width() > 8:
            self._tell_marked(mark.normalized())
        elif event.button() == Qt.MouseButton.RightButton:
            self.menu_asked.emit(walk, event.globalPos())
        elif walk is not None and (event.pos() - pressed).manhattanLength() < 6:
            self.picked.emit(walk)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.double_clicked.emit()

    @override
    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None and self.shot is not None:
            self._zoom_at(event.position(), 1.25 ** (event.angleDelta().y() / 120))

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), BACKGROUND)
        self._paint_header(painter)
        if not self._picture.isNull():
            target = self._target()
            painter.drawImage(target, self._picture)
            painter.setClipRect(target)
            for rect, walk in self._boxes():
                self._draw(painter, rect, walk, target)
            painter.setClipping(False)
        if self.message:
            painter.setPen(MUTED)
            room = self.rect().adjusted(24, HEADER, -24, -16)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self.message)
        if self._mark is not None:
            painter.setPen(QPen(ACCENT, 2, Qt.PenStyle.DashLine))
            painter.drawRect(self._mark.normalized())
        painter.end()

    def _paint_header(self, painter: QPainter) -> None:
        room, letters = QRectF(8, 0, self.width() - 16, HEADER), painter.fontMetrics()
        least = min(letters.horizontalAdvance(self.name), room.width() * NAMES_SHARE)
        told = self._time_told(lambda text: letters.horizontalAdvance(text) <= room.width() - least - GAP)
        painter.setPen(MUTED)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), told)
        room.setRight(room.right() - letters.horizontalAdvance(told) - GAP)
        painter.setPen(TEXT)
        name = letters.elidedText(self.name, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name)

    def _time_told(self, fits: Callable[[str], bool]) -> str:
        """When it was filmed, and how far it is zoomed in: as much of it as fits."""
        if self.shot is None:
            return ""
        zoom = f"  ·  {self.zoom:.1f}x" if self.zoom > 1.0 else ""
        time_s = self.shot.time
        texts = (f"{moment(time_s)}{zoom}", moment(time_s), f"{hour(time_s)}{zoom}", hour(time_s))
        return next(filter(fits, texts), "")

    def _draw(self, painter: QPainter, rect: QRectF, walk: Walk, within: QRectF) -> None:
        who = walk.sighting.person
        name = "unidentified" if who is None else self._names.get(who)
        strong = self._chosen is None or who == self._chosen
        painter.setOpacity(1.0 if strong else 0.55)
        draw_box(painter, rect, identity=who, name=name, within=within)
        painter.setOpacity(1.0)

    def _boxes(self) -> list[tuple[QRectF, Walk]]:
        """The people's boxes in this widget's pixels, the chosen person's last."""
        if self.shot is None:
            return []
        at = self.shot.time
        found = [(box_at(walk.way, at), walk) for walk in self._walks]
        boxes = [(self._on_screen(box), walk) for box, walk in found if box is not None]
        return sorted(boxes, key=lambda one: one[1].sighting.person == self._chosen)

    def _on_screen(self, box: Floats) -> QRectF:
        assert self.shot is not None
        rows, columns = self.shot.image.shape[:2]
        target, part = self._target(), self._part
        x1, y1, x2, y2 = (float(v) for v in box / np.array([columns, rows, columns, rows]))
        across, down = target.width() / part.width(), target.height() / part.height()
        left, top = target.left() + (x1 - part.left()) * across, target.top() + (y1 - part.top()) * down
        return QRectF(left, top, (x2 - x1) * across, (y2 - y1) * down)

    def _target(self) -> QRectF:
        room = QRectF(0, HEADER, self.width(), self.height() - HEADER)
        if self.shot is None:
            return room
        rows, columns = self.shot.image.shape[:2]
        return fitted(QSize(columns, rows), room)

    def _scale(self) -> None:
        if self.shot is None:
            return
        size = self._target().size() * self.devicePixelRatioF()
        self._picture = scaled_image(self._seen(), round(size.width()), round(size.height()))

    def _seen(self) -> Image:
        """The part of the picture that is shown."""
        assert self.shot is not None
        if self.zoom <= 1.0:
            return self.shot.image
        return _cut(self.shot.image, self._part)

    def _zoom_at(self, place: QPointF, factor: float) -> None:
        target, part = self._target(), self._part
        width = min(1.0, max(1.0 / MOST_ZOOM, part.width() / factor))
        x = (place.x() - target.left()) / target.width()
        y = (place.y() - target.top()) / target.height()
        left = part.left() + (part.width() - width) * x
        top = part.top() + (part.height() - width) * y
        self._show_part(left, top, width)

    def _move(self, by: QPoint) -> None:
        target, part = self._target(), self._part
        left = part.left() - by.x() / target.width() * part.width()
        self._show_part(left, part.top() - by.y() / target.height() * part.height(), part.width())

    def _show_part(self, left: float, top: float, width: float) -> None:
        room = 1.0 - width
        self._part = QRectF(min(max(0.0, left), room), min(max(0.0, top), room), width, width)
        self._scale()
        self.update()

    def _tell_marked(self, mark: QRectF) -> None:
        if self.shot is None:
            return
        target, part = self._target(), self._part
        mark = mark & target
        left = part.left() + (mark.left() - target.left()) / target.width() * part.width()
        top = part.top() + (mark.top() - target.top()) / target.height() * part.height()
        width = mark.width() / target.width() * part.width()
        height = mark.height() / target.height() * part.height()
        image = _cut(self.shot.image, QRectF(left, top, width, height))
        if min(image.shape[:2]) >= 8:
            self.marked.emit(image)


def _cut(image: Image, part: QRectF) -> Image:
    """A part of a picture; part: in shares of its width and height."""
    rows, columns = image.shape[:2]
    top, bottom = round(part.top() * rows), round(part.bottom() * rows)
    left, right = round(part.left() * columns), round(part.right() * columns)
    return np.ascontiguousarray(
        image[max(0, top) : max(top + 1, bottom), max(0, left) : max(left + 1, right)]
    )
