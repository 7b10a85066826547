"""What the benchmark of small sites says of tracklets, on a site one can count by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from site_parts.marks import Tracklets, tracklets
from site_parts.people import plain_linkage
from site_parts.sites import Camera, Site, overlap_of

from app.scoring.score import Boxes, score
from tracker.types import Detections

PLACES = np.array([[0, 0, 10, 20], [100, 0, 110, 20]], float)
"""Where the two people are; they change places where the tests say so."""


def boxes(rows: list[tuple[int, int, int]]) -> Boxes:
    """Of frame, id and place."""
    table = np.array(rows)
    return Boxes(table[:, 0], table[:, 1], PLACES[table[:, 2]], np.zeros(len(rows), np.bool_))


def camera(name: str, truth: Boxes) -> Camera:
    frames = int(truth.frames.max()) + 1
    looks = np.eye(2, dtype=np.float32)
    seen = tuple(
        Detections(here.boxes.astype(np.float32), np.ones(len(here), np.float32), looks[here.ids - 1])
        for here in (truth.take(truth.frames == frame) for frame in range(frames))
    )
    return Camera(name, seen, np.arange(frames) / 10, (120, 20), truth)


@pytest.fixture
def site() -> Site:
    """Person 1 and 2 on the first camera, four frames; person 1 alone on the second, two frames of six."""
    first = camera("first", boxes([(f, p, p - 1) for f in range(4) for p in (1, 2)]))
    second = camera("second", boxes([(f, 1, 0) for f in (4, 5)]))
    cameras = (first, second)
    return Site("by hand", "none", 0, cameras, overlap_of(cameras))


FOUND = {
    "first": boxes([(0, 1, 0), (1, 1, 0), (2, 1, 0), (3, 1, 1), (0, 2, 1), (1, 2, 1), (3, 2, 0)]),
    "second": boxes([(4, 3, 0), (5, 3, 1)]),
}
"""Tracklet 1 has three boxes of person 1, one of 2; 2 two of 2, one of 1; 3 one of 1, one of nobody."""


@pytest.fixture
def found(site: Site) -> Tracklets:
    return tracklets(site, FOUND)


def test_purity_and_what_is_found(found: Tracklets) -> None:
    assert found.purity == pytest.approx((3 + 2 + 1) / 8)
    assert found.found == pytest.approx(8 / 10)
    assert found.shown.tolist() == [[3, 1], [1, 2], [1, 0]]


def test_a_faultless_association_gives_each_its_main_person(found: Tracklets) -> None:
    assert found.faultless.tolist() == [0, 1, 0]
    assert found.f1(found.faultless) == pytest.approx(6 / 8)


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        ([0, 1, 2], 3 + 2),  # person 1 keeps the larger of its two ids
        ([0, 0, 0], 5),  # everybody is one: person 1's boxes
        ([0, 1, -1], 3 + 2),
    ],
)
def test_identity_f1_pairs_people_and_ids_one_to_one(found: Tracklets, labels: list[int], right: int) -> None:
    matched = sum(count for count, label in zip([4, 3, 1], labels, strict=True) if label >= 0)
    assert found.f1(np.array(labels)) == pytest.approx(2 * right / (8 + matched))


@pytest.mark.parametrize("people", [{1: 1, 2: 2, 3: 3}, {1: 1, 2: 2, 3: 1}, {1: 1, 2: 2, 3: 2}])
def test_idf1_is_that_of_the_scoring(site: Site, found: Tracklets, people: dict[int, int]) -> None:
    labels = np.array([people[number] for number in (1, 2, 3)])
    named = {
        name: Boxes(b.frames, np.array([people[int(i)] for i in b.ids]), b.boxes, b.ignored)
        for name, b in FOUND.items()
    }
    truth = {camera.name: camera.truth for camera in site.cameras}
    assert found.idf1(labels) == pytest.approx(score(truth, named).overall.idf1)


def test_plain_linkage_never_joins_two_that_are_at_once_in_one_view() -> None:
    looks = np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]], float)
    start, end = np.array([0, 1, 3, 0, 3.0]), np.array([2, 4, 4, 2, 4.0])
    labels = plain_linkage(looks, np.array([0, 0, 0, 1, 1]), start, end)
    assert labels[0] != labels[1]
    assert labels[1] != labels[2]
    assert labels[2] == labels[4]
    assert labels[2] not in (labels[0], labels[3])


def test_who_has_no_picture_stays_alone() -> None:
    looks = np.array([[1, 0], [0, 1], [np.nan, np.nan], [1, 0], [0, 1.0]])
    times = np.arange(5.0)
    labels = plain_linkage(looks, np.array([0, 0, 0, 1, 1]), times, times)
    assert labels[0] == labels[3]
    assert labels[1] == labels[4]
    assert (labels == labels[2]).sum() == 1
