"""Corrections at random, all taken back: is the history's export what it was, byte for byte?

    python benchmarks/undone.py [--corrections 1000] [--sightings 3000] [--seed 1] [--out FOLDER]

Every kind a person can make (merge, also of two in one view at once; differ, name, move, split, cut) and the
second pass's, on a made history of four cameras, one in five followed by an undo of any that there is; then
all that are left are undone, the last first. The exports as tables, JSON and MOT are compared with those of
before.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Engine

from storage.database import open_database
from storage.errors import DatabaseError
from storage.export import export
from storage.history import History
from storage.repair import CorrectionError, Move, Repair, corrections
from storage.writer import Writer
from tracker.types import Evidence, Point, Portrait, Sighting, Terms

BEGIN, VISITS, CAMERAS = 1_700_000_000.0, 10, ("hall", "yard", "gate", "stairs")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corrections", type=int, default=1000)
    parser.add_argument("--sightings", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    folder = told.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "undone.db"
    path.unlink(missing_ok=True)
    engine = made_history(path, told.sightings, random.Random(told.seed))
    before = exported(engine, folder / "before")
    made, took = correct(engine, told.corrections, random.Random(told.seed), sightings=told.sightings)
    between = exported(engine, folder / "between")
    undid = undo_all(engine)
    after = exported(engine, folder / "after")
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(made.items()))
    print(f"{sum(made.values())} corrections: {kinds}")
    for what, times in (("to correct", took), ("to undo", undid)):
        p50, p95 = 1000 * np.percentile(times, (50, 95))
        print(f"{what}: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    differ = [name for name in before if before[name] != after.get(name)]
    print(
        f"{len(before)} files, {sum(map(len, before.values())) / 1e6:.1f} MB; changed in between: "
        f"{sum(before[name] != between[name] for name in before)}; differ in the end: {len(differ)}"
    )
    if told.out is None:
        shutil.rmtree(folder)
    sys.exit(1 if differ or before == between else 0)


def made_history(path: Path, sightings: int, dice: random.Random) -> Engine:
    """One sighting a second, of ten seconds; a person's lie close together, one in twenty is nobody's."""
    engine = open_database(path, create=True)
    with Writer(engine, command="bench", version="0", model="bench", dimension=4) as writer:
        for camera in CAMERAS:
            writer.footage(camera, uri=f"{camera}.mp4", start=BEGIN, width=640, height=480)
        for number in range(1, sightings + 1):
            person = None if dice.random() < 0.05 else max(1, number // VISITS - dice.randint(0, 5))
            start, camera = BEGIN + number, dice.choice(CAMERAS)
            why = Evidence(dice.random(), 1.0, max(1, number // VISITS - 3), 0.5, 4, terms=Terms(-3, 4, 1))
            writer.sighting(Sighting(number, camera, start, start + 10, person, dice.random(), why))
            for k in range(50):
                box = np.array([k, 50, k + 40, 150], np.float32)
                writer.point(number, Point(start + k / 5, 5 * number + k, box, 0.9))
            vector = np.eye(4, dtype=np.float32)[number % 4]
            writer.portrait(number, Portrait(start, dice.random(), vector, None))
        for camera in CAMERAS:
            writer.frames(camera, 5 * sightings, BEGIN + sightings + 10)
    return engine


def exported(engine: Engine, out: Path) -> dict[str, bytes]:
    files = [file for kind in ("csv", "json", "mot") for file in export(History(engine), kind, out / kind)]  # type: ignore[arg-type]
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def correct(
    engine: Engine, count: int, dice: random.Random, *, sightings: int
) -> tuple[Counter[str], list[float]]:
    """How many of each kind were made, and how long each took; those that make no sense are not counted."""
    repair, made, took = Repair(engine), Counter[str](), []
    while sum(made.values()) < count:
        begun = time.perf_counter()
        with suppress(DatabaseError):
            number = dice.choice(deeds(repair, engine, dice, sightings))()
            made[repair.correction(number).kind] += 1
            took.append(time.perf_counter() - begun)
        if dice.random() < 0.2:
            with suppress(CorrectionError):
                repair.undo(dice.choice([row.id for row in corrections(engine)]))
    return made, took


def deeds(repair: Repair, engine: Engine, dice: random.Random, sightings: int) -> list[Callable[[], int]]:
    """One of each kind, about people and sightings that lie close together, as mistakes do."""
    person = dice.randint(1, sightings // VISITS)
    other = max(1, person + dice.randint(-3, 3))
    mine = [row.id for row in History(engine).sightings(person=person)] or [1]
    some = sorted(dice.sample(mine, dice.randint(1, len(mine))))
    one = History(engine).sighting(some[0])
    at = 0.0 if one is None else dice.uniform(one.start, one.end)
    to = dice.choice([other, None])
    return [
        lambda: repair.merge(person, other, anyway=True),
        lambda: repair.differ(person, other),
        lambda: repair.name(person, dice.choice(["Ann", "Bea", "=1+1", ""])),
        lambda: repair.move(some[0], to),
        lambda: repair.split(person, some, to),
        lambda: repair.cut(some[0], at, to),
        lambda: repair.refine([Move(id_, dice.choice([other, -1, -2]), 0.6) for id_ in some], note="bench"),
    ]


def undo_all(engine: Engine) -> list[float]:
    """How long each took."""
    repair, took = Repair(engine), []
    while any(row.undone is None for row in corrections(engine)):
        begun = time.perf_counter()
        repair.undo()
        took.append(time.perf_counter() - begun)
    return took


if __name__ == "__main__":
    main()
