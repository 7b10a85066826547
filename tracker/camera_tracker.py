"""One camera: what is detected at each moment -> tracks of people, in seconds.

Strong detections are matched to tracks by overlap and, where boxes alone are ambiguous, by appearance
(as BoT-SORT does, arXiv 2206.14651); what is left of the tracks is matched to weak detections by overlap
alone (ByteTrack, arXiv 2110.06864); tracks out of sight are found again by appearance within the place
that motion allows (DeepSORT, arXiv 1703.07402).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from tracker.kalman import Array, Motion, corners
from tracker.matching import Matches, assign, buffered_iou, cosine_distance, iou
from tracker.types import Detections, Floats, Track


@dataclass(frozen=True, slots=True)
class Rules:
    """When a detection continues a track, starts one, and when a track ends.

    strong, new: scores from which a detection is matched first, and may start a track. max_gap_s: how
    long a track lives unseen. confirm_s, confirm_hits: how long and how often it must be seen to be
    confirmed. sure: the mean score it must have had by then: the first above a mark may have been luck, and
    a mean asks the same at any frame rate. same: cosine distance below which two pictures are surely one
    person. refresh_s: how old a track's embedding may grow. clear: overlap from which a detection plainly
    continues a track. momentum: the share of its old embedding a track keeps.
    """

    strong: float = 0.5
    new: float = 0.6
    max_gap_s: float = 2.5
    confirm_s: float = 0.25
    confirm_hits: int = 2
    sure: float = 0.64
    max_iou_distance: float = 0.85
    max_weak_iou_distance: float = 0.5
    max_new_iou_distance: float = 0.7
    same: float = 0.3
    near: float = 9.2
    refresh_s: float = 0.5
    clear: float = 0.5
    momentum: float = 0.8


@dataclass(slots=True)
class Target:
    """The mutable part of a track: where it is thought to be, and what it looks like."""

    number: int
    mean: Array
    covariance: Array
    time: float
    began: float
    seen: float
    hits: int = 1
    score_sum: float = 0.0
    confirmed: bool = False
    embedding: Floats | None = None
    embedded: float = -np.inf

    def look(self, vector: Floats, time: float, momentum: float) -> None:
        """Blends a (D,) unit vector into what the target looks like; NaN changes nothing."""
        if np.isnan(vector[0]):
            return
        blend = vector if self.embedding is None else momentum * self.embedding + (1 - momentum) * vector
        self.embedding = np.asarray(blend / np.linalg.norm(blend), np.float32)
        self.embedded = time


@dataclass(frozen=True, slots=True)
class Update:
    """tracks: the people seen in this frame. ended: numbers of the tracks given up, ascending."""

    tracks: tuple[Track, ...]
    ended: tuple[int, ...]


@dataclass(slots=True)
class CameraTracker:
    """Tracks of one camera. Numbers count from 1 and are its own."""

    camera: str
    rules: Rules = field(default_factory=Rules)
    motion: Motion = field(default_factory=Motion)
    _targets: list[Target] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def ask(self, time: float, detections: Detections) -> NDArray[np.bool_]:
        """(N,): which detections to embed before ``update``. Changes nothing.

        Strong ones that don't plainly continue one track, or whose track's embedding has grown old.
        """
        strong: NDArray[np.bool_] = detections.scores >= self.rules.strong
        if not strong.any():
            return strong
        targets, means, _ = self._predict(self._alive(time), time)
        overlap = iou(corners(means), detections.boxes)
        wanted = np.ones(len(detections), bool)
        for row, target in enumerate(targets):
            claims = overlap[row] >= self.rules.clear
            fresh = target.confirmed and time - target.embedded < self.rules.refresh_s
            if fresh and claims.sum() == 1:
                wanted &= ~claims
        touched = (overlap > 1.0 - self.rules.max_iou_distance).sum(axis=0)
        return np.asarray(strong & (wanted | (touched > 1)))

    def update(self, time: float, detections: Detections) -> Update:
        """Takes the detections of the frame at ``time``; times must increase.

        Raises ValueError where time does not.
        """
        if any(time <= target.time for target in self._targets):
            raise ValueError(f"camera {self.camera}: time {time} does not follow the frame before")
        alive = self._alive(time)
        ended = tuple(sorted({t.number for t in self._targets} - {t.number for t in alive}))
        self._targets = alive
        self._move(time)
        tracks = [self._see(t, row, time, detections) for t, row in self._match(time, detections)]
        missed = self._drop_unconfirmed(time)
        return Update(tuple(sorted(tracks, key=lambda t: t.number)), tuple(sorted((*ended, *missed))))

    def _alive(self, time: float) -> list[Target]:
        return [t for t in self._targets if time - t.seen <= self.rules.max_gap_s]

    def _predict(self, targets: list[Target], time: float) -> tuple[list[Target], Array, Array]:
        means = np.array([t.mean for t in targets]).reshape(-1, 4, 2)
        covariances = np.array([t.covariance for t in targets]).reshape(-1, 4, 2, 2)
        dt_s = np.array([time - t.time for t in targets])
        return targets, *self.motion.predict(means, covariances, dt_s)

    def _move(self, time: float) -> None:
        targets, means, covariances = self._predict(self._targets, time)
        for target, mean, covariance in zip(targets, means, covariances, strict=True):
            target.mean, target.covariance, target.time = mean, covariance, time

    def _match(self, time: float, detections: Detections) -> list[tuple[Target, int]]:
        """Every target that is seen, with its row; new targets are made for strong rows left over."""
        rules = self.rules
        strong = np.flatnonzero(detections.scores >= rules.strong)
        weak = np.flatnonzero(detections.scores < rules.strong)
        known = [t for t in self._targets if t.confirmed]
        fresh = [t for t in self._targets if not t.confirmed]
        cost = self._cost(known, detections, strong)
        first = _pair(known, strong, assign(cost, max_cost=rules.max_iou_distance))
        steady = [t for t in first.targets if t.seen >= self._previous(time)]
        distance = self._distance(steady, detections, weak)
        second = _pair(steady, weak, assign(distance, max_cost=rules.max_weak_iou_distance))
        distance = self._distance(fresh, detections, first.rows)
        third = _pair(fresh, first.rows, assign(distance, max_cost=rules.max_new_iou_distance))
        born = [
            (self._begin(time, detections.boxes[row]), int(row))
            for row in third.rows
            if detections.scores[row] >= rules.new
        ]
        return [*first.pairs, *second.pairs, *third.pairs, *born]

    def _previous(self, time: float) -> float:
        """The time of the newest frame in which anyone was seen."""
        return max((t.seen for t in self._targets), default=time)

    def _distance(
        self, targets: Sequence[Target], detections: Detections, rows: NDArray[np.intp]
    ) -> NDArray[np.floating]:
        """(T, R): 1 - IoU of each target's expected box and each row's.

        The speed of a target not yet confirmed is unknown: its box is grown by how far it may have got.
        """
        means = np.array([t.mean for t in targets]).reshape(-1, 4, 2)
        covariances = np.array([t.covariance for t in targets]).reshape(-1, 4, 2, 2)
        fresh = np.array([not t.confirmed for t in targets], bool)
        margin = self.motion.margin(covariances) * fresh[:, None]
        return 1.0 - buffered_iou(corners(means), detections.boxes[rows], margin)

    def _cost(
        self, targets: list[Target], detections: Detections, rows: NDArray[np.intp]
    ) -> NDArray[np.floating]:
        """(T, R): overlap distance, helped by appearance where the target may have got to that place."""
        distance = self._distance(targets, detections, rows)
        if not targets or detections.embeddings is None:
            return distance
        dimension = detections.embeddings.shape[1]
        nothing = np.full(dimension, np.nan, np.float32)
        looks = np.array([nothing if t.embedding is None else t.embedding for t in targets])
        apart = cosine_distance(looks, detections.embeddings[rows]) / (2 * self.rules.same)
        means = np.array([t.mean for t in targets])
        covariances = np.array([t.covariance for t in targets])
        near = self.motion.gate(means, covariances, detections.boxes[rows]) <= self.rules.near
        alike = near & (apart < 0.5)
        unlike = apart > 1.0
        blend = np.where(np.isnan(apart), distance, 0.5 * distance + 0.5 * np.minimum(apart, 1.0))
        blend = np.where(alike, np.minimum(blend, apart), blend)
        return np.where(unlike & (distance > 0.5), np.inf, blend)

    def _begin(self, time: float, box: Floats) -> Target:
        mean, covariance = self.motion.begin(box[None])
        target = Target(next(self._numbers), mean[0], covariance[0], time, time, time, hits=0)
        self._targets.append(target)
        return target

    def _see(self, target: Target, row: int, time: float, detections: Detections) -> Track:
        box = detections.boxes[row]
        if target.hits:
            mean, covariance = self.motion.update(target.mean[None], target.covariance[None], box[None])
            target.mean, target.covariance = mean[0], covariance[0]
        target.hits += 1
        target.seen = time
        if detections.embeddings is not None and detections.scores[row] >= self.rules.strong:
            target.look(detections.embeddings[row], time, self.rules.momentum)
        score = float(detections.scores[row])
        target.score_sum += score
        target.confirmed = target.confirmed or self._is_person(target, time)
        return Track(self.camera, target.number, time, box, score, target.confirmed, row)

    def _is_person(self, target: Target, time: float) -> bool:
        """Whether the target was seen for long enough, often enough and surely enough."""
        rules = self.rules
        lasted = time - target.began >= rules.confirm_s
        sure = target.score_sum >= rules.sure * target.hits
        return lasted and target.hits >= rules.confirm_hits and sure

    def _drop_unconfirmed(self, time: float) -> list[int]:
        """A target that is not confirmed ends when it is not seen."""
        dropped = [t.number for t in self._targets if not t.confirmed and t.seen < time]
        self._targets = [t for t in self._targets if t.confirmed or t.seen == time]
        return dropped

    def finish(self) -> tuple[int, ...]:
        """Ends every track; their numbers."""
        numbers = tuple(t.number for t in self._targets)
        self._targets = []
        return numbers


@dataclass(frozen=True, slots=True)
class _Paired:
    """pairs: targets with their rows of the detections; targets, rows: those left over."""

    pairs: list[tuple[Target, int]]
    targets: list[Target]
    rows: NDArray[np.intp]


def _pair(targets: list[Target], rows: NDArray[np.intp], matches: Matches) -> _Paired:
    return _Paired(
        [(targets[i], int(rows[j])) for i, j in matches.pairs],
        [targets[i] for i in matches.rows],
        rows[matches.columns],
    )
