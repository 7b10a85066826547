"""What people decided holds when footage is recorded anew: that of tests/small_history.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from small_history import SIGHTINGS, name_footage, points, record_all, writer
from sqlalchemy import Engine

from storage.carrying import Carried, carry, remember
from storage.database import open_database
from storage.forgetting import Forgetting, Order
from storage.history import History
from storage.repair import Repair, apart, corrections
from tracker.types import Sighting

SPANS = [("left", 0.0, 100.0), ("right", 0.0, 100.0)]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        record_all(record)
    return engine


def again(
    engine: Engine,
    people: Mapping[int, int | None],
    *,
    spans: list[tuple[str, float, float]] = SPANS,
    until: float = 100.0,
) -> Carried:
    """Recorded anew, with sightings (by their place, from 1) of these people and without the others. until:
    the run is stopped then.
    """
    remember(engine, spans)
    with writer(engine) as record:
        for span in spans:
            record.erase(*span)
        record.flush()
    return go_on(engine, people, cameras={camera for camera, _, _ in spans}, until=until)


def go_on(
    engine: Engine,
    people: Mapping[int, int | None],
    *,
    cameras: Collection[str] = ("left", "right"),
    since: float = 0.0,
    until: float = 100.0,
) -> Carried:
    """A run over the part between two times."""
    with writer(engine) as record:
        name_footage(record, start=max(since, 10.0))
        for number, who in people.items():
            known = SIGHTINGS[number - 1]
            if known.camera in cameras and since <= known.start < until:
                record.sighting(replace(known, identity=who, evidence=None))
                for point in points(known):
                    record.point(number, point)
        for camera in cameras:
            record.frames(camera, 1, min(until, 31.0))
        record.flush()
        return carry(engine)


def told(engine: Engine) -> dict[tuple[str, float], int | None]:
    return {(row.camera, row.start): row.person for row in History(engine).sightings()}


NEW = {1: 11, 2: 11, 3: 12, 4: 12, 5: None}
"""The same people again, under new ids."""


def test_nothing_decided_nothing_carried(engine: Engine) -> None:
    assert again(engine, NEW) == Carried()
    assert corrections(engine) == []


def test_names_go_over_to_who_is_seen_there_now(engine: Engine) -> None:
    Repair(engine).name(1, "Ann")
    Repair(engine).name(2, "Bea")
    carried = again(engine, NEW)
    assert [row.name for row in carried.made] == ["Ann", "Bea"]
    assert (carried.held, carried.lost) == ((), ())
    names = {row.id: row.name for row in History(engine).people()}
    assert names == {11: "Ann", 12: "Bea"}
    Repair(engine).undo()
    assert {row.id: row.name for row in History(engine).people()} == {11: "Ann", 12: None}


def test_a_name_whose_person_is_not_seen_any_more_is_told_as_lost(engine: Engine) -> None:
    Repair(engine).name(1, "Ann")
    carried = again(engine, {3: 12, 4: 12})
    assert [row.name for row in carried.lost] == ["Ann"]
    assert carried.made == ()


def test_merges_go_over_where_the_run_parts_them_again(engine: Engine) -> None:
    Repair(engine).merge(1, 2)
    carried = again(engine, NEW)
    assert [(row.kind, row.people) for row in carried.made] == [("merge", ((12, 11),))]
    assert set(told(engine).values()) == {11, None}
    carried = again(engine, {1: 21, 2: 21, 3: 21, 4: 21})
    assert [row.id for row in carried.held] == [2]  # the one that was carried over; the first is history
    assert carried.made == ()


def test_who_was_told_apart_is_so_again_or_told_as_lost(engine: Engine) -> None:
    Repair(engine).differ(1, 2)
    carried = again(engine, NEW)
    assert [row.kind for row in carried.made] == ["differ"]
    assert frozenset({11, 12}) in apart(engine)
    carried = again(engine, {1: 21, 2: 21, 3: 21, 4: 21})
    assert [row.id for row in carried.lost] == [2]


def test_a_sighting_that_was_moved_is_moved_again(engine: Engine) -> None:
    Repair(engine).move(3, 1)
    Repair(engine).move(2, None)
    carried = again(engine, NEW)
    assert [row.kind for row in carried.made] == ["move", "move"]
    found = told(engine)
    assert found["right", 19.0] == 11
    assert found["right", 16.0] not in (11, 12, None)
    carried = again(engine, {1: 31, 2: 32, 3: 31, 4: 33})  # as people had it
    assert {row.kind for row in carried.held} == {"move"}
    assert carried.made == ()


def test_a_cut_is_made_again(engine: Engine) -> None:
    Repair(engine).cut(3, 22.0, 1)
    carried = again(engine, NEW)
    assert [row.kind for row in carried.made] == ["cut"]
    later = [(key, who) for key, who in told(engine).items() if key[0] == "right" and key[1] >= 22.0]
    assert later == [(("right", 22.0), 11)]


def test_what_stays_counts_for_who_it_is(engine: Engine) -> None:
    """Only the left camera is recorded anew: of 1 and 2 a sighting each stays."""
    Repair(engine).merge(1, 2)
    carried = again(engine, NEW, spans=SPANS[:1])
    assert [row.people for row in carried.made] == [((11, 1),)]
    found = told(engine)
    assert found["right", 16.0] == found["right", 19.0] == found["left", 10.0] == 1
    assert found["left", 21.0] == 12  # that 2 was on both was the run's word, and is no more


def test_somebody_elsewhere_in_the_picture_is_not_the_same(engine: Engine) -> None:
    Repair(engine).name(1, "Ann")
    remember(engine, SPANS)
    with writer(engine) as record:
        for span in SPANS:
            record.erase(*span)
        name_footage(record)
        record.sighting(Sighting(1, "left", 10.0, 14.0, 11, 0.9))
        for point in points(SIGHTINGS[0]):
            record.point(1, replace(point, box=point.box + 100))
        for camera in ("left", "right"):
            record.frames(camera, 220, 31.0)
        record.flush()
        assert [row.name for row in carry(engine).lost] == ["Ann"]


def test_what_is_not_recorded_anew_yet_waits_for_the_rest(engine: Engine) -> None:
    """The run is stopped at 15 s, or killed before that; another one goes on."""
    Repair(engine).name(2, "Bea")
    Repair(engine).name(1, "Ann")
    carried = again(engine, NEW, until=15.0)
    assert ([row.name for row in carried.made], carried.lost) == (["Ann"], ())
    assert [row.name for row in carried.waiting] == ["Bea"]
    carried = go_on(engine, NEW, since=15.0)
    assert ([row.name for row in carried.made], carried.waiting) == (["Bea"], ())
    assert {row.id: row.name for row in History(engine).people()} == {11: "Ann", 12: "Bea"}
    assert carry(engine) == Carried()


def test_what_a_killed_run_remembered_is_carried_by_the_next(engine: Engine, tmp_path: Path) -> None:
    Repair(engine).name(1, "Ann")
    Repair(engine).move(3, 1)
    remember(engine, SPANS)
    with writer(engine) as record:
        for span in SPANS:
            record.erase(*span)
    other = open_database(tmp_path / "h.db", create=False)  # as the next program has it
    remember(other, SPANS)  # it replaces, too: nothing more is there to be remembered
    carried = go_on(other, NEW)
    assert [row.kind for row in carried.made] == ["name", "move"]
    assert told(other)["right", 19.0] == 11


def test_what_is_undone_or_forgotten_meanwhile_is_not_carried(engine: Engine) -> None:
    name, merged = Repair(engine).name(1, "Ann"), Repair(engine).differ(1, 2)
    remember(engine, SPANS)
    with writer(engine) as record:
        for span in SPANS:
            record.erase(*span)
    Repair(engine).undo(name)
    assert go_on(engine, NEW).made[0].kind == "differ"
    assert merged
    Repair(engine).name(11, "Zoe")
    remember(engine, SPANS)
    forgetting = Forgetting(engine, remove=lambda path: None)
    forgetting.order(Order("sightings", camera="left"))
    forgetting.carry_out()
    assert carry(engine) == Carried()
