"""The second pass over a history, as typed. tests/small_history.py draws it: by their pictures sightings 1
and 5 are one person, 2, 3 and 4 three more; the run said 1, 1, 2, 2 and, of sighting 5, undecided.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_history import name_footage, picture, small_history, unit, writer
from sqlalchemy import insert, update

from app import errors
from app.cli import main
from storage import schema
from storage.database import open_database
from storage.topology import save
from tracker.types import Overlap, Portrait, Sighting, Topology


@pytest.fixture
def db(tmp_path: Path) -> list[str]:
    small_history(tmp_path / "h.db")
    return ["--db", str(tmp_path / "h.db")]


def answered(capsys: pytest.CaptureFixture[str], *typed: str) -> Any:
    assert main(list(typed)) == errors.OK
    return json.loads(capsys.readouterr().out)


def moves(capsys: pytest.CaptureFixture[str], db: list[str], *more: str) -> dict[int, tuple[int | None, int]]:
    """Sighting -> who it was, and who it is; 0 for somebody new."""
    rows = answered(capsys, "refine", "--json", *more, *db)
    return {row["sighting"]: (row["before"], max(row["after"], 0)) for row in rows}


def test_it_tells_and_changes_nothing(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert moves(capsys, db) == {2: (1, 0), 4: (2, 0), 5: (None, 1)}
    assert answered(capsys, "corrections", "--json", *db) == []
    assert main(["refine", *db]) == errors.OK
    told = capsys.readouterr().out
    assert "5 sightings looked at, 3 would be reassigned" in told
    assert "right   00:16" in told  # nobody knows when this footage began: elapsed, and no date
    assert "UTC" not in told


def test_the_dearer_a_false_merge_the_more_stay_apart(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert moves(capsys, db, "--false-merge-price", "1e9") == {2: (1, 0), 4: (2, 0)}
    site = tmp_path / "site.toml"
    site.write_text('false_merge_price = 1e9\n[[camera]]\nsource = "a.mp4"\n')
    assert moves(capsys, db, "--config", str(site)) == {2: (1, 0), 4: (2, 0)}
    assert moves(capsys, db, "--config", str(site), "--false-merge-price", "1")[5] == (None, 1)
    assert main(["refine", "--false-merge-price", "0", *db]) == errors.CONFIG
    assert "--false-merge-price is 0; a number above 0 is expected." in capsys.readouterr().err


def test_applied_it_is_one_correction_that_undo_takes_back(
    db: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = answered(capsys, "people", "--json", *db)
    assert moves(capsys, db, "--apply") == {2: (1, 0), 4: (2, 0), 5: (None, 1)}
    assert moves(capsys, db) == {}  # a second time it finds nothing
    people = answered(capsys, "people", "--json", *db)
    assert sorted(row["id"] for row in people) == [1, 2, 3, 4]
    (row,) = answered(capsys, "corrections", "--json", *db)
    assert (row["author"], row["kind"], row["sightings"]) == ("machine", "refine", [2, 4, 5])
    assert main(["undo", *db]) == errors.OK
    assert capsys.readouterr().out == "1: Second pass: 3 sightings moved, 2 of them people new (undone)\n"
    assert answered(capsys, "people", "--json", *db) == before


def test_what_people_decided_stands(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", "1", "2", *db]) == errors.OK  # all four of them are one person
    assert main(["differ", "1", "2", *db]) == errors.USAGE
    capsys.readouterr()
    assert moves(capsys, db) == {5: (None, 1)}  # which is like one of the four


def test_who_was_told_apart_stays_apart(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", "5", "2", *db]) == errors.OK  # whoever it looks like
    assert main(["differ", "1", "2", *db]) == errors.OK
    capsys.readouterr()
    found = moves(capsys, db, "--apply")
    assert 5 not in found
    shown = answered(capsys, "show", "2", "--json", *db)
    assert 5 in [row["id"] for row in shown["sightings"]]


def test_whom_people_put_together_goes_together(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", "5", "2", *db]) == errors.OK
    capsys.readouterr()
    # 5 is like 1, and Ann is 1: who is 5 is Ann then, 3 and 4 too.
    assert moves(capsys, db) == {2: (1, 0), 3: (2, 1), 4: (2, 1), 5: (2, 1)}


def test_a_split_is_not_undone_by_it(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", "5", "1", *db]) == errors.OK
    assert main(["split", "1", "--sightings", "5", *db]) == errors.OK  # alike, and yet somebody else
    capsys.readouterr()
    assert 5 not in moves(capsys, db)


def test_of_a_span_only(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert moves(capsys, db, "--until", "1970-01-01T00:00:12Z") == {}


def test_vectors_of_two_models_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = small_history(tmp_path / "h.db")
    with engine.begin() as connection:
        other = connection.execute(insert(schema.Model).values(fingerprint="model-b", dimension=4))
        (number,) = other.inserted_primary_key or ()
        late = schema.Portrait.time >= 30
        connection.execute(update(schema.Portrait).where(late).values(model_id=number))
    db = ["--db", str(tmp_path / "h.db")]
    assert main(["refine", *db]) == errors.DATABASE
    assert "name a span of one of them" in capsys.readouterr().err
    assert moves(capsys, db, "--until", "1970-01-01T00:00:29Z") == {2: (1, 0), 4: (2, 0)}


def site(tmp_path: Path, links: str, *, more: str = "") -> list[str]:
    """A configuration with these [[link]] tables."""
    cameras = "".join(f'[[camera]]\nname = "{name}"\nsource = "{name}.mp4"\n' for name in ("left", "right"))
    (tmp_path / "site.toml").write_text(f"{more}\n{cameras}{links}", encoding="utf-8")
    return ["--config", str(tmp_path / "site.toml")]


def walked(tmp_path: Path) -> list[str]:
    """Of one look: on the left from 0 to 10, on the right from 13 to 20, on the left from 60 to 65."""
    engine = open_database(tmp_path / "w.db", create=True)
    with writer(engine) as record:
        name_footage(record, start=0.0)
        for number, (camera, start, end) in enumerate(
            (("left", 0.0, 10.0), ("right", 13.0, 20.0), ("left", 60.0, 65.0)), 1
        ):
            record.sighting(Sighting(number, camera, start, end, number, 0.9))
            record.portrait(number, Portrait(start, 0.9, unit(0), picture(10 * number)))
    return ["--db", str(tmp_path / "w.db")]


def people(capsys: pytest.CaptureFixture[str], db: list[str], *more: str) -> list[set[int]]:
    """Whom refining makes of the walk's three sightings."""
    after = {1: 1, 2: 2, 3: 3} | {
        row["sighting"]: row["after"] for row in answered(capsys, "refine", "--json", *more, *db)
    }
    return [
        {sighting for sighting in after if after[sighting] == who} for who in dict.fromkeys(after.values())
    ]


