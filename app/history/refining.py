"""``sightline refine``: the second pass over a history, as a difference to look at, applied on request."""

from __future__ import annotations

import argparse
import json
import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from app import errors
from app.config import read_config, read_price
from app.history.change import Change
from app.history.said import span_said
from app.history.tracklets import expect_few, paths_of, tracklets_of
from app.history.why import percent
from app.times import moment, zone

if TYPE_CHECKING:
    from app.config import Settings
    from app.output.refine_page import Commands
    from storage.presences import Decisions, PresenceRow
    from storage.repair import Move
    from tracker.refine import Cluster
    from tracker.rules import Rule
    from tracker.tracklets import Path as Walked


def refine(arguments: argparse.Namespace) -> int:
    """``sightline refine``: prints what would change, and with --apply changes it."""
    from app.output.refine_page import write_refine_page
    from app.topology.overlaps import overlaps_known
    from storage.database import open_database
    from storage.history import History
    from storage.presences import decisions, presences
    from storage.repair import Repair
    from storage.topology import saved

    known = None if arguments.config is None else read_config(arguments.config)
    price = _price(arguments, known)
    engine = open_database(arguments.db, create=False)
    try:
        since, until = span_said(History(engine), arguments.since, arguments.until)
        expect_few(History(engine), since=since, until=until)
        rows = presences(engine, since=since, until=until)
        rules = () if known is None else known.links
        overlap_told = frozenset() if known is None else known.overlap
        overlap = overlaps_known(saved(engine), overlap_told, rules)
        told = decisions(engine)
        changes = differences(
            rows,
            told,
            overlap=overlap,
            rules=rules,
            own_clocks=arguments.own_clocks,
            paths=paths_of(History(engine), rows),
            false_merge_price=price,
        )
        number = None
        if arguments.apply and changes:
            number = Repair(engine).refine(_moves(changes), note=_summary(changes))
        if arguments.page is not None:
            write_refine_page(
                History(engine),
                rows,
                changes,
                arguments.page,
                commands=commands_of(arguments, number),
                own_clocks=arguments.own_clocks,
            )
        _print(changes, rows, as_json=arguments.json)
        if not arguments.json:
            _print_learned(overlap - overlap_told)
            _print_what_is_next(number, arguments.page)
    finally:
        engine.dispose()
    return errors.OK


def _price(arguments: argparse.Namespace, known: Settings | None) -> float:
    if arguments.false_merge_price is not None:
        return read_price(arguments.false_merge_price)
    return 1.0 if known is None else known.false_merge_price


def _print_learned(overlap: Collection[frozenset[str]]) -> None:
    """Which overlaps nobody told: they let one person be on two cameras at a time."""
    for first, second in sorted(map(sorted, overlap)):
        print(f"{first} and {second} overlap, as learned and kept ('sightline topology')")


def _print_what_is_next(applied: int | None, page: Path | None) -> None:
    if applied is not None:
        print(f"applied as correction {applied}; 'sightline undo {applied}' takes it back")
    if page is not None:
        print(f"page: {page}")


def commands_of(arguments: argparse.Namespace, applied: int | None) -> Commands:
    """What to type next, for the page."""
    from app.output.refine_page import Commands

    typed = ["sightline", "refine", "--db", str(arguments.db)]
    for name in ("since", "until", "config", "false_merge_price"):
        value = getattr(arguments, name)
        typed += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    typed += ["--own-clocks"] if arguments.own_clocks else []
    undo = (
        None
        if applied is None
        else shlex.join(["sightline", "undo", str(applied), "--db", str(arguments.db)])
    )
    return Commands(shlex.join([*typed, "--apply"]), undo, shlex.join(["--db", str(arguments.db)]))


def differences(
    rows: Sequence[PresenceRow],
    told: Decisions,
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    rules: Sequence[Rule] = (),
    own_clocks: bool = False,
    paths: Mapping[int, Walked] | None = None,
    false_merge_price: float = 1.0,
) -> list[Change]:
    """What the second pass would change, by sighting. Raises ConfigError where the span is too long.

    rules: what is known of the ways between cameras. own_clocks: each source has a clock of its own.
    paths: sighting -> where it was. false_merge_price: how many missed merges a false one is worth.
    """
    from tracker.refine import refine as second_pass

    tracklets = tracklets_of(rows, own_clocks=own_clocks, paths=paths)
    here = {row.id for row in rows}
    together = _among(here, told.together)
    clusters = second_pass(
        tracklets,
        overlap=overlap,
        rules=rules,
        together=together,
        apart=sorted({*_among(here, told.apart)} - set(together)),
        price=log(false_merge_price),
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
    zones = sorted({zone(change.start) for change in found} - {""})
    begins = f"from ({', '.join(zones)})" if zones else "from"
    for heading in ("sighting", "camera", begins, "seconds", "was", "is", "match"):
        table.add_column(heading, justify="left" if heading == "camera" else "right")
    for change in found:
        before = "undecided" if change.before is None else str(change.before)
        after = f"new {-change.after}" if change.after < 0 else str(change.after)
        begun, lasted = moment(change.start), f"{change.end - change.start:.1f}"
        sure = percent(change.probability)
        table.add_row(str(change.sighting), change.camera, begun, lasted, before, after, sure)
    Console(highlight=False).print(table)
    print(f"{len(rows)} sightings looked at, {len(found)} would be reassigned")
