"""The site in the window: cameras and networks read, changed, tried and written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from PyQt5.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_help import Steady, building, choose_files, closed, finish, problem

from app.config import CameraSettings, Settings, read_config
from app.gui.memory import Memory
from app.gui.site_dialog import SiteDialog
from app.gui.window import MainWindow
from app.regions import outside
from app.site_file import SiteFile
from tracker.types import Detections

SITE = """# our site
database = "history.db"  # beside this file

[[camera]]
name = "hall"      # the long one
source = "hall.mp4"
clock_offset_s = 2.0

[[link]]
from = "hall"
to = "yard"
after_s = [5, 60]

[[camera]]
name = "yard"
source = "yard.mp4"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("hall", "yard"):
        write_clip(tmp_path / f"{name}.mp4", frames=10)
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    return tmp_path / "site.toml"


@pytest.fixture
def runs() -> list[Steady]:
    return []


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, site: Path, runs: list[Steady]) -> Iterator[MainWindow]:
    settings = read_config(site)
    window = MainWindow(build=building(runs, rounds=1), settings=settings, memory=Memory(), site=site)
    with qtbot.waitActive(window):
        window.show()
    yield window
    closed(window, qtbot)


def dialog_of(window: MainWindow, qtbot: QtBot) -> SiteDialog:
    window.actions_.site.trigger()
    [dialog] = window.findChildren(SiteDialog)
    qtbot.waitUntil(dialog.isVisible)
    return dialog


def press(dialog: SiteDialog, qtbot: QtBot, button: str) -> None:
    qtbot.mouseClick(dialog.buttons[button], Qt.MouseButton.LeftButton)


def dropped(window: MainWindow, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys, QEvent.Type.Drop)
    window.dropEvent(event)


def test_a_site_that_is_dropped_is_used_and_one_that_is_not_right_changes_nothing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    other, wrong = tmp_path / "other.toml", tmp_path / "wrong.toml"
    told = '[[camera]]\nname = "roof"\nsource = "hall.mp4"\n'
    other.write_text(f'database = "other.db"\n{told}', encoding="utf-8")
    wrong.write_text(f'databse = "other.db"\n{told}', encoding="utf-8")
    before = window.settings
    dropped(window, wrong)
    assert "databse" in problem(qtbot)
    assert window.settings == before
    dropped(window, other)
    assert list(window.grid.views) == ["roof"]
    assert window.site == other
    assert window.windowTitle() == "other.db - Sightline"


def test_what_is_changed_is_written_and_all_else_stays(
    window: MainWindow, qtbot: QtBot, site: Path, runs: list[Steady]
) -> None:
    dialog = dialog_of(window, qtbot)
    assert [dialog.list.item(row).text() for row in range(dialog.list.count())] == ["hall", "yard"]
    dialog.list.setCurrentRow(1)
    assert dialog.fields["source"].text() == "yard.mp4"
    qtbot.keyClicks(dialog.fields["start"], "2026-11-22T09:30:00Z")
    qtbot.keyClicks(dialog.fields["clock_offset_s"], "-1.5")
    dialog.top["detector_size"].setEditText("320")
    dialog.top["confidence"].setEditText("0.25")
    dialog.kept["pictures_days"].setText("30")
    press(dialog, qtbot, "save")
    qtbot.waitUntil(lambda: not dialog.isVisible())
    text = site.read_text(encoding="utf-8")
    for kept in ("# our site", "# beside this file", "# the long one", "after_s = [5, 60]"):
        assert kept in text
    settings = read_config(site)
    assert (settings.detector_size, settings.confidence) == (320, 0.25)
    assert settings.keep.pictures_days == 30.0
    assert settings.cameras[1].clock_offset_s == -1.5
    assert settings.cameras[1].start == 1_795_339_800.0
    assert window.settings.cameras == settings.cameras
    window.start()
    finish(window, qtbot)
    assert runs[0].settings.confidence == 0.25


def test_a_camera_is_tried_and_regions_are_drawn_on_its_first_picture(
    window: MainWindow, qtbot: QtBot, site: Path
) -> None:
    dialog = dialog_of(window, qtbot)
    dialog.list.setCurrentRow(1)
    press(dialog, qtbot, "test")
    qtbot.waitUntil(lambda: "160x120" in dialog.told.text(), timeout=20_000)
    assert "when it begins is not known" in dialog.told.text()
    view = dialog.view
    target = view._target().toRect()
    start, end = target.topLeft() + QPoint(1, 1), target.center()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    corners = [target.topRight() - QPoint(9, -9), target.bottomRight() - QPoint(9, 9), target.center()]
    for corner in corners:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=corner)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=corners[-1])
    assert dialog.regions.text() == "2 regions to ignore"
    press(dialog, qtbot, "save")
    qtbot.waitUntil(lambda: not dialog.isVisible())
    rectangle, triangle = read_config(site).cameras[1].ignore
    assert rectangle[2] == pytest.approx((0.5, 0.5), abs=0.02)
    assert len(rectangle) == 4
    assert len(triangle) == 3


