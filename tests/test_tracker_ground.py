"""Mappings between views that overlap, planted and found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker.ground import Ground, Shared, distances, learned, shared
from tracker.model import meetings
from tracker.refine import second_pass
from tracker.tracklets import Columns, Doubles, Path, Tracklet, columns_of

HEIGHT = 80.0
VIEWS = np.array([[1.1, 0.15, -40.0], [-0.1, 0.9, 60.0], [2e-4, 3e-4, 1.0]])
"""From the first picture's ground to the second's."""


def moved(places: Doubles) -> Doubles:
    """(P, 2) -> (P, 2) by VIEWS."""
    found = np.column_stack([places, np.ones(len(places))]) @ VIEWS.T
    return np.asarray(found[:, :2] / found[:, 2:])


def walk(rng: np.random.Generator, steps: int = 12) -> Doubles:
    """(steps, 2) straight on over a picture of 640 x 480."""
    begin, end = rng.uniform((40, 120), (600, 460), (2, 2))
    return np.asarray(begin + np.linspace(0, 1, steps)[:, None] * (end - begin))


def path(places: Doubles, start: float, rng: np.random.Generator, *, off: float = 2.0) -> Path:
    times = np.array([start + 0.5 * k for k in range(len(places))])
    feet = np.column_stack([places + rng.normal(0, off, places.shape), np.full(len(places), HEIGHT)])
    return Path(times, feet.astype(np.float32), (640, 480))


def tracklet(number: int, camera: str, way: Path, look: Doubles) -> Tracklet:
    unit = (look / np.linalg.norm(look)).astype(np.float32)[None]
    start, end = float(way.times[0]), float(way.times[-1])
    return Tracklet(number, camera, start, end, unit, np.ones(1, np.float32), None, path=way)


def site(people: int, *, seed: int = 0, noise: float = 0.3, at_a_time: int = 3) -> list[Tracklet]:
    """Each person is on both cameras, so many at a time; 2 n and 2 n + 1 are one."""
    rng = np.random.default_rng(seed)
    rows: list[Tracklet] = []
    for person in range(people):
        start, way, look = 10.0 * (person // at_a_time), walk(rng), rng.normal(size=64)
        for camera, places in (("a", way), ("b", moved(way))):
            seen = look + rng.normal(0, noise, 64)
            rows.append(tracklet(len(rows), camera, path(places, start, rng), seen))
    return rows


def told(rows: list[Tracklet], pairs: list[tuple[int, int]]) -> Ground:
    some = columns_of(rows)
    return learned(some, [(i, j, both_of(some, i, j)) for i, j in pairs])


def both_of(some: Columns, i: int, j: int) -> Shared:
    one, other = some.paths[i], some.paths[j]
    assert one is not None
    assert other is not None
    both = shared(one, other)
    assert both is not None
    return both


RIGHT = [(2 * n, 2 * n + 1) for n in range(30)]


def crossed(pairs: list[tuple[int, int]], share: float) -> list[tuple[int, int]]:
    """With that share of pairs of two people who were there at the same moments."""
    found = list(pairs)
    for n in range(0, round(share * len(pairs)), 3):
        (a, b), (c, d), (e, f) = found[n : n + 3]
        found[n : n + 3] = [(a, d), (c, f), (e, b)]
    return found


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_planted_mapping_is_found_though_three_of_ten_pairs_are_wrong(share: float) -> None:
    rows = site(30)
    found = told(rows, crossed(RIGHT, share)).mappings[0, 1]
    rng = np.random.default_rng(1)
    places = np.concatenate([walk(rng) for _ in range(20)])
    here = np.column_stack([places, np.full(len(places), HEIGHT)])
    there = np.column_stack([moved(places), np.full(len(places), HEIGHT)])
    assert np.median(distances(found.there, here, there)) < 0.05
    assert np.median(distances(found.back, there, here)) < 0.05
    assert found.pairs == 30
    assert found.holds == pytest.approx(min((30 * (1 - share) + 1) / 32, 0.97), abs=0.07)
    assert max(found.off) < 0.15


def test_one_person_is_likelier_and_two_are_not() -> None:
    rows = site(36)
    known, some = told(rows, RIGHT), columns_of(rows)
    new = [(2 * n, 2 * n + 1) for n in range(30, 36)]
    same = [known.log_ratio(0, 1, both_of(some, i, j)) for i, j in new]
    other = [known.log_ratio(0, 1, both_of(some, i, j)) for i, j in crossed(new, 1.0)]
    assert min(same) > 4.0
    assert np.median(other) < -2.0
    # A mapping that holds for so many rules nobody out beyond the rest.
    assert min(other) >= np.log1p(-known.mappings[0, 1].holds) - 1e-6
    assert max(same) <= 12.0


def test_a_moment_tells_less_than_a_walk() -> None:
    rows = site(31)
    known, both = told(rows, RIGHT), both_of(columns_of(rows), 60, 61)
    glimpse = Shared(both.first[:1], both.second[:1], 0.0)
    assert glimpse.independent == 1.0
    assert both.independent == pytest.approx(1 + 5.5 / 1.5)  # twelve steps of half a second
    assert 0.0 < known.log_ratio(0, 1, glimpse) < known.log_ratio(0, 1, both)


def test_where_pairs_have_nothing_to_do_with_each_other_nothing_is_said() -> None:
    rng = np.random.default_rng(4)
    rows = site(30)
    for row in range(1, 60, 2):
        rows[row] = replace(rows[row], path=path(walk(rng), rows[row].start, rng))
    known, some = told(rows, RIGHT), columns_of(rows)
    assert known.mappings[0, 1].holds < 0.5
    said = [known.log_ratio(0, 1, both_of(some, i, j)) for i, j in crossed(RIGHT, 1.0)]
    assert np.mean(np.abs(said)) < 0.7


def test_too_few_pairs_make_no_mapping() -> None:
    rows = site(30)
    known = told(rows, RIGHT[:3])
    assert known.mappings == {}
    assert known.log_ratio(0, 1, both_of(columns_of(rows), 0, 1)) == 0.0


def test_what_two_did_at_the_same_moments() -> None:
    rng = np.random.default_rng(0)
    one, other = path(walk(rng), 0.25, rng), path(walk(rng), 3.0, rng)
    both = shared(one, other)
    assert both is not None
    assert len(both.first) == len(both.second) == 6  # 3.0 to 5.5, of 5.75
    assert both.lasted_s == 2.5
    assert both.second[0] == pytest.approx(other.feet[0])
    assert both.first[0] == pytest.approx((one.feet[5] + one.feet[6]) / 2, abs=1e-3)  # between 2.75 and 3.25
    assert shared(one, path(walk(rng), 5.8, rng)) is None
    between = shared(one, path(walk(rng), 5.6, rng))  # 0.15 s, and no step in it
    assert between is not None
    assert len(between.first) == 1


def test_meetings_are_of_two_cameras_on_one_clock() -> None:
    rows = site(3)
    some = columns_of(rows)
    found = {(i, j) for i, j, _ in meetings(some, some.recording)}
    assert found == {(i, j) for i in (0, 2, 4) for j in (1, 3, 5)}
    assert meetings(some, some.camera) == []


def test_places_tell_who_is_who_where_looks_do_not() -> None:
    rows = site(24, noise=1.4, at_a_time=24)
    nowhere = [replace(row, path=None) for row in rows]
    assert joined(rows) >= joined(nowhere) + 5


def joined(rows: list[Tracklet]) -> int:
    """How many are together with nobody but themselves."""
    clusters = {tuple(sorted(cluster.tracklets)) for cluster in second_pass(rows).clusters}
    return len(clusters & {(2 * n, 2 * n + 1) for n in range(len(rows) // 2)})
