"""The only thread that writes to a history while a run goes on."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import DBAPIError

from storage import schema
from storage.database import path_of, writing
from storage.errors import DatabaseError, in_plain_words, passing
from storage.journal import lay
from storage.lock import RunLock
from storage.place import Place
from storage.recording import Recording, erase
from storage.segments import SegmentRow, Segments
from storage.templates import renew
from storage.vectors import check_model
from tracker.types import Held, Point, Portrait, Sighting

_POLL_S = 0.1  # how soon a waiting caller sees that the thread has failed
_RETRY_S = 0.25  # between two attempts at a history that can't be written just now
_LOOK_S = 2.0  # how often, at least, it is looked whether the file is still there
_RENEWED_AT_ONCE = 50  # people whose templates are chosen anew in one commit
_FRAME_BYTES = 2000  # what is to be told of a frame once it is on disk, about
_LAST_S = 10.0  # how long the end waits for a disk; for a lock it waits as long as it takes

_Task = Callable[[], None]


@dataclass(slots=True)
class _Ending:
    """What a commit is to do at its end: rows that give way, those waiting who are told, the run's end."""

    erase: list[tuple[str, float, float]] = field(default_factory=list)
    tell: list[Event] = field(default_factory=list)
    finish: bool = False

    def __bool__(self) -> bool:
        return bool(self.erase or self.tell or self.finish)


