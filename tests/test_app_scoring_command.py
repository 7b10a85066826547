"""``sightline score``: a truth in MOT's layout against results and a history, and the page of errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from small_history import FPS, SIGHTINGS, points, small_history
from sqlalchemy import update

from app import errors
from app.cli import main
from storage import schema
from storage.export import export
from storage.history import History

PERSON = {1: 1, 2: 1, 3: 2, 4: 2, 5: 3}
"""Who the sightings of the small history really are. Nobody identified the fifth."""

Line = tuple[int, int, float]


def write(path: Path, rows: Iterable[Line]) -> Path:
    """Boxes of 10 x 20 pixels from (frame, id, left edge)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{frame},{who},{left},0,10,20,1,-1,-1,-1\n" for frame, who, left in rows))
    return path


def walk(who: int, frames: range, left: float = 0.0) -> list[Line]:
    return [(frame, who, left) for frame in frames]


def write_truth(folder: Path, person: dict[int, int] = PERSON) -> Path:
    """What really happened in the small history, each sighting being the person told."""
    for camera in ("left", "right"):
        path = folder / camera / "gt" / "gt.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            f"{p.frame + 1},{person[s.number]},{p.box[0]},{p.box[1]},40,100,1,-1,-1,-1\n"
            for s in SIGHTINGS
            if s.camera == camera
            for p in points(s)
        ]
        path.write_text("".join(rows))
    return folder


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, dict[str, dict[str, float]]]:
    assert main(["score", *map(str, arguments), "--json"]) == errors.OK
    told: dict[str, dict[str, dict[str, float]]] = json.loads(capsys.readouterr().out)
    return told


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence of a setting that is wrong."""
    assert main(["score", *map(str, arguments)]) == errors.CONFIG
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.fixture
def database(tmp_path: Path) -> Path:
    small_history(tmp_path / "history.db").dispose()
    return tmp_path / "history.db"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return write_truth(tmp_path / "truth")


def test_a_history_is_scored_frame_by_frame(
    database: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = scored(capsys, "--truth", truth, "--db", database)

    # All but the eleven boxes of the undecided sighting are found, and as the right person.
    assert told["all"]["misses"] == 11
    assert (told["all"]["false_alarms"], told["all"]["idp"], told["all"]["purity"]) == (0, 1.0, 1.0)
    assert (told["cameras"]["right"]["idf1"], told["cameras"]["right"]["hota"]) == (1.0, 1.0)
    # 1 goes left to right, 2 from right to left: their visits at left begin at 21 s.
    assert (told["all"]["handovers"], told["all"]["handovers_kept"]) == (2, 2)


def test_its_export_scores_the_same(
    database: Path, truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = small_history(tmp_path / "other.db")
    export(History(engine), "mot", tmp_path / "results")
    engine.dispose()

    for camera in ("left", "right"):
        (truth / camera / "seqinfo.ini").write_text(f"[Sequence]\nname={camera}\nframeRate={FPS}\n")
    found = scored(capsys, "--truth", truth, "--results", tmp_path / "results")

    assert found == scored(capsys, "--truth", truth, "--db", database)


def test_merges_and_handovers_of_a_history(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sighting 2 is truly person 2, whom the history calls 1; 4 is truly person 1, whom it calls 2."""
    truth = write_truth(tmp_path / "truth", {**PERSON, 2: 2, 4: 1})
    told = scored(capsys, "--truth", truth, "--db", database)["all"]

    assert (told["false_merges"], told["missed_merges"]) == (2, 2)
    assert told["false_merges_per_100_people"] == pytest.approx(100 * 2 / 3)
    # Person 1: left as 1, left as 2. Person 2: right as 1, right as 2, a second apart: one visit.
    assert (told["handovers"], told["handover_recall"]) == (0, None)


