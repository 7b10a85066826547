"""``sightline refine``: the second pass over a history, as a difference to look at, applied on request."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from app import errors
from app.config import ConfigError, read_config, read_time
from app.history.answers import local_iso

if TYPE_CHECKING:
    from storage.presences import Decisions, PresenceRow
    from storage.repair import Move
    from tracker.refine import Cluster


@dataclass(frozen=True, slots=True)
class Change:
    """One sighting that gets another identity. after: negative for somebody new, equal ones are the same."""

    sighting: int
    camera: str
    start: float
    end: float
    before: int | None
    after: int
    probability: float


def refine(arguments: argparse.Namespace) -> int:
    """``sightline refine``: prints what would change, and with --apply changes it."""
    from storage.database import open_database
    from storage.presences import decisions, presences
    from storage.repair import Repair

    since, until = (None if t is None else read_time(t) for t in (arguments.since, arguments.until))
    overlap = _overlap(arguments.config)
    engine = open_database(arguments.db, create=False)
    try:
        rows = presences(engine, since=since, until=until)
        changes = differences(rows, decisions(engine), overlap=overlap, own_clocks=arguments.own_clocks)
        _print(changes, rows, as_json=arguments.json)
        if arguments.apply and changes:
            number = Repair(engine).refine(_moves(changes), note=_summary(changes))
            if not arguments.json:
                print(f"applied as correction {number}; 'sightline undo {number}' takes it back")
    finally:
        engine.dispose()
    return errors.OK


def _overlap(config: Path | None) -> frozenset[frozenset[str]]:
    return frozenset() if config is None else read_config(config).overlap


def differences(
    rows: Sequence[PresenceRow],
    told: Decisions,
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    own_clocks: bool = False,
) -> list[Change]:
    """What the second pass would change, by sighting. Raises ConfigError where the span is too long.

    own_clocks: each source has a clock of its own.
    """
    from tracker.refine import MOST, Tracklet
    from tracker.refine import refine as second_pass

    if len(rows) > MOST:
        raise ConfigError(
            f"{len(rows)} sightings are too many to compare at once, {MOST} are the most; "
            "name a shorter span with --since and --until."
        )
    tracklets = [
        Tracklet(
            number=row.id,
            camera=row.camera,
            start=row.start,
            end=row.end,
            vectors=row.vectors,
            qualities=row.qualities,
            identity=row.identity,
            recording=row.footage if own_clocks else 0,
        )
        for row in rows
    ]
    here = {row.id for row in rows}
    clusters = second_pass(
        tracklets,
        overlap=overlap,
        together=_among(here, told.together),
        apart=_among(here, told.apart),
    )
    return changes(rows, clusters, named=told.named)


def _among(here: Collection[int], pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted((a, b) for a, b in pairs if a in here and b in here)


def changes(
    rows: Sequence[PresenceRow], clusters: Sequence[Cluster], *, named: Collection[int]
) -> list[Change]:
    """What each cluster's identity changes. It keeps a named one's, else the one that most of its seconds
    have; of two clusters the one with more of them keeps it. Who was undecided and stays alone, stays so.
    """
    by_id = {row.id: row for row in rows}
    kept = _kept(by_id, clusters, named)
    found = []
    for number, cluster in enumerate(clusters):
        after = kept.get(number, -1 - number)
        for sighting, probability in zip(cluster.tracklets, cluster.probabilities, strict=True):
            row = by_id[sighting]
            if row.identity == after or (row.identity is None and len(cluster.tracklets) == 1):
                continue
            found.append(
                Change(sighting, row.camera, row.start, row.end, row.identity, after, round(probability, 4))
            )
    return sorted(found, key=lambda change: change.sighting)


def _kept(
    by_id: Mapping[int, PresenceRow], clusters: Sequence[Cluster], named: Collection[int]
) -> dict[int, int]:
    """Cluster -> the identity it keeps."""
    held: dict[tuple[int, int], float] = defaultdict(float)
    for number, cluster in enumerate(clusters):
        for sighting in cluster.tracklets:
            row = by_id[sighting]
            if row.identity is not None:
                held[number, row.identity] += max(row.end - row.start, 1e-3)
    kept: dict[int, int] = {}
    order = sorted(held.items(), key=lambda item: (item[0][1] not in named, -item[1], item[0][1]))
    for (number, identity), _ in order:
        if number not in kept and identity not in kept.values():
            kept[number] = identity
    return kept


def _moves(found: Sequence[Change]) -> list[Move]:
    from storage.repair import Move

    return [Move(change.sighting, change.after, change.probability) for change in found]


def _summary(found: Sequence[Change]) -> str:
    new = len({change.after for change in found if change.after < 0})
    return (
        f"{len(found)} sightings moved, {new} of them people new" if new else f"{len(found)} sightings moved"
    )


def _print(found: Sequence[Change], rows: Sequence[PresenceRow], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(change) for change in found], indent=2))
        return
    if not found:
        print(f"{len(rows)} sightings looked at; all stay as they are.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("sighting", "camera", "from", "seconds", "was", "is", "probability"):
        table.add_column(heading, justify="left" if heading == "camera" else "right")
    for change in found:
        before = "undecided" if change.before is None else str(change.before)
        after = f"new {-change.after}" if change.after < 0 else str(change.after)
        begun, lasted = local_iso(change.start), f"{change.end - change.start:.1f}"
        sure = f"{change.probability:.2f}"
        table.add_row(str(change.sighting), change.camera, begun, lasted, before, after, sure)
    Console(highlight=False).print(table)
    print(f"{len(rows)} sightings looked at, {len(found)} would change hands")
