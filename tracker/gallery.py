"""What is known of each identity: a few diverse, good embeddings, and where and when it was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.nearest import Nearest
from tracker.templates import UNKNOWN, Taken, Templates, similarities
from tracker.tracklets import Path
from tracker.types import Floats, Held, Identity, Stay

NEAR = 64
"""Identities a presence is compared with: those whose mean is nearest."""

MOST_PRESENCES = 32
"""Of an identity; each decision looks at all of them, and who comes every day for months has thousands."""


EARLIER = 0.5
"""Quality of pictures of earlier runs, of which only the best are kept: those of two runs don't compare."""


@dataclass(slots=True)
class Presence:
    """A stretch of time on one camera. end grows while it lasts. recording: of which clock the times are.

    over: it was over before this run began, whatever the cameras' clocks say of it. look: (D,) the mean of
    its pictures, worth so many independent ones; path: where it was, as far as is known. summed: in which
    sums of looks (Known.sums) it is, and with which pictures and look.
    """

    camera: str
    start: float
    end: float
    over: bool = False
    recording: int = 0
    look: Floats | None = None
    pictures: float = 0.0
    path: Path | None = None
    summed: tuple[object, float, Floats] | None = None


@dataclass(slots=True)
class Known:
    """One identity of the gallery. before: of the presences that are no longer kept, by camera, how many
    pictures they are worth and the (D,) mean of them. sums: what marks those presences: another thing once
    ``before`` begins anew, for what is no part of it can't be taken out of it.
    """

    id: int
    templates: Templates
    presences: list[Presence] = field(default_factory=list)
    before: dict[str, tuple[float, Floats]] = field(default_factory=dict)
    sums: object = field(default_factory=object)

    def was_in(self, presence: Presence) -> None:
        """One presence more; of those that were over before it began the last MOST_PRESENCES are kept."""
        self.presences.append(presence)
        old = len(self.presences) - MOST_PRESENCES
        if old > 0:
            lasting = [p for p in self.presences[:old] if p.end > presence.start]
            for gone in (p for p in self.presences[:old] if p.end <= presence.start):
                self._keep(gone)
            self.presences = lasting + self.presences[old:]

    def _keep(self, presence: Presence) -> None:
        if presence.look is not None:
            self.looked(presence.camera, presence.look, presence.pictures)
            presence.summed = self.sums, presence.pictures, presence.look

    def left(self, presence: Presence) -> None:
        """It was not this one's, whether it is still kept or of those before."""
        self._without(presence)
        presence.summed = None

    def _without(self, presence: Presence) -> None:
        self.presences = [p for p in self.presences if p is not presence]
        if presence.summed is None or presence.summed[0] is not self.sums:
            return
        _, pictures, look = presence.summed
        known, mean = self.before[presence.camera]
        rest = known - pictures
        if rest > 1e-3:  # less is rounding: whoever has a look has a picture
            self.before[presence.camera] = rest, ((known * mean - pictures * look) / rest).astype(np.float32)
        else:
            del self.before[presence.camera]

    def besides(self, spans: Collection[Presence]) -> Known:
        """What is known without some presences, whether they are still kept or not."""
        rest = replace(self, presences=list(self.presences), before=dict(self.before))
        for span in spans:
            rest._without(span)
        return rest

    def looked(self, camera: str, look: Floats, pictures: float) -> None:
        """What somebody looked like in a camera, beyond the presences that are kept."""
        known, mean = self.before.get(camera, (0.0, np.zeros_like(look)))
        blend = (known * mean + pictures * look) / (known + pictures)
        self.before[camera] = known + pictures, blend.astype(np.float32)

    @property
    def looks(self) -> list[tuple[str, Floats, float]]:
        """Camera, (D,) mean and pictures of each presence that has any, and of those before."""
        here = [(p.camera, p.look, p.pictures) for p in self.presences if p.look is not None]
        return here + [(camera, mean, pictures) for camera, (pictures, mean) in self.before.items()]

    @property
    def last_seen(self) -> float:
        return max((p.end for p in self.presences), default=-np.inf)

    def stay(self, presence: Presence) -> Stay:
        return self.id, presence.camera, presence.start, presence.end

    def drop(self, gone: Held) -> None:
        """Without pictures and stays that were erased. Means of looks are begun anew of the rest."""
        for sighting in {number for number, _ in self.templates.taken} & gone.pictures:
            self.templates.forget(sighting)
        self.presences = [p for p in self.presences if self.stay(p) not in gone.stays]
        self.before, self.sums = {}, object()
        self.look_back()

    def look_back(self) -> None:
        """Where nothing else tells what somebody looked like, the templates do."""
        if len(self.templates) and self.presences and not self.looks:
            newest = max(self.presences, key=lambda presence: presence.end)
            self.looked(newest.camera, self.templates.vectors.mean(axis=0), float(len(self.templates)))


