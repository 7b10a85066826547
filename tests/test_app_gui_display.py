"""The command ``sightline gui`` on a real display, an empty one, and none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clips import write_clip
from PyQt5.QtGui import QImage
from small_history import small_history
from walks import cut_walk
from x_display import start_display

from app import errors
from storage.database import open_database
from storage.history import History

SIGHTLINE = (sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())")
WAIT_S = 90.0
"""How long a run of three seconds of video may take on a busy machine, networks loaded and all."""


NOT_HANDED_ON = (
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "QT_QPA_PLATFORM",
    "QT_QPA_PLATFORM_PLUGIN_PATH",  # OpenCV sets these two for itself
    "QT_QPA_FONTDIR",
)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A real X display without a window manager."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("no Xvfb or xdotool here; install the packages xvfb and xdotool")
    server, name = start_display()
    yield name
    server.terminate()
    server.wait(timeout=10)


def environment(shared: Path | None, cache: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in NOT_HANDED_ON}
    kept.setdefault("SIGHTLINE_CACHE", str(cache))
    assets = {} if shared is None else {"SIGHTLINE_ASSETS": str(shared)}
    return {**kept, **assets, **more}


def screen(display: str, path: Path) -> QImage:
    """What the display shows: its frame buffer, through Qt in a process of its own."""
    grab = (
        "import sys; from PyQt5.QtWidgets import QApplication; a = QApplication([]);"
        "a.primaryScreen().grabWindow(0).save(sys.argv[1])"
    )
    subprocess.run(
        [sys.executable, "-c", grab, str(path)],
        env=environment(None, path.parent, DISPLAY=display),
        check=True,
        timeout=30,
    )
    return QImage(str(path))


def colours(image: QImage) -> int:
    """How many colours are on a coarse grid over the screen."""
    columns, rows = range(0, image.width(), 7), range(0, image.height(), 7)
    return len({image.pixel(x, y) for x in columns for y in rows})


def do(display: str, *arguments: str) -> str:
    """What a user's hands do."""
    command = ["xdotool", *arguments]
    answer = subprocess.run(
        command, env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, timeout=30
    )
    return answer.stdout.strip()


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "nothing of it came to be in time"
        time.sleep(0.2)


@contextmanager
def a_window(*given: str, env: dict[str, str], cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """``sightline gui`` in a process of its own, which is to be closed meanwhile, and to end well."""
    command = [*SIGHTLINE, "gui", *given]
    process = subprocess.Popen(command, env=env, cwd=cwd, stderr=subprocess.PIPE, text=True)
    try:
        yield process
        assert process.wait(timeout=30) == errors.OK
    finally:
        process.kill()
        _, said = process.communicate(timeout=10)
    assert "Traceback" not in said


def test_a_run_is_seen_on_the_screen_and_quit_by_the_keyboard(
    shared: Path, display: str, tmp_path: Path
) -> None:
    clip, database = shared / "data/video/vtest.avi", tmp_path / "history.db"
    walk = cut_walk(clip, tmp_path / "west.mp4", columns=(256, 448), frames=(10, 60))
    with a_window(
        str(walk), "--db", str(database), env=environment(shared, tmp_path / "cache", DISPLAY=display)
    ) as process:
        until(lambda: do(display, "search", "--name", "history.db - Sightline"), process)
        window = do(display, "search", "--name", "history.db - Sightline").splitlines()[0]
        until(lambda: colours(screen(display, tmp_path / "screen.png")) > 500, process)
        do(display, "windowfocus", "--sync", window)
        do(display, "key", "ctrl+q")


@pytest.mark.parametrize("by", ["history", "site"])
def test_a_history_or_a_site_is_opened_by_its_name_alone(display: str, tmp_path: Path, by: str) -> None:
    small_history(tmp_path / "small.db")
    film = write_clip(tmp_path / "hall.mp4", frames=5)
    site = tmp_path / "site.toml"
    site.write_text(f'database = "small.db"\n[[camera]]\nname = "hall"\nsource = "{film.name}"\n', "utf-8")
    with a_window(
        str(site if by == "site" else tmp_path / "small.db"),
        env=environment(None, tmp_path / "cache", DISPLAY=display),
        cwd=tmp_path,
    ) as process:
        until(lambda: do(display, "search", "--name", "small.db - Sightline"), process)
        process.send_signal(signal.SIGINT)


def test_ctrl_c_in_the_terminal_closes_the_window_cleanly(shared: Path, display: str, tmp_path: Path) -> None:
    clip, database = shared / "data/video/vtest.avi", tmp_path / "history.db"
    walk = cut_walk(clip, tmp_path / "west.mp4", columns=(256, 448), frames=(0, 400))
    with a_window(
        str(walk), "--db", str(database), env=environment(shared, tmp_path / "cache", DISPLAY=display)
    ) as process:
        until(lambda: colours(screen(display, tmp_path / "screen.png")) > 500, process)
        process.send_signal(signal.SIGINT)
    footage = History(open_database(database, create=False)).footage()
    assert 0 < footage[0].frames < 400


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "There is no display to open a window on (DISPLAY is not set); use 'sightline run' here"),
        ({"DISPLAY": ":987"}, "The display :987 does not answer; check DISPLAY"),
    ],
)
def test_where_there_is_no_display_one_sentence_says_so(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [*SIGHTLINE, "gui"],
        env=environment(None, tmp_path, **given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == errors.OUTPUT
    assert done.stderr.strip().startswith(f"sightline: {sentence}")
    assert len(done.stderr.strip().splitlines()) == 1
