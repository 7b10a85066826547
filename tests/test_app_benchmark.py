"""``sightline benchmark`` on real footage and networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from walks import cut_walks

from app import errors
from app.cli import main


@pytest.mark.usefixtures("assets")
def test_what_a_run_costs_and_what_the_machine_carries(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = cut_walks(shared / "data/video/vtest.avi", tmp_path, frames=(60, 100), fps=5)
    picture = tmp_path / "b.png"
    assert (
        main(["benchmark", *films, "--json", "--plot", str(picture), "--detector-rate", "2.5"]) == errors.OK
    )
    told = json.loads(capsys.readouterr().out)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [film["name"] for film in told["films"]] == [Path(film).stem for film in films]
    assert told["whole"]["frames"] > told["whole"]["seen"] > 0
    cost = {stage["name"]: stage["cpu_ms"] for stage in told["stages"]}
    assert cost["detect"] > 5 * cost["decode"] > 0
    assert cost["detect"] > 5 * cost["gate"] > 0
    parts_s = sum(stage["cpu_ms"] * stage["times"] for stage in told["stages"]) / 1000
    assert parts_s == pytest.approx(told["whole"]["cpu_s"], rel=0.5)
    counts = [one["cameras"] for one in told["carries"].values()]
    assert counts == sorted(counts)
    assert counts[0] >= 1
    assert all(one["p95_s"] <= 1.0 for one in told["carries"].values())


def test_what_was_detected_elsewhere_is_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.array([[k, 10.0, 10, 50, 90, 0.9] for k in range(1, 30)])
    file = tmp_path / "hall.npz"
    np.savez_compressed(file, detections=rows, embeddings=np.eye(4)[np.zeros(29, int)], fps=10)
    assert main(["benchmark", str(file)]) == errors.CONFIG
    assert "give a video" in capsys.readouterr().err
