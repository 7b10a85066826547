"""What is kept because it is asked all the time: always what the rows say, whatever changes them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from small_history import DIMENSION, MODEL, name_footage, picture, small_history, writer
from sqlalchemy import Engine, event

from storage import schema
from storage.database import MIGRATIONS, _engine, open_database, writing
from storage.errors import DatabaseError
from storage.history import History
from storage.packing import pack_centroid, unpack_centroids, unpack_vectors
from storage.repair import Move, Repair, corrections, revisions
from storage.schema import PEOPLE_A_BLOCK
from storage.templates import LAST, MOST
from tracker.types import Floats, Point, Portrait, Sighting


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


VISITS = """
    SELECT identity_id, camera_id, sighting.start, sighting."end" FROM sighting
    JOIN footage ON footage.id = footage_id WHERE identity_id IS NOT NULL
"""


def centroids_of(path: Path) -> dict[object, Floats]:
    """By model and person; no row is of nobody."""
    found: dict[object, Floats] = {}
    for model, block, vectors in rows(path, "SELECT model_id, block, vectors FROM centroids"):
        steps, numbers = unpack_centroids(vectors, PEOPLE_A_BLOCK)  # type: ignore[arg-type]
        assert steps.any()
        assert not numbers[steps == 0].any()
        for place in np.flatnonzero(steps):
            found[model, PEOPLE_A_BLOCK * block + int(place)] = steps[place] * numbers[place]  # type: ignore[operator]
    return found


def assert_kept(path: Path) -> None:
    """`seen`, `template` and `bound` are what the long way round gives."""
    told: dict[tuple[object, object], list[tuple[float, float]]] = {}
    for who, camera, start, end in rows(path, VISITS):
        told.setdefault((who, camera), []).append((start, end))  # type: ignore[arg-type]
    for who, camera, number, seconds, first, last_start, last_end in rows(path, "SELECT * FROM seen"):
        spans = told.pop((who, camera))
        assert number == len(spans)
        assert seconds == pytest.approx(sum(end - start for start, end in spans), abs=1e-6)
        assert first == min(start for start, _ in spans)
        assert last_end == max(end for _, end in spans)
        assert (last_start, last_end) in spans
    assert told == {}
    assert rows(path, "SELECT * FROM stale") == []
    best = f"""
        WITH late AS (SELECT id, identity_id, row_number() OVER (
            PARTITION BY identity_id ORDER BY start DESC, id DESC) AS age FROM sighting),
        ranked AS (SELECT identity_id, portrait.*, row_number() OVER (
            PARTITION BY identity_id, model_id ORDER BY quality DESC, time, portrait.id) AS rank
            FROM late JOIN portrait ON sighting_id = late.id WHERE identity_id IS NOT NULL AND age <= {LAST})
        SELECT identity_id, id, model_id, sighting_id, time, quality, vector FROM ranked
        WHERE rank <= {MOST} ORDER BY identity_id, id
    """
    templates = rows(path, "SELECT * FROM template ORDER BY identity_id, portrait_id")
    assert templates == rows(path, best)
    means: dict[object, list[bytes]] = {}
    for who, _, model, _, _, _, vector in templates:
        means.setdefault((model, who), []).append(vector)  # type: ignore[arg-type]
    centroids = centroids_of(path)
    assert centroids.keys() == means.keys()
    for key, vectors in means.items():
        mean = unpack_vectors(vectors).mean(axis=0)
        assert centroids[key] == pytest.approx(mean, abs=float(np.abs(mean).max()) / 254 + 1e-6)
    number = len({who for (who,) in rows(path, "SELECT identity_id FROM seen")})
    assert rows(path, "SELECT value FROM bound WHERE name = 'people'") == [(number,)]
    ((longest,),) = rows(path, 'SELECT coalesce(max("end" - start), 0) FROM sighting')
    ((kept,),) = rows(path, "SELECT value FROM bound WHERE name = 'length'")
    assert kept >= longest


def busy(path: Path, *, sightings: int = 60, people: int = 6) -> Engine:
    """Two cameras, a few people, three pictures of each visit, and a way to cut in two."""
    engine = open_database(path, create=True)
    dice = random.Random(3)
    with writer(engine) as record:
        name_footage(record)
        for number in range(1, sightings + 1):
            start = 10.0 + 3 * number
            camera = dice.choice(["left", "right"])
            record.sighting(
                Sighting(number, camera, start, start + dice.uniform(1, 9), dice.randint(1, people), 0.9)
            )
            for k in range(8):
                record.point(number, Point(start + k / 8, k, np.array([1, 2, 30, 80], np.float32), 0.9))
            for k in range(3):
                vector = np.random.default_rng(number + k).normal(size=DIMENSION).astype(np.float32)
                record.portrait(number, Portrait(start + k / 4, dice.random(), vector, picture(number)))
    return engine


def change_at_random(engine: Engine, dice: random.Random) -> None:
    repair = Repair(engine)
    a, b = dice.sample(range(1, 10), 2)
    some = sorted(dice.sample(range(1, 70), 3))
    with suppress(DatabaseError):
        dice.choice(
            [
                lambda: repair.merge(a, b, anyway=True),
                lambda: repair.move(some[0], dice.choice([a, None])),
                lambda: repair.split(a, some),
                lambda: repair.cut(some[0], 10.0 + 3 * some[0] + 0.5, to=dice.choice([a, None])),
                lambda: repair.refine([Move(s, dice.choice([a, -1]), 0.6) for s in some], note="x"),
                lambda: repair.undo(),
                lambda: repair.undo(dice.choice([row.id for row in corrections(engine)] or [1])),
                lambda: run_again(engine, dice),
            ]
        )()


def run_again(engine: Engine, dice: random.Random) -> None:
    """A run that changes its mind, lengthens what it saw, and records one camera anew."""
    begin = dice.uniform(0, 300)
    with writer(engine) as record:
        name_footage(record, start=begin)
        record.erase(dice.choice(["left", "right"]), begin, begin + 20)
        for number in (1, 2):
            for end in (2.0, 1.0, 30.0):
                who = dice.choice([None, *range(1, 9)])
                record.sighting(Sighting(number, "left", begin, begin + end, who, 0.5))
                record.flush()
            vector = np.ones(DIMENSION, np.float32)
            record.portrait(number, Portrait(begin, dice.random(), vector, picture(number)))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_follows_every_change(tmp_path: Path, seed: int) -> None:
    engine, dice = busy(tmp_path / "h.db"), random.Random(seed)
    assert_kept(tmp_path / "h.db")
    for _ in range(25):
        change_at_random(engine, dice)
        assert_kept(tmp_path / "h.db")


def test_the_gallery_is_the_best_of_the_last_visits(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = open_database(path, create=True)
    with writer(engine) as record:
        name_footage(record)
        for number in range(1, LAST + 51):
            start = 10.0 * number
            record.sighting(Sighting(number, "left", start, start + 1, 1, 0.9))
            quality = 1.0 - number / 1000  # the older the better
            record.portrait(number, Portrait(start, quality, np.ones(DIMENSION, np.float32), picture(1)))
    (who,) = History(engine).identities(MODEL)
    assert [sighting for sighting, _ in who.taken] == list(range(51, 51 + MOST))


def test_only_those_seen_lately_are_loaded(tmp_path: Path) -> None:
    history = History(busy(tmp_path / "h.db"))
    ids = [who.id for who in history.identities(MODEL)]
    last = {row.id: row.last for row in history.people()}
    newest = sorted(ids, key=lambda id_: -last[id_])
    assert [who.id for who in history.identities(MODEL, people=3)] == sorted(newest[:3])
    since = last[newest[1]]
    assert [who.id for who in history.identities(MODEL, since=since)] == sorted(newest[:2])


def test_those_of_a_time_are_sought_by_time(tmp_path: Path) -> None:
    """And not among everybody, whatever SQLite thinks of it."""
    engine = busy(tmp_path / "h.db")
    said: list[tuple[str, tuple[object, ...]]] = []

    def hear(*heard: Any) -> None:
        said.append((heard[2], heard[3]))

    event.listen(engine, "before_cursor_execute", hear)
    History(engine).number_of_people(since=100.0, until=150.0, most=3)
    History(engine).people(since=100.0, until=150.0, most=3)
    History(engine).number_of_sightings(since=100.0, until=150.0, unidentified=True, most=3)
    of_sightings = [one for one in said if "FROM sighting" in one[0] and " IN (" not in one[0]]
    assert len(of_sightings) == 3
    with closing(sqlite3.connect(tmp_path / "h.db")) as file:
        plans = [
            str(file.execute(f"EXPLAIN QUERY PLAN {sql}", told).fetchall()) for sql, told in of_sightings
        ]
    assert ["ix_sighting_start (start>" in plan for plan in plans] == [True, True, False]
    assert "ix_sighting_identity_id_start (identity_id=? AND start>?" in plans[2]  # of nobody, and by time


@pytest.mark.parametrize("patient", [False, True])
def test_a_run_ends_with_everybodys_templates_chosen_where_nobody_waits(
    tmp_path: Path, *, patient: bool
) -> None:
    """A live run leaves the rest to the next one."""
    path = tmp_path / "h.db"
    engine = open_database(path, create=True)
    with writer(engine, patient=patient) as record:
        name_footage(record)
        for number in range(1, 121):
            record.sighting(Sighting(number, "left", 10.0 + number, 11.0 + number, number, 0.9))
            record.portrait(number, Portrait(10.0 + number, 0.5, np.ones(DIMENSION, np.float32), picture(1)))
    left = rows(path, "SELECT * FROM stale")
    assert bool(left) == patient
    with writer(engine) as record:
        record.flush()
    assert_kept(path)


def test_a_correction_chooses_anew_for_whom_it_is_about_and_a_few_of_those_a_kill_left(
    tmp_path: Path,
) -> None:
    path = tmp_path / "h.db"
    engine = open_database(path, create=True)
    with writer(engine) as record:
        name_footage(record)
        for number in range(1, 301):
            record.sighting(Sighting(number, "left", 10.0 + number, 11.0 + number, number, 0.9))
            record.portrait(number, Portrait(10.0 + number, 0.5, np.ones(DIMENSION, np.float32), picture(1)))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("INSERT INTO stale SELECT id FROM identity WHERE id <= 250")
    repair = Repair(engine)
    merged = repair.merge(299, 300)
    assert rows(path, "SELECT identity_id, count(*) FROM template WHERE identity_id > 298 GROUP BY 1") == [
        (299, 2)
    ]
    left = 250 - 98  # a hundred in all
    assert rows(path, "SELECT count(*) FROM stale") == [(left,)]
    repair.refine([Move(number, 299, 0.9) for number in range(251, 299)], note="x")
    assert rows(path, "SELECT count(*) FROM stale WHERE identity_id > 250") == [(0,)]
    while rows(path, "SELECT count(*) FROM stale") != [(0,)]:
        repair.undo(merged) if merged else repair.name(1, "Ann")
        merged = 0
    assert_kept(path)


def test_ids_are_given_once(tmp_path: Path) -> None:
    """Of people and of sightings, also where the last of them was erased."""
    engine = small_history(tmp_path / "h.db")
    with writer(engine) as record:
        for camera in ("left", "right"):
            record.erase(camera, 0.0, 100.0)
    history = History(engine)
    assert (history.sightings(), history.last_identity()) == ([], 2)
    with writer(engine) as record:
        name_footage(record)
        record.sighting(Sighting(1, "left", 10.0, 11.0, 3, 0.9))
    assert [row.id for row in history.sightings()] == [6]


# Old histories


def old_history(path: Path, version: str) -> None:
    """A history of that schema, with what it could hold."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    path.touch()
    with writing(_engine(path, "rw")).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("INSERT INTO run VALUES (1, 0, 1, 'x', '0')")
        old.execute("INSERT INTO camera VALUES (1, 'left')")
        old.execute("INSERT INTO model VALUES (1, 'model-a', 4)")
        old.execute("INSERT INTO footage VALUES (1, 1, 1, 'x', 0, 99, 1, 1, 9)")
        old.executemany("INSERT INTO identity (id, name, created) VALUES (?, ?, 0)", [(1, "Ann"), (2, None)])
        for number, who in enumerate([1, 1, 2, None], 1):
            old.execute(
                "INSERT INTO sighting "
                '(id, run_id, number, footage_id, identity_id, start, "end", probability) '
                "VALUES (?, 1, ?, 1, ?, ?, ?, 0.5)",
                (10 * number, number, who, 10.0 * number, 10.0 * number + 5),
            )
            vector = np.eye(4, dtype="<f2")[number - 1].tobytes()
            jpeg = b"" if number == 4 else b"jpeg%d" % number
            of_portrait = (number, 10 * number, 10.0 * number, vector)
            if version < "0005":
                old.execute("INSERT INTO portrait VALUES (?, ?, 1, ?, 0.5, ?, ?)", (*of_portrait, jpeg))
                continue
            old.execute("INSERT INTO portrait VALUES (?, ?, 1, ?, 0.5, ?)", of_portrait)
            if jpeg:
                old.execute("INSERT INTO picture VALUES (?, ?)", (number, jpeg))
        if version >= "0002":
            old.execute("UPDATE sighting SET decided_id = identity_id")
        if "0002" <= version < "0005":
            _old_journal(old)
        if version >= "0005":
            old.execute(
                "INSERT INTO template SELECT identity_id, portrait.id, model_id, sighting_id, time, quality, "
                "vector FROM portrait JOIN sighting ON sighting.id = sighting_id "
                "WHERE identity_id IS NOT NULL"
            )
            old.execute("DELETE FROM stale")
        if version >= "0008":
            for who, mean in ((1, [0.5, 0.5, 0, 0]), (2, [0, 0, 1, 0])):
                centroid = pack_centroid(np.array(mean, np.float32))
                old.execute("INSERT INTO centroid VALUES (?, 1, ?)", (who, centroid))


