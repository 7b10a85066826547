"""Links between cameras: how often chance is taken for one, and how many people it takes to find one.

    python benchmarks/links.py [--demo FOLDER] [--overlapping] [--histories N]

Made up are an hour's visits to three cameras: everybody comes to the gate, 20 s later to the hall, 45 s
later to the yard, each time some seconds early or late, and stays 6 s. By chance: the same visits, but whose
they are is drawn anew on every camera. Overlaps: at each visit to the first camera two are on the second
at the same moment; one of them is the same person in some share of the visits.

FOLDER is what `sightline demo --out FOLDER` left (a copy is read): its cameras see strips of one field from
left to right, with blind strips between; nobody gets from the left to the right one past the middle.

--overlapping: cuts two views of 480 of 768 columns from the demo's clip, which overlap by 192, has them run
as cameras that nobody said overlap, and looks at the history. Takes some minutes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from app.cli import main as sightline
from app.demo.cameras import CLIP_FPS
from app.history.tracklets import tracklets_of
from app.output.video import VideoWriter
from app.weights.assets import resolve
from storage.database import open_database
from storage.presences import presences
from tracker import links
from tracker.tracklets import Tracklet
from tracker.types import Floats

WAYS = (("gate", 0.0), ("hall", 20.0), ("yard", 45.0))
TRUE = {("gate", "hall"), ("hall", "yard")}
SIZE = 32
NOISE = 0.5
"""Of a look beside a person's own, each of SIZE numbers of variance 1: cosines of 0.8 with oneself."""

