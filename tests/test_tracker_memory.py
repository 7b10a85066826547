"""Thinking again about the last presences, on people whose ways are known."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from tracker import memory as module
from tracker.constraints import Constraints
from tracker.memory import Memory
from tracker.regroup import Regrouped, regroup
from tracker.tracklets import Doubles, Tracklet
from tracker.types import Floats

RED, BLUE = np.eye(2, 3, dtype=np.float32)


def tracklet(number: int, camera: str, start: float, look: Floats, identity: int | None) -> Tracklet:
    return Tracklet(number, camera, start, start + 5, look[None], np.ones(1, np.float32), identity)


def sets(found: Regrouped) -> dict[tuple[int, ...], int | None]:
    return {tuple(sorted(group.numbers)): group.identity for group in found.groups}


def test_who_was_split_comes_together_and_keeps_the_identity_of_most() -> None:
    window = [
        tracklet(1, "hall", 0, RED, 1),
        replace(tracklet(2, "yard", 20, RED, 2), end=60.0),
        tracklet(3, "hall", 80, BLUE, 3),
    ]
    assert sets(regroup(window, [])) == {(1, 2): 2, (3,): 3}


def test_who_was_mixed_up_is_parted_and_one_is_somebody_new() -> None:
    window = [
        tracklet(1, "hall", 0, RED, 1),
        tracklet(2, "yard", 20, BLUE, 1),
        tracklet(3, "stairs", 40, BLUE, 1),
    ]
    assert sets(regroup(window, [])) == {(2, 3): 1, (1,): None}


def test_what_came_before_stays_as_decided() -> None:
    older = [tracklet(0, "hall", 0, RED, 7), tracklet(0, "yard", 0, RED, 8)]
    window = [tracklet(1, "hall", 900, BLUE, 9), tracklet(2, "yard", 950, RED, 9)]
    found = sets(regroup(window, older))
    assert found[(1,)] == 9
    assert found[(2,)] in (7, 8)  # red like both, who stay two


def test_how_somebody_looked_elsewhere_before_is_known() -> None:
    older = tracklet(0, "hall", 0, RED, 7)
    window = [tracklet(1, "yard", 900, BLUE, 9), tracklet(2, "hall", 2000, RED, 9)]
    assert sets(regroup(window, [older])) == {(1,): 9, (2,): 7}
    both = replace(older, earlier=[("yard", BLUE, 5.0)])
    assert sets(regroup(window, [both])) == {(1, 2): 7}


def test_who_was_told_apart_stays_apart() -> None:
    window = [tracklet(1, "hall", 0, RED, 1), tracklet(2, "yard", 20, RED, 2)]
    assert sets(regroup(window, [], constraints=Constraints(apart=frozenset({frozenset({1, 2})})))) == {
        (1,): 1,
        (2,): 2,
    }
    assert set(sets(regroup(window, []))) == {(1, 2)}
    older = [tracklet(0, "hall", 0, RED, 1)]
    late = [tracklet(2, "yard", 900, RED, 2)]
    assert sets(regroup(late, older, constraints=Constraints(apart=frozenset({frozenset({1, 2})})))) == {
        (2,): 2
    }
    assert sets(regroup(late, older)) == {(2,): 1}


def test_nobody_gives_nobody_and_enough_is_enough() -> None:
    memory = Memory()
    assert memory.recollect(()).groups() == Regrouped([], None)
    memory.add(tracklet(1, "hall", 0, RED, None))
    thinking = memory.recollect(())
    thinking.enough.set()
    assert thinking.groups().groups == []


class SetAfter(threading.Event):
    """Set once it was asked so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.asked = 0

    def is_set(self) -> bool:
        self.asked += 1
        return self.asked > self.times


def test_it_is_enough_between_two_comparisons() -> None:
    """Whoever ends a run does not wait until all are compared."""
    window, _ = crowd(12, seed=1)
    never, soon = SetAfter(10**9), SetAfter(50)
    assert regroup(window, [], enough=never).groups
    assert regroup(window, [], enough=soon) == Regrouped([], None)
    assert soon.asked == 51 < never.asked / 2


def crowd(people: int, seed: int, *, light: float = 0.0) -> tuple[list[Tracklet], dict[int, int]]:
    """People who pass four cameras within two minutes and come back an hour or more later, in noisy pictures.
    By time. Nobody is decided. light: how long what each camera adds to its pictures is.
    """
    rng = np.random.default_rng(seed)
    added = {camera: 8 * light * as_unit(rng.normal(size=64)) for camera in "abcd"} if light else {}
    rows, truth = [], {}
    for person in range(people):
        look = rng.normal(size=64)
        for visit in range(2):
            begin = rng.uniform(0, 6000) + visit * 10_000
            for place, camera in enumerate("abcd"):
                noisy = as_unit(look + rng.normal(0, 0.9, 64) + added.get(camera, 0.0))
                rows.append((begin + 30 * place + rng.normal(0, 2), camera, noisy, person))
    ordered = sorted(rows, key=lambda row: row[0])
    found = [tracklet(n, camera, start, look, None) for n, (start, camera, look, _) in enumerate(ordered)]
    truth = {n: person for n, (*_, person) in enumerate(ordered)}
    return found, truth


