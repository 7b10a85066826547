"""Inputs changed at random, and what becomes of them: used, refused in one sentence, or a fault of ours.

    python tests/fuzz.py [--count N] [--seed S] [--only KIND ...] [--keep DIR]

Films, pictures, detections, configurations, truths, archives and networks, each made small and whole, then
damaged in bytes, words and numbers. Each is given to what reads it in a run, in a process of its own that is
ended where a case takes too long or too much memory. A fault is a traceback, a hang, a crash or a memory
bomb; the case that made it is kept. The same seed makes the same cases. Ends with 1 where there was a fault.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HANG_S = 30.0
MOST_MB = 3000
FILMS = (".mp4", ".mkv", ".avi", ".ts", ".flv", ".h264")
NUMBERS = (
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"2147483648",
    b"0.0000001",
    b"1e-320",
)


# What is made


def make_films(folder: Path) -> list[Path]:
    from clips import write_clip

    return [write_clip(folder / f"film{ending}", frames=30, size=(96, 64)) for ending in FILMS]


def make_pictures(folder: Path) -> list[Path]:
    import cv2

    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    paths = [folder / f"picture{ending}" for ending in (".jpg", ".png", ".webp", ".bmp", ".tiff")]
    for path in paths:
        cv2.imwrite(str(path), image)
    return paths


def make_detections(folder: Path) -> list[Path]:
    from small_site import small_site

    return list(small_site(folder))


def make_configurations(folder: Path) -> list[Path]:
    from app.checks.site import EXAMPLE

    (folder / "live.toml").write_bytes(EXAMPLE.read_bytes())
    (folder / "files.toml").write_text(
        'overlap = [["a", "b"]]\nperson_class = 0\n[[camera]]\nname = "a"\nsource = ["a.mp4", "b.mp4"]\n'
        "start = 2026-11-22T09:30:00Z\nfps = 5.0\n"
        '[[camera]]\nname = "b"\nsource = "b/*.mp4"\ncreation_time = "end"\n'
        '[[link]]\nfrom = "a"\nto = "b"\nafter_s = [4, 60]\n'
    )
    return [folder / "live.toml", folder / "files.toml"]


def make_truths(folder: Path) -> list[Path]:
    rows = [(f, who, 10 * who + f, 20, 30, 60) for f in range(1, 20) for who in (1, 2)]
    (folder / "mot.txt").write_text("".join(",".join(map(str, row)) + ",1,1,1\n" for row in rows))
    (folder / "blanks.txt").write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
    coco = {
        "videos": [{"id": 1, "name": "hall"}],
        "categories": [{"id": 1, "name": "person"}],
        "images": [{"id": f, "video_id": 1, "frame_id": f} for f in range(20)],
        "annotations": [
            {"image_id": f, "instance_id": who, "category_id": 1, "bbox": [x, y, w, h]}
            for f, who, x, y, w, h in rows
        ],
    }
    (folder / "coco.json").write_text(json.dumps(coco))
    return [folder / name for name in ("mot.txt", "blanks.txt", "coco.json")]


def make_archives(folder: Path) -> list[Path]:
    from small_market import write_market

    made = []
    for name, method in (("stored.zip", zipfile.ZIP_STORED), ("deflated.zip", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(folder / name, "w", method) as archive:
            for path in sorted(write_market(folder / "market").rglob("*.jpg")):
                archive.write(path, path.relative_to(folder / "market"))
        made.append(folder / name)
    return made


def make_detectors(folder: Path) -> list[Path]:
    import test_tracker_layouts as layouts

    wanted = ("ultralytics v8 to v12", "v5, v7", "v10, v26, end to end", "RF-DETR: boxes and logits")
    made = []
    for number, name in enumerate(wanted):
        outputs, settings = layouts.LAYOUTS[name]
        made.append(layouts.network(folder / f"detector{number}.onnx", outputs, **settings))
    return made


def make_reids(folder: Path) -> list[Path]:
    import test_reid_foreign as foreign

    from reid.preprocess import Preprocess

    facts = {
        "name": "a",
        "preprocess": asdict(Preprocess(height=64, width=32)),
        "backbone": "x",
        "dimension": 8,
    }
    card = json.dumps({"format": 1, **facts})
    return [foreign.network(folder / "reid0.onnx"), foreign.network(folder / "reid1.onnx", card=card)]


# What is done with it


def use_film(path: Path) -> None:
    from app.checks.survey import survey
    from app.sources.file import FileSource, look_at

    look_at(path)
    with FileSource(camera="hall", path=path) as source:
        times = [frame.time for frame in source]
    assert all(a < b for a, b in itertools.pairwise(times)), "times do not increase"
    survey(path)


def use_picture(path: Path) -> None:
    from app.sources.pictures import read_image

    read_image(path)


def use_detections(path: Path) -> None:
    from app.sources.detections import DetectionsSource

    with DetectionsSource(camera="hall", path=path) as source:
        for frame, _ in zip(source, range(1000), strict=False):
            assert np.isfinite(frame.detections.boxes).all()


def use_configuration(path: Path) -> None:
    from app.config import read_config

    read_config(path, environment={"HALL_PASSWORD": "x", "HALL_USER": "y"})


def use_truth(path: Path) -> None:
    from app.scoring.mot_files import read_truth

    read_truth(path)


def use_archive(path: Path) -> None:
    from training.layouts import GALLERY, QUERY
    from training.market1501 import read_market

    market = read_market(path, folders=(QUERY, GALLERY))
    for table in (market.query, market.gallery):
        list(table.batches())


def use_detector(path: Path) -> None:
    from tracker.detector import Detector

    detector = Detector(path, device="cpu", image_size=64)
    found = detector.detect([np.full((48, 64, 3), 90, np.uint8)])
    assert np.isfinite(found[0].boxes).all()


def use_reid(path: Path) -> None:
    from reid.embedder import open_embedder

    vectors = open_embedder(path, device="cpu").embed([np.full((48, 24, 3), 90, np.uint8)])
    assert len(vectors) == 1


Make, Use = Callable[[Path], list[Path]], Callable[[Path], None]
KINDS: dict[str, tuple[Make, Use]] = {
    "films": (make_films, use_film),
    "pictures": (make_pictures, use_picture),
    "detections": (make_detections, use_detections),
    "configurations": (make_configurations, use_configuration),
    "truths": (make_truths, use_truth),
    "archives": (make_archives, use_archive),
    "detectors": (make_detectors, use_detector),
    "reid": (make_reids, use_reid),
}


# How it is damaged


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One to four changes, one after the other."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(CHANGES)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 20, max(1, len(data) // 200)))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _drop(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.randrange(1, 200) :]


def _again(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    part = data[start : start + chance.randrange(1, 400)]
    return data[:start] + part * chance.choice((2, 3, 50)) + data[start:]


def _fill(data: bytes, chance: random.Random) -> bytes:
    start, value = chance.randrange(len(data) + 1), bytes([chance.choice((0, 255, 32, 91))])
    length = chance.randrange(1, 64)
    return data[:start] + value * length + data[start + length :]


def _whole_number(data: bytes, chance: random.Random) -> bytes:
    """Four bytes as headers have sizes and counts."""
    start = chance.randrange(len(data) + 1)
    value = chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000))
    return data[:start] + value.to_bytes(4, chance.choice(("little", "big"))) + data[start + 4 :]  # type: ignore[arg-type]


def _number(data: bytes, chance: random.Random) -> bytes:
    """A number in words, by another."""
    places = [k for k, letter in enumerate(data) if 48 <= letter <= 57]
    if not places:
        return _flip(data, chance)
    start = end = chance.choice(places)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    return data[:start] + chance.choice(NUMBERS) + data[end:]


CHANGES = (_flip, _flip, _cut, _drop, _again, _fill, _whole_number, _number)


# The two processes


@dataclass
class Outcome:
    """used, refused: how many. faults: what went wrong -> how often, and the first case of each."""

    used: int = 0
    refused: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    cases: dict[str, Path] = field(default_factory=dict)
    most_mb: int = 0
    took_s: float = 0.0


class Worker:
    """A process that uses inputs of one kind, ended and begun anew where one is too much for it."""

    def __init__(self, kind: str) -> None:
        self._command = [sys.executable, __file__, "--worker", kind]
        self._process: subprocess.Popen[str] | None = None

    def use(self, path: Path) -> tuple[str, int]:
        """`used`, `refused`, or what went wrong; and the memory it held, in MB."""
        if self._process is None:
            quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(self._command, text=True, bufsize=1, **quiet)  # type: ignore[call-overload]
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        until, most_mb = time.monotonic() + HANG_S, 0
        while time.monotonic() < until:
            most_mb = max(most_mb, _memory_mb(process.pid))
            if most_mb > MOST_MB:
                self.end()
                return f"memory over {MOST_MB} MB", most_mb
            if select.select([process.stdout], [], [], 0.05)[0]:
                said = process.stdout.readline().strip()
                if said:
                    return said, max(most_mb, _memory_mb(process.pid))
                code = process.wait()
                self._process = None
                return f"crash, exit code {code}", most_mb
        self.end()
        return f"hang over {HANG_S:g} s", most_mb

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _memory_mb(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    except (OSError, IndexError):
        return 0
    return int(words[0]) // 1024


def work(kind: str) -> None:
    """Uses each input that is named on the standard input, and says what became of it."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.disable()
    from app.errors import environment_errors

    use = KINDS[kind][1]
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is nobody's answer
    for line in sys.stdin:
        try:
            use(Path(line.rstrip("\n")))
            said = "used"
        except environment_errors() as error:
            short = "\n" not in str(error) and len(str(error)) < 1000
            said = "refused" if short else f"a sentence of {len(str(error))} letters in several lines"
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [frame for frame in frames if "/site-packages/" not in frame.filename]
            places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (ours[-1], frames[-1])]
            said = f"{type(error).__name__} at {', '.join(places)}"
        out.write(said.replace("\n", " ") + "\n")


