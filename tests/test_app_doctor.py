"""What the doctor finds on this machine, and what it says where something is missing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from app.checks import doctor, probes


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SIGHTLINE_ASSETS", raising=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> dict[str, doctor.Check]:
    """The whole report of this machine, made once, with weights that need no conversion."""
    weights = tmp_path_factory.mktemp("weights")
    for path in shared.glob("weights/person-reidentification-*"):
        (weights / path.name).symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("SIGHTLINE_ASSETS", str(weights))
        return {check.name: check for check in doctor.collect()}


@pytest.fixture
def missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python in which OpenCV is broken and Qt is not there, for the probes' processes."""
    broken = tmp_path / "broken"
    (broken / "PyQt5").mkdir(parents=True)
    (broken / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file')", encoding="utf-8"
    )
    (broken / "PyQt5" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")]))


def test_every_probe_has_its_row() -> None:
    assert set(doctor._PROBES) == set(probes.PROBES)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("python", ".".join(map(str, sys.version_info[:2]))),
        ("torch", ", on "),
        ("openvino", "on CPU"),
        ("onnxruntime", "with "),
        ("opencv", "."),
        ("pyav", "h264 written and read, hevc "),
        ("detector", "no weights here yet"),
        ("embedder", "person-reidentification-retail-0277 by "),
        ("qt", "opens an application"),
        ("person-reidentification-retail-0277", "retail-0277.xml"),
        ("database", "with write-ahead log"),
        ("disk", "GB free"),
    ],
)
def test_what_is_installed_works(report: dict[str, doctor.Check], name: str, part: str) -> None:
    check = report[name]
    assert check.state in ("ok", "warn"), check.found
    assert part in check.found


def test_weights_that_are_not_here_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {check.name: check for check in doctor._assets()}
    assert rows["yolov8n"].found == "not here yet; fetched when it is needed"
    assert "once it is trained" in rows["bnneck-r50"].found
    assert doctor._probe("detector").found.endswith("not tried: no weights here yet")


@pytest.mark.usefixtures("missing")
def test_a_broken_library_is_a_row_with_its_reason() -> None:
    check = doctor._probe("opencv")
    assert check.state == "bad"
    assert check.found == "ImportError: libGL.so.1: cannot open shared object file"
    assert "make setup" in check.advice


@pytest.mark.usefixtures("missing")
def test_without_qt_only_the_window_is_missing() -> None:
    check = doctor._window()
    assert check.state == "warn"
    assert "No module named 'PyQt5.QtCore'" in check.found
    assert "the rest does not" in check.advice


def test_a_library_that_crashes_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text("import os; os.abort()", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert doctor._probe("opencv") == doctor.Check(
        "opencv", "bad", "ended with code -6", "run `make setup` again, or reinstall the package named"
    )


def test_a_probe_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text("import time; time.sleep(60)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(doctor, "_PATIENCE_S", 0.5)
    assert doctor._probe("opencv").found.startswith("no answer within")


def test_a_folder_that_does_not_exist_yet_is_measured_by_its_parent(tmp_path: Path) -> None:
    check = doctor._disk("cache", tmp_path / "not" / "yet")
    assert check.state in ("ok", "warn")
    assert check.found.endswith(f"GB free for {tmp_path / 'not' / 'yet'}")


def test_little_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ROOM_WARN", 2**62)
    assert doctor._disk("disk", tmp_path).state == "warn"
    monkeypatch.setattr(doctor, "_ROOM_BAD", 2**62)
    assert doctor._disk("disk", tmp_path).advice == "make room"
    assert doctor._disk("disk", tmp_path).state == "bad"


def test_the_report_is_readable_and_its_code_tells_of_the_worst(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [doctor.Check("torch", "ok", "2.9 [cpu]"), doctor.Check("qt", "warn", "no Qt", "make gui")]
    monkeypatch.setattr(doctor, "collect", lambda: rows)
    assert doctor.print_checks(False) == 0
    text = capsys.readouterr().out
    assert "2.9 [cpu]" in text
    assert "-> make gui" in text
    rows.append(doctor.Check("disk", "bad", "0.0 GB", "make room"))
    assert doctor.print_checks(True) == 1
    disk = {"name": "disk", "state": "bad", "found": "0.0 GB", "advice": "make room"}
    assert json.loads(capsys.readouterr().out)[-1] == disk
