"""Who is who at a small site: as the line says at once, as the second pass does, and by plain linkage.

What is asked of Sightline's association is asked here and nowhere else in this benchmark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.between import Between
from tracker.associator import Associator
from tracker.gallery import Gallery
from tracker.memory import Memory
from tracker.presence import Changes, Seen
from tracker.refine import refine
from tracker.tracklets import Path, Steps, Tracklet
from tracker.types import Point, Sighting

PLAIN_COSINE = 0.30
"""From which plain linkage joins, whatever the network and the site."""


@dataclass(slots=True)
class Recorded:
    """What a run recorded, as its database would hold it: sightings, their boxes, and all pictures kept."""

    sightings: dict[int, Sighting] = field(default_factory=dict)
    points: dict[int, list[Point]] = field(default_factory=lambda: defaultdict(list))
    vectors: dict[int, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    qualities: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    between: Between = field(default_factory=Between)

    def look(self, views: Sequence[Seen]) -> None:
        for view in views:
            self.sizes[view.camera] = view.width, view.height
            self.between.frame(view.camera, view.frame, view.time)

    def take(self, changes: Changes) -> None:
        for sighting in changes.sightings:
            self.sightings[sighting.number] = sighting
            self.between.sighting(sighting)
        for number, point in changes.points:
            self.points[number] += self.between.filled(number, point)
        for pictures in changes.kept.values():
            for kept in pictures:
                self.vectors[kept.sighting].append(kept.embedding)
                self.qualities[kept.sighting].append(kept.quality)

    def tracklet(self, number: int) -> Tracklet:
        """A sighting that has pictures, as the second pass takes it from a database."""
        sighting = self.sightings[number]
        return Tracklet(
            number=number,
            camera=sighting.camera,
            start=sighting.start,
            end=sighting.end,
            vectors=np.array(self.vectors[number], np.float32),
            qualities=np.array(self.qualities[number], np.float32),
            identity=sighting.identity,
            path=self._path(number),
        )

    def _path(self, number: int) -> Path | None:
        steps = Steps(self.sizes[self.sightings[number].camera])
        for point in self.points[number]:
            steps.add(point.time, point.box)
        return steps.path()


def online(seen: Iterable[Sequence[Seen]], overlap: frozenset[frozenset[str]], dimension: int) -> Recorded:
    """A whole run of files: each sighting has the identity it has in the end."""
    associator = Associator(
        gallery=Gallery(dimension=dimension), overlap=overlap, memory=Memory(overlap=overlap)
    )
    recorded = Recorded()
    for views in seen:
        recorded.look(views)
        recorded.take(associator.update(views))
    recorded.take(associator.finish())
    return recorded


def second_pass(recorded: Recorded, overlap: frozenset[frozenset[str]]) -> dict[int, int | None]:
    """Sighting -> person, as ``sightline refine`` says. Who has no picture stays as the run left them."""
    looked_at = sorted(recorded.vectors)
    people: dict[int, int | None] = {
        number: sighting.identity for number, sighting in recorded.sightings.items()
    }
    clusters = refine([recorded.tracklet(number) for number in looked_at], overlap=overlap)
    first = 1 + max((person for person in people.values() if person is not None), default=0)
    for person, cluster in enumerate(clusters, start=first):
        people |= dict.fromkeys(cluster.tracklets, person)
    return people


def plain_linkage(
    means: np.ndarray, camera: np.ndarray, start: np.ndarray, end: np.ndarray, *, cosine: float = PLAIN_COSINE
) -> np.ndarray:
    """(T,) people by average linkage of (T, D) mean embeddings less the mean of their camera, from one cosine
    on; nobody is twice on one camera at a time. Who has no mean (NaN) stays alone.
    """
    known = np.flatnonzero(~np.isnan(means).any(axis=1))
    looks = means[known] / np.linalg.norm(means[known], axis=1, keepdims=True)
    for code in np.unique(camera[known]):
        rows = camera[known] == code
        looks[rows] -= looks[rows].mean(axis=0)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
    same = camera[known][:, None] == camera[known]
    never = same & (start[known][:, None] <= end[known]) & (start[known] <= end[known][:, None])
    labels = np.arange(len(means))
    labels[known] = len(means) + _linked(looks @ looks.T, never, cosine)
    return labels


def _linked(alike: np.ndarray, never: np.ndarray, least: float) -> np.ndarray:
    """(N,) labels by average linkage of (N, N) cosines, the nearest first."""
    count = len(alike)
    sums, sizes, labels = alike.astype(np.float64), np.ones(count), np.arange(count)
    barred = never | np.eye(count, dtype=bool)
    while count > 1:
        mean = np.where(barred, -np.inf, sums / (sizes[:, None] * sizes))
        a, b = np.unravel_index(int(mean.argmax()), mean.shape)
        if mean[a, b] < least:
            break
        sums[a] += sums[b]
        sums[:, a] += sums[:, b]
        sizes[a] += sizes[b]
        barred[a] |= barred[b]
        barred[:, a] |= barred[:, b]
        barred[b] = barred[:, b] = True
        labels[labels == b] = a
    return labels
