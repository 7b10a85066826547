"""One person: pictures, a timeline, and the visits to choose from."""

from __future__ import annotations

from PyQt5.QtCore import QModelIndex, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from PyQt5.QtWidgets import QFrame, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from typing_extensions import override

from app.gui.cards import CARD_ROLE, VisitDelegate
from app.gui.compared_view import ComparedView, paint_picture, width_of
from app.gui.questions import Details, Visit
from app.gui.style import GAP
from app.gui.timeline import Timeline
from app.gui.words import count, day, duration, person_title
from storage.history import SightingRow

ROOM_FOR_PICTURES = 380


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


class PersonPanel(QFrame):
    """A person's sightings by time.

    *Signals*:
      play(object): the SightingRow the user wants to see.
    """

    play = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.details: Details | None = None
        self._title = QLabel("")
        self._title.setObjectName("title")
        self._facts = QLabel("")
        self._facts.setObjectName("muted")
        self._facts.setWordWrap(True)
        self._pictures = PictureStrip()
        self.compared = ComparedView()
        self.timeline = Timeline()
        self.visits = QListWidget()
        self.visits.setItemDelegate(VisitDelegate(self.visits))
        self.visits.setUniformItemSizes(True)
        self.visits.setMouseTracking(True)
        self.visits.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.visits.setAccessibleName("Sightings")
        self._lay_out()
        self.timeline.chosen.connect(self.play)
        self.visits.clicked.connect(self._play)
        self.visits.activated.connect(self._play)
        self.visits.currentRowChanged.connect(self._compare)
        self.timeline.chosen.connect(self._choose)
        self.show_person(None)

    def show_person(self, details: Details | None) -> None:
        """Shows a person, or how to choose one."""
        changed = self.details is None or details is None or details.person.id != self.details.person.id
        self.details = details
        self.timeline.setVisible(details is not None)
        self.visits.setVisible(details is not None)
        if details is None:
            self._title.setText("Sightings")
            self._facts.setText(
                "Choose a person to see where and when they were; click a sighting to play it."
            )
            self._pictures.set_pictures(())
            self.compared.show_visit(None)
            self._make_room()
            return
        self._title.setText(person_title(details.person.id, details.person.name))
        self._facts.setText(_facts(details))
        self._pictures.set_pictures(details.pictures)
        self._make_room()
        self.timeline.set_sightings([visit.sighting for visit in details.visits])
        self._fill(details, from_top=changed)
        self._compare(self.visits.currentRow())

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._make_room()

    def _make_room(self) -> None:
        """The pictures give way to the sightings where the panel is low, and to those that were compared."""
        room = self.details is not None and self.height() >= ROOM_FOR_PICTURES
        self._pictures.setVisible(room and not self.compared.filled)
        self.compared.setVisible(room and self.compared.filled)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP + 4, GAP + 2, GAP, GAP)
        layout.setSpacing(GAP)
        for part in (self._title, self._facts, self._pictures, self.compared, self.timeline):
            layout.addWidget(part)
        layout.addWidget(self.visits, 1)
        layout.addStretch()

    def _fill(self, details: Details, *, from_top: bool) -> None:
        """The list's rows; those that stay are kept, so that the selection and the scroll position are."""
        if from_top:
            self.visits.clear()
        while self.visits.count() > len(details.visits):
            self.visits.takeItem(self.visits.count() - 1)
        while self.visits.count() < len(details.visits):
            self.visits.addItem(QListWidgetItem())
        for number, visit in enumerate(details.visits):
            item = self.visits.item(number)
            if item is not None and item.data(CARD_ROLE) != visit:
                item.setData(CARD_ROLE, visit)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, visit.sighting.camera)
                item.setToolTip(f"{why(visit.sighting)}\nClick to play")

    def _compare(self, row: int) -> None:
        """Shows by which pictures the chosen visit was decided."""
        visits = () if self.details is None else self.details.visits
        self.compared.show_visit(visits[row] if 0 <= row < len(visits) else None)
        self._make_room()

    def _choose(self, sighting: SightingRow) -> None:
        """What is chosen on the timeline is chosen in the list, too."""
        for row, visit in enumerate(() if self.details is None else self.details.visits):
            if visit.sighting.id == sighting.id:
                self.visits.setCurrentRow(row)

    def _play(self, index: QModelIndex) -> None:
        visit = index.data(CARD_ROLE)
        if isinstance(visit, Visit):
            self.play.emit(visit.sighting)


def why(row: SightingRow) -> str:
    """What speaks for the identity of a sighting, and what against it."""
    evidence = row.evidence
    if evidence is None or evidence.distance is None:
        return f"{row.probability:.0%} sure"
    parts = [
        f"{row.probability:.0%} sure: distance {evidence.distance:.2f}",
        count(evidence.crops, "picture") + " compared",
    ]
    if evidence.runner_up is not None and evidence.runner_up_distance is not None:
        parts.append(f"next is person {evidence.runner_up} at {evidence.runner_up_distance:.2f}")
    return ", ".join(parts)


def _facts(details: Details) -> str:
    person = details.person
    visits, cameras = count(person.sightings, "visit"), count(len(person.cameras), "camera")
    parts = [f"{visits} on {cameras}", duration(person.seconds), day(person.first)]
    return "  ·  ".join(filter(None, parts))
