"""What the soak makes of what it saw: of lines that grow, and of histograms."""

from __future__ import annotations

import math
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from live_parts.samples import Metrics, Sample, frames, quantile, spread
from live_parts.verdict import judge, table

STILL = Sample(**{f.name: 1 for f in fields(Sample)})


def soak(**lines: Any) -> list[Sample]:
    """Half an hour, a look every 5 s. lines: an attribute's values, one each."""
    return [
        replace(STILL, at_s=5.0 * n, **{name: float(values[n]) for name, values in lines.items()})
        for n in range(360)
    ]


def test_a_leak_is_told_through_noise_and_jumps() -> None:
    noise = np.random.default_rng(1).normal(size=360)
    leak = 500 + 2.0 * noise + np.linspace(0, 30, 360)  # 60 MB an hour
    leak[100:110] += 400
    words = {j.line.name: j.word for j in judge(soak(memory_mb=leak))}
    assert words.pop("memory") == "NO"
    assert set(words.values()) == {"yes"}


def test_what_does_not_grow_is_flat_however_it_jumps() -> None:
    noise = np.random.default_rng(2).normal(size=360)
    spikes = np.where(np.arange(360) % 30 == 0, 3.0, 0.0)
    judged = judge(soak(memory_mb=500 + noise, p95_s=0.3 + 0.01 * noise + spikes, threads=30 + (noise > 1)))
    assert not [j.line.name for j in judged if j.grows]
    assert "| memory (MB) | 500" in table(judged)


def test_what_is_too_noisy_to_tell_is_not_called_flat() -> None:
    noise = np.random.default_rng(3).normal(size=360)
    (p95,) = [j for j in judge(soak(p95_s=1 + 2 * noise + np.linspace(0, 0.4, 360))) if "p95" in j.line.name][
        :1
    ]
    assert p95.word == "can't tell"


def test_looks_without_a_frame_do_not_count() -> None:
    latency = np.full(360, 0.2)
    latency[50:90] = math.nan
    judged = {j.line.name: j for j in judge(soak(p50_s=latency))}
    assert judged["latency p50"].slope == pytest.approx(0.0)


def test_quantiles_of_a_histogram_since_a_look() -> None:
    def seen(hall: tuple[int, int, int], yard: tuple[int, int, int]) -> Metrics:
        rows = {("latency", name, edge): value for name, counts in (("hall", hall), ("yard", yard))
                for edge, value in zip(("0.1", "0.2", "+Inf"), counts, strict=True)}  # fmt: skip
        return {key: float(value) for key, value in rows.items()}

    before, after = seen((5, 5, 5), (0, 0, 0)), seen((10, 15, 15), (0, 10, 10))
    assert spread(after, before, "latency") == {0.1: 5, 0.2: 20, math.inf: 20}
    assert quantile(spread(after, before, "latency"), 0.25) == pytest.approx(0.1)
    assert quantile(spread(after, before, "latency"), 0.5) == pytest.approx(0.1 + 0.1 / 3)
    assert spread(after, before, "latency", "hall") == {0.1: 5, 0.2: 10, math.inf: 10}
    assert math.isnan(quantile(spread(before, before, "latency"), 0.5))
    assert quantile({0.1: 0.0, math.inf: 4.0}, 0.5) == 0.1, "beyond the last edge nothing is known"


def test_a_camera_that_was_taken_out_counts_anew() -> None:
    name = "sightline_frames_received_total"
    before = {(name, "hall"): 100.0, (name, "yard"): 50.0}
    after = {(name, "hall"): 130.0, (name, "yard"): 7.0, (name, "new"): 2.0}
    assert frames(after, before, "received") == 30 + 7 + 2
