"""Detections made elsewhere: the whole way without a decoder and a network, and what is refused."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from small_site import DIMENSION, START, small_site, visit, written

from app import errors
from app.cli import main
from app.sources.detections import DetectionsSource
from app.sources.ffmpeg import SourceError
from storage.database import open_database
from storage.history import History


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return small_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def database(site: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "h.db"
    assert main(["run", *map(str, site), "--db", str(path)]) == errors.OK
    return path


def test_people_keep_their_ids_from_camera_to_camera(database: Path) -> None:
    history = History(open_database(database, create=False))
    people = history.people()
    assert [person.cameras for person in people] == [("hall", "stairs"), ("hall", "stairs"), ("hall",)]
    assert people[0].first == pytest.approx(START + 0.4, abs=0.02)
    assert [(row.width, row.height, row.frames) for row in history.footage()] == [(320, 240, 200)] * 2
    assert history.models() == [f"elsewhere-{DIMENSION}"]


def test_exported_frames_are_those_of_the_file(database: Path, tmp_path: Path) -> None:
    assert main(["export", "--db", str(database), "--format", "mot", "--out", str(tmp_path)]) == errors.OK
    rows = np.loadtxt(tmp_path / "hall.txt", delimiter=",")
    first = rows[rows[:, 1] == rows[0, 1]]
    assert first[:, 0].tolist() == list(range(5, 45))
    np.testing.assert_allclose(first[0, 2:6], [20, 50, 40, 120], atol=0.1)


def test_scored_against_their_truth(
    site: tuple[Path, Path], database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, spans in ((site[0], ((5, 45), (50, 90), (101, 141))), (site[1], ((80, 120), (130, 170)))):
        lines = [
            f"{f},{who},{20 + 3 * k},50,40,120,1,-1,-1,-1\n"
            for who, (begin, end) in enumerate(spans, 1)
            for k, f in enumerate(range(begin, end))
        ]
        (tmp_path / f"{path.stem}.txt").write_text("".join(lines))
    capsys.readouterr()
    assert main(["score", "--truth", str(tmp_path), "--db", str(database), "--json"]) == errors.OK
    scores = json.loads(capsys.readouterr().out)
    assert scores["all"]["idf1"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "question", ["show 1", "show 1 --json", "people", "refine", "topology", "corrections"]
)
def test_every_question_is_answered(
    question: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*question.split(), "--db", str(database)]) == errors.OK
    assert "pictures:" not in capsys.readouterr().out
    assert not list(database.parent.glob("*.pictures"))


def test_pages_and_videos_go_without_pictures(
    site: tuple[Path, Path], database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["show", "1", "--db", str(database), "--page", str(page)]) == errors.OK
    assert "data:image/jpeg" not in page.read_text(encoding="utf-8")
    assert main(["refine", "--db", str(database), "--page", str(tmp_path / "r.html")]) == errors.OK
    again = ["run", *map(str, site), "--db", str(tmp_path / "h.db"), "--annotate", str(tmp_path / "videos")]
    assert main(again) == errors.OK
    assert list((tmp_path / "videos").iterdir()) == []


def test_no_network_is_loaded(site: tuple[Path, Path], tmp_path: Path) -> None:
    """Neither torch nor OpenVINO, and no weights are looked for."""
    code = (
        "import sys; from app.cli import main; code = main(sys.argv[1:]); "
        "print({'torch', 'openvino', 'onnxruntime', 'ultralytics'} & set(sys.modules)); sys.exit(code)"
    )
    command = ["run", *map(str, site), "--db", str(tmp_path / "h.db"), "--detector", "/nowhere.pt"]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.returncode == errors.OK, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_same_in_a_configuration(site: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text(
        f'[[camera]]\nname = "a"\nsource = "{site[0]}"\nstart = 2026-11-22T09:30:00Z\n'
        f'[[camera]]\nname = "b"\nsource = "{site[1]}"\nclock_offset_s = 2.0\n'
    )
    assert main(["config", "check", str(config)]) == errors.OK
    database = tmp_path / "h.db"
    assert main(["run", "--config", str(config), "--db", str(database)]) == errors.OK
    starts = {row.camera: row.start for row in History(open_database(database, create=False)).footage()}
    assert starts == {"a": 1795339800.0, "b": START - 2.0}


def test_a_start_by_its_iso_text_and_rows_in_any_order(tmp_path: Path) -> None:
    rows, vectors = visit(0, range(1, 11), np.random.default_rng(2))
    back = rows[::-1], vectors[::-1]
    path = written(tmp_path / "a.npz", back, start="2026-11-22T09:30:00Z", model=" osnet ")
    with DetectionsSource(camera="a", path=path) as source:
        frames = list(source)
        assert (source.model, source.info.start) == ("osnet", 1795339800.0)
        assert (source.info.width, source.info.height) == (87, 170)
    assert [frame.index for frame in frames] == list(range(10))
    assert [float(frame.detections.boxes[0, 0]) for frame in frames] == [20.0 + 3 * k for k in range(10)]
    assert frames[3].time == pytest.approx(1795339800.3)
    lengths = [float(np.linalg.norm(frame.detections.embeddings)) for frame in frames]
    np.testing.assert_allclose(lengths, 1.0, atol=1e-6)


def test_nobody_at_all_is_a_camera_too(site: tuple[Path, Path], tmp_path: Path) -> None:
    nobody = np.zeros((0, 6), np.float32), np.zeros((0, DIMENSION), np.float16)
    path = written(tmp_path / "empty.npz", nobody)
    assert main(["run", str(path), str(site[0]), "--db", str(tmp_path / "h.db")]) == errors.OK


def test_vectors_of_two_models_are_kept_apart(
    site: tuple[Path, Path], database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    other = written(tmp_path / "other.npz", visit(0, range(1, 9), rng), model="osnet")
    assert main(["run", str(site[0]), str(other), "--db", str(tmp_path / "h.db")]) == errors.SOURCE
    assert "of the model osnet (16 numbers each), others of elsewhere-16 (16)" in capsys.readouterr().err
    assert main(["run", str(other), "--db", str(database)]) == errors.DATABASE
    assert "name another file with --db" in capsys.readouterr().err
    rows, vectors = visit(0, range(1, 9), rng)
    shorter = written(tmp_path / "shorter.npz", (rows, vectors[:, :8]), model=f"elsewhere-{DIMENSION}")
    assert main(["run", str(shorter), "--db", str(database)]) == errors.DATABASE
    assert "with 16 numbers each, not 8" in capsys.readouterr().err


@pytest.mark.usefixtures("assets")
def test_beside_a_video_only_with_vectors_of_the_same_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, rng = write_clip(tmp_path / "clip.mp4", frames=5), np.random.default_rng(4)
    foreign = written(tmp_path / "foreign.npz", visit(0, range(1, 40), rng))
    assert main(["run", str(clip), str(foreign), "--db", str(tmp_path / "h.db")]) == errors.SOURCE
    fingerprint, dimension = _the_network(capsys.readouterr().err)
    rows, vectors = visit(0, range(1, 40), rng)
    wide = np.pad(vectors, ((0, 0), (0, dimension - DIMENSION)))
    own = written(tmp_path / "own.npz", (rows, wide), model=fingerprint)
    assert main(["run", str(clip), str(own), "--db", str(tmp_path / "h.db")]) == errors.OK
    history = History(open_database(tmp_path / "h.db", create=False))
    assert {row.camera: row.frames for row in history.footage()} == {"clip": 5, "own": 39}
    assert [person.cameras for person in history.people()] == [("own",)]


def _the_network(sentence: str) -> tuple[str, int]:
    """Fingerprint and dimension as the refusal names them."""
    words = sentence.partition("others of ")[2].split()
    return words[0], int(words[1].strip("(),"))


ROWS, VECTORS = visit(0, range(1, 6), np.random.default_rng(5))


def changed(row: int, column: int, value: float) -> np.ndarray:
    rows = ROWS.copy()
    rows[row, column] = value
    return rows


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"embeddings": None}, "holds no 'embeddings', but detections, fps"),
        ({"fps": None}, "holds no 'fps'"),
        ({"detections": ROWS[:, :5]}, r"'detections' is of the shape \(5, 5\); \(M, 6\) is expected"),
        ({"detections": ROWS[0]}, r"'detections' is of the shape \(6,\)"),
        ({"detections": ROWS.astype(str)}, "'detections' is of the type <U"),
        ({"detections": ROWS.astype(complex)}, "'detections' is of the type complex128"),
        ({"detections": changed(2, 5, np.nan)}, "'detections' is not finite in row 2"),
        ({"detections": changed(0, 0, 0)}, "has a frame 0; 1, 2, ..."),
        ({"detections": changed(0, 0, 1.5)}, "has a frame 1.5"),
        ({"detections": changed(0, 0, 1e12)}, "has a frame 1e.12"),
        ({"detections": changed(1, 3, 2)}, "has a box 23, 50, 2, 170; x1, y1, x2, y2 with x1 < x2"),
        ({"detections": changed(1, 4, 50)}, "has a box 23, 50, 63, 50"),
        ({"detections": changed(1, 3, 1e9)}, "is it in pixels"),
        ({"detections": changed(4, 5, 87)}, "has a score 87; 0 to 1"),
        ({"embeddings": VECTORS[:4]}, "5 detections, but 4 embeddings"),
        ({"embeddings": VECTORS.reshape(5, 4, 4)}, r"'embeddings' is of the shape \(5, 4, 4\)"),
        ({"embeddings": np.zeros((5, 0))}, r"'embeddings' is of the shape \(5, 0\)"),
        ({"embeddings": np.full((5, 4), np.inf)}, "'embeddings' is not finite in row 0"),
        ({"embeddings": VECTORS * (np.arange(5) != 3)[:, None]}, "all zeros in row 3"),
        ({"embeddings": np.array([[None] * 4] * 5, object)}, "numbers and texts alone"),
        ({"fps": 0.0}, "'fps' is 0.0; frames a second"),
        ({"fps": np.nan}, "'fps' is nan"),
        ({"fps": "25"}, "'fps' is '25'"),
        ({"fps": [25, 25]}, r"'fps' is int64 of the shape \(2,\)"),
        ({"size": (0, 240)}, "'size' is int64"),
        ({"size": 320}, "'size' is 320"),
        ({"start": "yesterday"}, "'start': 'yesterday' is no time"),
        ({"start": 1764403200000}, "milliseconds"),
        ({"start": np.inf}, "'start': inf is no time"),
        ({"model": 7}, "'model' is 7; a text"),
        ({"model": " "}, "'model' is ' '"),
    ],
)
def test_wrong_arrays_are_one_sentence(
    arrays: dict[str, object], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "a.npz", (ROWS, VECTORS), **arrays)
    assert main(["run", str(path), "--db", str(tmp_path / "h.db")]) == errors.SOURCE
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sightline:")]
    assert re.search(sentence, line), line
    assert line.endswith(".")
    assert not (tmp_path / "h.db").exists()


def whole(tmp_path: Path) -> bytes:
    return written(tmp_path / "whole.npz", (ROWS, VECTORS)).read_bytes()


def lying(data: bytes, key: str, header: bytes) -> bytes:
    """The archive with the header of an array replaced by another of the same length."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry == f"{key}.npy":
                content = content[:10] + header.ljust(len(content[10:128]) - 1) + b"\n" + content[128:]
            new.writestr(entry, content)
    return out.getvalue()


