"""What goes on while a history of an older Sightline is opened: its schema is brought up to date."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtWidgets import QProgressDialog, QWidget

from app.gui.asking import present
from app.gui.reader import Reader


class UpgradeDialog(QProgressDialog):
    """Opens by itself once the reader tells of an upgrade, and closes when that is over; Cancel stops it."""

    def __init__(self, reader: Reader, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Upgrading a history")
        self.setMinimumWidth(480)
        self.setAutoClose(False)
        self.setAutoReset(False)
        self.reset()  # nothing is shown yet
        self._reader = reader
        reader.upgrading.connect(self._take)
        reader.answered.connect(self._close)
        reader.failed.connect(self._close)
        self.canceled.connect(self._stop)

    def _take(self, path: Path, told: str, share: float | None) -> None:
        if not self.isVisible():
            if self.wasCanceled():
                return
            present(self)
        self.setLabelText(f"{path.name} is of an older Sightline. It is brought up to date, once: {told}.")
        self.setMaximum(0 if share is None else 100)
        if share is not None:
            self.setValue(round(100 * share))

    def _stop(self) -> None:
        self._reader.stop_upgrade()

    def _close(self, key: str, answer: object) -> None:
        """Whatever is answered, or fails, is of a history that is open, or not to be."""
        if self.isVisible() or self.wasCanceled():
            self.reset()
            self.done(0)
