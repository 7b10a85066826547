"""A history as files for other programs: MOT text, CSV, Parquet, JSON. Same history, same bytes.

MOT, as MOTChallenge has it: one NAME.txt a camera with lines of ``frame,id,x,y,w,h,score,-1,-1,-1``: frames
from 1, pixels, one id over all cameras, nobody who was not identified. The others: a table of sightings,
numbered from 1 by start, and a table of their points.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from storage.errors import ExportError as ExportError
from storage.history import History, SightingRow, Trajectory

Format = Literal["mot", "csv", "parquet", "json"]

SIGHTINGS = (
    ("sighting", "int64"),
    ("person", "int64"),
    ("name", "string"),
    ("camera", "string"),
    ("start", "float64"),
    ("end", "float64"),
    ("probability", "float64"),
    ("distance", "float64"),
    ("gap_s", "float64"),
    ("runner_up", "int64"),
    ("runner_up_distance", "float64"),
    ("crops", "int64"),
)
POINTS = (
    ("sighting", "int64"),
    ("person", "int64"),
    ("camera", "string"),
    ("time", "float64"),
    ("frame", "int64"),
    ("x1", "float64"),
    ("y1", "float64"),
    ("x2", "float64"),
    ("y2", "float64"),
    ("score", "float64"),
)

_SIGHTINGS_A_TIME = 500  # how many trajectories are in memory at once

_Columns = Sequence[tuple[str, str]]
_Row = tuple[Any, ...]


def export(history: History, format: Format, out: Path) -> list[Path]:  # noqa: A002
    """Write the history into the folder ``out``, made where it is missing; the files written, by name.

    Raises ExportError where that cannot be, DatabaseError where the history cannot be read.
    """
    with _explained(out):
        out.mkdir(parents=True, exist_ok=True)
        if format == "mot":
            return _export_mot(history, out)
        write = _TABLES[format]
        files = [out / f"points.{format}", out / f"sightings.{format}"]
        sightings = history.sightings()  # once, for a run may be going on
        write(files[0], POINTS, _points(history, sightings))
        write(files[1], SIGHTINGS, _sightings(history, sightings))
        return files


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or out
        raise ExportError(
            f"cannot write {where} ({error.strerror or error}); make room there, change its permissions, "
            "or name another folder with --out"
        ) from error


def _in_parts(history: History, sightings: list[SightingRow]) -> Iterator[tuple[SightingRow, Trajectory]]:
    """Every sighting with its trajectory, a few at a time in memory."""
    for k in range(0, len(sightings), _SIGHTINGS_A_TIME):
        part = sightings[k : k + _SIGHTINGS_A_TIME]
        ways = history.trajectories([sighting.id for sighting in part])
        yield from ((sighting, ways[sighting.id]) for sighting in part)


def _sightings(history: History, sightings: list[SightingRow]) -> Iterator[_Row]:
    names = {person.id: person.name for person in history.people()}
    for number, s in enumerate(sightings, 1):
        why: _Row = (None,) * 5
        if s.evidence:
            e = s.evidence
            why = (e.distance, e.gap_s, e.runner_up, e.runner_up_distance, e.crops)
        name = None if s.person is None else names.get(s.person)
        yield (number, s.person, name, s.camera, s.start, s.end, s.probability, *why)


def _points(history: History, sightings: list[SightingRow]) -> Iterator[_Row]:
    for number, (sighting, way) in enumerate(_in_parts(history, sightings), 1):
        times, frames = way.times.round(4).tolist(), way.frames.tolist()
        boxes, scores = way.boxes.astype(np.float64).tolist(), way.scores.astype(np.float64).round(4).tolist()
        for time, frame, box, score in zip(times, frames, boxes, scores, strict=True):
            yield (number, sighting.person, sighting.camera, time, frame, *box, score)


def _write_csv(path: Path, columns: _Columns, rows: Iterable[_Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([name for name, _ in columns])
        writer.writerows(rows)


def _write_json(path: Path, columns: _Columns, rows: Iterable[_Row]) -> None:
    """A list of objects, one a line."""
    names = [name for name, _ in columns]
    with path.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for row in rows:
            file.write(separator + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def _write_parquet(path: Path, columns: _Columns, rows: Iterable[_Row]) -> None:
    import pyarrow as pa  # slow to load, and nothing else needs it
    from pyarrow import parquet

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in columns])
    with parquet.ParquetWriter(path, schema) as writer:
        for part in _in_groups(rows, 100_000):
            values = zip(*part, strict=True)
            writer.write_table(
                pa.table([pa.array(v, t) for v, t in zip(values, schema.types, strict=True)], schema=schema)
            )


def _in_groups(rows: Iterable[_Row], size: int) -> Iterator[list[_Row]]:
    group: list[_Row] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


_TABLES: dict[str, Callable[[Path, _Columns, Iterable[_Row]], None]] = {
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}


def _export_mot(history: History, out: Path) -> list[Path]:
    by_camera: dict[str, list[SightingRow]] = {name: [] for name in history.cameras()}
    for sighting in history.sightings():
        if sighting.person is not None:
            by_camera[sighting.camera].append(sighting)
    files = []
    for camera, name in file_names(by_camera).items():
        rows = _mot_rows(history, camera, by_camera[camera])
        files.append(out / f"{name}.txt")
        np.savetxt(files[-1], rows, "%d,%d,%.3f,%.3f,%.3f,%.3f,%.3f,-1,-1,-1")
    return sorted(files)


def _mot_rows(history: History, camera: str, sightings: list[SightingRow]) -> NDArray[np.float64]:
    """(N, 7) frame, id, x, y, w, h, score, by frame and id.

    Later runs of a camera go on counting where the run before ended. Where two sightings have a person
    twice in one frame, the more probable one counts.
    """
    run_of = {footage.id: footage.run for footage in history.footage(camera)}
    parts = [np.zeros((0, 9))]
    for sighting, way in _in_parts(history, sightings):
        rows = np.zeros((len(way), 9))
        rows[:, 0], rows[:, 1], rows[:, 2] = run_of[sighting.footage], way.frames, sighting.person
        rows[:, 3:5], rows[:, 5:7] = way.boxes[:, :2], way.boxes[:, 2:] - way.boxes[:, :2]
        rows[:, 7], rows[:, 8] = way.scores, -sighting.probability
        parts.append(rows)
    table = np.concatenate(parts)
    first = 1
    for run in dict.fromkeys(run_of.values()):
        mine = table[:, 0] == run
        table[mine, 1] += first
        first = int(table[mine, 1].max(initial=first - 1)) + 1
    table = table[np.lexsort((table[:, 8], table[:, 2], table[:, 1]))]
    _, once = np.unique(table[:, 1:3], axis=0, return_index=True)
    return table[once, 1:8]


def file_names(cameras: Iterable[str]) -> dict[str, str]:
    """Camera -> a file name for it, safe on every system and of no other camera, without an ending."""
    names: dict[str, str] = {}
    taken: defaultdict[str, int] = defaultdict(int)
    for camera in sorted(cameras):
        name = re.sub(r"[^\w.-]+", "_", camera).strip("._") or "camera"
        while taken[name.casefold()]:
            taken[name.casefold()] += 1
            name = f"{name}-{taken[name.casefold()]}"
        taken[name.casefold()] = 1
        names[camera] = name
    return names
