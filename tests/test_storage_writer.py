from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_history import (
    DIMENSION,
    SIGHTINGS,
    name_footage,
    picture,
    points,
    record_all,
    small_history,
    unit,
    writer,
)
from sqlalchemy import Engine, event

import storage.writer
from storage import database
from storage.database import DatabaseError, open_database
from storage.history import History
from storage.lock import RunLock
from storage.recording import CHUNK_S, IDLE_COMMITS, PICTURE_PX
from storage.writer import Writer
from tracker.types import Portrait, Sighting

NEVER = 1e6  # a commit_s that leaves committing to flush and close


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(tmp_path / "h.db", create=True)


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def number_of(engine: Engine, table: str) -> object:
    return rows(engine, f"SELECT count(*) FROM {table}")[0][0]


def test_all_that_was_said_is_there_after_close(engine: Engine) -> None:
    with writer(engine) as record:
        record_all(record)
    history = History(engine)
    assert [(s.camera, s.person, s.start, s.end, s.probability, s.evidence) for s in history.sightings()] == [
        (s.camera, s.identity, s.start, s.end, s.probability, s.evidence) for s in SIGHTINGS
    ]
    for row, said in zip(history.sightings(), SIGHTINGS, strict=True):
        way, expected = history.trajectory(row.id), points(said)
        assert way.frames.tolist() == [point.frame for point in expected]
        np.testing.assert_allclose(way.times, [point.time for point in expected], atol=1e-4)
        np.testing.assert_allclose(way.boxes, [point.box for point in expected], atol=1 / 16)
    ((command, version, ended),) = rows(engine, "SELECT command, version, ended IS NOT NULL FROM run")
    assert (command, version, ended) == ("sightline run", "0.1", 1)


def test_close_leaves_one_file(engine: Engine, tmp_path: Path) -> None:
    with writer(engine) as record:
        record_all(record)
    assert [file.name for file in tmp_path.iterdir()] == ["h.db"]


def test_a_later_word_on_a_sighting_replaces_the_earlier(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record)
        record.sighting(Sighting(1, "left", 10.0, 11.0, None, 0.0))
        record.flush()
        record.sighting(Sighting(1, "left", 10.0, 12.0, 7, 0.5))
        record.sighting(Sighting(1, "left", 10.0, 13.0, 8, 0.75))
    assert rows(engine, 'SELECT number, "end", identity_id, probability FROM sighting') == [
        (1, 13.0, 8, 0.75)
    ]


def test_it_commits_by_itself_about_once_a_second(engine: Engine) -> None:
    with writer(engine, commit_s=0.2) as record:
        record_all(record)
        deadline = time.monotonic() + 10
        while number_of(engine, "sighting") != 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert number_of(engine, "sighting") == 5


def test_flush_is_an_answer_that_it_is_on_disk(engine: Engine) -> None:
    with writer(engine, commit_s=NEVER) as record:
        record_all(record)
        assert number_of(engine, "sighting") == 0
        record.flush()
        assert number_of(engine, "sighting") == 5


def test_an_open_trajectory_is_rewritten_until_it_is_long(engine: Engine) -> None:
    sighting = Sighting(1, "left", 10.0, 30.0, 1, 0.9)
    with writer(engine, commit_s=NEVER) as record:
        name_footage(record)
        record.sighting(sighting)
        for k, point in enumerate(points(sighting)):
            record.point(1, point)
            if k % 10 == 0:
                record.flush()
                assert rows(engine, "SELECT sum(points) FROM trajectory") == [(k + 1,)]
    spans = rows(engine, 'SELECT "end" - start FROM trajectory ORDER BY start')
    assert len(spans) == 5
    assert all(float(str(span)) < CHUNK_S for (span,) in spans)


