"""The folder to hand on: whole on its own, its hashes right, its films what they say they are."""

from __future__ import annotations

import csv
import hashlib
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from small_history import unit, writer
from sqlalchemy import update
from test_app_page import Page

from app import errors
from app.cli import main
from app.output.case import Wanted, write_case
from app.output.clip import bar_height, blur, box_at
from app.output.place import OutputError
from app.output.video import VideoWriter
from storage import schema
from storage.database import open_database
from storage.history import History, UnknownPerson
from storage.packing import Trajectory
from storage.segments import SegmentRow
from tracker.types import Evidence, Floats, Image, Point, Portrait, Sighting, Terms

BEGIN = 1_236_254_400.0  # 2009-03-05 12:00 UTC
FPS, WIDTH, HEIGHT = 10, 320, 240
CAMERA, NAME = "=hall", "=1+1 <b>Ann</b>"
WHY = Evidence(0.3, 2.0, None, None, 2, terms=Terms(-3.0, 4.1, 1.2))


def box(who: int, time: float) -> Floats:
    """1 walks to the right on top, 2 stands below."""
    left = 20 + 20 * (time - BEGIN) if who == 1 else 200
    top = 20 if who == 1 else 130
    return np.array([left, top, left + 40, top + 90], np.float32)


def scene(time: float) -> Image:
    """Both are chequered: what is blurred is no longer."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for who in (1, 2):
        x1, y1, x2, y2 = box(who, time).round().astype(int)
        squares = np.indices((y2 - y1, x2 - x1)).sum(axis=0) // 4 % 2 * 255
        image[y1:y2, x1:x2] = squares[..., None]
    return image


def film(path: Path) -> None:
    with VideoWriter(path, width=WIDTH, height=HEIGHT, fps=FPS, start=BEGIN, crf=10) as video:
        for k in range(8 * FPS):
            video.write(scene(BEGIN + k / FPS), k / FPS)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1, called =1+1 <b>Ann</b>, from 12:00:02 to :05 on =hall; 2 all the time; 1 again on a live camera."""
    folder = tmp_path_factory.mktemp("case")
    film(folder / "hall.mp4")
    engine = open_database(folder / "h.db", create=True)
    with writer(engine) as record:
        record.footage(CAMERA, uri=str(folder / "hall.mp4"), start=BEGIN, width=WIDTH, height=HEIGHT)
        record.footage("live", uri="rtsp://camera/main", start=BEGIN + 100, width=WIDTH, height=HEIGHT)
        for number, who, start, end in ((1, 1, 2.0, 5.0), (2, 2, 0.0, 7.9)):
            record.sighting(Sighting(number, CAMERA, BEGIN + start, BEGIN + end, who, 0.91, WHY))
            for k in range(round(start * FPS), round(end * FPS) + 1):
                record.point(number, Point(BEGIN + k / FPS, k, box(who, BEGIN + k / FPS), 0.9))
            for k in range(3):
                picture = np.full((80, 40, 3), 60 * (k + 1), np.uint8)
                record.portrait(number, Portrait(BEGIN + start + k, 0.5, unit(number), picture))
        record.sighting(Sighting(3, "live", BEGIN + 102, BEGIN + 104, 1, 0.8))
        record.frames(CAMERA, 80, BEGIN + 7.9)
        record.frames("live", 100, BEGIN + 110)
    with engine.begin() as connection:
        named = update(schema.Identity).where(schema.Identity.id == 1)
        connection.execute(named.values(name=NAME))
    return folder / "h.db"


@pytest.fixture
def history(path: Path) -> History:
    return History(open_database(path, create=False))


def pictures(clip: Path) -> list[Image]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def contrast(image: Image, where: Floats) -> float:
    x1, y1, x2, y2 = where.round().astype(int)
    inner = image[y1 + 20 : y2 - 20, x1 + 10 : x2 - 10]
    return float(inner.std())


