"""``sightline refine``: the second pass over a history, as a difference to look at, applied on request."""

from __future__ import annotations

import argparse
import json
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from app import errors
from app.config import read_config, read_price
from app.history.change import Change
from app.history.reasons import Found
from app.history.said import span_said
from app.history.telling import duration, say
from app.history.tracklets import paths_of
from app.history.why import percent
from app.times import moment, zone

if TYPE_CHECKING:
    from app.config import Settings
    from app.history.blocks import Blocks
    from app.output.refine_page import Commands
    from storage.history import History
    from storage.presences import Decisions, PresenceRow
    from storage.repair import Move
    from tracker.rules import Rule


def refine(arguments: argparse.Namespace) -> int:
    """``sightline refine``: prints what would change, and with --apply changes it."""
    from app.history.blocks import CARRIED, Blocks
    from app.history.opened import engine_of
    from app.output.refine_page import write_refine_page
    from app.topology.overlaps import overlaps_known
    from storage.history import History
    from storage.repair import Repair
    from storage.topology import saved
    from tracker.constraints import Constraints

    known = None if arguments.config is None else read_config(arguments.config)
    price = _price(arguments, known)
    engine = engine_of(arguments.db)
    try:
        history = History(engine)
        since, until = span_said(history, arguments.since, arguments.until)
        rules = () if known is None else known.links
        overlap_told = frozenset() if known is None else known.overlap
        overlap = overlaps_known(saved(engine), overlap_told, rules)
        blocks = Blocks(
            constraints=Constraints(rules=tuple(rules), overlap=overlap),
            own_clocks=arguments.own_clocks,
            price=log(price),
            carried=CARRIED,
            explain=arguments.page is not None,
        )
        with progress(history.number_of_sightings(since=since, until=until)) as done:
            found = look_through(history, blocks, since=since, until=until, done=done)
        number = None
        if arguments.apply and found.changes:
            number = Repair(engine).refine(_moves(found.changes), note=_summary(found.changes))
        if arguments.page is not None:
            commands = commands_of(arguments, number)
            write_refine_page(
                history, found, arguments.page, commands=commands, own_clocks=arguments.own_clocks
            )
        _print(found.changes, found.looked_at, as_json=arguments.json)
        if not arguments.json:
            _print_learned(overlap - overlap_told)
            _print_what_is_next(number, arguments.page)
    finally:
        engine.dispose()
    return errors.OK


@contextmanager
def progress(number: int) -> Iterator[Callable[[int], None]]:
    """Says what it takes to look at so many sightings, before and meanwhile, where that is long."""
    from app.history.blocks import CARRIED, WINDOW

    if number <= WINDOW:
        yield lambda _: None
        return
    console = Console(stderr=True, highlight=False)
    count = 1 + -(-(number - WINDOW) // (WINDOW - CARRIED))
    say(
        console,
        f"{number:,} sightings are looked at in about {count:,} blocks of {WINDOW:,}; Ctrl-C ends it, and "
        "nothing is changed before all are looked at. --since and --until name a shorter span.",
    )
    begun = time.monotonic()

    def done(looked_at: int) -> None:
        took_s = time.monotonic() - begun
        left_s = took_s * max(number - looked_at, 0) / max(looked_at, 1)
        say(console, f"{looked_at:,} of {number:,}; about {duration(left_s)} to go")

    yield done


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


def look_through(
    history: History,
    blocks: Blocks,
    *,
    since: float | None,
    until: float | None,
    done: Callable[[int], None] = lambda _: None,
) -> Found:
    """The second pass over a span, with reasons where blocks explain. done: is told how many are done."""
    from app.history.blocks import CARRIED, WINDOW
    from storage.presences import decisions, presence_blocks

    found = Found(blocks.explain)
    read = presence_blocks(history.engine, since=since, until=until, first=WINDOW, then=WINDOW - CARRIED)
    coming = next(read, None)
    while coming is not None:
        here, coming = coming, next(read, None)
        told = decisions(history.engine, among=[row.id for row in (*blocks.open, *here)])
        settled = blocks.decide(here, told, paths=paths_of(history, here), last=coming is None)
        found.add(settled.rows, settled.changes, settled.after, beside=blocks.open, weighed=settled.weighed)
        if coming is not None:
            done(found.looked_at)
    return found


def differences(
    rows: Sequence[PresenceRow],
    told: Decisions,
    *,
    overlap: frozenset[frozenset[str]] = frozenset(),
    rules: Sequence[Rule] = (),
) -> list[Change]:
    """What the second pass would change of these, all at once, by sighting."""
    from app.history.blocks import Blocks
    from tracker.constraints import Constraints

    blocks = Blocks(constraints=Constraints(rules=tuple(rules), overlap=overlap))
    return blocks.decide(rows, told, last=True).changes


def _moves(found: Sequence[Change]) -> list[Move]:
    from storage.repair import Move

    return [Move(change.sighting, change.after, change.probability) for change in found]


def _summary(found: Sequence[Change]) -> str:
    new = len({change.after for change in found if change.after < 0})
    return (
        f"{len(found)} sightings moved, {new} of them people new" if new else f"{len(found)} sightings moved"
    )


def _print(found: Sequence[Change], looked_at: int, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(change) for change in found], indent=2))
        return
    if not found:
        print(f"{looked_at} sightings looked at; all stay as they are.")
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
    print(f"{looked_at} sightings looked at, {len(found)} would be reassigned")
