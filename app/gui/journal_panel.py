"""The journal of corrections: what was done, by whom, and what can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from app.gui.style import GAP
from app.gui.text import Label, tip
from app.history.corrections import told
from app.times import moment
from storage.repair import CorrectionRow

ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1


class JournalPanel(QWidget):
    """Every correction, the last at the top; the one chosen can be undone or made again.

    *Signals*:
      undo(int): the number of the correction to take back.
      again(object): the CorrectionRow that is to be made once more.
    """

    undo = pyqtSignal(int)
    again = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName("Journal")
        self.list.setWordWrap(True)
        self._empty = Label("Nothing has been corrected.", kind="muted")
        self.undo_button, self.again_button = QPushButton("Undo this"), QPushButton("Make again")
        buttons = QHBoxLayout()
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.again_button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP)
        layout.addWidget(self._empty)
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)
        self.list.currentItemChanged.connect(self._enable)
        self.undo_button.clicked.connect(self._undo)
        self.again_button.clicked.connect(self._again)
        self.set_rows(())

    @property
    def current(self) -> CorrectionRow | None:
        """The correction chosen."""
        item = self.list.currentItem()
        row = None if item is None else item.data(ROW_ROLE)
        return row if isinstance(row, CorrectionRow) else None

    def set_rows(self, rows: Sequence[CorrectionRow]) -> None:
        """The corrections, oldest first."""
        chosen = self.current
        self.list.clear()
        for row in reversed(rows):
            item = QListWidgetItem(_line(row))
            item.setData(ROW_ROLE, row)
            item.setToolTip(tip(f"Number {row.id}, by {row.author}"))
            if row.undone is not None:
                font = item.font()
                font.setStrikeOut(True)
                item.setFont(font)
            self.list.addItem(item)
            if chosen is not None and chosen.id == row.id:
                self.list.setCurrentItem(item)
        self._empty.setVisible(not rows)
        self._enable()

    def _enable(self) -> None:
        row = self.current
        self.undo_button.setEnabled(row is not None and row.undone is None)
        self.again_button.setEnabled(row is not None and row.undone is not None and row.kind != "refine")

    def _undo(self) -> None:
        if self.current is not None:
            self.undo.emit(self.current.id)

    def _again(self) -> None:
        if self.current is not None:
            self.again.emit(self.current)


def _line(row: CorrectionRow) -> str:
    by = " (second pass)" if row.author == "machine" else ""
    undone = f", undone {moment(row.undone)}" if row.undone is not None else ""
    return f"{row.id}  {told(row)}{by}\n{moment(row.time)}{undone}"
