"""Which cameras may see one person at the same moment: as told, else as learned and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.topology import Learned
    from tracker.rules import Rule


def overlaps_known(
    kept: Learned | None, told: frozenset[frozenset[str]], rules: Sequence[Rule]
) -> frozenset[frozenset[str]]:
    """Pairs of cameras that may see one person at a time: as told, else as learned and kept."""
    learned = () if kept is None else kept.topology.overlaps
    denied = {frozenset((rule.first, rule.second)) for rule in rules if rule.overlap is False}
    found = {frozenset((overlap.first, overlap.second)) for overlap in learned if overlap.seen}
    return told | frozenset(found - denied)
