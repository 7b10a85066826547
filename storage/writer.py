"""The only thread that writes to a history while a run goes on."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from threading import Event, Thread
from types import TracebackType

from sqlalchemy import Connection, Engine, insert, select, update

from storage import schema
from storage.database import path_of, writing
from storage.errors import DatabaseError, in_plain_words
from storage.lock import RunLock
from storage.recording import Recording, erase
from storage.segments import SegmentRow, Segments
from storage.vectors import check_model
from tracker.types import Point, Portrait, Sighting

_POLL_S = 0.1  # how soon a waiting caller sees that the thread has failed

_Task = Callable[[Connection], None]


class Writer:
    """Takes what a run finds and commits it about every ``commit_s`` seconds, in a thread of its own.

    Calls only queue, and block where ``queue_size`` reports wait. What the thread fails with is raised by the
    next call, by ``check`` and by ``close``: DatabaseError for a full disk and the like; all that was
    committed before stays. One run at a time writes to a file.

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
    ) -> None:
        self._path = path_of(engine)
        self._engine = writing(engine)
        self._commit_s = commit_s
        self._tasks: queue.Queue[_Task] = queue.Queue(queue_size)
        self._failure: BaseException | None = None
        self._closed = self._finished = False
        with ExitStack() as on_failure:
            self._lock = on_failure.enter_context(RunLock(self._path))
            with in_plain_words(self._path), self._engine.begin() as connection:
                model_row = _register_model(connection, model, dimension, engine)
                self._run = _begin_run(connection, command, version)
            on_failure.pop_all()
        self._recording = Recording(run=self._run, model=model_row, dimension=dimension)
        self._segments = Segments()
        self._committed: list[Callable[[float], None]] = []  # whom to tell
        self._thread = Thread(target=self._work, name="history writer", daemon=True)
        self._thread.start()

    def footage(self, camera: str, *, uri: str, start: float, width: int, height: int) -> None:
        """From now on the camera's pictures come from this source; its first frame is at ``start``."""
        self._put(lambda _: self._recording.footage(camera, uri, start, width, height))

    def frames(
        self, camera: str, count: int, end: float, *, on_commit: Callable[[float], None] | None = None
    ) -> None:
        """The camera's present footage has ``count`` frames so far, the last of them at ``end``.

        on_commit: is called in the writer's thread, with the moment (monotonic seconds), once this and all
        that was said before is on disk; must return quickly.
        """
        self._put(lambda _: self._frames(camera, count, end, on_commit))

    def sighting(self, sighting: Sighting) -> None:
        """A sighting as known now; it replaces what was said of the same number."""
        self._put(lambda _: self._recording.sighting(sighting))

    def point(self, number: int, point: Point) -> None:
        """The next step of a sighting, later than the one before."""
        self._put(lambda _: self._recording.point(number, point))

    def portrait(self, number: int, portrait: Portrait) -> None:
        """A good picture of a sighting, one of a few."""
        self._put(lambda _: self._recording.portrait(number, portrait))

    def erase(self, camera: str, start: float, end: float) -> None:
        """Remove what earlier runs recorded of the camera in that span; see storage.recording.erase."""
        self._put(partial(self._erase, camera, start, end))

    def knows(self, last: int) -> None:
        """The run's new people get ids above ``last``; one that a correction takes meanwhile is given way."""
        self._put(lambda _: self._recording.knows(last))

    def segment(self, row: SegmentRow) -> None:
        """A file of recorded footage as known now; it replaces what was said of the same path."""
        self._put(lambda _: self._segments.say(row.path, row))

    def forget_segment(self, path: str) -> None:
        """The file is gone."""
        self._put(lambda _: self._segments.say(path, None))

    @property
    def queued(self) -> int:
        """How many tasks the thread has yet to do, about."""
        return self._tasks.qsize()

    def flush(self) -> None:
        """Wait until all that was said so far is committed."""
        done = Event()
        self._put(partial(self._acknowledge, done))
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
            with in_plain_words(self._path), self._engine.connect() as connection:
                self._serve(connection)
        except BaseException as failure:  # for the owner, who raises it in check
            self._failure = failure

    def _serve(self, connection: Connection) -> None:
        due = math.inf
        while not self._finished:
            task = self._next(due)
            if task:
                task(connection)
            due = min(due, time.monotonic() + self._commit_s) if self._pending else math.inf
            if time.monotonic() >= due:
                self._commit(connection)
                due = math.inf

    def _next(self, due: float) -> _Task | None:
        """The next thing to do; None where a commit is due first."""
        try:
            return self._tasks.get(timeout=None if due == math.inf else max(0.0, due - time.monotonic()))
        except queue.Empty:
            return None

    def _commit(self, connection: Connection) -> None:
        if self._pending:
            with connection.begin():
                self._recording.commit(connection)
                self._segments.commit(connection)
        now = time.monotonic()
        for tell in self._committed:
            tell(now)
        self._committed.clear()

    def _frames(self, camera: str, count: int, end: float, on_commit: Callable[[float], None] | None) -> None:
        self._recording.frames(camera, count, end)
        if on_commit is not None:
            self._committed.append(on_commit)

    @property
    def _pending(self) -> bool:
        return self._recording.pending or self._segments.pending

    def _acknowledge(self, done: Event, connection: Connection) -> None:
        self._commit(connection)
        done.set()

    def _erase(self, camera: str, start: float, end: float, connection: Connection) -> None:
        self._commit(connection)
        with connection.begin():
            erase(connection, camera=camera, start=start, end=end, keep_run=self._run)

    def _finish(self, connection: Connection) -> None:
        self._commit(connection)
        with connection.begin():
            connection.execute(update(schema.Run).where(schema.Run.id == self._run).values(ended=time.time()))
        self._finished = True


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
