"""Which frames the detector sees, at any frame rate; and what is filled in between them."""

from __future__ import annotations

import numpy as np
import pytest

from app.between import Between
from app.schedule import EveryFrame, Intervals, Schedule
from tracker.types import Grey, Point, Sighting

BLANK: Grey = np.zeros((2, 2), np.uint8)


class Told:
    """Says of each picture whether it differs, as it is told; counts how often it is asked."""

    def __init__(self, *, differs: bool) -> None:
        self.differs, self.asked, self.kept = differs, 0, 0

    def keep(self, picture: Grey) -> None:
        self.kept += 1

    def seen(self, picture: Grey, after_s: float) -> bool:
        self.asked += 1
        return self.differs


def seen(fps: float, seconds: float, *, differs: bool, tracks: bool, rate: float = 5.0) -> list[float]:
    """The times of the frames that the detector sees."""
    plan = Schedule(Told(differs=differs), Intervals.at_most(rate))
    times = [1e9 + k / fps for k in range(round(fps * seconds))]
    return [time - 1e9 for time in times if plan.due(time, lambda: BLANK, tracks=tracks)]


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
    told = Told(differs=False)
    plan = Schedule(told, Intervals())
    for k in range(1000):
        plan.due(k / 25, lambda: BLANK, tracks=False)
    told.differs = True
    due = [k for k in range(1000, 1025) if plan.due(k / 25, lambda: BLANK, tracks=False)]
    assert due[0] <= 1003  # 0.12 s


def test_pictures_are_compared_ten_times_a_second_at_most() -> None:
    told = Told(differs=False)
    plan = Schedule(told, Intervals())
    for k in range(60 * 20):
        plan.due(k / 60, lambda: BLANK, tracks=False)
    assert told.asked <= 10 * 20


def test_every_frame_is_every_frame() -> None:
    assert all(EveryFrame().due(k / 60, lambda: BLANK, tracks=False) for k in range(100))


def point(frame: int, x: float, score: float = 0.8) -> Point:
    return Point(frame / 10, frame, np.array([x, 0, x + 10, 20], np.float32), score)


def played(frames: str) -> Between:
    """Frames of camera a, seen (S) or skipped (.), and a sighting of it."""
    between = Between()
    for index, kind in enumerate(frames):
        (between.seen if kind == "S" else between.skipped)("a", index, index / 10)
    between.sighting(Sighting(1, "a", 0.0, 1.0, None, 0.0))
    return between


def frames_and_edges(between: Between, *points: Point) -> list[tuple[int, float]]:
    filled = [new for one in points for new in between.filled(1, one)]
    return [(p.frame, round(float(p.box[0]), 3)) for p in filled]


def test_boxes_between_two_that_were_found_lie_on_a_line() -> None:
    found = frames_and_edges(played("S..S.S"), point(0, 0), point(3, 30), point(5, 60))
    assert found == [(0, 0), (1, 10), (2, 20), (3, 30), (4, 45), (5, 60)]


def test_nothing_is_filled_in_where_somebody_was_looked_for_in_vain() -> None:
    assert frames_and_edges(played("S.S.S"), point(0, 0), point(4, 40)) == [(0, 0), (4, 40)]


def test_nothing_before_the_first_or_of_a_camera_that_left() -> None:
    assert frames_and_edges(played("..S"), point(2, 20)) == [(2, 20)]
    between = played("S.")
    between.leave("a")
    between.seen("a", 2, 0.2)
    assert frames_and_edges(between, point(0, 0), point(2, 20)) == [(0, 0), (2, 20)]


def test_it_forgets() -> None:
    between = played("S.S")
    list(between.filled(1, point(2, 20)))
    for k in range(2000):
        between.skipped("a", 3 + 2 * k, 1.0 + k)
        between.seen("a", 4 + 2 * k, 1.5 + k)
    assert len(between._gaps) < 70
    assert len(between._paths) == 0