HUGE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000, 6), }"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-10],
        lambda data: data[:60] + bytes(40) + data[100:],
        lambda data: b"no archive at all, but a line of text\n",
        lambda data: lying(data, "detections", HUGE),
        lambda data: lying(
            data, "detections", b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 6), }"
        ),
        lambda data: lying(data, "detections", b"{" * 100),
        lambda data: lying(data, "detections", b"\xff" * 80),
        lambda data: lying(data, "detections", b"{'descr': '|O', 'fortran_order': False, 'shape': (5, 6), }"),
    ],
)
def test_damaged_archives_are_one_sentence(damage: object, tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    path.write_bytes(damage(whole(tmp_path)))  # type: ignore[operator]
    with pytest.raises(SourceError, match=r"damaged\.npz: is no archive of arrays, or damaged \(.+\); write"):
        DetectionsSource(camera="a", path=path).__enter__()


def test_an_archive_that_claims_more_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sources.detections.MOST_BYTES", 400)
    path = written(tmp_path / "a.npz", (np.repeat(ROWS, 10, axis=0), np.repeat(VECTORS, 10, axis=0)))
    with pytest.raises(SourceError, match="'detections' holds more than"):
        DetectionsSource(camera="a", path=path).__enter__()


def test_a_real_small_site(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = shared / "tools/make_replay_sites.py"
    looks = shared / "reference/reid/looks_cuhk01.npz"
    subprocess.run(
        [sys.executable, tool, shared / "data/sites", looks, tmp_path, "epfl_laboratory"], check=True
    )
    cameras = sorted((tmp_path / "epfl_laboratory").glob("*.npz"))
    names = [path.stem for path in cameras]
    config = tmp_path / "site.toml"
    tables = "".join(f'[[camera]]\nname = "{path.stem}"\nsource = "{path}"\n' for path in cameras)
    pairs = [[a, b] for k, a in enumerate(names) for b in names[k + 1 :]]
    config.write_text(f"overlap = {json.dumps(pairs)}\n{tables}")
    database = tmp_path / "h.db"
    assert main(["run", "--config", str(config), "--db", str(database)]) == errors.OK
    capsys.readouterr()
    truth = tmp_path / "epfl_laboratory/gt"
    assert main(["score", "--truth", str(truth), "--db", str(database), "--json"]) == errors.OK
    scores = json.loads(capsys.readouterr().out)
    assert set(scores["cameras"]) == set(names)
    assert all(camera["recall"] > 0.6 for camera in scores["cameras"].values()), scores
