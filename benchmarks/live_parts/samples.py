"""A running `sightline watch`, watched from outside: /proc, the database's files, and its metrics."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from subprocess import Popen

from prometheus_client.parser import text_string_to_metric_families

_PAGE_MB = 4096 / 1e6

Metrics = dict[tuple[str, ...], float]
"""(name, label values by their labels' order, that of a histogram's bucket last) -> value."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. at_s: since the beginning. Frames: since the look before, of all cameras; a second.

    p50_s, p95_s, p99_s: latency, from filmed to result, of the frames since the look before; row_p50_s,
    row_p95_s: from filmed to what was found being on disk. points: in all trajectories, all runs.
    """

    at_s: float
    memory_mb: float
    threads: int
    handles: int
    cpu_s: float
    database_mb: float
    wal_mb: float
    recordings_mb: float
    points: int
    received_fps: float
    processed_fps: float
    dropped_fps: float
    playing: int
    people: int
    p50_s: float
    p95_s: float
    p99_s: float
    row_p50_s: float
    row_p95_s: float


class Sampler:
    """Looks at a process and its history. url: of its metrics."""

    def __init__(self, process: Popen[bytes], url: str, database: Path) -> None:
        self._process = process
        self._url = url
        self._database = database
        self._began = self._last = time.monotonic()
        self._before = metrics(url)
        self._points, self._used_mb = 0, 0.0

    def look(self) -> Sample:
        now, found = time.monotonic(), metrics(self._url)
        took_s, before = now - self._last, self._before
        self._last, self._before = now, found
        memory_mb, threads, handles, cpu_s = _of_process(self._process.pid)
        with suppress(sqlite3.OperationalError):  # the disk is full, or all is locked: as it was
            self._points, self._used_mb = _held(self._database)
        latency = spread(found, before, "sightline_latency_seconds_bucket")
        row = spread(found, before, "sightline_frame_whole_seconds_bucket")
        rate = {what: frames(found, before, what) / took_s for what in ("received", "processed", "dropped")}
        return Sample(
            at_s=now - self._began,
            memory_mb=memory_mb,
            threads=threads,
            handles=handles,
            cpu_s=cpu_s,
            database_mb=self._used_mb,
            wal_mb=_size_mb(self._database.with_name(f"{self._database.name}-wal")),
            recordings_mb=sum(map(_size_mb, self._database.parent.glob("recordings/*/*/*"))),
            points=self._points,
            received_fps=rate["received"],
            processed_fps=rate["processed"],
            dropped_fps=rate["dropped"],
            playing=playing(found),
            people=int(found[("sightline_identities",)]),
            p50_s=quantile(latency, 0.5),
            p95_s=quantile(latency, 0.95),
            p99_s=quantile(latency, 0.99),
            row_p50_s=quantile(row, 0.5),
            row_p95_s=quantile(row, 0.95),
        )


def metrics(url: str) -> Metrics:
    with urllib.request.urlopen(url, timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = (sample for family in families for sample in family.samples)
    return {(s.name, *(s.labels[n] for n in sorted(s.labels, key=_le_last))): s.value for s in samples}


def _le_last(label: str) -> tuple[bool, str]:
    return label == "le", label


def frames(found: Metrics, before: Metrics, what: str) -> float:
    """Frames of all cameras since `before`; one that was taken out meanwhile counts from 0 again.

    what: received, processed, skipped or dropped.
    """
    counts = {key: value for key, value in found.items() if key[0] == f"sightline_frames_{what}_total"}
    steps = ((value, value - before.get(key, 0.0)) for key, value in counts.items())
    return sum(step if step >= 0 else value for value, step in steps)


def playing(found: Metrics) -> int:
    states = (v for key, v in found.items() if key[0] == "sightline_camera_state" and key[2] == "playing")
    return int(sum(states))


def spread(found: Metrics, before: Metrics, name: str, *labels: str) -> dict[float, float]:
    """Upper edge of each bucket -> observations up to it since `before`, of all that have these labels."""
    edges: dict[float, float] = {}
    for key, value in found.items():
        if key[0] == name and key[1:-1][: len(labels)] == labels:
            edges[float(key[-1])] = edges.get(float(key[-1]), 0.0) + value - before.get(key, 0.0)
    return dict(sorted(edges.items()))


def quantile(counts: dict[float, float], share: float) -> float:
    """By straight lines within the buckets, as Prometheus does; NaN where nothing was observed."""
    whole = counts.get(math.inf, 0.0)
    low, below = 0.0, 0.0
    for edge, count in counts.items():
        if whole and count >= share * whole:
            return low if edge == math.inf else low + (edge - low) * (share * whole - below) / (count - below)
        low, below = edge, count
    return math.nan


def _of_process(pid: int) -> tuple[float, int, int, float]:
    """Resident memory in MB (10^6 bytes), threads, open file handles, CPU seconds."""
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text().split()[1])
    after_name = (folder / "stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(after_name[11]) + int(after_name[12])) / 100
    return (
        pages * _PAGE_MB,
        len(list((folder / "task").iterdir())),
        len(list((folder / "fd").iterdir())),
        cpu_s,
    )


def cpu_s_of(pid: int) -> float:
    """User and system seconds of a process and its threads."""
    return _of_process(pid)[3]


def _size_mb(path: Path) -> float:
    return path.stat().st_size / 1e6 if path.exists() else 0.0


def _held(database: Path) -> tuple[int, float]:
    """Points, and the MB that the history takes: pages of what was erased are free, but stay in the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        asked = (
            "SELECT coalesce(sum(points), 0) FROM trajectory",
            "PRAGMA page_count",
            "PRAGMA freelist_count",
            "PRAGMA page_size",
        )
        points, pages, free, size = (int(connection.execute(one).fetchone()[0]) for one in asked)
    return points, (pages - free) * size / 1e6


def metrics_url(log: Path) -> str:
    """As `--log json` tells it."""
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.startswith("{") and (told := json.loads(line))["event"] == "metrics":
            return str(told["url"])
    raise RuntimeError(f"{log} tells no address of the metrics")


def write_csv(samples: Sequence[Sample], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f.name for f in fields(Sample)])
        writer.writerows([f"{value:.6g}" for value in asdict(sample).values()] for sample in samples)
