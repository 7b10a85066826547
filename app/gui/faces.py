"""Pictures for lists, fetched once they are to be seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
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

    *Signals*:
      changed(): there are more.
    """

    changed = pyqtSignal()

    def __init__(self, reader: Reader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = reader
        self._known: OrderedDict[Face, QImage | None] = OrderedDict()
        self._stale: set[Face] = set()
        self._wanted: dict[Face, None] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._ask)

    def image(self, face: Face) -> QImage | None:
        """None where there is none, or none yet."""
        if face not in self._known or face in self._stale:
            self._wanted.pop(face, None)
            self._wanted[face] = None
            self._soon.start()
        else:
            self._known.move_to_end(face)
        return self._known.get(face)

    def has(self, face: Face) -> bool:
        """Whether it was fetched, be there one or none."""
        return face in self._known

    def renew(self, faces: Iterable[Face]) -> None:
        """There may be better ones: the old ones stand in until they are fetched again."""
        self._stale.update(face for face in faces if face in self._known)

    def clear(self) -> None:
        """Another history: nothing is known of it."""
        self._known.clear()
        self._stale.clear()
        self._wanted.clear()

    def take(self, found: Mapping[Face, QImage | None]) -> None:
        """What was fetched."""
        for face, image in found.items():
            self._known[face] = image
            self._known.move_to_end(face)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self.changed.emit()
        if self._wanted:
            self._soon.start()

    def _ask(self) -> None:
        """Those that were wanted last, at most so many; what has been scrolled by is forgotten."""
        if self._reader.busy("faces"):
            return
        asked = list(self._wanted)[-AT_ONCE:]
        self._wanted.clear()
        self._stale.difference_update(asked)
        if asked:
            self._reader.ask("faces", partial(questions.faces, wanted=asked))
