"""The partition that is found, against the sum that it is to make large; and the terms of that sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from tracker.appearance import UNLIKE, Appearance, bounded
from tracker.clustering import Partition
from tracker.constraints import Constraints
from tracker.groups import Group, gained
from tracker.model import TIMES, Links, Model
from tracker.refine import Site, refine, second_pass
from tracker.tracklets import Columns, Doubles, Integers, Tracklet, columns_of
from tracker.transitions import ELSEWHERE

CAMERAS = "abc"


def people(
    count: int, *, visits: int = 2, noise: float = 0.8, seed: int = 0
) -> tuple[list[Tracklet], list[int]]:
    """Each comes that often, passes three cameras half a minute apart, and stays for five seconds at each."""
    rng = np.random.default_rng(seed)
    found = []
    for person in range(count):
        look = rng.normal(size=64)
        for begin in rng.uniform(0, 3000, visits):
            for place, camera in enumerate(CAMERAS):
                seen = look + rng.normal(0, noise, 64)
                unit = (seen / np.linalg.norm(seen)).astype(np.float32)[None]
                start = float(begin + 30 * place + rng.normal(0, 2))
                found.append((camera, start, unit, person))
    found.sort(key=lambda one: one[1])
    rows = [
        Tracklet(n, camera, start, start + 5, unit, np.ones(1, np.float32), None)
        for n, (camera, start, unit, _) in enumerate(found)
    ]
    return rows, [person for *_, person in found]


def site(rows: Sequence[Tracklet], known: Sequence[int] | None = None) -> tuple[Columns, Model, Links]:
    some = Site(columns_of(rows), Constraints().cannot_link(rows), Constraints(), Appearance())
    return some.columns, *some.learned(None if known is None else np.array(known))


def total(some: Columns, model: Model, links: Links, labels: Integers) -> float:
    """Of a partition, the log odds of joining everybody's tracklets one after the other, by start."""
    whole = 0.0
    for code in np.unique(labels):
        rows = sorted(np.flatnonzero(labels == code).tolist(), key=lambda row: (links.start[row], row))
        group = model.alone(some, rows[0])
        for row in rows[1:]:
            one = model.alone(some, row)
            whole += float(model.log_odds(one, [group], links).log_odds[0])
            group = model.joined(group, one, links)
    return whole


def settled(
    some: Columns, model: Model, links: Links, never: NDArray[np.bool_], **more: Sequence[tuple[int, int]]
) -> Integers:
    return Partition(some, model, links, never, **more).settle()  # type: ignore[arg-type]


def sets(labels: Integers) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == code).tolist()) for code in np.unique(labels)}


def test_planted_people_on_three_cameras_are_found() -> None:
    rows, truth = people(12)
    found = {frozenset(cluster.tracklets) for cluster in refine(rows)}
    assert found == sets(np.array(truth))


def test_the_sum_is_as_large_as_that_of_the_truth_and_no_move_makes_it_larger() -> None:
    rows, truth = people(5, noise=1.2, seed=3)
    some, model, links = site(rows, truth)
    never = Constraints().cannot_link(rows)
    labels = settled(some, model, links, never)
    best = total(some, model, links, labels)
    assert best >= total(some, model, links, np.array(truth)) - 0.5
    for row in range(len(rows)):
        chances = [code for code in range(int(labels.max()) + 2) if code != labels[row]]
        for code in chances:
            moved = labels.copy()
            moved[row] = code
            if not never[row, moved == code].any():
                assert total(some, model, links, moved) < best + 0.5


def test_who_is_in_the_wrong_group_is_moved_to_the_right_one() -> None:
    rows, truth = people(8, noise=0.8, seed=1)
    never = Constraints().cannot_link(rows)
    partition = Partition(*site(rows, truth), never)
    assert sets(partition.settle()) == sets(np.array(truth))
    for row in range(0, len(rows), 5):
        other = next(n for n, who in enumerate(truth) if who != truth[row] and not never[row, n])
        partition._move(row, int(partition.label[other]))
        assert partition.label[row] == partition.label[other]
        assert sets(partition.settle()) == sets(np.array(truth))


