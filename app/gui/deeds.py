"""What is done about the person and the sightings chosen: named, merged, moved, split, looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PyQt5.QtCore import QPoint
from PyQt5.QtWidgets import QMenu, QWidget

from app.gui import questions
from app.gui.actions import Actions
from app.gui.asking import ask_for_text, present
from app.gui.case_dialog import CaseDialog
from app.gui.corrector import Change, Corrector
from app.gui.dialogs import show_problem
from app.gui.faces import Faces
from app.gui.footage_page import FootagePage
from app.gui.forget_dialog import ForgetDialog, forget
from app.gui.pair_dialog import PairDialog, Verdict
from app.gui.people_panel import PeoplePanel
from app.gui.questions import Walk
from app.gui.reader import Reader
from app.gui.sightings_panel import SightingsPanel, of_one
from app.gui.words import count, person_title
from app.history.said import MOST_LETTERS
from app.times import moment, span
from storage.history import PersonRow, SightingRow
from storage.repair import Repair
from tracker.types import Image


@dataclass
class Deeds:
    """Connects the actions about people and sightings with the parts in which they are chosen.

    look_for: asks in the long line who is in a picture; the question, and what it is about.
    """

    window: QWidget
    actions: Actions
    people: PeoplePanel
    sightings: SightingsPanel
    footage: FootagePage
    corrector: Corrector
    reader: Reader
    faces: Faces
    look_for: Callable[[str, Callable[..., object]], None]

    def connect(self) -> None:
        """Once, when all parts are there."""
        told, people = self.actions, self.people
        told.name.triggered.connect(lambda: self.name())
        told.merge.triggered.connect(lambda: self.merge())
        told.differ.triggered.connect(lambda: self.differ())
        told.move.triggered.connect(lambda: self.move())
        told.confirm.triggered.connect(lambda: self.confirm())
        told.split.triggered.connect(lambda: self.split())
        told.cut.triggered.connect(lambda: self.cut())
        told.case.triggered.connect(lambda: self.export())
        told.forget.triggered.connect(lambda: self.forget())
        told.alike.triggered.connect(lambda: self.find_alike())
        people.list.person_dropped.connect(lambda one, onto: self.merge(onto, with_=one))
        people.list.sightings_dropped.connect(self.move_to)
        people.list.customContextMenuRequested.connect(self._show_people_menu)
        self.sightings.list.customContextMenuRequested.connect(self._show_sightings_menu)
        self.footage.menu_asked.connect(self._show_walk_menu)
        self.footage.marked.connect(self.find_marked)
        menu = QMenu(self.window)
        self._fill_sightings_menu(menu)
        self.sightings.correct.setMenu(menu)

    # Corrections of people

    def name(self) -> None:
        """Asks for the name of the person chosen."""
        person = self._person()
        if person is None:
            return
        ask_for_text(
            self.window,
            "Name",
            f"The name of person {person.id}; empty for none:",
            lambda name: self.corrector.make(lambda repair: repair.name(person.id, name)),
            text=person.name or "",
            most=MOST_LETTERS,
        )

    def merge(self, person: int | None = None, *, with_: int | None = None) -> None:
        """Two side by side, and then one, with the id of the first; of two that are selected, these two."""
        other = with_ if with_ is not None else next(iter(self.people.selected[1:]), None)

        self._pair("Merge", person, other, [("Same person", "S", _one), ("Never the same", "D", _apart)])

    def differ(self) -> None:
        """Two side by side, who then are never the same."""
        other = next(iter(self.people.selected[1:]), None)
        self._pair("Never the same", None, other, [("Never the same", "D", _apart)])

    # Corrections of sightings

    def move(self, sightings: Sequence[SightingRow] = ()) -> None:
        """Sightings, or those that are chosen, beside whoever they are to be given to."""
        rows = list(sightings) or self.sightings.selected
        if not rows:
            return
        verdict = Verdict("Move here", "M", lambda to: partial(_moved, rows=rows, to=to))
        self._open_pair(
            f"Move {count(len(rows), 'sighting')}", rows, [verdict], new=partial(_moved, rows=rows, to=None)
        )

    def move_to(self, sightings: Sequence[int], person: int) -> None:
        """Sightings were dropped on somebody."""
        rows = [row for row in self.sightings.model.rows if row.id in set(sightings)]
        self.corrector.make(partial(_moved, rows=rows, to=person))

    def confirm(self) -> None:
        """The sightings chosen surely are those of whom they were given to."""
        rows = [row for row in self.sightings.selected if row.person is not None]
        for row in rows:
            self.corrector.make(partial(_moved, rows=[row], to=row.person))

    def split(self) -> None:
        """The sightings chosen are somebody new's."""
        rows = self.sightings.selected
        if rows:
            self.corrector.make(partial(_moved, rows=rows, to=None))

    def cut(self, walk: Walk | None = None) -> None:
        """From the time that the footage shows, a sighting is somebody new's."""
        at = self.footage.playhead.now()
        row = walk.sighting if walk is not None else self.sightings.current
        if row is None or not row.start < at < row.end:
            told = "Choose a sighting, and let the footage show the moment at which somebody else begins."
            if row is not None:
                told += f" Sighting {row.id} is {span(row.start, row.end)}."
            show_problem(self.window, told)
            return
        self.corrector.make(lambda repair: repair.cut(row.id, at))

    def forget(self) -> None:
        """Shows how much it would be, and forgets it once that is meant."""
        dialog = ForgetDialog(
            self.reader,
            person=self._person(),
            cameras=self._cameras(),
            near=self._near(),
            parent=self.window,
        )
        dialog.forget.connect(lambda order: self.reader.do("forgot", partial(forget, order=order)))
        present(dialog)

    def export(self) -> None:
        """What is chosen as a folder to hand on."""
        people = [row for who in self.people.selected if (row := self.people.row_of(who)) is not None]
        dialog = CaseDialog(
            self.reader,
            people=people or [row for row in [self._person()] if row is not None],
            sightings=self.sightings.selected,
            cameras=self._cameras(),
            near=self._near(),
            parent=self.window,
        )
        present(dialog)

    # Looking for people

    def find_alike(self) -> None:
        """Who else may be the person of the sighting chosen."""
        row = self.sightings.current
        if row is not None:
            self.look_for(f"sighting {row.id}", partial(questions.alike, sighting=row))

    def find_marked(self, image: Image, camera: str) -> None:
        """Who is in a box that was drawn in the footage."""
        self.actions.mark.setChecked(False)
        told = f"a box on {camera}, {moment(self.footage.playhead.now())}"
        self.look_for(told, partial(questions.found, name=told, picture=image, whole=True))

    # How it is asked

    def _person(self, person: int | None = None) -> PersonRow | None:
        who = self.people.person if person is None else person
        return None if who is None else self.people.row_of(who)

    def _cameras(self) -> list[str]:
        box = self.people.bar.camera
        return [str(box.itemData(row)) for row in range(1, box.count())]

    def _near(self) -> float | None:
        """When somebody was last seen: a time of the day alone is of that day."""
        everybody = self.people.everybody
        return everybody.rows[0].last if everybody is not None and everybody.rows else None

    def _pair(
        self,
        title: str,
        person: int | None,
        other: int | None,
        verdicts: Sequence[tuple[str, str, Callable[[int, int], Change]]],  # of the subject and the other
    ) -> None:
        subject = self._person(person)
        if subject is not None:
            told = [Verdict(text, key, partial(change, subject.id)) for text, key, change in verdicts]
            self._open_pair(title, subject, told, chosen=other)

    def _open_pair(
        self,
        title: str,
        subject: PersonRow | Sequence[SightingRow],
        verdicts: Sequence[Verdict],
        *,
        chosen: int | None = None,
        new: Change | None = None,
    ) -> None:
        everybody = self.people.everybody
        dialog = PairDialog(
            title,
            subject,
            () if everybody is None else everybody.rows,
            verdicts=verdicts,
            reader=self.reader,
            faces=self.faces,
            make=self.corrector.make,
            chosen=chosen,
            new=new,
            parent=self.window,
        )
        present(dialog)

    def _show_people_menu(self, place: QPoint) -> None:
        if self.people.list.person_at(place) is None:
            return
        menu = QMenu(self.window)
        menu.addActions(self.actions.of_person)
        menu.addActions([self.actions.case, self.actions.forget])
        menu.popup(self.people.list.mapToGlobal(place))

    def _show_sightings_menu(self, place: QPoint) -> None:
        menu = QMenu(self.window)
        self._fill_sightings_menu(menu)
        menu.popup(self.sightings.list.mapToGlobal(place))

    def _fill_sightings_menu(self, menu: QMenu) -> None:
        told = self.actions
        menu.addActions([told.move, told.confirm, told.split, told.cut])
        menu.addSeparator()
        menu.addActions([told.alike, told.case])
        menu.addSeparator()
        menu.addActions([told.name, told.merge, told.differ])

    def _show_walk_menu(self, walk: Walk | None, place: QPoint) -> None:
        """About somebody in the footage."""
        menu = QMenu(self.window)
        if walk is not None:
            who = walk.sighting.person
            title = person_title(who, self.people.names().get(who or 0))
            heading = menu.addAction(f"Sighting {walk.sighting.id}: {title}".replace("&", "&&"))
            if heading is not None:
                heading.setEnabled(False)
            split = menu.addAction("Split here: somebody new from now on")
            if split is not None:
                split.triggered.connect(lambda: self.cut(walk))
        menu.addActions([self.actions.mark, self.actions.snapshot])
        menu.popup(place)


def _one(kept: int, other: int) -> Change:
    return lambda repair: repair.merge(kept, other)


def _apart(first: int, second: int) -> Change:
    return lambda repair: repair.differ(first, second)


def _moved(repair: Repair, *, rows: Sequence[SightingRow], to: int | None) -> int:
    """One correction: several sightings of one person are split off, one is moved."""
    whose = of_one(rows)
    if len(rows) > 1 and whose is not None and whose != to:
        return repair.split(whose, [row.id for row in rows], to)
    if len(rows) == 1:
        return repair.move(rows[0].id, to)
    return _moved_one_by_one(repair, rows, to)


def _moved_one_by_one(repair: Repair, rows: Sequence[SightingRow], to: int | None) -> int:
    """Of several people, or of nobody: the first makes the person, where it is to be somebody new."""
    number = repair.move(rows[0].id, to)
    into = to
    if into is None:
        [(one, other)] = repair.correction(number).people
        into = one if other is None else other
    for row in rows[1:]:
        number = repair.move(row.id, into)
    return number
