"""Presences held against the gallery while they are there: the model's log odds, what forbids, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker import ground
from tracker.constraints import Constraints
from tracker.gallery import Gallery, Known
from tracker.gallery import Presence as Span
from tracker.groups import Group
from tracker.model import LATELY, Links, Model
from tracker.presence import Presence
from tracker.transitions import EARLY_S, LOST_S, motion_ratio
from tracker.types import Bar, Barred, Evidence, Floats, Terms


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of R presences and I identities. ids: (I,). terms: (R,) by identity, of those that were compared.
    chance: (R, I) that it is; the rest to 1 is that it is somebody new.
    """

    ids: list[int]
    terms: list[dict[int, Terms]]
    chance: NDArray[np.floating]


class Spans(Links):
    """What times and places say of presences, asked one by one: a decision looks at a few of very many."""

    def __init__(self, spans: Sequence[Span], model: Model, codes: Sequence[int]) -> None:
        super().__init__(
            [s.start for s in spans], [s.end for s in spans], list(codes), np.zeros((0, 0), np.float32)
        )
        self._spans, self._model = spans, model
        self._follow: dict[tuple[int, int], float] = {}
        self._place: dict[int, dict[int, float]] = {}

    def follow(self, row: int, other: int) -> float:
        key = row, other
        if key not in self._follow:
            self._follow[key] = self._followed(
                self._spans[row], self._spans[other], self.camera[row], self.camera[other]
            )
        return self._follow[key]

    def _followed(self, before: Span, after: Span, first: int, second: int) -> float:
        unknown = len(self._model.cameras)
        if before.recording != after.recording or before.over or unknown in (first, second):
            return 0.0
        delay, ways = np.float64(after.start - before.end), self._model.transitions
        told = ways.log_ratio(np.int64(first), np.int64(second), delay)  # type: ignore[arg-type]
        if first != second:
            return float(told)
        motion = 1.0
        if -EARLY_S < delay < LOST_S and before.path is not None and after.path is not None:
            motion = motion_ratio(before.path, after.path, float(delay))
        return float(ways.going_on(first, delay, np.float64(motion), told))  # type: ignore[arg-type]

    def place(self, row: int) -> dict[int, float]:
        if row not in self._place:
            told = ((other, self._placed(row, other)) for other in range(len(self._spans)) if other != row)
            self._place[row] = {other: value for other, value in told if value}
        return self._place[row]

    def _placed(self, row: int, other: int) -> float:
        one, two = self._spans[row], self._spans[other]
        first, second = self.camera[row], self.camera[other]
        if first > second:
            return self._placed(other, row)
        known = self._model.ground.mappings.get((first, second))
        if known is None or one.path is None or two.path is None or one.recording != two.recording:
            return 0.0
        if one.end < two.start or two.end < one.start:
            return 0.0
        both = ground.shared(one.path, two.path)
        return 0.0 if both is None else self._model.ground.log_ratio(first, second, both)


