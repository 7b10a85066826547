"""Each constraint against each way in: while people are there, when a run thinks again, in the second pass,
and in what the ``refine`` command would change. Everybody looks the same, so that only a constraint parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from app.history.refining import differences
from storage.presences import Decisions, PresenceRow
from tracker.appearance import Appearance
from tracker.associator import Associator
from tracker.constraints import Constraints
from tracker.gallery import Gallery
from tracker.memory import Memory
from tracker.presence import Seen
from tracker.refine import refine
from tracker.rules import Rule
from tracker.tracklets import Tracklet
from tracker.types import Detections, Floats, Track

DIMENSION = 32
LOOK, *OTHERS = np.eye(9, DIMENSION, dtype=np.float32)
SURE = Appearance(sharpness=400.0)
"""Everybody looks exactly the same: without a constraint there is no doubt."""

Stay = tuple[str, float, float]


@dataclass(frozen=True)
class Case:
    """Two stays that only the constraint parts, and two like them that it does not."""

    parted: tuple[Stay, Stay]
    free: tuple[Stay, Stay]
    rules: tuple[Rule, ...] = ()
    overlap: frozenset[frozenset[str]] = field(default_factory=frozenset)


HALL = ("hall", 100.0, 110.0)
OVERLAP = frozenset({frozenset({"hall", "yard"})})
NEVER = (Rule("hall", "yard", never=True), Rule("yard", "hall", never=True))
CASES = {
    "twice in one view": Case((HALL, ("hall", 105.0, 115.0)), (HALL, ("hall", 111.0, 120.0))),
    "twice in one view that overlaps others": Case(
        (HALL, ("hall", 105.0, 115.0)), (HALL, ("yard", 105.0, 115.0)), overlap=OVERLAP
    ),
    "views that do not overlap": Case(
        (HALL, ("yard", 105.0, 115.0)),
        (HALL, ("yard", 111.0, 120.0)),
        rules=(Rule("yard", "hall", overlap=False),),
    ),
    "a way nobody goes": Case(
        (HALL, ("yard", 130.0, 140.0)),
        (("yard", 100.0, 110.0), ("hall", 130.0, 140.0)),
        rules=NEVER[:1],
    ),
    "a way nobody goes either way": Case(
        (("yard", 100.0, 110.0), ("hall", 130.0, 140.0)), (HALL, ("roof", 130.0, 140.0)), rules=NEVER
    ),
    "too soon": Case(
        (HALL, ("yard", 115.0, 125.0)),
        (HALL, ("yard", 121.0, 131.0)),
        rules=(Rule("hall", "yard", after_s=(10.0, 60.0)),),
    ),
    "too late": Case(
        (HALL, ("yard", 171.0, 181.0)),
        (HALL, ("yard", 169.0, 179.0)),
        rules=(Rule("hall", "yard", after_s=(10.0, 60.0)),),
    ),
}


def online(stays: Sequence[Stay], told: Constraints) -> bool:
    """Whether a run takes both for one while they are there; others came before, so that looks tell."""
    engine = Associator(
        gallery=Gallery(dimension=DIMENSION), memory=Memory(constraints=told, appearance=SURE)
    )
    for number, look in enumerate(OTHERS):
        watch(engine, [("attic", 10.0 * number, 10.0 * number + 3)], [look], first=10 + number)
    found = watch(engine, stays, [LOOK, LOOK])
    assert None not in found
    return found[0] == found[1]


def watch(
    engine: Associator, stays: Sequence[Stay], looks: Sequence[Floats], *, first: int = 0
) -> list[int | None]:
    """Everybody's track, four pictures a second. Returns whom each was taken for when it ended."""
    found: list[int | None] = [None] * len(stays)
    begin, end = min(start for _, start, _ in stays), max(end for *_, end in stays)
    for time in np.arange(begin, end + 0.51, 0.25).tolist():
        views = []
        for name in sorted({camera for camera, *_ in stays}):
            mine = [(n, start, last) for n, (camera, start, last) in enumerate(stays) if camera == name]
            here = {first + n: looks[n] for n, start, last in mine if start <= time <= last}
            gone = [first + n for n, _, last in mine if last < time <= last + 0.25]
            views.append(view(name, time, here, gone))
        changes = engine.update(views)
        for person in (person for some in changes.people.values() for person in some):
            found[person.track.number - first] = person.identity
    return found


