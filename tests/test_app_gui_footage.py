"""The footage of all cameras in a real window: one clock, one timeline, everybody's boxes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import number_of, write_clip
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QImage, QMouseEvent, QWheelEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_history import picture, points, unit, writer
from window_help import building, choose_files, closed

from app.config import Settings
from app.gui import footage_page, history_desk
from app.gui.case_dialog import CaseDialog
from app.gui.footage_page import FootagePage
from app.gui.memory import Memory
from app.gui.screen import Screen
from app.gui.window import MainWindow
from storage.database import open_database
from storage.history import History
from storage.segments import SegmentRow
from tracker.types import Portrait, Sighting

START = 1_243_857_600.0
FPS = 10.0
FRAMES = 300
RATES = {"hall": 10, "yard": 5}
"""Frames a second of each camera; the second begins ten seconds later."""
STARTS = {"hall": START, "yard": START + 10.0}
SEEN = (
    Sighting(1, "hall", START + 4.0, START + 9.0, 1, 0.9),
    Sighting(2, "yard", START + 15.0, START + 18.0, 1, 0.8),
    Sighting(3, "hall", START + 5.0, START + 8.0, 2, 0.9),
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pictures that tell their numbers, of 30 and of 60 seconds."""
    folder = tmp_path_factory.mktemp("films")
    return {
        name: write_clip(folder / f"{name}.mp4", frames=FRAMES, fps=fps, key_every=50)
        for name, fps in RATES.items()
    }


def record(path: Path, uris: dict[str, str]) -> History:
    engine = open_database(path, create=True)
    with writer(engine) as told:
        for name, uri in uris.items():
            told.footage(name, uri=uri, start=STARTS[name], width=320, height=240)
        for seen in SEEN:
            told.sighting(seen)
            for point in points(seen, begin=STARTS[seen.camera]):
                told.point(seen.number, point)
            told.portrait(
                seen.number, Portrait(seen.start, 0.5, unit(seen.number), picture(20 * seen.number))
            )
        for name in uris:
            told.frames(name, FRAMES, STARTS[name] + (FRAMES - 1) / RATES[name])
    return History(engine)


@pytest.fixture
def history(films: dict[str, Path], tmp_path: Path) -> History:
    return record(tmp_path / "history.db", {name: str(path) for name, path in films.items()})


def opened(history: History, qtbot: QtBot) -> MainWindow:
    settings = Settings((), database=history.path)
    window = MainWindow(build=building([]), settings=settings, memory=Memory())
    with qtbot.waitActive(window):
        window.show()
    qtbot.waitUntil(lambda: len(window.people.rows) == 2)
    return window


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, history: History) -> Iterator[MainWindow]:
    """At the footage, paused at its beginning."""
    window = opened(history, qtbot)
    window.actions_.footage.trigger()
    qtbot.waitUntil(lambda: list(window.footage.screens) == ["hall", "yard"])
    shown(window.footage, "hall", qtbot)
    yield window
    closed(window, qtbot)


def shown(page: FootagePage, camera: str, qtbot: QtBot) -> float:
    """The time of the picture of a camera, since the beginning, once it is the one of the time shown."""
    screen = page.screens[camera]

    def is_there() -> bool:
        late = page.playhead.now() - (screen.shot.time if screen.shot is not None else 0.0)
        return screen.settled and 0.0 <= late <= 1.0 / RATES[camera] + 1e-3

    qtbot.waitUntil(is_there)
    assert screen.shot is not None
    assert number_of(screen.shot.image) == round((screen.shot.time - STARTS[camera]) * RATES[camera]) % 40
    return screen.shot.time - START


def drag(screen: Screen, start: QPointF, end: QPointF, qtbot: QtBot) -> None:
    qtbot.mousePress(screen, Qt.MouseButton.LeftButton, pos=start.toPoint())
    held, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for share in (0.5, 1.0):
        place = start + (end - start) * share
        QApplication.sendEvent(screen, QMouseEvent(QEvent.Type.MouseMove, place, held, held, keys))
    qtbot.mouseRelease(screen, Qt.MouseButton.LeftButton, pos=end.toPoint())


