"""What a configuration lets go is forgotten by itself, and a disk that runs full is told before it is."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from small_history import small_history
from test_storage_growth import assert_kept, busy

from app.config import CameraSettings, ConfigError, KeepSettings, read_config
from app.keeping import DAY_S, Keeper, orders
from storage.database import open_database
from storage.forgetting import Forgetting, Order
from storage.history import History

SITE = """
[keep]
sightings_days = 90
pictures_days = 0.5
[[camera]]
name = "hall"
source = "rtsp://127.0.0.1/a"
keep_days = 7
[[camera]]
name = "yard"
source = "rtsp://127.0.0.1/b"
"""


def nothing(path: str, camera: str) -> bool:
    return False


def test_a_configuration_says_for_how_long(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    settings = read_config(tmp_path / "site.toml")
    now = 100 * DAY_S
    assert orders(settings.keep, settings.cameras, now) == [
        Order("footage", camera="hall", before=93 * DAY_S),
        Order("sightings", before=10 * DAY_S),
        Order("pictures", before=99.5 * DAY_S),
    ]
    assert orders(KeepSettings(), (), now) == []
    for wrong in ("keep_days = 0", "[keep]\nsightings_days = -1", "[keep]\nsightings = 3"):
        (tmp_path / "site.toml").write_text(SITE.replace("keep_days = 7", "").replace("[keep]", "") + wrong)
        with pytest.raises(ConfigError):
            read_config(tmp_path / "site.toml")


def keeper(path: Path, keep: KeepSettings, cameras: tuple[CameraSettings, ...] = ()) -> Keeper:
    return Keeper(Forgetting(open_database(path, create=False), remove=nothing), path, keep, cameras)


def test_what_is_too_old_goes_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    history = History(busy(path))
    before = history.sightings()
    cameras = (CameraSettings("left", "x", keep_days=50 / DAY_S), CameraSettings("unknown", "x", keep_days=1))
    keeper(path, KeepSettings(pictures_days=80 / DAY_S), cameras).forget(now=200.0)
    kept = [row for row in before if row.camera == "right" or row.end >= 150.0]
    assert history.sightings() == kept
    assert {row.sighting for row in history.portraits()} == {row.id for row in kept if row.end >= 120.0}
    assert_kept(path)


def test_beside_a_run_it_begins_at_once_and_finishes_what_was_ordered(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    engine = small_history(path)
    Forgetting(engine, remove=nothing).order(Order("sightings", person=1))
    with keeper(path, KeepSettings()) as running:
        deadline = time.monotonic() + 10
        while len(History(engine).people()) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert running.trouble == ""
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM erasure WHERE done IS NULL").fetchone() == (0,)


def test_how_long_a_disk_lasts(tmp_path: Path) -> None:
    small_history(tmp_path / "h.db")
    looks = keeper(tmp_path / "h.db", KeepSettings())
    assert looks.left_s(10_000_000_000, 0.0) == float("inf")
    assert looks.left_s(9_000_000_000, 600.0) == pytest.approx(5400.0)  # a GB in ten minutes
    assert looks.left_s(4_000_000_000, 1800.0) == pytest.approx(1200.0)
    assert looks.left_s(12_000_000_000, 2400.0) == float("inf")  # somebody made room