def test_what_is_never_one_is_in_no_group_together_and_ties_are() -> None:
    rng = np.random.default_rng(5)
    for seed in range(4):
        rows, truth = people(6, noise=1.0, seed=seed)
        never = Constraints().cannot_link(rows)
        more = rng.uniform(size=never.shape) < 0.1
        never |= (more | more.T) & ~np.eye(len(rows), dtype=bool)
        ties = [(int(a), int(b)) for a, b in rng.integers(0, len(rows), (4, 2)) if a != b]
        for a, b in combinations(range(len(rows)), 2):
            if tied(ties, a) == tied(ties, b):
                never[a, b] = never[b, a] = False
        labels = settled(*site(rows, truth), never, ties=ties)
        assert not never[labels[:, None] == labels[None]].any()
        assert all(labels[a] == labels[b] for a, b in ties)


def tied(ties: list[tuple[int, int]], row: int) -> int:
    """The least of all that are tied to it."""
    here = {row}
    for _ in ties:
        here |= {other for pair in ties if here & set(pair) for other in pair}
    return min(here)


def test_a_partition_is_held_against_everybody_being_somebody_else() -> None:
    rows, _ = people(6, noise=1.0, seed=2)
    never = Constraints().cannot_link(rows)
    some, model, links = site(rows)
    model = replace(model, people=6.0)
    partition = Partition(some, model, links, never)
    assert partition.log_odds == 0.0
    labels = sets(partition.settle())
    one, other = (model.alone(some, row) for row in sorted(next(iter(labels)))[:2])
    both = model.joined(one, other, links)
    odds = model.log_odds(one, [other], links)
    looks = both.likelihood - one.likelihood - other.likelihood
    expected = looks + float(odds.transition[0] + odds.ground[0]) + model.prior_among(6)
    tied = Partition(some, model, links, never, ties=[(one.rows[0], other.rows[0])])
    assert tied.log_odds == pytest.approx(expected)
    assert partition.log_odds > tied.log_odds > 0


def test_what_a_hand_over_taught_of_itself_is_no_evidence_for_a_partition() -> None:
    """Of delays that all differ something is said to those they were learned from, as of delays that are
    alike; but not by any of the others.
    """
    told = []
    for steady in (False, True):
        rows = passing(12, steady=steady)
        truth = [row.number // 3 for row in rows]
        links = site(rows, truth)[2]
        members = [np.flatnonzero(np.array(truth) == who).tolist() for who in set(truth)]
        told.append([sum(map(of, members)) for of in (links.chain, links.within)])
    (differ, differ_by_others), (steady, steady_by_others) = told
    assert differ > 10
    assert differ_by_others < differ / 2
    assert steady_by_others > 0.9 * steady > 10


def passing(count: int, *, steady: bool) -> list[Tracklet]:
    """That many pass three cameras once, in any order and after any time, or all in the same."""
    rng = np.random.default_rng(1)
    found = []
    for person in range(count):
        cameras = list(CAMERAS) if steady else rng.permutation(list(CAMERAS))
        delays = rng.normal(30, 2, 3) if steady else np.exp(rng.uniform(0, 8, 3))
        look = np.eye(count, dtype=np.float32)[[person]]
        for place, start in enumerate(5e4 * person + np.cumsum(5 + delays)):
            number, camera = 3 * person + place, str(cameras[place])
            found.append(Tracklet(number, camera, start, start + 5, look, np.ones(1, np.float32), None))
    return found


def test_few_people_who_come_often_stay_few_however_little_looks_tell_of_two_visits() -> None:
    """As many as were known are expected, and while nobody is, few; not as many as there are visits."""
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(5, 64))
    truth = rng.integers(5, size=300)
    rows = []
    for number, who in enumerate(truth.tolist()):
        seen = looks[who] + rng.normal(0, 0.8, 64)
        unit = (seen / np.linalg.norm(seen)).astype(np.float32)[None]
        start, camera = 60.0 * number, CAMERAS[int(rng.integers(3))]
        rows.append(Tracklet(number, camera, start, start + 5, unit, np.ones(1, np.float32), None))
    weak = Appearance(sharpness=10.0)
    for start in (truth, None):
        found = second_pass(rows, begun=[start], appearance=weak)
        assert {frozenset(cluster.tracklets) for cluster in found.clusters} == sets(truth)


