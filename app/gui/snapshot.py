"""The pictures that the footage shows, as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt5.QtWidgets import QWidget

from app.gui.asking import ask_for_folder
from app.gui.dialogs import show_problem
from app.gui.footage_page import FootagePage
from app.gui.words import count


def ask_snapshot(window: QWidget, footage: FootagePage, say: Callable[[str], None]) -> None:
    """Asks for the folder, where there is anything to be saved. say: is told what was."""
    if footage.shows_pictures:
        ask_for_folder(window, "Save the pictures shown in", partial(save_snapshot, window, footage, say))
    else:
        show_problem(window, "No footage is shown: open the Footage tab, and what it shows can be saved.")


def save_snapshot(window: QWidget, footage: FootagePage, say: Callable[[str], None], folder: Path) -> None:
    """Writes the pictures into the folder, and says how many."""
    written = footage.snapshot(folder)
    if written:
        say(f"{count(len(written), 'picture')} saved in {folder}")
    else:
        show_problem(window, f"Nothing could be written in {folder}.", hint="Choose another folder.")
