"""Configurations that are damaged, or meant to do harm: one sentence and the code, and no secret shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app import errors
from app.cli import main
from app.config import ConfigError, read_config

SECRET = "S3cr3t"


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence of a configuration that is wrong."""
    assert main(["config", "check", str(path)]) == errors.CONFIG
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert len(said) < 600
    return said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[camera]]\nsource = "\\u0000"', "a file's path"),
        ('database = "a\\u0000"\n[[camera]]\nsource = "a.mp4"', "a text without NUL"),
        (f'[[camera]]\nsource = "{"x" * 5000}"', "up to 4096 letters, but found 5000"),
        (f'[[camera]]\nsource = "a.mp4"\nname = "{"x" * 5000}"', "a name of one line"),
        (f'{"k" * 5000} = 1\n[[camera]]\nsource = "a.mp4"', "expected one of camera, confidence, database"),
        (f'[[camera]]\nsource = "a.mp4"\nstart = "{"9" * 5000}"', "'start' in camera 1"),
        ('[[camera]]\nsource = "a.mp4"\nstart = 1764403200000', "milliseconds"),
        ('[[camera]]\nsource = "a.mp4"\nstart = nan', "'start' in camera 1"),
        ('[[camera]]\nsource = "a.mp4"\nstart = 0001-01-01T00:00:00', "'start' in camera 1"),
        (
            '[[camera]]\nsource = "a.mp4"\nclock_offset_s = nan',
            "'clock_offset_s' in camera 1: expected seconds",
        ),
        (
            '[[camera]]\nsource = "a.mp4"\nclock_offset_s = 1e300',
            "'clock_offset_s' in camera 1: expected seconds",
        ),
        ('[[camera]]\nsource = "a.mp4"\nfps = inf', "'fps' in camera 1"),
        ("[[camera]]\nsource = []", "a list of one camera's files"),
        ('[[camera]]\nsource = ["a.mp4", "rtsp://h/main"]', "a list is for files of one camera"),
        ('[[camera]]\nsource = ["a.mp4", 7]', "a list of one camera's files"),
        ('person_class = ""\n[[camera]]\nsource = "a.mp4"', "person_class is empty"),
        ("a = [" + "[" * 5000, "not valid TOML"),
        ("\ufeff\ufeff[[camera]]", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_one_short_sentence(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    assert told in refused(path, capsys)


@pytest.mark.parametrize(
    "name", ["..", ".", "", " ", "a/../../x", "../x", "a\\..\\b", "a\nb", "a//b", "x" * 300]
)
def test_a_name_is_no_way_to_another_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    path.write_text(f'[[camera]]\nname = "{escaped}"\nsource = "rtsp://127.0.0.1:9/c1"\nrecord = true\n')
    with pytest.raises(ConfigError, match="'name' in camera 1"):
        read_config(path)
    path.write_text('[[camera]]\nname = "floor 1/door"\nsource = "rtsp://127.0.0.1:9/c1"\nrecord = true\n')
    assert read_config(path).cameras[0].name == "floor 1/door"


@pytest.mark.parametrize(
    "line",
    [
        f'source = ["rtsp://admin:{SECRET}@10.0.0.4/main", 1]',
        f'source = "a.mp4"\nname = ["rtsp://admin:{SECRET}@10.0.0.4/main"]',
        f'source = "a.mp4"\nclock_offset_s = "rtsp://admin:{SECRET}@10.0.0.4/main"',
        f'source = "a.mp4"\nsize = "http://10.0.0.4/?password={SECRET}"',
        f'source = "a.mp4"\nrecord = "rtsp://admin:{SECRET}@10.0.0.4/main"',
        f'source = "a.mp4"\ndecode = "rtsp://admin:{SECRET}@10.0.0.4/main"',
        f'source = "a.mp4"\nstart = "rtsp://admin:{SECRET}@10.0.0.4/main"',
        f'source = "a.mp4"\nname = "rtsp://admin:{SECRET}@10.0.0.4/../main"',
        f'source = "a.mp4"\n"rtsp://admin:{SECRET}@10.0.0.4/main" = 1',
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.toml"
    path.write_text(f"[[camera]]\n{line}\n")
    assert SECRET not in refused(path, capsys)


def test_the_configurations_of_reported_cases(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = shared / "data/cases"
    for name in ("toml_2", "toml_3", "dotdot"):
        assert "sightline: " in refused(cases / f"hostile/{name}.toml", capsys)
    main(["config", "check", str(cases / "hostile/leak.toml"), "--timeout", "0.2"])
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    shutil.copy(cases / "toml/bom.toml", tmp_path / "site.toml")
    assert read_config(tmp_path / "site.toml").cameras[0].name == "hall"
