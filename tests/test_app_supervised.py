"""What works beside a run is begun again where it fails, and says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_history import small_history, writer

from app.config import RecordingSettings
from app.recording.shelf import Shelf
from app.supervised import Supervised
from storage.errors import DatabaseError
from storage.history import History


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_bug_is_shown_begun_again_and_raised_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise ZeroDivisionError("oh")

    helper = Supervised("the helper", work, stop=threading.Event(), pause_s=0.05)
    helper.start()
    until(lambda: helper.trouble)
    assert helper.trouble == "the helper failed (ZeroDivisionError: oh) and is begun again"
    until(lambda: len(calls) == 3)
    with pytest.raises(ZeroDivisionError):
        helper.join()
    assert capsys.readouterr().err.count("ZeroDivisionError: oh") == 2


def test_what_lies_around_us_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise DatabaseError("the history is away")

    helper = Supervised("the helper", work, stop=threading.Event(), pause_s=0.05)
    helper.start()
    until(lambda: len(calls) == 2)
    helper.join()
    assert helper.trouble == "the helper: the history is away"
    assert capsys.readouterr().err == ""


def test_the_keeper_of_recordings_goes_on_after_the_history_was_away(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    settings = RecordingSettings(tmp_path / "kept")
    with writer(engine, patient=True) as record:
        (tmp_path / "h.db").rename(tmp_path / "away.db")
        shelf = Shelf(settings, History(engine), record, writing=set, every_s=0.05)
        shelf._thread._pause_s = 0.05
        with shelf:
            shelf.begin()
            until(lambda: "h.db" in shelf.problem)
            (tmp_path / "away.db").rename(tmp_path / "h.db")
            begun = threading.active_count()
            time.sleep(0.3)
            assert threading.active_count() == begun  # its thread is still there
