"""The test half of Market-1501 replayed as six cameras through the associator: identities at scale.

    python benchmarks/market_replay.py [--data FOLDER] [--features FILE.npz] [--overlap] [--sensitivity]

FILE (reference/reid/retail0277_market_test.npz of FOLDER) holds `names`, of Market-1501's pictures, and
`features`, (N, D) unit rows; no picture is needed. A name tells person, camera, sequence and frame; frames
count at 25 a second. A tracklet is a person's pictures on one camera in one sequence, parted at gaps of more
than 30 s; junk and distractors (persons -1 and 0) are left out. Sequences follow one another, an hour apart.
Each tracklet comes to the associator as a track that is seen at its pictures' times, and ends with the last.

IDF1 is over all cameras and counts pictures: the best one-to-one pairing of people and ids. Purity, merges
and hand-overs are as in app/scoring/identity_errors.py, a tracklet being a visit. Hand-overs follow the
files' times, though the cameras' clocks differ by constants nobody tells: a person may seem to be on two
cameras at once, which the associator rules out unless told that the cameras overlap. --overlap tells it so
of all pairs, too.
The second pass is told which tracklets are of one recording (a camera's sequence); how the clocks of the 25
recordings lie to each other it finds by itself, and prints. Nothing is fitted on the truth.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment

from app.scoring.identity_errors import IdentityErrors, Visit
from tracker import refine as second
from tracker.associator import Associator
from tracker.gallery import Gallery
from tracker.likeness import straight
from tracker.presence import Seen
from tracker.topology import Clocks
from tracker.types import Detections, Floats, Sighting, Track

FPS = 25
GAP_S = 30.0
APART_S = 3600.0
THRESHOLDS = np.arange(0.36, 0.56, 0.01)
"""Cosine distances the baselines choose their best of, by the truth."""

WIDTH, HEIGHT, SIDE = 1920, 1080, 200.0
BOX = (100.0, 400.0, 200.0, 640.0)
"""A picture's place is not told: all are of good size, free on all sides, SIDE pixels from the next."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One person on one camera: times (N,) seconds, vectors (N, D) unit rows.

    recording: a number of its own for each camera's sequence.
    """

    person: int
    camera: str
    times: NDArray[np.float64]
    vectors: Floats
    recording: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. seconds: of CPU, for all tracklets."""

    name: str
    ids: Ids
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--overlap", action="store_true", help="also with all pairs of cameras overlapping")
    parser.add_argument(
        "--sensitivity", action="store_true", help="the second pass with other constants, alone"
    )
    told = parser.parse_args()
    tracklets = read(told.features or told.data / "reference/reid/retail0277_market_test.npz")
    if told.sensitivity:
        print_sensitivity(tracklets)
        return
    rows = [
        baseline("greedy nearest average, best threshold", greedy, tracklets),
        baseline("average linkage, best threshold", clustered, tracklets),
        replayed("sightline online", tracklets, overlap=False),
        refined_by_looks("sightline second pass, looks alone", tracklets),
        refined("sightline second pass", tracklets),
    ]
    if told.overlap:
        rows.append(replayed("sightline online, all cameras may overlap", tracklets, overlap=True))
    print_table(rows, tracklets)


