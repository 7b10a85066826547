"""The second pass a block at a time: people of a site whose ways are known, decided in small blocks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_history import MODEL, picture
from test_app_page import Page

from app import errors
from app.cli import main
from app.history import blocks as module
from app.history.blocks import Blocks, Settled
from storage.database import open_database
from storage.presences import Decisions, PresenceRow, presence_blocks, presences
from storage.repair import Repair
from storage.writer import Writer
from tracker.types import Floats, Portrait, Sighting

NOTHING = Decisions(frozenset(), frozenset(), frozenset())
DIMENSION = 64
CAMERAS = ("a", "b", "c")


def look(person: int, rng: np.random.Generator) -> Floats:
    own = np.random.default_rng(person).normal(size=DIMENSION)
    vectors = own / np.linalg.norm(own) + 0.3 * rng.normal(size=(4, DIMENSION)) / np.sqrt(DIMENSION)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def visit(number: int, person: int, camera: str, start: float, identity: int | None) -> PresenceRow:
    vectors = look(person, np.random.default_rng(1000 + number))
    ones = np.ones(len(vectors), np.float32)
    portraits = tuple(range(4 * number, 4 * number + 4))
    return PresenceRow(number, camera, 1, start, start + 8.0, identity, vectors, ones, portraits)


def street(people: int, *, known: bool) -> tuple[list[PresenceRow], dict[int, int]]:
    """Everybody passes the three cameras in turn, a new one every 15 s. known: the history has them right,
    but for every fifth person, of whom it has the last sighting as somebody else. By sighting, who it is.
    """
    rows, truth = [], {}
    for person in range(1, people + 1):
        for k, camera in enumerate(CAMERAS):
            number = 3 * person + k
            who = person + 10_000 if known and person % 5 == 0 and k == 2 else person
            rows.append(visit(number, person, camera, 15.0 * person + 20.0 * k, who if known else None))
            truth[number] = person
    return sorted(rows, key=lambda row: (row.start, row.id)), truth


def through(
    rows: Sequence[PresenceRow], blocks: Blocks, *, size: int, told: Decisions = NOTHING
) -> tuple[dict[int, int | None], list[Settled]]:
    """All blocks; by sighting, who it is in the end."""
    after: dict[int, int | None] = {}
    settled = []
    first = 0
    while first < len(rows):
        end = first + (size if first == 0 else size - blocks.carried)
        one = blocks.decide(rows[first:end], told, last=end >= len(rows))
        settled.append(one)
        after |= one.after
        first = end
    return after, settled


def groups(after: Mapping[int, int | None]) -> set[frozenset[int]]:
    found: dict[int | None, set[int]] = defaultdict(set)
    for number, who in after.items():
        found[-10_000 - number if who is None else who].add(number)
    return {frozenset(some) for some in found.values()}


def test_small_blocks_come_to_what_one_comes_to() -> None:
    rows, truth = street(60, known=False)
    whole, (only,) = through(rows, Blocks(), size=10_000)
    parts, several = through(rows, Blocks(carried=15), size=45)
    assert len(several) == 1 + -(-(len(rows) - 45) // 30)
    assert [row.id for one in several for row in sorted(one.rows, key=lambda r: r.id)] != []
    assert sorted(row.id for one in several for row in one.rows) == sorted(truth)
    assert groups(whole) == groups(truth) == groups(parts)
    assert {change.after < 0 for change in only.changes} == {True}


def test_who_was_known_keeps_the_id_and_what_was_wrong_is_mended() -> None:
    rows, truth = street(60, known=True)
    after, settled = through(rows, Blocks(carried=15), size=45)
    assert after == truth
    changed = {change.sighting: change.after for one in settled for change in one.changes}
    assert changed == {row.id: truth[row.id] for row in rows if row.identity != truth[row.id]}


def test_who_comes_back_after_the_block_is_who_they_were() -> None:
    rows, truth = street(40, known=False)
    again = [visit(900 + k, 3, CAMERAS[k % 3], 4000.0 + 30 * k, None) for k in range(2)]
    after, _ = through([*rows, *again], Blocks(carried=10), size=40)
    assert after[900] == after[901] == after[3 * 3]
    assert groups(after) == groups(truth | {900: 3, 901: 3})


def test_what_people_decided_holds_between_blocks() -> None:
    rows, truth = street(40, known=True)
    again = visit(900, 3, "a", 4000.0, 3)
    other = visit(901, 77, "b", 4300.0, 77)
    apart = Decisions(frozenset({(9, 901)}), frozenset({(9, 900)}), frozenset())
    after, _ = through([*rows, again, other], Blocks(carried=10), size=40, told=apart)
    assert after[900] != after[9] == 3, "told apart, however alike"
    assert after[901] == 3, "told one, however unlike"
    assert {number: after[number] for number in truth} == truth


def test_who_lasts_from_block_to_block_is_in_one_place_at_a_time() -> None:
    """Somebody alike comes to the view of one who is there for an hour: another person, however late."""
    rows, _ = street(60, known=False)
    long = replace(visit(990, 500, "a", 0.0, None), end=3600.0)
    twin = replace(visit(991, 500, "a", 850.0, None), end=860.0)
    other = replace(visit(992, 500, "b", 850.0, None), end=860.0)
    rows = sorted([long, *rows, twin, other], key=lambda row: row.start)
    after, _ = through(rows, Blocks(carried=15), size=45)
    assert after[990] != after[991]
    assert after[992] in (after[990], after[991])


def test_changes_are_weighed_by_the_model_that_decided_them() -> None:
    """Each goes to whom the terms are highest of, and a twin in the same view is told to be barred."""
    rows, truth = street(60, known=True)
    there = replace(visit(990, 500, "a", 2000.0, 500), end=2060.0)
    twin = replace(visit(991, 500, "a", 2010.0, 500), end=2050.0)
    alike = visit(992, 500, "b", 2100.0, 500)
    rows = sorted([*rows, there, twin, alike], key=lambda row: row.start)
    _, settled = through(rows, Blocks(carried=15, explain=True), size=45)
    changes = {change.sighting: change for one in settled for change in one.changes}
    weighed = {number: one for part in settled for number, one in part.weighed.items()}
    assert set(weighed) == set(changes)
    assert set(changes) & set(truth) == {3 * person + 2 for person in range(5, 61, 5)}
    for number, change in changes.items():
        one = weighed[number]
        if number in truth:
            best = max(
                (who for who in one.terms if who not in one.bars), key=lambda who: one.terms[who].total
            )
            assert best == change.after == truth[number]
            assert one.terms[best].total > 0 > one.terms[one.second or 0].total
            assert one.barred is None
    (out,) = {990, 991} & set(changes)
    assert weighed[out].bars[500] == "same view"
    assert weighed[out].barred is not None
    _, settled = through(rows, Blocks(carried=15), size=45)
    assert not any(one.weighed for one in settled)


def test_memory_is_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OLDER", 10)
    rows, truth = street(60, known=True)
    blocks = Blocks(carried=15)
    after, _ = through(rows, blocks, size=45)
    assert after == truth
    assert len(blocks._people) <= 10
    assert (len(blocks.open), len(blocks._tracklets), len(blocks._outcome), len(blocks._decided)) == (0,) * 4


def history(path: Path, rows: Sequence[PresenceRow]) -> list[str]:
    engine = open_database(path, create=True)
    with Writer(engine, command="run", version="0", model=MODEL, dimension=DIMENSION) as record:
        for camera in CAMERAS:
            record.footage(camera, uri=camera, start=0.0, width=320, height=240)
        for number, row in enumerate(rows, 1):
            record.sighting(Sighting(number, row.camera, row.start, row.end, row.identity, 0.9))
            for k, vector in enumerate(row.vectors):
                record.portrait(number, Portrait(row.start + k, 0.5, vector, picture(100)))
    return ["--db", str(path)]


def test_every_sighting_is_read_once_by_start(tmp_path: Path) -> None:
    rows, _ = street(20, known=True)
    rows = [replace(row, start=float(round(row.start, -2))) for row in rows]  # of which many are equal
    history(tmp_path / "h.db", sorted(rows, key=lambda row: row.start))
    engine = open_database(tmp_path / "h.db", create=False)
    for first, then in ((7, 3), (60, 5), (59, 1), (1000, 1)):
        read = list(presence_blocks(engine, since=None, until=None, first=first, then=then))
        assert [len(some) for some in read[:-1]] == [first, *[then] * (len(read) - 2)][: len(read) - 1]
        ids = [(row.start, row.id) for some in read for row in some]
        assert ids == sorted((row.start, row.id) for row in presences(engine, since=None, until=None))
    some = [row for part in presence_blocks(engine, since=100, until=200, first=4, then=4) for row in part]
    assert {row.id for row in some} == {row.id for row in presences(engine, since=100, until=200)}
    assert list(presence_blocks(engine, since=1e6, until=None, first=4, then=4)) == []


def test_a_long_history_is_refined_as_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, truth = street(40, known=True)
    db = history(tmp_path / "h.db", rows)
    assert main(["refine", "--json", *db]) == errors.OK
    whole = capsys.readouterr()
    assert whole.err == ""
    monkeypatch.setattr(module, "WINDOW", 45)
    monkeypatch.setattr(module, "CARRIED", 15)
    page = tmp_path / "p.html"
    assert main(["refine", "--json", "--apply", "--page", str(page), *db]) == errors.OK
    told = capsys.readouterr()
    said = told.err.splitlines()
    assert said[0].startswith("120 sightings are looked at in about 4 blocks of 45; Ctrl-C ends it")
    assert [line.partition(" of ")[0] for line in said[1:]] == [
        "29",
        "59",
        "89",
    ]  # one lasts from a block to the next
    parts = [
        {name: value for name, value in row.items() if name != "probability"} for row in json.loads(told.out)
    ]
    for row in json.loads(whole.out):
        del row["probability"]
        assert row in parts
    assert len(parts) == 8
    assert "120 sightings looked at" in Page(page).text
    engine = open_database(tmp_path / "h.db", create=False)
    after = {row.id: row.identity for row in presences(engine, since=None, until=None)}
    assert [after[k] for k in range(1, 121)] == [truth[row.id] for row in rows]
    assert main(["undo", *db]) == errors.OK
    (row,) = Repair(open_database(tmp_path / "h.db", create=False)).journal()
    assert row.undone is not None


def test_somebody_from_before_is_known_in_each_camera_as_they_looked_there() -> None:
    worn = {"a": 1, "b": 51, "c": 52}  # lit so differently that they look like three people
    first = [visit(k, worn[c], c, 100.0 * k, None) for k, c in enumerate("aaaabbbbc", start=1)]
    later = [visit(20 + k, worn[c], c, 50_000.0 + 4000 * k, None) for k, c in enumerate("abc")]
    together = Decisions(frozenset((1, row.id) for row in first[1:]), frozenset(), frozenset())
    others = [visit(100 + k, 100 + k, CAMERAS[k % 3], 1500.0 + 30 * k, None) for k in range(30)]
    more = [visit(200 + k, 200 + k, CAMERAS[k % 3], 60_000.0 + 900 * k, None) for k in range(30)]
    blocks = Blocks(carried=1)
    before = blocks.decide([*first, *others], together, last=False)
    after = blocks.decide([*later, *more], NOTHING, last=True)
    who = {before.after[row.id] for row in first}
    assert len(who) == 1
    assert {after.after[row.id] for row in later} == who
