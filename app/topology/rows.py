"""What is known of the ways between cameras, learned and told, a row for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.rules import Rule
from tracker.types import Link, Overlap, Topology


@dataclass(frozen=True, slots=True)
class Row:
    """A way from a camera to another. told: what outranks the rest. told_overlap: by a rule of either way."""

    first: str
    second: str
    link: Link | None
    overlap: Overlap | None
    told: Rule | None
    told_overlap: bool | None

    @property
    def overlaps(self) -> bool | None:
        """Whether both see one person at the same moment; None where nobody knows."""
        if self.told_overlap is not None:
            return self.told_overlap
        return None if self.overlap is None else self.overlap.seen

    @property
    def after(self) -> bool:
        """Whether somebody told that there is a way."""
        return self.told is not None and self.told.after_s is not None

    @property
    def never(self) -> bool:
        return self.told is not None and self.told.never


def rows_of(topology: Topology, rules: Sequence[Rule]) -> list[Row]:
    """Of all that was found or told, by camera; what was told never to be is there too."""
    links = {(link.first, link.second): link for link in topology.links}
    overlaps = {frozenset((overlap.first, overlap.second)): overlap for overlap in topology.overlaps}
    told = {(rule.first, rule.second): rule for rule in rules}
    told_overlaps = {
        frozenset((rule.first, rule.second)): rule.overlap for rule in rules if rule.overlap is not None
    }
    sure = {(overlap.first, overlap.second) for overlap in topology.overlaps if overlap.seen}
    lone = {pair for pair in sure if pair not in links and pair[::-1] not in links}
    return [
        Row(
            *pair,
            links.get(pair),
            overlaps.get(frozenset(pair)),
            told.get(pair),
            told_overlaps.get(frozenset(pair)),
        )
        for pair in sorted({*links, *told, *lone})
    ]
