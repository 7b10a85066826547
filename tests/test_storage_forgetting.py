"""What is forgotten is gone everywhere: looked for in the bytes of the files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from small_history import MODEL, name_footage, picture, small_history, unit, writer
from sqlalchemy import Engine
from test_storage_growth import assert_kept, busy

from storage.database import open_database
from storage.errors import DatabaseError, UnknownPerson
from storage.forgetting import Forgetting, Kind, Order
from storage.history import History
from storage.packing import pack_vector
from storage.repair import Repair, corrections
from storage.schema import PEOPLE_A_BLOCK
from storage.segments import SegmentRow
from storage.upkeep import back_up, check
from tracker.types import Held, Point, Portrait, Sighting


def nothing(path: str, camera: str) -> bool:
    return False


def forgetting(engine: Engine) -> Forgetting:
    return Forgetting(engine, remove=nothing)


def bytes_of(path: Path) -> bytes:
    """Of the history and all that SQLite keeps beside it."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")) if file.is_file())


def assert_sound(path: Path) -> None:
    assert all(one.sound for one in check(open_database(path, create=False)))
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    assert_kept(path)


def with_marks(path: Path) -> tuple[Engine, dict[int, list[bytes]]]:
    """People 1 to 3 with names, vectors and pictures of their own; by person, what of them is in the file."""
    engine = open_database(path, create=True)
    marks: dict[int, list[bytes]] = {}
    with writer(engine) as record:
        name_footage(record)
        for who in (1, 2, 3):
            noise = np.random.default_rng(who)
            vector = noise.normal(size=4).astype(np.float32)
            image = noise.integers(0, 255, (80, 40, 3), dtype=np.uint8)
            for visit in range(5):
                number = 10 * who + visit
                start = 100.0 * who + 10 * visit
                record.sighting(Sighting(number, "left", start, start + 4, who, 0.9))
                record.portrait(number, Portrait(start, 0.5, vector, image))
            marks[who] = [pack_vector(vector), f"Somebody-{who}".encode()]
    jpegs = {row.person: row.jpeg for row in History(engine).portraits()}
    for who, mine in marks.items():
        Repair(engine).name(who, f"Somebody-{who}")
        mine.append(jpegs[who][-120:-40])
    with closing(sqlite3.connect(path)) as file:
        ((centroids,),) = file.execute("SELECT vectors FROM centroids")
    length = len(centroids) // PEOPLE_A_BLOCK
    for who, mine in marks.items():
        mine.append(centroids[who * length : (who + 1) * length])
    return engine, marks


def test_a_person_is_gone_from_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine, marks = with_marks(path)
    Repair(engine).differ(2, 3)
    forgetting(engine).order(Order("sightings", person=2))
    (receipt,) = forgetting(engine).carry_out()
    assert (receipt.sightings, receipt.portraits, receipt.pictures, receipt.people) == (5, 5, 5, 1)
    assert receipt.checkpointed
    data = bytes_of(path)
    assert [mark in data for mark in marks[2]] == [False, False, False, False]
    assert all(mark in data for who in (1, 3) for mark in marks[who])
    history = History(engine)
    assert [row.id for row in history.people()] == [1, 3]
    with pytest.raises(UnknownPerson):
        history.person(2)
    assert [row.kind for row in corrections(engine)] == ["name", "name"]
    assert history.last_identity() == 3
    assert_sound(path)


