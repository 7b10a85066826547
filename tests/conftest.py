"""Fixtures every test may use: the real footage and weights, where they are at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from x_display import start_display

if TYPE_CHECKING:
    from filled_history import Demo

MAY_BE_LEFT_OUT_IN_CI = ("needs a GPU", "root may read everything", "windows are offscreen")
"""How the reasons begin for which a test may be skipped where CI is set; any other skip fails there."""


REAL_SCREEN = pytest.StashKey[bool]()
SERVER = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_configure(config: pytest.Config) -> None:
    if "QT_QPA_PLATFORM" not in os.environ:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"  # of a program that a test starts, too
        config.stash[REAL_SCREEN] = shutil.which("Xvfb") is not None
    os.umask(0o077)  # as whoever writes password files has it


@pytest.fixture(autouse=True)
def local_time_is_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wherever the tests run; one that is about another zone sets that. What a command sets is taken back."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(scope="session")
def qapp_args(pytestconfig: pytest.Config) -> list[str]:
    """The windows of the tests are on an X display without a window manager, where Xvfb is at hand and
    QT_QPA_PLATFORM does not say otherwise."""
    if pytestconfig.stash.get(REAL_SCREEN, False):
        pytestconfig.stash[SERVER], name = start_display("-terminate")  # with the last window
        os.environ.update(DISPLAY=name, QT_QPA_PLATFORM="xcb")
    return ["sightline"]


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A real file system of that size, as mount has it; skips where nobody may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=10)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 16 kB."""
    with mounted(tmp_path / "disk", "16k") as folder:
        yield folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one and a half megabytes."""
    with mounted(tmp_path / "disk", "1500k") as folder:
        yield folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights: SIGHTLINE_SHARED, or ../shared beside the checkout."""
    folder = Path(os.environ.get("SIGHTLINE_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real data at {folder}; set SIGHTLINE_SHARED to one")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where converted networks are kept for the tests that follow: SIGHTLINE_CACHE, or a new folder.

    Of several processes that share the tests, all have one.
    """
    folder = tmp_path_factory.getbasetemp()
    session = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return Path(os.environ.get("SIGHTLINE_CACHE") or session / "cache")


@pytest.fixture(scope="session")
def assets(shared: Path, cache: Path) -> None:
    """Networks from the folder of real data, already converted, for this process and those it starts."""
    from tracker.detector import Detector

    os.environ["SIGHTLINE_ASSETS"] = str(shared)
    os.environ["SIGHTLINE_CACHE"] = str(cache)
    Detector(shared / "weights/yolov8n.pt", cache=cache)


@pytest.fixture(scope="session")
def demo(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo's cameras and a history of them; only to be read."""
    from filled_history import demo_history

    return demo_history(shared, tmp_path_factory.mktemp("demo"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is set, a part that is missing fails the tests that need it instead of hiding them."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(MAY_BE_LEFT_OUT_IN_CI):
            report.outcome = "failed"
            report.longrepr = f"left out, which CI does not allow: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"left out, which CI does not allow: {report.longrepr}"
    return report