def test_people_are_found_by_a_network_whose_vectors_are_mostly_of_the_picture() -> None:
    """Two pictures of one person have a cosine of 0.2; a visit shows a dozen."""
    rng = np.random.default_rng(1)
    looks = rng.normal(size=(8, 256))
    rows = []
    truth = np.concatenate([rng.choice(8, 2, replace=False) for _ in range(60)])
    for number, who in enumerate(truth.tolist()):
        pictures = looks[who] + rng.normal(0, 2.0, (12, 256))
        pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
        start = 60.0 * (number // 2)  # two at a time, who are not one person
        camera, vectors = CAMERAS[int(rng.integers(3))], pictures.astype(np.float32)
        rows.append(Tracklet(number, camera, start, start + 5, vectors, np.ones(12, np.float32), None))
    clusters = [set(cluster.tracklets) for cluster in second_pass(rows).clusters]
    pure = sum(max(np.bincount(truth[sorted(cluster)])) for cluster in clusters)
    assert len(clusters) == len(np.unique(truth))
    assert pure == len(rows)


def test_pictures_that_contradict_each_other_leave_a_model_that_answers() -> None:
    """They differ by more than all that unit vectors can hold: nothing seems left to tell people by."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(300):
        pictures = rng.normal(size=(2, 32))
        pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
        vectors = np.concatenate([pictures, -pictures]).astype(np.float32)
        start = 60.0 * (number // 3)
        rows.append(Tracklet(number, CAMERAS[0], start, start + 5, vectors, np.ones(4, np.float32), None))
    found = second_pass(rows)
    assert sorted(n for cluster in found.clusters for n in cluster.tracklets) == list(range(300))
    assert all(0 <= p <= 1 for cluster in found.clusters for p in cluster.probabilities)


def test_of_two_beginnings_the_likelier_end_is_kept() -> None:
    """Who is who so far may be near what is likelier, or far from it."""
    better = set()
    for noise, seed in ((1.8, 3), (1.5, 1), (2.1, 4)):
        rows, truth = people(10, noise=noise, seed=seed)
        known = [replace(row, identity=person) for row, person in zip(rows, truth, strict=True)]
        ends = [second_pass(known, begun=[start]) for start in (None, np.array(truth))]
        found, best = second_pass(known), int(np.argmax([end.log_odds for end in ends]))
        assert [c.tracklets for c in found.clusters] == [c.tracklets for c in ends[best].clusters]
        assert found.log_odds == ends[best].log_odds > ends[1 - best].log_odds
        better.add(best)
    assert better == {0, 1}


def test_the_same_again_and_in_any_order() -> None:
    rows, _ = people(10, noise=1.2, seed=4)
    found = {frozenset(cluster.tracklets) for cluster in refine(rows)}
    assert [c.tracklets for c in refine(rows)] == [c.tracklets for c in refine(rows)]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(rows))
        shuffled = refine([rows[k] for k in order])
        assert {frozenset(cluster.tracklets) for cluster in shuffled} == found


def test_names_of_cameras_do_not_matter() -> None:
    rows, _ = people(10, noise=1.2, seed=4)
    found = {frozenset(cluster.tracklets) for cluster in refine(rows)}
    renamed = [replace(row, camera={"a": "z", "b": "a", "c": "m"}[row.camera]) for row in rows]
    assert {frozenset(cluster.tracklets) for cluster in refine(renamed)} == found


def test_a_day_later_is_the_same() -> None:
    rows, _ = people(10, noise=1.2, seed=4)
    later = [replace(row, start=row.start + 1.7e9, end=row.end + 1.7e9) for row in rows]
    found = [{frozenset(cluster.tracklets) for cluster in refine(some)} for some in (rows, later)]
    assert found[0] == found[1]


def test_a_tracklet_of_many_pictures_tells_more_than_a_glimpse() -> None:
    rows, truth = people(8, noise=0.2)
    some, model, links = site(rows, truth)
    first, second = (k for k, who in enumerate(truth) if who == 0 and rows[k].camera == "a")
    odds = []
    for pictures in (1.0, 20.0):
        sure = replace(some, pictures=np.full(len(rows), pictures))
        pair = [model.alone(sure, row) for row in (first, second)]
        odds.append(float(model.log_odds(pair[0], pair[1:], links).appearance[0]))
    assert odds[1] > odds[0] > 0


# --- the model -----------------------------------------------------------------------------------------


def bare(start: list[float], end: list[float], camera: list[int], follows: Doubles | None = None) -> Links:
    count = len(start)
    table = np.zeros((count, count)) if follows is None else follows
    return Links(start, end, camera, table.astype(np.float32), [{} for _ in range(count)])


FIVE: tuple[list[float], list[float], list[int]] = ([0, 5, 20, 21, 40], [10, 8, 30, 25, 45], [0, 1, 0, 1, 0])


def test_who_follows_whom() -> None:
    # row        0  1   2   3   4
    # camera     a  b   a   b   a
    # from       0  5  20  21  40
    # to        10  8  30  25  45
    # 1 is seen while 0 still is, by another camera; 2 comes after 0, who was seen last; 3 while 2 still is.
    links = bare(*FIVE)
    assert links.before([0, 1, 2, 3, 4]) == [(0, 1), (0, 2), (2, 3), (2, 4)]
    assert links.before([1, 3, 4]) == [(1, 3), (3, 4)]
    assert links.before([2]) == []


def test_the_chain_is_the_sum_of_its_steps() -> None:
    follows = np.arange(25.0).reshape(5, 5)
    links = bare(*FIVE, follows)
    assert links.chain([0, 1, 2, 3, 4]) == follows[0, 1] + follows[0, 2] + follows[2, 3] + follows[2, 4]


def test_the_transition_is_what_the_chain_gains() -> None:
    # 1 comes between 0 and 2: what joining them says is both new steps less the one that is no more.
    follows = np.zeros((3, 3))
    follows[0, 1], follows[1, 2], follows[0, 2] = 2.0, 3.0, 1.5
    links = bare([0, 20, 40], [10, 30, 50], [0, 1, 0], follows)
    rows, _ = people(1, visits=1)
    some, model, _ = site(rows)
    outer = model.joined(model.alone(some, 0), model.alone(some, 2), links)
    assert outer.chain == 1.5
    found = model.log_odds(model.alone(some, 1), [outer], links)
    assert found.transition.tolist() == [2.0 + 3.0 - 1.5]
    assert model.joined(outer, model.alone(some, 1), links).rows == [0, 1, 2]


def test_places_at_the_same_moments_are_of_all_pairs() -> None:
    links = bare([0, 0, 0, 0], [9, 9, 9, 9], [0, 1, 2, 2])
    for i, j, value in ((0, 1, 2.0), (0, 2, -1.0), (1, 3, 5.0)):
        links.places[i][j] = links.places[j][i] = value
    assert links.between([0], [1, 2, 3]) == links.between([1, 2, 3], [0]) == 1.0
    assert links.between([0, 1], [2, 3]) == 4.0


def of_all(some: Columns, model: Model, links: Links, rows: Sequence[int]) -> Group:
    """Joined one after the other."""
    group = model.alone(some, rows[0])
    for row in rows[1:]:
        group = model.joined(group, model.alone(some, row), links)
    return group


def test_less_one_tracklet_is_what_it_was_before_that_was_joined() -> None:
    rows, truth = people(3)
    some, model, links = site(rows, truth)
    for person in range(3):
        own = [row for row, who in enumerate(truth) if who == person]
        before = of_all(some, model, links, own[:-1])
        after = model.joined(before, model.alone(some, own[-1]), links)
        assert sorted(row for seen in after.looks.rows for row in seen) == after.rows == own
        left = model.without(after, model.alone(some, own[-1]), links)
        assert (left.rows, left.chain) == (before.rows, before.chain)
        assert left.likelihood == pytest.approx(before.likelihood, abs=1e-2)
        assert left.sums == pytest.approx(before.sums, abs=1e-3)


def test_visits_that_look_the_same_show_one_look_and_others_do_not() -> None:
    rows, _ = people(2, visits=3, noise=0.0)
    twice = [row for row in rows if row.camera == "a"]
    some, model, links = site(twice)
    person = np.unique([row.vectors[0, 0] for row in twice], return_inverse=True)[1]
    own = [n for n, who in enumerate(person) if who == person[0]]
    assert [sorted(seen) for seen in of_all(some, model, links, own).looks.rows] == [own]
    elsewhere = [replace(row, camera="abc"[n % 3]) for n, row in enumerate(twice)]
    some, model, links = site(elsewhere)
    assert len(of_all(some, model, links, range(3)).looks) == 3


def test_a_look_like_nobody_is_held_by_times_alone_and_tells_nothing_of_the_person() -> None:
    rows, truth = people(4, noise=0.3)
    some, model, links = site(rows, truth)
    first, other = ([n for n, who in enumerate(truth) if who == person] for person in (0, 1))
    group, stranger = of_all(some, model, links, first), model.alone(some, other[0])
    odds = model.log_odds(stranger, [group], links)
    assert odds.appearance[0] == pytest.approx(np.log(UNLIKE), abs=0.05)
    both = model.joined(group, stranger, links)
    assert both.looks.odd.sum() == 1
    assert both.sums == pytest.approx(group.sums, abs=1e-5)
    assert gained(group, stranger, both) == pytest.approx(float(odds.appearance[0]), abs=1e-3)


def test_the_more_people_there_are_the_more_it_takes() -> None:
    rows, truth = people(6)
    _, model, _ = site(rows, truth)
    assert model.prior == model.prior_among(6) == pytest.approx(-np.log(6))
    assert replace(model, price=1.5).prior_among(10) == pytest.approx(-np.log(10) - 1.5)


def test_a_tracklet_that_shows_two_people_does_not_keep_one_of_them_in_two() -> None:
    # Everybody stays at each camera twice as long, so that a mixed tracklet of theirs lies beside a visit.
    rows, truth = people(5, noise=0.6, visits=4, seed=2)
    never = Constraints().cannot_link(rows)
    whole = settled(*site(rows, truth), never)
    assert sets(whole) == sets(np.array(truth))
    own = [row for row, who in enumerate(truth) if who == 0]
    half, bad = own[: len(own) // 2], own[-1]
    for row in half:
        never[bad, row] = never[row, bad] = True
    # Greedily joined, the one that is barred may be with either half; it is with none, or with few.
    labels = settled(*site(rows, truth), never)
    rest = [row for row in own if row != bad]
    assert len({int(labels[row]) for row in rest}) == 1
    assert not never[labels[:, None] == labels[None]].any()


def test_nobody_is_taken_apart_for_the_one_tracklet_that_could_be_somebody_else_too() -> None:
    """Two walk side by side: places speak for either, more for the right one; in one view nobody forbids."""
    rows, truth = people(6, noise=0.6)
    never = Constraints().cannot_link(rows)
    some, model, links = site(rows, truth)
    one, other = ([row for row, who in enumerate(truth) if who == person] for person in (0, 1))
    *rest, last = one
    for row in rest:
        never[row, other] = never[other, row] = True
    for beside, value in ((rest, 12.0), (other, 8.0)):
        for row in beside:
            links.places[last][row] = links.places[row][last] = value
    assert sets(settled(some, model, links, never)) == sets(np.array(truth))


def test_terms_are_prior_looks_and_transitions() -> None:
    rows, truth = people(6)
    some, model, links = site(rows, truth)
    group = model.alone(some, 0)
    others = [model.alone(some, n) for n, row in enumerate(rows) if row.camera != rows[0].camera]
    found = model.log_odds(group, others, links)
    assert found.prior == pytest.approx(-np.log(6.0))
    assert found.log_odds == pytest.approx(found.prior + found.appearance + found.transition)
    for place, other in enumerate(others):
        both = model.joined(group, other, links)
        told = both.likelihood - group.likelihood - other.likelihood
        assert found.appearance[place] == pytest.approx(float(bounded(np.array(told))), abs=1e-3)
        assert found.transition[place] == pytest.approx(
            np.clip(both.chain, np.log(ELSEWHERE), TIMES), abs=1e-4
        )
    dearer = replace(model, price=2.0).log_odds(group, others, links)
    assert dearer.log_odds == pytest.approx(found.log_odds - 2.0)


def test_whom_nothing_points_to_is_not_asked_about_but_by_looks() -> None:
    rows, truth = people(6)
    some, model, links = site(rows, truth)
    group, others = model.alone(some, 0), [model.alone(some, row) for row in range(1, 12)]
    whole = model.log_odds(group, others, links)
    asked = model.log_odds(group, others, links, pointed=np.zeros(11, bool))
    assert asked.appearance == pytest.approx(whole.appearance)
    left = asked.transition != whole.transition
    assert left.any()
    assert (asked.transition[left] == 0).all()
    assert (whole.appearance[left] + whole.prior <= -1.0).all()


def test_of_one_without_visits_nothing_is_known_of_time() -> None:
    rows, _ = people(2)
    some, model, links = site(rows)
    nobody = model.seen([])
    assert model.log_odds(model.alone(some, 0), [nobody], links).transition.tolist() == [0.0]


def test_probabilities_of_the_sure_are_high_and_of_a_lonely_one_too() -> None:
    rows, truth = people(8)
    found = second_pass(rows)
    assert {frozenset(c.tracklets) for c in found.clusters} == sets(np.array(truth))
    assert min(min(cluster.probabilities) for cluster in found.clusters) > 0.9
