"""How well networks tell people apart on cameras that none of them has seen.

    python benchmarks/unseen.py [NETWORK ...] [--data FOLDER]

NETWORK is a name that `sightline assets` lists, or a file of weights; without any, those that Sightline
serves by default. FOLDER holds data/multiviewx, data/mot and data/crops. Pictures are ranked as Market-1501's
are: every one is asked for once, those of the same person by the same camera do not count.
The demo: three views of PETS09-S2L1, each of its own size and colours, ten people, a picture a second.
MultiviewX: six rendered views, 26 people.
GRID (Loy et al., CVPR 2009): an underground station, 250 people in two pictures each, 775 in one.
VIPeR (Gray and Tao, ECCV 2008): outdoors, 632 people, each from two sides by two cameras.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from multiviewx import CAMERAS, read_pictures, read_truth
from rich.console import Console
from rich.table import Table

from app.demo.cameras import demo_truth, make_cameras
from app.demo.run import people_in
from app.scoring.score import Boxes
from app.weights.assets import BUNDLED, cache_folder, default_reid, resolve
from reid.embedder import Embedder, open_embedder
from reid.preprocess import Image, cut
from training.evaluate import Scores, evaluate
from training.unlabelled import read_unlabelled

LEAST_HEIGHT = 32
"""Pixels; what is lower is no picture of a person."""


@dataclass(slots=True)
class People:
    """Pictures of people, as columns: who, and by which camera."""

    crops: list[Image] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    cameras: list[int] = field(default_factory=list)

    def add(self, image: Image, truth: Boxes, frame: int, camera: int) -> None:
        """Those of a frame who are not ignored there."""
        here = (truth.frames == frame) & ~truth.ignored
        here &= truth.boxes[:, 3] - truth.boxes[:, 1] >= LEAST_HEIGHT
        self.crops += cut(image, truth.boxes[here])
        self.persons += truth.ids[here].tolist()
        self.cameras += [camera] * int(here.sum())

    @property
    def person(self) -> np.ndarray:
        return np.array(self.persons, np.int64)

    @property
    def camera(self) -> np.ndarray:
        return np.array(self.cameras, np.int64)


def demo(data: Path) -> People:
    """A picture a second of everyone in each view."""
    found = People()
    with tempfile.TemporaryDirectory() as folder:
        cameras = make_cameras(resolve("pedestrians"), Path(folder))
        truth = people_in(demo_truth(data / "data/mot/PETS09-S2L1/gt/gt.txt", cameras))
        for number, camera in enumerate(cameras):
            boxes = truth[camera.name]
            second = -1
            for frame, (time, image) in enumerate(frames(camera.path)):
                if int(time) > second:
                    second = int(time)
                    found.add(image, boxes, frame, number)
    return found


def frames(path: Path) -> Iterator[tuple[float, Image]]:
    """Seconds since the first, and the picture."""
    video = cv2.VideoCapture(str(path))
    while True:
        there, image = video.read()
        if not there:
            break
        yield video.get(cv2.CAP_PROP_POS_MSEC) / 1000, np.asarray(image, np.uint8)
    video.release()


def multiviewx(data: Path) -> People:
    """Everyone in every picture of the sample."""
    found = People()
    pictures = read_pictures(data / "data/multiviewx/Image_subsets")
    truth = read_truth(data / "data/multiviewx/annotations_positions")
    for number, camera in enumerate(CAMERAS):
        for frame, image in enumerate(pictures[camera]):
            found.add(image, truth[camera], frame, number)
    return found


def named(archive: Path, *, person: int, camera: int) -> People:
    """All pictures of an archive whose names tell who and where: the parts between underscores, by number."""
    found = People()
    (table,) = read_unlabelled([archive])
    for crops in table.batches():
        found.crops += crops
    parts = [Path(name).stem.split("_") for name in table.names]
    found.persons = [int(part[person]) for part in parts]
    found.cameras = [int(part[camera]) for part in parts]
    return found


def embedded(embedder: Embedder, people: People) -> np.ndarray:
    """(N, D) unit rows."""
    parts = [embedder.embed(people.crops[row : row + 64]) for row in range(0, len(people.crops), 64)]
    return np.concatenate(parts)


def scored(embedder: Embedder, people: People) -> Scores:
    """Who is in one picture alone, or by one camera alone, is nobody's answer and asked for in vain."""
    vectors = embedded(embedder, people)
    return evaluate(vectors, vectors, query=people, gallery=people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    told = parser.parse_args()
    paths = [resolve(name) for name in told.networks or [BUNDLED]]
    if not told.networks:
        paths.insert(0, default_reid()[0])
    crops = told.data / "data/crops"
    sets = {
        "demo": demo(told.data),
        "MultiviewX": multiviewx(told.data),
        "GRID": named(crops / "GRID.zip", person=0, camera=1),
        "VIPeR": named(crops / "VIPeR.zip", person=0, camera=2),
    }
    table = Table(title="rank-1 / mAP on cameras nobody learnt from", title_justify="left")
    table.add_column("network")
    for name, people in sets.items():
        table.add_column(f"{name}, {len(people.crops)} pictures", justify="right")
    for path in paths:
        embedder = open_embedder(path, device="cpu", cache=cache_folder())
        found = [scored(embedder, people) for people in sets.values()]
        table.add_row(path.name, *(f"{100 * one.rank(1):.1f} / {100 * one.map:.1f}" for one in found))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
