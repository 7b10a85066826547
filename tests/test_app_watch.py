"""The line over live streams: a real RTSP server on loopback, real networks, a real database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rtsp_server import RtspServer
from walks import cut_walk

from app import errors
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


def people(database: Path) -> tuple[int, dict[str, float]]:
    """How many people are known, and the last moment of each camera's footage."""
    try:
        engine = open_database(database, create=False)
    except DatabaseError:
        return 0, {}  # it has not been made yet
    try:
        history = History(engine)
        return len(history.people()), {row.camera: row.end for row in history.footage()}
    finally:
        engine.dispose()


def test_two_streams_one_of_them_dead_and_a_clean_stop_on_sigterm(
    shared: Path, walk: Path, tmp_path: Path
) -> None:
    database = tmp_path / "history.db"
    with RtspServer({"hall": walk}) as server:
        urls = [server.url("hall"), "rtsp://user:secret@127.0.0.1:9/none"]
        process = watch(shared, database, urls)
        try:
            deadline = time.monotonic() + 90
            known = 0
            while not known and time.monotonic() < deadline and process.poll() is None:
                time.sleep(1.0)
                known = people(database)[0]
            process.send_signal(signal.SIGTERM)
            stopping = time.monotonic()
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == errors.OK, err
    assert time.monotonic() - stopping < 10
    assert known >= 1, err
    assert "secret" not in out + err
    count, ends = people(database)
    assert count >= known
    assert list(ends) == ["cam1"]
    # Times are this moment's: of the camera's clock, or of arrival.
    assert abs(ends["cam1"] - time.time()) < 60


def test_watching_stops_by_itself_and_ids_go_on(shared: Path, walk: Path, tmp_path: Path) -> None:
    database = tmp_path / "history.db"
    counts = []
    for _ in range(2):
        with RtspServer({"hall": walk}) as server:
            process = watch(shared, database, [server.url("hall")], "--for", "9")
            try:
                _, err = process.communicate(timeout=90)
            finally:
                process.kill()
        assert process.returncode == errors.OK, err
        counts.append(people(database)[0])
    # The same people walk by again: they are mostly known.
    assert counts[0] >= 2
    assert counts[1] < 2 * counts[0]
