"""Scores against MATLAB's of the same files, and against sequences small enough to score by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filled_history import demo_history, record

from app.scoring.score import Boxes, Scores, found_in, score
from app.scoring.tables import read_mot

MATLAB = {
    "IDF1": 0,
    "IDP": 1,
    "IDR": 2,
    "Rcll": 3,
    "Prcn": 4,
    "GT": 6,
    "FP": 10,
    "FN": 11,
    "IDs": 12,
    "MOTA": 14,
}
"""Which number of MATLAB's line is what."""


def boxes(*rows: tuple[int, int, float], ignored: tuple[int, ...] = ()) -> Boxes:
    """Boxes of 10 x 20 pixels from (frame, id, left edge); ``ignored`` numbers the rows to be ignored."""
    table = np.array(rows, np.float64).reshape(-1, 3)
    left = table[:, 2]
    corners = np.column_stack([left, np.zeros_like(left), left + 10, np.full_like(left, 20)])
    mask = np.isin(np.arange(len(rows)), ignored)
    return Boxes(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), corners, mask)


def walk(identity: int, frames: range, left: float = 0.0) -> list[tuple[int, int, float]]:
    return [(frame, identity, left) for frame in frames]


def parted(truth: Boxes) -> Boxes:
    """Whoever is away for a frame or more comes back with another id."""
    ids = truth.ids.copy()
    for who in np.unique(truth.ids):
        rows = np.flatnonzero(truth.ids == who)
        rows = rows[np.argsort(truth.frames[rows])]
        ids[rows[1:]] += 1000 * np.cumsum(np.diff(truth.frames[rows]) > 1)
    return replace(truth, ids=ids)


@pytest.mark.parametrize("name", ["PETS09-S2L1", "TUD-Campus", "TUD-Stadtmitte"])
def test_equals_the_official_matlab_scores(shared: Path, name: str) -> None:
    folder = shared / "data" / "mot" / name
    values = (folder / "cem_matlab_scores.txt").read_text().split(",")
    matlab = {measure: float(values[place]) for measure, place in MATLAB.items()}
    truth = read_mot(folder / "gt" / "gt.txt")
    # MATLAB's scorer of MOT15 leaves marked boxes out of the truth, and does nothing else about them.
    truth = truth.take(~truth.ignored)

    result = read_mot(folder / "cem_result.txt")
    ours = score({name: truth}, {name: result}).cameras[name]

    rates = {"IDF1": ours.idf1, "IDP": ours.idp, "IDR": ours.idr, "Rcll": ours.recall, "Prcn": ours.precision}
    for measure, rate in rates.items():
        assert f"{100 * rate:.5g}" == f"{matlab[measure]:.5g}", measure
    assert (ours.people, ours.misses, ours.false_alarms) == (matlab["GT"], matlab["FN"], matlab["FP"])
    assert (ours.ids, ours.boxes) == (len(np.unique(result.ids)), len(truth))
    # MATLAB counts no switch where the person was not in the truth in the frame before; TrackEval does. On
    # PETS that is one of 31, and MOTA follows. With a new number after each absence there is none to count.
    apart = score({name: parted(truth)}, {name: result}).overall
    assert apart.switches == matlab["IDs"]
    assert f"{100 * apart.mota:.5g}" == f"{matlab['MOTA']:.5g}"
    assert ours.switches - apart.switches == (1 if name == "PETS09-S2L1" else 0)


def test_finding_everything_is_perfect() -> None:
    truth = {"a": boxes(*walk(1, range(5)), *walk(2, range(5), 50)), "b": boxes(*walk(2, range(5)))}

    result = score(truth, truth)

    for each in (*result.cameras.values(), result.overall):
        assert (each.idf1, each.idp, each.idr, each.mota, each.hota) == pytest.approx((1,) * 5)
        assert each.switches == 0
    assert (result.overall.people, result.overall.boxes) == (2, 15)


def test_finding_nothing_scores_nothing() -> None:
    result = score({"a": boxes(*walk(1, range(5)))}, {})

    assert (result.overall.idf1, result.overall.recall, result.overall.misses) == (0, 0, 5)


def test_a_new_id_on_the_next_camera_costs_only_over_all_cameras() -> None:
    truth = {"a": boxes(*walk(1, range(6))), "b": boxes(*walk(1, range(4)))}
    found = {"a": boxes(*walk(7, range(6))), "b": boxes(*walk(8, range(4)))}

    result = score(truth, found)

    assert [each.idf1 for each in result.cameras.values()] == [1.0, 1.0]
    # Of the 10 true boxes the better id, 7, holds 6: IDTP 6, IDFN 4, IDFP 4.
    assert result.overall.idf1 == pytest.approx(0.6)
    assert (result.overall.switches, result.overall.ids) == (1, 2)


