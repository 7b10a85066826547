"""Templates, quality and gallery on tables small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.gallery import MOST_PRESENCES, Gallery, Presence
from tracker.quality import quality, visible
from tracker.templates import Templates, similarities, similarity
from tracker.types import Floats, Identity


def at(degrees: float) -> Floats:
    """A unit vector in the plane."""
    angle = np.radians(degrees)
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def degrees(templates: Templates) -> list[int]:
    return sorted(round(float(np.degrees(np.arctan2(y, x)))) for x, y in templates.vectors)


def test_different_pictures_are_kept() -> None:
    templates = Templates(dimension=2, most=3)
    assert all(templates.offer(at(angle), 0.5) for angle in (0, 40, 80))
    assert degrees(templates) == [0, 40, 80]


def test_of_two_alike_the_better_stays() -> None:
    templates = Templates(dimension=2)
    templates.offer(at(0), 0.5)
    assert not templates.offer(at(10), 0.4)  # cos 10 = 0.985: tells the same
    assert templates.offer(at(10), 0.6)
    assert degrees(templates) == [10]


def test_a_full_set_lets_go_of_what_adds_least() -> None:
    templates = Templates(dimension=2, most=3)
    for angle in (0, 20, 90):
        templates.offer(at(angle), 0.5)
    # 0 and 20 are near each other; 45 is 25 from 20 and 45 from 90: one of the close pair goes.
    assert templates.offer(at(45), 0.5)
    assert degrees(templates) in ([0, 45, 90], [20, 45, 90])
    # A poor picture between the others adds least itself.
    assert not templates.offer(at(68), 0.1)


def test_the_bound_holds_whatever_comes() -> None:
    templates = Templates(dimension=16, most=8)
    rng = np.random.default_rng(0)
    for _ in range(500):
        vector = rng.normal(size=16).astype(np.float32)
        templates.offer(vector / np.linalg.norm(vector), float(rng.random()))
        assert len(templates) == len(templates.qualities) <= 8
    assert np.linalg.norm(templates.vectors, axis=1) == pytest.approx(np.ones(8), abs=1e-5)


def test_similarity_by_hand() -> None:
    # Each row's nearest: 1 and cos 60 on the one side, 1 on the other: ((1 + 0.5) / 2 + 1) / 2.
    assert similarity(np.stack([at(0), at(60)]), at(0)[None]) == pytest.approx(0.875)
    assert similarity(at(0)[None], at(90)[None]) == pytest.approx(0.0, abs=1e-6)


def test_who_is_hidden_and_who_hides() -> None:
    boxes = np.array(
        [
            [0, 0, 50, 100],  # behind: half of it is hidden by the next, whose feet are lower
            [25, 0, 75, 120],  # in front of it
            [200, 0, 250, 100],  # alone
        ],
        np.float32,
    )
    assert visible(boxes).tolist() == pytest.approx([0.5, 1.0, 1.0])


@pytest.mark.parametrize(
    ("box", "score", "expected"),
    [
        ([100, 50, 160, 200], 0.9, 0.9),  # tall, whole, alone: the score
        ([100, 50, 112, 82], 1.0, 0.5),  # 32 of 128 pixels tall: the root of a quarter
        ([0, 50, 60, 200], 0.9, 0.45),  # cut by the edge: half
        ([100, 50, 400, 200], 0.8, 0.32),  # twice as wide as tall: 0.8 / 2
    ],
)
def test_quality_by_hand(box: list[float], score: float, expected: float) -> None:
    boxes, scores = np.array([box], np.float32), np.array([score], np.float32)
    assert quality(boxes, scores, width=1000, height=400).tolist() == pytest.approx([expected], rel=1e-5)


def test_quality_of_nobody() -> None:
    nothing = np.zeros((0, 4), np.float32)
    assert quality(nothing, np.zeros(0, np.float32), width=10, height=10).shape == (0,)


def test_a_gallery_goes_on_where_it_ended() -> None:
    gallery = Gallery(dimension=2)
    gallery.load([Identity(3, None, np.stack([at(0), at(60)]), {"hall": (1.0, 2.0)})], last=7)
    assert len(gallery) == 1
    assert gallery.known[3].last_seen == 2.0
    assert [gallery.new().id, gallery.new().id] == [8, 9]
    assert gallery.similarity(at(60)[None], [3]).tolist() == pytest.approx([0.875], abs=1e-6)


def test_who_comes_every_day_is_not_remembered_every_time() -> None:
    known = Gallery(dimension=2).new()
    lasting = Presence("hall", 0.0, 1e6)
    known.was_in(lasting)
    for day in range(1, 1000):
        known.was_in(Presence("yard", day * 100.0, day * 100.0 + 10.0))
    assert len(known.presences) == MOST_PRESENCES + 1
    assert known.presences[0] is lasting, "it is not over, and still rules out other places"
    assert known.presences[1].start == (1000 - MOST_PRESENCES) * 100.0
    lasting.end = 5.0
    known.was_in(Presence("yard", 1e6, 1e6 + 1))
    assert len(known.presences) == MOST_PRESENCES
    assert known.last_seen == 1e6 + 1


def test_many_are_compared_at_once_as_they_are_one_by_one() -> None:
    random = np.random.default_rng(3)

    def person(pictures: int) -> Floats:
        vectors = random.normal(size=(pictures, 16)).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    probe, many = person(5), [person(pictures) for pictures in (1, 8, 3, 8, 2)]
    one_by_one = [similarity(probe, other) for other in many]
    assert similarities(probe, many).tolist() == pytest.approx(one_by_one, abs=1e-6)
    assert similarities(probe, []).shape == (0,)