def press(window: MainWindow, qtbot: QtBot, key: Qt.Key) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.people.list.setFocus()
    qtbot.keyClick(window.people.list, key)


def test_one_timeline_scrubs_all_cameras_together(window: MainWindow, qtbot: QtBot) -> None:
    page = window.footage
    assert page.screens["yard"].message == "Not filmed at this time."
    y = page.lanes.height() - 8
    for at in (20.0, 26.3, 12.0):
        place = QPoint(round(page.lanes.x_of(START + at)), y)
        qtbot.mouseClick(page.lanes, Qt.MouseButton.LeftButton, pos=place)
        assert page.playhead.now() == pytest.approx(START + at, abs=0.2)
        hall, yard = shown(page, "hall", qtbot), shown(page, "yard", qtbot)
        assert abs(hall - yard) <= 0.3
    assert not page.playhead.playing


def test_a_sighting_is_played_on_its_camera_and_all_others(window: MainWindow, qtbot: QtBot) -> None:
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    window.sightings.choose(window.sightings.model.rows[0])
    qtbot.keyClick(window.sightings.list, Qt.Key.Key_Return)
    page = window.footage
    qtbot.waitUntil(lambda: page.playhead.playing)
    qtbot.waitUntil(lambda: page.screens["yard"].shot is not None)
    assert page.playhead.now() >= START + 14.0
    assert page.title.text() == "Person 1"
    began = page.screens["yard"].shot.time
    qtbot.waitUntil(lambda: page.screens["yard"].shot.time > began + 0.5)
    press(window, qtbot, Qt.Key.Key_Space)
    assert not page.playhead.playing
    still = page.playhead.now()
    qtbot.wait(150)
    assert page.playhead.now() == still


def test_pictures_are_stepped_through_one_by_one_on_and_back(window: MainWindow, qtbot: QtBot) -> None:
    page, hall = window.footage, window.footage.screens["hall"]
    page.enlarge("hall")
    page.seek(START + 20.0)
    first = shown(page, "hall", qtbot)
    qtbot.waitUntil(lambda: page.screens["hall"].next_time is not None)
    press(window, qtbot, Qt.Key.Key_Period)
    for steps in (1, 0, -1, -2):
        at = pytest.approx(first + steps / FPS, abs=1e-4)
        qtbot.waitUntil(lambda: hall.shot is not None and hall.shot.time - START == at)  # noqa: B023
        shown(page, "hall", qtbot)
        press(window, qtbot, Qt.Key.Key_Comma)


def test_the_keys_go_to_the_next_and_the_previous_sighting_of_a_person(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.footage.title.text() == "Person 1")
    page = window.footage
    for key, at in ((Qt.Key.Key_N, 3.0), (Qt.Key.Key_N, 14.0), (Qt.Key.Key_N, 14.0), (Qt.Key.Key_P, 3.0)):
        press(window, qtbot, key)
        assert page.playhead.now() - START == pytest.approx(at)


@pytest.mark.parametrize(("keys", "speed"), [(0, 1.0), (2, 4.0), (9, 16.0), (-1, 0.5), (-9, 0.25)])
def test_footage_runs_at_a_quarter_to_sixteen_times(
    window: MainWindow, qtbot: QtBot, keys: int, speed: float
) -> None:
    page = window.footage
    page.seek(START + 10.0)
    shown(page, "hall", qtbot)
    for _ in range(abs(keys)):
        press(window, qtbot, Qt.Key.Key_Plus if keys > 0 else Qt.Key.Key_Minus)
    assert page.playhead.speed == speed
    press(window, qtbot, Qt.Key.Key_Space)
    before = page.playhead.now()
    qtbot.wait(500)
    ran = page.playhead.now() - before
    assert ran == pytest.approx(0.5 * speed, rel=0.5)
    press(window, qtbot, Qt.Key.Key_Space)
    shown(page, "hall", qtbot)


