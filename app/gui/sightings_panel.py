"""Sightings: of one person with pictures and a timeline, or of everybody."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QSize,
    Qt,
    QTimer,
    pyqtSignal,
)
from PyQt5.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListView,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from app.gui.cards import ROW_ROLE, SightingDelegate
from app.gui.compared_view import ComparedView, paint_picture, width_of
from app.gui.faces import Faces
from app.gui.questions import Asked, Evidence, Sightings
from app.gui.rows import SIGHTINGS_MIME, RowsModel
from app.gui.style import GAP
from app.gui.text import Label, Line, set_tip
from app.gui.timeline import Timeline
from app.gui.words import count, person_title
from app.history.telling import duration
from app.times import span
from storage.history import PersonRow, SightingRow

ROOM_FOR_PICTURES, ROOM_FOR_TIMELINE = 300, 560
"""How high the panel must be, in pixels, for them to be shown beside the list."""


class PictureStrip(QWidget):
    """A person's best pictures, side by side, as many as there is room for."""

    HEIGHT = 96

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures: tuple[QImage, ...] = ()
        self.setFixedHeight(self.HEIGHT)
        self.setAccessibleName("Pictures")

    def set_pictures(self, pictures: tuple[QImage, ...]) -> None:
        self._pictures = pictures
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, self.HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        left = 0.0
        for picture in self._pictures:
            if left + width_of(picture, self.HEIGHT) > self.width():
                break
            left = paint_picture(painter, picture, left, self.HEIGHT)
        painter.end()


class SightingsModel(RowsModel[SightingRow]):
    """Sightings, the first at the top where one person's are shown, else the last; earlier ones on request.

    *Signals*:
      wanted(object): the SightingRow before which more are to be fetched.
    """

    wanted = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(SIGHTINGS_MIME, lambda row: f"{row.camera}, {span(row.start, row.end)}", parent)
        self.more = False
        self._fetching = False

    @override
    def canFetchMore(self, parent: QModelIndex) -> bool:
        return self.more and not self._fetching and bool(self.rows)

    @override
    def fetchMore(self, parent: QModelIndex) -> None:
        self._fetching = True
        self.wanted.emit(self.rows[-1])

    def set_rows(self, rows: list[SightingRow], *, more: bool) -> None:
        """The last sighting first."""
        self._fetching, self.more = False, more
        self.replace(rows)

    def add_earlier(self, rows: list[SightingRow], *, more: bool) -> None:
        """Below those that are there."""
        self._fetching, self.more = False, more
        known = {row.id for row in self.rows}
        rows = [row for row in rows if row.id not in known]
        if rows:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(rows) - 1)
            self.rows += rows
            self.endInsertRows()


