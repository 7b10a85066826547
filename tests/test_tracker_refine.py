"""The second pass, on tracklets whose people are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker.constraints import at_once
from tracker.refine import MOST, Cluster, TooManyError, refine, second_pass
from tracker.rules import Rule
from tracker.tracklets import Tracklet


def unit(*numbers: float) -> np.ndarray:
    vector = np.array(numbers, np.float32)
    return (vector / np.linalg.norm(vector))[None]


RED, BLUE = unit(1, 0, 0), unit(0, 1, 0)


def tracklet(number: int, camera: str, start: float, end: float, vectors: np.ndarray) -> Tracklet:
    return Tracklet(number, camera, start, end, vectors, np.ones(len(vectors), np.float32), None)


def people(clusters: list[Cluster]) -> set[tuple[int, ...]]:
    return {tuple(sorted(cluster.tracklets)) for cluster in clusters}


def test_alike_are_one_and_unlike_are_two() -> None:
    clusters = refine(
        [
            tracklet(1, "hall", 0, 5, RED),
            tracklet(2, "yard", 9, 12, RED),
            tracklet(3, "hall", 8, 9, BLUE),
        ]
    )
    assert people(clusters) == {(1, 2), (3,)}


def test_nobody_is_twice_in_one_view_at_a_time() -> None:
    twins = [tracklet(1, "hall", 0, 5, RED), tracklet(2, "hall", 4, 9, RED)]
    assert people(refine(twins)) == {(1,), (2,)}


def test_two_views_at_a_time_unless_they_are_said_not_to_overlap() -> None:
    both = [tracklet(1, "hall", 0, 5, RED), tracklet(2, "yard", 1, 6, RED)]
    assert people(refine(both, overlap=frozenset({frozenset({"hall", "yard"})}))) == {(1, 2)}
    for rule in Rule("hall", "yard", overlap=False), Rule("yard", "hall", overlap=False):
        assert people(refine(both, rules=[rule])) == {(1,), (2,)}


def test_what_is_impossible_for_one_is_so_for_its_cluster() -> None:
    # 1 and 2 are the most alike and join first; 3 is alike to both, but was in the hall together with 1.
    row = [
        tracklet(1, "hall", 0, 5, unit(1, 0, 0)),
        tracklet(2, "yard", 9, 12, unit(1, 0.01, 0)),
        tracklet(3, "hall", 3, 8, unit(1, 0.1, 0)),
    ]
    assert people(refine(row)) == {(1, 2), (3,)}


def test_what_people_decided_stands() -> None:
    row = [tracklet(1, "hall", 0, 5, RED), tracklet(2, "yard", 9, 12, RED), tracklet(3, "hall", 8, 9, BLUE)]
    assert people(refine(row, together=[(1, 3)], apart=[(1, 2)])) == {(1, 3), (2,)}
    with pytest.raises(ValueError, match="said to be one person and two"):
        refine(row, together=[(1, 2)], apart=[(2, 1)])


def test_times_of_unrelated_clocks_rule_nothing_out() -> None:
    a = tracklet(1, "hall", 0, 5, RED)
    b = replace(tracklet(2, "yard", 0, 5, RED), recording=1)
    assert not at_once([a, b], {frozenset({"hall", "yard"})})[0, 1]
    assert people(refine([a, b])) == {(1, 2)}


def test_nobody_gives_nobody() -> None:
    assert refine([]) == []


@pytest.mark.parametrize(("people", "sides"), [(1, 0.0), (2, 0.0), (5, 0.0), (1, 1.4), (2, 1.4)])
def test_the_same_few_people_all_day_are_those_few(people: int, sides: float) -> None:
    # 400 presences on six cameras of one clock, three one after the other: a fifth or all of the pairs is one
    # person's, near in time or not. sides: how much front and back differ; times tell that both are one's.
    rng = np.random.default_rng(people)
    looks, light = rng.normal(size=(people, 64)), rng.normal(size=(6, 64))
    two = sides * rng.normal(size=(people, 2, 64))
    rows, truth = [], []
    who, camera, start = 0, 0, 0.0
    for number in range(400):
        if number % 3 == 0:
            who, camera = int(rng.integers(people)), int(rng.integers(6))
            start += rng.exponential(200)
        else:
            camera, start = (camera + 1) % 6, start + rng.normal(30, 4)
        look = looks[who] + two[who, int(rng.integers(2))] + 0.3 * light[camera]
        look += rng.normal(0, rng.uniform(0.5, 0.8), 64)
        rows.append(tracklet(number, "abcdef"[camera], start, start + 5, unit(*look)))
        truth.append(who)
    assert right_pairs(labels_of(rows, refine(rows)), truth) > 0.95


def crowd(seed: int) -> tuple[list[Tracklet], list[int]]:
    """200 people who pass three cameras, 40 and 70 s apart, whose clocks are off by 500 and -900 s, and whose
    faces are noisy: some people look more like another than like themselves."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(200, 64))
    begin = rng.uniform(0, 7200, 200)
    rows: list[Tracklet] = []
    truth: list[int] = []
    for person in range(200):
        for camera, shift in (("a", 0.0), ("b", 540.0), ("c", -830.0)):
            look = looks[person] + rng.normal(0, 1.1, 64)
            start = begin[person] + shift + rng.normal(0, 2)
            one = replace(tracklet(len(rows), camera, start, start + 3, unit(*look)), recording=ord(camera))
            rows.append(one)
            truth.append(person)
    return rows, truth


def test_delays_help_where_looks_do_not_suffice() -> None:
    rows, truth = crowd(seed=5)
    found = second_pass(rows)
    assert found.clocks is not None
    assert found.clocks.offset_s[1] - found.clocks.offset_s[0] == pytest.approx(540, abs=5)
    labels = labels_of(rows, found.clusters)
    by_looks = labels_of(rows, second_pass([replace(row, start=0.0, end=0.0) for row in rows]).clusters)
    assert right_pairs(labels, truth) > 0.9 > right_pairs(by_looks, truth)


def labels_of(rows: list[Tracklet], clusters: list[Cluster]) -> np.ndarray:
    labels = np.zeros(len(rows), np.int64)
    for number, cluster in enumerate(clusters):
        labels[list(cluster.tracklets)] = number
    return labels


def right_pairs(labels: np.ndarray, truth: list[int]) -> float:
    """F1 over pairs."""
    person = np.array(truth)
    same = np.triu(person[:, None] == person[None], 1)
    said = np.triu(labels[:, None] == labels[None], 1)
    return float(2 * (same & said).sum() / (same.sum() + said.sum()))


def test_more_than_are_compared_at_once_is_said() -> None:
    with pytest.raises(TooManyError, match="20001 sightings are more than the 20000"):
        refine([tracklet(n, "hall", n, n + 1, RED) for n in range(MOST + 1)])


def test_the_more_a_false_merge_is_worth_the_fewer_are_joined() -> None:
    rows, _ = crowd(seed=5)
    rows = [replace(row, recording=0) for row in rows[:180]]
    counts = [len(second_pass(rows, price=price).clusters) for price in (-9.0, 0.0, 9.0)]
    assert counts[0] < counts[1] < counts[2]


def test_what_was_known_before_is_learned_from_first_and_rules_nothing() -> None:
    # 1 and 2 are unlike: that they were taken for one before does not make them one.
    row = [tracklet(1, "hall", 0, 5, RED), tracklet(2, "yard", 9, 12, BLUE)]
    assert people(second_pass(row, begun=[np.array([0, 0])]).clusters) == {(1,), (2,)}
    assert people(second_pass(row, begun=[np.array([0, 1])]).clusters) == {(1,), (2,)}
