"""Two side by side before anything is decided about them: merge, never the same, or whose a sighting is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from app.gui import questions
from app.gui.cards import ROW_ROLE, PersonDelegate
from app.gui.corrector import Change
from app.gui.faces import Faces
from app.gui.filters import Filter
from app.gui.people_panel import PeopleModel
from app.gui.questions import Portrayed
from app.gui.reader import Reader
from app.gui.side import Side
from app.gui.style import GAP
from app.gui.text import Label
from storage.history import PersonRow, SightingRow

LIST_WIDTH = 330
"""Of the list to choose from, in pixels: what its cards say fits."""


@dataclass(frozen=True)
class Verdict:
    """A button: what it says, its key, and the correction it makes of whom is chosen (None: somebody new)."""

    text: str
    key: str
    change: Callable[[int], Change]


class PairDialog(QDialog):
    """A person or a sighting at the left, whoever is chosen of the list at the right, and what they are.

    subject: whose pictures stand at the left. people: to choose from. chosen: who is at the right at first.
    new: the correction that needs nobody: the sightings are somebody new's.
    """

    def __init__(
        self,
        title: str,
        subject: PersonRow | Sequence[SightingRow],
        people: Sequence[PersonRow],
        *,
        verdicts: Sequence[Verdict],
        reader: Reader,
        faces: Faces,
        make: Callable[[Change], None],
        chosen: int | None = None,
        new: Change | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._reader, self._faces, self._make = reader, faces, make
        self._subject, self._people, self._new = subject, list(people), new
        self.left, self.right = Side(), Side()
        self.words = QLineEdit()
        self.words.setPlaceholderText("Id or name of the other one")
        self.words.setClearButtonEnabled(True)
        self.model = PeopleModel(self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(PersonDelegate(faces, self.list))
        self.buttons: dict[str, QPushButton] = {}
        self._lay_out(verdicts)
        self._connect()
        self._filter("")
        self.resize(1100, 620)
        self._ask_left()
        if chosen is not None:
            self.choose(chosen)

    @property
    def other(self) -> int | None:
        """Who is chosen."""
        row = self.list.currentIndex().data(ROW_ROLE)
        return row.id if isinstance(row, PersonRow) else None

    def choose(self, person: int) -> None:
        """Puts somebody to the right."""
        row = next((n for n, one in enumerate(self.model.rows) if one.id == person), None)
        if row is not None:
            self.list.setCurrentIndex(self.model.index(row))
            self.list.setFocus()

    @override
    def done(self, result: int) -> None:
        self._reader.answered.disconnect(self._take)
        super().done(result)

    def _lay_out(self, verdicts: Sequence[Verdict]) -> None:
        choice = QVBoxLayout()
        choice.addWidget(self.words)
        choice.addWidget(self.list, 1)
        sides = QHBoxLayout()
        sides.setSpacing(GAP)
        sides.addWidget(self.left, 3)
        sides.addWidget(self.right, 3)
        sides.addLayout(choice)
        self.list.setFixedWidth(LIST_WIDTH)
        foot = QHBoxLayout()
        foot.addWidget(Label("Undo takes it back at any time.", kind="muted"))
        foot.addStretch()
        for verdict in verdicts:
            foot.addWidget(self._button(verdict.text, verdict.key, partial(self._decide, verdict)))
        if self._new is not None:
            foot.addWidget(self._button("Somebody new", "N", self._decide_new))
        foot.addWidget(self._button("Cancel", "Esc", self.reject))
        whole = QVBoxLayout(self)
        whole.setSpacing(GAP)
        whole.addLayout(sides, 1)
        whole.addLayout(foot)

    def _button(self, text: str, key: str, do: Callable[[], None]) -> QPushButton:
        button = QPushButton(f"{text}  ({key})")
        button.setAutoDefault(False)
        if key != "Esc":
            button.setShortcut(key)  # a letter of a name, while the field has the keyboard
        button.clicked.connect(lambda: do())
        self.buttons[text] = button
        return button

    def _connect(self) -> None:
        self._reader.answered.connect(self._take)
        self._faces.changed.connect(self.list.viewport().update)  # type: ignore[union-attr]
        self.words.textChanged.connect(self._filter)
        self.words.returnPressed.connect(self.list.setFocus)
        selection = self.list.selectionModel()
        if selection is not None:
            selection.currentChanged.connect(self._show_other)

    def _filter(self, text: str) -> None:
        told = Filter(tuple(text.casefold().split()))
        mine = self._subject.id if isinstance(self._subject, PersonRow) else None
        self.model.replace([one for one in self._people if one.id != mine and told.takes(one)])
        if text and self.model.rows:
            self.list.setCurrentIndex(self.model.index(0))
        self._show_other()

    def _show_other(self) -> None:
        for text, button in self.buttons.items():
            button.setEnabled(self.other is not None or text in ("Cancel", "Somebody new"))
        if self.other is None:
            self.right.show_nobody("Choose somebody")
        else:
            self._reader.ask("right", partial(questions.portrayed, person=self.other))

    def _ask_left(self) -> None:
        if isinstance(self._subject, PersonRow):
            self._reader.ask("left", partial(questions.portrayed, person=self._subject.id))
        else:
            self._reader.ask("left", partial(questions.pictured, sighting=self._subject[0]))

    def _take(self, key: str, answer: object) -> None:
        if key == "right" and isinstance(answer, Portrayed):
            self.right.show_person(answer)
        elif key == "left" and isinstance(answer, Portrayed):
            self.left.show_person(answer)
        elif key == "left" and isinstance(answer, tuple) and not isinstance(self._subject, PersonRow):
            self.left.show_sighting(self._subject[0], answer)
            if len(self._subject) > 1:
                self.left.title.setText(f"{len(self._subject)} sightings")

    def _decide(self, verdict: Verdict) -> None:
        if self.other is not None:
            self._make(verdict.change(self.other))
            self.accept()

    def _decide_new(self) -> None:
        if self._new is not None:
            self._make(self._new)
            self.accept()
