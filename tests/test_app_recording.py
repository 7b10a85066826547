"""Footage kept as it came, from a real RTSP server on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest
from clips import number_of, write_clip
from fault_run import write_people, write_resized
from kill_cycle import start, until_running
from rtsp_server import RtspServer
from small_history import writer
from walks import cut_walk

from app.cli import main
from app.config import RecordingSettings
from app.recording.recorder import FootageRecorder
from app.recording.segment_file import length_of
from app.recording.shelf import Shelf
from app.sources.live import LiveSource
from storage.database import open_database
from storage.history import History
from storage.segments import SegmentRow
from storage.writer import Writer
from tracker.types import Sighting

PATIENCE_S = 20.0
FPS = 25


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """20 s at 25 fps, a key frame every 12 pictures."""
    clip = write_clip(tmp_path_factory.mktemp("live") / "clip.mp4", frames=20 * FPS)
    with RtspServer({"left": clip}) as running:
        yield running


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Writer]:
    with writer(open_database(tmp_path / "h.db", create=True), commit_s=0.1) as record:
        yield record


@pytest.fixture
def history(record: Writer, tmp_path: Path) -> History:
    return History(open_database(tmp_path / "h.db", create=False))


def settings(folder: Path, **more: float) -> RecordingSettings:
    return replace(RecordingSettings(folder, segment_s=2.0, keep_free_gb=0.001), **more)


def until(true: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pictures(path: Path) -> list[tuple[float, int]]:
    """The time in the file and the number of each."""
    with av.open(str(path)) as container:
        return [
            (float(frame.time or 0.0), number_of(frame.to_ndarray(format="bgr24")))
            for frame in container.decode(video=0)
        ]


def test_every_picture_is_in_a_file_that_tells_its_time(
    server: RtspServer, record: Writer, history: History, tmp_path: Path
) -> None:
    recorder = FootageRecorder("left", settings(tmp_path / "kept"), offset_s=100.0)
    recorder.start(record)
    given: list[tuple[int, float]] = []
    with LiveSource(camera="left", uri=server.url("left"), recorder=recorder) as source:
        began = time.monotonic()
        while time.monotonic() - began < 6.0:
            if (frame := source.latest()) is not None:
                given.append((number_of(frame.image), frame.time - 100.0))
            time.sleep(0.002)
    record.flush()
    rows = history.segments()
    assert len(rows) >= 3
    shown = [pictures(Path(row.path)) for row in rows]
    numbers = [number for some in shown for _, number in some]
    whole = numbers[:-1]  # the last packet may be torn by the stop
    assert whole == [(numbers[0] + k) % 40 for k in range(len(whole))]  # none lost between the files
    assert len(numbers) >= 5 * FPS
    for row, some in zip(rows, shown, strict=True):
        assert row.bytes == Path(row.path).stat().st_size
        assert row.end == pytest.approx(row.start + some[-1][0], abs=0.1)
    found = [(row.start + at, n) for row, some in zip(rows, shown, strict=True) for at, n in some]
    for number, moment in given[:-FPS]:
        assert min(abs(at - moment) for at, n in found if n == number) < 0.15
    assert recorder.dropped == 0
    assert recorder.problem == ""


@pytest.mark.parametrize("film", ["hall.h265.mp4", "sizes.ts"])
def test_other_codecs_and_pictures_of_another_size_are_kept(
    film: str, record: Writer, history: History, tmp_path: Path
) -> None:
    path = tmp_path / film
    if film == "sizes.ts":
        write_resized(path, grey=10, seconds=6)
    else:
        write_people(path, grey=10, seconds=8)
    recorder = FootageRecorder("hall", settings(tmp_path / "kept"))
    recorder.start(record)
    sizes = []
    with (
        RtspServer({"hall": path}) as server,
        LiveSource(camera="hall", uri=server.url("hall"), recorder=recorder) as source,
    ):
        began = time.monotonic()
        while time.monotonic() - began < 6.0:
            if (frame := source.latest()) is not None:
                sizes.append(frame.image.shape[1])
            time.sleep(0.002)
        decoded = source.decoded
    record.flush()
    kept = []
    for row in history.segments():
        with av.open(row.path) as container:
            kept += [frame.width for frame in container.decode(video=0)]
    assert set(kept) == set(sizes) == ({640, 480} if film == "sizes.ts" else {640})
    assert decoded - 2 <= len(kept) <= decoded + 2 * FPS, "what came is kept, whether or not it was looked at"
    assert recorder.problem == ""


KILLED = """
import sys, time
from pathlib import Path
from app.cli import main
from app.config import RecordingSettings
from app.recording.recorder import FootageRecorder
from app.sources.live import LiveSource
class Rows:
    def segment(self, row): print("told", flush=True)
    def forget_segment(self, path): pass