def view(camera: str, time: float, people: dict[int, Floats], gone: Sequence[int]) -> Seen:
    boxes = np.array([[100 + 300 * k, 50, 160 + 300 * k, 200] for k in range(len(people))], np.float32)
    looks = np.array(list(people.values()), np.float32).reshape(-1, DIMENSION)
    found = Detections(boxes.reshape(-1, 4), np.full(len(people), 0.9, np.float32), looks)
    tracks = tuple(Track(camera, n, time, found.boxes[k], 0.9, True, k) for k, n in enumerate(people))
    return Seen(camera, round(4 * time), time, 1000, 400, found, tracks, tuple(gone))


def tracklets(stays: Sequence[Stay], *, identities: Sequence[int | None] = (None, None)) -> list[Tracklet]:
    """The two, numbered from 0, and others from before."""
    rows = [
        Tracklet(n, *stay, LOOK[None], np.ones(1, np.float32), identity)
        for n, (stay, identity) in enumerate(zip(stays, identities, strict=True))
    ]
    return rows + [
        Tracklet(n, "attic", 10.0 * n, 10.0 * n + 3, look[None], np.ones(1, np.float32), 100 + n)
        for n, look in enumerate(OTHERS, 2)
    ]


def thinking_again(stays: Sequence[Stay], told: Constraints) -> bool:
    memory = Memory(constraints=told, appearance=SURE)
    for row in tracklets(stays):
        memory.add(row)
    groups = memory.recollect(()).groups().groups
    return any({0, 1} <= set(group.numbers) for group in groups)


def thinking_again_beside_older(stays: Sequence[Stay], told: Constraints) -> bool:
    """Where the first of the two is somebody from before."""
    memory = Memory(constraints=told, appearance=SURE)
    older, *rest = tracklets(stays, identities=(1, None))
    for row in rest:
        memory.add(row)
    groups = memory.recollect([older]).groups().groups
    return any(1 in group.numbers and group.identity == 1 for group in groups)


def second_pass(stays: Sequence[Stay], told: Constraints) -> bool:
    clusters = refine(tracklets(stays), overlap=told.overlap, rules=told.rules)
    return any({0, 1} <= set(cluster.tracklets) for cluster in clusters)


def rows(stays: Sequence[Stay]) -> list[PresenceRow]:
    return [
        PresenceRow(
            id=row.number + 1,
            camera=row.camera,
            footage=1,
            start=row.start,
            end=row.end,
            identity=row.number + 1,
            vectors=row.vectors,
            qualities=row.qualities,
            portraits=(row.number,),
        )
        for row in tracklets(stays)
    ]


def command(stays: Sequence[Stay], told: Constraints) -> bool:
    """Whether ``sightline refine`` would make the second sighting the first one's person."""
    changed = differences(rows(stays), NOTHING, overlap=told.overlap, rules=told.rules)
    after = {row.id: row.identity for row in rows(stays)} | {c.sighting: c.after for c in changed}
    return after[1] == after[2]


NOTHING = Decisions(together=frozenset(), apart=frozenset(), named=frozenset())
WAYS_IN = (online, thinking_again, thinking_again_beside_older, second_pass, command)


