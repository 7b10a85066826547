"""What is worth a look, one question after the other: two side by side, large, and a key for each answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtGui import QImage, QKeyEvent, QResizeEvent
from PyQt5.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from app.gui import questions
from app.gui.combo import Combo
from app.gui.questions import Portrayed
from app.gui.side import Side
from app.gui.style import GAP
from app.gui.text import Label, Line
from app.gui.words import count
from app.history.review import KINDS, Asked, Case, Kind, answer, left, queue
from app.history.why import TERMS_EXPLAINED
from storage.history import History

ROOM_FOR_COUNT = 640
"""How wide the page must be, in pixels, for the questions that are left to be counted beside the question."""
AT_ONCE = 100
"""Questions that are fetched at a time."""
KEYS: dict[int, str] = {
    Qt.Key.Key_S: "same",
    Qt.Key.Key_D: "different",
    Qt.Key.Key_K: "skip",
    Qt.Key.Key_E: "else",
    Qt.Key.Key_Return: "play",
}
KIND_NAMES: dict[Kind, str] = {
    "duplicate": "Likely duplicates",
    "unsure": "Unsure sightings",
    "merge": "Doubtful merges",
    "nobody": "Nobody could be given",
}


@dataclass(frozen=True)
class Queue:
    """The questions, what is most worth a look first, and how many there are of each kind."""

    cases: tuple[Case, ...]
    left: dict[Kind, int]


@dataclass(frozen=True)
class Shown:
    """A question with the pictures of the sighting, of the other one, and of the people it is about."""

    case: Case
    pictures: tuple[QImage, ...]
    other: tuple[QImage, ...]
    people: tuple[Portrayed, ...]


def ask_queue(history: History, asked: Asked) -> Queue:
    """The first questions. As one page of them may all be skipped, twice as many."""
    return Queue(tuple(queue(history, asked, limit=2 * AT_ONCE)), left(history, asked))


def ask_shown(history: History, case: Case) -> Shown:
    people = tuple(questions.portrayed(history, row.id) for row in history.people_of(case.people))
    ordered = tuple(sorted(people, key=lambda one: case.people.index(one.person.id)))
    other = () if case.other is None else questions.pictured(history, case.other)
    return Shown(case, questions.pictured(history, case.sighting), other, ordered)


class ReviewPage(QWidget):
    """One question at a time; S, D and K answer it.

    *Signals*:
      queue_wanted(object): the questions of an Asked are to be fetched: `set_queue`.
      case_wanted(object): what a Case shows is to be fetched: `show_case`.
      decided(object): the correction (a Change) that the answer makes.
      play(object): the SightingRow the user wants to see.
      else_wanted(object): the SightingRow that is somebody else's: whose is to be asked.
      counted(int): how many questions are left.
    """

    queue_wanted = pyqtSignal(object)
    case_wanted = pyqtSignal(object)
    decided = pyqtSignal(object)
    play = pyqtSignal(object)
    else_wanted = pyqtSignal(object)
    counted = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.case: Case | None = None
        self.sides = (Side(), Side(), Side())
        self.question = Line(kind="title")
        self.count = Label(kind="muted")
        self.because = Label(kind="muted", wrap=True)
        self.because.setToolTip(TERMS_EXPLAINED)
        self.kind = Combo(letters=18)
        self._cases: tuple[Case, ...] = ()
        self._left: dict[Kind, int] = {}
        self._done: set[tuple[str, int]] = set()
        self.buttons = {
            "same": self._button("Same (S)", partial(self.answer, same=True)),
            "different": self._button("Different (D)", partial(self.answer, same=False)),
            "skip": self._button("Skip (K)", self.skip),
            "else": self._button("Somebody else… (E)", self.ask_else),
            "play": self._button("Play (Enter)", self.ask_play),
        }
        self._lay_out()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.kind.currentIndexChanged.connect(self.ask)
        self._show(None)

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """The question goes before how many there are, which the tab says, too."""
        self.count.setVisible(self.width() >= ROOM_FOR_COUNT)

    def ask(self) -> None:
        """Asks for the questions anew: after a correction others may be gone."""
        kind = self.kind.currentData()
        self.queue_wanted.emit(Asked(kinds=KINDS if kind is None else (kind,)))

    def tell(self, words: str) -> None:
        """What stands in the place of a question, while there is none."""
        if self.case is None:
            self.question.setText(words)

    def set_queue(self, told: Queue) -> None:
        """The questions; the one that is being looked at stays, while it is one."""
        self._cases, self._left = told.cases, told.left
        keys = {_key(case) for case in told.cases}
        if self.case is None or _key(self.case) not in keys or _key(self.case) in self._done:
            self._next()
        self._tell_count()

    def show_case(self, shown: Shown) -> None:
        """The pictures of the question."""
        if self.case is None or _key(shown.case) != _key(self.case):
            return
        case, (one, two, three) = shown.case, self.sides
        second = shown.people[1:2]
        if case.kind == "duplicate" and second:
            one.show_person(shown.people[0])
            two.show_person(second[0])
        else:
            one.show_sighting(case.sighting, shown.pictures)
            self._show_second(two, shown)
            if second and case.other is None:
                three.show_person(second[0])
        three.setVisible(bool(second) and case.kind != "duplicate" and case.other is None)

    def clear(self) -> None:
        """Another history: nothing is known of it."""
        self._cases, self._left = (), {}
        self._done.clear()
        self._show(None)

    def answer(self, *, same: bool) -> None:
        """Corrects the history, and goes on to the next."""
        case = self.case
        if case is None or not (case.same if same else case.different):
            return
        self._finish()
        self.decided.emit(partial(answer, case=case, same=same))

    def skip(self) -> None:
        """Goes on to the next; this one does not come again while the window is open."""
        if self.case is not None:
            self._finish()

    def ask_else(self) -> None:
        """Whose the sighting is, if neither's."""
        if self.case is not None:
            self.else_wanted.emit(self.case.sighting)

    def ask_play(self) -> None:
        if self.case is not None:
            self.play.emit(self.case.sighting)

    @override
    def event(self, event: QEvent | None) -> bool:
        """Here its keys are its own, whatever they are for elsewhere."""
        mine = isinstance(event, QKeyEvent) and event.key() in KEYS and not event.modifiers()
        if event is not None and mine and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        name = None if event is None else KEYS.get(event.key())
        if name is not None:
            self.buttons[name].click()
        else:
            super().keyPressEvent(event)

    def _finish(self) -> None:
        assert self.case is not None
        self._done.add(_key(self.case))
        self._left[self.case.kind] = max(0, self._left.get(self.case.kind, 1) - 1)
        self._next()
        self._tell_count()

    def _next(self) -> None:
        rest = [case for case in self._cases if _key(case) not in self._done]
        self._show(rest[0] if rest else None)
        self.tell("Nothing is left that is worth a look.")

    def _show(self, case: Case | None) -> None:
        self.case = case
        for button, key in (("same", "same"), ("different", "different")):
            self.buttons[button].setEnabled(case is not None and bool(getattr(case, key)))
        for button in ("skip", "else", "play"):
            self.buttons[button].setEnabled(case is not None)
        for side in self.sides:
            side.setVisible(case is not None and side is not self.sides[2])
            side.show_nobody("")
        if case is None:
            self.question.setText("")
            self.because.setText("")
            return
        self.question.setText(case.question[:1].upper() + case.question[1:])
        self.because.setText("\n".join(told[:1].upper() + told[1:] for told in case.because))
        self.buttons["different"].setText("Somebody new (D)" if case.kind == "nobody" else "Different (D)")
        self.case_wanted.emit(case)

    def _show_second(self, side: Side, shown: Shown) -> None:
        """Beside a sighting: the one at the same time, or whose it is, or that nobody is known."""
        if shown.case.other is not None:
            side.show_sighting(shown.case.other, shown.other)
        elif shown.people:
            side.show_person(shown.people[0])
        else:
            side.show_nobody("Nobody could be given", "Somebody else… chooses who it is.")

    def _tell_count(self) -> None:
        number = sum(self._left.values())
        self.count.setText(f"{count(number, 'question')} left" if number else "")
        self.counted.emit(number)

    def _button(self, text: str, do: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: do())
        return button

    def _lay_out(self) -> None:
        self.kind.addItem("Everything", None)
        for kind, name in KIND_NAMES.items():
            self.kind.addItem(name, kind)
        self.kind.setAccessibleName("Kind of question")
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(self.question, 1)
        head.addWidget(self.count)
        head.addWidget(self.kind)
        sides = QHBoxLayout()
        sides.setSpacing(GAP)
        for side in self.sides:
            sides.addWidget(side, 1)
        foot = QHBoxLayout()
        foot.setSpacing(GAP - 2)
        for button in self.buttons.values():
            foot.addWidget(button)
        foot.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addLayout(head)
        layout.addLayout(sides, 1)
        layout.addWidget(self.because)
        layout.addLayout(foot)


def _key(case: Case) -> tuple[str, int]:
    return case.kind, case.sighting.id
