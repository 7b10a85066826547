from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from small_history import record_all, writer

from app import errors
from app.cli import ANSWERED, CARRIED_OUT_BY, EPILOG, main, parser
from app.headless.execution import placed
from storage.database import open_database


def commands() -> list[str]:
    actions = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return [name for action in actions for name in action.choices]


def test_every_command_is_carried_out() -> None:
    assert sorted(commands()) == sorted(CARRIED_OUT_BY)
    for place in CARRIED_OUT_BY.values():
        module, function = place.split(":")
        assert callable(getattr(import_module(module), function))


def test_a_command_leaves_garbage_collection_on(tmp_path: Path) -> None:
    """Also one that fails, and one that did without it."""
    assert set(ANSWERED) <= set(CARRIED_OUT_BY)
    for command in ("people", "topology"):
        assert main([command, "--db", str(tmp_path / "none.db")]) == errors.DATABASE
        assert gc.isenabled()


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands():
        with pytest.raises(SystemExit) as done:
            main([command, "--help"])
        assert done.value.code == errors.OK
        assert "usage: sightline" in capsys.readouterr().out


def test_exit_codes_are_told() -> None:
    codes = {code for name, code in vars(errors).items() if name.isupper() and isinstance(code, int)}
    told = EPILOG.replace(",", " ").replace(".", " ").split()
    assert all(str(code) in told for code in codes)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--fast"], ["show"], ["move", "me", "1"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == errors.USAGE
    assert "usage: sightline" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "watch", "benchmark"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("site.toml", "site.toml is a configuration and no camera; say --config before it.\n"),
        (
            "old.db",
            "old.db is a history and no camera; --db names it; 'sightline people --db old.db' asks it.\n",
        ),
    ],
)
def test_what_is_no_camera_is_told_where_it_belongs(
    command: str, name: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, name]) == errors.CONFIG
    assert capsys.readouterr().err == f"sightline: {told}"


def test_the_window_opens_a_history_and_a_site_that_are_named_alone() -> None:
    def opened(*typed: str) -> tuple[list[str], Path | None, Path | None]:
        told = placed(parser().parse_args(["gui", *typed]))
        return told.files, told.db, told.config

    assert opened("old.db") == ([], Path("old.db"), None)
    assert opened("a.mp4", "old.db", "b.mp4") == (["a.mp4", "b.mp4"], Path("old.db"), None)
    assert opened("site.toml", "--db", "x.db") == ([], Path("x.db"), Path("site.toml"))
    assert opened("one.db", "two.db") == (["one.db", "two.db"], None, None), "which is meant, nobody knows"


def test_a_film_that_is_named_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for twice in (["hall.mp4", "yard.mp4", "hall.mp4"], ["hall.mp4", str(tmp_path / "hall.mp4")]):
        assert main(["run", *twice]) == errors.CONFIG
        told = f"sightline: {twice[-1]} is named twice; name each camera's footage once.\n"
        assert capsys.readouterr().err == told


@pytest.mark.parametrize("typed", ["-1", "some", "1.5", ""])
def test_a_count_that_is_none_is_told_in_words(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["people", "--limit"], ["review", "--offset"], ["corrections", "--limit"]):
        with pytest.raises(SystemExit) as done:
            main([*command[:1], f"{command[1]}={typed}"])
        assert done.value.code == errors.USAGE
        said = capsys.readouterr().err
        assert f"argument {command[1]}: {typed!r} is no whole number from 0 on" in said


def parsers(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield of
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield from parsers(choice)


def test_every_argument_explains_itself() -> None:
    bare = [
        (one.prog, action.dest)
        for one in parsers(parser())
        for action in one._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert bare == []


def test_options_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """``--conf`` is a number elsewhere; here it was taken for ``--config``."""
    assert all(not one.allow_abbrev for one in parsers(parser()))
    for typed in (["run", "--conf", "0.4", "a.mp4"], ["people", "--unti", "10"], ["config", "check", "--js"]):
        with pytest.raises(SystemExit) as done:
            main(typed)
        assert done.value.code == errors.USAGE
        assert "unrecognized arguments: --" in capsys.readouterr().err


@pytest.mark.parametrize("typed", [["--utc", "people"], ["people", "--utc"]])
def test_times_are_local_or_utc_on_request(
    typed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        record_all(record, later_s=1_236_254_390.0)  # 2009-03-05 12:00 UTC
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    try:
        told = []
        for arguments in (["people"], typed):
            assert main([*arguments, "--db", str(tmp_path / "h.db")]) == errors.OK
            told.append(capsys.readouterr().out)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "2 people, on 2009-03-05, UTC+01:00" in told[0]
    assert "13:00:00" in told[0]
    assert told[1].splitlines()[0].rstrip() == "2 people, on 2009-03-05, UTC"
    assert "12:00:00" in told[1]
