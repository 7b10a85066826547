"""What a new presence costs the associator, by how many identities the gallery holds.

    OMP_NUM_THREADS=1 python benchmarks/gallery.py

Identities of four pictures each, random directions with noise, as a run loads them from its history; 200
people come back on a second camera, six pictures each, and are decided. Milliseconds of CPU for all of a
presence: its frames, pictures and decision; the run thinks again in a thread of its own, as live, which does
not count. Beside it the time of the search for the nearest alone, and the memory an identity takes.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tracker.associator import Associator
from tracker.gallery import Gallery
from tracker.presence import Seen
from tracker.types import Detections, Floats, Identity, Track

DIMENSION = 256
SIZES = (1_000, 10_000, 100_000)
VISITS, PICTURES = 200, 6
LATER_S = 1e7
BOX = np.array([[100, 400, 200, 640]], np.float32)


def main() -> None:
    print("| identities | ms a presence, p50 | p95 | p99 | ms of the search | right | kB an identity |")
    for size in SIZES:
        print_row(size, np.random.default_rng(0))


def print_row(size: int, rng: np.random.Generator) -> None:
    looks = unit(rng.normal(size=(size, DIMENSION)))
    tracemalloc.start()
    gallery = filled(looks, rng)
    held_kb = tracemalloc.get_traced_memory()[0] / size / 1e3
    tracemalloc.stop()
    spent, right = [], 0
    with ThreadPoolExecutor(1) as worker:
        associator = Associator(gallery=gallery, worker=worker)
        for visit in range(VISITS):
            began = time.thread_time()
            for view in presence(visit, near(looks[visit], PICTURES, rng)):
                changes = associator.update([view])
            spent.append(1e3 * (time.thread_time() - began))
            right += changes.sightings[-1].identity == visit + 1
        associator.finish()
    probe = near(looks[0], PICTURES, rng)
    began = time.process_time()
    for _ in range(100):
        gallery.near(probe.mean(axis=0))
    search = 10 * (time.process_time() - began)
    p50, p95, p99 = np.quantile(spent, [0.5, 0.95, 0.99])
    cells = f"{size:,}", f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}", f"{search:.2f}", f"{right} of {VISITS}"
    print("| " + " | ".join((*cells, f"{held_kb:.1f}")) + " |", flush=True)


def filled(looks: Floats, rng: np.random.Generator) -> Gallery:
    gallery = Gallery(dimension=DIMENSION)
    people = (
        Identity(number, None, near(look, 4, rng), {"first": (float(number), number + 1.0)})
        for number, look in enumerate(looks, start=1)
    )
    gallery.load(people, last=len(looks))
    return gallery


def near(look: Floats, count: int, rng: np.random.Generator) -> Floats:
    """(count, D) pictures of somebody, about 0.73 alike."""
    return unit(look + 0.6 * unit(rng.normal(size=(count, len(look)))))


def unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def presence(visit: int, pictures: Floats) -> Iterator[Seen]:
    """A track of some pictures, three a second, and its end."""
    begin = LATER_S + 60.0 * visit
    for step, picture in enumerate(pictures):
        moment = begin + step / 3
        detections = Detections(BOX, np.full(1, 0.9, np.float32), picture[None])
        track = Track("second", visit, moment, BOX[0], 0.9, confirmed=True, detection=0)
        yield Seen("second", step, moment, 1920, 1080, detections, (track,), ())
    yield Seen("second", len(pictures), begin + 10, 1920, 1080, Detections.none(), (), (visit,))


if __name__ == "__main__":
    main()
