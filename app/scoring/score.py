"""How good were the identities: IDF1, MOTA and HOTA, one camera at a time and over all together.

The measures are TrackEval's: Identity (Ristani et al., "Performance Measures and a Data Set for
Multi-Target, Multi-Camera Tracking", 2016), CLEAR (Bernardin and Stiefelhagen, 2008) and HOTA (Luiten et
al., 2021). Over all cameras the ids are global: the cameras are joined into one sequence, one after the
other, so a person who changes id from one camera to the next is one person with two ids. Beside them stand
the errors of identity one can point at, defined in app.scoring.identity_errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import CLEAR, HOTA, Identity

from app.history.last_run import last_footage, last_sightings
from app.scoring.identity_errors import NOBODY, FrameClock, IdentityErrors, Matched, identity_errors

if TYPE_CHECKING:
    from storage.history import History

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]

LEAST_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Boxes:
    """Who was where on one camera, as columns of equal length: the truth, or what was found.

    frames: (N,) int64, from 0. ids: (N,) int64, one a person and frame. boxes: (N, 4) float64 xyxy pixels.
    ignored: (N,) bool, of the truth alone: neither wanted nor punished.

    Raises ValueError where the columns do not fit together.
    """

    frames: Whole
    ids: Whole
    boxes: Columns
    ignored: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.frames)
        if self.ids.shape != (count,) or self.boxes.shape != (count, 4) or self.ignored.shape != (count,):
            raise ValueError(
                f"boxes: expected {count} rows, found ids {self.ids.shape}, boxes {self.boxes.shape}, "
                f"ignored {self.ignored.shape}"
            )

    @staticmethod
    def none() -> Boxes:
        """Nobody."""
        return Boxes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, rows: NDArray[Any]) -> Boxes:
        """The given rows, by number or by mask, in that order."""
        return Boxes(self.frames[rows], self.ids[rows], self.boxes[rows], self.ignored[rows])


@dataclass(frozen=True, slots=True)
class Score:
    """Rates are parts of 1; MOTA can be below 0.

    people: true people asked for. ids: different ids found. boxes: true boxes asked for; misses: of them not
    found; false_alarms: boxes found where nobody was. switches: how often a person's id changed.
    identities: purity, merges and hand-overs.
    """

    idf1: float
    idp: float
    idr: float
    mota: float
    hota: float
    recall: float
    precision: float
    switches: int
    people: int
    ids: int
    boxes: int
    misses: int
    false_alarms: int
    identities: IdentityErrors


@dataclass(frozen=True, slots=True)
class Scores:
    """One Score a camera, and over all of them with global ids."""

    cameras: dict[str, Score]
    overall: Score


def found_in(history: History, people: Mapping[int, int] | None = None) -> dict[str, Boxes]:
    """What the last run found on each camera: people with an identity; the undecided are left out.

    people: who each sighting is, where that is not as the history has it. Where two sightings have a person
    twice in one frame the more probable one counts, as in an export.
    """
    sightings = last_sightings(history)
    if people is not None:
        sightings = [replace(sighting, person=people.get(sighting.id)) for sighting in sightings]
    known = [sighting for sighting in sightings if sighting.person is not None]
    known.sort(key=lambda sighting: -sighting.probability)
    paths = history.trajectories([sighting.id for sighting in known])
    parts: dict[str, list[Boxes]] = {row.camera: [] for row in last_footage(history)}
    for sighting in known:
        path = paths[sighting.id]
        ids = np.full(len(path.frames), sighting.person, np.int64)
        boxes = path.boxes.astype(np.float64)
        parts[sighting.camera].append(Boxes(path.frames, ids, boxes, np.zeros(len(ids), np.bool_)))
    return {camera: _once(_joined(found)) for camera, found in parts.items()}


def _once(boxes: Boxes) -> Boxes:
    """The first of each id in each frame."""
    keys = np.column_stack([boxes.frames, boxes.ids])
    return boxes.take(np.sort(np.unique(keys, axis=0, return_index=True)[1]))


def score(
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    *,
    clocks: Mapping[str, FrameClock] | None = None,
) -> Scores:
    """Score what was found on each camera of the truth, and on all of them as one sequence.

    Boxes match at an IoU of at least 0.5. As in MOTChallenge, first everything found that matches an
    ignored true box better than a wanted one is left out, then the ignored ones are. What was found on a
    camera that the truth does not know is not looked at. clocks: when the frames were, for visits and their
    order; without, all cameras begin together and have 25 frames a second.
    """
    steps = {name: _steps(name, boxes, found.get(name, Boxes.none())) for name, boxes in truth.items()}
    times = {name: (clocks or {}).get(name, FrameClock()) for name in steps}
    matched = {name: _matched(name, frames, times[name]) for name, frames in steps.items()}
    cameras = {name: _evaluate(frames, [matched[name]]) for name, frames in steps.items()}
    joined = [step for frames in steps.values() for step in frames]
    return Scores(cameras, _evaluate(joined, list(matched.values())))


@dataclass(frozen=True, slots=True)
class _Step:
    """One frame: true ids (T,), found ids (F,), and the IoU of true box i with found box j at (i, j)."""

    frame: int
    truth: Whole
    found: Whole
    iou: Columns


def _steps(camera: str, truth: Boxes, found: Boxes) -> list[_Step]:
    """The frames of one camera in which there is anybody, less what is ignored."""
    frames = np.union1d(truth.frames, found.frames)
    pairs = [(truth.take(truth.frames == frame), found.take(found.frames == frame)) for frame in frames]
    for frame, pair in zip(frames, pairs, strict=True):
        for boxes in pair:
            if len(np.unique(boxes.ids)) < len(boxes):
                raise ValueError(f"an id is there twice in frame {frame} of {camera}: {sorted(boxes.ids)}")
    return [_step(int(frame), *pair) for frame, pair in zip(frames, pairs, strict=True)]


def _step(frame: int, truth: Boxes, found: Boxes) -> _Step:
    iou = _iou(truth.boxes, found.boxes)
    rows, columns = _pairs(iou)
    kept = np.delete(np.arange(len(found)), columns[truth.ignored[rows]])
    return _Step(frame, truth.ids[~truth.ignored], found.ids[kept], iou[~truth.ignored][:, kept])


def _pairs(iou: Columns) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pairing with the largest sum of IoUs, of at least LEAST_IOU each."""
    close = np.where(iou >= LEAST_IOU, iou, 0.0)
    rows, columns = linear_sum_assignment(close, maximize=True)
    near = close[rows, columns] > 0.0
    return rows[near], columns[near]


