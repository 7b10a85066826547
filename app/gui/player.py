"""Plays a sighting: the stretch of its footage, with the box."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PyQt5.QtCore import QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from app.errors import environment_errors
from app.gui.boxes import draw_box
from app.gui.icons import close_icon, pause_icon, play_icon
from app.gui.picture import fitted, scaled_image
from app.gui.questions import Clip
from app.gui.stretch import Shot, Stream, stretch
from app.gui.style import BACKGROUND, GAP, MUTED
from app.gui.words import clock, person_title, span
from app.sources.detections import holds_detections
from app.sources.names import is_file_uri, path_of
from storage.history import Trajectory
from tracker.types import Floats

MARGIN_S = 1.0
"""Shown before and after the sighting."""
TICK_MS = 15
SLACK_S = 0.25
"""A box is drawn this long before the trajectory's first point and after its last."""


def box_at(trajectory: Trajectory, time_s: float) -> Floats | None:
    """The box (4,) at a time, linear between two points; None where the person isn't there."""
    times = trajectory.times
    if not len(times) or not times[0] - SLACK_S <= time_s <= times[-1] + SLACK_S:
        return None
    return np.array([np.interp(time_s, times, trajectory.boxes[:, side]) for side in range(4)], np.float32)


class Canvas(QWidget):
    """A picture with one person's box, or a sentence instead.

    *Signals*:
      clicked(): anywhere.
    """

    clicked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shot: Shot | None = None
        self.message = ""
        self._clip: Clip | None = None
        self._picture = QImage()
        self.setMinimumSize(240, 160)

    def set_clip(self, clip: Clip | None) -> None:
        self._clip = clip
        self.shot = None
        self.message = ""
        self._picture = QImage()
        self.update()

    def set_shot(self, shot: Shot) -> None:
        self.shot = shot
        self._scale()
        self.update()

    def set_message(self, message: str) -> None:
        self.message = message
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(640, 360)

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._scale()

    @override
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.clicked.emit()

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), BACKGROUND)
        if not self._picture.isNull():
            painter.drawImage(self._target(), self._picture)
            self._paint_box(painter)
        if self.message:
            painter.setPen(MUTED)
            room = self.rect().adjusted(24, 16, -24, -16)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self.message)
        painter.end()

    def _target(self) -> QRectF:
        if self.shot is None:
            return QRectF(self.rect())
        rows, columns = self.shot.image.shape[:2]
        return fitted(QSize(columns, rows), QRectF(self.rect()))

    def _scale(self) -> None:
        if self.shot is not None:
            size = self._target().size() * self.devicePixelRatioF()
            self._picture = scaled_image(self.shot.image, round(size.width()), round(size.height()))

    def _paint_box(self, painter: QPainter) -> None:
        if self.shot is None or self._clip is None:
            return
        box = box_at(self._clip.trajectory, self.shot.time)
        if box is None:
            return
        target = self._target()
        scale = target.width() / self.shot.image.shape[1]
        x1, y1, x2, y2 = (float(v) * scale for v in box)
        rect = QRectF(x1, y1, x2 - x1, y2 - y1).translated(target.topLeft())
        person = self._clip.person
        name = None if person is None else person.name
        draw_box(painter, rect, identity=self._clip.sighting.person, name=name, within=target)


