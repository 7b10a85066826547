"""``sightline train`` as it is typed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from small_market import write_market

from app.cli import main
from app.weights.train import commit

SMALL = [
    "--recipe=bnneck-mobilenet",
    "--start=none",
    *(f"--set={setting}" for setting in ("height=32", "width=16", "persons=4", "pictures=2", "pad=2")),
    *(f"--set={setting}" for setting in ("cosine_weight=0", "relation_weight=0", "likeness_weight=0")),
    *(f"--set={setting}" for setting in ("composites=0", "unlabelled=0", "epochs=2", "anneal_from=0")),
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_a_recipe_is_shown_with_what_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--print-recipe", "--set", "epochs=60", "--set", "bnneck=no"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["name", "=", "bnneck-r50"] in lines
    assert ["epochs", "=", "60"] in lines
    assert ["bnneck", "=", "no"] in lines


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--recipe", "best"], 8, "There is no recipe 'best': give one of"),
        (["--set", "epochs=0"], 8, "epochs is 0: give one of at least 1."),
        ([], 7, "No data set was given; name one with --data."),
        (["--data", "nowhere.zip", "--start", "none"], 8, "There is no data set at nowhere.zip"),
        (["--data", "nowhere.zip", "--stop-after", "soon"], 8, "--stop-after soon is no time"),
        (["--data", "nowhere.zip", "--device", "cuda:99"], 4, "cuda:99"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == code
    assert sentence in capsys.readouterr().err.replace("\n", " ")


def test_a_training_in_two_parts_makes_weights_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "train",
        *SMALL,
        "--data",
        str(write_market(tmp_path / "people")),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*command, "--stop-after", "1epoch"]) == 0
    assert "the same command goes on from" in capsys.readouterr().out
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "mAP" in said
    assert f"weights: {tmp_path / 'out' / 'bnneck-mobilenet.safetensors'}" in said
    assert (tmp_path / "out" / "report.html").exists()
    with (tmp_path / "out" / "train.csv").open(encoding="utf-8", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_the_version_of_the_code_is_told() -> None:
    assert commit()