def test_a_night_without_footage_is_passed_over(
    qapp: QApplication, qtbot: QtBot, films: dict[str, Path], tmp_path: Path
) -> None:
    """Thirty seconds of the hall on two days; the yard is filmed on the first, longer."""
    history = record(tmp_path / "history.db", {name: str(path) for name, path in films.items()})
    day = 86_400.0
    with writer(history.engine) as told:
        told.footage("hall", uri=str(films["hall"]), start=START + day, width=320, height=240)
        told.frames("hall", FRAMES, START + day + (FRAMES - 1) / FPS)
    window = opened(history, qtbot)
    window.actions_.footage.trigger()
    page = window.footage
    qtbot.waitUntil(lambda: list(page.screens) == ["hall", "yard"])
    page.seek(START + 29.5)
    page.set_playing(True)
    qtbot.wait(1500)
    assert START + 30.5 < page.playhead.now() < START + 40.0, "the yard is still filmed"
    page.seek(START + 69.0)
    page.set_playing(True)
    qtbot.waitUntil(lambda: page.playhead.now() >= START + day)
    qtbot.waitUntil(lambda: page.screens["hall"].shot is not None)
    assert page.playhead.playing
    page.set_playing(False)
    assert page.playhead.now() < START + day + 20.0
    page.seek(START + 1000.0)
    qtbot.wait(100)
    assert page.playhead.now() == START + 1000.0, "what is gone to is shown"
    page.enlarge("hall")
    page.seek(START + 29.8)
    page.set_playing(True)
    qtbot.waitUntil(lambda: page.playhead.now() >= START + day)
    closed(window, qtbot)


def test_everybodys_boxes_are_drawn_and_a_click_chooses_who_it_is(window: MainWindow, qtbot: QtBot) -> None:
    page = window.footage
    page.seek(START + 6.0)
    shown(page, "hall", qtbot)
    screen = page.screens["hall"]
    qtbot.waitUntil(lambda: len(screen._boxes()) == 2)
    rect = next(rect for rect, walk in screen._boxes() if walk.sighting.person == 2)
    qtbot.mouseClick(
        screen, Qt.MouseButton.LeftButton, pos=QPoint(round(rect.left()) + 2, round(rect.bottom()) - 3)
    )
    qtbot.waitUntil(lambda: window.people.person == 2)
    page.seek(START + 20.0)
    assert shown(page, "hall", qtbot) == pytest.approx(20.0)
    assert screen._boxes() == []


def test_the_wheel_zooms_a_drag_moves_and_escape_shows_all_again(window: MainWindow, qtbot: QtBot) -> None:
    page = window.footage
    screen = page.screens["hall"]
    middle = QPointF(screen.rect().center())
    nothing = QPoint()
    for _ in range(3):
        wheel = QWheelEvent(
            middle, middle, nothing, QPoint(0, 120), Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False
        )
        QApplication.sendEvent(screen, wheel)
    assert screen.zoom == pytest.approx(1.25**3)
    part = screen._part.center()
    assert part.x() == pytest.approx(0.5, abs=0.02)
    drag(screen, middle, middle + QPointF(40, 0), qtbot)
    assert screen._part.center().x() < part.x() - 0.01
    qtbot.mouseDClick(screen, Qt.MouseButton.LeftButton)
    assert page.enlarged == "hall"
    assert not page.screens["yard"].isVisible()
    press(window, qtbot, Qt.Key.Key_Escape)
    assert page.enlarged is None
    assert screen.zoom == 1.0


