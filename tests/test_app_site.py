from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from clips import write_clip
from rtsp_server import RtspServer

from app import errors
from app.checks.site import EXAMPLE
from app.cli import main
from app.config import RecordingSettings, read_config
from tracker.rules import Rule

PASSWORD = "p@ss:/?#w\u00f6rd"


def test_the_example_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    assert main(["config", "init", str(path)]) == errors.OK
    assert "config check" in capsys.readouterr().out
    settings = read_config(path, environment={})
    assert [camera.name for camera in settings.cameras] == ["hall", "stairs"]
    assert settings.live
    path.write_text("mine", encoding="utf-8")
    assert main(["config", "init", str(path)]) == errors.OUTPUT
    assert "is there already; name another file" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine"


def test_an_example_that_can_not_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init", str(tmp_path / "no" / "site.toml")]) == errors.OUTPUT
    assert "can't be written (No such file or directory)" in capsys.readouterr().err


def test_every_setting_of_the_example_is_one_and_each_that_there_is_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "hall.password").write_text("secret", encoding="utf-8")
    text = re.sub(r"(?m)^#(?=\w|\[)", "", EXAMPLE.read_text(encoding="utf-8"))
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    settings = read_config(path, environment={})
    hall, stairs = settings.cameras
    assert hall.source == "rtsp://viewer:secret@10.0.0.4/main"
    assert (hall.clock_offset_s, settings.device, settings.detector) == (2.0, "auto", "yolov8n")
    assert (settings.detector_size, settings.confidence) == (640, 0.1)
    assert len(hall.ignore) == 1
    assert stairs.start is not None
    assert hall.record
    assert settings.recording == RecordingSettings(tmp_path / "recordings")
    assert settings.overlap == {frozenset({"hall", "stairs"})}
    assert settings.links == (Rule("hall", "stairs", after_s=(4.0, 60.0)), Rule("stairs", "hall", never=True))


def test_a_wrong_setting_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[[camera]]\nsource = "rtsp://me:${SIGHTLINE_NO_SUCH}@h/x"', encoding="utf-8")
    assert main(["config", "check", str(path)]) == errors.CONFIG
    assert "'source' in camera 1: expected the environment variable SIGHTLINE" in capsys.readouterr().err


def test_files_are_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(tmp_path / "a.mp4", frames=10)
    path = tmp_path / "site.toml"
    path.write_text('[[camera]]\nsource = "a.mp4"\n', encoding="utf-8")
    assert main(["config", "check", str(path)]) == errors.OK
    told = capsys.readouterr().out
    assert "160x120" in told
    assert "h264" in told
    with path.open("a", encoding="utf-8") as file:
        file.write('[[camera]]\nsource = "b.mp4"\n[[camera]]\nname = "c"\nsource = "a.mp4"\nstart = 5.0\n')
    assert main(["config", "check", str(path), "--json"]) == errors.SOURCE
    a, b, c = json.loads(capsys.readouterr().out)
    assert (a["width"], a["height"], a["fps"], a["clock"], a["problem"]) == (160, 120, 25.0, "none", "")
    assert "there is no such file" in b["problem"]
    assert c["clock"] == "file"


def test_streams_are_opened_all_at_once_and_no_password_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALL_PASSWORD", PASSWORD)
    monkeypatch.setenv("WRONG", "sesame")
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    clip = write_clip(tmp_path / "clip.mp4", frames=300)
    with RtspServer({"hall": clip}, login=("viewer", PASSWORD)) as server:
        path = tmp_path / "site.toml"
        path.write_text(
            f"""
            [[camera]]
            source = "{server.url("hall")}"
            username = "viewer"
            password_file = "password"
            [[camera]]
            source = "{server.url("hall", login="viewer:${HALL_PASSWORD}")}"
            [[camera]]
            source = "{server.url("hall", login="viewer:${WRONG}")}"
            [[camera]]
            source = "rtsp://viewer:${{WRONG}}@127.0.0.1:9/${{WRONG}}"
            [[camera]]
            source = "gopher://viewer:${{WRONG}}@127.0.0.1/${{WRONG}}"
            """,
            encoding="utf-8",
        )
        began = time.monotonic()
        assert main(["config", "check", str(path), "--json"]) == errors.SOURCE
        assert time.monotonic() - began < 10
        out, err = capsys.readouterr()
    rows = json.loads(out)
    for row in rows[:2]:
        assert (row["width"], row["height"], row["problem"]) == (160, 120, "")
        assert row["fps"] == pytest.approx(25, abs=4)
        assert row["clock"] == "camera"
        assert row["source"] == server.url("hall")
    assert "refused the user name or password" in rows[2]["problem"]
    assert rows[3]["problem"].startswith("rtsp://127.0.0.1:9/${WRONG}: nobody answers there")
    assert rows[4]["problem"].startswith("gopher://127.0.0.1/${WRONG}: is no live camera")
    for secret in ("sesame", PASSWORD, "p%40ss", os.environ["HALL_PASSWORD"]):
        assert secret not in out + err
