"""What must last: a run killed and started again, and cameras that come and go while it runs."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from kill_cycle import Held, kill, lost, problems, start, until_running
from rtsp_server import RtspServer
from walks import cut_walk

from app import errors


@pytest.fixture(scope="module")
def walk(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds with people in view all the time."""
    path = tmp_path_factory.mktemp("walk") / "hall.mp4"
    return cut_walk(shared / "data/video/vtest.avi", path, columns=(512, 768), frames=(40, 240))


def told(log: Path, event: str) -> list[dict[str, Any]]:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return [one for one in events if one["event"] == event]


def camera(name: str, url: str) -> str:
    return f'[[camera]]\nname = "{name}"\nsource = "{url}"\n'


def test_killed_at_work_the_same_people_keep_their_ids(assets: None, walk: Path, tmp_path: Path) -> None:
    """Each run sees the same footage: who was met before the kill is met again, under the same id."""
    config, database = tmp_path / "site.toml", tmp_path / "history.db"
    known: set[int] = set()
    with RtspServer({"hall": walk}) as server:
        config.write_text(f'database = "history.db"\n{camera("hall", server.url("hall"))}', encoding="utf-8")
        for n in range(2):
            log = tmp_path / f"{n}.jsonl"
            old = Held.of(database)
            process = start(config, log)
            try:
                until_running(process, log, "person_identified")
                until_met(database, old, known)
                time.sleep(2.0)  # longer than it takes to commit
                seen = Held.of(database)
            finally:
                kill(process)
            after = Held.of(database)
            assert problems(database) == []
            assert lost(old, after) == lost(seen, after) == []
            assert {row: after.ids[row] for row in old.ids} == old.ids
            known |= met(old, after)


def met(old: Held, now: Held) -> set[int]:
    """Who is in the sightings that have come since."""
    return {i for row, i in now.ids.items() if i is not None and row not in old.ids}


def until_met(database: Path, old: Held, known: set[int]) -> None:
    """Waits for a new sighting of somebody known; of anybody, where nobody is."""
    deadline = time.monotonic() + 90.0
    while not (found := met(old, Held.of(database))) or (known and not found & known):
        assert time.monotonic() < deadline, f"{known} were known, and {found} were met"
        time.sleep(0.2)


def test_cameras_come_and_go_by_a_hang_up(assets: None, walk: Path, tmp_path: Path) -> None:
    config, log = tmp_path / "site.toml", tmp_path / "log.jsonl"
    with RtspServer({"hall": walk, "yard": walk}) as server:
        hall, yard = camera("hall", server.url("hall")), camera("yard", server.url("yard"))
        config.write_text(hall, encoding="utf-8")
        process = start(config, log)
        try:
            until_running(process, log, "camera_connected")
            config.write_text("[[camera]]\nname = 3\n", encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            until_running(process, log, "reload_refused")
            config.write_text(hall + yard, encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            until_running(process, log, "reloaded")
            until_running(process, log, 'camera_connected", "camera": "yard')
            config.write_text(yard, encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            until_running(process, log, 'reloaded", "added": [], "removed": ["hall')
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert process.wait(timeout=30) == errors.OK
            assert time.monotonic() - began < 5
        finally:
            process.kill()
            process.wait()
    assert "the key 'source' in camera 1" in told(log, "reload_refused")[0]["problem"]
    first, second = told(log, "reloaded")
    assert (first["added"], first["removed"], first["changed"]) == (["yard"], [], [])
    assert (second["added"], second["removed"], second["changed"]) == ([], ["hall"], [])
    assert not [one for one in told(log, "camera_lost") if one["camera"] == "hall"]
