"""The line over live streams: a real RTSP server on loopback, real networks, a real database."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rtsp_server import RtspServer
from walks import cut_walk

from app import errors
from app.cli import main
from app.passage import PARTS
from storage.database import DatabaseError, open_database
from storage.history import History


@pytest.fixture(scope="module")
def walk(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds with people in view all the time."""
    path = tmp_path_factory.mktemp("walk") / "hall.mp4"
    return cut_walk(shared / "data/video/vtest.avi", path, columns=(512, 768), frames=(40, 240))


def watch(shared: Path, database: Path, urls: list[str], *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SIGHTLINE_ASSETS": str(shared)}
    command = [sys.executable, "-m", "app.cli", "watch", *urls, "--db", str(database), *options]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def people(database: Path) -> tuple[int, dict[str, tuple[float, float]]]:
    """How many people are known, and the first and last moment of each camera's footage."""
    try:
        engine = open_database(database, create=False)
    except DatabaseError:
        return 0, {}  # it has not been made yet
    try:
        history = History(engine)
        return len(history.people()), {row.camera: (row.start, row.end) for row in history.footage()}
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def stopped(assets: None, shared: Path, walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a run over two streams, one of them dead, that was told to stop after nine seconds."""
    database = tmp_path_factory.mktemp("stopped") / "history.db"
    with RtspServer({"hall": walk}) as server:
        urls = [server.url("hall"), "rtsp://user:secret@127.0.0.1:9/none"]
        process = watch(shared, database, urls)
        try:
            deadline = time.monotonic() + 90
            known, seen_s = 0, 0.0
            while (known < 2 or seen_s < 9) and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.3)
                known, footage = people(database)
                seen_s = sum(end - start for start, end in footage.values())
            process.send_signal(signal.SIGTERM)
            stopping = time.monotonic()
            out, err = process.communicate(timeout=30)
            stopped_s = time.monotonic() - stopping
        finally:
            process.kill()
    assert process.returncode == errors.OK, err
    assert stopped_s < 5
    assert known >= 2, err
    assert "secret" not in out + err
    assert people(database)[0] >= known
    return database


def test_two_streams_one_of_them_dead_and_a_clean_stop_on_sigterm(stopped: Path) -> None:
    for path in stopped.parent.rglob("*"):  # the command as it was typed is in the database
        assert b"secret" not in path.read_bytes(), path
    _, footage = people(stopped)
    assert list(footage) == ["cam1"]
    # Times are this moment's: of the camera's clock, or of arrival.
    assert abs(footage["cam1"][1] - time.time()) < 60


def test_watching_stops_by_itself_and_ids_go_on(
    stopped: Path, shared: Path, walk: Path, tmp_path: Path
) -> None:
    database = tmp_path / "history.db"
    database.write_bytes(stopped.read_bytes())
    before = people(database)[0]
    with RtspServer({"hall": walk}) as server:
        process = watch(shared, database, [server.url("hall")], "--for", "9")
        try:
            _, err = process.communicate(timeout=90)
        finally:
            process.kill()
    assert process.returncode == errors.OK, err
    # The same people walk by again: they are mostly known.
    assert people(database)[0] < 2 * before


PASSWORD = "p@ss:/?#w0rd"
SECRETS = (b"p@ss", b"p%40ss", b"w0rd", b"sesame")


class Service:
    """`sightline watch` as a service runs it: with a configuration, and a log of JSON."""

    def __init__(self, shared: Path, config: Path) -> None:
        self.log = config.with_name("log.jsonl")
        command = [sys.executable, "-m", "app.cli", "watch", "--config", str(config), "--log", "json"]
        environment = {**os.environ, "SIGHTLINE_ASSETS": str(shared), "HALL_PASSWORD": PASSWORD}
        with self.log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [*command, "--metrics", "0", "--status-every", "1"],
                env={**environment, "WRONG": "sesame"},
                stdout=file,
                stderr=file,
            )

    def events(self) -> list[dict[str, Any]]:
        """Those so far. Every whole line is one."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def until(self, event: str, *, after: int = 0, patience_s: float = 60.0) -> dict[str, Any]:
        """The first such event, those before ``after`` left out."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and self.process.poll() is None:
            found = [one for one in self.events()[after:] if one["event"] == event]
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no {event}: {self.log.read_text(encoding='utf-8')[-3000:]}")

    def terminate(self) -> float:
        """Seconds it took to end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.monotonic() - began


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def soon(true: Callable[[], bool], *, patience_s: float = 15.0) -> bool:
    deadline = time.monotonic() + patience_s
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


def test_a_service_tells_how_it_is_and_no_password(shared: Path, walk: Path, tmp_path: Path) -> None:
    """Started with one good camera and one whose password is wrong; the server dies, and comes back."""
    config = tmp_path / "in" / "site.toml"
    config.parent.mkdir()
    with RtspServer({"hall": walk}, login=("viewer", PASSWORD)) as server:
        good, bad = (server.url("hall", login=f"viewer:${{{name}}}") for name in ("HALL_PASSWORD", "WRONG"))
        text = f'[[camera]]\nname = "hall"\nsource = "{good}"\n[[camera]]\nname = "bad"\nsource = "{bad}"\n'
        config.write_text(f'database = "../history.db"\n{text}', encoding="utf-8")
        service = Service(shared, config)
        try:
            url = str(service.until("metrics")["url"])
            assert get(url.replace("metrics", "readyz")) == (503, "the networks are being loaded\n")
            assert "refused the user name" in service.until("camera_absent")["problem"]
            service.until("person_identified")
            assert soon(lambda: get(url.replace("metrics", "readyz")) == (200, "ok\n"))
            assert soon(lambda: _plays_with_people(service.events()))
            told = get(url)[1]
            count = len(service.events())
            server.kill()
            assert service.until("camera_lost", after=count, patience_s=15)["camera"] == "hall"
            assert soon(lambda: get(url.replace("metrics", "readyz")) == (503, "no camera plays\n"))
            assert get(url.replace("metrics", "healthz"))[0] == 200
            server.restart()
            back = service.until("camera_recovered", after=count, patience_s=30)
            took_s = service.terminate()
        finally:
            service.process.kill()
            service.process.wait()
    assert service.process.returncode == errors.OK
    assert took_s < 5
    assert back["reconnects"] >= 1
    assert service.events()[-1]["event"] == "stopped"
    _adds_up(service.events(), told)
    with pytest.raises(urllib.error.URLError):
        get(url)
    assert people(tmp_path / "history.db")[0] >= 1
    wrote = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in wrote} >= {"history.db", "log.jsonl"}
    for content in (told.encode(), *wrote.values()):
        assert not [secret for secret in SECRETS if secret in content]


def _hall(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each status told of it."""
    told = [camera for line in lines if line["event"] == "status" for camera in line["cameras"]]
    return [camera for camera in told if camera["camera"] == "hall"]


def _plays_with_people(lines: list[dict[str, Any]]) -> bool:
    return any(c["received_fps"] > 5 and c["latency_s"] is not None and c["people"] for c in _hall(lines))


def _adds_up(lines: list[dict[str, Any]], told: str) -> None:
    """The cameras' figures, in the log and in the metrics."""
    assert all(0 <= c["received"] - c["processed"] - c["dropped"] <= 5 for c in _hall(lines))
    assert 'sightline_camera_state{camera="bad",state="waiting"} 1.0' in told
    assert 'sightline_camera_state{camera="hall",state="playing"} 1.0' in told
    assert 'sightline_camera_latency_seconds{camera="hall"}' in told
    found = [sample for family in text_string_to_metric_families(told) for sample in family.samples]
    (whole_s,) = (s.value for s in found if s.name == "sightline_frame_whole_seconds_sum")
    parts = {s.labels["part"]: s.value for s in found if s.name == "sightline_frame_part_seconds_sum"}
    assert parts.keys() == set(PARTS)
    assert sum(parts.values()) == pytest.approx(whole_s, rel=1e-6)
    assert whole_s > 0


def test_a_service_outlasts_a_lock_and_a_history_that_is_moved(
    shared: Path, walk: Path, tmp_path: Path
) -> None:
    """Another program holds the history; then it is moved away and put back. It waits, and loses nothing."""
    database = tmp_path / "history.db"
    with RtspServer({"hall": walk}) as server:
        config = tmp_path / "site.toml"
        config.write_text(
            f'database = "history.db"\n[[camera]]\nname="hall"\nsource="{server.url("hall")}"\n'
        )
        service = Service(shared, config)
        try:
            service.until("person_identified")
            with closing(sqlite3.connect(database, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                held = service.until("trouble")
                before = other.execute("SELECT coalesce(sum(points), 0) FROM trajectory").fetchone()[0]
                time.sleep(2.0)
                assert (
                    other.execute("SELECT coalesce(sum(points), 0) FROM trajectory").fetchone()[0] == before
                )
            over = service.until("trouble_over")
            seen = len(service.events())
            database.rename(tmp_path / "away.db")
            moved = service.until("trouble", after=seen, patience_s=10.0)
            (tmp_path / "away.db").rename(database)
            service.until("trouble_over", after=seen)
        finally:
            service.terminate()
    assert service.process.returncode == errors.OK
    assert "is locked by another program" in held["problem"]
    assert over["problem"].startswith(held["problem"].partition(" (")[0])
    assert "moved or deleted" in moved["problem"]
    with closing(sqlite3.connect(database)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (end,) = file.execute("SELECT max(end) FROM footage").fetchone()
        gaps = file.execute(
            "SELECT max(later.start - earlier.end) FROM trajectory AS later JOIN trajectory AS earlier "
            "ON earlier.sighting_id = later.sighting_id AND earlier.id = later.id - 1"
        ).fetchone()[0]
    assert abs(end - time.time()) < 30
    assert gaps is None or gaps < 2.0  # the ways of those who were there meanwhile have no hole


def test_sigterm_while_the_networks_are_loaded_ends_cleanly(shared: Path, tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text('[[camera]]\nsource = "rtsp://127.0.0.1:9/none"\n', encoding="utf-8")
    service = Service(shared, config)
    try:
        service.until("metrics")
        time.sleep(0.5)
        assert service.terminate() < 5
    finally:
        service.process.kill()
        service.process.wait()
    assert service.process.returncode == errors.OK
    assert [one["event"] for one in service.events()] == ["starting", "metrics", "stopped"]


def test_what_goes_wrong_is_an_event_too(shared: Path, tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text('[[camera]]\nsource = "rtsp://me:${NO_SUCH}@127.0.0.1:9/none"\n', encoding="utf-8")
    service = Service(shared, config)
    assert service.process.wait(timeout=60) == errors.CONFIG
    (line,) = service.events()
    assert (line["event"], line["exit_code"]) == ("failed", errors.CONFIG)
    assert "'source' in camera 1: expected the environment variable NO_SUCH" in line["problem"]


def test_a_stream_given_to_run_is_refused_without_a_word_of_its_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "rtsp://me:secret@127.0.0.1:9/none"]) == errors.CONFIG
    err = capsys.readouterr().err
    assert "use `sightline watch`" in err
    assert "secret" not in err
