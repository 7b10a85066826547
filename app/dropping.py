"""Whom somebody erases from a history while a run goes on, that run does not know any more either."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from app.supervised import Supervised
from storage.errors import DatabaseError
from tracker.types import Held, Identity

if TYPE_CHECKING:
    from storage.writer import Writer
    from tracker.associator import Associator

EVERY_S = 1.0
"""How often is looked whether something was erased."""

_CLOSE_S = 5.0


class Question(Protocol):
    """Of a history: storage.erased."""

    def last(self) -> int: ...
    def among(self, held: Held) -> Held: ...
    def earlier_looks(self, people: Collection[int]) -> list[Identity]: ...


class Dropping:
    """Looks in a thread whether an order to forget was carried out, and then what of it the run holds.

    What the thread asks and finds is handed over between two rounds, by `between_rounds`. Make one before the
    gallery is loaded: what is erased from then on is noticed. Use as a context manager.
    """

    def __init__(self, history: Question, writer: Writer, *, every_s: float = EVERY_S) -> None:
        self._history = history
        self._writer = writer
        self._every_s = every_s
        self._known = history.last()
        self._handed = threading.Condition()
        self._asked = False
        self._held: Held | None = None
        self._gone = Held()
        self._poorer: set[int] = set()
        self._looks: list[Identity] = []
        self._stop = threading.Event()
        self._thread = Supervised("forgetting in the run", self._work, stop=self._stop)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.close(error, _CLOSE_S)

    @property
    def noticed(self) -> int:
        """The number of the last order that the run has carried out, too, but for the next round."""
        return self._known

    @property
    def trouble(self) -> str:
        """A sentence where it fails, else ""."""
        return self._thread.trouble

    def between_rounds(self, associator: Associator) -> None:
        """Takes what is gone out of the run's memory; says what that holds, where it is asked for."""
        with self._handed:
            gone, self._gone = self._gone | self._writer.erased(), Held()
            if gone:
                self._poorer |= associator.drop(gone)
            for identity in self._looks:
                associator.gallery.recall(identity)
            self._looks = []
            if self._asked:
                self._held, self._asked = associator.held(), False
                self._handed.notify_all()

    def _work(self) -> None:
        while not self._stop.wait(self._every_s):
            with suppress(DatabaseError):  # that it can't be read the writer tells, too; it is asked again
                self._look_up()
                self._ask()

    def _ask(self) -> None:
        """What was erased since the last time."""
        last = self._history.last()
        held = None if last == self._known else self._snapshot()
        if held is None or self._stop.is_set():
            return
        self._writer.flush()  # what it has not written yet is not gone
        gone = self._history.among(held)
        with self._handed:
            self._gone |= gone
        self._known = last

    def _look_up(self) -> None:
        """Of whom the best pictures are gone, the next best."""
        with self._handed:
            people, self._poorer = self._poorer, set()
        if not people:
            return
        try:
            looks = self._history.earlier_looks(people)
        except DatabaseError:
            with self._handed:
                self._poorer |= people
            raise
        with self._handed:
            self._looks += looks

    def _snapshot(self) -> Held | None:
        """What the run holds; None where it ends meanwhile."""
        with self._handed:
            self._asked, self._held = True, None
            while self._held is None and not self._stop.is_set():
                self._handed.wait(self._every_s)
            return self._held