DEMO = {("left", "middle"), ("middle", "left"), ("middle", "right"), ("right", "middle")}
CONSTANTS = {
    "SHUFFLES": (49, 99, 199, 399),
    "NEAR": (10, 30, 100, 1000),
    "STEP": (0.05, 0.1, 0.2, 0.4),
    "ROUND_S": (1.0, 2.0, 4.0),
    "ONCE_S": (0.5, 1.0, 2.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, metavar="FOLDER")
    parser.add_argument("--histories", type=int, default=200, metavar="N", help="of each kind (default: 200)")
    parser.add_argument("--overlapping", action="store_true", help="run two views that overlap, alone")
    told = parser.parse_args()
    if told.overlapping:
        on_overlapping_views()
        return
    print_table(
        f"Of {told.histories} histories by chance, how many tell a link, how many an overlap",
        ("people", "links", "overlaps"),
        [(str(people), *by_chance(people, told.histories)) for people in (20, 60)],
    )
    print_table(
        "Links found of the two that there are, and false ones, by the spread of the way",
        ("people", "spread 2 s", "5 s", "15 s", "45 s"),
        [
            (str(people), *(found(people, s, max(told.histories // 10, 1)) for s in (2, 5, 15, 45)))
            for people in (5, 10, 20, 60)
        ],
    )
    print_table(
        "Overlaps found, by how many of those at once are the same",
        ("visits", "none", "10 %", "20 %", "50 %", "all"),
        [
            (
                str(visits),
                *(
                    overlapping(visits, share, max(told.histories // 4, 1))
                    for share in (0.0, 0.1, 0.2, 0.5, 1.0)
                ),
            )
            for visits in (10, 20, 60, 200)
        ],
    )
    if told.demo is not None:
        on_the_demo(told.demo)


def by_chance(people: int, histories: int) -> tuple[str, str]:
    """How many of the histories tell a link; an overlap."""
    rng = np.random.default_rng(0)
    learned = [links.learn(walks(people, 3.0, rng, whoever=True), seed=k) for k in range(histories)]
    overlaps = sum(any(overlap.seen for overlap in one.overlaps) for one in learned)
    return str(sum(bool(one.links) for one in learned)), str(overlaps)


def found(people: int, spread_s: float, histories: int) -> str:
    """The share of the true links found, and how many false ones a history."""
    rng = np.random.default_rng(1)
    told = [
        {(link.first, link.second) for link in links.learn(walks(people, spread_s, rng), seed=k).links}
        for k in range(histories)
    ]
    right = sum(len(some & TRUE) for some in told) / (len(TRUE) * histories)
    return f"{right:.0%}, {sum(len(some - TRUE) for some in told)}"


def walks(people: int, spread_s: float, rng: np.random.Generator, *, whoever: bool = False) -> list[Tracklet]:
    """whoever: by chance."""
    rows = []
    order = [rng.permutation(people) if whoever else np.arange(people) for _ in WAYS]
    for person, begin in enumerate(rng.uniform(0, 3600, people)):
        time = begin
        for camera, (name, way_s) in enumerate(WAYS):
            time += way_s + (abs(rng.normal(way_s, spread_s)) - way_s if way_s else 0.0)
            rows.append(tracklet(len(rows), name, time, rng.normal(size=SIZE), int(order[camera][person])))
            time += 6.0
    return rows


def tracklet(number: int, camera: str, start: float, look: Floats, person: int | None) -> Tracklet:
    unit = (look / np.linalg.norm(look))[None].astype(np.float32)
    return Tracklet(number, camera, start, start + 6.0, unit, np.ones(1, np.float32), person)


def overlapping(visits: int, share: float, histories: int) -> str:
    """In how many of the histories the overlap is told."""
    rng = np.random.default_rng(2)
    told = [links.learn(at_once(visits, share, rng), seed=k).overlaps[0].seen for k in range(histories)]
    return f"{sum(seen is True for seen in told) / histories:.0%}"


def at_once(visits: int, share: float, rng: np.random.Generator) -> list[Tracklet]:
    rows: list[Tracklet] = []
    for begin in rng.uniform(0, 3600, visits):
        look = rng.normal(size=SIZE)
        other = look if rng.uniform() < share else rng.normal(size=SIZE)
        for name, who, late_s in (("a", look, 0.0), ("b", other, 1.0), ("b", rng.normal(size=SIZE), 2.0)):
            seen = who + rng.normal(0, NOISE, SIZE)
            rows.append(tracklet(len(rows), name, begin + late_s, seen, None))
    return rows


def on_the_demo(folder: Path) -> None:
    """The links of the demo's history, as it is and with other constants."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(shutil.copy(folder / "history.db", name))
        engine = open_database(copy, create=False)
        tracklets = tracklets_of(presences(engine, since=None, until=None), own_clocks=False)
        engine.dispose()
    learned = links.learn(tracklets)
    rows = [
        (f"{link.first} to {link.second}", f"{link.delay_s:.1f}", str(link.ways), f"{link.height:.1f}")
        for link in learned.links
    ]
    print_table("The demo's links", ("link", "delay, s", "ways", "sd"), rows)
    print_table(
        "The demo's four links, and false ones, with another constant",
        ("constant", "value", "found", "false", "overlaps"),
        [
            row
            for name, values in CONSTANTS.items()
            for row in with_other(name, values, lambda: links.learn(tracklets))
        ],
    )


def on_overlapping_views() -> None:
    """What is learned of them, and what the second pass makes of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for view, first in (("west", 0), ("east", 288)):
            cut_view(folder / f"{view}.mp4", first, first + 480)
        db = ["--db", str(folder / "history.db")]
        sightline(["run", str(folder / "west.mp4"), str(folder / "east.mp4"), *db])
        sightline(["refine", *db])
        sightline(["topology", "--save", *db])
        sightline(["refine", "--apply", *db])
        sightline(["people", *db])


def cut_view(path: Path, left: int, right: int) -> None:
    """These columns of the clip."""
    with (
        av.open(resolve("pedestrians")) as clip,
        VideoWriter(path, width=right - left, height=576, fps=CLIP_FPS, crf=14) as view,
    ):
        for number, frame in enumerate(clip.decode(video=0)):
            view.write(frame.to_ndarray(format="bgr24")[:, left:right].copy(), number / CLIP_FPS)


def with_other(name: str, values: tuple[float, ...], learn: Callable[[], object]) -> list[tuple[str, ...]]:
    """A row a value; the constant is put back."""
    kept = getattr(links, name)
    rows = []
    for value in values:
        setattr(links, name, value)
        learned = learn()
        assert isinstance(learned, links.Topology)
        told = {(link.first, link.second) for link in learned.links}
        seen = sum(overlap.seen is True for overlap in learned.overlaps)
        rows.append((name, f"{value:g}", str(len(told & DEMO)), str(len(told - DEMO)), str(seen)))
    setattr(links, name, kept)
    return rows


def print_table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)
    print()


if __name__ == "__main__":
    main()
