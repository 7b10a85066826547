"""What fits: small screens, names of any length, both themes; and words that belong in a window."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtWidgets import QApplication, QDialog, QInputDialog, QLineEdit
from pytestqt.qtbot import QtBot
from small_history import small_history
from sqlalchemy import update
from window_help import boxes, building, chosen, closed, dialog, finish, problem

from app.config import CameraSettings, HeldError, Settings
from app.gui.asking import present
from app.gui.combo import Combo
from app.gui.dialogs import StreamsDialog
from app.gui.forget_dialog import ForgetDialog
from app.gui.memory import Memory
from app.gui.pair_dialog import PairDialog
from app.gui.playhead import Playhead
from app.gui.screen import Screen
from app.gui.site_dialog import SiteDialog
from app.gui.snapshot import save_snapshot
from app.gui.start_dialog import StartsDialog
from app.gui.style import MUTED, apply_style
from app.gui.text import Line
from app.gui.window import MainWindow
from app.gui.words import in_window
from app.history.said import MOST_LETTERS
from app.sources.stretch import Shot
from storage import schema
from storage.database import open_database

ROOT = Path(__file__).parents[1]
SMALL = (1024, 700)
LONG = "of the third floor, behind the stairs, ünïcødé 日本語 <b>&amp;</b> " * 4


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    """Small, with a history of two people, of whom one has as long a name as there can be; she is chosen."""
    small_history(tmp_path / "small.db")
    memory = Memory()
    settings = Settings((), database=tmp_path / "small.db")
    window = MainWindow(build=building([]), settings=settings, memory=memory)
    window.resize(*SMALL)
    chosen(window, qtbot)
    yield window
    closed(window, qtbot)


def named(window: MainWindow, qtbot: QtBot, name: str) -> str:
    """Names the person chosen as a user does; what the name then is."""
    window.actions_.name.trigger()
    asked = dialog(qtbot, QInputDialog)
    field = asked.findChild(QLineEdit)
    assert field is not None
    field.selectAll()
    QApplication.clipboard().setText(name)  # type: ignore[union-attr]
    field.paste()
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.people.names()[1] != "Ann")
    return window.people.names()[1]


def test_however_long_a_name_is_nothing_grows_by_it_and_a_tip_has_all_of_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    assert len(LONG) > MOST_LETTERS
    name = named(window, qtbot, LONG)
    assert name == LONG[:MOST_LETTERS].strip()
    qtbot.waitUntil(lambda: name in window.sightings._title.text())
    assert window.line.text.startswith(f"Named 1 {name}")
    assert (window.width(), window.height()) == SMALL
    qtbot.waitUntil(lambda: window.actions_.undo.text().startswith("&Undo: Named 1 of the third"))
    assert len(window.actions_.undo.text()) < 70
    assert name in unescape(window.actions_.undo.toolTip())
    window.actions_.footage.trigger()
    qtbot.waitUntil(lambda: name in window.footage.title.text())
    for shown in (window.sightings._title, window.footage.title):
        assert shown.toolTip().count("behind the stairs") >= 1
        assert shown.fontMetrics().horizontalAdvance(super(Line, shown).text()) <= shown.width()
    window.actions_.merge.trigger()
    pair = dialog(qtbot, PairDialog)
    qtbot.waitUntil(lambda: name in pair.left.title.text())
    assert pair.width() <= 1100
    assert pair.left.width() == pytest.approx(pair.right.width(), abs=8)
    assert pair.rect().contains(pair.buttons["Cancel"].geometry())
    pair.reject()
    window.actions_.forget.trigger()
    forget = dialog(qtbot, ForgetDialog)
    qtbot.waitUntil(lambda: forget.order is not None)
    assert forget.width() <= 700
    forget.reject()


def test_a_camera_called_by_one_endless_word_makes_nothing_wider(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    endless = "Aufnahme_" + "x" * 190
    film = write_clip(tmp_path / f"{endless}.mp4", frames=20)
    window.add_files([str(film)])
    window.start()
    qtbot.waitUntil(lambda: window.grid.views[endless].result is not None)
    window.stop()
    finish(window, qtbot)
    history = open_database(tmp_path / "small.db", create=False)
    with history.begin() as connection:
        connection.execute(
            update(schema.Camera).where(schema.Camera.name == "left").values(name=f"{endless}!")
        )
    qtbot.waitUntil(lambda: any("!" in row.camera for row in window.sightings.model.rows))
    right = window.splitters["whole"].sizes()[1]
    window.actions_.review.trigger()
    qtbot.waitUntil(lambda: window.review.case is not None)
    qtbot.waitUntil(lambda: bool(window.review.sides[0].facts.text()))
    assert window.splitters["whole"].sizes()[1] == right
    shown = [side.width() for side in window.review.sides if side.isVisible()]
    assert max(shown) - min(shown) <= 2
    window.actions_.merge.trigger()
    pair = dialog(qtbot, PairDialog)
    pair.choose(2)
    qtbot.waitUntil(lambda: "…" in pair.left.facts.text() and "…" in pair.right.facts.text())
    assert pair.width() <= 1100
    pair.reject()
    starts = StartsDialog([CameraSettings(f"{endless}{n}", "x.mp4") for n in range(40)], window)
    present(starts)
    qtbot.waitUntil(starts.isVisible)
    assert starts.width() < 900
    assert starts.height() < 600, "forty cameras are scrolled to"
    assert all(field.width() > 100 for field in starts.fields)
    starts.reject()
    assert (window.width(), window.height()) == SMALL


def test_a_name_that_is_a_whole_text_is_refused_in_the_terminal(tmp_path: Path) -> None:
    small_history(tmp_path / "small.db")
    told = ["name", "1", "x" * 5000, "--db", str(tmp_path / "small.db")]
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *told], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 7
    assert done.stderr == "sightline: A name has at most 100 letters, not 5000; shorten it.\n"


def test_no_window_is_larger_than_its_screen(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    room = qapp.primaryScreen().availableSize()  # type: ignore[union-attr]
    memory = Memory()
    settings = Settings((), database=tmp_path / "none.db")
    first = MainWindow(build=building([]), settings=settings, memory=memory)
    first.resize(room.width() + 300, room.height() + 200)
    memory.set_state("window", first.saveGeometry())
    closed(first, qtbot)
    window = MainWindow(build=building([]), settings=settings, memory=memory)
    with qtbot.waitActive(window):
        window.show()
    assert window.width() <= max(room.width(), window.minimumWidth())
    assert window.height() <= max(room.height(), window.minimumHeight())
    large = QDialog(window)
    large.resize(5000, 4000)
    present(large)
    qtbot.waitUntil(large.isVisible)
    assert large.size() == room
    large.close()
    closed(window, qtbot)


def drawn(combo: Combo) -> list[tuple[int, int, int]]:
    """The colours of its pixels, from left to right and down."""
    image = combo.grab().toImage()
    return [image.pixelColor(x, y).getRgb()[:3] for y in range(image.height()) for x in range(image.width())]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_choice_ends_in_dots_and_its_arrow_is_in_the_colours_of_the_theme(
    qapp: QApplication, qtbot: QtBot, theme: str
) -> None:
    apply_style(qapp, theme)
    combo = Combo()
    qtbot.addWidget(combo)
    combo.addItems([LONG, "No"])
    combo.resize(120, 32)
    combo.show()
    qtbot.waitExposed(combo)
    long = combo.grab().toImage()
    background = long.pixelColor(100, 4)
    assert all(long.pixelColor(101, y) == background for y in range(4, 28)), "room before the arrow"
    combo.setCurrentIndex(1)
    pixels = drawn(combo)
    assert MUTED.getRgb()[:3] in pixels
    darkest = min(pixels, key=sum)
    if theme == "light":
        assert sum(darkest) > 60, "nothing is black"
    combo.setCurrentIndex(0)
    combo.setItemText(0, LONG + "more")
    assert combo.grab().toImage() == long, "what is past the dots is not drawn"
    apply_style(qapp)


def test_what_is_chosen_in_every_part_of_the_window_is_such_a_choice(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.actions_.site.trigger()
    site = dialog(qtbot, SiteDialog)
    found = window.findChildren(QLineEdit)
    assert site.database in found
    assert site.database.width() > 300, "a path fits"
    site.reject()
    code = [path.read_text(encoding="utf-8") for path in (ROOT / "app/gui").glob("*.py")]
    assert sum(text.count("QComboBox()") for text in code) == 0


def test_all_that_is_chosen_by_default_is_read_whole_in_the_filter(window: MainWindow, qtbot: QtBot) -> None:
    bar = window.people.bar
    bar.more.setChecked(True)
    qtbot.waitUntil(bar.camera.isVisible)
    window.resize(1366, 768)
    qtbot.waitUntil(lambda: window.width() == 1366)
    qtbot.wait(50)
    for box in (bar.camera, bar.kind, bar.order):
        for row in range(1 if box is bar.camera else box.count()):
            told = box.itemText(row)
            assert box.fontMetrics().horizontalAdvance(told) < box.width() - 26, told
    assert bar.since.width() == pytest.approx(bar.until.width(), abs=20)


def test_what_is_counted_takes_no_room_from_what_is_asked(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.forget.trigger()
    forget = dialog(qtbot, ForgetDialog)
    qtbot.waitUntil(lambda: forget.order is not None)
    forget._tell(LONG)
    qtbot.wait(50)
    for field in (forget.person, forget.before, forget.kind):
        assert field.height() >= field.sizeHint().height()
    forget.reject()


def test_where_nothing_is_recorded_yet_the_pages_say_so(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    film = write_clip(tmp_path / "hall.mp4", frames=20)
    window = MainWindow(
        build=building([], rounds=3), settings=Settings((), database=tmp_path / "new.db"), memory=Memory()
    )
    with qtbot.waitActive(window):
        window.show()
    window.actions_.footage.trigger()
    assert window.footage.empty.isVisible()
    assert "Nothing has been filmed yet" in window.footage.empty.text()
    window.actions_.review.trigger()
    assert window.review.question.text() == "Nothing has been recorded yet."
    window.add_files([str(film)])
    window.start()
    finish(window, qtbot)
    window.actions_.review.trigger()
    qtbot.waitUntil(lambda: window.review.question.text() == "Nothing is left that is worth a look.")
    closed(window, qtbot)


def test_a_time_that_is_none_is_marked_in_the_footage_until_it_is_written_anew(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.actions_.footage.trigger()
    qtbot.waitUntil(lambda: window.footage.reels is not None)
    field = window.footage.to
    qtbot.keyClicks(field, "noon")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.property("wrong")
    assert "'noon' is no time" in field.toolTip()
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    assert not field.property("wrong")
    field.clear()
    qtbot.keyClicks(field, "0:12")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.footage.playhead.now() == pytest.approx(12.0)
    assert field.text() == ""


def test_addresses_of_streams_stand_there_to_be_put_right_but_no_password_of_the_environment(
    window: MainWindow, qtbot: QtBot
) -> None:
    def asked() -> StreamsDialog:
        window.actions_.streams.trigger()
        return dialog(qtbot, StreamsDialog)

    first = asked()
    assert first.addresses() == []
    qtbot.keyClicks(first.field, "rtsp://10.0.0.4/1")
    qtbot.keyClick(first.field, Qt.Key.Key_Return)
    qtbot.keyClicks(first.field, "rtps://10.0.0.5/1")
    first.accept()
    again = asked()
    assert again.addresses() == ["rtsp://10.0.0.4/1", "rtps://10.0.0.5/1"]
    again.reject()
    secret = replace(
        window.settings.cameras[0], source="rtsp://u:secret@10.0.0.4/1", shown="rtsp://${CAMERA}"
    )
    window.settings = replace(window.settings, cameras=(secret,))
    assert asked().addresses() == []
    dialog(qtbot, StreamsDialog).reject()
    window.settings = replace(window.settings, live=False)
    assert asked().addresses() == [], "files are no streams"
    dialog(qtbot, StreamsDialog).reject()


def test_a_snapshot_of_nothing_or_to_nowhere_is_told(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.actions_.snapshot.trigger()
    assert problem(qtbot).startswith("No footage is shown: open the Footage tab")
    save_snapshot(window, window.footage, window.line.say, tmp_path / "gone")
    assert problem(qtbot) == f"Nothing could be written in {tmp_path / 'gone'}."


def test_beside_nobody_there_is_nothing_to_be_read_of_pictures(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.merge.trigger()
    pair = dialog(qtbot, PairDialog)
    qtbot.waitUntil(lambda: bool(pair.left.wall.pictures))
    assert (pair.right.title.text(), pair.right.wall.words) == ("Choose somebody", "")
    pair.choose(2)
    qtbot.waitUntil(lambda: pair.right.title.text() == "Person 2")
    assert pair.right.wall.words == "No picture is kept"
    pair.reject()


# Words


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            "the history a.db is not a SQLite database; name another file with --db",
            "The history a.db is not a SQLite database",
        ),
        (
            "the history a.db is damaged; restore it from a backup, or name another file with --db",
            "The history a.db is damaged; restore it from a backup",
        ),
        (
            "a.db already holds left at these times; if they were filmed at another time, say when with "
            "--start; --resume goes on where a run was stopped, --replace records them anew; or name another "
            "database with --db.",
            "a.db already holds left at these times.",
        ),
        (
            "there is no history a.db; make one with 'sightline run', or name it with --db",
            "There is no history a.db",
        ),
        ("7 has one sighting; leave at least one, or merge",) * 2,
        (
            "a.db is written to; upgrade it, name another with --db, or wait",
            "a.db is written to; upgrade it, or wait",
        ),
        ("hall.mp4: is no video; give a video file such as .mp4, .mkv or .avi.",) * 2,
    ],
)
def test_what_is_typed_in_a_terminal_is_left_out_of_an_error(told: str, shown: str) -> None:
    assert in_window(told) == shown


def texts(call: ast.Call) -> Iterator[str]:
    """What an error is told with, X in place of what differs."""
    for one in call.args:
        if isinstance(one, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "X" for v in one.values)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def raised(*folders: str) -> list[str]:
    """The sentences of the errors that are raised there."""
    found: list[str] = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    found += texts(node.exc)
    return found


def test_no_error_of_a_history_or_of_footage_tells_a_window_what_to_type() -> None:
    said = raised("storage", "app/sources", "app/recording")
    assert len(said) > 60
    assert sum("--" in one for one in said) >= 8
    left = [in_window(one) for one in said if re.search(r"--[a-z]|'sightline ", in_window(one))]
    assert left == []


def test_what_went_wrong_is_told_in_the_window_s_own_words_and_escape_closes_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "notes.db").write_text("Nothing but notes." * 50)
    window.open_history(tmp_path / "notes.db")
    assert problem(qtbot) == f"The history {tmp_path / 'notes.db'} is not a SQLite database"
    window._run_ended(HeldError("a.db already holds left at these times; --replace records them anew."))
    qtbot.waitUntil(lambda: len(boxes()) == 1)
    box = boxes()[0]
    assert box.text() == "a.db already holds left at these times."
    assert "Process again" in box.informativeText()
    qtbot.waitUntil(box.isActiveWindow)
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not boxes())


def test_a_long_line_at_the_foot_leaves_the_figures_their_place(window: MainWindow, qtbot: QtBot) -> None:
    window.line.say(LONG)
    qtbot.wait(20)
    assert window.line.text == LONG
    assert (window.width(), window.height()) == SMALL
    figures = window.line._figures
    right = figures.mapTo(window, QPoint(figures.width(), 0)).x()
    assert right <= window.width()


# Small windows


def test_in_the_smallest_window_nothing_that_is_pressed_or_told_is_cut(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.resize(window.minimumSize())
    window.splitters["whole"].setSizes([600, 300])
    window.actions_.review.trigger()
    qtbot.waitUntil(lambda: window.review.case is not None)
    qtbot.waitUntil(lambda: window.width() == window.minimumWidth())
    assert window.height() <= 614, "of a laptop's 1366 x 768 at 125 %"
    qtbot.waitUntil(lambda: not window.review.count.isVisible())
    for name, button in window.review.buttons.items():
        assert button.width() >= button.sizeHint().width(), name
    assert super(Line, window.review.question).text() == window.review.question.text(), "all of it"


def test_above_a_narrow_picture_its_camera_is_told_and_as_much_of_the_time_as_fits(
    qapp: QApplication, qtbot: QtBot
) -> None:
    screen = Screen("left", Playhead())
    qtbot.addWidget(screen)
    screen.shot = Shot(1_243_857_600.0, np.zeros((90, 160, 3), np.uint8))  # 2009-06-01 12:00 UTC
    advance = screen.fontMetrics().horizontalAdvance
    for width, told in ((400, "2009-06-01 12:00:00"), (160, "12:00:00")):
        screen.resize(width, 200)
        room = width - 16 - advance("left") - 8
        assert screen._time_told(lambda text: advance(text) <= room) == told  # noqa: B023
    assert screen._time_told(lambda text: False) == ""
    screen.resize(180, 200)
    before = screen.grab().toImage()
    screen.name = "a name that leaves no room for the whole of it"
    after = screen.grab().toImage()
    right = range(180 - 8 - advance("12:00:00"), 172)
    assert all(before.pixel(x, y) == after.pixel(x, y) for x in right for y in range(26)), "the time stays"
    screen.close_thread()
