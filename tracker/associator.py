"""All cameras: tracks -> sightings, each with an identity, a probability and the evidence for it.

A presence (a track that is confirmed) is decided late: when it has enough good pictures, or when it ends.
All presences that are ripe at one moment are assigned to identities jointly. What can't be is left out:
nobody is twice in one view at a time, nor in two views that don't overlap. When unsure, a presence waits
for better pictures, and at its end stays apart as a person of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from tracker.gallery import Gallery, Known
from tracker.gallery import Presence as Span
from tracker.matching import assign
from tracker.quality import quality
from tracker.templates import Templates
from tracker.types import Detections, Evidence, Floats, Person, Point, Sighting, Track


@dataclass(frozen=True, slots=True)
class Likeness:
    """Cosine similarity -> log odds that two people are one. Differs from network to network.

    midpoint: the similarity at which it is even. width: similarity for a factor e in the odds. The
    defaults are for networks trained on Market-1501.
    """

    midpoint: float = 0.50
    width: float = 0.05

    def log_odds(self, similarity: Floats) -> Floats:
        return np.asarray((similarity - self.midpoint) / self.width, np.float32)


@dataclass(frozen=True, slots=True)
class Policy:
    """When a presence is decided, and how sure one must be.

    min_quality: of a picture worth comparing. ripe_crops, ripe_s: pictures and seconds seen before a
    first decision. accept: probability from which an identity is taken on. reject: probability of being
    known below which a new identity is made at once. patience_s: how long an unsure presence may
    wait. slack_s: how far two cameras' clocks may differ. refresh_s: how often a lasting sighting is
    recorded anew. revise_s: how often a presence that made a new identity is compared again.
    """

    min_quality: float = 0.3
    ripe_crops: int = 4
    ripe_s: float = 1.0
    accept: float = 0.6
    reject: float = 0.2
    patience_s: float = 4.0
    slack_s: float = 0.5
    refresh_s: float = 1.0
    revise_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one camera's tracker made of one frame. frame: its index. width, height: of the picture."""

    camera: str
    frame: int
    time: float
    width: int
    height: int
    detections: Detections
    tracks: tuple[Track, ...]
    ended: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A detection whose picture is worth keeping. row: of its frame's detections."""

    sighting: int
    row: int
    quality: float
    embedding: Floats


@dataclass(slots=True)
class Changes:
    """What a round changed.

    sightings: new or changed. points: of trajectories, with the sighting's number. people: by camera,
    those confirmed in view. kept: by camera, pictures to keep.
    """

    sightings: list[Sighting] = field(default_factory=list)
    points: list[tuple[int, Point]] = field(default_factory=list)
    people: dict[str, tuple[Person, ...]] = field(default_factory=dict)
    kept: dict[str, list[Kept]] = field(default_factory=dict)


@dataclass(slots=True)
class Presence:
    """One track on its way to an identity."""

    camera: str
    templates: Templates
    span: Span
    waiting: list[Point] = field(default_factory=list)
    number: int = 0
    crops: int = 0
    identity: Known | None = None
    made: bool = False
    probability: float = 0.0
    evidence: Evidence | None = None
    recorded: float = -np.inf
    compared: float = -np.inf
    ended: bool = False

    @property
    def lasted_s(self) -> float:
        return self.span.end - self.span.start

    def sighting(self) -> Sighting:
        identity = None if self.identity is None else self.identity.id
        span = self.span
        return Sighting(
            self.number, self.camera, span.start, span.end, identity, self.probability, self.evidence
        )