class KnownLooks:
    """How the identities look that were asked for last, by the model; kept while they don't change, nor what
    the model says of looks.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._model: Model | None = None
        self._kept: dict[int, tuple[list[Floats], Group]] = {}

    def of(self, known: Known, model: Model, *, but: Span) -> Group:
        """but: one of its presences that is not counted."""
        before = self._model
        if before is None or model.means is not before.means or model.appearance != before.appearance:
            self._kept = {}
        self._model = model
        looks = [look for look in known.looks if look[1] is not but.look]
        means = [mean for _, mean, _ in looks]
        kept, begun = self._kept.pop(known.id, ([], None))
        if len(kept) > len(means) or any(a is not b for a, b in zip(kept, means, strict=False)):
            kept, begun = [], None
        visits = ((model.code(camera), mean, worth) for camera, mean, worth in looks[len(kept) :])
        group = model.seen(visits, begun=begun)
        self._kept[known.id] = means, group
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return group


class Comparer:
    """Knows the gallery, what is told, and the model of the site as learned so far."""

    def __init__(self, *, gallery: Gallery, constraints: Constraints, model: Model) -> None:
        self.gallery, self.constraints, self.model = gallery, constraints, model
        self._looks = KnownLooks()

    def compare(self, ripe: Sequence[Presence], *, besides: Known | None = None) -> Comparison:
        """Each presence with the identities it looks most like, and with one besides."""
        more = set() if besides is None or not len(besides.templates) else {besides.id}
        near = [sorted({*self._near(p), *more}) for p in ripe]
        ids = sorted({number for some in near for number in some})
        column = {number: k for k, number in enumerate(ids)}
        odds = np.full((len(ripe), len(ids)), -np.inf)
        terms: list[dict[int, Terms]] = []
        for row, (presence, some) in enumerate(zip(ripe, near, strict=True)):
            others = [self.gallery.known[number] for number in some]
            known = [one for one in others if one is not presence.identity]
            told = zip(known, self._told(presence, known), strict=True)
            terms.append({one.id: term for one, term in told})
            for one in known:
                if self.bar(presence, one) is None:
                    odds[row, column[one.id]] = terms[row][one.id].total
        return Comparison(ids, terms, posterior(odds))

    def _near(self, presence: Presence) -> list[int]:
        """Identities like it, but for what its camera adds to looks: else all would be of that camera."""
        return self.gallery.near(presence.look.mean - self.model.means[self.model.code(presence.span.camera)])

    def _told(self, presence: Presence, known: Sequence[Known]) -> list[Terms]:
        """Of each: of the log odds that the presence is theirs."""
        mine = presence.shown()
        lately = [self._lately(one, mine) for one in known]
        spans = [mine, *(span for some in lately for span in some)]
        links = Spans(spans, self.model, [self.model.code(span.camera) for span in spans])
        group = self.model.visit(0, self.model.code(mine.camera), presence.look.mean, presence.look.pictures)
        others, pointed, first = [], [], 1
        for one, some in zip(known, lately, strict=True):
            rows = list(range(first, first + len(some)))
            others.append(replace(self._looks.of(one, self.model, but=presence.span), rows=rows))
            pointed.append(any(span.end >= mine.start - LOST_S and not span.over for span in some))
            first += len(some)
        odds = self.model.log_odds(group, others, links, pointed=np.array(pointed, bool))
        columns = (odds.appearance, odds.transition, odds.ground)
        return [Terms(odds.prior, *map(float, some)) for some in zip(*columns, strict=True)]

    def _lately(self, known: Known, mine: Span) -> list[Span]:
        """An identity's last presences, by start."""
        here = [span for span in known.presences if span is not mine]
        return sorted(here, key=lambda span: span.start)[-LATELY:]

    def can_be(self, presence: Presence, known: Known) -> bool:
        """Whether nothing forbids that the presence is somebody of whom it is not already."""
        return known is not presence.identity and self.bar(presence, known) is None

    def bar(self, presence: Presence, known: Known) -> Bar | None:
        """What forbids that the presence is somebody's, if anything."""
        made = presence.identity
        if made is not None and self.constraints.differ(made.id, known.id):
            return "told apart"
        return self.between(presence.span, [s for s in known.presences if s is not presence.span])

    def between(self, mine: Span, spans: Sequence[Span]) -> Bar | None:
        """What forbids that a presence and others, of this run, are one person's."""
        return self.constraints.bar(mine, [span for span in spans if not span.over])

    def evidence(self, presence: Presence, chosen: Known | None, found: Comparison, row: int) -> Evidence:
        """Why it is the chosen one, or somebody new: then nobody is given as the match."""
        rival = self._rival(presence, chosen, found.terms[row])
        if chosen is None or not chosen.looks:
            return rival
        picture, sighting, when = _pictures(presence, chosen)
        start = presence.span.start
        earlier = [p.end for p in chosen.presences if p is not presence.span and p.start < start]
        return replace(
            rival,
            distance=self._distance(presence, chosen),
            gap_s=start - max(earlier) if earlier else None,
            picture_time=picture,
            nearest_sighting=sighting,
            nearest_time=when,
            terms=found.terms[row].get(chosen.id) or self._told(presence, [chosen])[0],
        )

    def _rival(self, presence: Presence, chosen: Known | None, terms: Mapping[int, Terms]) -> Evidence:
        """Who else it could have been, of those who are still there."""
        evidence = Evidence(None, None, None, None, crops=presence.crops)
        for number, told in sorted(terms.items(), key=lambda item: -item[1].total):
            known = self.gallery.known.get(number)
            if known is None or known is chosen:
                continue
            bar = self.bar(presence, known)
            if bar is None:
                apart = self._distance(presence, known)
                return replace(evidence, runner_up=number, runner_up_distance=apart, runner_up_terms=told)
            if evidence.barred is None:
                evidence = replace(evidence, barred=Barred(number, bar, told))
        return evidence

    def _distance(self, presence: Presence, known: Known) -> float | None:
        if not len(presence.templates) or not len(known.templates):
            return None
        return 1.0 - float(self.gallery.similarity(presence.templates.vectors, [known.id])[0])


def _pictures(presence: Presence, known: Known) -> tuple[float | None, int | None, float | None]:
    """The two most alike: when the presence's was taken; the other's sighting and time, if known."""
    theirs = [
        row for row, (number, _) in enumerate(known.templates.taken) if number not in (0, presence.number)
    ]
    if not theirs or not len(presence.templates):
        return None, None, None
    alike = presence.templates.vectors @ known.templates.vectors[theirs].T
    mine, other = np.unravel_index(int(alike.argmax()), alike.shape)
    sighting, when = known.templates.taken[theirs[int(other)]]
    return presence.templates.taken[int(mine)][1], sighting, when


def posterior(log_odds: NDArray[np.floating]) -> NDArray[np.floating]:
    """(R, I) log odds of being each identity rather than somebody new -> probabilities.

    Row i with the probability of being somebody new sums to 1: two that are alike share it.
    """
    peak = np.maximum(log_odds.max(axis=1, keepdims=True, initial=0.0), 0.0)
    weight = np.exp(log_odds - peak)
    return np.asarray(weight / (np.exp(-peak) + weight.sum(axis=1, keepdims=True)))
