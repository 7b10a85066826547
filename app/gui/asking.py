"""Windows that open above another: they have the keyboard while they are there, and ask for files and words.

A window manager hands the keyboard on. Where there is none, as on a kiosk, in a container or on a plain VNC
server, a window that does not ask for the keyboard never gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QDialog, QFileDialog, QInputDialog, QLineEdit, QWidget


def present(dialog: QDialog, *, modal: bool = True) -> None:
    """Shows a dialog with the keyboard in it and returns at once; the keyboard goes back when it closes."""
    fit_screen(dialog)
    parent = dialog.parentWidget()
    if parent is not None:
        dialog.finished.connect(partial(_give_back, parent))
    if modal:
        dialog.open()
    else:
        dialog.show()
    dialog.activateWindow()


def fit_screen(window: QWidget) -> None:
    """Makes a window no larger than the screen it is on, which nobody else does without a window manager."""
    screen = window.screen()
    if screen is not None and window.testAttribute(Qt.WidgetAttribute.WA_Resized):
        window.resize(window.size().boundedTo(screen.availableSize()))


def _give_back(parent: QWidget) -> None:
    """To a window that opened meanwhile above the parent, or else to the parent's."""
    below = QApplication.activeModalWidget() or parent.window()
    if below is not None:
        below.activateWindow()


def ask_for_files(parent: QWidget, title: str, kinds: str, take: Callable[[list[str]], None]) -> None:
    """Calls ``take`` with the files chosen. kinds: Qt's filter."""
    dialog = QFileDialog(parent, title, "", kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.filesSelected.connect(take)
    present(dialog)


def ask_for_file(
    parent: QWidget, title: str, kinds: str, take: Callable[[Path], None], folder: Path | None = None
) -> None:
    """Calls ``take`` with the one file chosen. folder: where to begin."""
    dialog = QFileDialog(parent, title, "" if folder is None else str(folder), kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.fileSelected.connect(lambda path: take(Path(path)))
    present(dialog)


def ask_for_new(
    parent: QWidget, title: str, kinds: str, take: Callable[[Path], None], proposed: Path
) -> None:
    """Calls ``take`` with the absolute path of what is to be made."""
    dialog = QFileDialog(parent, title, str(proposed.parent), kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.selectFile(proposed.name)
    dialog.fileSelected.connect(lambda path: take(Path(path).absolute()))
    present(dialog)


def ask_for_folder(parent: QWidget, title: str, take: Callable[[Path], None]) -> None:
    """Calls ``take`` with the folder chosen."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(lambda path: take(Path(path)))
    present(dialog)


def ask_for_text(
    parent: QWidget,
    title: str,
    label: str,
    take: Callable[[str], None],
    *,
    text: str = "",
    most: int | None = None,
) -> None:
    """Calls ``take`` with the line that was written. most: letters that there is room for."""
    dialog = QInputDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setLabelText(label)
    dialog.setTextValue(text)
    field = dialog.findChild(QLineEdit)
    if most is not None and field is not None:
        field.setMaxLength(most)
    dialog.textValueSelected.connect(take)
    present(dialog)
