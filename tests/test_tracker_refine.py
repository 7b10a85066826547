"""The second pass, on tracklets whose people are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker.learning import ways
from tracker.likeness import EDGES, learned, straight
from tracker.linkage import joined, rejoined
from tracker.refine import Cluster, refine, second_pass
from tracker.tracklets import Tracklet, impossible, stays_of

NOBODY = frozenset[frozenset[str]]()


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


def test_two_views_at_a_time_only_where_they_overlap() -> None:
    both = [tracklet(1, "hall", 0, 5, RED), tracklet(2, "yard", 1, 6, RED)]
    assert people(refine(both)) == {(1,), (2,)}
    assert people(refine(both, overlap=frozenset({frozenset({"hall", "yard"})}))) == {(1, 2)}


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
    with pytest.raises(ValueError, match="cannot be"):
        refine(row, together=[(1, 2)], apart=[(2, 1)])


def test_times_of_unrelated_clocks_rule_nothing_out() -> None:
    a = tracklet(1, "hall", 0, 5, RED)
    b = replace(tracklet(2, "yard", 0, 5, RED), recording=1)
    assert not impossible([a, b], NOBODY)[0, 1]
    assert people(refine([a, b])) == {(1, 2)}


def test_nobody_gives_nobody() -> None:
    assert refine([]) == []


def test_clusters_join_by_the_mean_of_their_pairs() -> None:
    # 0-1 are sure (6). 2 is likely 0 (4) but unlikely 1 (-3): the mean, 0.5, is not enough, 0.85 would be.
    odds = np.array([[0, 6, 4], [6, 0, -3], [4, -3, 0]], np.float32)
    never = np.eye(3, dtype=bool)
    assert len(set(joined(odds, never, ()).tolist())) == 2
    odds[1, 2] = odds[2, 1] = -2  # the mean is 1
    assert len(set(joined(odds, never, ()).tolist())) == 1


def test_joining_is_as_the_plain_definition_has_it() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        odds = rng.normal(-1, 3, (12, 12)).astype(np.float32)
        odds = (odds + odds.T) / 2
        never = rng.uniform(size=(12, 12)) < 0.1
        never = never | never.T | np.eye(12, dtype=bool)
        got = joined(odds, never, ())
        assert groups(got) == plainly(odds.astype(float), never)


def groups(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


def plainly(odds: np.ndarray, never: np.ndarray) -> set[frozenset[int]]:
    """Average linkage under constraints, every mean taken anew."""
    clusters = [frozenset([i]) for i in range(len(odds))]
    while True:
        best, pair = np.log(0.7 / 0.3), None
        for i, a in enumerate(clusters):
            for b in clusters[i + 1 :]:
                block = np.ix_(sorted(a), sorted(b))
                if not never[block].any() and odds[block].mean() > best:
                    best, pair = odds[block].mean(), (a, b)
        if pair is None:
            return set(clusters)
        clusters = [c for c in clusters if c not in pair] + [pair[0] | pair[1]]


TWICE = np.array(
    [[0, 9, 9, 4, 0], [9, 0, 9, 4, 0], [9, 9, 0, 4, 0], [4, 4, 4, 0, 6], [0, 0, 0, 6, 0]], np.float32
)
"""0 to 3 are one person's. 4 is that person, found a second time while 0 was seen, and looks most like 3."""


def test_who_was_found_twice_keeps_nobody_out() -> None:
    odds = TWICE
    never = np.eye(5, dtype=bool)
    never[0, 4] = never[4, 0] = True
    assert groups(joined(odds, never, ())) == {frozenset({0, 1, 2}), frozenset({3, 4})}
    assert groups(rejoined(odds, never, ())) == {frozenset({0, 1, 2, 3}), frozenset({4})}


def test_nobody_leaves_for_less_than_he_is_worth() -> None:
    # Of 0, 3 and 4 alone: the 4 that speak for 3 being 0 are less than the 6 that speak for 4.
    never = np.eye(3, dtype=bool)
    never[0, 2] = never[2, 0] = True
    odds = TWICE[np.ix_([0, 3, 4], [0, 3, 4])]
    assert groups(rejoined(odds, never, ())) == {frozenset({0}), frozenset({1, 2})}


def test_nobody_leaves_whom_people_put_there_or_only_for_being_far() -> None:
    odds, never = TWICE, np.eye(5, dtype=bool)
    far = np.zeros((5, 5), bool)
    far[0, 4] = far[4, 0] = True
    parted = {frozenset({0, 1, 2}), frozenset({3, 4})}
    assert groups(rejoined(odds, never, (), far=far)) == parted
    never[0, 4] = never[4, 0] = True
    assert groups(rejoined(odds, never, [(3, 4)])) == parted


def test_moving_out_keeps_what_is_impossible_apart_and_gains_odds() -> None:
    rng = np.random.default_rng(4)
    gained = 0
    for _ in range(40):
        person = rng.integers(0, 4, 24)
        odds = np.where(person[:, None] == person[None], 3, -3) + rng.normal(0, 3, (24, 24))
        odds = ((odds + odds.T) / 2).astype(np.float32)
        never = rng.uniform(size=(24, 24)) < 0.05
        never = never | never.T | np.eye(24, dtype=bool)
        before, after = (f(odds, never, ()) for f in (joined, rejoined))
        inside = (after[:, None] == after[None]) & ~np.eye(24, dtype=bool)
        assert not (inside & never).any()
        gained += int(within(odds, after) > within(odds, before))
        assert within(odds, after) >= within(odds, before) - 1e-3
    assert gained > 10


def within(odds: np.ndarray, labels: np.ndarray) -> float:
    """The sum of all pairs' log odds that are in one cluster."""
    return float(np.triu(np.where(labels[:, None] == labels[None], odds, 0), 1).sum())