class Gallery:
    """All identities by id. dimension: of the embeddings. most: templates kept of each identity."""

    def __init__(self, *, dimension: int, most: int = 8) -> None:
        self.dimension = dimension
        self.most = most
        self.known: dict[int, Known] = {}
        self._next = 1
        self._nearest = Nearest(dimension=dimension)

    def load(self, identities: Iterable[Identity], *, last: int, over: bool = False) -> None:
        """Goes on where an earlier run ended. last: the highest id ever given.

        over: their presences can't last any more, for what follows is live. Files may be of any time.
        """
        for identity in identities:
            known = self._add(identity.id)
            count = len(identity.embeddings)
            taken = [(-sighting, time) for sighting, time in identity.taken] or [UNKNOWN] * count
            known.templates.begin(identity.embeddings, EARLIER, taken)
            self._placed(known)
            known.presences = [Presence(c, *span, over) for c, span in sorted(identity.seen.items())]
            if count and known.presences:
                newest = max(known.presences, key=lambda presence: presence.end)
                known.looked(newest.camera, identity.embeddings.mean(axis=0), float(count))
        self._next = max(self._next, last + 1)

    def __len__(self) -> int:
        return len(self.known)

    def new(self) -> Known:
        """A new identity with the next id."""
        return self._add(self._next)

    def _add(self, number: int) -> Known:
        known = Known(number, Templates(dimension=self.dimension, most=self.most))
        self.known[number] = known
        self._next = max(self._next, number + 1)
        return known

    def offer(self, known: Known, vectors: Floats, qualities: NDArray[Any], taken: Iterable[Taken]) -> None:
        """Pictures of an identity: (N, D) unit rows, (N,) qualities, and where they were taken."""
        known.templates.offer_all(vectors, qualities, taken)
        self._placed(known)

    def forget(self, known: Known, sighting: int) -> None:
        """That sighting was not this identity's: its pictures go."""
        known.templates.forget(sighting)
        self._placed(known)

    def remove(self, number: int) -> None:
        """There is no such person."""
        del self.known[number]
        self._nearest.remove(number)

    def drop(self, gone: Held) -> set[int]:
        """Without whom and what somebody erased; the ids of those who are not as before, or not there."""
        changed: set[int] = set()
        for known in list(self.known.values()):
            pictures = {number for number, _ in known.templates.taken} & gone.pictures
            if pictures or any(known.stay(p) in gone.stays for p in known.presences):
                known.drop(gone)
                self._placed(known)
                changed.add(known.id)
            if known.id in gone.identities or not (known.presences or len(known.templates)):
                self.remove(known.id)
                changed.add(known.id)
        return changed

    def recall(self, identity: Identity) -> None:
        """Pictures of somebody from the history, where there is room beside what is known of them."""
        known = self.known.get(identity.id)
        if known is not None:
            room = self.most - len(known.templates)
            taken = [(-sighting, time) for sighting, time in identity.taken[:room]]
            self.offer(known, identity.embeddings[:room], np.full(len(taken), EARLIER), taken)
            known.look_back()

    def unseen_since(self, time: float) -> set[int]:
        """Ids of those whose last presence ended before that time."""
        return {number for number, known in self.known.items() if known.last_seen < time}

    def _placed(self, known: Known) -> None:
        if len(known.templates):
            self._nearest.place(known.id, known.templates.vectors.mean(axis=0))
        else:
            self._nearest.remove(known.id)

    def near(self, look: Floats) -> list[int]:
        """(D,) of one person -> ids of the NEAR identities most alike, by the means; in order."""
        return self._nearest.to(look, NEAR)

    def similarity(self, probe: Floats, ids: Sequence[int]) -> Floats:
        """(P, D) templates of one person -> (len(ids),): how alike each identity is, -1..1."""
        return similarities(probe, [self.known[i].templates.vectors for i in ids])
