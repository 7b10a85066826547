"""Everybody who is known, with a picture, to be searched and chosen from."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    pyqtSignal,
)
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget
from typing_extensions import override

from app.gui.cards import CARD_ROLE, PersonDelegate
from app.gui.questions import Card
from app.gui.style import GAP
from app.gui.words import count, person_title


class PeopleModel(QAbstractListModel):
    """The cards of the list, in the order given; rows that stay keep their selection."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cards: list[Card] = []

    @override
    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.cards)

    @override
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        card = self.cards[index.row()]
        if role == CARD_ROLE:
            return card
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return person_title(card.person.id, card.person.name)
        return None

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Shows these cards; newcomers are expected on top."""
        old = [card.person.id for card in self.cards]
        new = [card.person.id for card in cards]
        fresh = len(new) - len(old)
        if fresh >= 0 and new[fresh:] == old:
            if fresh:
                self.beginInsertRows(QModelIndex(), 0, fresh - 1)
                self.cards = list(cards)
                self.endInsertRows()
            self.cards = list(cards)
            if cards:
                self.dataChanged.emit(self.index(0), self.index(len(cards) - 1))
            return
        self.beginResetModel()
        self.cards = list(cards)
        self.endResetModel()


class PeopleFilter(QSortFilterProxyModel):
    """Lets through whom the words name: an id, a part of a name, a part of a camera's name; all words."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []

    def set_text(self, text: str) -> None:
        self._words = text.casefold().split()
        self.invalidateFilter()

    @override
    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        model = self.sourceModel()
        if not isinstance(model, PeopleModel):
            return True
        return all(_names(word, model.cards[row]) for word in self._words)


def _names(word: str, card: Card) -> bool:
    person = card.person
    number = word.removeprefix("#")
    if number.isdigit() and int(number) == person.id:
        return True
    texts = [person.name or "", *person.cameras]
    return any(word in text.casefold() for text in texts)


class PeoplePanel(QFrame):
    """The search box over the list of people.

    *Signals*:
      chosen(object): the id of the person chosen, or None where nobody is any more.
    """

    chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.model = PeopleModel(self)
        self.filter = PeopleFilter(self)
        self.filter.setSourceModel(self.model)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search id, name or camera")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search people")
        self.list = QListView()
        self.list.setModel(self.filter)
        self.list.setItemDelegate(PersonDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setAccessibleName("People")
        self._count = QLabel("")
        self._count.setObjectName("muted")
        self._empty = QLabel()
        self._empty.setObjectName("muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._chosen: int | None = None
        self._lay_out()
        self.search.textChanged.connect(self._search)
        selection = self.list.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(self._take_selection)
        self._tell()

    @property
    def person(self) -> int | None:
        """The person chosen."""
        return self._chosen

    def names(self) -> dict[int, str]:
        """The names people gave to identities."""
        return {card.person.id: card.person.name for card in self.model.cards if card.person.name}

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Shows these people; who was chosen stays so while they are known, and the list where it was."""
        before = self.filter.rowCount()
        self.model.set_cards(cards)
        self._hold_still(self.filter.rowCount() - before)
        if self._chosen is not None and all(card.person.id != self._chosen for card in cards):
            self._set_chosen(None)
        self.choose(self._chosen)
        self._tell()

    def choose(self, person: int | None) -> None:
        """Chooses a person, where the list shows them."""
        selection = self.list.selectionModel()
        if selection is None or person is None:
            return
        row = next((n for n, card in enumerate(self.model.cards) if card.person.id == person), -1)
        index = self.filter.mapFromSource(self.model.index(row))
        if index.isValid() and not selection.isSelected(index):
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _hold_still(self, newcomers: int) -> None:
        """Keeps what the user scrolled to in its place, though others came in above."""
        bar = self.list.verticalScrollBar()
        if bar is not None and newcomers > 0 and bar.value() > 0:
            place = bar.value() + newcomers * PersonDelegate.HEIGHT
            self.list.doItemsLayout()
            bar.setValue(place)

    def _lay_out(self) -> None:
        title = QLabel("People")
        title.setObjectName("title")
        head = QHBoxLayout()
        head.addWidget(title)
        head.addStretch()
        head.addWidget(self._count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP + 4, GAP + 2, GAP, GAP)
        layout.setSpacing(GAP)
        layout.addLayout(head)
        layout.addWidget(self.search)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.list, 1)

    def _search(self, text: str) -> None:
        self.filter.set_text(text)
        self.choose(self._chosen)
        self._tell()

    def _tell(self) -> None:
        everybody, shown = len(self.model.cards), self.filter.rowCount()
        self._count.setText(f"{shown} of {everybody}" if shown != everybody else f"{everybody or ''}")
        nobody = "Nobody matches the search." if everybody else "Nobody has been seen yet."
        self._empty.setText(nobody)
        self._empty.setVisible(shown == 0)
        self.list.setVisible(shown > 0)
        self.list.setToolTip(count(shown, "person", "people"))

    def _take_selection(self) -> None:
        """A row was chosen; where it only left the list, the search hides it, and it stays chosen."""
        selection = self.list.selectionModel()
        indexes = [] if selection is None else selection.selectedIndexes()
        card = indexes[0].data(CARD_ROLE) if indexes else None
        if isinstance(card, Card):
            self._set_chosen(card.person.id)

    def _set_chosen(self, person: int | None) -> None:
        if person != self._chosen:
            self._chosen = person
            self.chosen.emit(person)
