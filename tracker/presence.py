"""A presence: one track on its way to an identity; what a round brings, and what it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tracker.gallery import Known
from tracker.gallery import Presence as Span
from tracker.templates import Templates
from tracker.tracklets import Look, Steps, Tracklet
from tracker.types import Detections, Evidence, Floats, Person, Point, Sighting, Track


@dataclass(frozen=True, slots=True)
class Policy:
    """When a presence is decided, and how sure one must be.

    min_quality: of a picture worth comparing. ripe_crops, ripe_s: pictures and seconds seen before a
    first decision. accept: probability from which an identity is taken on. reject: probability of being
    known below which a new identity is made at once. patience_s: how long an unsure presence may
    wait. refresh_s: how often a lasting sighting is
    recorded anew. revise_s: how often a presence that made a new identity is compared again. forget_before:
    now -> the time since when one must have been seen to be looked for still.
    """

    min_quality: float = 0.3
    ripe_crops: int = 4
    ripe_s: float = 1.0
    accept: float = 0.6
    reject: float = 0.2
    patience_s: float = 4.0
    refresh_s: float = 1.0
    revise_s: float = 1.0
    forget_before: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one camera's tracker made of one frame. frame: its index. width, height: of the picture.

    recording: of which clock its times are. Those of other recordings may differ by constants nobody told,
    and rule nothing out.
    """

    camera: str
    frame: int
    time: float
    width: int
    height: int
    detections: Detections
    tracks: tuple[Track, ...]
    ended: tuple[int, ...]
    recording: int = 0


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
    look: Look
    steps: Steps
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

    def look_anew(self) -> None:
        """Without the pictures so far."""
        dimension = self.templates.vectors.shape[1]
        self.templates = Templates(dimension=dimension, most=self.templates.most)
        self.look, self.span.look = Look(dimension), None

    def sighting(self) -> Sighting:
        identity = None if self.identity is None else self.identity.id
        span = self.span
        return Sighting(
            self.number, self.camera, span.start, span.end, identity, self.probability, self.evidence
        )

    def tracklet(self) -> Tracklet:
        """As clustering takes it. It has pictures."""
        span, look = self.span, self.look
        return Tracklet(
            number=self.number,
            camera=self.camera,
            start=span.start,
            end=span.end,
            vectors=look.mean[None],
            qualities=np.ones(1, np.float32),
            identity=None if self.identity is None else self.identity.id,
            recording=span.recording,
            path=self.steps.path(),
            pictures=look.pictures,
            spread=look.spread,
        )

    def shown(self) -> Span:
        """Its stretch of time, brought up to what is known of it by now: where it was, how it looked."""
        self.span.look, self.span.pictures, self.span.path = (
            self.look.mean,
            self.look.pictures,
            self.steps.path(),
        )
        return self.span
