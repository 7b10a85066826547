"""What the window knows of its history: asked in threads, again where somebody wrote to it, and shown."""

from __future__ import annotations

import time
from functools import partial

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from app.errors import environment_errors
from app.gui import questions
from app.gui.camera_grid import CameraGrid
from app.gui.corrector import Corrector, Made
from app.gui.faces import Faces
from app.gui.footage_page import NOTHING_FILMED, FootagePage
from app.gui.forget_dialog import Forgotten
from app.gui.journal_panel import JournalPanel
from app.gui.people_panel import PeoplePanel
from app.gui.questions import Asked
from app.gui.reader import Reader
from app.gui.reels import Reels, reels
from app.gui.review_page import Queue, ReviewPage, Shown, ask_queue, ask_shown
from app.gui.sightings_panel import SightingsPanel
from app.gui.words import in_order
from app.history import review
from storage.history import History, SightingRow, UnknownPerson

REFRESH_MS = 1000
"""How often is looked whether somebody wrote to the history."""
REELS_S = 5.0
"""How often it is asked anew what a run has filmed, while its footage is looked at."""
PATIENCE = 4
"""After a question about all people, so many times as long as it took passes before the next."""


NOTHING_RECORDED = "Nothing has been recorded yet."

ABOUT_SOMEBODY = frozenset({"sightings", "earlier", "evidence", "left", "right", "case"})
"""Questions about somebody who may be gone when they are answered."""


