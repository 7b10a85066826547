"""The test half of Market-1501 as tracklets, replayed as six cameras; and how ids of them are scored.

A picture's name tells person, camera, sequence and frame; frames count at 25 a second. A tracklet is a
person's pictures on one camera in one sequence, parted at gaps of more than 30 s. Sequences follow one
another, an hour apart. Whom persons 0 and -1 (distractors and junk) show nobody knows: their pictures are
joined as a camera's tracker might, to the last one of the same camera not longer than DISTRACTOR_GAP_S ago
that is most alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from app.scoring.identity_errors import IdentityErrors, Visit
from tracker import tracklets as of_tracker
from tracker.presence import Seen
from tracker.types import Detections, Floats, Track

FPS = 25
GAP_S = 30.0
APART_S = 3600.0
DISTRACTOR_GAP_S, DISTRACTOR_ALIKE = 5.0, 0.6

HEIGHT, SIDE = 1080, 200.0
BOX = (100.0, 400.0, 200.0, 640.0)
"""A picture's place is not told, and must tell nothing: all are of good size, and each tracklet has a place
of its own, drawn by chance, in a picture wide enough for all of them side by side, SIDE pixels each.
"""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One track on one camera: times (N,) seconds, vectors (N, D) unit rows, people (N,) whom each shows.

    recording: a number of its own for each camera's sequence. picture: the file name of the first. People
    from 1 count in the score.
    """

    camera: str
    times: NDArray[np.float64]
    vectors: Floats
    people: Ids
    recording: int = 0
    picture: str = ""

    @property
    def person(self) -> int:
        """Whom most pictures show."""
        values, counts = np.unique(self.people, return_counts=True)
        return int(values[counts.argmax()])

    def take(self, rows: NDArray[np.bool_]) -> Tracklet:
        return replace(self, times=self.times[rows], vectors=self.vectors[rows], people=self.people[rows])


@dataclass(frozen=True, slots=True)
class Embedded:
    """names: (N,) of Market's pictures; vectors: (N, D) unit rows."""

    names: tuple[str, ...]
    vectors: Floats


