from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from rich.console import Console
from small_history import name_footage, night_history, picture, record_all, small_history, unit, writer
from sqlalchemy import update
from test_app_page import Page

from app import errors
from app.cli import main
from app.history.answers import ANYWHERE, print_people, print_person
from app.history.telling import duration
from app.times import elapsed, iso
from storage import schema
from storage.database import open_database
from storage.errors import ExportError
from storage.history import History, UnknownPerson
from tracker.types import Evidence, Portrait, Sighting

NOON = 1_236_254_400.0  # 2009-03-05 12:00 UTC


@pytest.fixture(autouse=True)
def vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(small_history(tmp_path / "h.db"))


@pytest.fixture
def dated(tmp_path: Path) -> History:
    """The same at noon, and once more a day later."""
    engine = open_database(tmp_path / "dated.db", create=True)
    for later_s in (NOON - 10, NOON - 10 + 86400):
        with writer(engine) as record:
            record_all(record, later_s=later_s)
    return History(engine)


def terminal(width: int = 80, **more: object) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, **more)  # type: ignore[arg-type]


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def people(history: History, *, width: int = 80, **more: object) -> str:
    console = terminal(width)
    there = {key: more.pop(key, None) for key in ANYWHERE}
    print_people(history, there, as_json=False, console=console, **more)  # type: ignore[arg-type]
    return text(console)


def person(history: History, id_: int, *, width: int = 80, pictures: Path | None = None) -> str:
    console = terminal(width)
    print_person(history, id_, as_json=False, pictures=pictures, console=console)
    return text(console)


def test_people_in_a_table(history: History) -> None:
    lines = people(history).splitlines()
    assert lines[0].rstrip() == "2 people"
    assert lines[2].split() == ["1", "Ann", "00:10", "00:18", "left,", "right", "2", "6.0", "s"]
    assert lines[3].split() == ["2", "00:19", "00:25", "right,", "left", "2", "8.0", "s"]
    assert lines[4] == "1 sighting could be given to nobody (--unidentified)."


def test_one_day_is_named_once(dated: History) -> None:
    listing = people(dated, until=NOON + 3600)
    assert "2 people, on 2009-03-05, UTC+01:00" in listing
    assert "13:00:00" in listing
    assert listing.count("2009") == 1


def test_many_days_are_named_in_each_row(dated: History) -> None:
    assert "2 people, UTC+01:00" in people(dated)
    assert "2009-03-05 13:00:00  2009-03-06 13:00:08" in people(dated)
    story = person(dated, 1)
    assert [line.strip() for line in story.splitlines() if line.strip()[4:5] == "-" and ":" not in line] == [
        "2009-03-05",
        "2009-03-06",
    ]


