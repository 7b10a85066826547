"""Pictures for lists, fetched once they are to be seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

from PyQt5.QtCore import QObject, QTimer, pyqtSignal
from PyQt5.QtGui import QImage

from app.gui import questions
from app.gui.questions import Face
from app.gui.reader import Reader

KEPT = 3000
"""Pictures in memory, some 30 kB each."""
AT_ONCE = 60


class Faces(QObject):
    """The best picture of a person or a sighting: at once where it is known, else soon.

    A picture has a version, a number that changes with what it is chosen from; where that is another, the old
    picture stands in until the new one is there.

    *Signals*:
      changed(): there are more.
    """

    changed = pyqtSignal()

    def __init__(self, reader: Reader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = reader
        self._known: OrderedDict[Face, tuple[int, QImage | None]] = OrderedDict()
        self._wanted: dict[Face, int] = {}
        self._asked: dict[Face, int] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._ask)

    def image(self, face: Face, version: int = 0) -> QImage | None:
        """None where there is none, or none yet."""
        known = self._known.get(face)
        if known is None or known[0] != version:
            self._wanted.pop(face, None)
            self._wanted[face] = version
            self._soon.start()
        else:
            self._known.move_to_end(face)
        return None if known is None else known[1]

    def has(self, face: Face) -> bool:
        """Whether it was fetched, be there one or none."""
        return face in self._known

    def clear(self) -> None:
        """Another history: nothing is known of it."""
        self._known.clear()
        self._wanted.clear()
        self._asked.clear()

    def take(self, found: Mapping[Face, QImage | None]) -> None:
        """What was fetched."""
        for face, image in found.items():
            self._known[face] = self._asked.get(face, 0), image
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self._asked.clear()
        self.changed.emit()
        if self._wanted:
            self._soon.start()

    def _ask(self) -> None:
        """Those that were wanted last, at most so many; what has been scrolled by is forgotten."""
        if self._reader.busy("faces"):
            return
        self._asked = dict(list(self._wanted.items())[-AT_ONCE:])
        self._wanted.clear()
        if self._asked:
            self._reader.ask("faces", partial(questions.faces, wanted=list(self._asked)))