def test_cameras_are_added_named_and_removed(window: MainWindow, qtbot: QtBot, site: Path) -> None:
    more = site.parent / "yard.mp4"
    dialog = dialog_of(window, qtbot)
    more.touch()
    press(dialog, qtbot, "files")
    choose_files(qtbot, more)
    assert dialog.list.currentItem().text() == "yard-2"
    dialog.fields["name"].setText("gate")
    assert dialog.list.currentItem().text() == "gate"
    dialog.list.setCurrentRow(1)
    press(dialog, qtbot, "remove")
    press(dialog, qtbot, "save")
    assert "a camera's name, one of hall, gate" in problem(qtbot), "the link names one that is gone"
    assert site.read_text(encoding="utf-8") == SITE, "nothing is written that is not right"
    dialog.list.setCurrentRow(1)
    dialog.fields["name"].setText("yard")
    press(dialog, qtbot, "save")
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert [camera.name for camera in window.settings.cameras] == ["hall", "yard"]
    assert list(window.grid.views) == ["hall", "yard"]


def test_of_a_long_path_of_the_history_the_beginning_is_seen(
    window: MainWindow, qtbot: QtBot, site: Path
) -> None:
    long = f"/footage/{'a-long-name/' * 12}history.db"
    site.write_text(site.read_text().replace("history.db", long))
    dialog = dialog_of(window, qtbot)
    assert dialog.database.text() == dialog.database.toolTip() == long
    assert dialog.database.cursorPosition() == 0
    dialog.reject()


def test_what_is_open_is_saved_as_a_new_site(
    qapp: QApplication, qtbot: QtBot, site: Path, tmp_path: Path
) -> None:
    settings = Settings((), database=tmp_path / "own.db")
    window = MainWindow(build=building([]), settings=settings, memory=Memory())
    with qtbot.waitActive(window):
        window.show()
    window.add_streams(["rtsp://127.0.0.1/1"])
    dialog = dialog_of(window, qtbot)
    dialog.record.setChecked(True)
    press(dialog, qtbot, "save")
    choose_files(qtbot, tmp_path / "new.toml")
    qtbot.waitUntil(lambda: not dialog.isVisible())
    table = tomllib.loads((tmp_path / "new.toml").read_text(encoding="utf-8"))
    assert table["camera"] == [{"name": "cam1", "source": "rtsp://127.0.0.1/1", "record": True}]
    assert window.settings.cameras == (CameraSettings("cam1", "rtsp://127.0.0.1/1", record=True),)
    assert window.settings.live
    closed(window, qtbot)


def test_a_file_that_is_no_site_is_told_and_changes_nothing(
    window: MainWindow, qtbot: QtBot, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("database = ", encoding="utf-8")
    dialog = dialog_of(window, qtbot)
    dialog.open_file(tmp_path / "bad.toml")
    assert "bad.toml can't be read" in problem(qtbot)
    assert dialog.list.count() == 2
    press(dialog, qtbot, "cancel")


def test_settings_become_a_site_file_that_says_the_same(tmp_path: Path) -> None:
    cameras = (
        CameraSettings("a", str(tmp_path / "a.mp4"), start=1_243_857_600.0, clock_offset_s=1.0, fps=12.5),
        CameraSettings("b", str(tmp_path / "b.mp4"), ignore=(((0.0, 0.0), (1.0, 0.0), (1.0, 0.2)),)),
    )
    settings = Settings(cameras, database=tmp_path / "history.db", confidence=0.2, device="cpu")
    saved = SiteFile.of(settings).save(tmp_path / "site.toml")
    assert read_config(tmp_path / "site.toml") == saved
    assert saved == replace(settings, recording=saved.recording)


@pytest.mark.parametrize(
    ("foot", "kept"),
    [((20, 20), False), ((60, 20), True), ((20, 90), True), ((80, 100), True), ((99, 99), True)],
)
def test_who_stands_in_a_region_is_not_seen(foot: tuple[int, int], kept: bool) -> None:
    """The region is the upper left quarter of a picture of 100 x 100, without its lower right half."""
    x, y = foot
    found = Detections(np.array([[x - 5, y - 15, x + 5, y]], np.float32), np.ones(1, np.float32))
    triangle = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    assert bool(len(outside(found, [triangle], width=100, height=100))) == kept
    assert len(outside(found, [], width=100, height=100)) == 1
