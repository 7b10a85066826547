from __future__ import annotations

import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console

from app.headless.view import (
    TerminalView,
    clock,
    pace_line,
    plain_line,
    stage_table,
    time_left,
)
from app.pipeline import CameraStatus, Status


def status(done: float | None = 0.25, *, elapsed_s: float = 30.0) -> Status:
    cameras = (
        CameraStatus("hall", "playing", frames=100, expected=400, fps=3.3, people=2, time=0.0),
        CameraStatus("yard", "waiting", frames=50, dropped=7, problem="no route to the camera"),
    )
    return Status(elapsed_s, 5, cameras, done, {"detect": 20.0, "embed": 6.0})


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_one_line_says_how_far_a_run_is() -> None:
    line = plain_line(status())
    for part in ("0:30", "25%", "150 frames", "5.0 frames/s", "5 people", "1:30 left", "no route"):
        assert part in line
    assert "live" in plain_line(status(None))
    assert "left" not in plain_line(status(None))


def test_without_a_terminal_a_line_is_written_now_and_then() -> None:
    console = Console(file=StringIO(), width=200)
    with TerminalView(console) as view:
        for second in range(12):
            view.show([], status(elapsed_s=float(second)))
    assert len(shown(console).splitlines()) == 3


def test_on_a_terminal_there_is_a_bar_a_camera() -> None:
    console = Console(file=StringIO(), width=160, force_terminal=True)
    with TerminalView(console) as view:
        view.show([], status())
        view._progress.refresh()
    for part in ("hall", "100/400", "yard", "50, 7 dropped", "no route to the camera", "1:30 left"):
        assert part in shown(console)


def test_where_the_time_went() -> None:
    console = Console(file=StringIO(), width=120)
    console.print(stage_table(status()))
    text = shown(console)
    assert "66.7 %" in text
    assert "133.33" in text  # 20 s of detection over 150 frames, in ms
    assert "4.00" in text  # the rest, seconds
    assert pace_line(status()).startswith("150 frames, 5.0 a second; peak memory ")


def test_time_left_at_the_pace_so_far() -> None:
    assert time_left(status(0.25)) == pytest.approx(90.0)
    assert time_left(status(0.0)) is None
    assert time_left(status(None)) is None
    assert [clock(s) for s in (0, 61, 3600, 3661)] == ["0:00", "1:01", "1:00:00", "1:01:01"]


SIGNALLED = """
import os, signal
from app.headless.view import stop_on_signals
before = signal.getsignal(signal.SIGINT)
with stop_on_signals() as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    print(stop.wait(10.0))
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
print(signal.getsignal(signal.SIGINT) is before)
"""


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    """In a process of its own: signals are no good to one that runs other tests."""
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["True", "interrupted", "True"], done.stderr
