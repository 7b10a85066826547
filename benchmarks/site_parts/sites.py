"""Small sites: real schedules, borrowed looks, a detector's faults; made into a folder once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.scoring.score import Boxes
from app.scoring.tables import read_mot
from tracker.types import Detections

SCHEDULES = (
    "campus_auditorium",
    "campus_garden1",
    "campus_garden2",
    "campus_parkinglot",
    "epfl_laboratory",
    "epfl_terrace",
)
LOOKS = ("cuhk01", "cuhk03")


@dataclass(frozen=True, slots=True)
class Camera:
    """What one camera saw. detections: a frame each, with all embeddings. times: (F,) seconds.

    size: width and height. truth: who was where, frames from 0.
    """

    name: str
    detections: tuple[Detections, ...]
    times: np.ndarray
    size: tuple[int, int]
    truth: Boxes


@dataclass(frozen=True, slots=True)
class Site:
    """cameras by name. overlap: pairs of them in which one person is at one moment."""

    name: str
    looks: str
    seed: int
    cameras: tuple[Camera, ...]
    overlap: frozenset[frozenset[str]]

    @property
    def dimension(self) -> int:
        """Of the embeddings."""
        return next(
            d.embeddings.shape[1] for c in self.cameras for d in c.detections if d.embeddings is not None
        )

    def __str__(self) -> str:
        return f"{self.name} {self.looks} {self.seed}"


def noisy(site: Site, noise: float, seed: int) -> Site:
    """With vectors as of a network that tells people less well: a random one of that length added to each."""
    rng = np.random.default_rng(seed)
    return _added(site, lambda camera, shape: rng.normal(0, noise / np.sqrt(shape[1]), shape))


def lit(site: Site, light: float, seed: int) -> Site:
    """With vectors as where each camera has its own light and colours: to all of a camera's a random one of
    that length is added.
    """
    rng = np.random.default_rng(seed)
    own = {camera.name: rng.normal(size=site.dimension) for camera in site.cameras}
    return _added(site, lambda camera, shape: light * own[camera] / np.linalg.norm(own[camera]))


def _added(site: Site, drawn: Callable[[str, tuple[int, int]], np.ndarray]) -> Site:
    """With vectors to which something is added. drawn: of a camera and a table's shape."""

    def seen(camera: Camera, detections: Detections) -> Detections:
        if detections.embeddings is None:
            return detections
        count, dimension = detections.embeddings.shape
        vectors = detections.embeddings + drawn(camera.name, (count, dimension))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return detections.with_embeddings(vectors.astype(np.float32))

    cameras = (replace(c, detections=tuple(seen(c, d) for d in c.detections)) for c in site.cameras)
    return replace(site, cameras=tuple(cameras))


def make(data: Path, cache: Path, *, looks: str, seed: int, fps: float) -> Path:
    """The folder of the six sites of those looks and that seed, made where it is missing.

    They are made together: what is drawn for one depends on those before it.
    """
    folder = cache / f"{looks}-{seed}-{fps:g}fps"
    if not (folder / "complete").exists():
        tool = data / "tools" / "make_replay_sites.py"
        pictures = data / "reference" / "reid" / f"looks_{looks}.npz"
        given = [tool, data / "data" / "sites", pictures, folder, *SCHEDULES]
        rest = ["--seed", str(seed), "--fps", f"{fps:g}"]
        subprocess.run([sys.executable, *given, *rest], check=True, stdout=subprocess.DEVNULL)
        (folder / "complete").touch()
    return folder


def read(folder: Path, *, looks: str, seed: int, until: float = np.inf) -> Site:
    """A site that ``make`` made. until: seconds after which nothing is read."""
    rates = json.loads((folder / "site.json").read_text())["fps"]
    cameras = tuple(
        _camera(folder, camera, float(rates[camera]), until)
        for camera in sorted(rates)  # a camera's order is its name's
    )
    return Site(folder.name, looks, seed, cameras, overlap_of(cameras))


def _camera(folder: Path, name: str, fps: float, until: float) -> Camera:
    stored = np.load(folder / f"{name}.npz")
    table, vectors = stored["detections"], stored["embeddings"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = read_mot(folder / "gt" / f"{name}.txt")
    last = max(int(truth.frames.max()), int(table[:, 0].max()) - 1)
    frames = np.arange(min(last + 1, int(min(until * fps, last)) + 1))
    edges = np.searchsorted(table[:, 0], np.arange(len(frames) + 1) + 1)
    found = tuple(Detections(table[a:b, 1:5], table[a:b, 5], vectors[a:b]) for a, b in pairwise(edges))
    width, height = (int(side) for side in stored["size"])
    return Camera(name, found, frames / fps, (width, height), truth.take(truth.frames < len(frames)))


def overlap_of(cameras: Sequence[Camera]) -> frozenset[frozenset[str]]:
    """Pairs of cameras in which the truth has one person at one moment."""
    seen = {c.name: {(round(c.times[f], 3), i) for f, i in _rows(c.truth)} for c in cameras}
    names = sorted(seen)
    return frozenset(frozenset((a, b)) for k, a in enumerate(names) for b in names[:k] if seen[a] & seen[b])


def _rows(truth: Boxes) -> Iterator[tuple[int, int]]:
    return zip(truth.frames.tolist(), truth.ids.tolist(), strict=True)


def rounds(site: Site) -> Iterator[list[tuple[Camera, int]]]:
    """Cameras with their frame, in order of time; those of one moment together."""
    order = sorted(
        (round(float(time), 6), row, frame)
        for row, camera in enumerate(site.cameras)
        for frame, time in enumerate(camera.times)
    )
    held: list[tuple[Camera, int]] = []
    now = -1.0
    for time, row, frame in order:
        if held and time > now:
            yield held
            held = []
        now = time
        held.append((site.cameras[row], frame))
    yield held
