"""Whole runs: real footage, real networks, a real database, through the command's own front door."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kill_cycle import Held
from walks import cut_walk, cut_walks

from app import errors
from app.cli import main

pytestmark = pytest.mark.usefixtures("assets")


@pytest.fixture(scope="module")
def walks(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ten seconds of two cameras that do not see each other; people go from one to the other."""
    folder = tmp_path_factory.mktemp("walks")
    return cut_walks(shared / "data/video/vtest.avi", folder, frames=(30, 130), fps=5)


@pytest.fixture(scope="module")
def history(walks: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of one run over them."""
    path = tmp_path_factory.mktemp("history") / "history.db"
    assert main(["run", *walks, "--db", str(path)]) == errors.OK
    return path


@pytest.fixture(scope="module")
def again(walks: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The database of another run over them, and the folder of its annotated videos."""
    folder = tmp_path_factory.mktemp("again")
    database, videos = folder / "again.db", folder / "annotated"
    assert main(["run", *walks, "--db", str(database), "--annotate", str(videos)]) == errors.OK
    return database, videos


def exported(database: Path, out: Path, format_: str = "mot") -> dict[str, bytes]:
    assert main(["export", "--db", str(database), "--format", format_, "--out", str(out)]) == errors.OK
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def people_in(database: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["people", "--db", str(database), "--json"]) == errors.OK
    people: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return people


def test_people_who_walk_from_camera_to_camera_keep_their_id(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = people_in(history, capsys)
    assert 5 <= len(people) <= 9
    both = [person for person in people if set(person["cameras"]) == {"west", "east"}]  # type: ignore[call-overload]
    assert len(both) >= 1


def test_two_runs_over_the_same_files_give_identical_exports(
    history: Path, again: tuple[Path, Path], tmp_path: Path
) -> None:
    for format_ in ("mot", "csv", "json"):
        first = exported(history, tmp_path / f"first-{format_}", format_)
        assert first == exported(again[0], tmp_path / f"second-{format_}", format_)
        assert all(len(content) > 100 for content in first.values())


def test_one_person_can_be_shown(history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = next(person for person in people_in(history, capsys) if person["cameras"] == ["west"])
    assert main(["show", str(person["id"]), "--db", str(history), "--pictures", str(tmp_path)]) == errors.OK
    assert "west" in capsys.readouterr().out
    assert list(tmp_path.rglob("*.jpg"))


def test_the_same_footage_is_not_recorded_twice_by_accident(
    walks: list[str], history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = people_in(history, capsys)
    assert main(["run", *walks, "--db", str(history)]) == errors.CONFIG
    assert "already holds west, east" in capsys.readouterr().err
    assert people_in(history, capsys) == before


def test_people_are_known_again_in_a_later_run(
    shared: Path, history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {person["id"] for person in people_in(history, capsys)}
    later = cut_walk(
        shared / "data/video/vtest.avi", tmp_path / "later.mp4", columns=(512, 768), frames=(132, 180), fps=5
    )
    database = tmp_path / "copy.db"
    database.write_bytes(history.read_bytes())
    assert main(["run", str(later), "--db", str(database)]) == errors.OK
    again = {
        person["id"]
        for person in people_in(database, capsys)
        if "later" in person["cameras"]  # type: ignore[operator]
    }
    assert again & known


def test_recording_anew_replaces(
    walks: list[str], history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "copy.db"
    database.write_bytes(history.read_bytes())
    assert main(["run", walks[1], "--db", str(database), "--replace"]) == errors.OK
    # Nobody is there twice; who is known from the other camera may be recognised in what is recorded anew.
    assert len(people_in(database, capsys)) <= len(people_in(history, capsys))
    before, after = exported(history, tmp_path / "before"), exported(database, tmp_path / "after")
    assert after["west.txt"] == before["west.txt"]
    assert len(after["east.txt"].splitlines()) == len(before["east.txt"].splitlines())


def test_annotated_videos_are_written(again: tuple[Path, Path]) -> None:
    for name in ("west", "east"):
        assert (again[1] / f"{name}.mp4").stat().st_size > 10_000


def test_files_without_a_start_begin_together(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = shared / "data/video/vtest.avi"
    files = [
        str(cut_walk(clip, tmp_path / f"{name}.mp4", columns=(512, 768), frames=(30, 60), fps=5, start=None))
        for name in ("one", "two")
    ]
    database = tmp_path / "history.db"
    assert main(["run", *files, "--db", str(database), "--start", "100", "--start", "100"]) == errors.OK
    assert main(["run", *files, "--db", str(tmp_path / "other.db")]) == errors.OK
    starts = {person["first"] for person in people_in(database, capsys)}
    assert starts
    assert all(100 <= float(start) < 103 for start in starts)  # type: ignore[arg-type]


def test_ctrl_c_keeps_what_was_done(shared: Path, tmp_path: Path) -> None:
    database = tmp_path / "history.db"
    command = [sys.executable, "-m", "app.cli", "run", str(shared / "data/video/vtest.avi")]
    process = subprocess.Popen(
        [*command, "--db", str(database)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(Held.of(database).people) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == errors.INTERRUPTED
    assert "people" in out
    assert main(["people", "--db", str(database)]) == errors.OK


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "nowhere.mp4"], errors.SOURCE, "nowhere.mp4"),
        (["run", "notes.mp4"], errors.SOURCE, "notes.mp4"),
        (["run", "empty.mp4"], errors.SOURCE, "empty.mp4"),
        (["run"], errors.CONFIG, "video file"),
        (["run", "CLIP", "--start", "yesterday"], errors.CONFIG, "'yesterday' is no time"),
        (["run", "CLIP", "--start", "1", "--start", "2"], errors.CONFIG, "once for each"),
        (["run", "CLIP", "--detector", "nonsense"], errors.NETWORK, "nonsense"),
        (["run", "CLIP", "--detector", "notes.pt"], errors.NETWORK, "notes.pt"),
        (["run", "CLIP", "--reid", "notes.xml"], errors.NETWORK, "notes.xml"),
        (["run", "CLIP", "--device", "cuda:9"], errors.NETWORK, "cuda:9"),
        (["run", "CLIP", "--db", "notes.mp4/history.db"], errors.DATABASE, "notes.mp4"),
        (["run", "CLIP", "--db", "notes.mp4"], errors.DATABASE, "notes.mp4"),
        (["run", "CLIP", "--annotate", "notes.mp4"], errors.OUTPUT, "notes.mp4"),
        (["run", "--config", "nowhere.toml"], errors.CONFIG, "nowhere.toml"),
        (["run", "--config", "bad.toml"], errors.CONFIG, "'sauce' in camera 1"),
        (["people", "--db", "nowhere.db"], errors.DATABASE, "nowhere.db"),
        (["show", "7", "--db", "nowhere.db"], errors.DATABASE, "nowhere.db"),
    ],
)
def test_a_mistake_gets_one_sentence_and_its_code(
    arguments: list[str],
    code: int,
    words: str,
    walks: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notes.mp4", "notes.pt", "notes.xml"):
        Path(name).write_text("These are notes and nothing else.\n" * 20)
    Path("empty.mp4").touch()
    Path("bad.toml").write_text('[[camera]]\nsauce = "a.mp4"\n')
    assert main([walks[0] if argument == "CLIP" else argument for argument in arguments]) == code
    said = capsys.readouterr().err
    lines = [line for line in said.splitlines() if line.startswith("sightline: ")]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in said
    assert not list(tmp_path.glob("*.db"))


def test_a_video_that_breaks_off_is_used_as_far_as_it_goes(
    walks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Path(walks[1]).read_bytes()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(whole[: len(whole) // 2])
    assert main(["run", str(broken), "--db", str(tmp_path / "history.db")]) == errors.OK
    said = capsys.readouterr().out
    assert "broken: " in said
    assert "of 50 frames" in said


def test_nobody_of_that_id(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "999", "--db", str(history)]) == errors.USAGE
    assert "999" in capsys.readouterr().err