@pytest.mark.parametrize("way_in", WAYS_IN, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", CASES)
def test_a_constraint_parts_and_what_it_does_not_part_is_one(
    way_in: Callable[[Sequence[Stay], Constraints], bool], name: str
) -> None:
    case = CASES[name]
    told = Constraints(rules=case.rules, overlap=case.overlap)
    assert way_in(case.free, told)
    assert not way_in(case.parted, told)


@pytest.mark.parametrize("way_in", WAYS_IN, ids=lambda way: way.__name__)
def test_it_is_the_constraint_that_parts(way_in: Callable[[Sequence[Stay], Constraints], bool]) -> None:
    for name, case in CASES.items():
        if case.rules:
            assert way_in(case.parted, Constraints(overlap=OVERLAP)), name


AFTER = (HALL, ("yard", 130.0, 140.0))
"""Nothing but people's decisions part these."""


def test_a_run_keeps_apart_whom_a_person_told_apart() -> None:
    # 1 and 2 are of an earlier run, alike, and said to be two: what one of them is now is not the other.
    for apart in (frozenset[frozenset[int]](), frozenset({frozenset({1, 2})})):
        memory = Memory(apart=apart, appearance=SURE)
        for row in tracklets(AFTER, identities=(1, 2)):
            memory.add(row)
        groups = {frozenset(g.numbers): g.identity for g in memory.recollect(()).groups().groups}
        assert (frozenset({0, 1}) in groups) != bool(apart)
        older = tracklets(AFTER, identities=(1, None))[0]
        memory = Memory(apart=apart, appearance=SURE)
        for row in tracklets(AFTER, identities=(None, 2))[1:]:
            memory.add(row)
        (mine,) = [g for g in memory.recollect([older]).groups().groups if 1 in g.numbers]
        assert mine.identity == (2 if apart else 1)


@pytest.mark.parametrize("stays", [AFTER, *(case.parted for case in CASES.values())])
def test_whom_a_person_joined_is_one_whatever_stands_against_it(stays: tuple[Stay, Stay]) -> None:
    rules = tuple(rule for case in CASES.values() for rule in case.rules)
    (cluster,) = [c for c in refine(tracklets(stays), rules=rules, together=[(0, 1)]) if 0 in c.tracklets]
    assert set(cluster.tracklets) == {0, 1}
    together = Decisions(together=frozenset({(1, 2)}), apart=frozenset(), named=frozenset())
    changed = differences(rows(stays), together, rules=rules)
    assert {change.sighting for change in changed} == {2}


def test_whom_a_person_parted_is_two_however_alike() -> None:
    clusters = refine(tracklets(AFTER), apart=[(1, 0)])
    assert not any({0, 1} <= set(cluster.tracklets) for cluster in clusters)
    apart = Decisions(together=frozenset(), apart=frozenset({(1, 2)}), named=frozenset())
    assert differences(rows(AFTER), apart) == []
    assert len(differences(rows(AFTER), NOTHING)) == 1


def test_who_is_joined_by_hand_with_two_is_one_of_three() -> None:
    # 0 and 1 were in one view at a time; a person joined both with 2, which outranks it.
    stays = tracklets((HALL, ("hall", 105.0, 115.0)))
    third = replace(stays[0], number=99, camera="yard", start=200.0, end=210.0)
    clusters = refine([*stays, third], together=[(0, 99), (99, 1)])
    assert {0, 1, 99} in [set(cluster.tracklets) for cluster in clusters]


def test_what_forbids_one_forbids_all_who_are_that_person() -> None:
    # 1 is like 0, but was in the hall with 2, who a person said is 0.
    stays = tracklets((HALL, ("yard", 130.0, 140.0)))
    third = replace(stays[0], number=99, camera="yard", start=131.0, end=141.0)
    clusters = refine([*stays, third], together=[(0, 99)])
    assert {0, 99} in [set(cluster.tracklets) for cluster in clusters]


def test_times_of_two_recordings_part_nobody_but_where_no_order_matters() -> None:
    parted = [replace(row, recording=n) for n, row in enumerate(tracklets(CASES["twice in one view"].parted))]
    assert not Constraints().cannot_link(parted).any()
    both = [
        replace(row, recording=n)
        for n, row in enumerate(tracklets(CASES["a way nobody goes either way"].parted))
    ]
    assert Constraints(rules=NEVER).cannot_link(both)[0, 1]
    assert not Constraints(rules=NEVER[:1]).cannot_link(both)[0, 1]
    assert Constraints(apart=frozenset({frozenset({100 + 2, 100 + 3})})).cannot_link(both)[2, 3]
