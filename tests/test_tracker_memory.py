"""Thinking again about the last presences, on people whose ways are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker.memory import Memory
from tracker.regroup import Group, Journey, regroup
from tracker.tracklets import Tracklet
from tracker.types import Floats

RED, BLUE = np.eye(2, 3, dtype=np.float32)


def tracklet(number: int, camera: str, start: float, look: Floats, identity: int | None) -> Tracklet:
    return Tracklet(number, camera, start, start + 5, look[None], np.ones(1, np.float32), identity)


def sets(groups: list[Group]) -> dict[tuple[int, ...], int | None]:
    return {tuple(sorted(group.numbers)): group.identity for group in groups}


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
    older = [Journey(7, RED[None], ("hall",)), Journey(8, RED[None], ("yard",))]
    window = [tracklet(1, "hall", 900, BLUE, 9), tracklet(2, "yard", 950, RED, 9)]
    found = sets(regroup(window, older))
    assert found[(1,)] == 9
    assert found[(2,)] in (7, 8)  # red like both, who stay two


def test_who_was_told_apart_stays_apart() -> None:
    window = [tracklet(1, "hall", 0, RED, 1), tracklet(2, "yard", 20, RED, 2)]
    assert sets(regroup(window, [], apart=[frozenset({1, 2})])) == {(1,): 1, (2,): 2}
    assert set(sets(regroup(window, []))) == {(1, 2)}
    older = [Journey(1, RED[None], ("hall",))]
    late = [tracklet(2, "yard", 900, RED, 2)]
    assert sets(regroup(late, older, apart=[frozenset({1, 2})])) == {(2,): 2}
    assert sets(regroup(late, older)) == {(2,): 1}


def test_nobody_gives_nobody_and_enough_is_enough() -> None:
    memory = Memory()
    assert memory.recollect().groups() == []
    memory.add(tracklet(1, "hall", 0, RED, None))
    thinking = memory.recollect()
    thinking.enough.set()
    assert thinking.groups() == []


def crowd(people: int, seed: int) -> tuple[list[Tracklet], dict[int, int]]:
    """People who pass four cameras within two minutes and come back an hour or more later, in noisy pictures.
    By time. Nobody is decided."""
    rng = np.random.default_rng(seed)
    rows, truth = [], {}
    for person in range(people):
        look = rng.normal(size=64)
        for visit in range(2):
            begin = rng.uniform(0, 6000) + visit * 10_000
            for place, camera in enumerate("abcd"):
                noisy = look + rng.normal(0, 0.9, 64)
                noisy = (noisy / np.linalg.norm(noisy)).astype(np.float32)
                rows.append((begin + 30 * place + rng.normal(0, 2), camera, noisy, person))
    ordered = sorted(rows, key=lambda row: row[0])
    found = [tracklet(n, camera, start, look, None) for n, (start, camera, look, _) in enumerate(ordered)]
    truth = {n: person for n, (*_, person) in enumerate(ordered)}
    return found, truth


def right_pairs(identities: dict[int, int], truth: dict[int, int]) -> float:
    """F1 over pairs."""
    numbers = sorted(truth)
    said = np.array([identities[n] for n in numbers])
    true = np.array([truth[n] for n in numbers])
    a, b = said[:, None] == said[None], true[:, None] == true[None]
    rest = ~np.eye(len(numbers), dtype=bool)
    return float(2 * (a & b & rest).sum() / ((a & rest).sum() + (b & rest).sum()))


def test_a_stream_is_thought_about_window_by_window() -> None:
    rows, truth = crowd(people=150, seed=3)
    memory = Memory(window=800, every=200)
    identities: dict[int, int] = {}
    let_go = 0
    for number, row in enumerate(rows):
        memory.add(row)
        if memory.due or number == len(rows) - 1:
            settle(memory, identities)
            let_go += len(memory.slide())
            assert len(memory) <= 800 - 200
    assert let_go == len(rows) - len(memory)
    assert len(identities) == len(rows)
    assert right_pairs(identities, truth) > 0.9


def test_without_topology_each_presence_is_a_journey_of_its_own_and_times_say_nothing() -> None:
    rows, _ = crowd(100, seed=2)
    found = regroup(rows, [], topology=False)
    assert sum(len(group.numbers) for group in found) == len(rows)
    assert all(len({*group.journeys}) == len(group.numbers) for group in found)
    assert len({journey for group in regroup(rows, []) for journey in group.journeys}) < len(rows)


def settle(memory: Memory, identities: dict[int, int]) -> None:
    for group in memory.recollect().groups():
        new = max(identities.values(), default=0) + 1
        identity = new if group.identity is None else group.identity
        memory.settle(group, identity)
        identities |= dict.fromkeys(group.numbers, identity)


def test_older_identities_are_forgotten_on_request() -> None:
    memory = Memory()
    memory.know(5, "hall", RED[None])
    memory.add(tracklet(1, "hall", 900, RED, 5))
    memory.add(tracklet(2, "yard", 950, RED, None))
    assert sets(memory.recollect().groups()) == {(1, 2): 5}
    assert memory.forget(5) == [1]
    assert sets(memory.recollect().groups()) == {(2,): None}


def test_probabilities_tell_the_sure_from_the_unsure() -> None:
    near = np.array([0.8, 0.6, 0.0], np.float32)
    window = [
        tracklet(1, "hall", 0, RED, None),
        tracklet(2, "yard", 20, RED, None),
        tracklet(3, "stairs", 50, near, None),
    ]
    (group,) = regroup(window, [])
    sure = dict(zip(group.numbers, group.probabilities, strict=True))
    assert sure[1] == pytest.approx(sure[2], abs=1e-6)
    assert sure[3] < sure[1]