def fuzz(kind: str, *, count: int, seed: int, folder: Path, keep: Path | None) -> Outcome:
    make = KINDS[kind][0]
    seeds = [(path.suffix, path.read_bytes()) for path in make(folder)]
    worker, outcome, began = Worker(kind), Outcome(), time.monotonic()
    try:
        for suffix, data in seeds:
            (folder / f"case{suffix}").write_bytes(data)
            said, _ = worker.use(folder / f"case{suffix}")
            assert said == "used", f"{kind} made {suffix}: {said}"
        for number in range(count):
            chance = random.Random(f"{seed} {kind} {number}")
            suffix, data = seeds[number % len(seeds)]
            path = folder / f"case{suffix}"
            path.write_bytes(damaged(data, chance))
            said, memory_mb = worker.use(path)
            outcome.most_mb = max(outcome.most_mb, memory_mb)
            if said in ("used", "refused"):
                setattr(outcome, said, getattr(outcome, said) + 1)
                continue
            outcome.faults[said] += 1
            if said not in outcome.cases and keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                outcome.cases[said] = Path(shutil.copy(path, keep / f"{kind}-{seed}-{number}{suffix}"))
    finally:
        worker.end()
    outcome.took_s = time.monotonic() - began
    return outcome


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=300, help="cases of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), metavar="DIR")
    parser.add_argument("--worker", choices=KINDS, help=argparse.SUPPRESS)
    told: Any = parser.parse_args(arguments)
    if told.worker:
        work(told.worker)
        return 0
    faults = 0
    print(f"{'kind':<16}{'cases':>7}{'used':>7}{'refused':>9}{'faults':>8}{'MB':>7}{'seconds':>9}")
    for kind in told.only:
        with tempfile.TemporaryDirectory() as folder:
            found = fuzz(kind, count=told.count, seed=told.seed, folder=Path(folder), keep=told.keep)
        bad = sum(found.faults.values())
        faults += bad
        row = (told.count, found.used, found.refused, bad, found.most_mb, round(found.took_s))
        print(f"{kind:<16}{row[0]:>7}{row[1]:>7}{row[2]:>9}{row[3]:>8}{row[4]:>7}{row[5]:>9}", flush=True)
        for said, times in found.faults.most_common():
            print(f"    {times} x {said}: {found.cases.get(said, '')}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
