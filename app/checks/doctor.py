"""``sightline doctor``: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, get_args

from app.weights.assets import cache_folder, find, known

State = Literal["ok", "warn", "bad"]
_PATIENCE_S = 120.0
_ROOM_BAD, _ROOM_WARN = 2**28, 2**31  # bytes: less can't hold a run; less is soon full

_PROBES = ("torch", "openvino", "onnxruntime", "opencv", "pyav", "detector", "embedder")
_WINDOW = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PyQt5.QtCore import QT_VERSION_STR
from PyQt5.QtWidgets import QApplication
application = QApplication([])
print(QT_VERSION_STR)
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report. advice: what to do; empty where nothing is to be done."""

    name: str
    state: State
    found: str
    advice: str = ""


def collect() -> list[Check]:
    """Everything the report says. Libraries are tried in processes of their own, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        window = pool.submit(_window)
        probes = list(pool.map(_probe, _PROBES))
        tried = [*probes, window.result()]
    return [_python(), _sightline(), *tried, _display(), *_assets(), _database(), *_room()]


def print_checks(as_json: bool) -> int:
    """Prints the report; returns 1 where something is bad, else 0."""
    from rich.console import Console

    with Console(stderr=True).status("Trying every part"):
        checks = collect()
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    return int(any(check.state == "bad" for check in checks))


def _print(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "warn": "yellow", "bad": "bold red"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for check in checks:
        state = f"[{colours[check.state]}]{check.state}[/]"
        advice = f"\n[bold]-> {escape(check.advice)}[/bold]" if check.advice else ""
        table.add_row(state, check.name, escape(check.found) + advice)
    Console(highlight=False).print(table)


# --- in processes of their own -----------------------------------------------------------------------


def _probe(name: str) -> Check:
    done = _child("-m", "app.checks.probes", name)
    if isinstance(done, Check):
        return Check(name, done.state, done.found, done.advice)
    state, found, advice = json.loads(done)
    assert state in get_args(State)
    return Check(name, state, found, advice)


def _window() -> Check:
    done = _child("-c", _WINDOW)
    if isinstance(done, Check):
        advice = "the window needs it, the rest does not; `make gui` installs it with its system libraries"
        return Check("qt", "warn", done.found, advice)
    return Check("qt", "ok", f"Qt {done.strip()} opens an application")


def _child(*arguments: str) -> str | Check:
    """What a Python of our own printed, or a bad row (without a name) where it failed."""
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return Check("", "bad", f"no answer within {_PATIENCE_S:.0f} s", "try again on an idle machine")
    if done.returncode == 0:
        return done.stdout
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    found = lines[-1] if lines else f"ended with code {done.returncode}"
    return Check("", "bad", found[:300], "run `make setup` again, or reinstall the package named")


# --- in this one -------------------------------------------------------------------------------------


def _python() -> Check:
    found = f"{platform.python_version()} in {sys.prefix}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", "ok", found)
    return Check("python", "warn", found, "Sightline is tested with Python 3.11 to 3.13")


def _sightline() -> Check:
    try:
        return Check("sightline", "ok", version("sightline"))
    except PackageNotFoundError:
        return Check("sightline", "bad", "not installed", "run `make setup`, or pip install -e .")


def _display() -> Check:
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return Check("display", "ok", f"{name}={os.environ[name]}")
    return Check("display", "ok", "none here: the window has nowhere to open, everything else works")


def _assets() -> list[Check]:
    """A row for every network and clip that is here or can be fetched, and for those that cannot."""
    rows = []
    for asset in known():
        path = find(asset.name)
        if path is not None:
            rows.append(Check(asset.name, "ok", str(path)))
        elif asset.ways():
            rows.append(Check(asset.name, "ok", "not here yet; fetched when it is needed"))
        else:
            rows.append(Check(asset.name, "ok", f"not here; {asset.note}"))
    return rows


def _database() -> Check:
    """Whether a database in write-ahead mode works in the current folder, where history.db would be."""
    found = f"SQLite {sqlite3.sqlite_version}"
    try:
        with (
            tempfile.TemporaryDirectory(dir=".", prefix=".doctor-") as folder,
            closing(sqlite3.connect(Path(folder) / "try.db")) as database,
        ):
            (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
            database.execute("CREATE TABLE one (number INTEGER)")
            database.commit()
    except (OSError, sqlite3.Error) as error:
        return Check("database", "warn", f"{found}; nothing can be kept in {Path.cwd()}: {error}", _ELSEWHERE)
    if mode != "wal":
        return Check("database", "warn", f"{found}; no write-ahead log in {Path.cwd()}", _ELSEWHERE)
    return Check("database", "ok", f"{found}, with write-ahead log in {Path.cwd()}")


_ELSEWHERE = "work in a folder on a local disk that you may write to, or name one with --db"


def _room() -> list[Check]:
    return [_disk("disk", Path.cwd()), _disk("cache", cache_folder())]


def _disk(name: str, folder: Path) -> Check:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:.1f} GB free for {folder}"
    if not os.access(there, os.W_OK):
        advice = "make it writable, or set SIGHTLINE_CACHE" if name == "cache" else _ELSEWHERE
        return Check(name, "warn", f"{folder} is not writable", advice)
    if free < _ROOM_WARN:
        return Check(name, "bad" if free < _ROOM_BAD else "warn", found, "make room")
    return Check(name, "ok", found)