def test_only_some_people(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    """Ann has a name; the other's sighting 4 is unsure, as is Ann's first."""
    db = ["--db", str(history.path)]
    found = {}
    for only in ("--named", "--unsure", "--unidentified"):
        assert main(["people", only, "--json", *db]) == errors.OK
        found[only] = [row["id"] for row in json.loads(capsys.readouterr().out)]
    assert found == {"--named": [1], "--unsure": [1, 2], "--unidentified": [5]}
    assert main(["people", "--unidentified", *db]) == errors.OK
    told = capsys.readouterr().out
    assert "1 sighting of nobody" in told
    assert "'sightline move SIGHTING PERSON' says who it is" in told
    assert main(["people", "--named", "--since", "00:20", *db]) == errors.OK
    assert capsys.readouterr().out.startswith("Nobody with a name was seen there and then")
    assert main(["people", "--unidentified", "--camera", "right", *db]) == errors.OK
    assert "Every sighting there and then was given to somebody." in capsys.readouterr().out


def test_a_name_is_as_good_as_an_id(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    db = ["--db", str(history.path)]
    for named in ("Ann", "ann"):
        assert main(["show", named, *db]) == errors.OK
        assert capsys.readouterr().out.startswith("Person 1 Ann")
    assert main(["name", "2", "ann", *db]) == errors.OK
    assert main(["merge", "Ann", "ann", *db]) == errors.OK
    assert "Merged 2 into 1" in capsys.readouterr().out
    assert main(["undo", *db]) == errors.OK
    assert main(["show", "ANN", *db]) == errors.USAGE
    assert "ANN is the name of several: 1, 2; say which by its id" in capsys.readouterr().err
    assert main(["show", "Zoe", *db]) == errors.USAGE
    assert "is called Zoe; 'sightline people' lists everybody" in capsys.readouterr().err
    assert main(["forget", "ann", *db]) == errors.OK
    assert main(["move", "1", "Ann", *db]) == errors.OK


def test_times_may_be_typed_as_people_say_them(dated: History, capsys: pytest.CaptureFixture[str]) -> None:
    """A time alone is of the last day recorded, 2009-03-06 here, in local time."""
    db = ["--db", str(dated.path)]
    for since, until, count in (("13:00", "13:00:05", 1), ("13:00", None, 2), ("2009-03-05", None, 2)):
        typed = ["people", "--json", "--since", since, *(["--until", until] if until else []), *db]
        assert main(typed) == errors.OK
        assert len(json.loads(capsys.readouterr().out)) == count
    assert main(["people", "--since", "last 2h", *db]) == errors.OK
    assert "Nobody was recognised there and then" in capsys.readouterr().out
    assert main(["people", "--since", "whenever", *db]) == errors.CONFIG
    assert "'whenever' is no time" in capsys.readouterr().err
    wrong = ["--since", "2009-03-06 14:00", "--until", "2009-03-06 13:00"]
    assert main(["people", *wrong, *db]) == errors.CONFIG
    assert "--until 2009-03-06 13:00 is before --since 2009-03-06 14:00." in capsys.readouterr().err


def test_a_night_is_asked_for_by_its_hours_over_midnight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People at 22:30 and at 01:00 the next day; the history ends at 05:00."""
    midnight = 1_236_294_000.0  # 2009-03-06 00:00 in Vienna
    night_history(tmp_path / "night.db", midnight)
    for where, there in (
        (["--since", "22:00"], [1, 2, 3]),
        (["--since", "22:00", "--until", "02:00"], [1, 2]),
        (["--since", "23:00", "--until", "02:00"], [2]),
        (["--since", "02:00"], [3]),
        (["--until", "02:00"], [1, 2]),
        (["--since", "2009-03-05 22:00", "--until", "23:00"], [1]),
    ):
        typed = ["people", "--json", *where, "--db", str(tmp_path / "night.db")]
        assert main(typed) == errors.OK
        assert [row["id"] for row in json.loads(capsys.readouterr().out)] == there, where
    assert main(["forget", "--before", "23:00", "--json", "--db", str(tmp_path / "night.db")]) == errors.OK
    assert json.loads(capsys.readouterr().out)[0]["sightings"] == 1, "what was after is not last night's"


@pytest.mark.parametrize(
    "command",
    [
        ["people"],
        ["people", "--unidentified"],
        ["show", "1"],
        ["find", "--sighting", "1"],
        ["review"],
        ["report", "--out", "case"],
        ["forget"],
    ],
)
def test_a_camera_that_there_is_none_of_is_one_sentence_with_those_there_are(
    history: History, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(tmp_path / "case") if part == "case" else part for part in command]
    assert main([*command, "--camera", "lefft", "--db", str(history.path)]) == errors.USAGE
    said = capsys.readouterr().err
    assert f"no camera in {history.path} is called lefft; there are: left, right\n" in said
    assert not (tmp_path / "case").exists()
    empty = tmp_path / "empty.db"
    open_database(empty, create=True)
    assert main([*command[:1], *command[1:], "--camera", "left", "--db", str(empty)]) == errors.USAGE


def test_nobody_is_a_friendly_sentence(tmp_path: Path, history: History) -> None:
    empty = History(open_database(tmp_path / "empty.db", create=True))
    assert (
        people(empty)
        == f"Nothing has been recorded in {empty.path} yet; 'sightline run VIDEO' looks for people.\n"
    )
    assert people(history, since=1e6) == (
        "Nobody was recognised there and then; 'sightline people' lists everybody.\n"
    )
    quiet = open_database(tmp_path / "quiet.db", create=True)
    with writer(quiet) as record:
        name_footage(record)
    for where in ({}, {"since": 5.0}):
        assert people(History(quiet), **where) == f"Nobody was recognised in {tmp_path / 'quiet.db'}.\n"


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_table_is_whole_in_any_terminal_whatever_people_are_called(dated: History, width: int) -> None:
    """Every column has its heading and what belongs under it, and no line is longer than the terminal."""
    with dated.engine.begin() as connection:
        connection.execute(update(schema.Identity).where(schema.Identity.id == 1).values(name="Ä" * 100))
        connection.execute(
            update(schema.Camera).where(schema.Camera.name == "left").values(name="of the third floor " * 6)
        )
    listing = people(dated, width=width)
    lines = listing.splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.count("Ä") for line in lines) == 100
    head = next(line for line in lines if line.startswith("id"))
    assert [word for word in head.split() if word in ("sightings", "in", "view")][-3:] == [
        "sightings",
        "in",
        "view",
    ]
    assert next(line for line in lines if "Ä" in line).rstrip().endswith("12.0 s")
    words = " ".join(listing.split())
    assert words.count("floor") == words.count("third") == 12
    assert "13:00:08" in words
    assert max(map(len, person(dated, 1, width=width).splitlines())) <= width


def test_a_persons_way_on_one_axis_of_time(history: History) -> None:
    lines = person(history, 1, width=87).splitlines()
    assert lines[0] == "Person 1 Ann: 2 sightings on 2 cameras, 6.0 s in view"
    assert lines[2].split() == ["00:10", "00:18"]
    assert lines[3] == "left   " + "█" * 40 + "·" * 40  # half of eight seconds
    assert lines[4] == "right  " + "·" * 60 + "█" * 20
    table = " ".join(" ".join(lines[6:]).split())
    assert "new new; nobody was known; 3 pictures compared" in table
    because = "distance 0.20 -> 80 %; last seen 2.0 s before; second best 2 at distance 0.60; 5 pictures"
    assert because in table


@pytest.mark.parametrize("width", [60, 80, 140])
def test_nothing_is_wider_than_the_terminal(dated: History, width: int) -> None:
    for listing in (people(dated, width=width), person(dated, 2, width=width)):
        assert all(len(line) <= width for line in listing.splitlines() if "pictures" not in line)


def test_a_moment_in_a_long_time_is_still_seen(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        name_footage(record, start=0.0)
        record.sighting(Sighting(1, "left", 0.0, 1.0, 1, 0.9))
        record.sighting(Sighting(2, "left", 90000.0, 90000.0, 1, 0.9))
    bar = next(line for line in person(History(engine), 1).splitlines() if "█" in line)
    assert bar.startswith("left  █·")
    assert bar.endswith("·█")


def test_a_terminal_without_blocks_gets_plain_marks(history: History) -> None:
    class Plain(io.StringIO):
        encoding = "ascii"

    console = Console(file=Plain(), width=80)
    print_person(history, 1, as_json=False, console=console)
    assert "left   ####" in text(console)
    assert text(console).isascii()


def test_names_are_text_and_no_markup(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "[bold]h.db", create=True)
    with writer(engine) as record:
        record.footage("[red]hall[/red]", uri="x", start=0.0, width=1, height=1)
        record.sighting(Sighting(1, "[red]hall[/red]", 0.0, 1.0, 1, 0.9))
        record.portrait(1, Portrait(0.0, 0.5, unit(0), picture(1)))
    history = History(engine)
    assert "[red]hall[/red]" in people(history)
    assert person(history, 1).count("[red]hall[/red]") == 2
    assert "[bold]faces" in person(history, 1, pictures=tmp_path / "[bold]faces")


def test_pictures_are_written_where_they_are_asked_for_and_linked(history: History, tmp_path: Path) -> None:
    console = terminal(80, force_terminal=True)
    print_person(history, 1, as_json=False, pictures=tmp_path / "faces", console=console)
    folder = tmp_path / "faces" / "person-1"
    files = sorted(folder.iterdir())
    assert len(files) == 2
    image = cv2.imread(str(files[0]))
    assert image is not None
    assert image.shape == (80, 40, 3)
    for linked in (*files, folder):
        assert f";{linked.as_uri()}\x1b" in text(console)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_no_picture_is_written_unasked(history: History, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    story = person(history, 1)
    assert ".jpg" not in story
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_asked_for_that_cannot_be_written_is_one_sentence(history: History, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ExportError, match=r"cannot write pictures to .*file.*; name another folder with --pictures"
    ):
        print_person(history, 1, as_json=False, pictures=tmp_path / "file", console=terminal())


def test_an_unknown_person_is_one_sentence(history: History) -> None:
    with pytest.raises(UnknownPerson, match="'sightline people' lists everybody"):
        print_person(history, 99, as_json=False)


def test_of_many_the_last_are_told_and_that_there_are_more(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    console = terminal(90)
    print_people(history, as_json=False, most=1, console=console)
    assert "1 more were not seen as lately; --limit tells more" in text(console)
    assert text(console).count("\n") < 6
    print_people(history, as_json=True, most=1)
    told = capsys.readouterr()
    assert [row["id"] for row in json.loads(told.out)] == [2]
    assert "1 more" in told.err
    console = terminal(90)
    print_person(history, 1, as_json=False, most=1, console=console)
    assert "These are the last 1; --limit tells more" in text(console)
    assert "right" in text(console)
    assert "left" not in text(console)
    print_person(history, 1, there=ANYWHERE | {"until": 15.0}, as_json=True)
    assert [row["camera"] for row in json.loads(capsys.readouterr().out)["sightings"]] == ["left"]


def test_people_as_json(dated: History, capsys: pytest.CaptureFixture[str]) -> None:
    print_people(dated, ANYWHERE | {"until": NOON + 3600}, as_json=True)
    assert json.loads(capsys.readouterr().out)[0] == {
        "id": 1,
        "name": None,
        "first": NOON,
        "last": NOON + 8,
        "cameras": ["left", "right"],
        "sightings": 2,
        "seconds": 6.0,
        "first_local": "2009-03-05T13:00:00.000+01:00",
        "last_local": "2009-03-05T13:00:08.000+01:00",
    }


def test_nobody_as_json_is_an_empty_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_people(History(open_database(tmp_path / "empty.db", create=True)), as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_a_person_as_json(history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_person(history, 1, as_json=True, pictures=tmp_path / "faces")
    story = json.loads(capsys.readouterr().out)
    assert (story["id"], story["name"], story["first_local"]) == (1, "Ann", None)
    second = story["sightings"][1]
    assert second["evidence"]["distance"] == 0.2
    assert (second["camera"], second["source"], second["offset_s"]) == ("right", "right.mp4", 6.0)
    assert (second["seconds"], second["probability"]) == (2.0, 0.8)
    assert Path(second["picture"]).is_relative_to(tmp_path / "faces" / "person-1")
    assert Path(second["picture"]).stat().st_size > 100


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "00:00"), (59.9, "00:59"), (61, "01:01"), (3661, "1:01:01"), (-2.5, "-00:02"), (-0.4, "00:00")],
)
def test_elapsed(seconds: float, shown: str) -> None:
    assert elapsed(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (3599.7, "1 h 00 min"), (90061, "25 h 01 min")],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_local_time_carries_its_offset() -> None:
    assert iso(NOON) == "2009-03-05T13:00:00.000+01:00"
    assert iso(NOON + 180 * 86400) == "2009-09-01T14:00:00.000+02:00"
    assert iso(12.5) is None


def test_the_two_pictures_that_were_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = History(small_history(tmp_path / "h.db", compared=True))
    heading, first, second = (
        line.split() for line in person(history, 1, width=110, pictures=tmp_path).splitlines()[6:9]
    )
    assert heading[-3:] == ["picture", "compared", "with"]
    assert (first[-1], second[-2:]) == ("1.jpg", ["2.jpg", "1.jpg"])
    both = tmp_path / "person-1" / "2-compared.jpg"
    image = cv2.imread(str(both))
    assert image is not None
    assert image.shape[:2] == (256, 2 * 128 + 12)  # 40 x 80 pixels each
    assert [image[:, :120].mean(), image[:, -120:].mean()] == pytest.approx([120, 10], abs=2)
    print_person(history, 1, as_json=True, pictures=tmp_path)
    first_visit, visit = json.loads(capsys.readouterr().out)["sightings"]
    assert first_visit["compared"] is None
    assert visit["compared"] == {
        "own_time": 17.0,
        "sighting": 1,
        "person": 1,
        "camera": "left",
        "time": 10.0,
        "picture": str(both),
    }


def test_who_is_on_two_cameras_at_once_has_no_gap(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        name_footage(record)
        record.sighting(Sighting(1, "left", 10.0, 14.0, 1, 0.9))
        record.sighting(Sighting(2, "right", 12.0, 15.0, 1, 0.9, Evidence(0.2, -2.0, None, None, 4)))
    assert "distance 0.20 -> 90 %; seen elsewhere at the same time; 4 pictures" in person(
        History(engine), 1, width=110
    )


def test_a_person_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_history(tmp_path / "h.db", compared=True)
    out = tmp_path / "ann.html"
    assert main(["show", "1", "--page", str(out), "--db", str(tmp_path / "h.db")]) == errors.OK
    page = Page(out)
    assert "1 Ann 2 sightings on left, right; 6.0 s in view; start time unknown" in page.text
    assert [card["id"] for card in page.all("article")] == ["sighting-1", "sighting-2"]
    assert "80 % match 0:06 to 0:08" in page.text
    assert "compared with 1 sighting 1 left, 0:00 second best 2 distance 0.20 -> 80 %" in page.text
    assert "last seen 2.0 s before second best 2 at distance 0.60 5 pictures compared" in page.text
    assert len(page.all("img")) == 4  # one of the first visit, three of the second
    assert main(["show", "99", "--page", str(out), "--db", str(tmp_path / "h.db")]) == errors.USAGE
    (tmp_path / "file").touch()
    wrong = str(tmp_path / "file" / "p.html")
    assert main(["show", "1", "--page", wrong, "--db", str(tmp_path / "h.db")]) == errors.OUTPUT
    assert "can't be made" in capsys.readouterr().err
