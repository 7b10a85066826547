from __future__ import annotations

from io import StringIO

from rich.console import Console

from app.headless.live_table import LiveTable, camera_table
from app.headless.pace import Pace
from app.pipeline import CameraStatus, Status


def status(elapsed_s: float) -> Status:
    count = int(10 * elapsed_s)
    cameras = (
        CameraStatus(
            "hall [1]",
            "playing",
            frames=count,
            dropped=count // 2,
            people=3,
            received=2 * count,
            latency_s=0.21,
        ),
        CameraStatus("yard", "waiting", problem="rtsp://10.0.0.5/[x]: nobody answers there"),
    )
    return Status(elapsed_s, 12, cameras, None, {}, queued=7)


def test_a_row_a_camera_with_what_it_does_now() -> None:
    pace = Pace()
    pace.see(status(0.0))
    pace.see(status(4.0))
    console = Console(file=StringIO(), width=140)
    console.print(camera_table(status(4.0), pace))
    assert isinstance(console.file, StringIO)
    rows = {line.split("│")[1].strip(): line for line in console.file.getvalue().splitlines() if "│" in line}
    hall = [cell.strip() for cell in rows["hall [1]"].split("│")[1:-1]]
    assert hall == ["hall [1]", "playing", "20.0", "10.0", "5.0", "0.21 s", "3", "0", ""]
    yard = [cell.strip() for cell in rows["yard"].split("│")[1:-1]]
    assert yard == [
        "yard",
        "waiting",
        "0.0",
        "0.0",
        "0.0",
        "",
        "0",
        "0",
        "rtsp://10.0.0.5/[x]: nobody answers there",
    ]
    assert "12 people  " in console.file.getvalue()
    assert "7 to be written" in console.file.getvalue()


def test_it_is_drawn_twice_a_second_at_most_and_leaves_nothing_running() -> None:
    console = Console(file=StringIO(), width=120, force_terminal=True)
    assert isinstance(console.file, StringIO)
    with LiveTable(console) as table:
        for hundredth in range(200):
            table.show([], status(hundredth / 100))
    assert console.file.getvalue().count("last trouble") in range(3, 8)
    console.print("after")
    assert console.file.getvalue().endswith("after\n")