def test_one_id_for_two_people_costs_only_over_all_cameras() -> None:
    truth = {"a": boxes(*walk(1, range(6))), "b": boxes(*walk(2, range(4)))}
    found = {"a": boxes(*walk(7, range(6))), "b": boxes(*walk(7, range(4)))}

    result = score(truth, found)

    assert [each.idf1 for each in result.cameras.values()] == [1.0, 1.0]
    assert result.overall.idf1 == pytest.approx(0.6)
    assert result.overall.mota == pytest.approx(1.0)


def test_frames_of_two_cameras_do_not_mix() -> None:
    """The same frame number and place on another camera is another place."""
    truth = {"a": boxes((0, 1, 0)), "b": boxes((0, 2, 50))}
    found = {"a": boxes((0, 1, 50)), "b": boxes((0, 2, 0))}

    assert score(truth, found).overall.recall == 0.0


def test_a_false_alarm_and_a_miss() -> None:
    truth = {"a": boxes(*walk(1, range(4)))}
    found = {"a": boxes(*walk(1, range(3)), (0, 2, 50))}

    ours = score(truth, found).overall

    assert (ours.misses, ours.false_alarms) == (1, 1)
    assert ours.mota == pytest.approx((4 - 1 - 1) / 4)
    assert ours.idf1 == pytest.approx(2 * 3 / (4 + 4))


def test_ignored_people_are_neither_wanted_nor_punished() -> None:
    truth = boxes(*walk(1, range(4)), *walk(2, range(4), 50), ignored=(4, 5, 6, 7))
    unseen = score({"a": truth}, {"a": boxes(*walk(1, range(4)))}).overall
    seen = score({"a": truth}, {"a": boxes(*walk(1, range(4)), *walk(5, range(4), 50))}).overall

    assert unseen == seen
    assert (seen.idf1, seen.mota, seen.people) == (1.0, 1.0, 1)


def test_a_box_beside_an_ignored_person_stays_a_false_alarm() -> None:
    truth = boxes((0, 1, 0), (0, 2, 50), ignored=(1,))

    assert score({"a": truth}, {"a": boxes((0, 1, 0), (0, 5, 57))}).overall.false_alarms == 1


def test_a_wanted_person_is_matched_before_an_ignored_one_in_the_same_place() -> None:
    truth = boxes((0, 1, 0), (0, 2, 3), ignored=(1,))

    assert score({"a": truth}, {"a": boxes((0, 9, 0))}).overall.recall == 1.0


def test_an_id_twice_in_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="twice in frame 3 of hall"):
        score({"hall": boxes((3, 1, 0))}, {"hall": boxes((3, 7, 0), (3, 7, 50))})


def test_columns_must_fit_together() -> None:
    with pytest.raises(ValueError, match="expected 1 rows"):
        Boxes(np.zeros(1, np.int64), np.zeros(2, np.int64), np.zeros((1, 4)), np.zeros(1, np.bool_))


def test_scores_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(score({"a": boxes((0, 1, 0))}, {}), Scores)
    assert capsys.readouterr() == ("", "")


def test_reading_mot_files(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,9,499,158,31,75,1,-4.1,-7.3,0\n3,9,500,158,31,75,0,-4.1,-7.3,0\n")

    read = read_mot(path)

    assert read.frames.tolist() == [0, 2]
    assert read.boxes[0].tolist() == [499, 158, 530, 233]
    assert read.ignored.tolist() == [False, True]


def test_what_the_last_run_recorded_is_scored(shared: Path, tmp_path: Path) -> None:
    demo = demo_history(shared, tmp_path, frames=20)
    first = score(demo.truth, found_in(demo.history)).overall

    wrong = {name: replace(boxes, ids=2 * boxes.ids + boxes.frames % 2) for name, boxes in demo.truth.items()}
    second = score(demo.truth, found_in(record(demo.history.path, demo.cameras, wrong))).overall

    assert (first.idf1, first.misses, first.false_alarms, first.switches) == (1.0, 0, 0, 0)
    assert second.idf1 < 0.6, "every person has two ids in turn"
    assert (second.recall, second.ids) == (1.0, 2 * first.people)
