from __future__ import annotations

import csv
import json
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from small_history import SIGHTINGS, name_footage, points, record_all, small_history, writer

from storage.database import open_database
from storage.export import ExportError, Format, export, file_names
from storage.history import History
from storage.repair import Repair
from tracker.types import Sighting

FORMATS: list[Format] = ["mot", "csv", "parquet", "json"]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(small_history(tmp_path / "h.db"))


def test_mot_has_a_file_a_camera_with_global_ids(history: History, tmp_path: Path) -> None:
    files = export(history, "mot", tmp_path / "out" / "mot")
    assert [file.name for file in files] == ["left.txt", "right.txt"]
    lines = files[0].read_text().splitlines()
    assert lines[0] == "1,1,10.000,20.000,40.000,100.000,0.600,-1,-1,-1"
    table = np.loadtxt(files[0], delimiter=",")
    assert table.shape == (41 + 21, 10)  # who was not identified is not there
    assert set(table[:, 1]) == {1, 2}
    assert (np.diff(table[:, 0]) > 0).all()
    right = np.loadtxt(files[1], delimiter=",")
    assert right[right[:, 1] == 2][0, :6].tolist() == [91, 2, 10, 20, 40, 100]


def test_mot_has_a_person_once_a_frame_the_more_probable_time(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        name_footage(record)
        for number, probability in ((1, 0.5), (2, 0.9), (3, 0.7)):
            record.sighting(Sighting(number, "left", 10.0, 11.0, 1, probability))
            for point in points(SIGHTINGS[0])[:11]:
                point.box[:] += number
                record.point(number, point)
    (left, right) = export(History(engine), "mot", tmp_path)
    table = np.loadtxt(left, delimiter=",")
    assert table[:, 0].tolist() == list(range(1, 12))
    assert table[0, 2] == 12  # of the second sighting
    assert right.read_text() == ""


def test_mot_counts_on_from_run_to_run(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with writer(engine) as record:
        record_all(record, later_s=1000.0)
    files = export(History(engine), "mot", tmp_path)
    frames = np.loadtxt(files[0], delimiter=",")[:, 0]
    assert (np.diff(frames) > 0).all()
    assert len(frames) == 2 * (41 + 21)


def read(file: Path) -> list[dict[str, object]]:
    if file.suffix == ".json":
        found: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))
        return found
    if file.suffix == ".parquet":
        return list(parquet.read_table(file).to_pylist())
    with file.open(encoding="utf-8", newline="") as lines:
        return [{key: _value(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def _value(text: str) -> object:
    if text == "":
        return None
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("format_", ["csv", "parquet", "json"])
def test_the_tables_hold_every_sighting_and_point(history: History, tmp_path: Path, format_: Format) -> None:
    points_file, sightings_file = export(history, format_, tmp_path / "out")
    sightings = read(sightings_file)
    assert [row["sighting"] for row in sightings] == [1, 2, 3, 4, 5]
    assert [row["person"] for row in sightings] == [1, 1, 2, 2, None]
    assert [row["name"] for row in sightings] == ["Ann", "Ann", None, None, None]
    assert sightings[1] == {
        "sighting": 2,
        "person": 1,
        "name": "Ann",
        "camera": "right",
        "start": 16.0,
        "end": 18.0,
        "probability": 0.8,
        "distance": 0.2,
        "gap_s": 2.0,
        "runner_up": 2,
        "runner_up_distance": 0.6,
        "crops": 5,
        "prior": None,
        "appearance": None,
        "transition": None,
        "ground": None,
    }
    rows = read(points_file)
    assert len(rows) == 41 + 21 + 61 + 21 + 11
    assert rows[1] == {
        "sighting": 1,
        "person": 1,
        "camera": "left",
        "time": 10.1,
        "frame": 1,
        "x1": 12.0,
        "y1": 20.0,
        "x2": 52.0,
        "y2": 120.0,
        "score": 0.6,
    }


@pytest.mark.parametrize("format_", FORMATS)
def test_an_empty_history_is_exported_as_such(tmp_path: Path, format_: Format) -> None:
    files = export(History(open_database(tmp_path / "h.db", create=True)), format_, tmp_path / "out")
    assert [len(read(file)) for file in files] == ([] if format_ == "mot" else [0, 0])


@pytest.mark.parametrize("format_", FORMATS)
def test_two_runs_over_the_same_give_the_same_bytes(tmp_path: Path, format_: Format) -> None:
    outs = []
    for name, commit_s in (("a", 0.001), ("b", 1e6)):
        engine = open_database(tmp_path / f"{name}.db", create=True)
        with writer(engine, commit_s=commit_s) as record:
            record_all(record)
            time.sleep(0.01)
        outs.append(export(History(engine), format_, tmp_path / name))
    assert [file.name for file in outs[0]] == [file.name for file in outs[1]]
    assert [file.read_bytes() for file in outs[0]] == [file.read_bytes() for file in outs[1]]


def test_a_camera_may_have_any_name(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        for name in ("../../etc/passwd", "Tür 1", ".."):
            record.footage(name, uri="x", start=0.0, width=1, height=1)
    files = export(History(engine), "mot", tmp_path / "out")
    assert [file.name for file in files] == ["Tür_1.txt", "camera.txt", "etc_passwd.txt"]
    assert all(file.parent == tmp_path / "out" for file in files)


def test_file_names_are_told_apart() -> None:
    names = file_names(["a/b", "a b", "A_b", "a_b-2", "c"])
    assert len({name.casefold() for name in names.values()}) == 5
    assert names["c"] == "c"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_folder_that_cannot_be_written_is_one_sentence(
    history: History, tmp_path: Path, format_: Format
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError) as caught:
        export(history, format_, tmp_path / "file" / "out")
    assert str(tmp_path / "file") in str(caught.value)
    assert "--out" in str(caught.value)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(
    history: History, small_disk: Path, format_: Format
) -> None:
    names = ["left.txt", "right.txt", f"points.{format_}", f"sightings.{format_}"]
    for name in names:
        (small_disk / name).write_text("before")
    with suppress(OSError):
        (small_disk / "filler").write_bytes(bytes(16_384))  # as much as there is
    with pytest.raises(ExportError, match=r"cannot write .*disk.* \(.*No space left on device"):
        export(history, format_, small_disk)
    assert sorted(path.name for path in small_disk.iterdir()) == sorted({"filler", *names})
    assert {(small_disk / name).read_text() for name in names} == {"before"}


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_sightings_have_the_ids_that_they_have_everywhere_else(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with writer(engine) as record:
        record.erase("left", 0.0, 20.0)  # the first
    points, sightings = export(History(engine), "csv", tmp_path / "out")
    ids = [str(row.id) for row in History(engine).sightings()]
    assert [row["sighting"] for row in read_csv(sightings)] == ids == ["2", "3", "4", "5"]
    assert {row["sighting"] for row in read_csv(points)} == set(ids)


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)"])
def test_a_name_is_no_formula_to_a_spreadsheet(history: History, tmp_path: Path, name: str) -> None:
    Repair(open_database(history.path, create=False)).name(1, name)
    _, sightings = export(history, "csv", tmp_path / "out")
    assert read_csv(sightings)[0]["name"] == f"'{name}"


def test_what_is_exported_is_the_owners_and_no_link_is_followed(history: History, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "points.csv.part").symlink_to(victim)
    (tmp_path / "out" / "sightings.csv").symlink_to(victim)
    files = export(history, "csv", tmp_path / "out")
    assert victim.read_text() == "mine"
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]
    assert not any(path.is_symlink() for path in files)


def test_a_crowded_camera_comes_out_in_order_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lines whether all are sorted at once or as they come."""
    history = History(small_history(tmp_path / "h.db"))
    export(history, "mot", tmp_path / "whole")
    monkeypatch.setattr("storage.export._ROWS_A_GROUP", 5)
    export(history, "mot", tmp_path / "parts")
    for name in ("left.txt", "right.txt"):
        assert (tmp_path / "parts" / name).read_text() == (tmp_path / "whole" / name).read_text()
        frames = np.loadtxt(tmp_path / "parts" / name, delimiter=",")[:, 0]
        assert (np.diff(frames) >= 0).all()
