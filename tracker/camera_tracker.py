"""One camera: what is detected at each moment -> tracks, each of one person, in seconds.

Strong detections are matched to tracks by log odds of place and looks (tracker.evidence); the tracks that are
left to the other detections by overlap alone (ByteTrack, arXiv 2110.06864). What looks are worth is learned
on the way (tracker.cosines), and a picture of somebody half covered is worth less.

Each track carries the odds that it still shows the person it began with. They fall where a pairing could have
been another one, as when two cross or one comes back from behind somebody, and rise when the looks agree.
Where looks speak against a track more than its odds speak for it, and not for a moment only, it ends, and
one that begins with that detection, confirmed at once, takes its place: a tracklet is of one person, and no
box is lost. Pictures of one moment err alike (two people in one box as they cross): they are one opinion, so
that a camera of 25 frames a second is judged as one of 5 is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from tracker.cosines import Cosines
from tracker.evidence import Evidence, log_odds, probability
from tracker.kalman import Array, Motion, corners
from tracker.matching import Matches, assign, buffered_iou, cosine_distance
from tracker.quality import visible
from tracker.types import Detections, Floats, Track

MOST_ODDS = 4.0
"""Log odds that a track shows the person it began with, at the most: there is always what nobody foresaw."""

MOST_LOOKS = 8.0
"""Pictures in whose mean the latest counts as one."""

COVERED = 0.1
"""The part of a box from which on others before it show in its picture."""

PLAIN = 0.01
"""The chance of a mistake, by place alone, below which a pairing teaches what looks are worth."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a detection continues a track, starts one, and when a track ends.

    strong, new: scores from which a detection is matched first, and may start a track. max_gap_s: how
    long a track lives unseen. confirm_s, confirm_hits: how long and how often it must be seen to be
    confirmed. sure: the mean score it must have had by then: the first above a mark may have been luck, and
    a mean asks the same at any frame rate. refresh_s: how old a track's looks may grow. doubtful: log
    odds of a track below which its looks are asked for at once. cut: those that its looks must leave it.
    moment_s: pictures of a track nearer than this are of one moment: a second one is not asked for, and looks
    that refute a track must do so for longer.
    """

    strong: float = 0.5
    new: float = 0.6
    max_gap_s: float = 2.5
    confirm_s: float = 0.25
    confirm_hits: int = 2
    sure: float = 0.64
    max_weak_iou_distance: float = 0.5
    max_new_iou_distance: float = 0.7
    refresh_s: float = 0.5
    doubtful: float = 2.0
    cut: float = 0.0
    moment_s: float = 0.15


@dataclass(slots=True)
class Target:
    """The mutable part of a track: where it is thought to be, and what it looks like.

    looks: (D,) mean of its pictures, as many as ``pictures`` says. odds: log odds that it still shows the
    person it began with. sure: when it was last seen before its looks began to refute it; None where they
    don't.
    """

    number: int
    mean: Array
    covariance: Array
    time: float
    began: float
    seen: float
    hits: int = 0
    score_sum: float = 0.0
    confirmed: bool = False
    looks: Floats | None = None
    pictures: float = 0.0
    embedded: float = -np.inf
    odds: float = MOST_ODDS
    sure: float | None = None

    def news(self, time: float, refresh_s: float) -> float:
        """What a picture is worth after the last, 0..1: those of one moment show the same and err alike."""
        return float(-np.expm1((self.embedded - time) / refresh_s))

    def look(self, vector: Floats, time: float, weight: float) -> None:
        """Takes a (D,) unit vector into what the target looks like. weight: what it is worth, 0..1."""
        self.pictures = min(self.pictures + weight, MOST_LOOKS)
        share = 1.0 if self.looks is None else weight / self.pictures
        blend = vector if self.looks is None else (1 - share) * self.looks + share * vector
        self.looks = np.asarray(blend / np.linalg.norm(blend), np.float32)
        self.embedded = time

    def successor(self, number: int, time: float) -> Target:
        """Where this one is, but of somebody else: nothing is known of the looks."""
        return Target(
            number,
            self.mean,
            self.covariance,
            self.time,
            time,
            self.seen,
            hits=self.hits,
            score_sum=self.score_sum,
            confirmed=True,
        )


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
    cosines: Cosines = field(default_factory=Cosines)
    _targets: list[Target] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def ask(self, time: float, detections: Detections) -> NDArray[np.bool_]:
        """(N,): which detections to embed before ``update``. Changes nothing.

        Strong ones, but for those that by their place can only be one track, which can be no other, and whose
        looks are known well enough; and for those that can only be tracks of which there is a picture of this
        moment, where there are no more detections than tracks.
        """
        strong: NDArray[np.bool_] = detections.scores >= self.rules.strong
        targets, means, covariances = self._predict(self._alive(time), time)
        if not strong.any() or not targets:
            return strong
        claims = self.motion.log_odds(means, covariances, detections.boxes) > 0
        plain = (claims.sum(axis=1) == 1) & np.array([self._fresh(t, time) for t in targets])
        known = claims[plain].any(axis=0) & (claims.sum(axis=0) == 1)
        old = np.array([not t.confirmed or time - t.embedded >= self.rules.moment_s for t in targets])
        shared = (claims.T.astype(int) @ claims).astype(bool)  # (N, N): detections that one track may be
        just = claims.any(axis=0) & ~claims[old].any(axis=0) & (shared.sum(axis=0) <= claims.sum(axis=0))
        return np.asarray(strong & ~known & ~just)

    def _fresh(self, target: Target, time: float) -> bool:
        """Whether what it looks like is known, and that it is still the same."""
        young = time - target.embedded < self.rules.refresh_s
        return target.confirmed and young and target.odds >= self.rules.doubtful

    def update(self, time: float, detections: Detections) -> Update:
        """Takes the detections of the frame at ``time``; times must increase.

        Raises ValueError where time does not.
        """
        if any(time <= target.time for target in self._targets):
            raise ValueError(f"camera {self.camera}: time {time} does not follow the frame before")
        before = {t.number for t in self._targets}
        self._targets = self._alive(time)
        self._move(time)
        pairs = self._match(time, detections)
        tracks = [self._see(target, row, time, detections) for target, row in pairs]
        self._drop_unconfirmed(time)
        made = {track.number for track in tracks}
        ended = (before | made) - {t.number for t in self._targets}
        return Update(tuple(sorted(tracks, key=lambda t: t.number)), tuple(sorted(ended)))

    def expected(self, time: float) -> dict[int, Floats]:
        """Where each track is thought to be, by number: (4,) xyxy pixels. Changes nothing."""
        targets, means, _ = self._predict(self._alive(time), time)
        boxes = corners(means).astype(np.float32)
        return {target.number: box for target, box in zip(targets, boxes, strict=True)}

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
        fresh = [t for t in self._targets if not t.confirmed]
        hidden = 1.0 - visible(detections.boxes) if len(detections) else np.zeros(0)
        first = self._continue(time, detections, strong, hidden)
        steady = [t for t in first.targets if t.seen >= self._previous(time)]
        rows = np.concatenate([first.rows, weak])
        unlike = self._evidence(steady, detections, rows, hidden).looks < 0
        distance = np.where(unlike, np.inf, self._distance(steady, detections, rows))
        second = _pair(steady, rows, assign(distance, max_cost=rules.max_weak_iou_distance))
        left = np.setdiff1d(second.rows, weak)
        distance = self._distance(fresh, detections, left)
        third = _pair(fresh, left, assign(distance, max_cost=rules.max_new_iou_distance))
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

    def _continue(
        self, time: float, detections: Detections, strong: NDArray[np.intp], hidden: Array
    ) -> _Paired:
        """Confirmed targets with the strong detections they are; those that their looks refute are cut.

        A pair that is refuted is barred and all are paired again: the detection may be another target.
        hidden: (N,) what others before them cover of the detections.
        """
        known = [t for t in self._targets if t.confirmed]
        evidence = self._evidence(known, detections, strong, hidden)
        cost = -evidence.odds
        matches = assign(cost, max_cost=0.0)
        clear = hidden[strong][matches.pairs[:, 1]] <= COVERED
        self._learn(time, known, detections.take(strong), evidence, matches.pairs[clear])
        refuted: dict[int, Target] = {}
        while True:
            after, barred = self._judge(known, evidence, matches.pairs)
            if not barred.any():
                break
            for i, j in matches.pairs[barred]:
                cost[i, j] = np.inf
                refuted.setdefault(int(strong[j]), known[i])
            matches = assign(cost, max_cost=0.0)
        for (i, _), odds in zip(matches.pairs, after, strict=True):
            known[i].odds = odds
        return self._cut(_pair(known, strong, matches), refuted, time)

    def _evidence(
        self, targets: list[Target], detections: Detections, rows: NDArray[np.intp], hidden: Array
    ) -> Evidence:
        """Of each target and each of the rows. hidden: (N,) as in _continue."""
        place: Array = np.zeros((len(targets), len(rows)))
        looks: Array = np.full_like(place, np.nan)
        if not place.size:
            return Evidence(place, looks)
        means, covariances = (np.array([getattr(t, n) for t in targets]) for n in ("mean", "covariance"))
        place = self.motion.log_odds(means, covariances, detections.boxes[rows])
        if detections.embeddings is not None:
            doubt = np.clip(hidden[rows], self.cosines.misleading, 0.5)
            nothing = np.full(detections.embeddings.shape[1], np.nan, np.float32)
            known = np.array([nothing if t.looks is None else t.looks for t in targets])
            cosines = 1.0 - cosine_distance(known, detections.embeddings[rows])
            looks = self.cosines.log_ratio(cosines, doubt)
        return Evidence(place, looks)

    def _judge(
        self, known: list[Target], evidence: Evidence, pairs: NDArray[np.intp]
    ) -> tuple[list[float], NDArray[np.bool_]]:
        """(M,) log odds of the targets after their pairs, and (M,) whether looks refute that they are.

        Looks that speak against a target for the first time may be a bad picture of it: they take of its odds
        what they are worth after the last one, and refute it only where no picture of the last moment agreed.
        """
        wrong = evidence.mistaken(pairs, evidence.odds)
        looks = evidence.looks[pairs[:, 0], pairs[:, 1]]
        here = [known[i] for i, _ in pairs]
        kept = [probability(t.odds) * (1 - chance) for t, chance in zip(here, wrong, strict=True)]
        odds = np.array([log_odds(p) for p in kept])
        news = np.array([t.news(t.time, self.rules.refresh_s) for t in here])
        told = np.where(looks > 0, looks, looks * news)
        after = np.minimum(odds + np.nan_to_num(told), MOST_ODDS)
        refuted = (looks < 0) & (odds + looks < self.rules.cut)
        for target, against, look in zip(here, refuted, looks, strict=True):
            if not against and not np.isnan(look):
                target.sure = None
            elif against and target.sure is None:
                target.sure = target.seen
        lasting = [t.sure is not None and t.time - t.sure >= self.rules.moment_s for t in here]
        return after.tolist(), refuted & np.array(lasting, bool)

    def _cut(self, paired: _Paired, refuted: dict[int, Target], time: float) -> _Paired:
        """The refuted that got no other detection end; what they were taken for, and nobody else is, goes on
        under a new number. refuted: by row.
        """
        idle = [t for t in paired.targets if any(t is other for other in refuted.values())]
        left = {row: target for row, target in refuted.items() if row in paired.rows}
        begun = [(target.successor(next(self._numbers), time), row) for row, target in left.items()]
        self._targets = [t for t in self._targets if not any(t is gone for gone in idle)]
        self._targets += [target for target, _ in begun]
        others = [t for t in paired.targets if not any(t is gone for gone in idle)]
        rows = np.array([row for row in paired.rows if row not in left], np.intp)
        return _Paired([*paired.pairs, *begun], others, rows)

    def _learn(
        self,
        time: float,
        known: list[Target],
        seen: Detections,
        evidence: Evidence,
        pairs: NDArray[np.intp],
    ) -> None:
        """What looks are worth, from pairs in full view."""
        if seen.embeddings is None:
            return
        for (i, j), chance in zip(pairs, evidence.mistaken(pairs, evidence.place), strict=True):
            vector, looks = seen.embeddings[j], known[i].looks
            if looks is None or np.isnan(vector[0]):
                continue
            if chance < PLAIN:
                self.cosines.same(float(looks @ vector), known[i].news(time, self.rules.refresh_s))
            others = [known[k].looks for k, _ in pairs if k != i]
            faces = np.array([other for other in others if other is not None])
            if len(faces):
                self.cosines.others(faces @ vector)

    def _begin(self, time: float, box: Floats) -> Target:
        mean, covariance = self.motion.begin(box[None])
        target = Target(next(self._numbers), mean[0], covariance[0], time, time, time)
        self._targets.append(target)
        return target

    def _see(self, target: Target, row: int, time: float, detections: Detections) -> Track:
        box = detections.boxes[row]
        if target.hits:
            mean, covariance = self.motion.update(target.mean[None], target.covariance[None], box[None])
            target.mean, target.covariance = mean[0], covariance[0]
        target.hits += 1
        target.seen = time
        self._look(target, row, time, detections)
        score = float(detections.scores[row])
        target.score_sum += score
        target.confirmed = target.confirmed or self._is_person(target, time)
        return Track(self.camera, target.number, time, box, score, target.confirmed, row)

    def _look(self, target: Target, row: int, time: float, detections: Detections) -> None:
        """A picture counts as far as it shows the person, and is of the target."""
        if detections.embeddings is None or detections.scores[row] < self.rules.strong:
            return
        vector = detections.embeddings[row]
        if not np.isnan(vector[0]):
            seen = np.clip(2 * visible(detections.boxes)[row] - 1, 0.02, 1.0)
            target.look(vector, time, float(seen) * probability(target.odds))

    def _is_person(self, target: Target, time: float) -> bool:
        """Whether the target was seen for long enough, often enough and surely enough."""
        rules = self.rules
        lasted = time - target.began >= rules.confirm_s
        sure = target.score_sum >= rules.sure * target.hits
        return lasted and target.hits >= rules.confirm_hits and sure

    def _drop_unconfirmed(self, time: float) -> None:
        """A target that is not confirmed ends when it is not seen."""
        self._targets = [t for t in self._targets if t.confirmed or t.seen == time]

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
