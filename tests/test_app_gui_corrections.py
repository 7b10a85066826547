"""Corrections made in a real window: by menu, by key, by dragging; and what it then shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import write_clip
from PyQt5.QtCore import QEvent, QMimeData, QPointF, Qt
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QApplication, QDialog, QInputDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from small_history import name_footage, small_history, writer
from window_help import boxes, building, chosen, closed, problem, real_keys

from app.config import Settings
from app.gui.forget_dialog import ForgetDialog
from app.gui.memory import Memory
from app.gui.pair_dialog import PairDialog
from app.gui.rows import PERSON_MIME, SIGHTINGS_MIME, dragged
from app.gui.window import MainWindow
from storage.database import open_database
from storage.forgetting import Forgetting, Order
from storage.history import History
from storage.repair import Repair
from tracker.types import Sighting


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(small_history(tmp_path / "small.db", compared=True))


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, history: History) -> Iterator[MainWindow]:
    """With the small history, and Ann chosen."""
    settings = Settings((), database=history.path)
    window = MainWindow(build=building([]), settings=settings, memory=Memory())
    chosen(window, qtbot)
    yield window
    closed(window, qtbot)


def key(window: MainWindow, qtbot: QtBot, which: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.people.list.setFocus()
    qtbot.keyClick(window.people.list, which, modifier or Qt.KeyboardModifier.NoModifier)


def said(window: MainWindow, qtbot: QtBot, words: str) -> None:
    qtbot.waitUntil(lambda: words in window.line.text)
    qtbot.waitUntil(lambda: not window.reader.busy("people"))


def pair(window: MainWindow, qtbot: QtBot, other: int | None = None) -> PairDialog:
    """The dialog that is open, with somebody at the right and the pictures there."""
    qtbot.waitUntil(lambda: bool(window.findChildren(PairDialog)))
    [dialog] = window.findChildren(PairDialog)
    if other is not None:
        dialog.choose(other)
    if dialog.other is not None:
        qtbot.waitUntil(lambda: bool(dialog.left.wall.pictures) and bool(dialog.right.wall.pictures))
    return dialog


def press(qtbot: QtBot, button: QPushButton) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def sightings_of(history: History, person: int | None) -> list[int]:
    return [row.id for row in history.sightings() if row.person == person]


def drop(target: object, mime: QMimeData, place: QPointF) -> None:
    """As the end of a drag is delivered."""
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    target.dropEvent(QDropEvent(place, Qt.DropAction.MoveAction, mime, buttons, keys, QEvent.Type.Drop))  # type: ignore[attr-defined]


def test_a_person_is_named_by_key_and_the_name_is_text(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    key(window, qtbot, Qt.Key.Key_F2)
    qtbot.waitUntil(lambda: bool(window.findChildren(QInputDialog)))
    [dialog] = window.findChildren(QInputDialog)
    assert dialog.textValue() == "Ann"
    dialog.setTextValue("<b>Bo</b> & Co")
    dialog.accept()
    qtbot.waitUntil(lambda: window.people.names() == {1: "<b>Bo</b> & Co"})
    qtbot.waitUntil(lambda: "<b>Bo</b> & Co" in window.sightings._title.text())
    labels = [label for label in window.findChildren(QLabel) if "<b>" in label.text()]
    assert labels
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in labels)
    qtbot.waitUntil(lambda: "&lt;b&gt;" in window.actions_.undo.toolTip())
    window.actions_.undo.trigger()
    qtbot.waitUntil(lambda: window.people.names() == {1: "Ann"})


def test_two_people_are_merged_by_menu_after_they_were_seen_side_by_side(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    key(window, qtbot, Qt.Key.Key_M)
    dialog = pair(window, qtbot)
    assert not dialog.buttons["Same person"].isEnabled(), "nobody is chosen yet"
    qtbot.waitUntil(lambda: "Ann" in dialog.left.title.text())
    qtbot.keyClicks(dialog.words, "2")
    dialog = pair(window, qtbot)
    assert dialog.right.title.text() == "Person 2"
    press(qtbot, dialog.buttons["Same person"])
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [1])
    assert sightings_of(history, 1) == [1, 2, 3, 4]
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 4)
    assert window.people.rows[0].sightings == 4, "card and panel agree"


def beside_2_by_keys(key: str, window: MainWindow, qtbot: QtBot) -> None:
    """The chosen one side by side with person 2, as that key asks for."""
    real_keys(key)
    dialog = pair(window, qtbot)
    qtbot.waitUntil(dialog.isActiveWindow)
    real_keys("2", "Return")
    qtbot.waitUntil(lambda: dialog.other == 2 and dialog.list.hasFocus())


def test_by_real_keys_alone_two_are_merged_taken_back_named_and_told_apart(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    """No window manager is there: each window that opens must ask for the keyboard, and give it back."""
    window.people.list.setFocus()
    beside_2_by_keys("m", window, qtbot)
    real_keys("s")
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [1])
    qtbot.waitUntil(window.isActiveWindow)
    real_keys("ctrl+z")
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)
    real_keys("F2")
    qtbot.waitUntil(lambda: any(one.isActiveWindow() for one in window.findChildren(QInputDialog)))
    real_keys("ctrl+a", "B", "o", "Return")
    qtbot.waitUntil(lambda: window.people.names() == {1: "Bo"})
    beside_2_by_keys("d", window, qtbot)
    real_keys("d")
    qtbot.waitUntil(lambda: Repair(history.engine).journal()[-1].kind == "differ")
    real_keys("F1")
    qtbot.waitUntil(lambda: window.findChildren(QDialog)[-1].isActiveWindow())
    real_keys("Escape")
    qtbot.waitUntil(window.isActiveWindow)


def test_two_who_were_in_one_view_at_once_are_merged_only_anyway(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    with writer(history.engine) as record:
        name_footage(record)
        for number, who in ((11, 1), (12, 2)):
            record.sighting(Sighting(number, "left", 50.0, 55.0, who, 0.9))
    qtbot.waitUntil(lambda: window.people.rows[0].last == 55.0)
    window.actions_.merge.trigger()
    press(qtbot, pair(window, qtbot, 2).buttons["Same person"])
    qtbot.waitUntil(lambda: bool(boxes()))
    [box] = boxes()
    assert "in view of left at once" in box.text()
    assert "00:50" in box.text()
    assert len(window.people.rows) == 2
    anyway = next(button for button in box.buttons() if button.text() == "Merge anyway")
    qtbot.mouseClick(anyway, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.people.rows) == 1)


def test_undo_and_redo_say_what_they_would_do(window: MainWindow, qtbot: QtBot, history: History) -> None:
    assert not window.actions_.undo.isEnabled()
    key(window, qtbot, Qt.Key.Key_M)
    press(qtbot, pair(window, qtbot, 2).buttons["Same person"])
    qtbot.waitUntil(lambda: len(window.people.rows) == 1)
    qtbot.waitUntil(window.actions_.undo.isEnabled)
    told = window.actions_.undo.text().removeprefix("&Undo: ")
    assert "2" in told
    key(window, qtbot, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)
    qtbot.waitUntil(window.actions_.redo.isEnabled)
    assert window.actions_.redo.text() == f"&Redo: {told}"
    window.actions_.redo.trigger()
    qtbot.waitUntil(lambda: len(window.people.rows) == 1)
    qtbot.waitUntil(lambda: not window.actions_.redo.isEnabled())


def test_a_card_that_is_dropped_on_another_asks_before_it_merges(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    row = next(n for n, one in enumerate(window.people.rows) if one.id == 1)
    place = QPointF(window.people.list.visualRect(window.people.model.index(row)).center())
    drop(window.people.list, dragged(PERSON_MIME, [2]), place)
    dialog = pair(window, qtbot)
    assert dialog.other == 2
    assert sightings_of(history, 2) == [3, 4]
    press(qtbot, dialog.buttons["Never the same"])
    said(window, qtbot, "Told 1 and 2 apart")
    assert sightings_of(history, 2) == [3, 4]
    [correction] = Repair(history.engine).journal()
    assert correction.kind == "differ"


def test_sightings_that_are_dropped_on_a_person_are_theirs(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    row = next(n for n, one in enumerate(window.people.rows) if one.id == 2)
    place = QPointF(window.people.list.visualRect(window.people.model.index(row)).center())
    drop(window.people.list, dragged(SIGHTINGS_MIME, [2]), place)
    qtbot.waitUntil(lambda: sightings_of(history, 2) == [2, 3, 4])
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 1)


def test_a_sighting_is_moved_confirmed_and_split_off(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    second = history.sightings(person=1)[1]
    window.sightings.choose(second)
    window.actions_.confirm.trigger()
    qtbot.waitUntil(lambda: history.sightings(person=1)[1].probability == 1.0)
    window.actions_.move.trigger()
    press(qtbot, pair(window, qtbot, 2).buttons["Move here"])
    qtbot.waitUntil(lambda: sightings_of(history, 2) == [2, 3, 4])
    window.people.choose(2)
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 3)
    window.sightings.list.selectAll()
    window.sightings.choose(second)
    window.actions_.split.trigger()
    qtbot.waitUntil(lambda: len(window.people.rows) == 3)
    assert sightings_of(history, 2) == [3, 4]
    assert sightings_of(history, 3) == [2]


def test_several_sightings_are_split_off_as_one_new_person(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    key(window, qtbot, Qt.Key.Key_M)
    press(qtbot, pair(window, qtbot, 2).buttons["Same person"])
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 4)
    selection = window.sightings.list.selectionModel()
    for row in (0, 1):
        selection.select(window.sightings.model.index(row), selection.Select)
    assert len(window.sightings.selected) == 2
    window.actions_.move.trigger()
    dialog = pair(window, qtbot)
    assert dialog.windowTitle() == "Move 2 sightings"
    press(qtbot, dialog.buttons["Somebody new"])
    qtbot.waitUntil(lambda: sightings_of(history, 3) == [3, 4])


def test_what_nobody_was_given_is_listed_and_given_to_somebody(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    kind = window.people.bar.kind
    kind.setCurrentIndex(kind.findData("unidentified"))
    qtbot.waitUntil(lambda: [row.id for row in window.sightings.model.rows] == [5])
    assert window.people.rows == []
    window.sightings.choose(window.sightings.model.rows[0])
    window.actions_.move.trigger()
    press(qtbot, pair(window, qtbot, 2).buttons["Move here"])
    qtbot.waitUntil(lambda: sightings_of(history, 2) == [3, 4, 5])
    qtbot.waitUntil(lambda: window.sightings.model.rows == [])


def test_a_sighting_is_cut_at_the_time_that_is_shown(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    first = history.sightings(person=1)[0]
    window.sightings.choose(first)
    window.actions_.cut.trigger()
    assert "let the footage show the moment" in problem(qtbot)
    window.footage.playhead.seek(12.0)
    window.actions_.cut.trigger()
    qtbot.waitUntil(lambda: len(window.people.rows) == 3)
    rows = history.sightings(camera="left")
    assert [(row.start, row.end) for row in rows[:2]] == [(10.0, 11.9), (12.0, 14.0)]
    qtbot.waitUntil(window.actions_.undo.isEnabled)
    window.actions_.undo.trigger()
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)


def test_a_correction_that_makes_no_sense_is_one_sentence(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    window.corrector.make(lambda repair: repair.merge(1, 99))
    assert "99" in problem(qtbot)
    assert len(window.people.rows) == 2


def test_the_journal_takes_back_any_correction_and_makes_it_again(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    window.corrector.make(lambda repair: repair.name(2, "Bo"))
    window.corrector.make(lambda repair: repair.name(1, "Ana"))
    window.actions_.journal.setChecked(True)
    qtbot.waitUntil(lambda: window.journal.list.count() == 2)
    assert window.journal.isVisible()
    window.journal.list.setCurrentRow(1)  # the first correction
    press(qtbot, window.journal.undo_button)
    qtbot.waitUntil(lambda: window.people.names() == {1: "Ana"})
    qtbot.waitUntil(window.journal.again_button.isEnabled)
    press(qtbot, window.journal.again_button)
    qtbot.waitUntil(lambda: window.people.names() == {1: "Ana", 2: "Bo"})


def test_what_another_program_corrects_is_shown_on_card_and_panel(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    command = [sys.executable, "-m", "app.cli", "merge", "1", "2", "--db", str(history.path)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [1], timeout=10_000)
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 4)
    assert window.people.rows[0].sightings == 4
    qtbot.waitUntil(window.actions_.undo.isEnabled)


def test_every_kind_of_correction_can_be_made_again(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    """Undone one after the other and made again one after the other, all is as it was."""
    changes = [
        lambda repair: repair.name(2, "Bo"),
        lambda repair: repair.move(2, None),
        lambda repair: repair.split(2, [4], None),
        lambda repair: repair.cut(3, 21.0),
        lambda repair: repair.differ(1, 2),
        lambda repair: repair.merge(1, 3),
    ]
    for change in changes:
        window.corrector.make(change)
    qtbot.waitUntil(lambda: window.journal.list.count() == len(changes))
    before = [(row.person, row.start, row.end) for row in history.sightings()]
    for number in range(len(changes)):
        window.actions_.undo.trigger()
        qtbot.waitUntil(lambda: len(window.corrector._redo) == number + 1)  # noqa: B023
        qtbot.waitUntil(lambda: not window.reader.busy("journal") and not window.reader.busy("people"))
        qtbot.wait(50)
    assert sightings_of(History(open_database(history.path, create=False)), 1) == [1, 2]
    for number in range(len(changes)):
        window.actions_.redo.trigger()
        qtbot.waitUntil(lambda: len(window.corrector._redo) == len(changes) - number - 1)  # noqa: B023
    assert [(row.person, row.start, row.end) for row in history.sightings()] == before
    assert window.people.names()


def test_a_person_is_forgotten_once_it_was_seen_how_much_that_is(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    window.actions_.forget.trigger()
    [dialog] = window.findChildren(ForgetDialog)
    qtbot.waitUntil(lambda: dialog.order is not None)
    assert dialog.extent.text() == (
        "Gone will be: 2 sightings, 1 person of whom nothing is left, 4 vectors, 4 pictures."
    )
    assert not dialog.button.isEnabled(), "it was not said yet that it is meant"
    dialog.person.setCurrentIndex(0)
    assert "Say of whom" in dialog.extent.text()
    dialog.person.setCurrentIndex(1)
    dialog.before.setText("some day")
    assert "is no time" in dialog.extent.text()
    dialog.before.clear()
    qtbot.waitUntil(lambda: dialog.order is not None)
    dialog.sure.setChecked(True)
    qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [2])
    assert window.line.text == "Forgotten: 2 sightings, 4 pictures"
    assert sightings_of(history, 1) == []
    qtbot.waitUntil(lambda: window.people.person is None)


def test_corrections_made_while_a_run_goes_on_hold(
    qapp: QApplication, qtbot: QtBot, history: History, tmp_path: Path
) -> None:
    film = write_clip(tmp_path / "hall.mp4", frames=20)
    settings = Settings((), database=history.path)
    window = MainWindow(build=building([], pause_s=0.01), settings=settings, memory=Memory())
    with qtbot.waitActive(window):
        window.show()
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)
    window.add_files([str(film)])
    window.start()
    qtbot.waitUntil(lambda: window.grid.views["hall"].result is not None)
    window.people.choose(1)
    window.corrector.make(lambda repair: repair.merge(1, 2))
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [1])
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 4)
    assert window.run.running
    window.stop()
    qtbot.waitUntil(lambda: not window.run.running)
    assert sightings_of(history, 1) == [1, 2, 3, 4]
    closed(window, qtbot)


def test_somebody_whom_another_program_forgets_is_gone_without_a_word(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    window.sightings.choose(window.sightings.model.rows[0])
    forgetting = Forgetting(history.engine, remove=lambda path, camera: True)
    forgetting.order(Order("sightings", person=1))
    forgetting.carry_out()
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [2], timeout=20_000)
    qtbot.waitUntil(lambda: window.people.person is None, timeout=20_000)
    qtbot.waitUntil(
        lambda: [row.person for row in window.sightings.model.rows] == [None, 2, 2], timeout=20_000
    )
    assert boxes() == []
