"""The commands that correct identities, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_history import name_footage, record_all, small_history, writer

from app import errors
from app.cli import main
from storage.database import open_database
from tracker.types import Sighting


def test_a_merge_is_told_listed_and_undone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_history(tmp_path / "h.db")
    db = ["--db", str(tmp_path / "h.db")]
    assert main(["merge", "1", "2", *db]) == errors.OK
    assert capsys.readouterr().out == "1: Merged 2 into 1\n"
    assert main(["show", "2", *db]) == errors.OK
    assert "2 was merged: it is 1 now." in capsys.readouterr().out
    assert main(["undo", *db]) == errors.OK
    assert capsys.readouterr().out == "1: Merged 2 into 1 (undone)\n"
    assert main(["corrections", "--json", *db]) == errors.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["kind"], row["author"], row["people"], row["undone"] is None) == (
        "merge",
        "person",
        [[2, 1]],
        False,
    )


def test_a_sighting_is_cut_told_and_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_history(tmp_path / "h.db")
    db = ["--db", str(tmp_path / "h.db")]
    assert main(["split", "3", "--at", "0:21.05", *db]) == errors.OK
    assert capsys.readouterr().out == "1: Cut sighting 3 at 00:21; from then on it is sighting 6 of 3\n"
    assert main(["split", "1", "--at", "12", "--to", "2", *db]) == errors.OK
    assert capsys.readouterr().out == "2: Cut sighting 1 at 00:12; from then on it is sighting 7 of 2\n"
    assert main(["corrections", *db]) == errors.OK
    assert "Cut sighting 3 at 00:21; from then on it is sighting 6 of 3" in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(["undo", "1", *db]) == errors.OK
    assert capsys.readouterr().out == "1: Cut sighting 3 at 00:21; from then on it is 3 (undone)\n"


@pytest.mark.parametrize(
    ("typed", "sentence", "code"),
    [
        ("merge 1 1", "the same person already", errors.USAGE),
        ("merge 1 9", "has the id 9", errors.USAGE),
        ("split 1 --sightings 3", "sighting 3 is not 1's", errors.USAGE),
        ("split 1 --sightings 1,2", "all the sightings of 1", errors.USAGE),
        ("split 1 --sightings x", "numbers such as", errors.CONFIG),
        ("split 3 --at soon", "--at: 'soon' is no time", errors.CONFIG),
        ("split 3 --at 9:99", "between its first and its last picture only: after 00:19", errors.USAGE),
        ("split 99 --at 20", "no sighting 99", errors.USAGE),
        ("move 99 1", "no sighting 99", errors.USAGE),
        ("move 1 somewhere", "is called somewhere", errors.USAGE),
        ("split some --at 12", "a sighting's number is expected", errors.CONFIG),
        ("undo", "nothing is left to undo", errors.USAGE),
        ("undo 4", "no correction 4", errors.USAGE),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: str, sentence: str, code: int
) -> None:
    small_history(tmp_path / "h.db")
    assert main([*typed.split(), "--db", str(tmp_path / "h.db")]) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_moment_outside_of_a_sighting_is_told_in_the_times_that_show_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sighting from 23:59:55 to 00:00:05; a time alone is that nearest to it."""
    midnight = 1_236_297_600.0  # 2009-03-06 00:00 UTC
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        record_all(record, later_s=midnight - 15.0)
    typed = ["--utc", "split", "1", "--db", str(tmp_path / "h.db"), "--at"]
    between = "2009-03-05 23:59:55 \N{EN DASH} 23:59:59 UTC"
    for at in ("23:58", "00:00:30", "2009-03-05 12:00"):
        assert main([*typed, at]) == errors.USAGE
        said = capsys.readouterr().err
        assert said == (
            f"sightline: sighting 1 can be cut between its first and its last picture only: after {between}\n"
        )
    assert main([*typed, "23:59:57", "--to", "new"]) == errors.OK
    assert "Cut sighting 1 at 2009-03-05 23:59:57 UTC" in capsys.readouterr().out


def test_somebody_new_is_meant_by_new_wherever_sightings_are_given_to_somebody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_history(tmp_path / "h.db")
    db = ["--db", str(tmp_path / "h.db")]
    assert main(["split", "1", "--sightings", "2", "--into", "new", *db]) == errors.OK
    assert capsys.readouterr().out == "1: Split sighting 2 off 1, to 3\n"
    assert main(["move", "3", "new", *db]) == errors.OK
    assert main(["split", "2", "--sightings", "4", "--into", "1", *db]) == errors.OK
    assert capsys.readouterr().out.splitlines()[-1] == "3: Split sighting 4 off 2, to 1"
    assert main(["split", "1", "--sightings", "1,4", "--into", "2", *db]) == errors.OK
    assert capsys.readouterr().out == "4: Split sightings 1, 4 off 1, to 2\n"


def test_a_merge_of_two_in_one_view_names_the_moment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    begin = 1_236_254_390.0  # 2009-03-05 11:59:50 UTC
    with writer(engine) as record:
        name_footage(record, start=begin)
        record.sighting(Sighting(1, "left", begin + 10.0, begin + 14.0, 1, 0.9))
        record.sighting(Sighting(2, "left", begin + 13.0, begin + 18.0, 2, 0.9))
    typed = ["--utc", "merge", "1", "2", "--db", str(tmp_path / "h.db")]
    assert main(typed) == errors.USAGE
    assert (
        "1 and 2 were in view of left at once (sightings 1 and 2), so they are two people: "
        "from 2009-03-05 12:00:03 \N{EN DASH} 12:00:04 UTC; "
    ) in capsys.readouterr().err
    assert main([*typed, "--anyway"]) == errors.OK
    assert capsys.readouterr().out == "1: Merged 2 into 1\n"
