"""Corrections made in the window: put in line for the history, told, undone and made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PyQt5.QtCore import QObject, pyqtSignal

from app.gui.reader import Reader
from app.history.corrections import told
from storage.history import History
from storage.repair import CorrectionError, CorrectionRow, Repair

Change = Callable[[Repair], int]
"""Makes a correction; its number."""


@dataclass(frozen=True)
class Made:
    """What was done. undone: a correction was taken back."""

    row: CorrectionRow

    @property
    def undone(self) -> bool:
        return self.row.undone is not None

    @property
    def told(self) -> str:
        return f"Undone: {told(self.row)}" if self.undone else told(self.row)


class Corrector(QObject):
    """Changes to the history that is open, one after the other, in the reader's thread.

    *Signals*:
      done(object): what was Made.
      changed(): what can be undone or made again is another.
    """

    done = pyqtSignal(object)
    changed = pyqtSignal()

    def __init__(self, reader: Reader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = reader
        self._redo: list[CorrectionRow] = []
        self._undo: CorrectionRow | None = None

    @property
    def undo_told(self) -> str | None:
        """What the next undo takes back; None where nothing is left."""
        return None if self._undo is None else told(self._undo)

    @property
    def redo_told(self) -> str | None:
        """What was undone last and would be made again."""
        return told(self._redo[-1]) if self._redo else None

    def make(self, change: Change) -> None:
        """Puts a correction in line."""
        self._reader.do("correction", partial(_make, change=change))

    def undo(self, number: int | None = None) -> None:
        """Takes a correction back, or the last."""
        if number is not None or self._undo is not None:
            self.make(lambda repair: repair.undo(number))

    def redo(self, row: CorrectionRow | None = None) -> None:
        """Makes anew what was undone, or what was undone last."""
        row = row or (self._redo[-1] if self._redo else None)
        if row is not None:
            self.make(partial(again, row=row))

    def take(self, made: Made) -> None:
        """What the history did."""
        if made.undone:
            self._redo.append(made.row)
        elif self._redo and _same(self._redo[-1], made.row):
            self._redo.pop()
        else:
            self._redo.clear()
        self.done.emit(made)
        self.changed.emit()

    def set_journal(self, rows: Sequence[CorrectionRow]) -> None:
        """The corrections there are, oldest first."""
        self._undo = next((row for row in reversed(rows) if row.undone is None), None)
        self.changed.emit()

    def clear(self) -> None:
        """Another history."""
        self._redo.clear()
        self._undo = None
        self.changed.emit()


def merge(repair: Repair, *, kept: int, other: int, anyway: bool = False) -> int:
    """Two are one. Raises TogetherError where they were in one view at once, unless anyway."""
    return repair.merge(kept, other, anyway=anyway)


def _make(history: History, *, change: Change) -> Made:
    repair = Repair(history.engine)
    return Made(repair.correction(change(repair)))


def _same(undone: CorrectionRow, made: CorrectionRow) -> bool:
    """Whether it is the same correction made again."""
    return (undone.kind, undone.people, undone.name) == (made.kind, made.people, made.name)


def again(repair: Repair, *, row: CorrectionRow) -> int:
    """The same correction once more; its new number. Raises CorrectionError where that makes no sense now."""
    first, second = row.people[0] if row.people else (None, None)
    if row.kind == "refine" or first is None:
        raise CorrectionError("a second pass is made again by 'sightline refine --apply'")
    target = first if second is None else second
    changes: dict[str, Change] = {
        "merge": lambda repair: repair.merge(target, first, anyway=True),
        "differ": lambda repair: repair.differ(first, target),
        "name": lambda repair: repair.name(first, row.name or ""),
        "split": lambda repair: repair.split(first, row.sightings, target),
        "move": lambda repair: repair.move(row.sightings[0], target),
        "cut": lambda repair: repair.cut(row.sightings[0], float(row.note or 0.0), target),
    }
    return changes[row.kind](repair)