recorder = FootageRecorder("left", RecordingSettings(Path(sys.argv[2]), keep_free_gb=0.001))
recorder.start(Rows())
with LiveSource(camera="left", uri=sys.argv[1], recorder=recorder):
    time.sleep(60)
"""


def test_what_a_killed_process_leaves_is_playable_and_taken_up(
    server: RtspServer, record: Writer, history: History, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    command = [sys.executable, "-c", KILLED, server.url("left"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline()
        time.sleep(1.5)
        process.kill()
    (path,) = folder.glob("left/*/*.mp4")
    assert len(pictures(path)) >= FPS
    broken = path.with_name("20200101T000000.000Z.mp4")
    broken.write_bytes(b"")
    other = path.with_name("mine.mp4")
    other.write_bytes(b"")
    record.segment(SegmentRow("left", str(folder / "left/gone.mp4"), 1.0, 2.0, 3))
    record.flush()
    Shelf(settings(folder), history, record, writing=set).take_up()
    record.flush()
    (row,) = history.segments()
    assert (row.camera, row.path, row.bytes) == ("left", str(path), path.stat().st_size)
    length_s = length_of(path)
    assert length_s is not None
    assert row.end - row.start == pytest.approx(length_s)
    assert abs(row.end - path.stat().st_mtime) < 3.0
    assert not broken.exists()
    assert other.exists()


def test_a_folder_that_cannot_be_written_stops_recording_alone(
    server: RtspServer, record: Writer, history: History, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    folder.write_text("in the way")
    recorder = FootageRecorder("left", settings(folder), retry_s=0.5)
    recorder.start(record)
    with LiveSource(camera="left", uri=server.url("left"), recorder=recorder) as source:
        until(lambda: recorder.problem)
        decoded = source.decoded
        until(lambda: source.decoded >= decoded + FPS)
        assert source.state == "playing"
        assert recorder.problem.startswith(f"Not recorded: {folder}")
        assert recorder.problem.count(".") == 1 + str(folder).count(".")
        folder.unlink()
        until(lambda: not recorder.problem)
    record.flush()
    assert history.segments()


def test_a_full_disk_stops_recording_alone(server: RtspServer, record: Writer, tmp_path: Path) -> None:
    recorder = FootageRecorder("left", settings(tmp_path, keep_free_gb=1e9))
    recorder.start(record)
    with LiveSource(camera="left", uri=server.url("left"), recorder=recorder) as source:
        until(lambda: recorder.problem)
        until(lambda: source.decoded > FPS)
        assert "GB is free" in recorder.problem
    assert not list(tmp_path.rglob("*.mp4"))


class Stuck:
    """Rows that take as long as a disk that hangs."""

    def __init__(self, record: Writer) -> None:
        self.free = threading.Event()
        self._record = record

    def segment(self, row: SegmentRow) -> None:
        self.free.wait(PATIENCE_S)
        self._record.segment(row)

    def forget_segment(self, path: str) -> None:
        self._record.forget_segment(path)


def test_a_slow_disk_delays_no_camera(
    server: RtspServer, record: Writer, history: History, tmp_path: Path
) -> None:
    stuck = Stuck(record)
    recorder = FootageRecorder("left", settings(tmp_path / "kept"), queue_mb=0.02)
    recorder.start(stuck)
    with LiveSource(camera="left", uri=server.url("left"), recorder=recorder) as source:
        until(lambda: recorder.dropped > 0)
        decoded = source.decoded
        until(lambda: source.decoded >= decoded + FPS)
        stuck.free.set()
        dropped = recorder.dropped
        until(lambda: source.decoded >= decoded + 4 * FPS)
    record.flush()
    assert recorder.dropped <= dropped + 12  # at most to the next key frame
    shown = [pictures(Path(row.path)) for row in history.segments()]
    assert all(some for some in shown)


def test_the_oldest_go_where_they_are_too_many_or_too_old(
    record: Writer, history: History, tmp_path: Path
) -> None:
    now = time.time()
    names = [f"2026010{n + 1}T000000.000Z.mp4" for n in range(5)]
    paths = [tmp_path / "left" / "2026-01-01" / name for name in names]
    paths[0].parent.mkdir(parents=True)
    for n, path in enumerate(paths):
        path.write_bytes(bytes(1000))
        record.segment(SegmentRow("left", str(path), now - 900 + 100 * n, now - 800 + 100 * n, 1000))
    record.flush()
    shelf = Shelf(settings(tmp_path, keep_gb=3.5e-6), history, record, writing=lambda: {str(paths[0])})
    assert shelf.prune() == 2
    record.flush()
    kept = [paths[0], *paths[3:]]  # the one that is open stays
    assert [row.path for row in history.segments()] == [str(path) for path in kept]
    assert [path for path in paths if path.exists()] == kept
    shelf = Shelf(settings(tmp_path, keep_days=450 / 86400), history, record, writing=set)
    assert shelf.prune() == 2
    record.flush()
    assert [row.path for row in history.segments()] == [str(paths[4])]


def test_a_sighting_tells_where_it_can_be_seen(record: Writer, history: History) -> None:
    record.footage("left", uri="rtsp://left", start=0.0, width=320, height=240)
    record.sighting(Sighting(1, "left", 50.0, 130.0, 1, 0.9))
    record.sighting(Sighting(2, "left", 400.0, 401.0, 1, 0.9))
    for n in range(4):
        record.segment(SegmentRow("left", f"/kept/{n}.mp4", 60.0 * n, 60.0 * n + 60, 10))
    record.segment(SegmentRow("right", "/kept/right.mp4", 0.0, 600.0, 10))
    record.flush()
    first, second = (row.id for row in history.sightings())
    shown = history.shown([first, second])
    assert [(part.path, part.offset_s, part.seconds) for part in shown[first]] == [
        ("/kept/0.mp4", 50.0, 10.0),
        ("/kept/1.mp4", 0.0, 60.0),
        ("/kept/2.mp4", 0.0, 10.0),
    ]
    assert shown[second] == []


def test_a_run_records_and_show_says_where_to_look(
    assets: None, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = cut_walk(shared / "data/video/vtest.avi", tmp_path / "w.mp4", columns=(512, 768), frames=(40, 240))
    config, database, log = (tmp_path / name for name in ("site.toml", "history.db", "log.jsonl"))
    with RtspServer({"hall": walk}) as server:
        table = '[recording]\nfolder = "kept"\nsegment_s = 2\nkeep_free_gb = 0.001\n'
        camera = f'[[camera]]\nname = "hall"\nsource = "{server.url("hall")}"\nrecord = true\n'
        config.write_text(f'database = "{database}"\n{table}{camera}', encoding="utf-8")
        process = start(config, log)
        try:
            until_running(process, log, "person_identified")
            time.sleep(1.0)
            process.terminate()
            assert process.wait(timeout=30) == 0, log.read_text(encoding="utf-8")[-3000:]
        finally:
            process.kill()
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    (status, *_) = (line for line in lines if line["event"] == "status")
    assert status["cameras"][0]["recording"] == "on"
    capsys.readouterr()
    assert main(["show", "1", "--json", "--db", str(database)]) == 0
    visit = json.loads(capsys.readouterr().out)["sightings"][0]
    (part, *_) = visit["recorded"]
    assert part["path"].startswith(str(tmp_path / "kept" / "hall"))
    assert 0 < part["seconds"] <= visit["seconds"] + 0.001
    assert any(at >= part["offset_s"] - 0.2 for at, _ in pictures(Path(part["path"])))
    assert main(["show", "1", "--db", str(database)]) == 0
    assert part["path"] in capsys.readouterr().out
