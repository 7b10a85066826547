"""`kill -9` at random moments of a live run, again and again on one history.

    python benchmarks/kill.py [--kills 100] [--out FOLDER] [--seed 1]

One camera (footage of ten people, served over RTSP by GStreamer, from its beginning to each connection) is
watched and killed: one time in five while it is starting, else within `--longest` seconds after its networks
were loaded. After each kill: PRAGMA integrity_check and
foreign_key_check; everything committed at a look just before the kill is still there; how old the newest
committed frame is; and no sighting of an earlier run has another identity than before.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kill_cycle import Held, kill, lost, problems, start, until_running
from rtsp_server import RtspServer
from walks import cut_walk


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds a run may last once it runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="kill-"))
    out.mkdir(parents=True, exist_ok=True)
    clip = cut_walk(
        arguments.data / "data/video/vtest.avi", out / "hall.mp4", columns=(512, 768), frames=(40, 240)
    )
    with RtspServer({"hall": clip}) as server:
        config = out / "site.toml"
        config.write_text(
            f'database = "history.db"\n[[camera]]\nname = "hall"\nsource = "{server.url("hall")}"\n'
        )
        rows = [cycle(config, n, arguments) for n in generator(arguments)]
    return verdict(rows, out)


def generator(arguments: argparse.Namespace) -> list[tuple[int, bool, float]]:
    """Number of every run, whether it is killed while starting, and after how many seconds."""
    dice = random.Random(arguments.seed)
    kills = range(1, arguments.kills + 1)
    return [(n, n % 5 == 0, dice.uniform(0.1, arguments.longest)) for n in kills]


def cycle(config: Path, planned: tuple[int, bool, float], arguments: argparse.Namespace) -> dict[str, object]:
    """One run and its end."""
    number, starting, length_s = planned
    database = config.with_name("history.db")
    old = Held.of(database)
    began = time.time()
    log = config.with_name(f"log{number}.jsonl")
    process = start(config, log)
    if not starting:
        until_running(process, log)
    time.sleep(length_s)
    crashed = process.poll() is not None
    looked = Held.of(database)
    moment = kill(process)
    wrong = problems(database)
    after = Held.of(database)
    missing = lost(looked, after)
    changed = [row for row, identity in old.ids.items() if after.ids.get(row) != identity]
    playing = after.last > began
    row: dict[str, object] = {
        "kill": number,
        "starting": int(starting),
        "after_s": round(length_s, 2),
        "unsound": "; ".join(wrong),
        "lost": "; ".join(missing),
        "changed_ids": len(changed),
        "crashed": int(crashed),
        "newest_s": round(moment - after.last, 3) if playing else "",
        "sightings": len(after.ids),
        "people": len({identity for identity in after.ids.values() if identity is not None}),
    }
    print(row, flush=True)
    return row


def verdict(rows: list[dict[str, object]], out: Path) -> int:
    """Writes kills.csv, says how it went; 0 where nothing was lost."""
    with (out / "kills.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    ages = sorted(float(str(row["newest_s"])) for row in rows if row["newest_s"] != "")
    bad = [row for row in rows if row["unsound"] or row["lost"] or row["changed_ids"] or row["crashed"]]
    print(f"{len(rows)} kills, {len(ages)} of them while frames were being recorded; {len(bad)} with a fault")
    if ages:
        print(f"newest committed frame: median {ages[len(ages) // 2]:.2f} s, at most {ages[-1]:.2f} s old")
    print(f"{rows[-1]['sightings']} sightings, {rows[-1]['people']} people; {out / 'kills.csv'}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
