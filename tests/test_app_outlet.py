"""A log that can't be written, or that nobody reads, neither ends nor delays who writes it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from app.headless import outlet
from app.headless.outlet import Outlet


def lost(lines: int) -> str:
    return f"{lines} lost"


def test_lines_come_whole_and_in_order(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file, Outlet(file, lost=lost) as out:
        print("one", file=out, flush=True)
        out.write("two\nthr")
        out.write("ee\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


def test_what_no_encoding_has_is_written_as_an_escape(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file, Outlet(file, lost=lost) as out:
        out.write("caf\udce9\n")
    assert (tmp_path / "log").read_text() == "caf\\udce9\n"


def test_a_reader_who_is_gone_costs_nothing_but_his_lines() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as file, Outlet(file, lost=lost) as out:
        for number in range(100):
            out.write(f"{number}\n")


def test_a_reader_who_does_not_read_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "MOST_LINES", 50)
    monkeypatch.setattr(outlet, "_CLOSE_S", 0.2)
    reading, writing = os.pipe()
    line = "x" * 999 + "\n"
    begun = time.monotonic()
    with os.fdopen(writing, "w") as file:
        out = Outlet(file, lost=lost)
        for _ in range(1000):
            out.write(line)
        assert time.monotonic() - begun < 5.0
        while b" lost" not in os.read(reading, 1 << 16):  # he reads again: told, and it goes on
            out.write(line)
        out.close()
        os.close(reading)


def test_a_full_disk_loses_lines_and_says_how_many(small_disk: Path) -> None:
    path = small_disk / "log"
    with path.open("w") as file:
        out = Outlet(file, lost=lost)
        for _ in range(40):
            out.write("x" * 999 + "\n")
        while out._lost < 20:
            time.sleep(0.01)
        subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True, timeout=10)
        out.write("again\n")
        out.close()
    assert path.read_text().endswith("again\n")
    assert " lost\n" in path.read_text()
