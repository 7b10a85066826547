"""Everybody who is known, with a picture, to be filtered, chosen from and corrected."""

from __future__ import annotations

from PyQt5.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    Qt,
    pyqtSignal,
)
from PyQt5.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeySequence
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QShortcut,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from app.gui.cards import ROW_ROLE, PersonDelegate
from app.gui.faces import Faces
from app.gui.filters import Filter, FilterBar
from app.gui.questions import Everybody
from app.gui.rows import PERSON_MIME, SIGHTINGS_MIME, RowsModel, dropped_ids
from app.gui.style import GAP
from app.gui.text import Label
from app.gui.words import person_title
from storage.history import PersonRow


class PeopleModel(RowsModel[PersonRow]):
    """The rows of the list, as they are filtered and sorted."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(PERSON_MIME, lambda person: person_title(person.id, person.name), parent)

    @override
    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        return super().flags(index) | Qt.ItemFlag.ItemIsDropEnabled


class PeopleView(QListView):
    """The list. A person may be dropped on another, and so may sightings.

    *Signals*:
      person_dropped(int, int): who was dropped, and on whom.
      sightings_dropped(object, int): the ids, and on whom.
    """

    person_dropped = pyqtSignal(int, int)
    sightings_dropped = pyqtSignal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("People")

    def person_at(self, place: QPoint) -> int | None:
        """Whose row is under a point of the list."""
        row = self.indexAt(place).data(ROW_ROLE)
        return row.id if isinstance(row, PersonRow) else None

    @override
    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None:
            self._take(event)

    @override
    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        if event is not None:
            self._take(event)

    @override
    def dropEvent(self, event: QDropEvent | None) -> None:
        onto = None if event is None else self.person_at(event.pos())
        if event is None or onto is None:
            return
        people = dropped_ids(event.mimeData(), PERSON_MIME)
        visits = dropped_ids(event.mimeData(), SIGHTINGS_MIME)
        event.setDropAction(Qt.DropAction.CopyAction)  # the list takes nothing away by itself
        event.accept()
        if visits:
            self.sightings_dropped.emit(visits, onto)
        elif people and people[0] != onto:
            self.person_dropped.emit(people[0], onto)

    def _take(self, event: QDragMoveEvent | QDragEnterEvent) -> None:
        mime = event.mimeData()
        if dropped_ids(mime, PERSON_MIME) or dropped_ids(mime, SIGHTINGS_MIME):
            event.acceptProposedAction()


class PeoplePanel(QFrame):
    """The filter over the list of people.

    *Signals*:
      chosen(object): the id of the person chosen, or None where nobody is any more.
      asked(object): the Filter, where the history must be asked who is meant: `set_meant` is the answer.
    """

    chosen = pyqtSignal(object)
    asked = pyqtSignal(object)

    def __init__(self, faces: Faces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.everybody: Everybody | None = None
        self.model = PeopleModel(self)
        self.bar = FilterBar()
        self.list = PeopleView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(PersonDelegate(faces, self.list))
        self._faces = faces
        self._names: dict[int, str] = {}
        self.meant: frozenset[int] | None = None
        self._empty = Label(kind="muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._chosen: int | None = None
        self._lay_out()
        self.bar.changed.connect(self._filter)
        self.bar.words.returnPressed.connect(self._to_list)
        down = QShortcut(QKeySequence("Down"), self.bar.words)
        down.setContext(Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(self._to_list)
        faces.changed.connect(self._repaint)
        selection = self.list.selectionModel()
        if selection is not None:
            selection.currentChanged.connect(self._take_current)
        self._tell()

    @property
    def person(self) -> int | None:
        """The person chosen."""
        return self._chosen

    @property
    def selected(self) -> list[int]:
        """Everybody who is selected, the chosen one first."""
        ids = [index.data(ROW_ROLE).id for index in self.list.selectedIndexes()]
        return sorted(ids, key=lambda id_: id_ != self._chosen)

    @property
    def rows(self) -> list[PersonRow]:
        """Those that the list shows."""
        return self.model.rows

    def names(self) -> dict[int, str]:
        """The names people gave to identities."""
        return self._names

    def row_of(self, person: int) -> PersonRow | None:
        """What is known of somebody, be they shown or not."""
        rows = () if self.everybody is None else self.everybody.rows
        return next((row for row in rows if row.id == person), None)

    def set_everybody(self, everybody: Everybody) -> None:
        """Shows these; who was chosen stays so while they are known, and the list where it was."""
        if everybody == self.everybody:
            return
        before = {} if self.everybody is None else {row.id: row.sightings for row in self.everybody.rows}
        changed = [row.id for row in everybody.rows if before.get(row.id, row.sightings) != row.sightings]
        self._faces.renew(("person", id_) for id_ in changed)
        self.everybody = everybody
        self._names = everybody.names()
        self.bar.near = everybody.rows[0].last if everybody.rows else None
        if self.bar.filter.asks_the_history:
            self.asked.emit(self.bar.filter)
        self._show()
        if self._chosen is not None and everybody.whole and self.row_of(self._chosen) is None:
            self.choose(None)

    def set_meant(self, ids: frozenset[int] | None) -> None:
        """Who is meant, where the history was asked."""
        self.meant = ids
        self._show()

    def clear(self) -> None:
        """Another history: nobody is known."""
        self.everybody, self._names, self.meant = None, {}, None
        self.choose(None)
        self._show()

    def choose(self, person: int | None) -> None:
        """Chooses a person; the list shows where they are, if they are in it."""
        self._select(person)
        if person != self._chosen:
            self._chosen = person
            self.chosen.emit(person)

    def _to_list(self) -> None:
        """From the search into the list: the first is chosen, unless one of those shown is already."""
        if self.rows and self._chosen not in {row.id for row in self.rows}:
            self.choose(self.rows[0].id)
        if self.rows:
            self.list.setFocus()

    def _select(self, person: int | None) -> None:
        selection = self.list.selectionModel()
        row = next((n for n, one in enumerate(self.model.rows) if one.id == person), None)
        if selection is None:
            return
        blocked = selection.blockSignals(True)
        if row is None:
            selection.clear()
        elif not selection.isSelected(self.model.index(row)):
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            selection.setCurrentIndex(self.model.index(row), flag)
            self.list.scrollTo(self.model.index(row))
        selection.blockSignals(blocked)
        self._repaint()

    def _filter(self, new: Filter) -> None:
        if new.asks_the_history:
            self.asked.emit(new)
        else:
            self.meant = None
            self._show()

    def _show(self) -> None:
        """The rows, with what is at the top left where it is."""
        told, meant = self.bar.filter, self.meant
        people = () if self.everybody is None else self.everybody.rows
        rows = [one for one in people if (meant is None or one.id in meant) and told.takes(one)]
        top = self.list.indexAt(QPoint(4, 4))
        held, at_top = top.data(ROW_ROLE), not self.list.verticalOffset()
        place = self.list.visualRect(top).top() if isinstance(held, PersonRow) else 0
        before = [row.id for row in self.model.rows]
        self.model.replace(told.sorted(rows))
        if before != [row.id for row in self.model.rows]:
            self._select(self._chosen)
            if isinstance(held, PersonRow) and not at_top:
                self._hold(held.id, place)
        self._tell()

    def _hold(self, person: int, place: int) -> None:
        """Keeps what the user scrolled to in its place, though others came in above."""
        bar = self.list.verticalScrollBar()
        row = next((n for n, one in enumerate(self.model.rows) if one.id == person), None)
        if bar is not None and row is not None:
            self.list.doItemsLayout()
            bar.setValue(row * PersonDelegate.HEIGHT - place)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, GAP, GAP, GAP)
        layout.setSpacing(GAP)
        layout.addWidget(self.bar)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.list, 1)

    def _tell(self) -> None:
        everybody = 0 if self.everybody is None else self.everybody.number
        shown = len(self.model.rows)
        self.bar.count.setText(
            f"{shown:,} of {everybody:,}" if shown != everybody else f"{everybody:,}" if everybody else ""
        )
        nobody = "Nobody is meant by the filter." if everybody else "Nobody has been seen yet."
        if self.bar.filter.kind == "unidentified":
            nobody = "Sightings that nobody could be given are below."
        self._empty.setText(nobody)
        self._empty.setVisible(shown == 0)
        self.list.setVisible(shown > 0)

    def _take_current(self, index: QModelIndex) -> None:
        """A row was chosen; where it only left the list, the filter hides it, and it stays chosen."""
        person = index.data(ROW_ROLE)
        if isinstance(person, PersonRow) and person.id != self._chosen:
            self._chosen = person.id
            self.chosen.emit(person.id)

    def _repaint(self) -> None:
        viewport = self.list.viewport()
        if viewport is not None:
            viewport.update()