class Writer:
    """Takes what a run finds and commits it about every ``commit_s`` seconds, in a thread of its own.

    Calls only queue, and block where ``queue_size`` reports wait. Where another program holds the history,
    what comes is kept in memory, and `trouble` says so, until it lets go; with ``patient`` also while the
    disk is full, the file is gone, or may not be written. Once ``keep_mb`` are kept nothing more is taken
    from the queue, and `full` is true. What the thread fails with else is raised by the next call, by
    ``check`` and by ``close``: DatabaseError for a damaged file and the like; all that was committed before
    stays. One run at a time writes to a file.

    Raises DatabaseError where another run is writing, or where the history has only another model's vectors.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        command: str,
        version: str,
        model: str,
        dimension: int,
        commit_s: float = 1.0,
        queue_size: int = 4096,
        patient: bool = False,
        keep_mb: float = 256.0,
    ) -> None:
        self._path = path_of(engine)
        self._engine = writing(engine)
        self._commit_s = commit_s
        self._patient = patient
        self._most_bytes = keep_mb * 1e6
        self._tasks: queue.Queue[_Task] = queue.Queue(queue_size)
        self._failure: BaseException | None = None
        self._closed = self._finished = False
        self._trouble: tuple[str, float] | None = None  # since when (monotonic)
        self._ended = math.inf
        self._renewing = True  # what a killed run left
        with ExitStack() as on_failure:
            self._lock = on_failure.enter_context(RunLock(self._path))
            with in_plain_words(self._path), self._engine.begin() as connection:
                model_row = _register_model(connection, model, dimension, engine)
                self._run = _begin_run(connection, command, version)
            self._place = Place(self._path)
            on_failure.pop_all()
        self._recording = Recording(run=self._run, model=model_row, dimension=dimension)
        self._segments = Segments()
        self._ending = _Ending()
        self._committed: list[Callable[[float], None]] = []  # whom to tell
        self._erased: queue.SimpleQueue[Held] = queue.SimpleQueue()
        self._thread = Thread(target=self._work, name="history writer", daemon=True)
        self._thread.start()

    def footage(self, camera: str, *, uri: str, start: float, width: int, height: int) -> None:
        """From now on the camera's pictures come from this source; its first frame is at ``start``."""
        self._put(lambda: self._recording.footage(camera, uri, start, width, height))

    def frames(
        self, camera: str, count: int, end: float, *, on_commit: Callable[[float], None] | None = None
    ) -> None:
        """The camera's present footage has ``count`` frames so far, the last of them at ``end``.

        on_commit: is called in the writer's thread, with the moment (monotonic seconds), once this and all
        that was said before is on disk; must return quickly.
        """
        self._put(lambda: self._frames(camera, count, end, on_commit))

    def sighting(self, sighting: Sighting) -> None:
        """A sighting as known now; it replaces what was said of the same number."""
        self._put(lambda: self._recording.sighting(sighting))

    def point(self, number: int, point: Point) -> None:
        """The next step of a sighting, later than the one before."""
        self._put(lambda: self._recording.point(number, point))

    def portrait(self, number: int, portrait: Portrait) -> None:
        """A good picture of a sighting, one of a few."""
        self._put(lambda: self._recording.portrait(number, portrait))

    def erase(self, camera: str, start: float, end: float) -> None:
        """Remove what earlier runs recorded of the camera in that span; see storage.recording.erase."""
        self._put(lambda: self._ending.erase.append((camera, start, end)))

    def knows(self, last: int) -> None:
        """The run's new people get ids above ``last``; one that a correction takes meanwhile is given way."""
        self._put(lambda: self._recording.knows(last))

    def segment(self, row: SegmentRow) -> None:
        """A file of recorded footage as known now; it replaces what was said of the same path."""
        self._put(lambda: self._segments.say(row.path, row))

    def forget_segment(self, path: str) -> None:
        """The file is gone."""
        self._put(lambda: self._segments.say(path, None))

    def erased(self) -> Held:
        """What was reported though somebody had erased it, as far as that was noticed since the last call."""
        found = Held()
        while not self._erased.empty():
            found |= self._erased.get()
        return found

    @property
    def run(self) -> int:
        """The row of the run."""
        return self._run

    def rows_of(self, identities: Collection[int]) -> dict[int, int]:
        """By the run's id of somebody, the id in the file, which differs where a correction took it first."""
        return self._recording.rows_of(identities)

    @property
    def queued(self) -> int:
        """How many tasks the thread has yet to do, about."""
        return self._tasks.qsize()

    @property
    def trouble(self) -> str:
        """Why nothing can be written just now, for how long, and what is kept meanwhile; "" where it can."""
        if self._trouble is None:
            return ""
        why, since = self._trouble
        kept = f"{self._kept_bytes / 1e6:.1f} MB are kept in memory for it"
        return f"the history {self._path} {why} ({time.monotonic() - since:.0f} s; {kept})"

    @property
    def full(self) -> bool:
        """Whether so much waits for a history that can't be written that nothing more can be kept."""
        return self._trouble is not None and self._kept_bytes >= self._most_bytes

    @property
    def _kept_bytes(self) -> int:
        return self._recording.kept_bytes + _FRAME_BYTES * len(self._committed)

    def flush(self) -> None:
        """Wait until all that was said so far is committed."""
        done = Event()
        self._put(lambda: self._ending.tell.append(done))
        while not done.wait(_POLL_S):
            self.check()

    def check(self) -> None:
        """Raise what the thread has failed with, if it has."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Commit what is queued, end the run, join the thread. Once more does no harm."""
        if self._closed:
            return
        self._ended = time.monotonic()
        try:
            self._put(self._finish)
        finally:
            self._closed = True
            self._thread.join()
            self._lock.release()
        self.check()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except DatabaseError:
            if error is None:  # otherwise the first error is the one to tell
                raise

    def _put(self, task: _Task) -> None:
        if self._closed:
            raise ValueError("the writer is closed")
        while True:
            self.check()
            try:
                return self._tasks.put(task, timeout=_POLL_S)
            except queue.Full:
                continue

    def _work(self) -> None:
        try:
            with in_plain_words(self._path):
                self._serve()
        except BaseException as failure:  # for the owner, who raises it in check
            self._failure = failure

    def _serve(self) -> None:
        due = looked = time.monotonic()
        with closing(_Connection(self._engine)) as connection:
            while not self._finished:
                task = self._next(due if self._wanted else looked + _LOOK_S)
                if task:
                    waited = self._wanted
                    task()
                    due = due if waited else time.monotonic() + self._commit_s
                now = time.monotonic()
                if self._ending and self._trouble is None:
                    due = now
                if now >= (due if self._wanted else looked + _LOOK_S):
                    looked = now
                    written = self._commit(connection)  # which may have waited for a lock
                    pause_s = 0.0 if self._ending else self._commit_s  # others may want the lock
                    due = time.monotonic() + (pause_s if written else _RETRY_S)

    def _next(self, until: float) -> _Task | None:
        """The next thing to do; None where a commit is due first, or nothing more can be kept."""
        left_s = min(max(0.0, until - time.monotonic()), _LOOK_S)
        if self.full:
            time.sleep(min(left_s, _RETRY_S))
            return None
        try:
            return self._tasks.get(timeout=left_s)
        except queue.Empty:
            return None

    @property
    def _wanted(self) -> bool:
        """Whether there is something to commit."""
        return self._recording.pending or self._segments.pending or bool(self._ending) or self._renewing

    def _commit(self, connection: _Connection) -> bool:
        """Write what there is, if anything; whether that was possible."""
        why = self._place.trouble()
        if why and not self._patient:
            raise DatabaseError(f"the history {self._path} {why}")
        try:
            if self._wanted and not why:
                with connection.begun() as transaction:
                    self._write(transaction)
        except DBAPIError as error:
            self._recording.take_back()
            connection.close()
            why = passing(error, disk=self._patient)
            if not why:
                raise
        if why:
            self._wait(why)
            return False
        self._settle()
        return True

    def _write(self, connection: Connection) -> None:
        self._recording.write(connection)
        self._segments.write(connection)
        for camera, start, end in self._ending.erase:
            erase(connection, camera=camera, start=start, end=end, keep_run=self._run)
        left = lay(connection)
        self._renewing = renew(connection, most=_RENEWED_AT_ONCE) == _RENEWED_AT_ONCE or left
        if self._ending.finish:
            connection.execute(update(schema.Run).where(schema.Run.id == self._run).values(ended=time.time()))

    def _wait(self, why: str) -> None:
        """It can't be written just now. At the end a disk is not waited for for ever."""
        since = time.monotonic() if self._trouble is None else self._trouble[1]
        self._trouble = why, since
        if "locked" not in why and time.monotonic() - self._ended >= _LAST_S:
            raise DatabaseError(
                f"the history {self._path} {why}; what was seen since {time.monotonic() - since:.0f} s "
                "before the end is lost"
            )

    def _settle(self) -> None:
        self._trouble = None
        ending, self._ending = self._ending, _Ending()
        self._recording.settle()
        self._segments.settle()
        if self._recording.erased:
            self._erased.put(self._recording.erased)
            self._recording.erased = Held()
        now = time.monotonic()
        for tell in self._committed:
            tell(now)
        self._committed.clear()
        if self._renewing and not (ending.finish and self._patient):  # a live run does not wait at its end
            self._ending.tell, self._ending.finish = ending.tell, ending.finish
            return
        for done in ending.tell:
            done.set()
        self._finished = ending.finish

    def _frames(self, camera: str, count: int, end: float, on_commit: Callable[[float], None] | None) -> None:
        self._recording.frames(camera, count, end)
        if on_commit is not None:
            self._committed.append(on_commit)

    def _finish(self) -> None:
        self._ending.finish = True


