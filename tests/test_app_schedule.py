"""Which frames the detector sees, at any frame rate, and what of them; and what is filled in between them."""

from __future__ import annotations

import numpy as np
import pytest

from app.between import Between
from app.schedule import EveryFrame, Intervals, Schedule, around
from tracker.camera_tracker import CameraTracker, Rules
from tracker.types import WHOLE, Detections, Floats, Grey, Part, Point, Sighting

BLANK: Grey = np.zeros((2, 2), np.uint8)
NOBODY: Floats = np.zeros((0, 4), np.float32)
SOMEBODY: Floats = np.array([[0.4, 0.3, 0.5, 0.7]], np.float32)
DOOR: Part = (0.8, 0.3, 0.9, 0.7)


class Told:
    """Says of each picture what differs, as it is told; counts how often it is asked."""

    def __init__(self, differs: Part | None) -> None:
        self.differs, self.asked = differs, 0
        self.kept: list[Part] = []

    def keep(self, part: Part) -> None:
        self.kept.append(part)

    def changed(self, picture: Grey, after_s: float) -> Part | None:
        self.asked += 1
        return self.differs


def parts(plan: Schedule, fps: float, seconds: float, people: Floats) -> dict[float, Part]:
    """The times of the frames that the detector sees, and what of them."""
    asked = {
        k / fps: plan.due(1e9 + k / fps, lambda: BLANK, lambda: people) for k in range(round(fps * seconds))
    }
    return {time: part for time, part in asked.items() if part is not None}


def seen(fps: float, seconds: float, *, differs: bool, tracks: bool, rate: float = 5.0) -> list[float]:
    plan = Schedule(Told(DOOR if differs else None), Intervals.at_most(rate))
    return list(parts(plan, fps, seconds, SOMEBODY if tracks else NOBODY))


@pytest.mark.parametrize(
    ("fps", "a_second"),
    [(3, 3), (5, 5), (7, 7), (8, 4), (10, 5), (12.5, 6.25), (15, 5), (25, 5), (30, 5), (60, 5)],
)
def test_where_something_moves_about_five_a_second_at_any_frame_rate(fps: float, a_second: float) -> None:
    assert len(seen(fps, 20, differs=True, tracks=False)) == pytest.approx(20 * a_second, abs=1)
    times = np.diff(seen(fps, 20, differs=True, tracks=False))
    assert times.std() < 1e-3


def test_where_nothing_moves_two_a_second_with_people_and_one_in_four_seconds_without() -> None:
    assert len(seen(30, 20, differs=False, tracks=True)) == 40
    assert len(seen(25, 20, differs=False, tracks=False)) == 5


def test_a_rate_below_those_is_kept_to() -> None:
    assert len(seen(25, 20, differs=True, tracks=True, rate=1.0)) == 20
    assert len(seen(25, 20, differs=True, tracks=True, rate=0.1)) == 2


def test_who_comes_is_seen_at_once_after_a_long_quiet() -> None:
    told = Told(None)
    plan = Schedule(told, Intervals())
    for k in range(1000):
        plan.due(k / 25, lambda: BLANK, lambda: NOBODY)
    told.differs = DOOR
    due = [k for k in range(1000, 1025) if plan.due(k / 25, lambda: BLANK, lambda: NOBODY)]
    assert due[0] <= 1003  # 0.12 s


def test_pictures_are_compared_ten_times_a_second_at_most() -> None:
    told = Told(None)
    plan = Schedule(told, Intervals())
    for k in range(60 * 20):
        plan.due(k / 60, lambda: BLANK, lambda: NOBODY)
    assert told.asked <= 10 * 20


def test_every_frame_is_every_frame_and_all_of_it() -> None:
    assert {EveryFrame().due(k / 60, lambda: BLANK, lambda: SOMEBODY) for k in range(100)} == {WHOLE}


def test_what_is_seen_holds_what_moves_and_who_is_followed_and_every_two_seconds_all() -> None:
    told = Told(DOOR)
    each = parts(Schedule(told, Intervals()), 25, 10, SOMEBODY)
    assert [round(time) for time, part in each.items() if part == WHOLE] == [0, 2, 4, 6, 8]
    for part in set(each.values()) - {WHOLE}:
        assert part == around(SOMEBODY, DOOR)
        assert part[0] < 0.4
        assert part[2] > 0.9
    assert told.kept == list(each.values())