def test_the_folder_is_whole_and_says_so(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "case"
    assert main(["--utc", "report", NAME, "--clips", "--out", str(out), "--db", str(path)]) == errors.OK
    assert capsys.readouterr().out == f"page: {out / 'index.html'}\n"
    files = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert files == {
        *("index.html", "sightings.csv", "SHA256SUMS", "clips/sighting-1.mp4"),
        *(f"pictures/sighting-1-{k}.jpg" for k in (1, 2, 3)),
    }
    sums = dict(line.split("  ")[::-1] for line in (out / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == files - {"SHA256SUMS"}
    assert all(
        hashlib.sha256((out / name).read_bytes()).hexdigest() == digest for name, digest in sums.items()
    )
    assert {file.stat().st_mode & 0o077 for file in out.rglob("*")} == {0}
    assert list(tmp_path.iterdir()) == [out]


def test_the_page_needs_nothing_else_and_names_are_text(history: History, tmp_path: Path) -> None:
    page = Page(write_case(history, Wanted(people=[1], clips=True), tmp_path / "case"))
    assert "http" not in page.source
    assert not page.all("script")
    assert not page.all("b", class_="")
    assert "<b>Ann</b>" not in page.source
    assert NAME in page.words
    assert [video["src"] for video in page.all("video")] == ["clips/sighting-1.mp4"]
    assert "2009-03-05 12:00:02 \N{EN DASH} 12:01:44, UTC" in page.text
    assert "looks +4.1, way and time +1.2, before anything is known -3.0 -> 91 %" in page.text
    assert "No video of it is at hand." in page.text  # of the live camera
    assert "no picture is kept" in page.text
    assert [card["id"] for card in page.all("article") if "id" in card] == ["sighting-1", "sighting-3"]


def test_the_table_has_iso_times_and_no_formulas(history: History, tmp_path: Path) -> None:
    write_case(history, Wanted(people=[1]), tmp_path / "case")
    text = (tmp_path / "case" / "sightings.csv").read_text(encoding="utf-8")
    first, second = csv.DictReader(text.splitlines())
    assert (first["start"], first["end"]) == (
        "2009-03-05T12:00:02.000+00:00",
        "2009-03-05T12:00:05.000+00:00",
    )
    assert (first["name"], first["camera"]) == (f"'{NAME}", f"'{CAMERA}")
    assert (first["match"], first["offset_s"], first["seconds"]) == ("0.91", "2.0", "3.0")
    assert first["pictures"].split() == [f"pictures/sighting-1-{k}.jpg" for k in (1, 2, 3)]
    assert second["camera"] == "live"


def test_a_clip_is_the_sighting_with_camera_and_time_below_it(history: History, tmp_path: Path) -> None:
    write_case(history, Wanted(people=[1], clips=True), tmp_path / "case")
    shown = pictures(tmp_path / "case/clips/sighting-1.mp4")
    assert len(shown) == 5 * FPS + 1  # a second before and after
    bar = bar_height(WIDTH)
    assert shown[0].shape == (HEIGHT + bar, WIDTH, 3)
    assert all(image[HEIGHT + 2 :].max() > 200 for image in shown)  # letters
    assert shown[0][HEIGHT + 2 :, WIDTH - 8 :].max() < 40  # on black
    times = {image[HEIGHT:].tobytes() for image in shown}
    assert len(times) > FPS  # the time goes on
    early, middle = shown[0], shown[25]
    assert contrast(early, box(2, BEGIN + 1)) > 100
    assert contrast(middle, box(2, BEGIN + 3.5)) > 100
    edge = middle[18:23, 88:132]  # of the box around 1 at 3.5 s, which begins at 90, 20
    assert np.abs(edge.astype(int) - early[18:23, 88:132]).max() > 60


def test_others_are_made_unrecognisable_all_the_time(history: History, tmp_path: Path) -> None:
    write_case(history, Wanted(people=[1], clips=True, blur=True), tmp_path / "case")
    shown = pictures(tmp_path / "case/clips/sighting-1.mp4")
    for k, image in enumerate(shown):
        assert contrast(image, box(2, BEGIN)) < 30, k
        if 10 <= k <= 40:
            assert contrast(image, box(1, BEGIN + 1 + k / FPS)) > 80, k


def test_whoever_stands_in_front_is_kept() -> None:
    image = scene(BEGIN)
    front, behind = np.array([100, 50, 160, 200], np.float32), np.array([120, 40, 180, 150], np.float32)
    image[50:200, 100:160] = 255
    image[60:190, 110:150:8] = 0
    for mine, kept in ((front, True), (np.array([100, 50, 160, 140], np.float32), False)):
        picture = image.copy()
        blur(picture, [behind], but=mine)
        same = np.array_equal(picture[60:130, 105:155], image[60:130, 105:155])
        assert same == kept


def test_where_somebody_is() -> None:
    times = np.array([0.0, 1.0, 5.0])
    boxes = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [50, 0, 60, 10]], np.float32)
    way = Trajectory(times, np.arange(3), boxes, np.ones(3, np.float32))
    assert box_at(way, 0.5) == pytest.approx([5, 0, 15, 10])
    assert [box_at(way, time) for time in (-0.5, 3.0, 5.5)] == [None] * 3  # no guess where it is shown
    held = [box_at(way, time, hold_s=1.0) for time in (-0.5, 3.0, 5.5)]
    assert [None if at is None else at[0] for at in held] == [0, 30, 50]  # but where others are hidden
    assert box_at(way, 7.0, hold_s=1.0) is None


def test_a_live_cameras_recorded_files_are_filmed(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "h.db"
    copy.write_bytes(path.read_bytes())
    engine = open_database(copy, create=False)
    segment = path.parent / "hall.mp4"  # says it is of the live camera, from 12:01:40 on
    with writer(engine) as record:
        record.segment(SegmentRow("live", str(segment), BEGIN + 100, BEGIN + 108, 1))
    write_case(History(engine), Wanted(sightings=[3], clips=True), tmp_path / "case")
    shown = pictures(tmp_path / "case/clips/sighting-3.mp4")
    assert len(shown) == 4 * FPS + 1
    wanted = scene(BEGIN + 3)[:HEIGHT]
    assert np.abs(shown[20][:HEIGHT].astype(int) - wanted).mean() < 12


def test_only_some_sightings(history: History, tmp_path: Path) -> None:
    wanted = Wanted(people=[1], camera=CAMERA, since=BEGIN, until=BEGIN + 60)
    page = Page(write_case(history, wanted, tmp_path / "one"))
    assert [card["id"] for card in page.all("article") if "id" in card] == ["sighting-1"]
    assert f"on {CAMERA}, since 2009-03-05 12:00:00, until 2009-03-05 12:01:00" in page.text
    page = Page(write_case(history, Wanted(sightings=[2, 3]), tmp_path / "two"))
    assert [card["id"] for card in page.all("article") if "id" in card] == ["sighting-2", "sighting-3"]


def test_without_names_it_is_a_sheet_of_everybody(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet"
    assert main(["report", "--out", str(out), "--db", str(path)]) == errors.OK
    page = Page(out / "index.html")
    assert "2 people 3 sightings 2 cameras" in page.text
    assert len(page.all("article", class_="row")) == 2
    assert len((out / "sightings.csv").read_text().splitlines()) == 4
    capsys.readouterr()
    typed = ["report", "--db", str(path), "--out"]
    assert main([*typed, str(out)]) == errors.OUTPUT
    assert "is there already and not empty" in capsys.readouterr().err
    assert main([*typed, str(tmp_path / "x"), "--clips"]) == errors.CONFIG
    assert main([*typed, str(tmp_path / "x"), NAME, "--blur"]) == errors.CONFIG
    assert main([*typed, str(tmp_path / "x"), "Zoe"]) == errors.USAGE
    assert not (tmp_path / "x").exists()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    assert main([*typed, str(tmp_path / "link")]) == errors.OUTPUT
    assert list((tmp_path / "empty").iterdir()) == []
    assert main([*typed, str(tmp_path / "empty")]) == errors.OK
    (tmp_path / "file").touch()
    assert main([*typed, str(tmp_path / "file" / "x")]) == errors.OUTPUT


def test_what_was_stopped_leaves_nothing(history: History, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(OutputError, match="Stopped; nothing was written"):
        write_case(history, Wanted(people=[1], clips=True), tmp_path / "case", stop=stop)
    with pytest.raises(UnknownPerson):
        write_case(history, Wanted(people=[77]), tmp_path / "case")
    assert list(tmp_path.iterdir()) == []
