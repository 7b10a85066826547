"""A history as files for other programs: MOT text, CSV, Parquet, JSON. Same history, same bytes.

MOT, as MOTChallenge has it: one NAME.txt a camera with lines of ``frame,id,x,y,w,h,score,-1,-1,-1``: frames
from 1, pixels, one id over all cameras, nobody who was not identified. The others: a table of sightings by
start, with the ids they have everywhere else, and a table of their points.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import astuple
from functools import partial
from itertools import accumulate, chain, repeat
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from storage.errors import ExportError as ExportError
from storage.history import FootageRow, History, SightingRow, Trajectory
from storage.place import make_private

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
    ("prior", "float64"),
    ("appearance", "float64"),
    ("transition", "float64"),
    ("ground", "float64"),
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

_ROWS_A_GROUP = 100_000  # that wait in memory to be written together
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

_Columns = Sequence[tuple[str, str]]
_Row = tuple[Any, ...]
_Table = AbstractContextManager[Callable[[_Row], object]]


def export(history: History, format: Format, out: Path) -> list[Path]:  # noqa: A002
    """Write the history, as of one moment, into the folder ``out``, made where it is missing; the files
    written, by name. They appear once they are whole.

    Raises ExportError where that cannot be, DatabaseError where the history cannot be read.
    """
    with _explained(out):
        make_private(out)
        write = _write_mot if format == "mot" else partial(_write_tables, _TABLES[format], format)
        with _Parts(out) as parts, history.walk() as visits:
            write(history, visits, parts)
        return parts.files


_Visits = Iterator[tuple[SightingRow, str | None, Trajectory]]


class _Parts:
    """Files that are written under other names and get their own once all are whole; else they go."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._names: list[str] = []
        self.files: list[Path] = []

    def open(self, name: str) -> Path:
        """Where to write the file of that name: a new one, which none but its owner may read."""
        part = self._out / f"{name}.part"
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        self._names.append(name)
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in sorted(self._names):
            part = self._out / f"{name}.part"
            if error is None:
                part.replace(self._out / name)
                self.files.append(self._out / name)
            else:
                part.unlink(missing_ok=True)


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


def _write_tables(
    table: Callable[[Path, _Columns], _Table], ending: str, history: History, visits: _Visits, parts: _Parts
) -> None:
    """Both tables in one walk."""
    paths = [parts.open(f"{name}.{ending}") for name in ("points", "sightings")]
    with table(paths[0], POINTS) as points, table(paths[1], SIGHTINGS) as sightings:
        for sighting, name, way in visits:
            sightings(_sighting_row(sighting, name))
            for row in _point_rows(sighting, way):
                points(row)


def _sighting_row(s: SightingRow, name: str | None) -> _Row:
    why: _Row = (None,) * 5
    terms: _Row = (None,) * 4
    if s.evidence:
        e = s.evidence
        why = (e.distance, e.gap_s, e.runner_up, e.runner_up_distance, e.crops)
        terms = terms if e.terms is None else astuple(e.terms)
    return (s.id, s.person, name, s.camera, s.start, s.end, s.probability, *why, *terms)


def _point_rows(sighting: SightingRow, way: Trajectory) -> Iterator[_Row]:
    times, frames = way.times.round(4).tolist(), way.frames.tolist()
    boxes, scores = way.boxes.astype(np.float64).tolist(), way.scores.astype(np.float64).round(4).tolist()
    for time, frame, box, score in zip(times, frames, boxes, scores, strict=True):
        yield (sighting.id, sighting.person, sighting.camera, time, frame, *box, score)


@contextmanager
def _csv(path: Path, columns: _Columns) -> Iterator[Callable[[_Row], object]]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([name for name, _ in columns])
        yield lambda row: writer.writerow([no_formula(value) for value in row])


