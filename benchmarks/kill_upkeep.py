"""`kill -9` at random moments of what changes a history: run, refine, undo, forget, an upgrade, a backup.

    python benchmarks/kill_upkeep.py [--kills 80] [--sightings 3000] [--seed 1] [--out FOLDER]

Each kind in turn, on a copy of one made history, in a process of its own, killed after a random part of the
time that it takes undisturbed. Then: is it sound (PRAGMA integrity_check, foreign_key_check, and all that
`sightline check-history` looks at), and is what is there all of the change or nothing (of a forget, a refine
and an undo: once the next change went on with what was begun), with every other sighting's identity as it
was. A `run` (over detections made elsewhere, into a history that holds the day before) is finished by `run
--resume`, and comes to the people and as many sightings as one that nobody killed, give or take where it was
cut.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from history_parts.made import VISITS, make_history
from small_site import START, small_site

from storage.database import open_database
from storage.forgetting import Forgetting
from storage.repair import Move, Repair
from storage.upkeep import check

APPLY = """
import sys
from pathlib import Path
from storage.database import open_database
from storage.repair import Move, Repair
engine = open_database(Path(sys.argv[1]), create=False)
moves = [Move(number, -1 - number % 50, 0.7) for number in range(1, 2001)]
Repair(engine).refine(moves, note="bench")
"""
Identities = dict[int, int | None]


@dataclass(frozen=True, slots=True)
class Change:
    """A command, and what must be after it. whole: given the identities before and after, whether that is all
    of the change; nothing changed is all right as well.
    """

    arguments: list[str]
    prepare: Callable[[Path], object]
    whole: Callable[[Identities, Identities, Path], bool]


def sightline(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]


def changes(path: Path, copy: Path) -> dict[str, Change]:
    db = ["--db", str(path)]
    person = 20
    return {
        "refine --apply": Change(
            [sys.executable, "-c", APPLY, str(path)],
            lambda _: None,
            lambda old, new, victim: all(old[n] != new[n] for n in free(victim)),
        ),
        "undo": Change(
            sightline("undo", *db),
            refined,
            lambda old, new, _: all(new[n] is None or new[n] <= 3000 // VISITS + 1 for n in range(1, 2001)),
        ),
        "forget": Change(
            sightline("forget", str(person), *db),
            lambda _: None,
            lambda old, new, _: {n: who for n, who in old.items() if who != person} == new,
        ),
        "upgrade": Change(sightline("people", *db), lambda _: None, lambda old, new, _: old == new),
        "backup": Change(
            sightline("backup", str(copy), *db),
            lambda _: copy.unlink(missing_ok=True),
            lambda old, new, _: old == new and (not copy.exists() or identities(copy) == old),
        ),
    }


def recorded(out: Path) -> Path:
    """A history of a day; beside it lie the files of the next, of the same people."""
    path, files = out / "yesterday.db", small_site(out)
    subprocess.run(sightline("run", *map(str, files), "--db", str(path)), check=True, capture_output=True)
    (out / "later").mkdir(exist_ok=True)
    for file in files:
        with np.load(file) as told:
            later = {name: told[name] for name in told.files} | {"start": START + 86400.0}
        np.savez_compressed(out / "later" / file.name, **later)
    return path


def running(out: Path) -> Change:
    files = [str(out / "later" / f"{camera}.npz") for camera in ("hall", "stairs")]
    typed = ["run", *files, "--db", str(out / "victim.db")]

    def whole(old: Identities, new: Identities, victim: Path) -> bool:
        """Once it is gone on with."""
        subprocess.run(sightline(*typed, "--resume"), check=False, capture_output=True)
        now = identities(victim)
        later = [who for number, who in now.items() if number not in old]
        return {n: now[n] for n in old} == old and len(later) >= 5 and set(later) <= set(old.values())

    return Change(sightline(*typed), lambda _: None, whole)


def refined(path: Path) -> None:
    moves = [Move(number, -1 - number % 50, 0.7) for number in range(1, 2001)]
    Repair(open_database(path, create=False)).refine(moves, note="bench")


def free(path: Path) -> list[int]:
    """Of the first 2,000 sightings those that no person placed: the others stay."""
    with closing(sqlite3.connect(path)) as file:
        query = (
            "SELECT sighting.id FROM sighting LEFT JOIN correction ON correction.id = placed_by "
            "WHERE sighting.id <= 2000 AND author IS NOT 'person'"
        )
        return [row[0] for row in file.execute(query)]


def identities(path: Path) -> Identities:
    with closing(sqlite3.connect(path)) as file:
        return dict(file.execute("SELECT id, identity_id FROM sighting"))


def problems(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as file:
        found = [row[0] for row in file.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"foreign key: {row}" for row in file.execute("PRAGMA foreign_key_check")]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=80)
    parser.add_argument("--sightings", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=None)
    told = parser.parse_args()
    out = told.out or Path(tempfile.mkdtemp(prefix="kill-upkeep-"))
    out.mkdir(parents=True, exist_ok=True)
    old, new = out / "old.db", out / "new.db"
    make_history(old, sightings=told.sightings, portraits=3, jpeg=1000)
    shutil.copy(old, new)
    open_database(new, create=False)
    yesterday = recorded(out)
    dice = random.Random(told.seed)
    victim, copy = out / "victim.db", out / "copy.db"
    took: dict[str, float] = {}
    done, faults = Counter[str](), Counter[str]()
    bad = 0
    for number in range(told.kills):
        kinds = {"run": running(out)} | changes(victim, copy)
        kind = list(kinds)[number % len(kinds)]
        source = {"upgrade": old, "run": yesterday}.get(kind, new)
        if kind not in took:
            took[kind] = timed(source, victim, kinds[kind])
        wrong = cycle(source, victim, kinds[kind], dice.uniform(0.3, 1.0) * took[kind], kind)
        bad += bool(wrong)
        faults[kind] += bool(wrong)
        done[kind] += 1
        print(f"{number + 1:3} {kind:15} {'; '.join(wrong) or 'sound'}", flush=True)
    print("\n| killed | times | undisturbed | with a fault |\n|---|---|---|---|")
    for kind, times in done.items():
        print(f"| {kind} | {times} | {took[kind]:.1f} s | {faults[kind]} |")
    print(f"\n{told.kills} kills, {bad} with a fault")
    return 1 if bad else 0


def fresh(source: Path, victim: Path, change: Change) -> Identities:
    for file in victim.parent.glob(f"{victim.name}*"):
        file.unlink()
    shutil.copy(source, victim)
    change.prepare(victim)
    return identities(victim)


def timed(source: Path, victim: Path, change: Change) -> float:
    fresh(source, victim, change)
    begun = time.monotonic()
    subprocess.run(change.arguments, check=True, capture_output=True)
    return time.monotonic() - begun


def cycle(source: Path, victim: Path, change: Change, after_s: float, kind: str) -> list[str]:
    """What is wrong after a kill at that time."""
    before = fresh(source, victim, change)
    process = subprocess.Popen(change.arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_s)
    process.kill()
    process.wait(timeout=30)
    wrong = problems(victim)
    engine = open_database(victim, create=False)
    if kind == "forget":
        Forgetting(engine, remove=lambda path, camera: False).carry_out()
    if kind in ("refine --apply", "undo"):
        repair = Repair(engine)
        repair.undo(repair.name(1, "the next change"))
    wrong += [f"{one.name}: {one.what}" for one in check(engine) if not one.sound]
    after = identities(victim)
    if after != before and not change.whole(before, after, victim):
        wrong.append("neither all nor nothing")
    if kind in ("backup", "run") and not change.whole(before, after, victim):
        wrong.append("a copy that is not whole, or a run that does not go on")
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
