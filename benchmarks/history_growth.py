"""What a history costs when it has grown: each question as a command and in the API, a run's start, bytes.

    python benchmarks/history_growth.py [--sightings 100000] [--portraits 13] [--jpeg 3500] [--out FOLDER]

A site of 16 cameras and 80,000 visits a day, made by SQL, with 0.35 revisions by runs a sighting and 1,000
corrections by people; --schema: of an earlier one, then brought to the present, which is timed.
Commands are timed from their start to their end, `--tries` times each (p50, p95), with the most memory that
they held, and with Python's byte code kept, as it is after a first command; questions in the API in one
process, with times and people drawn at random. What lies in --out is used again.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from history_parts.made import A_DAY, BEGIN, MODEL, VISITS, make_history, step_s
from history_parts.present import make_present

from app.forgetting import most_people
from app.history.finding import CLOSELY
from storage.database import open_database
from storage.history import History
from storage.repair import Repair
from tracker.likeness import straight
from tracker.search import Rest, search

BEFORE_PARTED = ("0001", "0002", "0003", "0004")  # pictures in the rows of vectors

COMMAND = """
import sys
from app.cli import main
main()
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak, file=sys.stderr)
"""
START = """
import sys, time
from pathlib import Path
from app.forgetting import most_people
from storage.database import open_database
from storage.history import History
from tracker.gallery import Gallery
begun, computed = time.perf_counter(), time.process_time()
history = History(open_database(Path(sys.argv[1]), create=False))
gallery = Gallery(dimension=256)
gallery.load(history.identities("bench", people=most_people(256, templates=8)), last=1, over=True)
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(len(gallery), time.perf_counter() - begun, time.process_time() - computed, int(peak) / 1024)
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sightings", type=int, default=100_000)
    parser.add_argument("--portraits", type=int, default=13, help="of a sighting")
    parser.add_argument("--jpeg", type=int, default=3500, help="bytes of a picture")
    parser.add_argument("--schema", default="head", help="0001 to 0008: of earlier ones")
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--out", type=Path, default=None)
    told = parser.parse_args()
    out = told.out or Path(tempfile.mkdtemp(prefix="growth-"))
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"history-{told.sightings}.db"
    if not path.exists():
        grow(path, told)
    print(
        f"\n{told.sightings:,} sightings, {path.stat().st_size / 1e9:.2f} GB: "
        f"{path.stat().st_size / told.sightings / 1e3:.1f} kB a sighting, "
        f"{path.stat().st_size / told.sightings * A_DAY / 16 / 1e6:.0f} MB a camera and day\n"
    )
    commands(path, told.sightings, told.tries)
    questions(path, told.sightings)
    start(path)
    return 0


def grow(path: Path, told: argparse.Namespace) -> None:
    begun = time.perf_counter()
    size = {"sightings": told.sightings, "portraits": told.portraits, "jpeg": told.jpeg}
    make = make_history if told.schema in BEFORE_PARTED else make_present
    make(path, schema=told.schema, **size)
    made = time.perf_counter()
    print(f"made in {made - begun:.0f} s ({path.stat().st_size / 1e9:.2f} GB)", flush=True)
    if told.schema != "head":
        seconds, memory, cpu = _command(["people", "--db", str(path)])
        now = path.stat().st_size / 1e9
        print(f"upgraded in {seconds:.0f} s ({cpu:.0f} s of CPU, {memory:.0f} MB; {now:.2f} GB)", flush=True)
    for copy in path.parent.glob(f"{path.name}.schema*"):
        copy.unlink()


