"""From the glass to the row: how long a picture takes from being filmed until what it shows is on disk.

    python benchmarks/latency.py [--streams 1] [--fps 5] [--seconds 60] [--detector-size 320]

Pictures of real people carry the moment they were taken, burnt into a corner; GStreamer encodes them as they
are taken (x264, zero latency) and serves them over RTSP on loopback. The whole line runs over them with its
real networks and its database. Of each picture that was committed it is known when it was taken (burnt in),
sent (the server's log), received, decoded, and so on (`app/passage.py`), until its commit. Prints
milliseconds by part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import av
from live_parts import clock_server
from rtsp_server import SYSTEM_PYTHON

from app.build import build_run
from app.config import Settings, cameras_from_sources
from app.passage import PARTS, Passage
from app.pipeline import Status
from tracker.types import Result

SIZE = 192, 288
WARM_UP_S = 15.0
NAMES = {
    "encode": "taken, encoded, handed to the network",
    "network": "network, and FFmpeg until the picture is whole",
    "decode": "decoded",
    "wait": "waited for the round before",
    "detect": "detected",
    "embed": "embedded",
    "track": "tracked on its camera",
    "associate": "associated over cameras",
    "store": "handed to the recorder",
    "commit": "committed",
    "whole": "glass to row",
}


class Looks:
    """Notes when each picture was taken, and when what it showed was on disk."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], float] = {}
        self.passed: list[tuple[Passage, float]] = []

    def show(self, results: Sequence[Result], status: Status) -> None:
        for result in results:
            frame = result.frame
            self.taken[frame.camera, frame.index] = clock_server.read(frame.image) / 1e6

    def note(self, passage: Passage) -> None:
        self.passed.append((passage, time.time()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--fps", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--detector-size", type=int, default=320)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    arguments = parser.parse_args()
    names = [f"cam{number}" for number in range(1, arguments.streams + 1)]
    with tempfile.TemporaryDirectory() as folder:
        pictures = write_raw(arguments.data / "data/video/vtest.avi", Path(folder) / "raw.i420")
        with served(pictures, names, arguments.fps) as (urls, log):
            looks = ran(urls, Path(folder), arguments)
        sent = read_log(log)
    print(table(looks, sent))


def write_raw(clip: Path, path: Path) -> Path:
    """A part of the clip as raw pictures."""
    width, height = SIZE
    with av.open(str(clip)) as container, path.open("wb") as file:
        for frame in container.decode(video=0):
            image = np.ascontiguousarray(
                frame.to_ndarray(format="bgr24")[144 : 144 + height, 384 : 384 + width]
            )
            file.write(
                av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="yuv420p").to_ndarray().tobytes()
            )
    return path


@contextmanager
def served(pictures: Path, names: Sequence[str], fps: int) -> Iterator[tuple[list[str], Path]]:
    log = pictures.with_name("sent.csv")
    setting = {"pictures": str(pictures), "size": SIZE, "fps": fps, "names": list(names), "log": str(log)}
    command = [SYSTEM_PYTHON, clock_server.__file__, json.dumps(setting)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield [f"rtsp://127.0.0.1:{port}/{name}" for name in names], log
    finally:
        process.kill()
        process.communicate()


def ran(urls: Sequence[str], folder: Path, arguments: argparse.Namespace) -> Looks:
    """The whole line over the streams; what passed through it after the warm-up."""
    cameras = cameras_from_sources(urls, live=True)
    database, looks, stop = folder / "history.db", Looks(), threading.Event()
    settings = Settings(cameras, database=database, detector_size=arguments.detector_size, live=True)
    with build_run(settings) as run:
        print(f"detector: {run.detector}; re-identification: {run.embedder}", flush=True)
        clock = threading.Timer(WARM_UP_S + arguments.seconds, stop.set)
        clock.start()
        began = time.time()
        status = run.run(view=looks, stop=stop, passed=looks.note)
        clock.join()
    looks.passed = [(p, at) for p, at in looks.passed if p.filmed > began + WARM_UP_S]
    dropped, received = (sum(getattr(c, what) for c in status.cameras) for what in ("dropped", "received"))
    print(f"{len(looks.passed)} pictures; {dropped} of {received} dropped in the whole run, warm-up included")
    return looks


def read_log(log: Path) -> dict[tuple[str, int], float]:
    """(camera, moment burnt in, microseconds) -> epoch seconds of its last packet."""
    sent: dict[tuple[str, int], float] = {}
    for line in log.read_text().splitlines():
        name, moment, at = line.split(",")
        sent[name, int(moment)] = int(at) / 1e6
    return sent


def table(looks: Looks, sent: dict[tuple[str, int], float]) -> str:
    """Milliseconds: median, 95th and 99th percentile and mean of each part."""
    columns: dict[str, list[float]] = defaultdict(list)
    errors, claims = [], []
    for passage, committed in looks.passed:
        taken = looks.taken[passage.camera, passage.frame]
        left = sent[passage.camera, round(taken * 1e6)]
        parts = {"encode": left - taken, "network": passage.filmed + passage.parts["way"] - left}
        parts |= {part: passage.parts[part] for part in PARTS[1:]}
        parts["whole"] = committed - taken
        for name, value in parts.items():
            columns[name].append(1000 * value)
        errors.append(abs(sum(parts.values()) - 2 * parts["whole"]))
        claims.append(1000 * (passage.whole_s - parts["whole"]))
    rows = ["| part | p50 | p95 | p99 | mean |", "|---|---|---|---|---|"]
    for name, words in NAMES.items():
        values = np.percentile(columns[name], (50, 95, 99))
        rows.append(f"| {words} | {' | '.join(f'{v:.1f}' for v in (*values, np.mean(columns[name])))} |")
    rows.append(f"\nThe parts' sum is off by {1000 * max(errors):.1f} ms at most.")
    off = f"{np.median(claims):+.1f} ms in the median, by {min(claims):+.1f} to {max(claims):+.1f} ms in all"
    rows.append(f"What the run itself says of the whole, by the camera's clock, is off by {off}.")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