class Player(QFrame):
    """A pane that plays one sighting in a loop.

    *Signals*:
      closed(): the user is done with it.
    """

    closed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.canvas = Canvas()
        self.playing = False
        self.shown = 0
        self._clip: Clip | None = None
        self._stream: Stream | None = None
        self._begin, self._end = 0.0, 1.0
        self._clock: tuple[float, float] | None = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="player")
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._title = QLabel("")
        self._title.setObjectName("title")
        self._about = QLabel("")
        self._about.setObjectName("muted")
        self._time = QLabel("")
        self._time.setObjectName("muted")
        self.button = _flat_button("Play or pause (Space)")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Position")
        self._close = _flat_button("Close (Esc)")
        self._close.setIcon(close_icon())
        self._lay_out()
        self.button.clicked.connect(self.toggle)
        self.canvas.clicked.connect(self.toggle)
        self.slider.sliderMoved.connect(self._seek)
        self._close.clicked.connect(self.closed)

    @property
    def clip(self) -> Clip | None:
        """What is being played."""
        return self._clip

    def play(self, clip: Clip) -> None:
        """Plays a sighting from its beginning, over and over."""
        self.close_clip()
        self._clip = clip
        row, footage = clip.sighting, clip.footage
        self._begin = max(footage.start, row.start - MARGIN_S)
        self._end = row.end + MARGIN_S
        name = None if clip.person is None else clip.person.name
        self._title.setText(person_title(row.person, name))
        self._about.setText(f"{row.camera}  ·  {span(row.start, row.end)}")
        self.canvas.set_clip(clip)
        self.slider.setRange(0, max(1, round((self._end - self._begin) * 1000)))
        missing = _no_video(footage.uri)
        self._enable(not missing)
        if missing:
            self.canvas.set_message(missing)
            return
        self._show_position(self._begin)
        self._restart(self._begin)
        self._set_playing(True)
        self._timer.start()

    def toggle(self) -> None:
        """Play becomes pause, and back."""
        if self._stream is not None:
            self._set_playing(not self.playing)

    def close_clip(self) -> None:
        """Ends the playing and lets go of the file."""
        self._halt()
        self._clip = None
        self.canvas.set_clip(None)

    def close_thread(self) -> None:
        """Ends the playing for good, and waits for the thread."""
        self.close_clip()
        self._pool.shutdown(wait=True)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GAP)
        for label in (self._title, self._about):
            head.addWidget(label)
        head.addStretch()
        head.addWidget(self._close)
        foot = QHBoxLayout()
        foot.setSpacing(GAP)
        foot.addWidget(self.button)
        foot.addWidget(self.slider, 1)
        foot.addWidget(self._time)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP + 4, GAP, GAP, GAP)
        layout.setSpacing(GAP)
        layout.addLayout(head)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(foot)

    def _enable(self, on: bool) -> None:
        for part in (self.button, self.slider, self._time):
            part.setEnabled(on)

    def _set_playing(self, playing: bool) -> None:
        self.playing = playing
        self._clock = None
        self.button.setIcon(pause_icon() if playing else play_icon())

    def _restart(self, begin: float) -> None:
        """Decodes anew from a time on."""
        if self._stream is not None:
            self._stream.close()
        if self._clip is None:
            return
        footage = self._clip.footage
        path = path_of(footage.uri)
        end = self._end
        self._stream = Stream(
            self._pool,
            lambda stop: stretch(path, start=footage.start, begin=begin, end=end, stop=stop),
        )
        self._clock = None

    def _halt(self) -> None:
        self._timer.stop()
        self._set_playing(False)
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def _seek(self, position: int) -> None:
        self.canvas.shot = None
        self._restart(self._begin + position / 1000)

    def _tick(self) -> None:
        """Shows the next frame once it is due; begins again after the last."""
        stream = self._stream
        if stream is None:
            return
        if stream.error is not None:
            self._fail(stream.error)
            return
        shot = stream.peek()
        if shot is not None and self._due(shot):
            self._show(stream.take())
        elif shot is None and stream.ended:
            self._again()

    def _again(self) -> None:
        if self.canvas.shot is None:
            self.canvas.set_message("The video file holds no picture of this time.")
            self._halt()
        elif self.playing:
            self._restart(self._begin)

    def _due(self, shot: Shot) -> bool:
        """Whether to show it now: by the clock while playing, at once where nothing is shown yet."""
        if self.canvas.shot is None:
            return True
        if not self.playing:
            return False
        now = time.monotonic()
        if self._clock is None:
            self._clock = (now, shot.time)
        began, first = self._clock
        return now - began >= shot.time - first

    def _show(self, shot: Shot) -> None:
        self.shown += 1
        self.canvas.set_shot(shot)
        self._show_position(shot.time)

    def _show_position(self, at: float) -> None:
        if not self.slider.isSliderDown():
            self.slider.setValue(round((at - self._begin) * 1000))
        self._time.setText(f"{clock(at - self._begin)} / {clock(self._end - self._begin)}")

    def _fail(self, error: BaseException) -> None:
        self._halt()
        self._enable(False)
        if not isinstance(error, environment_errors()):
            raise error
        self.canvas.set_message(str(error))


def _no_video(uri: str) -> str:
    """Why there is no video of what was seen there; "" where there may be one."""
    if not is_file_uri(uri):
        return "This was seen on a live stream, of which no video is kept."
    if holds_detections(path_of(uri)):
        return "Of this only what was detected is at hand, and no picture."
    return "This was seen in single pictures, which are not played." if path_of(uri).is_dir() else ""


def _flat_button(tip: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName("flat")
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button
