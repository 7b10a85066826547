"""How the lists' rows look: a person, a sighting."""

from __future__ import annotations

from PyQt5.QtCore import QModelIndex, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen
from PyQt5.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem
from typing_extensions import override

from app.gui.faces import Faces
from app.gui.style import ACCENT, BACKGROUND, HOVER, MUTED, RAISED, TEXT, WARNING, identity_colour, mixed
from app.gui.words import count, person_title
from app.history.telling import duration
from app.history.why import percent
from app.times import moment, span
from storage.history import PersonRow, SightingRow

ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""Under which a row's PersonRow or SightingRow is kept."""


UNSURE_BELOW = 0.95
"""A match under this is written in the warning colour, as the terminal calls it unsure."""


class PersonDelegate(QStyledItemDelegate):
    """A person: picture, name and number, cameras in order of the first sighting, last seen, time in view."""

    HEIGHT = 84

    def __init__(self, faces: Faces, parent: QStyledItemDelegate | None = None) -> None:
        super().__init__(parent)
        self._faces = faces

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(220, self.HEIGHT)

    @override
    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        person = index.data(ROW_ROLE)
        if painter is None or not isinstance(person, PersonRow):
            return
        painter.save()
        room = _paint_ground(painter, option, identity_colour(person.id))
        picture = self._faces.image(("person", person.id))
        text = _paint_picture(painter, room, picture, 48)
        lines = [
            " → ".join(person.cameras),
            f"Last seen {moment(person.last)}",
            f"{count(person.sightings, 'sighting')}, {duration(person.seconds)} in view",
        ]
        title = person_title(person.id, person.name)
        _paint_text(painter, text, title, lines, aside=f"#{person.id}" if person.name else "")
        painter.restore()


class SightingDelegate(QStyledItemDelegate):
    """A sighting: picture, camera, time, how long, number, and how sure it is whose."""

    HEIGHT = 64

    def __init__(self, faces: Faces, parent: QStyledItemDelegate | None = None) -> None:
        super().__init__(parent)
        self._faces = faces
        self.names: dict[int, str] | None = None

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(220, self.HEIGHT)

    @override
    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if painter is None or not isinstance(row, SightingRow):
            return
        painter.save()
        room = _paint_ground(painter, option, identity_colour(row.person))
        text = _paint_picture(painter, room, self._faces.image(("sighting", row.id)), 36)
        lines = [
            f"{span(row.start, row.end)}  ·  {duration(row.end - row.start)}",
            f"Sighting {row.id}{self._whose(row)}",
        ]
        unsure = row.person is None or row.probability < UNSURE_BELOW
        aside = "unidentified" if row.person is None else percent(row.probability)
        _paint_text(painter, text, row.camera, lines, aside=aside, aside_colour=WARNING if unsure else MUTED)
        painter.restore()

    def _whose(self, row: SightingRow) -> str:
        """Whose it is, where the list holds everybody's."""
        if self.names is None or row.person is None:
            return ""
        return f"  ·  {person_title(row.person, self.names.get(row.person))}"


def _paint_ground(painter: QPainter, option: QStyleOptionViewItem, colour: QColor) -> QRectF:
    """The row's ground and the identity's colour at its left; the room that is left."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    room = QRectF(option.rect).adjusted(0, 2, -4, -2)
    ground = RAISED
    painter.setPen(Qt.PenStyle.NoPen)
    if option.state & QStyle.StateFlag.State_Selected:
        ground = mixed(ACCENT, RAISED, 0.15)
        painter.setPen(QPen(ACCENT, 1))
    elif option.state & QStyle.StateFlag.State_MouseOver:
        ground = HOVER
    painter.setBrush(ground)
    painter.drawRoundedRect(room.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(room.left() + 4, room.top() + 8, 4, room.height() - 16), 2, 2)
    return room.adjusted(14, 6, -10, -6)


def _paint_picture(painter: QPainter, room: QRectF, picture: QImage | None, width: int) -> QRectF:
    """The picture, cropped to fill its frame; the room right of it."""
    frame = QRectF(room.left(), room.top(), width, room.height())
    path = QPainterPath()
    path.addRoundedRect(frame, 4, 4)
    painter.fillPath(path, BACKGROUND)
    if picture is not None and not picture.isNull():
        painter.save()
        painter.setClipPath(path)
        size = picture.size().scaled(frame.size().toSize(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        # People stand upright: what is too high is cut off below, not at the head.
        left = frame.center().x() - size.width() / 2
        painter.drawImage(QRectF(left, frame.top(), size.width(), size.height()), picture)
        painter.restore()
    return room.adjusted(width + 12, 0, 0, 0)


def _paint_text(
    painter: QPainter,
    room: QRectF,
    title: str,
    lines: list[str],
    *,
    aside: str = "",
    aside_colour: QColor = MUTED,
) -> None:
    """A bold title with a word at its right, and smaller lines under it, spread over the height."""
    bold = QFont(painter.font())
    bold.setWeight(QFont.Weight.DemiBold)
    small = QFont(painter.font())
    small.setPointSizeF(small.pointSizeF() - 1)
    step = room.height() / (len(lines) + 1)
    row = QRectF(room.left(), room.top(), room.width(), step)
    painter.setFont(small)
    painter.setPen(aside_colour)
    painter.drawText(row, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), aside)
    aside_width = painter.fontMetrics().horizontalAdvance(aside)
    painter.setFont(bold)
    painter.setPen(TEXT)
    title = painter.fontMetrics().elidedText(
        title, Qt.TextElideMode.ElideRight, int(row.width() - aside_width - 8)
    )
    painter.drawText(row, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), title)
    painter.setFont(small)
    painter.setPen(MUTED)
    for line in lines:
        row.translate(0, step)
        line = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, int(row.width()))
        painter.drawText(row, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), line)