def test_a_person_twice_in_a_frame_counts_where_more_probable(
    database: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = small_history(database.with_name("twice.db"))
    with engine.begin() as connection:
        sighting = schema.Sighting
        connection.execute(update(sighting).where(sighting.start == 19.0).values(start=16.5, identity_id=1))
        chunk = schema.Trajectory
        first = connection.execute(chunk.__table__.select().where(chunk.sighting_id == 2)).first()
        assert first is not None
        connection.execute(update(chunk).where(chunk.sighting_id == 3).values(blob=first.blob))
    engine.dispose()

    told = scored(capsys, "--truth", truth, "--db", database.with_name("twice.db"))

    assert told["cameras"]["right"]["ids"] == 1


def test_the_table_has_a_row_a_camera_and_one_for_all(
    database: Path, truth: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["score", "--truth", str(truth), "--db", str(database)]) == errors.OK

    out = capsys.readouterr().out
    for name in ("left", "right", "all cameras"):
        assert len(re.findall(rf"│ {name} ", out)) == 2
    assert "2 of 2 (100.0 %)" in out


def test_cameras_without_a_truth_are_named(
    database: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (truth / "right" / "gt" / "gt.txt").unlink()

    assert scored(capsys, "--truth", truth, "--db", database)["not_scored"] == ["right"]
    assert main(["score", "--truth", str(truth), "--db", str(database)]) == errors.OK
    assert "not scored, for there is no truth of them: right\n" in capsys.readouterr().out


def test_frames_a_second_tell_what_is_one_visit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames 1 to 5 and 35 to 39 are 1.2 s apart at 25 frames a second, and 6 s at 5."""
    write(tmp_path / "truth" / "a.txt", [*walk(1, range(1, 6)), *walk(1, range(35, 40))])
    write(tmp_path / "truth" / "b.txt", walk(1, range(15, 20)))
    found = [*walk(7, range(1, 6)), *walk(8, range(35, 40))]
    write(tmp_path / "found" / "a.txt", found)
    write(tmp_path / "found" / "b.txt", walk(7, range(15, 20)))
    folders = ("--truth", tmp_path / "truth", "--results", tmp_path / "found")

    assert scored(capsys, *folders)["all"]["handovers"] == 1
    slow = scored(capsys, *folders, "--fps", 5)["all"]
    assert (slow["handovers"], slow["handovers_kept"]) == (2, 1)


def test_an_empty_result_is_of_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "truth" / "a.txt", walk(1, range(1, 6)))
    write(tmp_path / "found" / "a.txt", [])

    told = scored(capsys, "--truth", tmp_path / "truth", "--results", tmp_path / "found")["all"]

    assert (told["misses"], told["idf1"], told["purity"]) == (5, 0.0, None)


def test_the_page_shows_who_was_merged_and_split(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = write_truth(tmp_path / "truth", {**PERSON, 2: 2})
    page = tmp_path / "pages" / "errors.html"

    assert main(["score", "--truth", str(truth), "--db", str(database), "--page", str(page)]) == errors.OK

    text = page.read_text(encoding="utf-8")
    card = text[text.index('id="person-2"') : text.index("</article>", text.index('id="person-2"'))]
    assert "split into 2 ids" in card
    assert "merged with 1 other" in card
    assert "is also person 1" in card
    # Sightings 2 (as 1), 3 and 4 (as 2), and 1, which is person 1, each with its better picture.
    assert card.count('src="data:image/jpeg;base64,') == 4
    assert [title.split(",")[0] for title in re.findall(r'figure title="([^"]*)"', card)] == [
        "right",
        "right",
        "left",
        "left",
    ]
    unfound = text[text.index("Never found") :]
    assert "person 3" in unfound[: unfound.index("</section>")]
    assert "<script" not in text
    assert f"page: {page}" in capsys.readouterr().err


def test_the_page_of_results_has_no_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "truth" / "a.txt", [*walk(1, range(1, 6)), *walk(2, range(1, 6), 50)])
    write(tmp_path / "truth" / "b.txt", [*walk(1, range(11, 16)), *walk(2, range(31, 36))])
    write(tmp_path / "found" / "a.txt", [*walk(7, range(1, 6)), *walk(8, range(1, 6), 50)])
    write(tmp_path / "found" / "b.txt", [*walk(8, range(11, 16)), *walk(9, range(31, 36), 500)])
    page = tmp_path / "errors.html"
    folders = ("--truth", tmp_path / "truth", "--results", tmp_path / "found")

    scored(capsys, *folders, "--page", page)

    text = page.read_text(encoding="utf-8")
    assert "Pictures are there where a history database is scored" in text
    assert "<img" not in text
    assert text.index("Ids of nobody in the ground truth") < text.index("(5 boxes)")
    lost = text[text.index("Hand-overs that lost the id") :]
    cells = re.findall(r"<td>(not found|\d|a|b)</td>", lost)
    assert cells[:10] == ["1", "a", "7", "b", "8", "2", "a", "8", "b", "not found"]


def test_no_errors_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "truth" / "a.txt", walk(1, range(1, 6)))
    folders = ("--truth", tmp_path / "truth", "--results", tmp_path / "truth")

    scored(capsys, *folders, "--page", tmp_path / "errors.html")

    text = (tmp_path / "errors.html").read_text(encoding="utf-8")
    assert "None: every id is one person, every person found is one id." in text


def test_a_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "truth" / "a.txt", walk(1, range(1, 6)))
    (tmp_path / "page.html").mkdir()
    arguments = ["--truth", tmp_path / "truth", "--results", tmp_path / "truth", "--page"]

    assert main(["score", *map(str, arguments), str(tmp_path / "page.html")]) == errors.OUTPUT
    assert "can't be written" in capsys.readouterr().err


def test_folders_that_are_not_there(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = tmp_path / "nowhere"
    assert "The folder of the truth" in refused(capsys, "--truth", nowhere, "--results", truth)
    assert "The folder of the results" in refused(capsys, "--truth", truth, "--results", nowhere)
    nowhere.mkdir()
    assert "There is no truth in" in refused(capsys, "--truth", nowhere, "--results", truth)


def test_a_missing_database(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--truth", str(truth), "--db", str(tmp_path / "no.db")]) == errors.DATABASE
    assert "no.db" in capsys.readouterr().err


def test_a_missing_camera(database: Path, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (truth / "left").rename(truth / "yard")
    folder = truth.parent / "found"
    write(folder / "right.txt", [])

    for source in (("--db", database), ("--results", folder)):
        sentence = refused(capsys, "--truth", truth, *source)
        assert "has a camera yard" in sentence
        assert "right" in sentence


def test_frames_of_other_footage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "truth" / "a.txt", walk(1, range(1, 6)))
    write(tmp_path / "found" / "a.txt", walk(1, range(101, 106)))

    sentence = refused(capsys, "--truth", tmp_path / "truth", "--results", tmp_path / "found")

    assert "the truth has frames 1 to 5" in sentence
    assert "101 to 105" in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frame,id\n", "could not convert"),
        ("1,2,3,4,5\n", "5 columns where at least 6 are needed"),
        ("1,2,3,4,5,6,1\n2,3\n", "row 2 has 2 columns, the first 7"),
        ("0,2,3,4,5,6,1\n", "row 1: a frame is a whole number from 1"),
        ("1,2,3,4,5,6,1\n1,2.5,3,4,5,6,1\n", "row 2: "),
        ("1,2,nan,4,5,6,1\n", "row 1: "),
        ("1,2,3,4,5,6,1\n1,2,9,4,5,6,1\n", "the id 2 more than once in frame 1"),
    ],
)
def test_lines_that_are_not_mot(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "truth" / "a.txt", walk(1, range(1, 6)))
    write(tmp_path / "found" / "a.txt", []).write_text(text)

    sentence = refused(capsys, "--truth", tmp_path / "truth", "--results", tmp_path / "found")

    assert "found/a.txt" in sentence
    assert words in sentence


@pytest.mark.parametrize("text", ["[Sequence]\nframeRate=fast\n", "frameRate\n", "[Sequence]\nframeRate=0\n"])
def test_a_frame_rate_that_is_none(text: str, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (truth / "left" / "seqinfo.ini").write_text(text)
    write(truth.parent / "found" / "left.txt", [])

    assert "seqinfo.ini" in refused(capsys, "--truth", truth, "--results", truth.parent / "found")


def test_frames_a_second_must_be_some(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refused(capsys, "--truth", truth, "--results", truth, "--fps", 0)

    assert "--fps is 0" in sentence