def test_what_is_known_of_the_ways_is_kept_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = walked(tmp_path)
    way = '[[link]]\nfrom = "left"\nto = "right"\n'
    back = '[[link]]\nfrom = "right"\nto = "left"\n'
    assert people(capsys, db) == [{1, 2, 3}]
    assert people(capsys, db, *site(tmp_path, way + "after_s = [2, 5]")) == [{1, 2, 3}]
    assert people(capsys, db, *site(tmp_path, way + "after_s = [4, 60]")) == [{1, 3}, {2}]  # it took 3 s
    assert people(capsys, db, *site(tmp_path, way + "never = true")) == [{1, 3}, {2}]
    assert people(capsys, db, *site(tmp_path, back + "after_s = [0, 30]")) == [{1, 2}, {3}]  # it took 40 s


def test_people_outrank_what_is_known_of_the_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = walked(tmp_path)
    assert main(["merge", "1", "2", *db]) == errors.OK
    assert main(["merge", "1", "3", *db]) == errors.OK
    capsys.readouterr()
    never = '[[link]]\nfrom = "left"\nto = "right"\nnever = true\n'
    late = '[[link]]\nfrom = "right"\nto = "left"\nafter_s = [0, 30]\n'
    assert answered(capsys, "refine", "--json", *site(tmp_path, never + late), *db) == []


def test_an_overlap_is_told_in_either_form_or_denied_or_learned_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_database(tmp_path / "o.db", create=True)
    with writer(engine) as record:
        name_footage(record, start=0.0)
        for number, camera in ((1, "left"), (2, "right")):
            record.sighting(Sighting(number, camera, 0.0, 10.0, number, 0.9))
            record.portrait(number, Portrait(1.0, 0.9, unit(0), picture(10 * number)))
    db = ["--db", str(tmp_path / "o.db")]
    link = '[[link]]\nfrom = "right"\nto = "left"\noverlap = '
    assert len(moves(capsys, db)) == 1  # nobody says that they don't overlap, and the two look the same
    assert moves(capsys, db, *site(tmp_path, link + "false")) == {}
    assert len(moves(capsys, db, *site(tmp_path, "", more='overlap = [["left", "right"]]'))) == 1
    assert len(moves(capsys, db, *site(tmp_path, link + "true"))) == 1
    overlap = Overlap("left", "right", 100, 0.9, 20.0, seen=True)
    save(engine, Topology((), (overlap,), {"left": 1, "right": 1}, 0.0, 10.0))
    assert len(moves(capsys, db)) == 1
    assert main(["refine", *db]) == errors.OK
    assert "left and right overlap, as learned and kept" in capsys.readouterr().out
    assert moves(capsys, db, *site(tmp_path, link + "false")) == {}
