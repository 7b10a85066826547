"""Whole runs: real footage, real networks, a real database, through the command's own front door."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from kill_cycle import Held
from walks import cut_walk, cut_walks

from app import errors
from app.build import build_run
from app.cli import main
from app.config import Settings, cameras_from_sources
from app.pipeline import Status
from storage.database import existing
from storage.history import History
from tracker.types import Result

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


def test_what_is_told_as_the_reason_comes_to_the_probability(history: Path) -> None:
    """Of a decision alone: the terms of the one chosen and of the second best leave no more than that;
    others, who are not recorded, have the rest.
    """
    with existing(history) as engine:
        rows = [row for row in History(engine).sightings() if row.evidence and not row.evidence.again]
    decided = [(row, row.evidence) for row in rows if row.evidence is not None and row.person is not None]
    assert len(decided) > 5
    known = 0
    for row, why in decided:
        mine = 0.0 if why.terms is None else why.terms.total  # of somebody new: even odds with nothing
        others = [terms.total for terms in (why.runner_up_terms,) if terms is not None]
        others += [0.0] if why.terms is not None else []
        at_most = 1 / (1 + sum(math.exp(other - mine) for other in others))
        assert at_most - 0.3 < row.probability <= at_most + 1e-9
        known += why.terms is not None
    assert known


def test_the_same_footage_is_not_recorded_twice_by_accident(
    walks: list[str], history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = people_in(history, capsys)
    assert main(["run", *walks, "--db", str(history)]) == errors.CONFIG
    told = capsys.readouterr().err
    assert "already holds west, east" in told
    assert "--start" not in told  # these files say when they were filmed
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


def test_names_and_merges_hold_when_all_is_recorded_anew(
    walks: list[str], history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "copy.db"
    database.write_bytes(history.read_bytes())
    db = ["--db", str(database)]
    ann, bea, cid = [str(person["id"]) for person in people_in(database, capsys)][:3]
    for typed in (["name", ann, "Ann"], ["merge", bea, cid, "--anyway"], ["differ", ann, bea]):
        assert main([*typed, *db]) == errors.OK
    before = len(people_in(database, capsys))
    assert main(["run", *walks, *db, "--replace"]) == errors.OK
    told = " ".join(capsys.readouterr().err.split())
    assert "carried over: Named" in told
    assert "carried over: Merged" in told
    assert "carried over: Told" in told
    assert "not found again" not in told
    people = people_in(database, capsys)
    assert len(people) == before
    assert [person["name"] for person in people].count("Ann") == 1


class StopAfter:
    """A view that has the run stopped once so many frames are through."""

    def __init__(self, frames: int) -> None:
        self.stop, self._frames = threading.Event(), frames

    def show(self, results: Sequence[Result], status: Status) -> None:
        if status.frames >= self._frames:
            self.stop.set()


def test_what_was_stopped_goes_on(
    walks: list[str], history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "parts.db"
    typed = ["run", *walks, "--db", str(database)]
    view = StopAfter(40)
    settings = Settings(cameras_from_sources(walks, live=False), database=database)
    with build_run(settings) as run:
        run.run(view=view, stop=view.stop)
    with existing(database) as engine:
        first = {row.camera: row.frames for row in History(engine).footage()}
    assert 20 <= max(first.values()) < 50
    assert main(typed) == errors.CONFIG
    assert "--resume goes on where a run was stopped" in capsys.readouterr().err
    assert main([*typed, "--resume"]) == errors.OK
    with existing(database) as engine, existing(history) as whole:
        rows, wanted = History(engine).footage(), History(whole).footage()
    for camera in ("west", "east"):
        ends = [row.end for row in rows if row.camera == camera]
        assert ends == sorted(ends)
        assert max(ends) == max(row.end for row in wanted if row.camera == camera)
        assert len({(row.uri, row.start) for row in rows if row.camera == camera}) == 1
    capsys.readouterr()
    assert main([*typed, "--resume"]) == errors.CONFIG
    assert "holds these files to their ends" in capsys.readouterr().err
    for name, table in exported(database, tmp_path / "parts").items():
        once = exported(history, tmp_path / "once")[name]
        frames, all_frames = ({int(row.split(b",")[0]) for row in text.split()} for text in (table, once))
        assert max(frames) == max(all_frames)
        assert len(frames) >= 0.7 * len(all_frames)  # tracks begin anew where it went on
        rows_of = [tuple(row.split(b",")[:2]) for row in table.split()]
        assert len(rows_of) == len(set(rows_of))  # nobody is twice in a frame


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
