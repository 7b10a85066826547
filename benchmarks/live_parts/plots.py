"""The soak as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from live_parts.faults import Fault
from live_parts.samples import Sample

mpl.use("Agg")
from matplotlib import pyplot as plt

PANELS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("latency, s", (("p50_s", "p50"), ("p95_s", "p95"), ("p99_s", "p99"), ("row_p95_s", "to disk p95"))),
    ("frames a second", (("received_fps", "in"), ("processed_fps", "processed"), ("dropped_fps", "dropped"))),
    ("memory, MB", (("memory_mb", "resident"),)),
    ("threads, file handles", (("threads", "threads"), ("handles", "file handles"))),
    (
        "on disk, MB",
        (("database_mb", "database"), ("wal_mb", "write-ahead log"), ("recordings_mb", "recordings")),
    ),
    ("cameras, people", (("playing", "cameras playing"), ("people", "identities met"))),
)


def plot(samples: Sequence[Sample], faults: Sequence[Fault], path: Path, *, warm_up_s: float) -> None:
    figure, panels = plt.subplots(3, 2, figsize=(11, 8), sharex=True, layout="constrained")
    minutes = [s.at_s / 60 for s in samples]
    for axes, (title, lines) in zip(panels.flat, PANELS, strict=True):
        _panel(axes, title, lines, minutes, samples)
        axes.axvspan(0, warm_up_s / 60, color="0.93", lw=0)
        for fault in faults:
            axes.axvspan(
                fault.began / 60, max(fault.ended, fault.began + 1) / 60, 0, 0.03, color="tab:red", lw=0
            )
    for axes in panels[-1]:
        axes.set_xlabel("minutes (grey: warm-up; red: a fault)")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _panel(
    axes: Any, title: str, lines: tuple[tuple[str, str], ...], minutes: list[float], samples: Sequence[Sample]
) -> None:
    for attribute, name in lines:
        axes.plot(minutes, [getattr(s, attribute) for s in samples], label=name, lw=1)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_ylim(bottom=0)
    axes.grid(color="0.9")
    if len(lines) > 1:
        axes.legend(fontsize=8, loc="best")