def test_probabilities_are_those_of_the_mean_odds() -> None:
    one, other = unit(1, 0, 0), unit(0.58, 0.8146, 0)
    (cluster,) = refine([tracklet(1, "hall", 0, 5, one), tracklet(2, "yard", 9, 12, other)])
    # By the bare cosine, 0.58, they are one person, whose mean is (0.79, 0.407, 0); a 21st of that is taken
    # for the mean of all cameras, and for each camera's own a 21st of its one look and of 20 of those. Less
    # these, the cosine is 0.5467: log odds (0.5467 - 0.4) / 0.05 = 2.93.
    assert cluster.probabilities == pytest.approx((0.9495, 0.9495), abs=5e-4)


def test_what_was_decided_before_counts_until_looks_speak_against_it() -> None:
    # As above, at a bare cosine of 0.45: 0.371 less the mean, log odds -0.6; as decided before, 2 more.
    one, other = unit(1, 0, 0), unit(0.45, 0.893, 0)
    row = [tracklet(1, "hall", 0, 5, one), tracklet(2, "yard", 9, 12, other)]
    assert people(refine(row)) == {(1,), (2,)}
    decided = [replace(each, identity=7) for each in row]
    assert people(refine(decided)) == {(1, 2)}
    decided[1] = replace(decided[1], vectors=unit(0, 1, 0))
    assert people(refine(decided)) == {(1,), (2,)}


@pytest.mark.parametrize("people", [1, 2, 5])
def test_the_same_few_people_all_day_are_those_few(people: int) -> None:
    # 400 presences on six cameras of one clock, three one after the other: a fifth or all of the pairs is one
    # person's, near in time or not.
    rng = np.random.default_rng(people)
    looks, light = rng.normal(size=(people, 64)), rng.normal(size=(6, 64))
    rows, truth = [], []
    who, camera, start = 0, 0, 0.0
    for number in range(400):
        if number % 3 == 0:
            who, camera = int(rng.integers(people)), int(rng.integers(6))
            start += rng.exponential(200)
        else:
            camera, start = (camera + 1) % 6, start + rng.normal(30, 4)
        look = looks[who] + 0.3 * light[camera] + rng.normal(0, rng.uniform(0.5, 0.8), 64)
        rows.append(tracklet(number, "abcdef"[camera], start, start + 5, unit(*look)))
        truth.append(who)
    labels = np.zeros(len(rows), np.int64)
    for number, cluster in enumerate(refine(rows)):
        labels[list(cluster.tracklets)] = number
    assert right_pairs(labels, truth) > 0.95


def crowd(seed: int) -> tuple[list[Tracklet], list[int]]:
    """200 people who pass three cameras, 40 and 70 s apart, whose clocks are off by 500 and -900 s, and whose
    faces are noisy: some people look more like another than like themselves."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(200, 64))
    begin = rng.uniform(0, 7200, 200)
    rows, truth = [], []
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
    by_looks = joined(straight(midpoint=0.5, width=0.05)(found_likeness(rows)), impossible(rows, NOBODY), ())
    labels = np.zeros(len(rows), np.int64)
    for number, cluster in enumerate(found.clusters):
        labels[list(cluster.tracklets)] = number
    assert right_pairs(labels, truth) > 0.9 > right_pairs(by_looks, truth)


def test_ways_are_learned_though_most_pairs_are_as_unlikely_as_can_be() -> None:
    # Everybody is twice on camera a and once on b, and said to be the same only of the first on a and b.
    rows, truth = crowd(seed=5)
    rows = [replace(row, camera="a", recording=ord("a")) if row.camera == "c" else row for row in rows]
    person, first = np.array(truth), np.arange(len(rows)) % 3 < 2
    never = impossible(rows, NOBODY)
    chance = ((person[:, None] == person[None]) & first[:, None] & first[None] & ~never).astype(np.float32)
    found = ways(stays_of(rows), found_likeness(rows), chance, never)
    assert found is not None
    assert found.curve(np.array([0.8], np.float32)) > 2.0 > found.curve(np.array([0.0], np.float32))


def found_likeness(rows: list[Tracklet]) -> np.ndarray:
    vectors = np.concatenate([row.vectors for row in rows])
    return vectors @ vectors.T


def right_pairs(labels: np.ndarray, truth: list[int]) -> float:
    """F1 over pairs."""
    person = np.array(truth)
    same = np.triu(person[:, None] == person[None], 1)
    said = np.triu(labels[:, None] == labels[None], 1)
    return float(2 * (same & said).sum() / (same.sum() + said.sum()))


def test_the_curve_is_learned_from_mixtures() -> None:
    # Of the pairs inside heaps a fifth is one person's (mean 0.6), the rest are strangers (mean 0).
    rng = np.random.default_rng(7)
    strangers = rng.normal(0.0, 0.1, 100_000).astype(np.float32)
    inside = np.concatenate([rng.normal(0.0, 0.1, 8_000), rng.normal(0.6, 0.12, 2_000)]).astype(np.float32)
    curve = learned(inside, strangers)
    assert curve is not None
    assert (np.diff(curve.log_odds) >= 0).all()
    # log of N(x; 0.6, 0.12) / N(x; 0, 0.1): -0.7 at 0.25, 2.0 at 0.3
    assert curve(np.array([0.25, 0.3], np.float32)) == pytest.approx([-1.3, 1.2], abs=1.0)


def test_the_given_curve_stays_where_footage_tells_too_little() -> None:
    assert learned(np.zeros(10, np.float32), np.full(10, -0.5, np.float32)) is None
    assert len(straight(midpoint=0.5, width=0.05).log_odds) == len(EDGES)
