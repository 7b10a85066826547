"""Is each line flat? Its slope by Theil and Sen, against a growth that is allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from live_parts.samples import Sample
from scipy.stats import theilslopes

MOST_POINTS = 600  # the estimator looks at all pairs: longer soaks are thinned to medians


@dataclass(frozen=True, slots=True)
class Line:
    """What is looked at. allowed: growth in an hour, in its unit, or allowed_share of its median if more."""

    name: str
    unit: str
    of: Callable[[Sample], float]
    allowed: float
    allowed_share: float = 0.0


LINES = (
    Line("latency p50", "ms", lambda s: 1000 * s.p50_s, 50, 0.1),
    Line("latency p95", "ms", lambda s: 1000 * s.p95_s, 100, 0.1),
    Line("latency p99", "ms", lambda s: 1000 * s.p99_s, 200, 0.1),
    Line("filmed to disk p95", "ms", lambda s: 1000 * s.row_p95_s, 100, 0.1),
    Line("memory", "MB", lambda s: s.memory_mb, 25),
    Line("threads", "", lambda s: s.threads, 1),
    Line("file handles", "", lambda s: s.handles, 2),
    Line("write-ahead log", "MB", lambda s: s.wal_mb, 2),
    Line("recordings", "MB", lambda s: s.recordings_mb, 1),
    Line("database a point", "bytes", lambda s: 1e6 * s.database_mb / max(s.points, 1), 10, 0.05),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """first, last: medians of these quarters. slope: growth in an hour, with 95 % between low and high."""

    line: Line
    first: float
    last: float
    slope: float
    low: float
    high: float
    allowed: float

    @property
    def grows(self) -> bool:
        """Whether more than is allowed is sure; on a busy machine latencies go up and down by themselves."""
        return self.low > self.allowed

    @property
    def word(self) -> str:
        if self.grows:
            return "NO"
        return "yes" if self.slope <= self.allowed else "can't tell"


def judge(samples: Sequence[Sample]) -> list[Judged]:
    """Of the samples after the warm-up."""
    hours = np.array([s.at_s for s in samples]) / 3600
    return [_judged(line, hours, np.array([line.of(s) for s in samples], float)) for line in LINES]


def _judged(line: Line, hours: np.ndarray, values: np.ndarray) -> Judged:
    known = np.isfinite(values)
    hours, values = _thinned(hours[known], values[known])
    slope, _, low, high = theilslopes(values, hours)
    quarter = max(len(values) // 4, 1)
    allowed = max(line.allowed, line.allowed_share * float(np.median(values)))
    first, last = float(np.median(values[:quarter])), float(np.median(values[-quarter:]))
    return Judged(line, first, last, float(slope), float(low), float(high), allowed)


def _thinned(hours: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = min(MOST_POINTS, len(hours))
    return (
        np.array([np.median(part) for part in np.array_split(hours, parts)]),
        np.array([np.median(part) for part in np.array_split(values, parts)]),
    )


def table(judged: Sequence[Judged]) -> str:
    rows = [
        "| line | first quarter | last quarter | slope an hour (95 %) | allowed an hour | flat |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {j.line.name}{f' ({j.line.unit})' if j.line.unit else ''} | {j.first:.4g} | {j.last:.4g} "
        f"| {j.slope:+.3g} ({j.low:+.3g} to {j.high:+.3g}) | {j.allowed:.3g} | {j.word} |"
        for j in judged
    ]
    return "\n".join(rows)