def read_features(path: Path) -> Embedded:
    """Of an .npz with `names` and `features`."""
    stored = np.load(path)
    vectors = stored["features"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Embedded(tuple(str(name) for name in stored["names"]), vectors)


def tracklets_of(embedded: Embedded, *, distractors: bool = False) -> list[Tracklet]:
    """The tracklets, by beginning. distractors: with those of persons 0 and -1."""
    parts = [name.rpartition("/")[2].split("_") for name in embedded.names]
    keys = [(int(person), int(place[1]), int(place[3:])) for person, place, *_ in parts]
    seconds = np.array([int(part[2]) for part in parts]) / FPS
    length = APART_S + np.ceil(seconds.max())
    groups: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key[0] > 0 or distractors:
            groups[key].append(row)
    tracklets = []
    for (person, camera, sequence), rows in groups.items():
        order = np.array(sorted(rows, key=lambda row: seconds[row]))
        parted = _parted(seconds[order]) if person > 0 else _linked(seconds[order], embedded.vectors[order])
        for some in parted:
            times = seconds[order[some]] + sequence * length
            people = np.full(len(some), person)
            looks = embedded.vectors[order[some]]
            picture = embedded.names[order[some[0]]].rpartition("/")[2]
            tracklets.append(Tracklet(f"c{camera}", times, looks, people, 10 * sequence + camera, picture))
    return by_time(tracklets)


def by_time(tracklets: Sequence[Tracklet]) -> list[Tracklet]:
    return sorted(tracklets, key=lambda t: (t.times[0], t.camera, t.person))


def _parted(seconds: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    return np.split(np.arange(len(seconds)), np.flatnonzero(np.diff(seconds) > GAP_S) + 1)


def _linked(seconds: NDArray[np.float64], vectors: Floats) -> list[NDArray[np.intp]]:
    """Each picture with the tracklet whose last picture is most alike, if it is recent and alike enough."""
    found: list[list[int]] = []
    for row, moment in enumerate(seconds.tolist()):
        recent = [t for t in found if 0 < moment - seconds[t[-1]] <= DISTRACTOR_GAP_S]
        best = max(recent, key=lambda t: float(vectors[t[-1]] @ vectors[row]), default=None)
        if best is not None and vectors[best[-1]] @ vectors[row] >= DISTRACTOR_ALIKE:
            best.append(row)
        else:
            found.append([row])
    return [np.array(rows) for rows in found]


def as_told(tracklets: Sequence[Tracklet]) -> list[of_tracker.Tracklet]:
    """As the second pass gets them: nothing of persons."""
    return [
        of_tracker.Tracklet(
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


def rounds(tracklets: Sequence[Tracklet]) -> Iterator[list[Seen]]:
    """All pictures by time, those of one moment together; a track ends a frame after its last picture."""
    places = np.random.default_rng(0).permutation(len(tracklets))
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
            seen(c, moment, here.get(c, []), gone.get(c, []), recordings.get((moment, c), 0), places)
            for c in sorted({*here, *gone})
        ]


def seen(
    camera: str,
    moment: float,
    pictures: list[tuple[int, Floats]],
    gone: list[int],
    recording: int,
    places: NDArray[np.integer],
) -> Seen:
    """What a camera's tracker would say; people stand far apart, and are confirmed at once.

    places: (T,) of the tracklets, from the left.
    """
    boxes = np.tile(np.array(BOX, np.float32), (len(pictures), 1))
    boxes[:, ::2] += (
        SIDE * places[np.array([number for number, _ in pictures], np.int64)].astype(np.float32)[:, None]
    )
    vectors = np.array([vector for _, vector in pictures], np.float32) if pictures else None
    tracks = tuple(
        Track(camera, number, moment, boxes[row], 0.9, confirmed=True, detection=row)
        for row, (number, _) in enumerate(pictures)
    )
    scores = np.full(len(pictures), 0.9, np.float32)
    width = int(SIDE) * (len(places) + 2)
    detections = Detections(boxes, scores, vectors)
    frame = round(moment * FPS)
    return Seen(camera, frame, moment, width, HEIGHT, detections, tracks, tuple(gone), recording)


def by_picture(ids: Ids, tracklets: Sequence[Tracklet]) -> tuple[Ids, Ids]:
    """(P,) people and ids of all pictures that count."""
    people = np.concatenate([tracklet.people for tracklet in tracklets])
    found = np.repeat(ids, [len(tracklet.times) for tracklet in tracklets])
    return people[people > 0], found[people > 0]


def idf1(ids: Ids, tracklets: Sequence[Tracklet]) -> float:
    """2 IDTP / (pictures + pictures with an id), the best one-to-one pairing of people and ids.

    ids: (T,) of the tracklets, -1 for none.
    """
    shown, found = by_picture(ids, tracklets)
    known = found >= 0
    people = np.unique(shown, return_inverse=True)[1]
    columns = np.unique(found[known], return_inverse=True)[1]
    table = np.zeros((people.max() + 1, columns.max(initial=-1) + 1))
    np.add.at(table, (people[known], columns), 1)
    rows, best = linear_sum_assignment(table, maximize=True)
    return float(2 * table[rows, best].sum() / (len(shown) + known.sum()))


def errors_of(ids: Ids, tracklets: Sequence[Tracklet]) -> IdentityErrors:
    """Purity, merges and hand-overs: a visit is what a tracklet shows of one person, and a tracklet."""
    true, found = [], []
    held: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for tracklet, number in zip(tracklets, ids.tolist(), strict=True):
        counted = {int(p): int((tracklet.people == p).sum()) for p in np.unique(tracklet.people) if p > 0}
        partner = number if number >= 0 else None
        for person, boxes in counted.items():
            times = tracklet.times[tracklet.people == person]
            span, matched = (float(times[0]), float(times[-1])), boxes if number >= 0 else 0
            true.append(Visit(tracklet.camera, person, *span, partner, boxes, matched))
            if number >= 0:
                held[number][person] += boxes
        if number >= 0 and counted:
            whom = max(counted, key=lambda person: counted[person])
            span = float(tracklet.times[0]), float(tracklet.times[-1])
            boxes = sum(counted.values())
            found.append(Visit(tracklet.camera, number, *span, whom, boxes, counted[whom]))
    return IdentityErrors(
        people=len({visit.who for visit in true}),
        matched=sum(visit.boxes for visit in found),
        pure=sum(max(people.values()) for people in held.values()),
        true=tuple(true),
        found=tuple(found),
    )
