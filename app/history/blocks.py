"""The second pass over histories of any length: a block of time after the other, each with part of the last.

In a block everything is decided at once, as `tracker.refine` does; a block that holds all is just that. Of
what was decided before it knows the sightings that it shares with the last block, which it decides anew, and
of those before them the people seen last, each as one tracklet, of whom no two are one. What lies between is
the history's: a sighting's identity, where nothing speaks against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.history.change import Change
from app.history.tracklets import tracklets_of
from app.history.weighed import Scales, Weighed
from tracker.constraints import Constraints
from tracker.refine import Cluster, Pass, second_pass
from tracker.tracklets import Path, Tracklet
from tracker.types import Floats

if TYPE_CHECKING:
    from storage.presences import Decisions, Pair, PresenceRow

WINDOW = 3000
"""Sightings of a block: 3,500 tracklets with those from before take some 400 MB."""

CARRIED = 1000
"""Of them, the last ones, which the next block decides anew."""

MOST_OLDER = 500
"""People from before a block that are held against it, as many as a run does."""


@dataclass(slots=True)
class _Known:
    """Somebody of before a block. last: their last sighting there; looks: by camera the (D,) mean of their
    pictures, and how many those are worth.
    """

    last: Tracklet
    looks: dict[str, tuple[Floats, float]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, tracklet: Tracklet) -> None:
        mean, pictures, _ = tracklet.look
        before, worth = self.looks.get(tracklet.camera, (mean, 0.0))
        blend = (worth * before + pictures * mean) / (worth + pictures)
        self.looks[tracklet.camera] = blend.astype(np.float32), worth + pictures
        self.seconds += _seconds(tracklet)
        self.last = tracklet if tracklet.end >= self.last.end else self.last

    def tracklet(self, number: int, identity: int) -> Tracklet:
        last, (mean, pictures) = self.last, self.looks[self.last.camera]
        return Tracklet(
            number=number,
            camera=last.camera,
            start=last.start,
            end=last.end,
            vectors=mean[None],
            qualities=np.ones(1, np.float32),
            identity=identity,
            recording=last.recording,
            path=last.path,
            pictures=pictures,
            earlier=[(name, *look) for name, look in self.looks.items() if name != last.camera],
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """Sightings that no later block decides anew, by id, what changes of them, and who they are then.

    weighed: of the changes, what speaks for and against them, where that was asked for.
    """

    rows: list[PresenceRow]
    changes: list[Change]
    after: dict[int, int | None]
    weighed: dict[int, Weighed] = field(default_factory=dict)


@dataclass(slots=True)
class Blocks:
    """The second pass, one block at a time. Memory is that of a block, and a number a decision by people.

    overlap: pairs of cameras that may see one person at the same moment. own_clocks: each source has a clock
    of its own. price: log of how many missed merges a false one is worth. explain: changes are weighed.
    """

    constraints: Constraints = field(default_factory=Constraints)
    own_clocks: bool = False
    price: float = 0.0
    explain: bool = False
    carried: int = CARRIED
    _rows: list[PresenceRow] = field(default_factory=list)
    _tracklets: dict[int, Tracklet] = field(default_factory=dict)
    _outcome: dict[int, tuple[int | None, float]] = field(default_factory=dict)
    _people: dict[int, _Known] = field(default_factory=dict)
    _decided: dict[int, int | None] = field(default_factory=dict)
    _new: int = 0

    def decide(
        self,
        fresh: Sequence[PresenceRow],
        told: Decisions,
        *,
        paths: Mapping[int, Path] | None = None,
        last: bool,
    ) -> Settled:
        """The next block. fresh: by start, none earlier than those of the block before. told: people's
        decisions about the block's sightings. last: nothing comes after it.
        """
        rows = sorted([*self._rows, *fresh], key=lambda row: row.id)
        self._tracklets |= {t.number: t for t in tracklets_of(fresh, own_clocks=self.own_clocks, paths=paths)}
        older = self._older()
        tracklets = [*(self._tracklets[row.id] for row in rows), *older]
        found, apart = self._second_pass(tracklets, older, told)
        self._name(rows, {t.number: t.identity for t in older}, found.clusters, told)
        self._rows = [] if last else _late(rows, self.carried)
        kept = {row.id for row in self._rows}
        people = {t.number: t.identity for t in older} | {row.id: self._outcome[row.id][0] for row in rows}
        settled = self._settle([row for row in rows if row.id not in kept], told)
        if self.explain and settled.changes:
            scales = Scales(tracklets, found, people, constraints=self.constraints, apart=apart)
            for one in settled.changes:
                weighed = scales.weigh(one.sighting, now=one.after, before=one.before)
                settled.weighed[one.sighting] = weighed
        return settled

    @property
    def open(self) -> list[PresenceRow]:
        """The sightings that the next block decides anew."""
        return list(self._rows)

    def _older(self) -> list[Tracklet]:
        """Who was seen last of those who were there before the block's sightings."""
        people = list(self._people.items())[-MOST_OLDER:]
        return [known.tracklet(-1 - k, who) for k, (who, known) in enumerate(people)]

    def _second_pass(
        self, rows: Sequence[Tracklet], older: Sequence[Tracklet], told: Decisions
    ) -> tuple[Pass, list[Pair]]:
        """The pass over the block's tracklets and, behind them, people from before; who was told apart."""
        number = {t.identity: t.number for t in older}
        known = np.arange(len(rows)) >= len(rows) - len(older)
        strangers = known[:, None] & known[None] & ~np.eye(len(rows), dtype=bool) if older else None
        here = {t.number for t in rows} - set(number.values())
        together, apart = (self._pairs(pairs, here, number) for pairs in (told.together, told.apart))
        found = second_pass(
            rows,
            constraints=self.constraints,
            together=sorted(together),
            apart=sorted(apart - together),
            strangers=strangers,
            price=self.price,
        )
        return found, sorted(apart - together)

    def _pairs(
        self, pairs: Iterable[Pair], here: Collection[int], older: Mapping[int | None, int]
    ) -> set[Pair]:
        """Those of the block; of who was settled before, with whom they are now."""
        found = set()
        for pair in pairs:
            a, b = (one if one in here else older.get(self._decided.get(one)) for one in pair)
            if a is not None and b is not None and a != b and (a in here or b in here):
                found.add((min(a, b), max(a, b)))
        return found

    def _name(
        self,
        rows: Sequence[PresenceRow],
        older: Mapping[int, int | None],
        clusters: Sequence[Cluster],
        told: Decisions,
    ) -> None:
        """Notes who each cluster is, a new one where it keeps nobody's identity. Who was undecided and stays
        alone, stays so.
        """
        by_id = {row.id: row for row in rows}
        kept = self._kept(by_id, older, clusters, told)
        for k, cluster in enumerate(clusters):
            who = kept.get(k, -1 - self._new - k)
            nobody = len(cluster.tracklets) == 1 and who < 0 and who not in self._people
            for number, chance in zip(cluster.tracklets, cluster.probabilities, strict=True):
                if number in by_id:
                    undecided = nobody and by_id[number].identity is None
                    self._outcome[number] = None if undecided else who, round(chance, 4)
        self._new += len(clusters)

    def _kept(
        self,
        by_id: Mapping[int, PresenceRow],
        older: Mapping[int, int | None],
        clusters: Sequence[Cluster],
        told: Decisions,
    ) -> dict[int, int]:
        """Cluster -> the identity it keeps: of one whom people put there, else a named one's, else that of
        somebody from before, else the one that most of its seconds have; of two clusters the one with more of
        them keeps it.
        """
        place = {number: k for k, cluster in enumerate(clusters) for number in cluster.tracklets}
        wanted = self._by_people(told.together, place, by_id)
        barred = self._by_people(told.apart, place, by_id) - wanted
        held = dict.fromkeys(wanted, 0.0) | self._held(clusters, by_id, older)

        def rank(item: tuple[tuple[int, int], float]) -> tuple[object, ...]:
            key, seconds = item
            return key not in wanted, key[1] not in told.named, key[1] not in self._people, -seconds, key[1]

        kept: dict[int, int] = {}
        for (cluster, identity), _ in sorted(held.items(), key=rank):
            free = cluster not in kept and identity not in kept.values()
            if free and (cluster, identity) not in barred:
                kept[cluster] = identity
        return kept

    def _held(
        self,
        clusters: Sequence[Cluster],
        by_id: Mapping[int, PresenceRow],
        older: Mapping[int, int | None],
    ) -> dict[tuple[int, int], float]:
        """(cluster, identity) -> seconds of it, as far as known."""
        held: dict[tuple[int, int], float] = defaultdict(float)
        for k, cluster in enumerate(clusters):
            for number in cluster.tracklets:
                row = by_id.get(number)
                who = older[number] if row is None else self._outcome.get(number, (row.identity, 0.0))[0]
                if who is not None:
                    held[k, who] += 0.0 if row is None else _seconds(row)
            for key in [key for key in held if key[0] == k and key[1] in self._people]:
                held[key] += self._people[key[1]].seconds
        return dict(held)

    def _by_people(
        self, pairs: Iterable[Pair], place: Mapping[int, int], here: Mapping[int, PresenceRow]
    ) -> set[tuple[int, int]]:
        """(cluster, identity) of sightings that people decided about with others, which are settled."""
        found = set()
        for pair in pairs:
            for one, other in (pair, pair[::-1]):
                who = None if other in here else self._decided.get(other)
                if one in here and who is not None:
                    found.add((place[one], who))
        return found

    def _settle(self, rows: list[PresenceRow], told: Decisions) -> Settled:
        changes, after = [], {}
        decided = {number for pairs in (told.together, told.apart) for pair in pairs for number in pair}
        for row in sorted(rows, key=lambda row: row.end):
            who, chance = self._outcome.pop(row.id)
            tracklet = self._tracklets.pop(row.id)
            after[row.id] = who
            if row.id in decided:
                self._decided[row.id] = who
            if who is not None:
                self._remember(who, tracklet)
                if who != row.identity:
                    changes.append(Change(row.id, row.camera, row.start, row.end, row.identity, who, chance))
        self._forget()
        return Settled(rows, sorted(changes, key=lambda change: change.sighting), after)

    def _remember(self, who: int, tracklet: Tracklet) -> None:
        known = self._people.pop(who, None) or _Known(tracklet)
        known.add(tracklet)
        self._people[who] = known  # the last one now

    def _forget(self) -> None:
        """Of people from before, those who were seen last are kept, and those who still may be there."""
        here = {self._outcome[row.id][0] for row in self._rows}
        for who in list(self._people)[: max(len(self._people) - MOST_OLDER, 0)]:
            if who not in here:
                del self._people[who]


def _seconds(one: PresenceRow | Tracklet) -> float:
    return max(one.end - one.start, 1e-3)


def _late(rows: Sequence[PresenceRow], most: int) -> list[PresenceRow]:
    """The last to begin, and of those before them who were still there when the first of them began."""
    by_start = sorted(rows, key=lambda row: (row.start, row.id))
    late = by_start[-most:]
    before = sorted(by_start[: len(by_start) - len(late)], key=lambda row: row.end)[-most // 2 :]
    return [row for row in before if late and row.end > late[0].start] + late