def test_who_was_somebody_else_on_each_camera_comes_together_afresh() -> None:
    """Pictures are of their camera as much as of whom they show, by which everybody was taken for four."""
    rows, truth = crowd(12, seed=2, light=1.0)
    split = [replace(row, identity=4 * truth[row.number] + "abcd".index(row.camera)) for row in rows]

    def found(afresh: bool) -> float:
        groups = regroup(split, [], afresh=afresh).groups
        return right_pairs({number: k for k, group in enumerate(groups) for number in group.numbers}, truth)

    assert found(False) < 0.5
    assert found(True) > 0.95


def test_it_begins_afresh_when_twice_as_many_were_seen_and_once_a_window() -> None:
    memory, afresh = Memory(window=100), []
    for number in range(400):
        memory.add(tracklet(number, "hall", 60.0 * number, RED, 1))
        memory.slide()
        if memory.due and memory.recollect(()).afresh:
            afresh.append(number + 1)
    assert afresh == [20, 40, 80, 160, 260, 360]
    memory.add(tracklet(400, "hall", 60.0 * 400, RED, 1))
    assert not memory.recollect(()).afresh
    assert memory.recollect((), last=True).afresh


def right_pairs(identities: dict[int, int], truth: dict[int, int]) -> float:
    """F1 over pairs."""
    numbers = sorted(truth)
    said = np.array([identities[n] for n in numbers])
    true = np.array([truth[n] for n in numbers])
    a, b = said[:, None] == said[None], true[:, None] == true[None]
    rest = ~np.eye(len(numbers), dtype=bool)
    return float(2 * (a & b & rest).sum() / ((a & rest).sum() + (b & rest).sum()))


def test_a_stream_is_thought_about_window_by_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.4)  # the fewer times, the faster is the test
    rows, truth = crowd(people=30, seed=3)
    memory = Memory(window=150)
    identities: dict[int, int] = {}
    before: dict[int, Tracklet] = {}
    let_go = 0
    for number, row in enumerate(rows):
        memory.add(row)
        if memory.due or number == len(rows) - 1:
            settle(memory, identities, before)
            gone = memory.slide()
            before |= {identities[n]: replace(rows[n], identity=identities[n]) for n in gone}
            let_go += len(gone)
            assert len(memory) <= 150
    assert let_go == len(rows) - 150
    assert len(identities) == len(rows)
    assert right_pairs(identities, truth) > 0.9


def test_it_is_due_when_a_tenth_is_new() -> None:
    memory = Memory()
    due = []
    for number in range(300):
        memory.add(tracklet(number, "hall", 10 * number, RED, None))
        if memory.due:
            due.append(number + 1)
            memory.recollect(())
    # First after 20; every 20 until a tenth of all is more than that: after 200, of 224 a tenth are 23.
    assert due[:10] == list(range(20, 201, 20))
    assert due[10:] == [223, 248, 276]


def settle(memory: Memory, identities: dict[int, int], before: dict[int, Tracklet]) -> None:
    """before: of each identity the last presence that is no longer thought about."""
    here = {row.identity for row in memory.tracklets}
    older = [row for identity, row in before.items() if identity not in here]
    for group in memory.recollect(older).groups().groups:
        new = max(identities.values(), default=0) + 1
        identity = new if group.identity is None else group.identity
        memory.settle(group, identity)
        identities |= dict.fromkeys(group.numbers, identity)


def test_older_identities_are_forgotten_on_request() -> None:
    older = [tracklet(0, "hall", 0, RED, 5)]
    memory = Memory()
    memory.add(tracklet(1, "hall", 900, RED, 5))
    memory.add(tracklet(2, "yard", 950, RED, None))
    assert sets(memory.recollect(older).groups()) == {(1, 2): 5}
    assert memory.forget(5) == [1]
    assert sets(memory.recollect(()).groups()) == {(2,): None}


def test_probabilities_tell_the_sure_from_the_unsure() -> None:
    rng = np.random.default_rng(0)
    look, *others = rng.normal(size=(12, 64)) / 8
    aside = 0.6 * look + 0.8 * rng.normal(size=64) / 8
    window = [
        tracklet(1, "hall", 0, as_unit(look), None),
        tracklet(2, "yard", 20, as_unit(look), None),
        tracklet(3, "stairs", 50, as_unit(aside), None),
        *(tracklet(n, "hall", 100 * n, as_unit(other), None) for n, other in enumerate(others, 4)),
    ]
    groups = regroup(window, []).groups
    (group,) = [group for group in groups if 1 in group.numbers]
    sure = dict(zip(group.numbers, group.probabilities, strict=True))
    assert set(sure) == {1, 2, 3}
    assert 1 - sure[3] > 5 * (1 - sure[1])
    assert 1 - sure[3] > 5 * (1 - sure[2])


def as_unit(vector: Doubles) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