def _matched(camera: str, steps: Sequence[_Step], clock: FrameClock) -> Matched:
    """Every box of a camera, those that match being one row."""
    parts = [np.zeros((3, 0), np.int64)]
    for step in steps:
        rows, columns = _pairs(step.iou)
        alone = np.delete(np.arange(len(step.found)), columns)
        part = np.full((3, len(step.truth) + len(alone)), NOBODY, np.int64)
        part[0] = step.frame
        part[1, : len(step.truth)] = step.truth
        part[2, rows] = step.found[columns]
        part[2, len(step.truth) :] = step.found[alone]
        parts.append(part)
    frames, people, ids = np.concatenate(parts, axis=1)
    return Matched(camera, clock.start_s + frames / clock.fps, people, ids)


def _iou(a: Columns, b: Columns) -> Columns:
    """(N, 4) and (M, 4) xyxy -> (N, M) intersection over union."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clip(min=0.0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    whole = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0.0), np.float64)


def _evaluate(steps: Sequence[_Step], matched: Sequence[Matched]) -> Score:
    """TrackEval's three measures of one sequence of frames, and the errors of identity."""
    data = _as_trackeval(steps)
    quiet = {"PRINT_CONFIG": False}
    identity = Identity(quiet).eval_sequence(data)
    clear = CLEAR(quiet).eval_sequence(data)
    hota = HOTA().eval_sequence(data)
    return Score(
        idf1=float(identity["IDF1"]),
        idp=float(identity["IDP"]),
        idr=float(identity["IDR"]),
        mota=float(clear["MOTA"]),
        hota=float(np.mean(hota["HOTA"])),
        recall=float(clear["CLR_Re"]),
        precision=float(clear["CLR_Pr"]),
        switches=int(clear["IDSW"]),
        people=data["num_gt_ids"],
        ids=data["num_tracker_ids"],
        boxes=data["num_gt_dets"],
        misses=int(clear["CLR_FN"]),
        false_alarms=int(clear["CLR_FP"]),
        identities=identity_errors(matched),
    )


def _as_trackeval(steps: Sequence[_Step]) -> dict[str, Any]:
    """The frames in TrackEval's words, with ids renumbered from 0."""
    truth, true_ids = _renumbered([step.truth for step in steps])
    found, found_ids = _renumbered([step.found for step in steps])
    return {
        "num_timesteps": len(steps),
        "num_gt_ids": true_ids,
        "num_tracker_ids": found_ids,
        "num_gt_dets": sum(map(len, truth)),
        "num_tracker_dets": sum(map(len, found)),
        "gt_ids": truth,
        "tracker_ids": found,
        "similarity_scores": [step.iou for step in steps],
    }


def _renumbered(columns: Sequence[Whole]) -> tuple[list[Whole], int]:
    """The ids of each frame as numbers from 0, and how many there are."""
    known = np.unique(np.concatenate([np.zeros(0, np.int64), *columns]))
    return [np.searchsorted(known, ids) for ids in columns], len(known)


def _joined(parts: Sequence[Boxes]) -> Boxes:
    parts = [Boxes.none(), *parts]
    return Boxes(
        np.concatenate([part.frames for part in parts]),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.ignored for part in parts]),
    )
