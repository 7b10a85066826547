"""The history's answers, fetched in a thread of their own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, Qt, pyqtSignal

from storage.database import Progress, UpgradeStoppedError, open_database
from storage.errors import DatabaseError
from storage.history import History

_IN_TURN = "\n"
"""Between the key of what is to be done, and its number."""


class Opened:
    """A database that is opened when it is first asked.

    progress: is told of an upgrade; where it stops one, that is not begun again.
    """

    def __init__(
        self, path: Path, history: History | None = None, *, progress: Progress | None = None
    ) -> None:
        self.path = path
        self._history = history
        self._opening = threading.Lock()
        self._progress = progress
        self._stopped: DatabaseError | None = None

    def history(self) -> History:
        """Raises DatabaseError where it can't be opened."""
        with self._opening:
            if self._stopped is not None:
                raise self._stopped
            if self._history is None:
                self._history = self._open()
            return self._history

    def _open(self) -> History:
        try:
            return History(open_database(self.path, create=False, progress=self._progress))
        except UpgradeStoppedError as error:
            self._stopped = error
            raise


class Reader(QObject):
    """Asks one database at a time; the window never waits for the disk.

    What takes long is asked in a second thread, so that it keeps nothing waiting.

    *Signals*, delivered in the window's thread:
      answered(str, object): what was asked, by its key, and the answer.
      failed(str, object):   what was asked, by its key, and the error.
      upgrading(object, str, object): the history whose schema is brought up to date, what is being done, and
                             the share that is done, None where that is not known.
    """

    answered = pyqtSignal(str, object)
    failed = pyqtSignal(str, object)
    upgrading = pyqtSignal(object, str, object)
    _done = pyqtSignal(str, int)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = threading.Event()
        self._opened = self._to_open(path)
        self._waiting: dict[str, tuple[int, Future[Any]]] = {}
        self._numbers = itertools.count(1)
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._patient = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history-long")
        self._done.connect(self._deliver, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]  # not in the stubs

    def open(self, path: Path) -> None:
        """Turns to another database; answers from the one before are no longer delivered."""
        self._drop()
        self._opened = self._to_open(path)

    def use(self, history: History) -> None:
        """Turns to a history that is open already: a run's own, while it is on.

        The file must not be opened a second time beside a run in the same program: closing it would take
        away the locks that SQLite holds on it (sqlite.org/howtocorrupt.html, 2.2).
        """
        self._drop()
        self._opened = Opened(history.path, history)

    def look_into(self, path: Path) -> None:
        """Answers as "opened" with the History of another database, if it is one: `use` turns to it."""
        opened = self._to_open(path)
        self._submit("opened", opened, _looked_into)

    def ask(self, key: str, question: Callable[[History], object], *, long: bool = False) -> None:
        """Puts a question in line. A question of the same key that still waits is dropped. long: it may take
        seconds.

        Nothing is answered while there is no database file, nor after `close`.
        """
        if key in self._waiting:
            self._waiting.pop(key)[1].cancel()
        if self._opened.path.exists() and not self._closed:
            self._submit(key, self._opened, question, pool=self._patient if long else self._pool)

    def do(self, key: str, change: Callable[[History], object]) -> None:
        """As ask, for what changes the history: in turn, and never dropped."""
        self._submit(f"{key}{_IN_TURN}{next(self._numbers)}", self._opened, change)

    def stamp(self) -> tuple[int, ...]:
        """Other numbers whenever anybody has written to the history. It looks at the files alone."""
        found: list[int] = []
        for name in ("", "-wal"):
            with suppress(OSError):
                told = self.path.with_name(self.path.name + name).stat()
                found += [told.st_mtime_ns, told.st_size]
        return tuple(found)

    @property
    def path(self) -> Path:
        return self._opened.path

    def busy(self, key: str) -> bool:
        """Whether a question of that key has no answer yet."""
        return key in self._waiting

    def close(self) -> None:
        """Drops what waits, finishes what is being answered, joins the threads."""
        self._closed = True
        self._drop()
        self._stop.set()
        self._pool.shutdown(wait=True)
        self._patient.shutdown(wait=True)

    def stop_upgrade(self) -> None:
        """Ends the upgrade that is going on; the history stays as it was, and is not opened."""
        self._stop.set()

    def _to_open(self, path: Path) -> Opened:
        self._stop = stop = threading.Event()

        def tell(told: str, share: float | None) -> bool:
            self.upgrading.emit(path, told, share)
            return not stop.is_set()

        return Opened(path, progress=tell)

    def _submit(
        self,
        key: str,
        opened: Opened,
        question: Callable[[History], object],
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        number = next(self._numbers)
        future = (pool or self._pool).submit(_answer, opened, question)
        self._waiting[key] = number, future
        future.add_done_callback(lambda done: self._done.emit(key, number))

    def _drop(self) -> None:
        """Forgets what was asked; what was to be done is done all the same."""
        for key, (_, future) in self._waiting.items():
            if _IN_TURN not in key:
                future.cancel()
        self._waiting.clear()

    def _deliver(self, key: str, number: int) -> None:
        """Passes an answer on, unless the question was dropped or asked anew since."""
        if self._waiting.get(key, (0, None))[0] != number:
            return
        _, future = self._waiting.pop(key)
        key = key.partition(_IN_TURN)[0]
        error = future.exception()
        if error is None:
            self.answered.emit(key, future.result())
        else:
            self.failed.emit(key, error)


def _answer(opened: Opened, question: Callable[[History], object]) -> object:
    return question(opened.history())


def _looked_into(history: History) -> History:
    """The same, once it has answered: a file may be damaged where opening does not look."""
    history.number_of_people()
    return history
