"""What the speed check calls better, worse, and unmoved."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from regression import compared, judged


@pytest.mark.parametrize(
    ("kind", "before", "after", "verdict"),
    [
        ("costs", 0.10, 0.12, ""),
        ("costs", 0.10, 0.13, "worse"),
        ("costs", 0.10, 0.07, "better"),
        ("shares", 0.50, 0.51, ""),
        ("shares", 0.50, 0.60, "worse"),
        ("scores", 0.700, 0.702, ""),
        ("scores", 0.700, 0.690, "worse"),
        ("scores", 0.700, 0.710, "better"),
    ],
)
def test_what_moved_and_which_way(kind: str, before: float, after: float, verdict: str) -> None:
    assert judged(kind, before, after) == verdict


def test_only_what_is_worse_fails(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = {"costs": {"decode / detect": 0.1}, "scores": {"HOTA": 0.7}}
    assert compared(recorded, {"costs": {"decode / detect": 0.05}, "scores": {"HOTA": 0.7}}) == 0
    assert "better" in capsys.readouterr().out
    assert compared(recorded, {"costs": {"decode / detect": 0.1}, "scores": {"HOTA": 0.5}}) == 1
    assert "worse" in capsys.readouterr().out
