"""The window is asked who is in a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from heartbeat import heartbeat
from PyQt5.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot
from street import street_crops, street_film, street_history, written
from window_help import choose_files, closed, problem

from app.config import Settings
from app.gui.found_dialog import FoundDialog
from app.gui.main import loaded_run
from app.gui.window import MainWindow
from reid.embedder import open_embedder
from tracker.types import Image

pytestmark = pytest.mark.usefixtures("assets")

LOADING_MS = 60_000


@pytest.fixture(scope="module")
def film(shared: Path) -> list[Image]:
    return street_film(shared)


@pytest.fixture(scope="module")
def history(assets: None, shared: Path, tmp_path_factory: pytest.TempPathFactory, film: list[Image]) -> Path:
    embedder = open_embedder(shared / "weights/person-reidentification-retail-0277.xml", device="cpu")
    folder = tmp_path_factory.mktemp("window")
    return street_history(folder / "history.db", street_crops(shared, film), embedder)


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, history: Path) -> Iterator[MainWindow]:
    window = MainWindow(build=loaded_run, settings=Settings((), database=history))
    with qtbot.waitActive(window):
        window.show()
    yield window
    closed(window, qtbot)


def dialogs() -> list[FoundDialog]:
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, FoundDialog) and one.isVisible()]


def test_a_photograph_is_asked_about_and_a_press_chooses_the_person(
    window: MainWindow, qtbot: QtBot, film: list[Image], tmp_path: Path
) -> None:
    """Through the menu's action; the window goes on living while the networks are loaded."""
    photo = written(tmp_path, film[0])
    with heartbeat() as gaps:
        window.actions_.find.trigger()
        choose_files(qtbot, photo)
        assert "Looking for who is in photo.png" in window.line.text
        qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=LOADING_MS)
    assert max(gaps) < 2.0
    [dialog] = dialogs()
    assert dialog.windowTitle() == "Who is in photo.png"
    buttons = dialog.findChildren(QToolButton)
    sure = [button for button in buttons if button.text().splitlines()[1] in ("Match 100 %", "Match >99 %")]
    assert sorted(button.text().splitlines()[0] for button in sure) == ["Person 1", "Person 2"]
    assert all(not button.icon().isNull() for button in sure)
    second = next(button for button in sure if button.text().startswith("Person 2"))
    qtbot.mouseClick(second, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    assert window.people.person == 2
    assert dialog.isVisible(), "for the next one"
    dialog.close()


def test_a_picture_that_is_dropped_is_asked_about(
    window: MainWindow, qtbot: QtBot, film: list[Image], tmp_path: Path
) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(written(tmp_path, film[0])))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(
        QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys, QEvent.Type.Drop)
    )
    qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=LOADING_MS)
    assert window.settings.cameras == ()
    dialogs()[0].close()


def test_what_is_no_picture_and_a_history_that_is_not_there_are_one_sentence_each(
    window: MainWindow, qtbot: QtBot, film: list[Image], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    window.find_picture(tmp_path / "text.jpg")
    sentence = "text.jpg: is no picture, or damaged; give a picture such as .jpg or .png."
    assert problem(qtbot) == f"{tmp_path}/{sentence}"
    window.open_history(tmp_path / "none.db")
    window.find_picture(written(tmp_path, np.zeros((9, 9, 3), np.uint8)))
    assert problem(qtbot) == f"Nobody was recorded in {tmp_path / 'none.db'} yet: run something first."


def test_the_person_of_a_sighting_and_whoever_is_in_a_box_of_the_footage_are_looked_for(
    window: MainWindow, qtbot: QtBot, film: list[Image], shared: Path
) -> None:
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)
    window.people.choose(2)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    window.sightings.choose(window.sightings.model.rows[0])
    qtbot.keyClick(window.sightings.list, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=LOADING_MS)
    assert dialogs()[0].windowTitle().startswith("Who is in sighting ")
    likeliest = dialogs()[0].findChildren(QToolButton)[0].text().splitlines()
    assert likeliest[0] == "Person 2"
    assert likeliest[1] in ("Match 100 %", "Match >99 %")
    dialogs()[0].close()
    qtbot.waitUntil(lambda: not dialogs())
    crop = street_crops(shared, film)[1][0]
    window.footage.marked.emit(crop, "gate")
    qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=LOADING_MS)
    assert "a box on gate" in dialogs()[0].windowTitle()
    assert dialogs()[0].findChildren(QToolButton)[0].text().startswith("Person 1")
    dialogs()[0].close()