def test_a_snapshot_is_a_file_a_camera_with_the_time_in_its_name(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.footage.seek(START + 20.0)
    for camera in ("hall", "yard"):
        shown(window.footage, camera, qtbot)
    window.actions_.snapshot.trigger()
    choose_files(qtbot, tmp_path)
    assert window.line.text == f"2 pictures saved in {tmp_path}"
    files = sorted(tmp_path.glob("*.png"))
    assert [file.name.split("-")[0] for file in files] == ["hall", "yard"]
    screen = window.footage.screens["hall"]
    assert screen.shot is not None
    rows, columns = screen.shot.image.shape[:2]
    assert (QImage(str(files[0])).width(), QImage(str(files[0])).height()) == (columns, rows)


def test_a_time_is_gone_to_as_it_is_typed(window: MainWindow, qtbot: QtBot) -> None:
    from datetime import datetime

    told = datetime.fromtimestamp(START + 21).strftime("%H:%M:%S")  # noqa: DTZ006
    qtbot.keyClicks(window.footage.to, told)
    qtbot.keyClick(window.footage.to, Qt.Key.Key_Return)
    assert window.footage.playhead.now() == START + 21
    qtbot.keyClicks(window.footage.to, "soon")
    qtbot.keyClick(window.footage.to, Qt.Key.Key_Return)
    assert "is no time" in window.footage.to.toolTip()
    assert window.footage.playhead.now() == START + 21


def test_what_is_recorded_of_a_live_camera_is_played_file_after_file(
    films: dict[str, Path],
    qapp: QApplication,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second file is recorded while the first one is looked at."""
    monkeypatch.setattr(history_desk, "REELS_S", 0.0)
    history = record(tmp_path / "live.db", {"hall": "rtsp://10.0.0.1/main", "yard": "rtsp://10.0.0.2/main"})

    def recorded(number: int) -> None:
        part, begin = tmp_path / f"{number}.mp4", START + 30.0 * number
        shutil.copy(films["hall"], part)
        with writer(history.engine) as told:
            told.segment(SegmentRow("hall", str(part), begin, begin + 29.9, part.stat().st_size))

    recorded(0)
    window = opened(history, qtbot)
    window.play(history.sightings()[0])
    page = window.footage
    qtbot.waitUntil(lambda: "hall" in page.screens)
    assert 3.0 <= shown(page, "hall", qtbot) <= 5.0
    assert page.screens["yard"].message == "No recorded footage of this time."
    page.set_playing(False)
    recorded(1)
    qtbot.waitUntil(lambda: len(page.screens["hall"].pieces) == 2)
    page.enlarge("hall")
    page.seek(START + 29.5)
    page.set_playing(True)
    screen = page.screens["hall"]
    qtbot.waitUntil(lambda: screen.shot is not None and screen.shot.time > START + 30.2)
    assert number_of(screen.shot.image) == round((screen.shot.time - START - 30.0) * FPS) % 40
    closed(window, qtbot)


def test_a_video_that_is_gone_is_said_on_its_screen(
    qapp: QApplication, qtbot: QtBot, films: dict[str, Path], tmp_path: Path
) -> None:
    history = record(tmp_path / "gone.db", {"hall": str(tmp_path / "gone.mp4"), "yard": str(films["yard"])})
    window = opened(history, qtbot)
    window.play(history.sightings()[0])
    qtbot.waitUntil(lambda: "hall" in window.footage.screens)
    screen = window.footage.screens["hall"]
    qtbot.waitUntil(lambda: "gone.mp4: there is no such file" in screen.message)
    window.footage.set_playing(False)
    window.footage.seek(START + 20.0)
    shown(window.footage, "yard", qtbot)
    closed(window, qtbot)


def test_at_the_end_it_stops_and_begins_again(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footage_page, "PAST_END_S", 0.1)
    page = window.footage
    assert page.reels is not None
    page.seek(page.reels.end - 0.2)
    page.set_playing(True)
    qtbot.waitUntil(lambda: not page.playhead.playing)
    page.toggle()
    assert page.playhead.now() == pytest.approx(START, abs=0.1)
    page.set_playing(False)


def test_a_history_that_was_moved_with_its_footage_plays_and_exports_it(
    qapp: QApplication, qtbot: QtBot, films: dict[str, Path], tmp_path: Path
) -> None:
    before = tmp_path / "here"
    (before / "films").mkdir(parents=True)
    uris = {name: str(shutil.copy(film, before / "films" / film.name)) for name, film in films.items()}
    record(before / "history.db", uris)
    moved = before.rename(tmp_path / "there")
    window = opened(History(open_database(moved / "history.db", create=False)), qtbot)
    window.actions_.footage.trigger()
    qtbot.waitUntil(lambda: list(window.footage.screens) == ["hall", "yard"])
    window.footage.seek(START + 20.0)
    for camera in ("hall", "yard"):
        shown(window.footage, camera, qtbot)
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    dialog = case_dialog(window, qtbot)
    dialog.clips.setChecked(True)
    dialog.folder.setText(str(tmp_path / "case"))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.page is not None, timeout=60_000)
    assert len(list((tmp_path / "case").rglob("*.mp4"))) == 2
    dialog.reject()
    closed(window, qtbot)


def case_dialog(window: MainWindow, qtbot: QtBot) -> CaseDialog:
    window.actions_.case.trigger()
    [dialog] = window.findChildren(CaseDialog)
    qtbot.waitUntil(dialog.isVisible)
    return dialog


def test_a_person_is_exported_as_a_folder_with_clips(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, films: dict[str, Path]
) -> None:
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    dialog = case_dialog(window, qtbot)
    assert dialog.what.currentText() == "Person 1"
    assert not dialog.blur.isEnabled()
    dialog.clips.setChecked(True)
    dialog.blur.setChecked(True)
    dialog.folder.setText(str(tmp_path / "case"))
    qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.page is not None, timeout=60_000)
    assert dialog.told.text() == f"Written: {tmp_path / 'case' / 'index.html'}"
    assert dialog.open_button.isVisible()
    clips = sorted((tmp_path / "case").rglob("*.mp4"))
    assert len(clips) == 2
    sums = (tmp_path / "case" / "SHA256SUMS").read_text(encoding="utf-8")
    assert all(clip.name in sums for clip in clips)
    qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_a_folder_that_is_there_is_told_and_the_sightings_chosen_are_exported(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    window.sightings.choose(window.sightings.model.rows[0])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("there", encoding="utf-8")
    dialog = case_dialog(window, qtbot)
    dialog.what.setCurrentIndex(1)
    assert dialog.what.currentText() == "1 sighting chosen"
    dialog.folder.setText(str(tmp_path / "full"))
    dialog.since.setText("sometime")
    dialog.start()
    assert "is no time" in dialog.told.text()
    dialog.since.clear()
    dialog.start()
    qtbot.waitUntil(lambda: "is there already and not empty" in dialog.told.text())
    dialog.folder.setText(str(tmp_path / "case"))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.page is not None, timeout=60_000)
    assert not list((tmp_path / "case").rglob("*.mp4"))
    table = next((tmp_path / "case").glob("*.csv")).read_text(encoding="utf-8").splitlines()
    assert len(table) == 2
    dialog.reject()


def test_a_box_that_is_drawn_is_the_part_of_the_picture_in_it(window: MainWindow, qtbot: QtBot) -> None:
    screen = window.footage.screens["hall"]
    target = screen._target()
    start, end = target.center(), target.bottomRight() - QPointF(2, 2)
    window.actions_.mark.trigger()
    assert screen.marking
    screen.marked.disconnect()  # nobody is looked for here: that takes the networks
    with qtbot.waitSignal(screen.marked) as marked:
        drag(screen, start, end, qtbot)
    [image] = marked.args
    assert screen.shot is not None
    rows, columns = screen.shot.image.shape[:2]
    assert image.shape[0] == pytest.approx(rows / 2, abs=3)
    assert image.shape[1] == pytest.approx(columns / 2, abs=3)
    assert image.std() < 3.0, "the lower right of these pictures is of one grey"
    assert number_of(image) == number_of(screen.shot.image)