class _Connection:
    """One that is made anew where it was closed, and does not wait for a lock: the thread has other work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: Connection | None = None

    @contextmanager
    def begun(self) -> Iterator[Connection]:
        """A transaction. Raises DBAPIError where it can't begin or be committed; then close."""
        if self._open is None:
            self._open = self._engine.connect()
            driver = self._open.connection.driver_connection
            assert driver is not None  # it is open
            driver.execute(f"PRAGMA busy_timeout = {round(1000 * _RETRY_S)}")
        with self._open.begin():
            yield self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None


def _begin_run(connection: Connection, command: str, version: str) -> int:
    statement = insert(schema.Run).values(started=time.time(), command=command, version=version)
    return connection.execute(statement.returning(schema.Run.id)).scalar_one()


def _register_model(connection: Connection, fingerprint: str, dimension: int, engine: Engine) -> int:
    check_model(connection, fingerprint, path_of(engine))
    known = connection.execute(
        select(schema.Model.id, schema.Model.dimension).where(schema.Model.fingerprint == fingerprint)
    ).first()
    if known is None:
        statement = insert(schema.Model).values(fingerprint=fingerprint, dimension=dimension)
        return connection.execute(statement.returning(schema.Model.id)).scalar_one()
    if known.dimension != dimension:
        raise DatabaseError(
            f"the history {path_of(engine)} holds vectors of a model {fingerprint} with {known.dimension} "
            f"numbers each, not {dimension}; name another file with --db, or call the model otherwise"
        )
    return int(known.id)
