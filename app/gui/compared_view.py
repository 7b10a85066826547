"""The two pictures by which a sighting was decided, side by side, and what spoke for it."""

from __future__ import annotations

from PyQt5.QtCore import QLineF, QRectF, QSize, Qt
from PyQt5.QtGui import QFont, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.gui.questions import Evidence
from app.gui.style import GAP, MUTED, TEXT, identity_colour
from app.gui.text import set_tip
from app.gui.words import short
from app.history.why import TERMS_EXPLAINED
from app.times import moment


class ComparedView(QWidget):
    """A sighting's picture and the one it was compared with."""

    HEIGHT = 112

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[str] = []
        self._evidence: Evidence | None = None
        self.setFixedHeight(self.HEIGHT)
        self.setAccessibleName("Compared pictures")

    @property
    def filled(self) -> bool:
        """Whether there is something to show."""
        return self._evidence is not None

    def show_evidence(self, evidence: Evidence | None) -> None:
        """Shows what a sighting was decided by; nothing where it was not noted."""
        self._evidence = evidence if evidence is not None and evidence.own is not None else None
        self.lines = [] if self._evidence is None else lines_of(self._evidence)
        self.setAccessibleDescription(", ".join(self.lines))
        set_tip(self, "\n".join([*self.lines, TERMS_EXPLAINED] if self.lines else []))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, self.HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        shown = self._evidence
        if shown is None or shown.own is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        left = paint_picture(painter, shown.own, 0.0, self.HEIGHT)
        if shown.nearest is not None:
            painter.setPen(QPen(identity_colour(shown.sighting.person), 2))
            for line in _sign(left, self.HEIGHT / 2, same=is_same(shown)):
                painter.drawLine(line)
            left = paint_picture(painter, shown.nearest, left + GAP, self.HEIGHT)
        self._paint_lines(painter, QRectF(left + GAP, 0, self.width() - left - GAP, self.HEIGHT))
        painter.end()

    def _paint_lines(self, painter: QPainter, room: QRectF) -> None:
        """As many of the sentences as there is room for, what decided first."""
        small = QFont(painter.font())
        small.setPointSizeF(small.pointSizeF() - 1.5)
        painter.setFont(small)
        wrap = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop)
        for number, line in enumerate(self.lines):
            taken = painter.boundingRect(room, wrap, line)
            if taken.height() > room.height():
                return
            painter.setPen(TEXT if number == 0 else MUTED)
            painter.drawText(room, wrap, line)
            room.setTop(taken.bottom() + 1)


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


def _sign(middle: float, height: float, *, same: bool) -> list[QLineF]:
    """An equals sign, or one that is struck through."""
    bars = [QLineF(middle - GAP + 2, height + dy, middle + GAP - 2, height + dy) for dy in (-3, 3)]
    return bars if same else [*bars, QLineF(middle - 4, height + 8, middle + 4, height - 8)]


def is_same(evidence: Evidence) -> bool:
    """Whether the picture that was compared is of the person whom the sighting was given to."""
    return evidence.nearest_of is not None and evidence.nearest_of.person == evidence.sighting.person


def lines_of(evidence: Evidence) -> list[str]:
    """What is said beside the pictures: what decided it first, then what was compared, then who else it could
    have been.
    """
    near = evidence.nearest_of
    told = [sentence[:1].upper() + sentence[1:] for sentence in evidence.told]
    compared = [] if near is None else [f"Compared with {short(near.camera)}, {moment(near.time)}"]
    return [*told[:1], *compared, *told[1:]]
