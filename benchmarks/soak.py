"""Many live cameras for as long as asked, with faults at random: does anything grow?

    python benchmarks/soak.py [--minutes 60] [--streams 16] [--fps RATE] [--no-faults] [--upkeep] [--seed 1]
                              [--out FOLDER]

Real footage of people, cut into small films of 1 to 15 frames/s, is served over RTSP (GStreamer's server,
four processes) through proxies that break it. `sightline watch --config` runs over it like a service, with
its real networks; other options, such as --detector FILE, are passed on to it. It is looked at from outside
every few seconds. Writes samples.csv, faults.csv, soak.png and verdict.md.

Ends with 0 where no line grows for sure after the warm-up, every camera plays at the end, the run ends
within five seconds of SIGTERM and the database is sound; with 1 else.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import astuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kill_cycle import problems, start, until_running
from live_parts.faults import Fault, Faults, faults
from live_parts.film import write_films
from live_parts.plots import plot
from live_parts.samples import Sample, Sampler, metrics_url, write_csv
from live_parts.site import served, write_config
from live_parts.upkeep import Done, upkeep
from live_parts.verdict import judge, table

RATES = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 5, 15)
RECORDERS = 4
CALM_S = 60.0  # how long before the end the last fault is over, so that all cameras can be back
STOP_S = 5.0
TELL_EVERY_S = 60.0
RELOAD_EVERY = 24  # looks; then the last camera is taken out of the configuration until the next look


def main() -> int:
    arguments, passed_on = parsed()
    out: Path = arguments.out or Path(tempfile.mkdtemp(prefix="soak-"))
    out.mkdir(parents=True, exist_ok=True)
    disk: Path = arguments.disk or out
    for old in (*disk.glob("history.db*"), *disk.glob("*.jsonl")):
        old.unlink()
    shutil.rmtree(out / "recordings", ignore_errors=True)
    length_s = 60 * arguments.minutes
    mixed = [float(RATES[n * len(RATES) // arguments.streams]) for n in range(arguments.streams)]
    rates = mixed if arguments.fps is None else [arguments.fps] * arguments.streams
    print(f"{len(rates)} films, {sum(rates):g} frames a second in all; {out}", flush=True)
    films = write_films(arguments.data / "data/video/vtest.avi", out, rates=rates, seconds=length_s + 60)
    with served(films, recorders=RECORDERS, seed=arguments.seed) as (recorders, urls):
        config, log = write_config(out / "site.toml", urls, record=True), disk / "log.jsonl"
        passed_on = ["--db", str(disk / "history.db"), *passed_on]
        process = start(config, log, ["--metrics", "0", "--status-every", "10", *passed_on])
        try:
            until_running(process, log)
            breaking = nullcontext(Faults())
            if arguments.faults:
                until_s = length_s - CALM_S
                breaking = faults(recorders, every_s=arguments.every, seed=arguments.seed, until_s=until_s)
            caring = nullcontext(Done())
            if arguments.upkeep:
                url = metrics_url(log)
                caring = upkeep(disk / "history.db", url, seconds=length_s, seed=arguments.seed)
            with breaking as told, caring as cared:
                samples = watched(process, disk, out, length_s, urls, look_s=arguments.look)
            wrong = at_the_end(process, disk, samples, streams=len(rates))
        finally:
            process.kill()
            process.wait()
    if arguments.upkeep:
        print(f"beside it: {cared.told()}")
    return tell(out, samples, told.done, wrong, warm_up_s=60 * arguments.warm_up)


def parsed() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument(
        "--fps", type=float, help="of every stream; 1 to 15, as cameras have, where it is not given"
    )
    parser.add_argument("--faults", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--upkeep",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="beside it people ask, correct and erase; a lock is held for a sixth of the time, and for "
        "a twelfth the metrics are flooded, and the --disk is full",
    )
    parser.add_argument(
        "--disk", type=Path, help="for history and log: a small one (under 4 GB), or it is not filled"
    )
    parser.add_argument("--every", type=float, default=12.0, help="seconds from fault to fault, on average")
    parser.add_argument("--look", type=float, default=5.0, help="seconds from look to look")
    parser.add_argument(
        "--warm-up", type=float, help="minutes that don't count (a third of the time, 20 at most)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--out", type=Path, default=None)
    arguments, passed_on = parser.parse_known_args()
    if arguments.warm_up is None:
        arguments.warm_up = min(arguments.minutes / 3, 20.0)
    if arguments.minutes < 2 * arguments.warm_up:
        parser.error("--minutes: at least twice the --warm-up")
    return arguments, passed_on


def watched(
    process: subprocess.Popen[bytes],
    disk: Path,
    out: Path,
    length_s: float,
    urls: dict[str, str],
    *,
    look_s: float,
) -> list[Sample]:
    """Looks at the run until the time is over, or the run is."""
    sampler = Sampler(process, metrics_url(disk / "log.jsonl"), disk / "history.db")
    samples: list[Sample] = []
    began, told_s = time.monotonic(), 0.0
    while (at_s := time.monotonic() - began) < length_s and process.poll() is None:
        time.sleep(look_s - at_s % look_s)
        if process.poll() is not None:
            break
        with suppress(OSError, http.client.HTTPException):  # metrics may be flooded
            samples.append(sampler.look())
        if at_s < length_s - CALM_S or len(samples) % RELOAD_EVERY == 1:
            change_cameras(process, out / "site.toml", urls, look=len(samples))
        if at_s - told_s >= TELL_EVERY_S:
            told_s = at_s
            print(line(samples[-1]), flush=True)
            write_csv(samples, out / "samples.csv")
    write_csv(samples, out / "samples.csv")
    return samples


def change_cameras(
    process: subprocess.Popen[bytes], config: Path, urls: dict[str, str], *, look: int
) -> None:
    """Takes a camera out of the configuration now and then, or puts it back."""
    if look % RELOAD_EVERY in (0, 1) and look > 1:
        there = list(urls)[:-1] if look % RELOAD_EVERY == 0 else list(urls)
        write_config(config, {name: urls[name] for name in there}, record=True)
        process.send_signal(signal.SIGHUP)


def line(s: Sample) -> str:
    return (
        f"{s.at_s / 60:5.1f} min  {s.memory_mb:6.0f} MB  {s.threads} threads  {s.handles} handles  "
        f"{s.database_mb:.1f} MB database  {s.processed_fps:.1f} of {s.received_fps:.1f} frames/s  "
        f"latency {s.p50_s:.2f} {s.p95_s:.2f} {s.p99_s:.2f} s  {s.playing} playing  {s.people} people"
    )


def at_the_end(
    process: subprocess.Popen[bytes], disk: Path, samples: Sequence[Sample], *, streams: int
) -> list[str]:
    """Ends the run as a service is ended; what is not as it should be."""
    if process.poll() is not None:
        return [f"the run ended by itself ({process.returncode}); see log.jsonl"]
    wrong = []
    if samples[-1].playing < streams:
        wrong.append(f"{streams - samples[-1].playing} cameras did not play at the end")
    began = time.monotonic()
    process.terminate()
    try:
        code = process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        return [*wrong, "SIGTERM did not end it within a minute"]
    took_s = time.monotonic() - began
    print(f"SIGTERM: ended after {took_s:.2f} s with code {code}")
    if took_s > STOP_S or code != 0:
        wrong.append(f"SIGTERM: ended after {took_s:.1f} s with code {code}")
    return wrong + [f"database: {problem}" for problem in problems(disk / "history.db")]


def tell(
    out: Path, samples: Sequence[Sample], done: Sequence[Fault], wrong: Sequence[str], *, warm_up_s: float
) -> int:
    """Writes what was found, and says whether all is well."""
    with (out / "faults.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["recorder", "kind", "began_s", "ended_s"])
        writer.writerows(astuple(fault) for fault in done)
    plot(samples, done, out / "soak.png", warm_up_s=warm_up_s)
    judged = judge([s for s in samples if s.at_s >= warm_up_s])
    grown = [f"{j.line.name} grows" for j in judged if j.grows]
    kinds = Counter(fault.kind for fault in done)
    words = [
        f"{samples[-1].at_s / 60:.0f} minutes; {sum(s.processed_fps for s in samples) / len(samples):.1f} of "
        f"{sum(s.received_fps for s in samples) / len(samples):.1f} frames/s processed; "
        f"{samples[-1].people} identities, {samples[-1].points} points",
        f"{len(done)} faults: {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}",
        table(judged),
        "; ".join([*wrong, *grown]) or "flat: nothing grows, and all cameras play at the end",
    ]
    (out / "verdict.md").write_text("\n\n".join(words) + "\n", encoding="utf-8")
    print("\n\n".join(words))
    return 1 if wrong or grown else 0


if __name__ == "__main__":
    raise SystemExit(main())