def test_what_remains_is_a_note_without_the_data(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine, _ = with_marks(path)
    forgetting(engine).order(Order("sightings", person=2, before=225.0))
    forgetting(engine).carry_out()
    with closing(sqlite3.connect(path)) as file:
        columns = "kind, author, identity_id, camera_id, before, sightings, done IS NOT NULL"
        assert file.execute(f"SELECT {columns} FROM erasure").fetchall() == [
            ("sightings", "person", None, None, None, 3, 1)
        ]
    assert History(engine).person(2).sightings == 2  # those after it stay, and so does who it is


def test_a_time_a_camera_pictures_and_portraits(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = busy(path)
    history = History(engine)
    forget = forgetting(engine)
    before = history.sightings()
    forget.order(Order("pictures", before=100.0))
    forget.carry_out()
    assert len(history.sightings()) == len(before)
    late = {row.id for row in before if row.end >= 100.0}
    assert {row.sighting for row in history.portraits()} == late
    vectors = sum(len(who.embeddings) for who in history.identities(MODEL))
    forget.order(Order("portraits", camera="left"))
    forget.carry_out()
    assert sum(len(who.embeddings) for who in history.identities(MODEL)) < vectors
    left = {row.id for row in before if row.camera == "left"}
    assert {row.sighting for row in history.portraits()} == late - left
    forget.order(Order("sightings", camera="right", before=120.0))
    forget.carry_out()
    kept = [row for row in before if row.camera == "left" or row.end >= 120.0]
    assert [row.id for row in history.sightings()] == [row.id for row in kept]
    assert_sound(path)
    with pytest.raises(DatabaseError, match=r"no camera .* is called nowhere; there are left, right"):
        forget.order(Order("sightings", camera="nowhere"))


def test_a_policy_leaves_no_note_where_there_is_nothing(tmp_path: Path) -> None:
    forget = forgetting(busy(tmp_path / "h.db"))
    assert forget.order(Order("sightings", before=5.0), author="policy") is None
    assert forget.carry_out() == []
    assert forget.order(Order("sightings", before=50.0), author="policy") == 1


def test_journals_are_mended(tmp_path: Path) -> None:
    """Corrections that moved sightings from or to somebody erased are about the other, and can be undone."""
    path = tmp_path / "h.db"
    engine, _ = with_marks(path)
    repair = Repair(engine)
    mine = [row.id for row in History(engine).sightings(person=1)]
    moved = repair.move(mine[0], 3)
    repair.split(1, mine[1:3], 2)
    repair.merge(3, repair.correction(repair.move(mine[3], None)).people[0][1] or 0)
    forgetting(engine).order(Order("sightings", person=1))
    forgetting(engine).carry_out()
    assert_sound(path)
    assert [row.person for row in History(engine).sightings()].count(3) == 7
    repair.undo(moved)
    assert_sound(path)
    while any(row.undone is None for row in repair.journal()):
        repair.undo()
        assert_sound(path)


def test_a_run_that_knows_somebody_erased_calls_them_somebody_new(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine, _ = with_marks(path)
    with writer(engine) as record:
        name_footage(record, start=1000.0)
        record.knows(3)
        record.sighting(Sighting(1, "left", 1000.0, 1001.0, 2, 0.9))
        record.flush()
        forgetting(engine).order(Order("sightings", person=2))
        forgetting(engine).carry_out()
        for end in (1012.0, 1013.0):
            record.sighting(Sighting(2, "left", 1010.0, end, 2, 0.9))
            record.sighting(Sighting(3, "left", 1015.0, end + 5, 4, 0.9))
            record.flush()
        assert record.erased() == Held(identities=frozenset({2}))
        assert record.erased() == Held()
    assert [row.id for row in History(engine).people()] == [1, 3, 5, 4]
    assert_sound(path)


@pytest.mark.parametrize(
    "order",
    [Order("sightings", person=4), Order("sightings", camera="left"), Order("footage", before=2000.0)],
    ids=["person", "camera", "before"],
)
def test_a_run_goes_on_though_who_is_in_view_is_erased(tmp_path: Path, order: Order) -> None:
    """Nothing of before the order comes back: neither said anew nor by what the run goes on writing."""
    path = tmp_path / "h.db"
    engine, _ = with_marks(path)
    box, look = np.array([0, 0, 10, 20], np.float32), np.array([1, 0, 0, 0], np.float32)
    picture = np.zeros((80, 40, 3), np.uint8)
    with writer(engine) as record:
        name_footage(record, start=1000.0)
        record.knows(3)
        for number, second in ((1, 0.0), (2, 0.5)):
            record.sighting(Sighting(number, "left", 1000.0 + second, 1001.0, 4 - (number == 2), 0.9))
            record.point(number, Point(1000.5 + second, 5, box, 0.9))
        record.flush()
        assert forgetting(engine).order(order)
        forgetting(engine).carry_out()
        record.sighting(Sighting(3, "left", 1001.0, 1002.0, 5, 0.9))
        record.point(3, Point(1001.0, 8, box, 0.9))
        record.point(1, Point(1001.5, 10, box, 0.9))
        record.portrait(1, Portrait(1001.5, 0.5, look, picture))
        record.frames("left", 12, 1001.9)
        record.flush()
        record.sighting(Sighting(1, "left", 1000.0, 1002.5, 4, 0.9))
        record.point(1, Point(1002.5, 20, box, 0.9))
        record.point(3, Point(1002.0, 18, box, 0.9))
        record.flush()
        assert 1 in record.erased().sightings
    history = History(engine)
    late = [row for row in history.sightings(since=1000.0) if row.person != 3]
    assert [(row.person, row.start) for row in late] == [(5, 1001.0)]
    assert history.trajectory(late[0].id).times.tolist() == [1001.0, 1002.0]
    assert_sound(path)


def test_recorded_files_go_with_what_they_show(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    gone: list[str] = []
    with writer(engine) as record:
        for start, end in ((0.0, 9.0), (9.0, 20.0), (20.0, 40.0)):
            record.segment(SegmentRow("right", f"/kept/{start:g}", start, end, 10))

    def remove(file: str, camera: str) -> bool:
        assert camera == "right"
        gone.append(file)
        return True

    forget = Forgetting(engine, remove=remove)
    forget.order(Order("footage", person=1))  # on the right from 16 to 18
    (receipt,) = forget.carry_out()
    assert (gone, receipt.files) == (["/kept/9"], 1)
    assert [row.path for row in History(engine).segments()] == ["/kept/0", "/kept/20"]


KILLED = """
import os, pathlib, signal, sys
import storage.forgetting
from storage.database import open_database
from storage.forgetting import Forgetting, Kind, Order
storage.forgetting._AT_ONCE = 2
forget = Forgetting(open_database(pathlib.Path(sys.argv[1]), create=False), remove=lambda path, camera: False)
forget.order(Order("sightings", before=1e9))
steps, step = [], Forgetting._step
def once_more(self, row, which):
    steps.append(1)
    if len(steps) > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, row, which)
Forgetting._step = once_more
forget.carry_out()
"""


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_what_a_kill_leaves_undone_is_done_next_time(tmp_path: Path, steps: int) -> None:
    path = tmp_path / "h.db"
    engine, _ = with_marks(path)
    command = [sys.executable, "-c", KILLED, str(path), str(steps)]
    assert subprocess.run(command, timeout=60, env=dict(os.environ)).returncode == -signal.SIGKILL
    assert len(History(engine).sightings()) == 15 - 2 * steps
    assert_sound(path)
    (receipt,) = forgetting(engine).carry_out()
    assert (receipt.sightings, receipt.people) == (15, 3)
    assert History(engine).people() == []
    assert_sound(path)


def test_a_backup_of_a_history_in_use_is_whole_and_the_owners(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with writer(engine, commit_s=0.01) as record:
        name_footage(record, start=100.0)
        for number in range(1, 200):
            record.sighting(Sighting(number, "left", 100.0 + number, 101.0 + number, 1, 0.9))
            record.portrait(number, Portrait(100.0 + number, 0.5, unit(1), picture(number % 255)))
        back_up(engine, tmp_path / "copy.db")
    copy = tmp_path / "copy.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert all(one.sound for one in check(open_database(copy, create=False)))
    assert len(History(open_database(copy, create=False)).sightings()) >= 5
    with pytest.raises(DatabaseError, match="there is something at"):
        back_up(engine, copy)
    with pytest.raises(DatabaseError, match="no copy of the history"):
        back_up(engine, tmp_path / "nowhere" / "copy.db")


def test_a_check_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    assert all(one.sound for one in check(engine))
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute('UPDATE sighting SET start = 1764403200000, "end" = 1764403200001 WHERE id = 1')
        file.execute("UPDATE trajectory SET blob = x'ff' WHERE id = 1")
        file.execute("DELETE FROM identity WHERE id = 2")
        file.execute("DELETE FROM seen WHERE identity_id = 1")
        file.execute("DELETE FROM centroids")
        file.execute("INSERT INTO run VALUES (9, 0, NULL, 'x', '0')")
    wrong = {one.name: one.what for one in check(engine) if not one.sound}
    assert wrong.keys() == {"references", "times", "trajectories", "people", "centroids"}
    assert wrong["centroids"] == "1 person can't be found by a picture"  # the other is stale
    assert wrong["times"] == "1 sighting with a time that can't be"
    (killed,) = [one.what for one in check(engine) if one.name == "runs"]
    assert killed.startswith("1 run has no end")


@pytest.mark.parametrize("kind", ["sightings", "portraits", "pictures"])
def test_what_would_go_is_what_goes(tmp_path: Path, kind: Kind) -> None:
    engine = small_history(tmp_path / "history.db")
    forgetting = Forgetting(engine, remove=lambda path, camera: True)
    for order in (Order(kind, person=1), Order(kind, camera="left"), Order(kind, before=30.5)):
        told = forgetting.extent(order)
        forgetting.order(order)
        [receipt] = forgetting.carry_out()
        gone = (receipt.people, receipt.sightings, receipt.portraits, receipt.pictures, receipt.files)
        assert gone == (told.people, told.sightings, told.portraits, told.pictures, told.files)
