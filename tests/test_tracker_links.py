"""Links and overlaps, learned where there are some, and not where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker import links
from tracker.clocks import Clocks
from tracker.links import learn, learn_on_own_clocks
from tracker.refine import Cluster
from tracker.tracklets import Tracklet, columns_of
from tracker.types import Floats, Link

HALL_S, YARD_S, STAY_S = 20.0, 45.0, 6.0
"""From leaving the gate to coming to the hall; from there to the yard; how long anybody stays anywhere."""


def tracklet(number: int, camera: str, start: float, look: Floats, person: int | None) -> Tracklet:
    unit = (look / np.linalg.norm(look))[None].astype(np.float32)
    return Tracklet(number, camera, start, start + STAY_S, unit, np.ones(1, np.float32), person)


def walks(people: int = 60, *, seed: int = 0) -> list[Tracklet]:
    """Within an hour everybody comes to the gate, the hall and the yard, three seconds late or early."""
    rng = np.random.default_rng(seed)
    rows = []
    for person, begin in enumerate(rng.uniform(0, 3600, people)):
        look, time = rng.normal(size=32), begin
        for camera, way_s in (("gate", 0.0), ("hall", HALL_S), ("yard", YARD_S)):
            time += way_s + (rng.normal(0, 3) if way_s else 0)
            rows.append(tracklet(len(rows), camera, time, look + rng.normal(0, 0.5, 32), person))
            time += STAY_S
    return rows


def ends(links: tuple[Link, ...]) -> set[tuple[str, str]]:
    return {(link.first, link.second) for link in links}


def test_the_ways_that_people_take_and_how_long() -> None:
    found = learn(walks())
    assert ends(found.links) == {("gate", "hall"), ("hall", "yard")}
    hall, yard = sorted(found.links, key=lambda link: link.first)
    assert hall.delay_s == pytest.approx(HALL_S, abs=1.5)
    assert yard.delay_s == pytest.approx(YARD_S, abs=1.5)
    for link, way_s in ((hall, HALL_S), (yard, YARD_S)):
        low, high = link.middle_half_s  # a normal's quartiles are 0.67 standard deviations from its middle
        assert low == pytest.approx(way_s - 2, abs=1.2)
        assert high == pytest.approx(way_s + 2, abs=1.2)
        assert link.range_s[0] <= low <= link.delay_s <= high <= link.range_s[1]
        assert link.ways == link.people > 50
        assert link.share == link.ways / 60
        assert sum(link.counts) >= link.ways
        assert link.height > 10
    assert found.visits == {"gate": 60, "hall": 60, "yard": 60}


def test_no_links_where_it_is_chance_who_is_who() -> None:
    rng = np.random.default_rng(1)
    for seed in range(5):
        rows = walks(seed=seed)
        for start in range(3):  # each camera's people in any order
            people = rng.permutation([row.identity for row in rows[start::3]])
            rows[start::3] = [
                replace(row, identity=int(who)) for row, who in zip(rows[start::3], people, strict=True)
            ]
        assert learn(rows).links == ()


def test_the_hours_of_a_day_are_no_link() -> None:
    # In one minute of an hour some of 40 people come to the gate, in the next some to the hall: whoever.
    rng = np.random.default_rng(2)
    for _ in range(2):
        rows = []
        for hour in range(40):
            for camera, late_s in (("gate", 0.0), ("hall", 60.0)):
                for person in rng.integers(0, 40, 20).tolist():
                    start = 3600 * hour + late_s + rng.uniform(0, 60)
                    rows.append(tracklet(len(rows), camera, start, rng.normal(size=32), person))
        assert learn(rows).links == ()


def test_whoever_is_undecided_makes_no_link() -> None:
    found = learn([replace(row, identity=None) for row in walks()])
    assert found.links == ()
    assert found.visits == {"gate": 0, "hall": 0, "yard": 0}


def test_delays_of_more_than_a_week_are_no_way() -> None:
    month_s = 30 * 86_400.0
    rows = [
        replace(row, start=row.start + month_s, end=row.end + month_s) if row.camera == "yard" else row
        for row in walks()
    ]
    assert ends(learn(rows).links) == {("gate", "hall")}


def test_many_cameras_are_asked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = learn(walks())
    monkeypatch.setattr(links, "PAIRS_AT_ONCE", 1)
    assert learn(walks()) == whole


def test_two_who_take_a_way_are_not_enough() -> None:
    rows = walks(people=2)
    assert learn(rows).links == ()
    assert learn([]).links == learn(rows[:1]).links == ()


def seen_by_two(share: float, *, seed: int = 3, people: int = 80) -> list[Tracklet]:
    """Of those on the first camera this share is on the second at the same moment; so is somebody else each
    time. Nobody is decided on."""
    rng = np.random.default_rng(seed)
    rows: list[Tracklet] = []
    for begin in rng.uniform(0, 3600, people):
        look = rng.normal(size=32)
        other = look if rng.uniform() < share else rng.normal(size=32)
        for camera, who, late_s in (("a", look, 0.0), ("b", other, 1.0), ("b", rng.normal(size=32), 2.0)):
            rows.append(tracklet(len(rows), camera, begin + late_s, who + rng.normal(0, 0.5, 32), None))
    return rows


def test_cameras_that_see_the_same_people_at_once_overlap() -> None:
    (found,) = learn(seen_by_two(0.5)).overlaps
    assert (found.first, found.second, found.seen) == ("a", "b", True)
    assert found.height > 8
    assert 0.1 < found.share < 0.6  # at least; some of those on b are nobody's


def test_cameras_that_see_others_at_once_do_not() -> None:
    for seed in range(5):
        (found,) = learn(seen_by_two(0.0, seed=seed)).overlaps
        assert found.seen is False
        assert found.height < 4
    assert learn(walks()).overlaps[0].seen is not True  # people go from one to the other, and look alike


def test_where_few_are_at_once_or_all_with_all_nobody_can_tell() -> None:
    (found,) = learn(seen_by_two(0.0, people=5)).overlaps
    assert found.seen is None
    rng = np.random.default_rng(4)
    crowd = [tracklet(k, "ab"[k % 2], 0.0, rng.normal(size=32), None) for k in range(60)]
    (found,) = learn(crowd).overlaps
    assert (found.at_once, found.seen) == (60, None)


def test_on_clocks_of_their_own_cameras_are_linked_without_direction() -> None:
    ahead_s = {"gate": 0.0, "hall": 500.0, "yard": -900.0}
    clock = {"gate": 7, "hall": 8, "yard": 9}
    rows = [
        replace(
            row,
            start=row.start + ahead_s[row.camera],
            end=row.end + ahead_s[row.camera],
            recording=clock[row.camera],
        )
        for row in walks()
    ]
    clusters = [
        Cluster(tuple(row.number for row in rows if row.identity == who), (1.0,) * 3) for who in range(60)
    ]
    # What a heap says: the clocks' difference with the way (and the stay) in it.
    offset_s = np.array([0.0, 500 + HALL_S + STAY_S, -900 + HALL_S + YARD_S + 2 * STAY_S])
    clocks = Clocks(offset_s, np.zeros(3, np.int64))
    found = learn_on_own_clocks(rows, clusters, clocks, columns_of(rows).recording)
    # Everybody is everywhere at the same time, so nobody can tell either who goes by way of the hall.
    assert ends(found.links) == {("gate", "hall"), ("gate", "yard"), ("hall", "yard")}
    assert [link.delay_s for link in found.links] == pytest.approx([0.0, 0.0, 0.0], abs=3)
    assert found.overlaps == ()
    assert [(c.recording, c.camera, c.group) for c in found.clocks] == [
        (7, "gate", 0),
        (8, "hall", 0),
        (9, "yard", 0),
    ]
    assert [c.offset_s for c in found.clocks] == offset_s.tolist()


def test_the_same_footage_gives_the_same_answer() -> None:
    assert learn(walks()) == learn(walks()[::-1])
