"""The small windows: streams to open, problems, keys, about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.asking import present
from app.gui.style import GAP
from app.gui.text import Label
from app.gui.words import in_window


class StreamsDialog(QDialog):
    """Asks for the addresses of live streams, one a line; those that are open stand there already."""

    def __init__(self, addresses: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open streams")
        self.setMinimumWidth(520)
        label = Label("Addresses of the cameras, one a line:")
        self.field = QPlainTextEdit()
        self.field.setPlaceholderText("rtsp://user:password@192.168.1.20/stream1")
        self.field.setAccessibleName("Addresses")
        self.field.setPlainText("\n".join(addresses))
        buttons = QDialogButtonBox()
        for button in (QDialogButtonBox.StandardButton.Open, QDialogButtonBox.StandardButton.Cancel):
            buttons.addButton(button)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP)
        for part in (label, self.field, buttons):
            layout.addWidget(part)

    def addresses(self) -> list[str]:
        """What was written, without empty lines."""
        return [line.strip() for line in self.field.toPlainText().splitlines() if line.strip()]


def show_problem(
    parent: QWidget | None,
    sentence: str,
    *,
    hint: str = "",
    details: str = "",
    remedy: str = "",
    do: Callable[[], None] | None = None,
) -> QMessageBox:
    """Opens a box with one sentence and returns at once. details: text that can be unfolded and copied.

    remedy: what a further button says, whose press does ``do``.
    """
    icon = QMessageBox.Icon.Critical if details else QMessageBox.Icon.Warning
    box = QMessageBox(icon, "Sightline", in_window(sentence), QMessageBox.StandardButton.Ok, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(hint)
    if details:
        box.setDetailedText(details)
    if do is not None:
        button = QPushButton(remedy)
        button.clicked.connect(lambda: do())
        box.addButton(button, QMessageBox.ButtonRole.ActionRole)
    box.setEscapeButton(QMessageBox.StandardButton.Ok)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    present(box)
    return box


def show_keys(parent: QWidget, keys: Sequence[tuple[str, str, str]]) -> QDialog:
    """Opens the sheet of keys, and returns at once. keys: where, which, what for."""
    dialog = QDialog(parent)
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    table = QTableWidget(len(keys), 3)
    table.setHorizontalHeaderLabels(["Where", "Key", "What for"])
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    for row, told in enumerate(keys):
        for column, text in enumerate(told):
            table.setItem(row, column, QTableWidgetItem(text))
    heads, numbers = table.horizontalHeader(), table.verticalHeader()
    if heads is not None and numbers is not None:
        heads.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        heads.setStretchLastSection(True)
        numbers.hide()
    layout = QVBoxLayout(dialog)
    layout.addWidget(table)
    dialog.resize(920, 680)
    present(dialog)
    return dialog


def show_about(parent: QWidget) -> None:
    """Opens the box that says what this is, and returns at once."""
    text = (
        f"<h3>Sightline {version('sightline')}</h3>"
        "<p>Who was where, when, and how sure we are:<br>people followed over many cameras.</p>"
        "<p>AGPL-3.0-only. Built with PyQt5 (GPL-3) and ultralytics (AGPL-3.0).</p>"
    )
    box = QMessageBox(QMessageBox.Icon.NoIcon, "About Sightline", text, QMessageBox.StandardButton.Ok, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    present(box)
