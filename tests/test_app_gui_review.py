"""The review of what is worth a look, in a real window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_history import name_footage, picture, small_history, unit, writer
from window_help import building, closed

from app.config import Settings
from app.gui.memory import Memory
from app.gui.pair_dialog import PairDialog
from app.gui.window import MainWindow
from app.history.review import left
from storage.history import History
from storage.repair import Repair
from tracker.types import Evidence, Portrait, Sighting, Terms

UNSURE = Evidence(0.3, 5.0, 2, 0.4, 3, terms=Terms(-1.0, 1.5, 0.2), runner_up_terms=Terms(-1.0, 1.2, 0.1))
NEW = Evidence(None, None, 1, 0.35, 3, runner_up_terms=Terms(-1.0, 1.0, 0.0))


@pytest.fixture
def history(tmp_path: Path) -> History:
    """With a likely duplicate (6 of 1), an unsure sighting (7, of 1 or 2), and one that is nobody's (5)."""
    engine = small_history(tmp_path / "small.db")
    with writer(engine) as record:
        name_footage(record)
        record.sighting(Sighting(6, "right", 40.0, 44.0, 6, 0.55, NEW))
        record.sighting(Sighting(7, "left", 50.0, 54.0, 1, 0.6, UNSURE))
        for number in (6, 7):
            record.portrait(number, Portrait(40.0, 0.9, unit(number), picture(10 * number)))
    return History(engine)


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, history: History) -> Iterator[MainWindow]:
    """At the first question."""
    settings = Settings((), database=history.path)
    window = MainWindow(build=building([]), settings=settings, memory=Memory())
    with qtbot.waitActive(window):
        window.show()
    window.actions_.review.trigger()
    qtbot.waitUntil(lambda: window.review.case is not None)
    yield window
    closed(window, qtbot)


def press(window: MainWindow, qtbot: QtBot, key: Qt.Key) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.waitUntil(window.review.hasFocus)
    qtbot.keyClick(window.review, key)


def at(window: MainWindow, qtbot: QtBot, question: str) -> None:
    """That question is asked, with its pictures."""
    qtbot.waitUntil(lambda: window.review.question.text() == question)
    qtbot.waitUntil(lambda: bool(window.review.sides[0].wall.pictures))


def number_left(history: History) -> int:
    return sum(left(history).values())


def test_each_question_shows_its_two_and_is_answered_by_a_key(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    review = window.review
    first = review.question.text()
    assert window.pages.tabs.tabText(2) == f"Review ({number_left(history)})"
    assert review.count.text() == f"{number_left(history)} questions left"
    seen = []
    while review.case is not None:
        case = review.case
        qtbot.waitUntil(lambda: bool(review.sides[0].wall.pictures))
        assert review.because.text().casefold() == "\n".join(case.because).casefold()
        seen.append((case.kind, case.question))
        press(window, qtbot, Qt.Key.Key_K)
        qtbot.waitUntil(lambda: review.case is not case)  # noqa: B023
    assert review.question.text() == "Nothing is left that is worth a look."
    assert {kind for kind, _ in seen} == {"duplicate", "unsure", "nobody"}
    assert seen[0][1][1:] == first[1:]
    assert Repair(history.engine).journal() == []


def test_the_same_merges_and_different_tells_apart(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    kind = window.review.kind
    kind.setCurrentIndex(kind.findData("duplicate"))
    qtbot.waitUntil(lambda: window.review.case is not None and window.review.case.kind == "duplicate")
    duplicates = window.review.case.people
    window.review.setFocus()
    press(window, qtbot, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: [row.kind for row in Repair(history.engine).journal()] == ["merge"])
    assert history.who(max(duplicates)) == min(duplicates)
    kind.setCurrentIndex(kind.findData("unsure"))
    qtbot.waitUntil(lambda: window.review.case is not None and window.review.case.kind == "unsure")
    case = window.review.case
    window.review.setFocus()
    press(window, qtbot, Qt.Key.Key_D)
    qtbot.waitUntil(lambda: len(Repair(history.engine).journal()) == 2)
    moved = history.sighting(case.sighting.id)
    assert moved is not None
    assert moved.person != case.sighting.person
    assert moved.probability == 1.0


def test_what_nobody_was_given_is_given_to_whom_the_dialog_names(
    window: MainWindow, qtbot: QtBot, history: History
) -> None:
    kind = window.review.kind
    kind.setCurrentIndex(kind.findData("nobody"))
    at(window, qtbot, "Who is sighting 5?")
    assert not window.review.buttons["same"].isEnabled()
    window.review.setFocus()
    press(window, qtbot, Qt.Key.Key_E)
    qtbot.waitUntil(lambda: bool(window.findChildren(PairDialog)))
    [dialog] = window.findChildren(PairDialog)
    dialog.choose(2)
    qtbot.mouseClick(dialog.buttons["Move here"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.review.case is None)
    moved = history.sighting(5)
    assert moved is not None
    assert moved.person == 2
    assert window.pages.tabs.tabText(2) == "Review"