def read(path: Path) -> list[Tracklet]:
    """The tracklets, by beginning."""
    stored = np.load(path)
    parts = [str(name).rpartition("/")[2].split("_") for name in stored["names"]]
    keys = [(int(person), place[:2], int(place[3:])) for person, place, *_ in parts]
    frames = np.array([int(part[2]) for part in parts])
    vectors = stored["features"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    length = APART_S + np.ceil(frames.max() / FPS)
    groups: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key[0] > 0:
            groups[key].append(row)
    tracklets = []
    for (person, camera, sequence), rows in groups.items():
        order = np.array(sorted(rows, key=lambda row: frames[row]))
        seconds = frames[order] / FPS
        for some in np.split(np.arange(len(order)), np.flatnonzero(np.diff(seconds) > GAP_S) + 1):
            times = seconds[some] + sequence * length
            tracklets.append(
                Tracklet(person, camera, times, vectors[order[some]], 10 * sequence + int(camera[1]))
            )
    return sorted(tracklets, key=lambda t: (t.times[0], t.camera, t.person))


def averages(tracklets: list[Tracklet]) -> Floats:
    """(T, D) unit rows: each tracklet's mean."""
    means = np.array([tracklet.vectors.mean(axis=0) for tracklet in tracklets])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def greedy(tracklets: list[Tracklet]) -> list[Ids]:
    """For each threshold: in time order, each joins the id of nearest average, or founds its own."""
    return [_greedy(tracklets, averages(tracklets), threshold) for threshold in THRESHOLDS]


def _greedy(tracklets: list[Tracklet], means: Floats, threshold: float) -> Ids:
    sums = np.zeros_like(means)
    known = np.zeros_like(means)
    ids: Ids = np.zeros(len(means), np.int64)
    count = 0
    for row, mean in enumerate(means):
        alike = known[:count] @ mean
        best = int(alike.argmax()) if count else 0
        if not count or 1.0 - alike[best] > threshold:
            best, count = count, count + 1
        ids[row] = best
        sums[best] += mean * len(tracklets[row].times)
        known[best] = sums[best] / np.linalg.norm(sums[best])
    return ids


def clustered(tracklets: list[Tracklet]) -> list[Ids]:
    """For each threshold: average linkage of all tracklets' averages; knows the future."""
    tree = linkage(averages(tracklets), "average", metric="cosine")
    return [fcluster(tree, threshold, "distance").astype(np.int64) for threshold in THRESHOLDS]


def baseline(name: str, method: Callable[[list[Tracklet]], list[Ids]], tracklets: list[Tracklet]) -> Row:
    began = time.process_time()
    tries = method(tracklets)
    spent = (time.process_time() - began) / len(tries)
    best = max(range(len(tries)), key=lambda k: idf1(tries[k], tracklets))
    return Row(f"{name} ({THRESHOLDS[best]:.2f})", tries[best], spent)


def replayed(name: str, tracklets: list[Tracklet], *, overlap: bool) -> Row:
    """The associator's ids in the end; -1 for who was left undecided."""
    cameras = sorted({tracklet.camera for tracklet in tracklets})
    pairs = frozenset(frozenset(pair) for pair in combinations(cameras, 2)) if overlap else frozenset()
    associator = Associator(gallery=Gallery(dimension=tracklets[0].vectors.shape[1]), overlap=pairs)
    began = time.process_time()
    last: dict[int, Sighting] = {}
    owners: dict[int, int] = {}
    for seen in rounds(tracklets):
        changes = associator.update(seen)
        last |= {sighting.number: sighting for sighting in changes.sightings}
        for people in changes.people.values():
            owners |= {person.sighting: person.track.number for person in people}
    last |= {sighting.number: sighting for sighting in associator.finish().sightings}
    ids: Ids = np.full(len(tracklets), -1, np.int64)
    for number, sighting in last.items():
        ids[owners[number]] = -1 if sighting.identity is None else sighting.identity
    return Row(name, ids, time.process_time() - began)


def refined(name: str, tracklets: list[Tracklet]) -> Row:
    """The second pass over all, with what it learns by itself."""
    rows = as_told(tracklets)
    began = time.process_time()
    found = second.second_pass(rows)
    spent = time.process_time() - began
    if found.clocks is not None:
        print_clocks(found.clocks, rows)
    ids: Ids = np.full(len(tracklets), -1, np.int64)
    for number, cluster in enumerate(found.clusters):
        ids[list(cluster.tracklets)] = number
    return Row(name, ids, spent)


def refined_by_looks(name: str, tracklets: list[Tracklet]) -> Row:
    """The second pass with a given curve and no clocks: it rules out only being twice in one view."""
    rows = as_told(tracklets)
    cameras = sorted({tracklet.camera for tracklet in tracklets})
    began = time.process_time()
    overlap = frozenset(frozenset(pair) for pair in combinations(cameras, 2))
    odds = straight(midpoint=0.5, width=0.05)(second.similarities(rows, centred=False))
    ids = second.joined(odds, second.impossible(rows, overlap), ())
    return Row(name, ids, time.process_time() - began)


def as_told(tracklets: list[Tracklet]) -> list[second.Tracklet]:
    """As the second pass gets them: nothing of persons."""
    return [
        second.Tracklet(
            number=number,
            camera=tracklet.camera,
            start=float(tracklet.times[0]),
            end=float(tracklet.times[-1]) + 1 / FPS,
            vectors=tracklet.vectors,
            qualities=np.ones(len(tracklet.times), np.float32),
            identity=None,
            recording=tracklet.recording,
        )
        for number, tracklet in enumerate(tracklets)
    ]


def print_sensitivity(tracklets: list[Tracklet]) -> None:
    """IDF1 of the second pass by how often it learns, and by how sure it wants to be."""
    rows = as_told(tracklets)
    never = second.impossible(rows, frozenset())
    for turns in range(1, second.TURNS + 2):
        odds = second.second_pass(rows, turns=turns).odds
        scores = {
            accept: idf1(second.joined(odds, never, (), accept=accept), tracklets)
            for accept in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
        }
        line = ", ".join(f"{accept:g}: {100 * value:.1f}" for accept, value in scores.items())
        print(f"{turns} turn(s), IDF1 by ACCEPT: {line}", flush=True)


def print_clocks(clocks: Clocks, rows: list[second.Tracklet]) -> None:
    """The offsets found, a line for each camera; recordings in order."""
    stays = second.stays_of(rows)
    lines: dict[str, dict[int, str]] = defaultdict(dict)
    for row, code in zip(rows, stays.recording.tolist(), strict=True):
        lines[row.camera][row.recording] = f"{clocks.offset_s[code]:.0f}"
    print(
        f"clocks of {len(clocks.offset_s)} recordings in {len(set(clocks.group.tolist()))} group(s), seconds:"
    )
    for camera, offsets in sorted(lines.items()):
        print(f"  {camera}: " + ", ".join(offsets[number] for number in sorted(offsets)))


def rounds(tracklets: list[Tracklet]) -> Iterator[list[Seen]]:
    """All pictures by time, those of one moment together; a track ends a frame after its last picture."""
    shown: dict[float, dict[str, list[tuple[int, Floats]]]] = defaultdict(lambda: defaultdict(list))
    recordings: dict[tuple[float, str], int] = {}
    ended: dict[float, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, tracklet in enumerate(tracklets):
        for moment, vector in zip(tracklet.times, tracklet.vectors, strict=True):
            shown[float(moment)][tracklet.camera].append((number, vector))
            recordings[float(moment), tracklet.camera] = tracklet.recording
        ended[float(tracklet.times[-1]) + 1 / FPS][tracklet.camera].append(number)
    for moment in sorted({*shown, *ended}):
        here, gone = shown.get(moment, {}), ended.get(moment, {})
        yield [
            seen(c, moment, here.get(c, []), gone.get(c, []), recordings.get((moment, c), 0))
            for c in sorted({*here, *gone})
        ]


def seen(
    camera: str, moment: float, pictures: list[tuple[int, Floats]], gone: list[int], recording: int
) -> Seen:
    """What a camera's tracker would say; people stand far apart, and are confirmed at once."""
    boxes = np.tile(np.array(BOX, np.float32), (len(pictures), 1))
    boxes[:, ::2] += SIDE * np.arange(len(pictures), dtype=np.float32)[:, None]
    vectors = np.array([vector for _, vector in pictures], np.float32) if pictures else None
    tracks = tuple(
        Track(camera, number, moment, boxes[row], 0.9, confirmed=True, detection=row)
        for row, (number, _) in enumerate(pictures)
    )
    scores = np.full(len(pictures), 0.9, np.float32)
    width = WIDTH + int(SIDE) * len(pictures)
    detections = Detections(boxes, scores, vectors)
    frame = round(moment * FPS)
    return Seen(camera, frame, moment, width, HEIGHT, detections, tracks, tuple(gone), recording)


def idf1(ids: Ids, tracklets: list[Tracklet]) -> float:
    """2 IDTP / (pictures + pictures with an id), the best one-to-one pairing of people and ids."""
    counts = np.array([len(tracklet.times) for tracklet in tracklets])
    known = ids >= 0
    people = np.unique([tracklet.person for tracklet in tracklets], return_inverse=True)[1]
    columns = np.unique(ids[known], return_inverse=True)[1]
    table = np.zeros((people.max() + 1, columns.max(initial=-1) + 1))
    np.add.at(table, (people[known], columns), counts[known])
    rows, best = linear_sum_assignment(table, maximize=True)
    return float(2 * table[rows, best].sum() / (counts.sum() + counts[known].sum()))


def errors_of(ids: Ids, tracklets: list[Tracklet]) -> IdentityErrors:
    """Purity, merges and hand-overs, a tracklet being a visit of its person and of its id."""
    true, found = [], []
    held: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for tracklet, number in zip(tracklets, ids.tolist(), strict=True):
        times = float(tracklet.times[0]), float(tracklet.times[-1])
        boxes = len(tracklet.times)
        partner = number if number >= 0 else None
        matched = boxes if number >= 0 else 0
        true.append(Visit(tracklet.camera, tracklet.person, *times, partner, boxes, matched))
        if number >= 0:
            found.append(Visit(tracklet.camera, number, *times, tracklet.person, boxes, boxes))
            held[number][tracklet.person] += boxes
    return IdentityErrors(
        people=len({tracklet.person for tracklet in tracklets}),
        matched=sum(visit.boxes for visit in found),
        pure=sum(max(people.values()) for people in held.values()),
        true=tuple(true),
        found=tuple(found),
    )


def print_table(rows: list[Row], tracklets: list[Tracklet]) -> None:
    people = len({tracklet.person for tracklet in tracklets})
    pictures = sum(len(tracklet.times) for tracklet in tracklets)
    title = f"Market-1501 replayed: {pictures:,} pictures, {len(tracklets):,} tracklets, {people} people"
    table = Table(title=title, title_justify="left")
    columns = (
        "IDF1",
        "ids",
        "purity",
        "false merges",
        "missed merges",
        "hand-overs kept",
        "undecided",
        "CPU s",
    )
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        errors = errors_of(row.ids, tracklets)
        merges = [
            f"{errors.per_hundred_people(count):.1f}" for count in (errors.false_merges, errors.missed_merges)
        ]
        rates = [f"{100 * (rate or 0.0):.1f}" for rate in (errors.purity, errors.handover_recall)]
        found = len(np.unique(row.ids[row.ids >= 0]))
        score = f"{100 * idf1(row.ids, tracklets):.1f}"
        undecided = 100 * (1 - errors.matched / pictures)
        times = f"{undecided:.1f}", f"{row.seconds:.1f}"
        table.add_row(row.name, score, str(found), rates[0], *merges, rates[1], *times)
    table.caption = (
        "percent; merges: per hundred people; undecided: pictures whose tracklet has no id in the end"
    )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
