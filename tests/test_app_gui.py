"""The window at work: real runs, a real history, and the mouse."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from heartbeat import heartbeat
from PyQt5.QtCore import QEvent, QMimeData, QPointF, Qt, QTimer, QUrl
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QApplication, QDialogButtonBox
from pytestqt.qtbot import QtBot
from rtsp_server import RtspServer
from small_history import small_history
from small_site import small_site
from walks import cut_walk, cut_walks
from window_help import RUN_MS, Steady, boxes, building, closed, dialog, finish, problem

from app.config import CameraSettings, Settings
from app.gui import main as gui
from app.gui.bridge import Build
from app.gui.cards import ROW_ROLE
from app.gui.dialogs import StreamsDialog
from app.gui.window import MainWindow
from app.sources.ffmpeg import SourceError
from storage.database import open_database
from storage.history import History

pytestmark = pytest.mark.usefixtures("assets")


@pytest.fixture(scope="module")
def walks(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three seconds of two cameras."""
    return cut_walks(shared / "data/video/vtest.avi", tmp_path_factory.mktemp("walks"), frames=(10, 40))


Open = Callable[..., MainWindow]


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Open]:
    """Opens windows; closes them in the end, and looks that no thread of theirs is left."""
    windows = []

    def open_window(build: Build = gui.loaded_run, database: Path | None = None) -> MainWindow:
        settings = Settings((), database=database or tmp_path / "history.db")
        window = MainWindow(build=build, settings=settings)
        windows.append(window)
        with qtbot.waitActive(window):
            window.show()
        return window

    yield open_window
    for window in windows:
        closed(window, qtbot)


def frames_seen_from_outside(database: Path) -> int:
    """What another program reads meanwhile: it must not disturb the run, nor the window the locks."""
    ask = (
        "import sys; from pathlib import Path; from storage.database import open_database;"
        "from storage.history import History;"
        "print(History(open_database(Path(sys.argv[1]), create=False)).footage()[0].frames)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask, str(database)], capture_output=True, text=True, timeout=60, check=True
    )
    return int(done.stdout)


def people_shown(window: MainWindow) -> int:
    return len(window.people.rows)


# A run