def test_where_nothing_moves_those_who_are_followed_are_seen() -> None:
    each = parts(Schedule(Told(None), Intervals()), 25, 1.9, SOMEBODY)
    assert list(each.values()) == [WHOLE, *[around(SOMEBODY, None)] * 3]


def test_what_is_looked_for_is_seen_with_what_is_around_it_as_far_as_the_picture_goes() -> None:
    left, top, right, bottom = around(SOMEBODY, None)
    assert left < 0.39 < 0.51 < right
    assert top < 0.26 < 0.74 < bottom
    assert around(np.array([[-0.1, -0.1, 0.2, 1.3]], np.float32), None)[:2] == (0, 0)
    assert around(np.array([[-0.1, -0.1, 0.2, 1.3]], np.float32), None)[3] == 1


def test_where_there_is_nothing_to_look_for_or_only_beyond_the_picture_all_of_it_is_seen() -> None:
    assert around(NOBODY, None) == WHOLE
    assert around(np.array([[1.3, 0.2, 1.5, 0.8], [-0.5, 0.2, -0.2, 0.8]], np.float32), None) == WHOLE


def point(frame: int, x: float, score: float = 0.8) -> Point:
    return Point(frame / 10, frame, np.array([x, 0, x + 10, 20], np.float32), score)


def played(frames: int, rate: float = 10.0) -> Between:
    """So many frames of camera a, and a sighting of it."""
    between = Between()
    for index in range(frames):
        between.frame("a", index, index / rate)
    between.sighting(Sighting(1, "a", 0.0, 1.0, None, 0.0))
    return between


def frames_and_edges(between: Between, *points: Point) -> list[tuple[int, float]]:
    filled = [new for one in points for new in between.filled(1, one)]
    return [(p.frame, round(float(p.box[0]), 3)) for p in filled]


def test_boxes_between_two_that_were_found_lie_on_a_line() -> None:
    found = frames_and_edges(played(8), point(0, 0), point(3, 30), point(5, 60), point(6, 60))
    assert found == [(0, 0), (1, 10), (2, 20), (3, 30), (4, 45), (5, 60), (6, 60)]


def test_a_score_between_two_is_between_them() -> None:
    between = played(8)
    scores = [p.score for one in (point(0, 0, 0.9), point(2, 0, 0.5)) for p in between.filled(1, one)]
    assert scores == pytest.approx([0.9, 0.7, 0.5])


def test_all_is_filled_that_the_tracker_joins() -> None:
    """Somebody walks on unseen, for as long as their track lives on."""
    tracker, between, gap = CameraTracker("a"), played(60), round(10 * Rules().max_gap_s)
    seen = [*range(8), *range(7 + gap, 7 + gap + 5)]
    found: list[Point] = []
    for index in range(60):
        box = np.array([[5 * index, 0, 5 * index + 40, 100]], np.float32)
        there = Detections(box, np.array([0.9], np.float32)) if index in seen else Detections.none()
        tracks = tracker.update(index / 10, there).tracks
        found += [Point(track.time, index, track.box, track.score) for track in tracks]
    assert [one.frame for one in found] == seen
    filled = frames_and_edges(between, *found)
    assert [frame for frame, _ in filled] == list(range(seen[-1] + 1))
    assert np.allclose([edge for _, edge in filled], [5 * frame for frame, _ in filled], atol=6)


def test_nothing_comes_before_the_first_and_only_frames_of_its_camera_count() -> None:
    assert frames_and_edges(played(4), point(2, 20)) == [(2, 20)]
    between = played(4)
    for index in range(40):
        between.frame("b", index, index / 100)
    assert len(frames_and_edges(between, point(0, 0), point(3, 30))) == 4
    between.leave("a")
    between.frame("a", 4, 0.4)
    assert frames_and_edges(between, point(4, 0)) == [(4, 0)]


def test_points_that_come_late_are_filled_in_too() -> None:
    between = played(100)
    assert len(frames_and_edges(between, point(40, 0), point(43, 30), point(46, 60))) == 7


def test_it_forgets() -> None:
    between = played(4)
    list(between.filled(1, point(2, 20)))
    for index in range(4, 4000):
        between.frame("a", index, index / 10)
    assert len(between._frames["a"]) <= 601
    assert len(between._paths) == 0
