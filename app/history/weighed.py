"""What speaks for and against what a second pass came to: of a sighting, the terms of the log odds that it is
somebody's, in the model that the pass learned, as `tracker.model` computes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tracker.constraints import Constraints, at_once
from tracker.groups import Group
from tracker.model import Links, links_of
from tracker.refine import Pass
from tracker.tracklets import Columns, Tracklet, columns_of
from tracker.types import Bar, Barred, Terms


@dataclass(frozen=True, slots=True)
class Weighed:
    """Of one sighting, against all else that is thought to be one person: terms and what forbids it, by
    identity; second: the likeliest of those that nothing forbids, but for whom it is and whom it leaves.
    """

    terms: Mapping[int, Terms] = field(default_factory=dict)
    bars: Mapping[int, Bar] = field(default_factory=dict)
    second: int | None = None

    @property
    def barred(self) -> Barred | None:
        """The likeliest of the forbidden, where none of the others is as likely."""
        free = [term.total for who, term in self.terms.items() if who not in self.bars]
        worst = max(self.bars, key=lambda who: self.terms[who].total, default=None)
        if worst is None or self.terms[worst].total <= max([0.0, *free]):
            return None
        return Barred(worst, self.bars[worst], self.terms[worst])


class Scales:
    """Weighs tracklets against people, as the pass left them. people: by number of a tracklet, who it is.
    apart: pairs of numbers that people told apart.
    """

    def __init__(
        self,
        tracklets: Sequence[Tracklet],
        found: Pass,
        people: Mapping[int, int | None],
        *,
        constraints: Constraints,
        apart: Collection[tuple[int, int]] = (),
    ) -> None:
        assert found.model is not None, "a pass over something has a model"
        self._model = found.model
        self._tracklets = tracklets
        self._row = {tracklet.number: row for row, tracklet in enumerate(tracklets)}
        self._columns = columns_of(tracklets)
        self._links = _links(self._columns, found)
        self._at_once = at_once(tracklets, constraints.closed)
        self._never = constraints.cannot_link(tracklets)
        self._apart = {frozenset(pair) for pair in apart}
        self._rows: dict[int, list[int]] = defaultdict(list)
        for number, row in self._row.items():
            who = people.get(number)
            if who is not None:
                self._rows[who].append(row)
        self._groups = {who: self._group(rows) for who, rows in self._rows.items()}

    def weigh(self, number: int, *, now: int, before: int | None) -> Weighed:
        """now: who it is. before: who it was."""
        row = self._row[number]
        others = {who: group for who, group in self._groups.items() if who != now}
        rest = [other for other in self._rows[now] if other != row]
        if rest:
            others[now] = self._group(rest)
        terms = self._terms(row, others)
        bars = {who: bar for who in terms if who != now and (bar := self._bar(row, who)) is not None}
        free = [who for who in terms if who not in (now, before) and who not in bars]
        return Weighed(terms, bars, max(free, key=lambda who: terms[who].total, default=None))

    def _group(self, rows: Sequence[int]) -> Group:
        """The tracklets as one person."""
        first, *others = sorted(rows, key=lambda row: self._links.start[row])
        found = self._model.alone(self._columns, first)
        for row in others:
            found = self._model.joined(found, self._model.alone(self._columns, row), self._links)
        return found

    def _terms(self, row: int, others: Mapping[int, Group]) -> dict[int, Terms]:
        if not others:
            return {}
        alone = self._model.alone(self._columns, row)
        odds = self._model.log_odds(alone, list(others.values()), self._links)
        columns = (odds.appearance, odds.transition, odds.ground)
        told = [Terms(odds.prior, *map(float, some)) for some in zip(*columns, strict=True)]
        return dict(zip(others, told, strict=True))

    def _bar(self, row: int, who: int) -> Bar | None:
        """What forbids that the tracklet is somebody's, if anything."""
        for other in self._rows[who]:
            number = self._tracklets[other].number
            if frozenset((self._tracklets[row].number, number)) in self._apart:
                return "told apart"
            if self._at_once[row, other]:
                same = self._tracklets[row].camera == self._tracklets[other].camera
                return "same view" if same else "no overlap"
            if self._never[row, other]:
                return "link"
        return None


def _links(columns: Columns, found: Pass) -> Links:
    """What times and places say, on the clocks that were found."""
    assert found.model is not None, "a pass over something has a model"
    clock = columns.recording
    if found.clocks is not None:
        columns = columns.shifted(-found.clocks.offset_s[clock])
        clock = found.clocks.group[clock]
    return links_of(columns, found.model.transitions, clock, found.model.ground)
