"""How many live cameras this machine can follow: frames processed and dropped, and latency.

    python benchmarks/cameras.py [--rates 2 5 10] [--streams 1 2 4 8 16] [--seconds 20] [--detector-size 320]

Small films of real people are served over RTSP on loopback; `sightline watch` runs over them as a service
would, with its real networks, and is measured by its own metrics once it has run for a while. For each rate
it stops at the first number of cameras with over a tenth of the frames dropped. The RTSP server is on the
same machine.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from live_parts.film import write_films
from live_parts.samples import frames, metrics, quantile, spread
from live_parts.watched import watched

ENOUGH_DROPPED, MANY_DROPPED = 0.01, 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """Of so many cameras at so many frames a second each: frames/s processed, share dropped, latency in s."""

    cameras: int
    fps: float
    processed_fps: float
    dropped: float
    p50_s: float
    p95_s: float
    row_p95_s: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=float, nargs="+", default=[2.0, 5.0, 10.0])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--detector-size", type=int, default=320)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    arguments = parser.parse_args()
    print("| cameras | frames/s of each | processed a second | dropped | latency p50, p95 | to disk p95 |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        paces = [pace for fps in arguments.rates for pace in tried(fps, Path(folder), arguments)]
    for fps in arguments.rates:
        good = [p.cameras for p in paces if p.fps == fps and p.dropped < ENOUGH_DROPPED]
        print(f"at {fps:g} frames/s: {max(good, default=0)} cameras with less than 1 % dropped")


def tried(fps: float, folder: Path, arguments: argparse.Namespace) -> Iterator[Pace]:
    for count in sorted(arguments.streams):
        pace = measured(count, fps, folder, arguments)
        print(
            f"| {count} | {fps:g} | {pace.processed_fps:.1f} | {100 * pace.dropped:.1f} % | "
            f"{pace.p50_s:.2f} s, {pace.p95_s:.2f} s | {pace.row_p95_s:.2f} s |",
            flush=True,
        )
        yield pace
        if pace.dropped > MANY_DROPPED:
            return


def measured(count: int, fps: float, folder: Path, arguments: argparse.Namespace) -> Pace:
    clip, own = arguments.data / "data/video/vtest.avi", folder / f"{fps:g}"
    own.mkdir(exist_ok=True)
    films = write_films(clip, own, rates=[fps] * count, seconds=240 + arguments.seconds, keep=True)
    with watched(films, folder, detector_size=arguments.detector_size) as (url, _):
        before, began = metrics(url), time.monotonic()
        time.sleep(arguments.seconds)
        after, took_s = metrics(url), time.monotonic() - began
    done, dropped = (frames(after, before, what) for what in ("processed", "dropped"))
    latency = spread(after, before, "sightline_latency_seconds_bucket")
    row = spread(after, before, "sightline_frame_whole_seconds_bucket")
    return Pace(
        count,
        fps,
        done / took_s,
        dropped / (done + dropped) if done + dropped else math.nan,
        quantile(latency, 0.5),
        quantile(latency, 0.95),
        quantile(row, 0.95),
    )


if __name__ == "__main__":
    main()