def test_a_trajectory_goes_on_after_a_long_silence(engine: Engine) -> None:
    with writer(engine, commit_s=NEVER) as record:
        name_footage(record)
        record.sighting(Sighting(1, "left", 10.0, 11.0, 1, 0.9))
        ways = points(SIGHTINGS[0])
        record.point(1, ways[0])
        for k in range(IDLE_COMMITS + 3):
            record.frames("left", k, 10.0 + k)
            record.flush()
        record.point(1, ways[1])
    assert rows(engine, "SELECT points FROM trajectory ORDER BY start") == [(1,), (1,)]


def test_who_asks_is_told_once_a_frame_is_on_disk(engine: Engine) -> None:
    told: list[tuple[str, float, int]] = []

    def note(what: str, at: float) -> None:
        committed = rows(engine, "SELECT frames FROM footage")[0][0]
        told.append((what, at, int(str(committed))))

    with writer(engine, commit_s=NEVER) as record:
        name_footage(record)
        began = time.monotonic()
        for count in (1, 2):
            record.frames("left", count, 10.0 + count, on_commit=partial(note, f"frame {count}"))
        record.flush()
        flushed = time.monotonic()
        record.frames("left", 3, 13.0)
        record.flush()
    assert [(what, frames) for what, _, frames in told] == [("frame 1", 2), ("frame 2", 2)]
    assert all(began <= at <= flushed for _, at, _ in told)


def test_footage_grows_and_changes(engine: Engine) -> None:
    with writer(engine) as record:
        name_footage(record)
        record.frames("left", 10, 11.0)
        record.flush()
        record.sighting(Sighting(1, "left", 10.5, 11.0, 1, 0.9))
        record.footage("left", uri="other.mp4", start=20.0, width=640, height=480)
        record.frames("left", 5, 20.5)
        record.sighting(Sighting(2, "left", 20.0, 20.5, 1, 0.9))
        record.sighting(Sighting(1, "left", 10.5, 11.5, 1, 0.9))
    history = History(engine)
    left = history.footage("left")
    assert [(f.uri, f.start, f.end, f.width, f.frames) for f in left] == [
        ("left.mp4", 10.0, 11.0, 320, 10),
        ("other.mp4", 20.0, 20.5, 640, 5),
    ]
    assert [s.footage for s in history.sightings()] == [left[0].id, left[1].id]


