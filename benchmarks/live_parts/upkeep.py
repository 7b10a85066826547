"""What people and programs do to a history while a run goes on: ask, correct, erase, lock, fill its disk.

All of it by a plan over the run's time, so that it is over well before the end.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from storage.database import open_database
from storage.errors import DatabaseError, UnknownPerson
from storage.forgetting import Forgetting, Order
from storage.history import History
from storage.repair import Repair

SMALL_DISK = 4e9  # bytes: a larger disk is not filled, for it is not the soak's own
HALF_OPEN = 300
ASK_S, CORRECT_S, FORGET_S = 2.0, 4.0, 45.0


@dataclass
class Done:
    """How often, and how long answers took. failed: what others were told; asked_s: of each question."""

    asked_s: list[float] = field(default_factory=list)
    corrected_s: list[float] = field(default_factory=list)
    forgotten: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    lock_s: float = 0.0
    full_s: float = 0.0
    flood_s: float = 0.0

    def told(self) -> str:
        questions, corrections = _spread(self.asked_s), _spread(self.corrected_s)
        held = f"locked for {self.lock_s:.0f} s, disk full for {self.full_s:.0f} s, "
        return (
            f"{questions} questions, {corrections} corrections (some with their undo), "
            f"{self.forgotten} people erased; {held}metrics flooded for {self.flood_s:.0f} s; "
            f"refused: {self.failed or 'none'}"
        )


def _spread(seconds: list[float]) -> str:
    values = sorted(seconds) or [0.0]
    return f"{len(seconds)} (p50 {_at(values, 0.5):.3f} s, p95 {_at(values, 0.95):.3f} s)"


def _at(values: list[float], share: float) -> float:
    return values[min(int(share * len(values)), len(values) - 1)]


class Upkeep:
    """seconds: of the whole run: a lock is held for a sixth of it, the disk is full for a twelfth."""

    def __init__(self, database: Path, metrics: str, *, seconds: float, seed: int) -> None:
        self._database, self._metrics, self._seconds = database, metrics, seconds
        self._dice = random.Random(seed)
        self._stop = threading.Event()
        self._begun = time.monotonic()
        self.done = Done()

    def threads(self) -> list[threading.Thread]:
        works: list[Callable[[], None]] = [
            lambda: self._again(ASK_S, self._ask),
            lambda: self._again(CORRECT_S, self._correct),
            lambda: self._again(FORGET_S, self._forget),
            self._lock,
            self._fill,
            self._flood,
        ]
        return [threading.Thread(target=work, daemon=True) for work in works]

    def stop(self) -> None:
        self._stop.set()

    def _until(self, share: float) -> bool:
        """Waits for that share of the run; whether it goes on."""
        return not self._stop.wait(max(0.0, self._begun + share * self._seconds - time.monotonic()))

    def _again(self, every_s: float, work: Callable[[History], None]) -> None:
        history = History(open_database(self._database, create=False))
        while not self._stop.wait(self._dice.uniform(0.5, 1.5) * every_s):
            try:
                work(history)
            except (DatabaseError, UnknownPerson) as error:
                kind = (
                    "locked" if "lock" in str(error) else "full" if "full" in str(error) else str(error)[:60]
                )
                self.done.failed[kind] = self.done.failed.get(kind, 0) + 1

    def _ask(self, history: History) -> None:
        begun = time.monotonic()
        people = history.people(most=100)
        if people:
            history.sightings(person=self._dice.choice(people).id, most=100)
        self.done.asked_s.append(time.monotonic() - begun)

    def _correct(self, history: History) -> None:
        rows, people = history.sightings(most=200), history.people(most=50)
        if rows and people:
            begun = time.monotonic()
            repair = Repair(history.engine)
            number = repair.move(self._dice.choice(rows).id, self._dice.choice(people).id)
            if self._dice.random() < 0.7:
                repair.undo(number)
            self.done.corrected_s.append(time.monotonic() - begun)

    def _forget(self, history: History) -> None:
        people = history.people(most=50)
        if len(people) > 3:
            forgetting = Forgetting(history.engine, remove=lambda path, camera: False)
            forgetting.order(Order("sightings", person=self._dice.choice(people).id))
            self.done.forgotten += len(forgetting.carry_out())

    def _lock(self) -> None:
        if self._until(0.25):
            with closing(sqlite3.connect(self._database, timeout=60, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                begun = time.monotonic()
                self._until(0.25 + 1 / 6)
                file.execute("ROLLBACK")
                self.done.lock_s = time.monotonic() - begun

    def _fill(self) -> None:
        """Where the history is on a disk of its own."""
        folder = self._database.parent
        if shutil.disk_usage(folder).total > SMALL_DISK or not self._until(0.5):
            return
        filler, begun = folder / "filler", time.monotonic()
        with filler.open("wb") as file, suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(1 << 20))
        self._until(0.5 + 1 / 12)
        filler.unlink()
        self.done.full_s = time.monotonic() - begun

    def _flood(self) -> None:
        if not self._until(0.65):
            return
        begun, address = time.monotonic(), urlsplit(self._metrics)
        while not self._stop.is_set() and time.monotonic() - begun < self._seconds / 12:
            trickling = []
            for _ in range(HALF_OPEN):
                with suppress(OSError):
                    one = socket.create_connection((address.hostname, address.port), timeout=0.2)
                    one.sendall(b"G")
                    trickling.append(one)
            self._stop.wait(4.0)
            for one in trickling:
                one.close()
        self.done.flood_s = time.monotonic() - begun


@contextmanager
def upkeep(database: Path, metrics: str, *, seconds: float, seed: int) -> Iterator[Done]:
    running = Upkeep(database, metrics, seconds=seconds, seed=seed)
    threads = running.threads()
    for thread in threads:
        thread.start()
    try:
        yield running.done
    finally:
        running.stop()
        for thread in threads:
            thread.join(60)
