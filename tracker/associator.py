"""All cameras: tracks -> sightings, each with an identity, a probability and the evidence for it.

A presence (a track that is confirmed) is decided late: when it has enough good pictures, or when it ends.
All presences that are ripe at one moment are assigned to identities jointly. What can't be is left out:
nobody is twice in one view at a time. When unsure, a presence waits
for better pictures, and at its end stays apart as a person of its own. Later, and at the end, the last
presences are thought about again, all together (tracker.memory); who turns out to be somebody else is
reported anew, and the model of the site that is learned on the way serves the next decisions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray

from tracker.compare import Comparer, Comparison
from tracker.gallery import Gallery, Known
from tracker.gallery import Presence as Span
from tracker.matching import assign
from tracker.memory import AGAIN, MOST_OLDER, Memory, Recollection
from tracker.presence import Changes, Kept, Policy, Presence, Seen
from tracker.quality import quality
from tracker.refine import beginning
from tracker.regroup import Group, Regrouped
from tracker.templates import UNKNOWN, Templates
from tracker.tracklets import Look, Steps, Tracklet
from tracker.types import Detections, Evidence, Held, Person, Point, Track

LONG_S = 86_400.0
"""Before all that is known of somebody: nothing is told by how long ago that was."""


class Associator:
    """Owns the gallery. overlap: pairs of cameras that are said to see one person at the same moment; of
    others that is learned. memory: of the last presences, with what is told of cameras and people.
    """

    def __init__(
        self,
        *,
        gallery: Gallery,
        policy: Policy | None = None,
        overlap: frozenset[frozenset[str]] = frozenset(),
        memory: Memory | None = None,
        worker: Executor | None = None,
    ) -> None:
        self.gallery = gallery
        self.policy = policy or Policy()
        self.memory = Memory(overlap=overlap) if memory is None else memory
        self.worker = worker
        self._numbers = count(1)
        self._open: dict[tuple[str, int], Presence] = {}
        self._past: dict[int, Presence] = {}
        self._thinking: tuple[Recollection, Future[Regrouped]] | None = None
        self._met: set[int] = set()
        self._learned_from = 0
        self._compare = Comparer(
            gallery=gallery, constraints=self.memory.constraints, model=beginning([], self.memory)
        )

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
        self._remember(ending)
        self._reconsider(changes)
        for view in seen:
            changes.people[view.camera] = tuple(self._people(view))
        return changes

    def finish(self) -> Changes:
        """Ends every presence, decides what is still open, and thinks again about the last ones.

        With a worker, that is somebody who can't wait: what it is at comes to nothing.
        """
        changes = self._close(list(self._open))
        if self.worker is None and self.memory.stale:
            self._apply(self._recollection(last=True).groups(), changes)
        if self._thinking is not None:
            self._thinking[0].enough.set()
            self._apply(self._thinking[1].result(), changes)
        return changes

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
        self._remember(ending)
        return changes

    def _look(self, view: Seen, changes: Changes) -> None:
        """Adds a frame's tracks to their presences."""
        detections = view.detections
        good = quality(detections.boxes, detections.scores, width=view.width, height=view.height)
        for track in view.tracks:
            presence = self._presence(track, view)
            presence.span.end = track.time
            presence.steps.add(track.time, track.box)
            presence.waiting.append(Point(track.time, view.frame, track.box, track.score))
            if track.confirmed:
                if not presence.number:
                    presence.number = next(self._numbers)
                    changes.sightings.append(presence.sighting())
                    presence.recorded = track.time
                changes.points += [(presence.number, point) for point in presence.waiting]
                presence.waiting.clear()
                self._picture(presence, detections, track.detection, float(good[track.detection]), changes)

    def _presence(self, track: Track, view: Seen) -> Presence:
        key = (track.camera, track.number)
        if key not in self._open:
            templates = Templates(dimension=self.gallery.dimension, most=self.gallery.most)
            span = Span(track.camera, track.time, track.time, recording=view.recording)
            look, steps = Look(self.gallery.dimension), Steps((view.width, view.height))
            self._open[key] = Presence(track.camera, templates, span, look, steps)
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
        presence.look.add(vector, good)
        taken = presence.number, presence.span.end
        if not presence.templates.offer(vector, good, taken):
            return
        changes.kept.setdefault(presence.camera, []).append(Kept(presence.number, row, good, vector))
        if presence.identity is not None:
            self.gallery.offer(presence.identity, vector[None], np.array([good]), [taken])

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
        self._learn_looks(ripe)
        for presence in self._open.values():
            if presence.identity is not None:
                presence.shown()
        found = self._compare.compare(ripe)
        ids, chance = found.ids, found.chance
        matches = assign(1.0 - chance, max_cost=1.0 - self.policy.accept)
        partner = {int(i): int(j) for i, j in matches.pairs}
        gone: dict[int, Known] = {}
        for row, presence in enumerate(ripe):
            if presence.identity is not None and not presence.made:
                continue  # somebody has just joined what it made: that stands
            column = partner.get(row)
            known = None if column is None else self._chosen(presence, ids[column], gone)
            if known is not None and column is not None:
                presence.evidence = self._evidence(presence, known, found, row)
                self._join(presence, known, float(chance[row, column]), gone)
                self._stands(known, ripe)
            elif presence.identity is None and self._is_new(presence, chance[row]):
                presence.evidence = self._evidence(presence, None, found, row)
                self._found(presence, max(0.0, 1.0 - float(chance[row].sum())))

    def _evidence(self, presence: Presence, chosen: Known | None, found: Comparison, row: int) -> Evidence:
        return self._compare.evidence(presence, chosen, found, row)

    def _learn_looks(self, ripe: Sequence[Presence]) -> None:
        """What cameras have in common, of the last presences and those that are there, when they grew."""
        model, known = self._compare.model, len(self.memory) + len(ripe)
        new = {presence.camera for presence in ripe} - set(model.cameras)
        if new or known > (1.0 + AGAIN) * self._learned_from:
            here = [p.tracklet() for p in self._open.values() if len(p.templates)]
            here += [p.tracklet() for p in ripe if (p.camera, p.number) not in self._open and p.ended]
            self._compare.model = beginning([*self.memory.tracklets, *here], self.memory, so_far=model)
            self._learned_from = known
        people = max(self._compare.model.people, float(len(self._met) + 1))
        self._compare.model = replace(self._compare.model, people=people)

    def _chosen(self, presence: Presence, number: int, gone: Mapping[int, Known]) -> Known | None:
        """The identity of that number, or the one it became a moment ago, if the presence can be it."""
        known = gone.get(number) or self.gallery.known.get(number)
        while known is not None and known.id in gone:
            known = gone[known.id]
        return known if known is not None and self._compare.can_be(presence, known) else None

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
            self.gallery.remove(presence.identity.id)
            self._met.discard(presence.identity.id)
            gone[presence.identity.id] = known
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
        looks = presence.templates
        self.gallery.offer(known, looks.vectors, looks.qualities, looks.taken)

    def _stands(self, known: Known, ending: Sequence[Presence] = ()) -> None:
        """Others have joined what a presence made, open or just ending: it is not taken back any more."""
        for other in (*self._open.values(), *ending):
            other.made = other.made and other.identity is not known

    def _remember(self, ended: Sequence[Presence]) -> None:
        for presence in ended:
            if len(presence.templates):
                presence.shown()
                self._past[presence.number] = presence
                self.memory.add(presence.tracklet())

    def _reconsider(self, changes: Changes) -> None:
        """Thinks again about the last presences when it is time; a worker does so beside the run."""
        if self._thinking is not None and self._thinking[1].done():
            self._apply(self._thinking[1].result(), changes)
        if self.memory.due and self._thinking is None:
            recollection = self._recollection()
            if self.worker is not None:
                self._thinking = recollection, self.worker.submit(recollection.groups)
            else:
                self._apply(recollection.groups(), changes)

    def _recollection(self, *, last: bool = False) -> Recollection:
        """The last presences, and what else is known of those who were there then or before."""
        here: dict[int, list[Span]] = {}
        for presence in self._past.values():
            if presence.identity is not None:
                here.setdefault(presence.identity.id, []).append(presence.span)
        newest = sorted(self.gallery.known.values(), key=lambda known: known.last_seen, reverse=True)
        rest = ((known, known.besides(here.get(known.id, ()))) for known in newest if known.presences)
        older = islice((_tracklet_of(known, before) for known, before in rest if before.looks), MOST_OLDER)
        return self.memory.recollect(reversed(list(older)), last=last)

    def _apply(self, found: Regrouped, changes: Changes) -> None:
        """Who turned out to be somebody else is reported anew."""
        self._thinking = None
        if found.model is not None:
            self._compare.model = found.model
            self._learned_from = len(self.memory)
        thought = {number for group in found.groups for number in group.numbers}
        for whole in found.groups:
            known = self._whose(whole)
            group = self._possible(whole, known, thought)
            self.memory.settle(group, None if known is None else known.id)
            for number, chance in zip(group.numbers, group.probabilities, strict=True):
                presence = self._past.get(number)
                if presence is not None and known is not None and presence.identity is not known:
                    self._move(presence, known, chance)
                    changes.sightings.append(presence.sighting())
        for number in self.memory.slide():
            self._past.pop(number, None)
        self._forget()

    def _forget(self) -> None:
        """Who was not seen for as long as the policy has it is no longer looked for. No id is given twice."""
        before = self.policy.forget_before
        times = [p.span.end for p in self._open.values()] + [p.span.end for p in self._past.values()]
        if before is not None and times:
            here = {p.identity.id for p in self._open.values() if p.identity is not None}
            for number in self.gallery.unseen_since(before(max(times))) - here:
                self.gallery.remove(number)
                for sighting in self.memory.forget(number):
                    self._past.pop(sighting, None)

    def held(self) -> Held:
        """All that is in mind of people."""
        mine = [p for p in (*self._past.values(), *self._open.values()) if p.number]
        here = {id(presence.span) for presence in mine}
        known = self.gallery.known.values()
        templates = [*(one.templates for one in known), *(presence.templates for presence in mine)]
        pictures = {number for some in templates for number, _ in some.taken}
        stays = ((one, p) for one in known for p in one.presences if id(p) not in here)
        return Held(
            frozenset(self.gallery.known),
            frozenset(presence.number for presence in mine),
            frozenset(pictures - {UNKNOWN[0]}),
            frozenset(one.stay(presence) for one, presence in stays),
        )

    def drop(self, gone: Held) -> set[int]:
        """What was erased is not known any more. Who is in view of it is seen from now on, as somebody new.
        Says of whom else less is known than before.
        """
        changed = self.gallery.drop(gone)
        for presence in (*self._past.values(), *self._open.values()):
            if presence.identity is not None and presence.number in gone.sightings:
                presence.identity.left(presence.span)
        left = gone.identities | (changed - self.gallery.known.keys())
        for key, presence in list(self._open.items()):
            if _is_gone(presence, gone.sightings, left):
                del self._open[key]
            elif presence.number in gone.pictures:
                presence.look_anew()
        past = [n for n, p in self._past.items() if n in gone.pictures or _is_gone(p, gone.sightings, left)]
        for number in past:
            del self._past[number]
        self.memory.drop(past)
        for presence in (*self._past.values(), *self._open.values()):
            who, looks = presence.identity, presence.templates
            if who is not None and who.id in changed:  # of pictures alike it had the best
                self.gallery.offer(who, looks.vectors, looks.qualities, looks.taken)
            if presence.evidence is not None:
                presence.evidence = presence.evidence.without(left, gone.pictures)
        self._met -= left
        self._compare = Comparer(
            gallery=self.gallery, constraints=self.memory.constraints, model=self._compare.model
        )
        return changed & self.gallery.known.keys()

    def _possible(self, group: Group, known: Known | None, thought: Collection[int]) -> Group:
        """Without those who can't be that identity for where it is, or was, since it was thought about."""
        since = [
            presence.span
            for presence in (*self._past.values(), *self._open.values())
            if presence.identity is known is not None and presence.number not in thought
        ]
        if not since:
            return group
        rows = [
            row
            for row, number in enumerate(group.numbers)
            if number not in self._past or not self._compare.between(self._past[number].span, since)
        ]
        return Group(
            group.identity,
            tuple(group.numbers[row] for row in rows),
            tuple(group.probabilities[row] for row in rows),
        )

    def _whose(self, group: Group) -> Known | None:
        """The group's identity, or a new one; none of a single glimpse that nobody decided."""
        known = None if group.identity is None else self.gallery.known.get(group.identity)
        here = [self._past[number] for number in group.numbers if number in self._past]
        decided = any(presence.identity is not None for presence in here)
        if known is None and (decided or len(here) > 1):
            return self.gallery.new()
        return known

    def _move(self, presence: Presence, known: Known, chance: float) -> None:
        before = presence.identity
        if before is not None:
            before.left(presence.span)
            if not before.presences:  # of many it holds the last ones alone
                for span in self._spans(before, without=presence):
                    before.left(span)
                    before.was_in(span)
            self.gallery.forget(before, presence.number)
            if not before.presences and not before.before:
                self.gallery.remove(before.id)
                self._met.discard(before.id)
        presence.identity = None
        found = self._compare.compare([presence], besides=known)
        presence.evidence = replace(self._compare.evidence(presence, known, found, 0), again=True)
        presence.identity, presence.probability, presence.made = known, chance, False
        self._stands(known)
        self._settle(presence, known)

    def _spans(self, known: Known, *, without: Presence) -> list[Span]:
        """When the presences there are of this identity were, but for one."""
        there = [p for p in (*self._past.values(), *self._open.values()) if p.identity is known]
        return sorted((p.span for p in there if p is not without), key=lambda span: span.end)

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


def _is_gone(presence: Presence, sightings: Collection[int], identities: Collection[int]) -> bool:
    who = presence.identity
    return presence.number in sightings or (who is not None and who.id in identities)


def _tracklet_of(known: Known, before: Known) -> Tracklet:
    """Somebody as known before the last presences: the last visit then, and looks at others. Where no visit
    is kept, but looks, it is taken to be long ago.
    """
    first = min(known.presences, key=lambda span: span.start)
    long_ago = replace(first, start=first.start - LONG_S, end=first.start - LONG_S, path=None)
    last = max(before.presences, key=lambda span: span.end, default=long_ago)
    looks = sorted(before.looks, key=lambda look: (look[1] is last.look, look[0] == last.camera))
    *earlier, (camera, mean, pictures) = looks
    return Tracklet(
        number=0,
        camera=camera,
        start=last.start,
        end=last.end,
        vectors=mean[None],
        qualities=np.ones(1, np.float32),
        identity=known.id,
        recording=last.recording,
        path=last.path if camera == last.camera else None,
        pictures=pictures,
        earlier=earlier,
    )