class Associator:
    """Owns the gallery. overlap: pairs of cameras that may see one person at the same moment."""

    def __init__(
        self,
        *,
        gallery: Gallery,
        likeness: Likeness | None = None,
        policy: Policy | None = None,
        overlap: frozenset[frozenset[str]] = frozenset(),
    ) -> None:
        self.gallery = gallery
        self.likeness = likeness or Likeness()
        self.policy = policy or Policy()
        self.overlap = overlap
        self._numbers = count(1)
        self._open: dict[tuple[str, int], Presence] = {}
        self._met: set[int] = set()

    @property
    def identities(self) -> int:
        """How many different people were met since it began; the gallery may know more."""
        return len(self._met)

    def update(self, seen: Sequence[Seen]) -> Changes:
        """Takes one round: at most one frame a camera."""
        changes = Changes()
        ending: list[Presence] = []
        for view in seen:
            self._look(view, changes)
            ending += self._end(view)
        now = max((view.time for view in seen), default=0.0)
        self._decide(self._ripe(now, ending))
        self._record(ending, now, changes)
        for view in seen:
            changes.people[view.camera] = tuple(self._people(view))
        return changes

    def finish(self) -> Changes:
        """Ends every presence and decides what is still open."""
        return self._close(list(self._open))

    def leave(self, camera: str) -> Changes:
        """The same for one camera, which will not be seen any more."""
        return self._close([key for key in self._open if key[0] == camera])

    def _close(self, keys: Sequence[tuple[str, int]]) -> Changes:
        changes = Changes()
        ending = [presence for presence in map(self._open.pop, keys) if presence.number]
        for presence in ending:
            presence.ended = True
        self._decide(self._ripe(np.inf, ending))
        self._record(ending, np.inf, changes)
        return changes

    def _look(self, view: Seen, changes: Changes) -> None:
        """Adds a frame's tracks to their presences."""
        detections = view.detections
        good = quality(detections.boxes, detections.scores, width=view.width, height=view.height)
        for track in view.tracks:
            presence = self._presence(track)
            presence.span.end = track.time
            presence.waiting.append(Point(track.time, view.frame, track.box, track.score))
            if track.confirmed:
                if not presence.number:
                    presence.number = next(self._numbers)
                    changes.sightings.append(presence.sighting())
                    presence.recorded = track.time
                changes.points += [(presence.number, point) for point in presence.waiting]
                presence.waiting.clear()
                self._picture(presence, detections, track.detection, float(good[track.detection]), changes)

    def _presence(self, track: Track) -> Presence:
        key = (track.camera, track.number)
        if key not in self._open:
            templates = Templates(dimension=self.gallery.dimension, most=self.gallery.most)
            self._open[key] = Presence(track.camera, templates, Span(track.camera, track.time, track.time))
        return self._open[key]

    def _picture(
        self, presence: Presence, detections: Detections, row: int, good: float, changes: Changes
    ) -> None:
        """Offers a track's picture to its presence, and through it to its identity."""
        if detections.embeddings is None or good < self.policy.min_quality:
            return
        vector = detections.embeddings[row]
        if np.isnan(vector[0]):
            return
        presence.crops += 1
        if not presence.templates.offer(vector, good):
            return
        changes.kept.setdefault(presence.camera, []).append(Kept(presence.number, row, good, vector))
        if presence.identity is not None:
            presence.identity.templates.offer(vector, good)

    def _end(self, view: Seen) -> list[Presence]:
        """The presences of this camera that are over."""
        gone = [self._open.pop((view.camera, n)) for n in view.ended if (view.camera, n) in self._open]
        for presence in gone:
            presence.ended = True
        return [presence for presence in gone if presence.number]

    def _ripe(self, now: float, ending: Sequence[Presence]) -> list[Presence]:
        """Who is to be decided now, in order of number."""
        policy = self.policy
        ripe = [p for p in ending if len(p.templates) and (p.identity is None or p.made)]
        for p in self._open.values():
            due = now - p.compared >= policy.revise_s
            enough = p.crops >= policy.ripe_crops or p.lasted_s >= policy.patience_s
            if (p.identity is None or p.made) and due and enough and p.lasted_s >= policy.ripe_s:
                ripe.append(p)
        for p in ripe:
            p.compared = now
        return sorted((p for p in ripe if len(p.templates)), key=lambda p: p.number)

    def _decide(self, ripe: list[Presence]) -> None:
        """Joint assignment of the ripe presences to the identities they can be."""
        if not ripe:
            return
        ids = sorted(self.gallery.known)
        alike = np.array([self.gallery.similarity(p.templates.vectors, ids) for p in ripe])
        alike = np.where(self._possible(ripe, ids), alike.reshape(len(ripe), len(ids)), -np.inf)
        chance = self._shared(posterior(self.likeness.log_odds(alike)), ids)
        matches = assign(1.0 - chance, max_cost=1.0 - self.policy.accept)
        partner = {int(i): int(j) for i, j in matches.pairs}
        evidence = [self._evidence(p, ids, row) for p, row in zip(ripe, alike, strict=True)]
        gone: dict[int, Known] = {}
        for row, presence in enumerate(ripe):
            if presence.identity is not None and not presence.made:
                continue  # somebody has just joined what it made: that stands
            column = partner.get(row)
            known = None if column is None else self._chosen(presence, ids[column], gone)
            if known is not None and column is not None:
                self._join(presence, known, float(chance[row, column]), gone)
                presence.evidence = evidence[row]
            elif presence.identity is None and self._is_new(presence, chance[row]):
                self._found(presence, 1.0 - float(chance[row].max(initial=0.0)))
                presence.evidence = evidence[row]

    def _chosen(self, presence: Presence, number: int, gone: Mapping[int, Known]) -> Known | None:
        """The identity of that number, or the one it became a moment ago, if the presence can be it."""
        known = gone.get(number) or self.gallery.known.get(number)
        while known is not None and known.id in gone:
            known = gone[known.id]
        return known if known is not None and self._can_be(presence, known) else None

    def _shared(self, chance: NDArray[np.floating], ids: Sequence[int]) -> NDArray[np.floating]:
        """Adds to each row's best what rivals took that are likely the same person as the best.

        An identity that was split in two is no reason to split it in three.
        """
        accept = self.policy.accept
        for row in chance:
            best = int(row.argmax()) if len(row) else 0
            if not len(row) or row[best] >= accept or row.sum() < accept:
                continue
            kin = [int(j) for j in np.flatnonzero(row > 0) if j != best and self._kin(ids[best], ids[int(j)])]
            row[best] += row[kin].sum()
            row[kin] = 0.0
        return chance

    def _kin(self, a: int, b: int) -> bool:
        """Whether two identities are likely one person: alike, and never in two places at a time."""
        first, second = self.gallery.known[a], self.gallery.known[b]
        alike = self.gallery.similarity(first.templates.vectors, [b])
        if self.likeness.log_odds(alike)[0] < 0.0:
            return False
        return all(self._compatible(span, second) for span in first.presences)

    def _possible(self, ripe: Sequence[Presence], ids: Sequence[int]) -> NDArray[np.bool_]:
        """(R, I): whether presence i can be identity j at all."""
        return np.array([[self._can_be(p, self.gallery.known[i]) for i in ids] for p in ripe], bool).reshape(
            len(ripe), len(ids)
        )

    def _can_be(self, presence: Presence, known: Known) -> bool:
        return known is not presence.identity and self._compatible(presence.span, known)

    def _compatible(self, mine: Span, known: Known) -> bool:
        """Nobody is twice in one view, or in two views that don't overlap, at a time."""
        for span in known.presences:
            if span is mine or span.over:
                continue
            slack = 0.0 if span.camera == mine.camera else self.policy.slack_s
            together = span.start < mine.end - slack and mine.start < span.end - slack
            if together and frozenset((span.camera, mine.camera)) not in self.overlap:
                return False
        return True

    def _is_new(self, presence: Presence, chance: NDArray[np.floating]) -> bool:
        """Surely nobody known, or no longer worth waiting for."""
        out_of_patience = presence.lasted_s >= self.policy.patience_s
        if presence.crops < self.policy.ripe_crops and not out_of_patience:
            return False
        unknown = float(chance.sum()) < self.policy.reject
        return unknown or out_of_patience or presence.ended

    def _join(self, presence: Presence, known: Known, chance: float, gone: dict[int, Known]) -> None:
        """The presence is this identity; one that it had made for itself is taken back, and noted in gone."""
        if presence.identity is not None and presence.made:
            del self.gallery.known[presence.identity.id]
            self._met.discard(presence.identity.id)
            gone[presence.identity.id] = known
        for other in self._open.values():
            other.made = other.made and other.identity is not known
        presence.identity, presence.probability, presence.made = known, chance, False
        self._settle(presence, known)

    def _found(self, presence: Presence, chance: float) -> None:
        """The presence is somebody new."""
        known = self.gallery.new()
        presence.identity, presence.probability, presence.made = known, chance, True
        self._settle(presence, known)

    def _settle(self, presence: Presence, known: Known) -> None:
        self._met.add(known.id)
        presence.recorded = -np.inf
        known.was_in(presence.span)
        known.templates.offer_all(presence.templates.vectors, presence.templates.qualities)

    def _evidence(self, presence: Presence, ids: Sequence[int], alike: Floats) -> Evidence:
        order = np.argsort(-alike, kind="stable")[:2]
        near = [(ids[i], float(alike[i])) for i in order if np.isfinite(alike[i])]
        best = self.gallery.known[near[0][0]] if near else None
        return Evidence(
            distance=1.0 - near[0][1] if near else None,
            gap_s=presence.span.start - best.last_seen if best is not None else None,
            runner_up=near[1][0] if len(near) > 1 else None,
            runner_up_distance=1.0 - near[1][1] if len(near) > 1 else None,
            crops=presence.crops,
        )

    def _record(self, ending: Sequence[Presence], now: float, changes: Changes) -> None:
        """Sightings that are new, changed, over, or not recorded for a while."""
        for presence in ending:
            presence.recorded = -np.inf
        lasting = [p for p in self._open.values() if p.number]
        for presence in sorted((*lasting, *ending), key=lambda p: p.number):
            if now - presence.recorded >= self.policy.refresh_s:
                changes.sightings.append(presence.sighting())
                presence.recorded = now

    def _people(self, view: Seen) -> list[Person]:
        people = []
        for track in view.tracks:
            presence = self._open.get((track.camera, track.number))
            if presence is not None and presence.number:
                identity = None if presence.identity is None else presence.identity.id
                people.append(Person(track, presence.number, identity, presence.probability))
        return people


def posterior(log_odds: NDArray[np.floating]) -> NDArray[np.floating]:
    """(R, I) log odds of being each identity rather than somebody new -> probabilities.

    Row i with the probability of being somebody new sums to 1: two that are alike share it.
    """
    peak = np.maximum(log_odds.max(axis=1, keepdims=True, initial=0.0), 0.0)
    weight = np.exp(log_odds - peak)
    return np.asarray(weight / (np.exp(-peak) + weight.sum(axis=1, keepdims=True)))
