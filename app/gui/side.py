"""One of two people, or a sighting, large enough to be judged: pictures, where and when."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QRectF, QSize, Qt
from PyQt5.QtGui import QImage, QPainter, QPaintEvent
from PyQt5.QtWidgets import QFrame, QVBoxLayout, QWidget
from typing_extensions import override

from app.gui.picture import fitted
from app.gui.questions import Portrayed
from app.gui.style import BACKGROUND, GAP, MUTED, identity_colour
from app.gui.text import Label, Line
from app.gui.words import count, person_title, short
from app.history.telling import duration
from app.times import span
from storage.history import SightingRow


class PictureWall(QWidget):
    """The first picture as large as fits, the others small under it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures: tuple[QImage, ...] = ()
        self.words = ""
        self.setMinimumSize(160, 160)

    def set_pictures(self, pictures: Sequence[QImage], *, words: str = "No picture is kept") -> None:
        """words: where there are none."""
        self.pictures, self.words = tuple(pictures), words
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, 420)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), BACKGROUND)
        if not self.pictures:
            painter.setPen(MUTED)
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.words)
        else:
            foot = 0.24 * self.height() if len(self.pictures) > 1 else 0.0
            room = QRectF(0, 0, self.width(), self.height() - foot)
            painter.drawImage(fitted(self.pictures[0].size(), room), self.pictures[0])
            self._paint_small(painter, foot - 4)
        painter.end()

    def _paint_small(self, painter: QPainter, height: float) -> None:
        widths = [height * one.width() / max(1, one.height()) for one in self.pictures[1:]]
        while widths and sum(widths) + 4 * len(widths) > self.width():
            widths.pop()
        left = (self.width() - sum(widths) - 4 * max(0, len(widths) - 1)) / 2
        for picture, width in zip(self.pictures[1:], widths, strict=False):
            painter.drawImage(QRectF(left, self.height() - height, width, height), picture)
            left += width + 4


class Side(QFrame):
    """Who it is, in words and pictures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.title = Line(kind="title")
        self.facts = Label(kind="muted", wrap=True)
        self.wall = PictureWall()
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP)
        layout.addWidget(self.title)
        layout.addWidget(self.wall, 1)
        layout.addWidget(self.facts)

    def show_person(self, shown: Portrayed) -> None:
        person = shown.person
        named = f"  #{person.id}" if person.name else ""
        self._set_title(f"{person_title(person.id, person.name)}{named}", person.id)
        lines = [
            f"{count(person.sightings, 'sighting')} on {', '.join(map(short, person.cameras))}",
            f"{span(person.first, person.last)}  ·  {duration(person.seconds)} in view",
        ]
        self.facts.setText("\n".join(lines))
        self.wall.set_pictures(shown.pictures)

    def show_sighting(self, sighting: SightingRow, pictures: Sequence[QImage]) -> None:
        self._set_title(f"Sighting {sighting.id}", sighting.person)
        lines = [short(sighting.camera), span(sighting.start, sighting.end)]
        self.facts.setText("\n".join(lines))
        self.wall.set_pictures(pictures)

    def show_nobody(self, title: str, told: str = "") -> None:
        self._set_title(title, None)
        self.facts.setText(told)
        self.wall.set_pictures((), words="")

    def _set_title(self, text: str, identity: int | None) -> None:
        self.title.setText(text)
        self.title.setStyleSheet(
            f"border-left: 4px solid {identity_colour(identity).name()}; padding-left: 8px;"
        )