def no_formula(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, with a quote before it: then it is a text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


@contextmanager
def _json(path: Path, columns: _Columns) -> Iterator[Callable[[_Row], object]]:
    """A list of objects, one a line."""
    names = [name for name, _ in columns]
    with path.open("w", encoding="utf-8") as file:
        separators = chain(["[\n"], repeat(",\n"))

        def write(row: _Row) -> None:
            line = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
            file.write(next(separators) + line)

        yield write
        file.write("[]\n" if next(separators) == "[\n" else "\n]\n")


@contextmanager
def _parquet(path: Path, columns: _Columns) -> Iterator[Callable[[_Row], object]]:
    import pyarrow as pa  # slow to load, and nothing else needs it
    from pyarrow import parquet

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in columns])
    rows: list[_Row] = []

    def flush() -> None:
        arrays = [pa.array(v, t) for v, t in zip(zip(*rows, strict=True), schema.types, strict=True)]
        writer.write_table(pa.table(arrays, schema=schema))
        rows.clear()

    def write(row: _Row) -> None:
        rows.append(row)
        if len(rows) >= _ROWS_A_GROUP:
            flush()

    with parquet.ParquetWriter(path, schema) as writer:
        yield write
        if rows:
            flush()


_TABLES: dict[str, Callable[[Path, _Columns], _Table]] = {"csv": _csv, "json": _json, "parquet": _parquet}


def _write_mot(history: History, visits: _Visits, parts: _Parts) -> None:
    """A file a camera, all in one walk."""
    names = file_names(history.cameras())
    with ExitStack() as files:
        cameras = {}
        for camera, name in names.items():
            file = files.enter_context(parts.open(f"{name}.txt").open("w", encoding="ascii"))
            cameras[camera] = _MotFile(file, history.footage(camera))
        for sighting, _, way in visits:
            if sighting.person is not None:
                cameras[sighting.camera].take(sighting, way)
        for one in cameras.values():
            one.finish()


class _MotFile:
    """A camera's lines by frame and id, of sightings that come by their start.

    Later runs of a camera go on counting where the run before ended; one that went on with the same file
    counts as that does. Where two sightings have a person twice in one frame, the more probable one counts.
    """

    def __init__(self, file: TextIO, footage: Sequence[FootageRow]) -> None:
        self._file = file
        begun = {(row.uri, row.start): row.run for row in reversed(footage)}
        self._runs = {row.id: begun[row.uri, row.start] for row in footage}
        lengths: dict[int, int] = defaultdict(int)
        for row in footage:
            lengths[self._runs[row.id]] = max(lengths[self._runs[row.id]], row.frames)
        self._first = dict(zip(lengths, accumulate(lengths.values(), initial=1), strict=False))
        self._run: int | None = None
        self._waiting: list[NDArray[np.float64]] = []

    def take(self, sighting: SightingRow, way: Trajectory) -> None:
        """The next sighting: what lies before it can be written."""
        run = self._runs[sighting.footage]
        if run != self._run:
            self.finish()
            self._run = run
        rows = np.zeros((len(way), 8))
        rows[:, 0], rows[:, 1] = way.frames + self._first[run], sighting.person
        rows[:, 2:4], rows[:, 4:6] = way.boxes[:, :2], way.boxes[:, 2:] - way.boxes[:, :2]
        rows[:, 6], rows[:, 7] = way.scores, -sighting.probability
        self._waiting.append(rows)
        if len(way) and sum(map(len, self._waiting)) > _ROWS_A_GROUP:
            self._write(before=rows[0, 0])

    def finish(self) -> None:
        if self._waiting:
            self._write(before=np.inf)

    def _write(self, *, before: float) -> None:
        table = np.concatenate(self._waiting)
        due = table[:, 0] < before
        self._waiting = [table[~due]]
        table = table[due]
        table = table[np.lexsort((table[:, 7], table[:, 1], table[:, 0]))]
        _, once = np.unique(table[:, :2], axis=0, return_index=True)
        np.savetxt(self._file, table[once, :7], "%d,%d,%.3f,%.3f,%.3f,%.3f,%.3f,-1,-1,-1")


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