def test_files_are_run_and_their_people_listed_shown_and_played(
    walks: Sequence[str], opened: Open, qtbot: QtBot
) -> None:
    window = opened()
    window.add_files(walks)
    lasting = gc.get_freeze_count()
    with heartbeat() as gaps:
        qtbot.mouseClick(
            window.actions_.toolbar.widgetForAction(window.actions_.start), Qt.MouseButton.LeftButton
        )
        assert window.runner.running
        assert not window.actions_.files.isEnabled()
        finish(window, qtbot)
        qtbot.waitUntil(lambda: people_shown(window) >= 3)
    assert max(gaps) < 1.0
    assert gc.get_freeze_count() > lasting, "else the networks are looked through for garbage, which stalls"
    assert window.line.text.startswith("Done: 60 frames, ")
    for view in window.grid.views.values():
        assert view.result is not None
        assert view.status.frames == view.status.expected == 30
        assert view.status.state == "ended"
    index = window.people.model.index(0)
    place = window.people.list.visualRect(index).center()
    qtbot.mouseClick(window.people.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    qtbot.waitUntil(lambda: window.faces.image(("person", index.data(ROW_ROLE).id)) is not None)
    row = window.sightings.list.visualRect(window.sightings.model.index(0)).center()
    qtbot.mouseClick(window.sightings.list.viewport(), Qt.MouseButton.LeftButton, pos=row)
    qtbot.mouseDClick(window.sightings.list.viewport(), Qt.MouseButton.LeftButton, pos=row)
    sighting = window.sightings.model.rows[0]
    screen = lambda: window.footage.screens.get(sighting.camera)  # noqa: E731
    qtbot.waitUntil(lambda: screen() is not None and screen().shot is not None)
    assert window.footage.isVisible()
    assert window.footage.title.text() == f"Person {window.people.person}"
    assert abs(screen().shot.time - sighting.start) < 3.0


def test_detections_without_pictures_are_run_and_listed_and_not_played(
    opened: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    window = opened()
    window.add_files([str(path) for path in small_site(tmp_path)])
    window.start()
    finish(window, qtbot)
    qtbot.waitUntil(lambda: people_shown(window) == 3)
    window.grab()  # boxes without a picture below them are drawn
    assert window.line.text.startswith("Done: 400 frames, ")
    newest = window.people.rows[0]
    qtbot.waitUntil(lambda: window.faces.has(("person", newest.id)))
    assert window.faces.image(("person", newest.id)) is None
    sighting = History(open_database(tmp_path / "history.db", create=False)).sightings()[0]
    window.play(sighting)
    qtbot.waitUntil(lambda: sighting.camera in window.footage.screens)
    qtbot.waitUntil(lambda: window.footage.screens[sighting.camera].message.endswith("and no picture."))


def test_the_people_list_fills_while_the_run_is_on_and_closing_keeps_what_was_done(
    shared: Path, opened: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    window = opened()
    window.add_files([str(shared / "data/video/vtest.avi")])
    window.start()
    qtbot.waitUntil(lambda: people_shown(window) >= 2, timeout=RUN_MS)
    assert window.runner.running
    early = frames_seen_from_outside(tmp_path / "history.db")
    qtbot.wait(2500)
    assert frames_seen_from_outside(tmp_path / "history.db") > early > 0
    assert window.runner.running
    began = time.monotonic()
    closed(window, qtbot)
    assert time.monotonic() - began < 10.0
    history = History(open_database(tmp_path / "history.db", create=False))
    assert len(history.people()) >= 2
    assert 5 < history.footage()[0].frames < 795


def test_a_run_never_waits_for_the_window_nor_the_window_for_the_run(
    walks: Sequence[str], opened: Open, qtbot: QtBot
) -> None:
    runs: list[Steady] = []
    window = opened(building(runs))
    window.add_files(walks[:1])
    window.start()
    view = window.grid.views["west"]
    qtbot.waitUntil(lambda: view.repaints > 3)
    before, repaints = runs[0].shown, view.repaints
    with heartbeat() as gaps:
        qtbot.wait(1000)
    assert runs[0].shown - before > 100
    assert view.repaints - repaints <= 27  # the latest wins: at most 25 a second, whatever the run does
    assert max(gaps) < 0.5
    shown = runs[0].shown
    time.sleep(0.5)  # a window that does nothing for half a second
    assert runs[0].shown - shown > 50
    assert runs[0].slowest_s < 0.25
    window.stop()
    finish(window, qtbot)


def test_live_cameras_are_opened_watched_and_stopped_and_a_dead_one_says_so(
    shared: Path, opened: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    """A real RTSP server; the second address is nobody's."""
    clip = cut_walk(
        shared / "data/video/vtest.avi", tmp_path / "hall.mp4", columns=(512, 768), frames=(40, 240)
    )
    window = opened()
    with RtspServer({"hall": clip}) as server:
        window.actions_.streams.trigger()
        asked = dialog(qtbot, StreamsDialog)
        asked.field.setPlainText(f"{server.url('hall')}\nrtsp://user:secret@127.0.0.1:9/none\n")
        button = asked.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Open)  # type: ignore[union-attr]
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert len(window.grid.views) == 2
        window.start()
        hall, none = window.grid.views.values()
        qtbot.waitUntil(lambda: hall.result is not None and people_shown(window) > 0, timeout=RUN_MS)
        qtbot.waitUntil(lambda: none.status.state == "waiting" and bool(none.toolTip()), timeout=RUN_MS)
        assert "secret" not in none.toolTip()
        import os

        qtbot.wait(4000)
        window.resize(*map(int, os.environ.get("SHOTSIZE", "1366x768").split("x")))
        qtbot.wait(1000)
        window.grab().save(os.environ.get("SHOT", "/tmp/x.png"))
        window.grab()
        window.stop()
        finish(window, qtbot)
    assert History(open_database(tmp_path / "history.db", create=False)).footage()[0].frames > 0


def test_stopping_and_starting_again(walks: Sequence[str], opened: Open, qtbot: QtBot) -> None:
    runs: list[Steady] = []
    window = opened(building(runs, pause_s=0.01))
    window.add_files(walks[:1])
    for number in (1, 2):
        window.start()
        qtbot.waitUntil(lambda: bool(window.grid.views["west"].result))
        window.actions_.stop.trigger()
        finish(window, qtbot)
        assert len(runs) == number
        assert window.actions_.start.isEnabled()
        assert not window.actions_.stop.isEnabled()


def test_what_is_recorded_already_is_recorded_anew_only_when_asked(
    walks: Sequence[str], opened: Open, qtbot: QtBot
) -> None:
    runs: list[Steady] = []
    window = opened(building(runs, rounds=1))
    window.add_files(walks)
    window.start()
    finish(window, qtbot)
    window.actions_.replace.trigger()
    window.start()
    finish(window, qtbot)
    assert [run.settings.replace for run in runs] == [False, True]


# What may go wrong


def test_a_file_that_is_missing_is_one_sentence_and_the_window_goes_on(
    walks: Sequence[str], opened: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    window = opened()
    window.add_files([str(tmp_path / "gone.mp4")])
    window.start()
    assert "gone.mp4: there is no such file" in problem(qtbot)
    assert "gone.mp4" in window.line.text
    assert window.actions_.start.isEnabled()
    window.add_files(walks)
    assert list(window.grid.views) == ["west", "east"]


def test_trouble_in_the_middle_of_a_run_is_one_sentence(
    walks: Sequence[str], opened: Open, qtbot: QtBot
) -> None:
    window = opened(building([], rounds=5, error=SourceError("The disk of west.mp4 can't be read.")))
    window.add_files(walks)
    window.start()
    assert problem(qtbot) == "The disk of west.mp4 can't be read."
    assert window.grid.views["west"].result is not None


def test_a_bug_shows_its_traceback_and_the_window_goes_on(
    walks: Sequence[str], opened: Open, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    window = opened(building([], rounds=1, error=ZeroDivisionError("a bug of ours")))
    window.add_files(walks)
    hook = sys.excepthook
    with gui._hooks(window):
        window.start()
        qtbot.waitUntil(lambda: len(boxes()) == 1, timeout=20_000)
        assert "ZeroDivisionError: a bug of ours" in boxes()[0].detailedText()
        assert "inside Sightline: ZeroDivisionError" in problem(qtbot)
    assert sys.excepthook is hook
    assert "ZeroDivisionError: a bug of ours" in capsys.readouterr().err
    assert window.actions_.start.isEnabled()


def test_a_history_that_is_none_is_one_sentence(opened: Open, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("Nothing but notes." * 50)
    window = opened()
    small_history(tmp_path / "small.db")
    window.open_history(tmp_path / "small.db")
    qtbot.waitUntil(lambda: people_shown(window) == 2)
    window.open_history(tmp_path / "notes.db")
    assert "notes.db is not a SQLite database" in problem(qtbot)
    assert people_shown(window) == 2, "the one that was open stays"
    assert window.settings.database == tmp_path / "small.db"


def test_a_bug_in_a_slot_does_not_end_the_program(
    opened: Open, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    window = opened()
    with gui._hooks(window):
        QTimer.singleShot(0, lambda: [].pop())
        assert "IndexError" in problem(qtbot)
    assert "pop from empty list" in capsys.readouterr().err


# What is opened


def test_another_history_can_be_opened_and_searched(opened: Open, qtbot: QtBot, tmp_path: Path) -> None:
    small_history(tmp_path / "small.db")
    window = opened()
    assert people_shown(window) == 0
    window.open_history(tmp_path / "small.db")
    qtbot.waitUntil(lambda: people_shown(window) == 2)
    assert window.windowTitle() == "small.db - Sightline"
    qtbot.keyClicks(window.people.bar.words, "ann")
    assert people_shown(window) == 1
    window.people.choose(1)
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    assert len(window.sightings.model.rows) == 2


def test_a_click_on_a_box_chooses_the_person(opened: Open, qtbot: QtBot, tmp_path: Path) -> None:
    small_history(tmp_path / "small.db")
    window = opened(database=tmp_path / "small.db")
    qtbot.waitUntil(lambda: people_shown(window) == 2)
    window.people.bar.words.setText("nobody")
    window.grid.person_clicked.emit(2)
    assert window.people.bar.words.text() == ""
    qtbot.waitUntil(lambda: window.sightings.person is not None)
    assert window.people.person == 2


def test_files_are_dropped_named_and_set_aside_once_they_were_run(
    walks: Sequence[str], opened: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    other = tmp_path / "west.mp4"
    window = opened(building([], rounds=1))
    for path in (Path(walks[0]), other):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys, QEvent.Type.Drop)
        window.dropEvent(event)
    assert window.settings.cameras == (
        CameraSettings("west", walks[0]),
        CameraSettings("west-2", str(other)),
    )
    assert list(window.grid.views) == ["west", "west-2"]
    window.settings = replace(window.settings, cameras=window.settings.cameras[:1])
    window.start()
    finish(window, qtbot)
    window.add_files([walks[1]])
    assert list(window.grid.views) == ["east"]
    window.add_streams(["rtsp://127.0.0.1/1", "rtsp://127.0.0.1/2"])
    assert window.settings.live
    assert list(window.grid.views) == ["cam1", "cam2"]
