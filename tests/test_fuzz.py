"""A few of `make fuzz`'s cases of each kind, and that a fault is seen as one."""

from __future__ import annotations

import random
from pathlib import Path

import fuzz
import pytest


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_damaged_inputs_are_used_or_refused(kind: str, tmp_path: Path) -> None:
    found = fuzz.fuzz(kind, count=20, seed=3, folder=tmp_path, keep=None)
    assert not found.faults
    assert found.used + found.refused == 20
    assert found.refused > 0


def test_a_fault_is_seen_and_its_case_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter(["used", "used", "ValueError at x.py:1, x.py:1", "refused"])
    monkeypatch.setattr(fuzz.Worker, "use", lambda self, path: (next(told), 10))
    found = fuzz.fuzz("configurations", count=2, seed=0, folder=tmp_path, keep=tmp_path / "kept")
    assert (found.used, found.refused, dict(found.faults)) == (0, 1, {"ValueError at x.py:1, x.py:1": 1})
    assert found.cases["ValueError at x.py:1, x.py:1"].exists()


def test_the_same_seed_makes_the_same_cases() -> None:
    data = bytes(range(256)) * 4
    one, other = (fuzz.damaged(data, random.Random("0 films 1")) for _ in range(2))
    assert one == other
    assert one != fuzz.damaged(data, random.Random("0 films 2"))
