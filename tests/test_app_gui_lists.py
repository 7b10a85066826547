"""People and sightings in a real window: filtered, sorted, walked through by keys, many of them; and what the
window remembers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heartbeat import heartbeat
from PyQt5.QtCore import QEvent, QMimeData, QPointF, QSettings, QSize, Qt, QUrl
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QApplication, QDialog, QMessageBox, QTableWidget
from pytestqt.qtbot import QtBot
from small_history import made_old, name_footage, night_history, picture, small_history, unit, writer
from window_help import Steady, boxes, building, closed, problem

from app.config import HeldError, Settings
from app.gui import questions
from app.gui.memory import Memory
from app.gui.start_dialog import StartsDialog
from app.gui.style import BACKGROUND
from app.gui.window import MainWindow
from storage.carrying import Carried
from storage.history import History
from storage.repair import Repair
from tracker.types import Portrait, Sighting

MANY = 120


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(small_history(tmp_path / "small.db"))


@pytest.fixture
def many(tmp_path: Path) -> History:
    """More people than fit, on three days, the last of each day on the right."""
    engine = small_history(tmp_path / "many.db")
    with writer(engine) as record:
        name_footage(record)
        for number in range(3, MANY + 1):
            start = 100.0 + 86_400.0 * (number % 3) + number
            camera = "right" if number % 5 == 0 else "left"
            sure = 0.5 if number % 10 == 0 else 0.99
            record.sighting(Sighting(100 + number, camera, start, start + 2, number, sure))
            record.portrait(100 + number, Portrait(start, 0.9, unit(number), picture(number)))
    return History(engine)


def shown(window: MainWindow, qtbot: QtBot, number: int) -> None:
    qtbot.waitUntil(lambda: len(window.people.rows) == number)


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot) -> Iterator[list[MainWindow]]:
    windows: list[MainWindow] = []
    yield windows
    for window in windows:
        closed(window, qtbot)


def open_window(opened: list[MainWindow], qtbot: QtBot, database: Path, **more: object) -> MainWindow:
    told = {"build": building([]), "memory": Memory()} | more
    window = MainWindow(settings=Settings((), database=database), **told)  # type: ignore[arg-type]
    opened.append(window)
    with qtbot.waitActive(window):
        window.show()
    return window


def test_pictures_are_there_wherever_one_scrolls(
    opened: list[MainWindow], qtbot: QtBot, many: History
) -> None:
    window = open_window(opened, qtbot, many.path)
    shown(window, qtbot, MANY)
    bar = window.people.list.verticalScrollBar()
    for place in (bar.maximum(), bar.maximum() // 2, 0):
        bar.setValue(place)
        view = window.people.list
        first = view.indexAt(view.rect().topLeft()).row()
        last = max(first, view.indexAt(view.rect().bottomLeft()).row())
        faces = [("person", row.id) for row in window.people.rows[first : last + 1]]
        qtbot.waitUntil(lambda: all(window.faces.image(face) is not None for face in faces))  # noqa: B023


def test_people_are_filtered_by_camera_kind_and_time_and_sorted(
    opened: list[MainWindow], qtbot: QtBot, many: History
) -> None:
    window = open_window(opened, qtbot, many.path)
    shown(window, qtbot, MANY)
    bar = window.people.bar
    qtbot.waitUntil(lambda: bar.camera.count() == 3)
    qtbot.mouseClick(bar.more, Qt.MouseButton.LeftButton)
    assert bar.camera.isVisible()
    bar.camera.setCurrentIndex(bar.camera.findData("right"))
    right = {row.id for row in many.people(camera="right")}
    assert {row.id for row in window.people.rows} == right
    assert bar.more.text() == "Filter •"
    assert bar.count.text() == f"{len(right)} of {MANY}"
    bar.camera.setCurrentIndex(0)
    bar.kind.setCurrentIndex(bar.kind.findData("named"))
    assert [row.name for row in window.people.rows] == ["Ann"]
    bar.kind.setCurrentIndex(bar.kind.findData("unsure"))
    unsure = {row.person for row in many.sightings(unsure=True)} - {None}
    qtbot.waitUntil(lambda: {row.id for row in window.people.rows} == unsure)
    qtbot.waitUntil(lambda: {row.person for row in window.sightings.model.rows} == unsure)
    bar.kind.setCurrentIndex(0)
    bar.since.setText("24:00:00")
    bar.until.setText("48:00:00")
    bar.until.editingFinished.emit()
    day = set(many.people_ids(since=86_400.0, until=2 * 86_400.0))
    qtbot.waitUntil(lambda: {row.id for row in window.people.rows} == day)
    qtbot.waitUntil(lambda: {row.person for row in window.sightings.model.rows} == day)
    bar.since.setText("some day")
    bar.since.editingFinished.emit()
    assert bar.since.property("wrong")
    bar.clear()
    shown(window, qtbot, MANY)
    bar.order.setCurrentIndex(bar.order.findData("sightings"))
    assert [row.id for row in window.people.rows[:2]] == [2, 1]
    bar.order.setCurrentIndex(bar.order.findData("id"))
    assert [row.id for row in window.people.rows] == list(range(1, MANY + 1))


def test_the_hours_of_a_night_are_asked_for_over_midnight(
    opened: list[MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    """People at 22:30, at 01:00 and at 05:00, when the history ends."""
    midnight = 1_236_297_600.0  # 2009-03-06 00:00 UTC
    night_history(tmp_path / "night.db", midnight)
    window = open_window(opened, qtbot, tmp_path / "night.db")
    shown(window, qtbot, 3)
    bar = window.people.bar
    qtbot.mouseClick(bar.more, Qt.MouseButton.LeftButton)
    for since, until, there in (("23:00", "", {2, 3}), ("22:00", "02:00", {1, 2}), ("", "02:00", {1, 2})):
        for field, said in ((bar.since, since), (bar.until, until)):
            field.clear()
            qtbot.keyClicks(field, said)
        qtbot.keyClick(bar.until, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: {row.id for row in window.people.rows} == there)  # noqa: B023
        qtbot.waitUntil(lambda: {row.person for row in window.sightings.model.rows} == there)  # noqa: B023


def test_the_keys_go_through_the_list(opened: list[MainWindow], qtbot: QtBot, many: History) -> None:
    window = open_window(opened, qtbot, many.path)
    shown(window, qtbot, MANY)
    window.people.list.setFocus()
    qtbot.keyClick(window.people.list, Qt.Key.Key_Home)
    for key, row in ((Qt.Key.Key_Down, 1), (Qt.Key.Key_End, MANY - 1), (Qt.Key.Key_Up, MANY - 2)):
        qtbot.keyClick(window.people.list, key)
        assert window.people.person == window.people.rows[row].id
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    window.actions_.everybody.trigger()
    qtbot.waitUntil(lambda: window.sightings.person is None)
    assert window.people.person is None


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Down])
def test_from_the_search_the_keys_go_to_who_was_found(
    opened: list[MainWindow], qtbot: QtBot, many: History, key: Qt.Key
) -> None:
    window = open_window(opened, qtbot, many.path)
    shown(window, qtbot, MANY)
    people = window.people
    window.actions_.search.trigger()
    qtbot.keyClicks(people.bar.words, "nobody of that name")
    qtbot.keyClick(people.bar.words, key)
    assert people.bar.words.hasFocus()
    assert people.person is None
    people.bar.words.clear()
    qtbot.keyClicks(people.bar.words, "right")
    qtbot.keyClick(people.bar.words, key)
    assert people.list.hasFocus()
    assert people.person == people.rows[0].id
    qtbot.keyClick(people.list, Qt.Key.Key_Down)
    second = people.rows[1].id
    assert people.person == second
    window.actions_.search.trigger()
    qtbot.keyClick(people.bar.words, key)
    assert (people.person, people.list.hasFocus()) == (second, True), "who is chosen stays so"


def test_earlier_sightings_come_when_one_scrolls_to_them(
    opened: list[MainWindow], qtbot: QtBot, many: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "A_PAGE", 50)
    window = open_window(opened, qtbot, many.path)
    everybody = many.number_of_sightings()
    qtbot.waitUntil(lambda: len(window.sightings.model.rows) == 50)
    for _ in range(everybody // 50 + 1):
        before = len(window.sightings.model.rows)
        bar = window.sightings.list.verticalScrollBar()
        bar.setValue(bar.maximum())
        qtbot.waitUntil(lambda: len(window.sightings.model.rows) in (everybody, before + 50))  # noqa: B023
    starts = [row.start for row in window.sightings.model.rows]
    assert len(starts) == everybody
    assert starts == sorted(starts, reverse=True)


def test_a_history_that_is_dropped_is_opened_and_those_opened_last_are_in_the_menu(
    opened: list[MainWindow], qtbot: QtBot, history: History, many: History, tmp_path: Path
) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    window = open_window(opened, qtbot, history.path, memory=Memory(settings))
    shown(window, qtbot, 2)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(many.path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(
        QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys, QEvent.Type.Drop)
    )
    shown(window, qtbot, MANY)
    assert window.settings.database == many.path
    assert window.settings.cameras == ()
    assert [action.text() for action in window.actions_.recent.actions()] == [
        str(many.path),
        str(history.path),
    ]
    window.actions_.recent.actions()[1].trigger()
    shown(window, qtbot, 2)


def test_a_history_of_an_old_schema_says_that_it_is_upgraded(
    opened: list[MainWindow], qtbot: QtBot, history: History, many: History
) -> None:
    made_old(many.path)
    window = open_window(opened, qtbot, history.path)
    shown(window, qtbot, 2)
    told: list[str] = []
    window.reader.upgrading.connect(lambda *_: told.append(window.upgrade.labelText()))
    window.open_history(many.path)
    shown(window, qtbot, MANY)
    assert told[0].startswith("many.db is of an older Sightline. It is brought up to date, once: a copy")
    qtbot.waitUntil(lambda: not window.upgrade.isVisible())
    qtbot.waitUntil(window.isActiveWindow)


def test_an_upgrade_that_is_stopped_leaves_the_open_history_open(
    opened: list[MainWindow], qtbot: QtBot, history: History, many: History
) -> None:
    made_old(many.path)
    window = open_window(opened, qtbot, history.path)
    shown(window, qtbot, 2)
    at_once = Qt.ConnectionType.DirectConnection
    window.reader.upgrading.connect(lambda *_: window.reader.stop_upgrade(), type=at_once)
    window.open_history(many.path)
    assert "many.db was not upgraded and is as it was" in problem(qtbot)
    assert window.settings.database == history.path
    shown(window, qtbot, 2)
    assert not window.upgrade.isVisible()


def test_place_and_theme_are_as_they_were_left(
    opened: list[MainWindow], qtbot: QtBot, history: History, tmp_path: Path
) -> None:
    path = str(tmp_path / "settings.ini")
    window = open_window(
        opened, qtbot, history.path, memory=Memory(QSettings(path, QSettings.Format.IniFormat))
    )
    window.resize(1111, 777)
    window.actions_.themes["light"].trigger()
    assert BACKGROUND.lightness() > 200
    closed(opened.pop(), qtbot)
    again = open_window(
        opened, qtbot, history.path, memory=Memory(QSettings(path, QSettings.Format.IniFormat))
    )
    room = again.screen().availableSize()  # of a screen that is smaller no more than there is
    assert again.size() == QSize(1111, 777).boundedTo(room).expandedTo(again.minimumSize())
    assert again.actions_.themes["light"].isChecked()
    again.actions_.themes["dark"].trigger()
    assert BACKGROUND.lightness() < 50


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1600, 1000)])
def test_everything_fits_a_small_screen(
    opened: list[MainWindow], qtbot: QtBot, history: History, width: int, height: int
) -> None:
    window = open_window(opened, qtbot, history.path)
    window.resize(width, height)
    window.actions_.journal.setChecked(True)
    for action in (window.actions_.footage, window.actions_.review, window.actions_.cameras):
        action.trigger()
        qtbot.wait(20)
        least = window.minimumSizeHint()
        assert (window.width(), window.height()) == (width, height)
        assert least.width() <= width
        assert least.height() <= height


def test_all_keys_are_on_one_sheet_and_no_key_is_given_twice(
    opened: list[MainWindow], qtbot: QtBot, history: History
) -> None:
    window = open_window(opened, qtbot, history.path)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(QDialog)))
    [table] = window.findChildren(QTableWidget)
    keys = [table.item(row, 1).text() for row in range(table.rowCount())]
    for key in ("F1", "Ctrl+Z", "M", "Space", "S, D, K"):
        assert key in keys
    menu_keys = [
        key for where, key, _ in window.actions_.sheet() if where in "File Run Correct Find View Help"
    ]
    assert len(set(menu_keys)) == len(menu_keys)
    assert all(told for _, _, told in window.actions_.sheet())


def test_footage_of_times_that_are_held_is_given_another_start(
    opened: list[MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    runs: list = []
    error = HeldError("history.db already holds hall at these times.")
    build = building(runs, rounds=0, error=error)
    window = open_window(opened, qtbot, tmp_path / "history.db", build=build)
    window.add_files([str(tmp_path / "hall.mp4")])
    window.start()
    qtbot.waitUntil(lambda: not window.run.running)
    qtbot.waitUntil(lambda: len(boxes()) == 1)
    [box] = boxes()
    say = next(button for button in box.buttons() if button.text() == "Say when it begins…")
    qtbot.mouseClick(say, Qt.MouseButton.LeftButton)
    [dialog] = window.findChildren(StartsDialog)
    dialog.fields[0].setText("at noon")
    qtbot.mouseClick(dialog.buttons.button(dialog.buttons.Ok), Qt.MouseButton.LeftButton)
    assert "is no time" in dialog.problem.text()
    dialog.fields[0].setText("2026-11-22T09:30:00Z")
    qtbot.mouseClick(dialog.buttons.button(dialog.buttons.Ok), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(runs) == 2)
    assert runs[1].settings.cameras[0].start == 1_795_339_800.0
    assert "already holds" in problem(qtbot)


def test_a_second_press_on_start_starts_nothing(
    opened: list[MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(opened, qtbot, tmp_path / "history.db")
    window.add_files([str(tmp_path / "gone.mp4")])
    window.start()
    window.start()
    assert "gone.mp4" in problem(qtbot), "one box"


def test_looking_at_ten_thousand_people_stalls_nothing(
    opened: list[MainWindow], qtbot: QtBot, history: History
) -> None:
    """Their rows alone: the pictures and the history are for the benchmark."""
    window = open_window(opened, qtbot, history.path)
    shown(window, qtbot, 2)
    everybody = window.people.everybody
    assert everybody is not None
    one = everybody.rows[0]
    rows = tuple(replace(one, id=10_000 - n, name=f"name {n}" if n % 2 else None) for n in range(10_000))
    window.people.set_everybody(replace(everybody, rows=rows, number=len(rows)))
    with heartbeat() as gaps:
        for text in ("9", "99", "name 9", ""):
            window.people.bar.words.setText(text)
            qtbot.wait(30)
        for order in range(window.people.bar.order.count()):
            window.people.bar.order.setCurrentIndex(order)
            qtbot.wait(30)
    assert np.percentile(gaps, 90) < 0.1
    assert max(gaps) < 0.5


def test_times_are_local_or_utc_as_is_chosen(
    opened: list[MainWindow], qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    engine = small_history(tmp_path / "dated.db")
    with writer(engine) as record:
        name_footage(record, start=1_243_857_600.0)
        record.sighting(Sighting(9, "left", 1_243_857_600.0, 1_243_857_610.0, 9, 0.9))
    window = open_window(opened, qtbot, tmp_path / "dated.db")
    shown(window, qtbot, 3)
    window.people.choose(9)
    qtbot.waitUntil(lambda: "2009-06-01 21:00:00" in window.sightings._facts.text())
    window.actions_.utc.trigger()
    qtbot.waitUntil(lambda: "2009-06-01 12:00:00" in window.sightings._facts.text())
    assert window.memory.utc
    window.actions_.utc.trigger()
    qtbot.waitUntil(lambda: "2009-06-01 21:00:00" in window.sightings._facts.text())
    monkeypatch.undo()
    time.tzset()


def test_a_run_goes_on_or_processes_again_as_the_menu_says_and_tells_what_it_could_not_carry_over(
    opened: list[MainWindow], qtbot: QtBot, history: History
) -> None:
    Repair(history.engine).name(1, "Bo")
    lost = Carried(lost=tuple(Repair(history.engine).journal()))
    runs: list[Steady] = []
    window = open_window(opened, qtbot, history.path, build=building(runs, rounds=0, carried=[lost]))
    window.add_files(["hall.mp4"])
    for action in (window.actions_.resume, window.actions_.replace):
        action.trigger()
        window.start()
        [box] = boxes_when_there(qtbot)
        assert "could be carried over" in box.text()
        assert "not found again: Named 1 Bo" in box.informativeText()
        problem(qtbot)
        qtbot.waitUntil(lambda: not window.run.running)
        assert not action.isChecked(), "it was said of that run alone"
    window.start()
    problem(qtbot)
    qtbot.waitUntil(lambda: not window.run.running)
    told = [(run.settings.resume, run.settings.replace) for run in runs]
    assert told == [(True, False), (False, True), (False, False)]


def boxes_when_there(qtbot: QtBot) -> list[QMessageBox]:
    qtbot.waitUntil(lambda: bool(boxes()))
    return boxes()