def test_pictures_are_made_small_jpegs_of_the_same_shape(engine: Engine) -> None:
    image = np.zeros((800, 300, 3), np.uint8)
    image[:400, :, 2] = 255
    with writer(engine) as record:
        name_footage(record)
        record.sighting(SIGHTINGS[0])
        record.portrait(1, Portrait(10.0, 0.7, unit(0), image[:, ::2]))
    (portrait,) = History(engine).portraits()
    back = cv2.imdecode(np.frombuffer(portrait.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert back.shape == (PICTURE_PX, round(150 * PICTURE_PX / 800), 3)
    assert back[20, 20, 2] > 200
    assert back[-20, 20, 2] < 50


def test_a_second_run_adds_to_the_history(engine: Engine) -> None:
    for later_s in (0.0, 1000.0):
        with writer(engine) as record:
            record_all(record, later_s=later_s)
    assert (number_of(engine, "run"), number_of(engine, "sighting"), number_of(engine, "camera")) == (
        2,
        10,
        2,
    )
    assert number_of(engine, "identity") == 2


def test_two_runs_cannot_write_at_once(engine: Engine) -> None:
    with writer(engine), pytest.raises(DatabaseError) as caught:
        writer(engine)
    assert f"another run (process {os.getpid()}) is writing" in str(caught.value)
    with writer(engine):
        pass


def test_the_lock_is_free_when_its_holder_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    code = (
        "import sys, pathlib, os, signal; from storage.lock import RunLock;"
        "lock = RunLock(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], timeout=60).returncode == -9
    assert (tmp_path / "h.db.lock").exists()
    with RunLock(path), pytest.raises(DatabaseError, match="another run"):
        RunLock(path)
    assert not (tmp_path / "h.db.lock").exists()


def test_another_models_vectors_are_refused_by_name(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with pytest.raises(DatabaseError) as caught:
        writer(engine, model="model-b")
    for word in ("model-a", "model-b", "--reid", "--db"):
        assert word in str(caught.value)
    with writer(engine):
        pass


def test_another_model_may_follow_where_there_are_no_vectors(engine: Engine) -> None:
    with writer(engine, model="model-a"):
        pass
    with writer(engine, model="model-b") as record:
        record_all(record)
    assert History(engine).models() == ["model-b"]


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("footage", "camera left: its footage is to be named first"),
        ("sighting", r"sightings never reported: \[9\]"),
        ("time", r"sighting 1: a point at 10\.0 after one at 10\.1"),
        ("dimension", r"embedding: expected \(4,\), found \(5,\)"),
    ],
)
def test_a_callers_mistake_is_raised_as_such(engine: Engine, mistake: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence), writer(engine) as record:  # noqa: PT012
        if mistake == "footage":
            record.sighting(SIGHTINGS[0])
        name_footage(record)
        if mistake == "sighting":
            record.point(9, points(SIGHTINGS[0])[0])
        if mistake == "time":
            for point in points(SIGHTINGS[0])[1::-1]:
                record.point(1, point)
        if mistake == "dimension":
            record.portrait(1, Portrait(0.0, 0.5, np.ones(DIMENSION + 1, np.float32), picture(0)))
        record.flush()


def until(true: Callable[[], object], patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_lock_is_waited_for_as_long_as_it_takes(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than SQLite would wait; what comes meanwhile is kept in memory, and all of it is there after."""
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    with writer(engine, commit_s=0.01, queue_size=8) as record:
        record_all(record)
        record.flush()
        assert record.trouble == ""
        with closing(sqlite3.connect(tmp_path / "h.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            record_all(record, later_s=500.0)
            until(lambda: record.trouble)
            assert f"{tmp_path / 'h.db'} is locked by another program" in record.trouble
            assert "MB are kept in memory" in record.trouble
            time.sleep(1.0)
            record.check()  # it goes on
            assert History(engine).sightings(since=500.0) == []
        record.flush()
        assert record.trouble == ""
        assert len(History(engine).sightings(since=500.0)) == 5
    assert rows(engine, "SELECT sum(points) FROM trajectory") == [(2 * 155,)]


def test_what_comes_during_a_lock_is_taken_as_it_comes(engine: Engine, tmp_path: Path) -> None:
    """Each attempt at the file waits for it a little: meanwhile the queue is not to fill up."""
    with writer(engine, commit_s=0.01, queue_size=64) as record:
        record_all(record)
        record.flush()
        with closing(sqlite3.connect(tmp_path / "h.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun, later_s = time.monotonic(), 500.0
            for _ in range(20):
                record_all(record, later_s=later_s)  # some two hundred calls
                later_s += 100.0
            assert record.trouble
            assert (
                time.monotonic() - begun < 30.0
            )  # a call a quarter of a second would take a quarter of an hour
        record.flush()
    assert rows(engine, "SELECT sum(points) FROM trajectory") == [(21 * 155,)]


def test_a_writer_that_is_closed_during_a_lock_writes_all_of_it(engine: Engine, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "h.db", isolation_level=None, check_same_thread=False)
    with closing(other), writer(engine, commit_s=0.01) as record:
        other.execute("BEGIN IMMEDIATE")
        record_all(record)
        until(lambda: record.trouble)
        release = threading.Timer(0.6, other.execute, ["ROLLBACK"])
        release.start()
    release.join()
    assert number_of(engine, "sighting") == 5
    assert rows(engine, "SELECT ended IS NOT NULL FROM run") == [(1,)]


def kept_in_a_lock(engine: Engine, path: Path, keep: Callable[[Writer, int], None]) -> int:
    """How often something could be kept while another program held the lock, until there was no more room."""
    number = 0
    with writer(engine, commit_s=0.01, keep_mb=0.2) as record:
        name_footage(record)
        record.flush()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            while not record.full:
                number += 1
                keep(record, number)
                assert number < 5000
                time.sleep(0.002)
        record.flush()
        assert not record.full
    return number


def test_what_is_kept_during_a_lock_is_bounded_and_told(engine: Engine, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)

    def keep(record: Writer, number: int) -> None:
        image = noise.integers(0, 255, (128, 64, 3), dtype=np.uint8)
        record.sighting(Sighting(number, "left", 10.0, 11.0, number, 0.9))
        record.portrait(number, Portrait(10.0, 0.5, unit(0), image))

    kept = kept_in_a_lock(engine, tmp_path / "h.db", keep)
    assert number_of(engine, "portrait") == kept


def test_whom_to_tell_of_a_commit_counts_as_kept(engine: Engine, tmp_path: Path) -> None:
    told: list[float] = []

    def keep(record: Writer, number: int) -> None:
        record.frames("left", number, 10.0, on_commit=told.append)

    assert kept_in_a_lock(engine, tmp_path / "h.db", keep) == len(told)


def test_a_history_that_is_moved_away_is_told_and_waited_for(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with writer(engine, commit_s=0.01, patient=True) as record:
        record_all(record)
        record.flush()
        path.rename(tmp_path / "away.db")
        until(lambda: record.trouble, 5.0)  # also where nothing is to be written
        assert "it was moved or deleted; put it back" in record.trouble
        record_all(record, later_s=500.0)
        assert not path.exists()  # no empty one in its place
        (tmp_path / "away.db").rename(path)
        record.flush()
        assert record.trouble == ""
    assert rows(engine, "SELECT sum(points) FROM trajectory") == [(2 * 155,)]
    assert_sound(path)


def test_a_history_that_stays_away_is_an_error_at_the_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.writer, "_LAST_S", 0.5)
    record = writer(engine, patient=True)
    record.flush()
    (tmp_path / "h.db").unlink()
    record_all(record)
    with pytest.raises(DatabaseError, match=r"moved or deleted.* is lost"):
        record.close()
    assert not any(thread.name == "history writer" for thread in threading.enumerate())


def test_a_closed_writer_takes_no_more(engine: Engine) -> None:
    record = writer(engine)
    record.close()
    record.close()
    with pytest.raises(ValueError, match="closed"):
        record.sighting(SIGHTINGS[0])


def test_leaving_by_an_exception_keeps_what_was_queued(engine: Engine) -> None:
    with pytest.raises(KeyboardInterrupt), writer(engine, commit_s=NEVER) as record:  # noqa: PT012
        record_all(record)
        raise KeyboardInterrupt
    assert number_of(engine, "sighting") == 5
    assert rows(engine, "SELECT ended IS NOT NULL FROM run") == [(1,)]
    assert not any(thread.name == "history writer" for thread in threading.enumerate())


def test_a_full_queue_waits_and_loses_nothing(engine: Engine) -> None:
    sighting = Sighting(1, "left", 10.0, 110.0, 1, 0.9)
    with writer(engine, queue_size=2, commit_s=0.01) as record:
        name_footage(record)
        record.sighting(sighting)
        for point in points(sighting):
            record.point(1, point)
    assert rows(engine, "SELECT sum(points) FROM trajectory") == [(1001,)]


def test_many_threads_may_report(engine: Engine) -> None:
    with writer(engine, commit_s=0.01) as record:
        name_footage(record)

        def report(first: int) -> None:
            for number in range(first, first + 50):
                record.sighting(Sighting(number, "left", 10.0, 11.0, number, 0.9))
                record.point(number, points(SIGHTINGS[0])[0])

        threads = [threading.Thread(target=report, args=(1 + 50 * k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (number_of(engine, "sighting"), number_of(engine, "trajectory")) == (200, 200)


def test_erase_makes_room_for_a_new_recording(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    history = History(engine)
    before = [s for s in history.sightings() if s.camera == "right"]
    with writer(engine) as record:
        record.erase("left", 10.0, 31.9)
        name_footage(record)
        record.sighting(Sighting(1, "left", 11.0, 12.0, 5, 0.9))
    assert [s for s in history.sightings() if s.camera == "right"] == before
    assert [(s.person, s.start) for s in history.sightings(camera="left")] == [(5, 11.0)]
    assert len(history.footage("left")) == 1
    assert number_of(engine, "trajectory") == 3  # of the right camera; one of them takes two rows
    assert number_of(engine, "portrait") == 4
    assert rows(engine, "PRAGMA foreign_key_check") == []


def test_erase_keeps_what_lies_outside_of_the_span(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with writer(engine) as record:
        record.erase("left", 0.0, 20.0)
        record.erase("nowhere", 0.0, 100.0)
    assert [s.start for s in History(engine).sightings(camera="left")] == [21.0, 30.0]
    assert len(History(engine).footage("left")) == 1


def test_erase_forgets_the_nameless_who_are_seen_no_more(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")  # 1 has a name, 2 has none
    with writer(engine) as record:
        for camera in ("left", "right"):
            record.erase(camera, 0.0, 100.0)
    assert rows(engine, "SELECT id, name FROM identity") == [(1, "Ann")]
    assert (number_of(engine, "footage"), number_of(engine, "trajectory"), number_of(engine, "portrait")) == (
        0,
    ) * 3


def test_erase_spares_the_run_that_asks(engine: Engine) -> None:
    with writer(engine) as record:
        record_all(record)
        record.erase("left", 0.0, 100.0)
    assert number_of(engine, "sighting") == 5


def fill(record: object, seconds: float = 20.0) -> None:
    """Report noise for ever, or until the writer raises."""
    noise = np.random.default_rng(0)
    deadline = time.monotonic() + seconds
    number = 100
    while time.monotonic() < deadline:
        number += 1
        image = noise.integers(0, 255, (128, 64, 3), dtype=np.uint8)
        record.sighting(Sighting(number, "left", 10.0, 11.0, number, 0.9))  # type: ignore[attr-defined]
        record.portrait(number, Portrait(10.0, 0.5, unit(0), image))  # type: ignore[attr-defined]
    pytest.fail("the disk never filled")


def assert_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_full_database_is_one_sentence_and_what_was_committed_stays(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = open_database(path, create=True)
    small = open_database(path, create=True)
    event.listen(small, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 100"))
    with pytest.raises(DatabaseError) as caught, writer(small, commit_s=0.02) as record:  # noqa: PT012
        record_all(record)
        record.flush()
        fill(record)
    assert "the disk is full" in str(caught.value)
    assert str(path) in str(caught.value)
    assert_sound(path)
    assert len(History(engine).sightings(until=50.0)) >= 5
    assert rows(engine, "SELECT ended FROM run") == [(None,)]
    assert not any(thread.name == "history writer" for thread in threading.enumerate())
    with writer(engine) as record:  # the lock is free, and there is room again
        record_all(record, later_s=500.0)


FILLER = """
import sys, pathlib, resource
from small_history import record_all, writer
from test_storage_writer import fill
from storage.database import DatabaseError, open_database
path, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2])
try:
    engine = open_database(path, create=True)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with writer(engine, commit_s=0.05) as record:
        record_all(record)
        record.flush()
        print("flushed", flush=True)
        fill(record)
except DatabaseError as error:
    print(error)
"""


def filled(path: Path, limit: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(path), str(limit)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_file_that_may_not_grow_is_one_sentence(tmp_path: Path) -> None:
    said, sentence = filled(tmp_path / "h.db", 400_000)
    assert said == "flushed"
    assert "the disk is full or failing" in sentence
    assert_sound(tmp_path / "h.db")
    assert len(History(open_database(tmp_path / "h.db", create=False)).sightings()) >= 5


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(disk: Path) -> None:
    path = disk / "h.db"
    said, sentence = filled(path, 0)
    assert said == "flushed"
    assert "the disk is full" in sentence
    assert_sound(path)
    engine = open_database(path, create=False)
    assert len(History(engine).sightings()) >= 5
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True, timeout=10)
    with writer(engine) as record:
        record_all(record, later_s=500.0)
    assert len(History(engine).sightings(since=500.0)) == 5


def test_a_live_run_waits_for_a_full_disk_and_loses_nothing(disk: Path) -> None:
    engine = open_database(disk / "h.db", create=True)
    noise = np.random.default_rng(0)
    told = 0
    with writer(engine, commit_s=0.02, patient=True) as record:
        record_all(record)
        while not record.trouble:
            told += 1
            image = noise.integers(0, 255, (128, 64, 3), dtype=np.uint8)
            record.sighting(Sighting(100 + told, "left", 10.0, 11.0, 100 + told, 0.9))
            record.point(100 + told, points(SIGHTINGS[0])[0])
            record.portrait(100 + told, Portrait(10.0, 0.5, unit(0), image))
            time.sleep(0.002)
        assert "the disk is full" in record.trouble
        time.sleep(1.0)
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True, timeout=10)
        record.flush()
        assert record.trouble == ""
    assert (number_of(engine, "sighting"), number_of(engine, "portrait")) == (5 + told, 10 + told)
    assert rows(engine, "SELECT count(*) FROM trajectory WHERE points = 1") == [(told,)]
    assert_sound(disk / "h.db")


def test_a_disk_full_from_the_start_is_one_sentence(disk: Path) -> None:
    (disk / "big").write_bytes(bytes(1_490_000))
    with pytest.raises(DatabaseError, match="the disk is full"):
        open_database(disk / "h.db", create=True)


VICTIM = """
import sys, pathlib, itertools
import numpy as np
from small_history import name_footage, picture, unit, writer
from storage.database import open_database
from tracker.types import Point, Portrait, Sighting
record = writer(open_database(pathlib.Path(sys.argv[1]), create=True), commit_s=0.02)
name_footage(record)
box = np.array([1, 2, 3, 4], np.float32)
for number in itertools.count(1):
    record.sighting(Sighting(number, "left", 10.0 + number, 11.0 + number, number, 0.9))
    for k in range(30):
        record.point(number, Point(10.0 + number + k / 30, k, box, 0.5))
    record.portrait(number, Portrait(10.0, 0.5, unit(number), picture(number % 256)))
    if number % 20 == 0:
        record.flush()
        print(number, flush=True)
"""


def killed_after(path: Path, seconds: float) -> int:
    """Let a run write, kill it, and return the last sighting it was told is on disk."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert victim.stdout is not None
    with victim:
        victim.stdout.readline()
        time.sleep(seconds)
        victim.kill()
        acknowledged = [line for line in victim.stdout if line.endswith("\n")]
    assert victim.returncode == -9
    return int(acknowledged[-1])


def test_a_killed_run_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    clock = random.Random(7)
    for run in range(1, 6):
        last = killed_after(path, clock.uniform(0.2, 0.6))
        engine = open_database(path, create=False)
        where = f"run_id = {run} AND number <= {last}"
        held = rows(
            engine,
            "SELECT count(DISTINCT sighting.id), count(trajectory.id), sum(points) FROM sighting "
            f"JOIN trajectory ON sighting_id = sighting.id WHERE {where}",
        )
        assert held == [(last, last, 30 * last)]
        pictures = f"SELECT count(*) FROM portrait JOIN sighting ON sighting.id = sighting_id WHERE {where}"
        assert rows(engine, pictures) == [(last,)]
        assert rows(engine, f"SELECT ended FROM run WHERE id = {run}") == [(None,)]
        assert_sound(path)
    assert History(engine).last_identity() >= last


def test_memory_stays_flat_however_many_sightings(engine: Engine) -> None:
    with writer(engine, commit_s=NEVER) as record:
        name_footage(record)
        for number in range(1, 2 * IDLE_COMMITS):
            record.sighting(Sighting(number, "left", 10.0, 11.0, number, 0.9))
            record.point(number, points(SIGHTINGS[0])[0])
            record.flush()
        held = record._recording
        assert len(held._chunks) <= IDLE_COMMITS + 1
        assert not held._sightings
        assert not held._portraits
        assert not held._changed_footage