def _old_journal(old: sqlite3.Connection) -> None:
    """A name, a run that changed its mind about sighting 10, and about 30, which a person took back."""
    old.execute("INSERT INTO correction VALUES (1, 5, 'person', 'name', 'Ann', NULL, NULL, NULL)")
    old.execute("INSERT INTO correction VALUES (2, 6, 'machine', 'revise', NULL, NULL, NULL, NULL)")
    old.execute("INSERT INTO correction VALUES (3, 7, 'machine', 'revise', NULL, NULL, NULL, 8)")
    old.executemany(
        "INSERT INTO correction_identity VALUES (?, ?, ?, ?)", [(1, 1, 1, None), (2, 2, 2, 1), (3, 3, 2, 1)]
    )
    old.executemany(
        "INSERT INTO correction_sighting VALUES (?, ?, ?, 'moved', ?, ?, 0.7)",
        [(1, 2, 10, 1, 2), (2, 3, 30, 1, 2)],
    )
    old.execute("UPDATE identity SET fixed_by = 1 WHERE id = 1")
    old.execute("UPDATE sighting SET decided_id = 1, placed_by = 3, placed_probability = 1 WHERE id = 30")


@pytest.mark.parametrize("version", [f"{n:04}" for n in range(1, schema.VERSION)])
def test_a_history_of_every_schema_is_brought_along(tmp_path: Path, version: str) -> None:
    path = tmp_path / "h.db"
    old_history(path, version)
    engine = open_database(path, create=False)
    history = History(engine)
    assert [(row.id, row.person) for row in history.sightings()] == [(10, 1), (20, 1), (30, 2), (40, None)]
    told = [(row.id, row.name, row.sightings, row.seconds) for row in history.people()]
    assert told == [(1, "Ann", 2, 10.0), (2, None, 1, 5.0)]
    pictures = {row.sighting: row.jpeg for row in history.portraits()}
    assert pictures == {10: b"jpeg1", 20: b"jpeg2", 30: b"jpeg3"}
    assert [(who.id, len(who.embeddings)) for who in history.identities(MODEL)] == [(1, 2), (2, 1)]
    assert_kept(path)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    assert path.with_name(f"h.db.schema{int(version)}").exists()


def test_revisions_leave_the_journal_and_one_undone_is_a_persons_move(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    old_history(path, "0004")
    engine = open_database(path, create=False)
    assert [(r.sighting, r.before, r.after) for r in revisions(engine)] == [(10, 2, 1)]
    named, moved = corrections(engine)
    assert named.kind == "name"
    assert (moved.kind, moved.author, moved.people, moved.sightings) == (
        "move",
        "person",
        ((2, None),),
        (30,),
    )
    assert moved.undone is None
    Repair(engine).undo(moved.id)
    assert [row.person for row in History(engine).sightings()] == [1, 1, 1, None]  # as the run had it


def test_an_upgrade_needs_room_and_says_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.db"
    old_history(path, "0004")
    monkeypatch.setattr("storage.database.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(
        DatabaseError, match=r"was not upgraded: that takes 0\.00\d+ GB of free disk, 1e-06 are"
    ):
        open_database(path, create=False)
    assert rows(path, "SELECT version_num FROM alembic_version") == [("0004",)]
