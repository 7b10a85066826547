"""Corrections at random, all taken back, leave the history as it was: benchmarks/undone.py in small."""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from undone import correct, exported, made_history, undo_all

from storage.repair import CorrectionError, Repair, corrections


@pytest.mark.parametrize("last_first", [True, False])
def test_all_undone_gives_the_same_exports(tmp_path: Path, *, last_first: bool) -> None:
    dice = random.Random(last_first)
    engine = made_history(tmp_path / "h.db", 150, dice)
    before = exported(engine, tmp_path / "before")
    made, _ = correct(engine, 40, dice, sightings=150)
    assert set(made) == {"merge", "differ", "name", "move", "split", "cut", "refine"}
    assert exported(engine, tmp_path / "between") != before
    if last_first:
        undo_all(engine)
    while left := [row.id for row in corrections(engine) if row.undone is None]:
        with suppress(CorrectionError):  # of what a later one needs
            Repair(engine).undo(dice.choice(left))
    assert exported(engine, tmp_path / "after") == before