class HistoryDesk(QObject):
    """Asks for what the parts show, and gives it to them.

    *Signals*:
      opened(object): the History that was looked into is one, and may be turned to.
      found(object): who is in a picture.
      forgotten(object): what was Forgotten.
      failed(str, object): what was asked, by its key, and the environment's error.
    """

    opened = pyqtSignal(object)
    found = pyqtSignal(object)
    forgotten = pyqtSignal(object)
    failed = pyqtSignal(str, object)

    def __init__(
        self,
        reader: Reader,
        *,
        faces: Faces,
        people: PeoplePanel,
        sightings: SightingsPanel,
        footage: FootagePage,
        journal: JournalPanel,
        review: ReviewPage,
        corrector: Corrector,
        grid: CameraGrid,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.reader, self.faces, self.people, self.sightings = reader, faces, people, sightings
        self.footage, self.journal, self.corrector, self.grid = footage, journal, corrector, grid
        self.review = review
        self._stamp: tuple[int, ...] = ()
        self._state: tuple[int, ...] = ()
        self._to_play: SightingRow | None = None
        self._asked_at, self._not_before, self._reels_asked = 0.0, 0.0, 0.0
        self._refreshes = QTimer(self)
        self._refreshes.setInterval(REFRESH_MS)
        self._refreshes.timeout.connect(self._look)
        self._connect()

    def begin(self) -> None:
        """Asks, and from then on whenever somebody wrote."""
        self.refresh()
        self._refreshes.start()

    def clear(self) -> None:
        """Another history: nothing is known of it."""
        self._state = ()
        for part in (self.footage, self.faces, self.people, self.sightings, self.corrector, self.review):
            part.clear()
        self.journal.set_rows(())

    def close(self) -> None:
        """Finishes what is being asked, and joins the threads."""
        self._refreshes.stop()
        self.footage.close_threads()
        self.reader.close()

    def play(self, sighting: SightingRow) -> None:
        """Plays a sighting on all cameras, once their files are known."""
        if self.footage.reels is None:
            self._to_play = sighting
            self.ask_reels()
        else:
            self.footage.play(sighting)

    def refresh(self) -> None:
        """Asks the history anew, where it is not being asked already."""
        if not self.reader.busy("people"):
            self._stamp, self._asked_at = self.reader.stamp(), time.monotonic()
            self.reader.ask("people", partial(questions.everybody, known=self.people.everybody))

    def _look(self) -> None:
        """Once a second: asks anew where somebody wrote, and the last answer did not take long."""
        if time.monotonic() < self._not_before or self.reader.stamp() == self._stamp:
            return
        self.refresh()
        if self.footage.isVisible() and time.monotonic() - self._reels_asked > REELS_S:
            self.ask_reels(self.footage.playhead.now() if self.footage.reels is not None else None)

    def _take_answer(self, key: str, answer: object) -> None:
        if isinstance(answer, questions.Everybody):
            self._take_everybody(answer)
        elif key == "opened" and isinstance(answer, History):
            self.opened.emit(answer)
        elif isinstance(answer, questions.Sightings):
            self._take_sightings(answer)
        elif isinstance(answer, questions.Evidence):
            self.sightings.show_evidence(answer)
        elif isinstance(answer, Reels):
            self._take_reels(answer)
        elif isinstance(answer, questions.Found):
            self.found.emit(answer)
        elif isinstance(answer, Made):
            self.corrector.take(answer)
        else:
            self._take_part(key, answer)

    def _take_part(self, key: str, answer: object) -> None:
        if key == "faces" and isinstance(answer, dict):
            self.faces.take(answer)
        elif key == "meant" and isinstance(answer, frozenset):
            self.people.set_meant(answer)
        elif key == "cameras" and isinstance(answer, list):
            self.people.bar.set_cameras(in_order(answer))
        elif isinstance(answer, Forgotten):
            self.forgotten.emit(answer)
            self.faces.clear()
            self.refresh()
        elif isinstance(answer, Queue):
            self.review.set_queue(answer)
        elif isinstance(answer, Shown):
            self.review.show_case(answer)
        elif key == "walks" and isinstance(answer, tuple):
            self.footage.set_walks(*answer)
        elif key == "journal" and isinstance(answer, list):
            self.journal.set_rows(answer)
            self.corrector.set_journal(answer)

    def _take_everybody(self, answer: questions.Everybody) -> None:
        self._not_before = time.monotonic() + PATIENCE * (time.monotonic() - self._asked_at)
        changed = self.people.everybody != answer
        self.people.set_everybody(answer)
        if not answer.whole:
            self.refresh()
        if changed:
            self.grid.set_names(self.people.names())
            self.footage.set_names(self.people.names())
            self.ask_sightings()
            self.reader.ask("cameras", History.cameras)
        if answer.state != self._state:
            self._state = answer.state
            self.reader.ask("journal", questions.journal)
            if self.review.isVisible():
                self.review.ask()
            self.footage.forget_walks()

    def _take_sightings(self, answer: questions.Sightings) -> None:
        self.sightings.show_sightings(answer, self.people.names())
        person = answer.person
        if not answer.earlier:
            rows = answer.rows if person is not None else ()
            self.footage.set_person(
                rows, None if person is None else person.id, None if person is None else person.name
            )

    def _take_reels(self, answer: Reels) -> None:
        self.footage.set_reels(answer)
        person = self.sightings.person
        if person is not None:
            self.footage.set_person(self.sightings.model.rows, person.id, person.name)
        if self._to_play is not None:
            self.footage.play(self._to_play)
            self._to_play = None

    def _take_failure(self, key: str, error: BaseException) -> None:
        if key in ABOUT_SOMEBODY and isinstance(error, UnknownPerson):  # they were forgotten meanwhile
            if key == "sightings":
                self.people.choose(None)
            return
        if not isinstance(error, environment_errors()):
            raise error
        self.failed.emit(key, error)

    def ask_sightings(self, *, earlier_than: SightingRow | None = None) -> None:
        """Those of the person chosen, or of everybody, as the filter has it."""
        told, kind = self.people.bar.filter, self.people.bar.filter.kind
        asked = Asked(
            None if kind == "unidentified" else self.people.person,
            told.camera,
            told.since,
            told.until,
            unsure=kind == "unsure",
            unidentified=kind == "unidentified",
        )
        key = "sightings" if earlier_than is None else "earlier"
        self.reader.ask(key, partial(questions.sightings, asked=asked, earlier_than=earlier_than))

    def _ask_meant(self) -> None:
        told = self.people.bar.filter
        question = partial(
            questions.people_ids,
            camera=told.camera,
            since=told.since,
            until=told.until,
            unsure=told.kind == "unsure",
        )
        self.reader.ask("meant", question)

    def _ask_evidence(self, row: SightingRow | None) -> None:
        if row is not None:
            self.reader.ask("evidence", partial(questions.evidence, sighting=row))

    def ask_reels(self, around: float | None = None) -> None:
        self._reels_asked = time.monotonic()
        if not self.reader.path.exists():
            self.footage.tell(NOTHING_FILMED)
        self.reader.ask("reels", partial(reels, around=around))

    def _ask_walks(self, since: float, until: float) -> None:
        self.reader.ask("walks", partial(_walks, since=since, until=until))

    def _ask_queue(self, asked: review.Asked) -> None:
        there = self.reader.path.exists()
        self.review.tell("Looking for what is worth a look…" if there else NOTHING_RECORDED)
        self.reader.ask("review", partial(ask_queue, asked=asked), long=True)

    def _ask_case(self, case: review.Case) -> None:
        self.reader.ask("case", partial(ask_shown, case=case))

    def _connect(self) -> None:
        self.reader.answered.connect(self._take_answer)
        self.reader.failed.connect(self._take_failure)
        self.corrector.done.connect(self.refresh)
        self.people.chosen.connect(lambda person: self.ask_sightings())
        self.people.asked.connect(self._ask_meant)
        self.people.bar.changed.connect(lambda told: self.ask_sightings())
        self.sightings.chosen.connect(self._ask_evidence)
        self.sightings.wanted.connect(lambda row: self.ask_sightings(earlier_than=row))
        self.footage.walks_wanted.connect(self._ask_walks)
        self.footage.reels_wanted.connect(self.ask_reels)
        self.review.queue_wanted.connect(self._ask_queue)
        self.review.case_wanted.connect(self._ask_case)


def _walks(history: History, *, since: float, until: float) -> tuple[list[questions.Walk], float, float]:
    return questions.walks(history, since=since, until=until), since, until
