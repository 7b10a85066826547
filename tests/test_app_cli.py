from __future__ import annotations

import argparse
from importlib import import_module

import pytest

from app import errors
from app.cli import CARRIED_OUT_BY, EPILOG, main, parser


def commands() -> list[str]:
    actions = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return [name for action in actions for name in action.choices]


def test_every_command_is_carried_out() -> None:
    assert sorted(commands()) == sorted(CARRIED_OUT_BY)
    for place in CARRIED_OUT_BY.values():
        module, function = place.split(":")
        assert callable(getattr(import_module(module), function))


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


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--fast"], ["show"], ["show", "me"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == errors.USAGE
    assert "usage: sightline" in capsys.readouterr().err