def commands(path: Path, sightings: int, tries: int) -> None:
    """As typed; the working directory of none is the repository's, whose parts they find by PYTHONPATH."""
    last = BEGIN + sightings * step_s()
    person = str(sightings // VISITS // 2)
    print("| command | p50 | p95 | of it CPU | memory |\n|---|---|---|---|---|")
    for warm in ("people", "show", "corrections", "find"):
        _command([warm, "--db", str(path), *{"show": [person], "find": ["--sighting", "1"]}.get(warm, [])])
    for name, arguments in {
        "people": ["people"],
        "people, an early hour": ["people", "--since", str(BEGIN + 3600), "--until", str(BEGIN + 7200)],
        "people, the last day and a half": ["people", "--since", str(last - 1.5 * 86400)],
        "people of a camera, a day": ["people", "--camera", "camera 3", "--since", str(last - 86400)],
        "people, a time from which on is all of it": ["people", "--since", str(BEGIN)],
        "show": ["show", person],
        "corrections": ["corrections"],
        "corrections --runs": ["corrections", "--runs"],
        f"refine of the last {300 * step_s():.0f} s": ["refine", "--since", str(last - 300 * step_s())],
        "topology, learned and kept": ["topology", "--learn", "--save"],
        "topology, as kept": ["topology"],
        "find --sighting": ["find", "--sighting", str(sightings // 2)],
        "undo": ["undo"],
    }.items():
        timed = [_command([*arguments, "--db", str(path)]) for _ in range(tries)]
        seconds = np.array([one[0] for one in timed])
        memory, cpu = max(one[1] for one in timed), np.median([one[2] for one in timed])
        print(
            f"| {name} | {np.median(seconds):.2f} s | {np.percentile(seconds, 95):.2f} s "
            f"| {cpu:.2f} s | {memory:.0f} MB |",
            flush=True,
        )


def _command(arguments: list[str]) -> tuple[float, float, float]:
    """Seconds, the most MB it held (VmHWM: of a child getrusage tells its parent's too), seconds of CPU."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    assert process.stderr is not None
    *_, last = process.stderr.read().splitlines()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    process.stderr.close()
    return time.perf_counter() - begun, int(last) / 1024, usage.ru_utime + usage.ru_stime


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "growth-byte-code")} | kept


def questions(path: Path, sightings: int, asked: int = 100) -> None:
    engine = open_database(path, create=False)
    history, dice = History(engine), random.Random(5)
    span = sightings * step_s()

    def moment() -> float:
        return BEGIN + dice.random() * span

    def hour() -> object:
        since = moment()
        return history.people(since=since, until=since + 3600, most=100)

    def person() -> object:
        return history.sightings(person=dice.randint(5, sightings // VISITS - 5), most=200)

    def undone() -> object:
        repair = Repair(engine)
        return repair.undo(repair.move(dice.randint(1, sightings), dice.randint(5, sightings // VISITS - 5)))

    print("\n| in the API | p50 | p95 |\n|---|---|---|")
    for name, question, times in (
        ("people, the last 100", lambda: history.people(most=100), asked),
        ("people, an hour", hour, asked),
        ("a person", lambda: history.person(dice.randint(5, sightings // VISITS - 5)), asked),
        ("a person's sightings", person, asked),
        ("a person's best pictures", lambda: history.best_portraits(dice.randint(5, 999), most=8), asked),
        ("undecided, how many", lambda: history.number_of_sightings(unidentified=True), asked),
        ("a move and its undo", undone, asked),
        ("whom a picture shows, of all", lambda: _found(history), 10),
    ):
        print(_row(name, question, times), flush=True)


def _found(history: History) -> object:
    look = np.random.default_rng(0).normal(size=256).astype(np.float32)
    look /= np.linalg.norm(look)
    near, others = history.likeness(MODEL, look[None]).nearest(0, most=CLOSELY)
    known = history.identity_blocks(MODEL, ids=list(near), looks_alone=True)
    return search(look, known, most=5, likeness=straight(), rest=Rest(others, near))


def _row(name: str, question: Callable[[], object], times: int) -> str:
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        question()
        seconds.append(time.perf_counter() - begun)
    p50, p95 = 1000 * np.median(seconds), 1000 * np.percentile(seconds, 95)
    return f"| {name} | {p50:.1f} ms | {p95:.1f} ms |"


def start(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, str(path)], capture_output=True, text=True, check=True
    )
    people, seconds, cpu, memory = map(float, done.stdout.split())
    most = most_people(256, templates=8)
    print(f"\na gallery of {people:.0f} people (at most {most}) in {seconds:.1f} s ({cpu:.1f} s of CPU)")
    print(f"{memory:.0f} MB in all")
    print(f"free on that disk: {shutil.disk_usage(path.parent).free / 1e9:.0f} GB")


if __name__ == "__main__":
    raise SystemExit(main())