class SightingsPanel(QFrame):
    """Sightings by time, the last first.

    *Signals*:
      play(object): the SightingRow the user wants to see.
      chosen(object): the SightingRow of the row chosen, or None.
      wanted(object): the SightingRow before which more are to be fetched.
    """

    play = pyqtSignal(object)
    chosen = pyqtSignal(object)
    wanted = pyqtSignal(object)

    def __init__(self, faces: Faces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.asked: Asked | None = None
        self.person: PersonRow | None = None
        self.model = SightingsModel(self)
        self.list = QListView()
        self.delegate = SightingDelegate(faces, self.list)
        self._title = Line(kind="title")
        self.correct = QToolButton()
        self.correct.setText("Correct")
        self.correct.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._facts = Label(kind="muted", wrap=True)
        self._facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._pictures = PictureStrip()
        self.compared = ComparedView()
        self.timeline = Timeline()
        self._set_up_list()
        self._lay_out()
        faces.changed.connect(self._repaint)
        self.model.wanted.connect(self.wanted)
        self.timeline.chosen.connect(self.play)
        self.timeline.chosen.connect(self.choose)
        self.list.doubleClicked.connect(self._play)
        self.list.activated.connect(self._play)
        selection = self.list.selectionModel()
        if selection is not None:
            selection.currentChanged.connect(self._take_current)
        self.clear()

    @property
    def current(self) -> SightingRow | None:
        """The sighting chosen."""
        row = self.list.currentIndex().data(ROW_ROLE)
        return row if isinstance(row, SightingRow) else None

    @property
    def selected(self) -> list[SightingRow]:
        """All that are selected, by start."""
        rows = [index.data(ROW_ROLE) for index in self.list.selectedIndexes()]
        return sorted(rows, key=lambda row: (row.start, row.id))

    def clear(self) -> None:
        """Another history: nothing is known."""
        self.asked = self.person = None
        self.model.set_rows([], more=False)
        self.timeline.set_sightings(())
        self._title.setText("Sightings")
        self._facts.setText("")
        self._pictures.set_pictures(())
        self.compared.show_evidence(None)
        self._make_room()

    def show_sightings(self, answer: Sightings, names: dict[int, str]) -> None:
        """What was asked for; what was chosen stays so, and the list where it was."""
        if answer.earlier:
            if answer.asked == self.asked:
                self.model.add_earlier(list(answer.rows[::-1]), more=answer.more)
            return
        same, current = answer.asked == self.asked, self.current
        self.asked, self.person = answer.asked, answer.person
        self.delegate.names = names if answer.person is None else None
        self._fill(answer, keep=same)
        self._title.setText(_title(answer))
        self._facts.setText(_facts(answer))
        set_tip(self._facts, _facts(answer))
        self._pictures.set_pictures(answer.pictures)
        self.timeline.set_sightings(answer.rows if answer.person is not None else ())
        if current is not None and same:
            self.choose(current)
        if self.current is None:
            self.chosen.emit(None)
            self.compared.show_evidence(None)
        self._make_room()

    def show_evidence(self, evidence: Evidence) -> None:
        """Why the chosen sighting was given to whom."""
        if self.current is not None and evidence.sighting.id == self.current.id:
            self.compared.show_evidence(evidence)
            self._make_room()
            QTimer.singleShot(0, self._keep_in_sight)

    def _keep_in_sight(self) -> None:
        self.list.scrollTo(self.list.currentIndex())

    def choose(self, sighting: SightingRow) -> None:
        """Chooses a sighting, where it is in the list."""
        row = next((n for n, one in enumerate(self.model.rows) if one.id == sighting.id), None)
        selection = self.list.selectionModel()
        if row is not None and selection is not None:
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            selection.setCurrentIndex(self.model.index(row), flag)
            self.list.scrollTo(self.model.index(row))

    @override
    def minimumSizeHint(self) -> QSize:
        """Without what gives way where it is low."""
        return QSize(220, 2 * SightingDelegate.HEIGHT + 48)

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._make_room()

    def _fill(self, answer: Sightings, *, keep: bool) -> None:
        """keep: earlier ones that were fetched before stay, where these are the last of the same."""
        rows, more = list(answer.rows[::-1]), answer.more
        if keep and answer.more and len(self.model.rows) > len(rows):
            first = answer.rows[0]
            before = [row for row in self.model.rows if (row.start, row.id) < (first.start, first.id)]
            rows, more = rows + before, self.model.more
        self.model.set_rows(rows, more=more)
        if not keep:
            self.list.scrollToTop()

    def _make_room(self) -> None:
        """The pictures give way to the sightings where the panel is low, and to those that were compared."""
        room = self.height() >= ROOM_FOR_PICTURES
        self._pictures.setVisible(room and self.person is not None and not self.compared.filled)
        self.compared.setVisible(room and self.compared.filled)
        self.timeline.setVisible(self.person is not None and self.height() >= ROOM_FOR_TIMELINE)

    def _set_up_list(self) -> None:
        self.list.setModel(self.model)
        self.list.setItemDelegate(self.delegate)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setMinimumHeight(SightingDelegate.HEIGHT)
        self.list.setAccessibleName("Sightings")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.correct)
        layout = QVBoxLayout(self)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)  # pictures give way
        layout.setContentsMargins(GAP + 4, GAP + 2, GAP, GAP)
        layout.setSpacing(GAP)
        layout.addLayout(head)
        for part in (self._facts, self._pictures, self.compared, self.timeline):
            layout.addWidget(part)
        layout.addWidget(self.list, 1)

    def _take_current(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        self.chosen.emit(row if isinstance(row, SightingRow) else None)

    def _play(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, SightingRow):
            self.play.emit(row)

    def _repaint(self) -> None:
        viewport = self.list.viewport()
        if viewport is not None:
            viewport.update()


def _title(answer: Sightings) -> str:
    if answer.person is not None:
        title = person_title(answer.person.id, answer.person.name)
        return f"{title}  #{answer.person.id}" if answer.person.name else title
    if answer.asked.unidentified:
        return "Unidentified sightings"
    return "Unsure sightings" if answer.asked.unsure else "Sightings"


def _facts(answer: Sightings) -> str:
    person = answer.person
    if person is None:
        more = "the last " if answer.more else ""
        return f"{more}{count(len(answer.rows), 'sighting')}; a double click plays one"
    sightings, cameras = count(person.sightings, "sighting"), count(len(person.cameras), "camera")
    shown = f"{len(answer.rows):,} shown" if len(answer.rows) != person.sightings else ""
    parts = [f"{sightings}, {cameras}", duration(person.seconds), shown]
    return "  ·  ".join(filter(None, parts)) + f"\n{span(person.first, person.last)}"


def of_one(rows: Sequence[SightingRow]) -> int | None:
    """The person whose they all are; None where they are several people's, or nobody's."""
    people = {row.person for row in rows}
    return people.pop() if len(people) == 1 else None
