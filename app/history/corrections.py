"""The commands that correct identities: merge, split, move, name, differ, and their journal and undo."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import errors
from app.config import ConfigError
from app.history.opened import opened, opened_engine
from app.history.said import name_said, person_said
from app.history.telling import plain
from app.moments import MomentError, moment_near
from app.times import moment, span, zone

if TYPE_CHECKING:
    from storage.repair import CorrectionError, CorrectionRow, Repair, RevisionRow


NEW = "new"
"""What is typed where somebody new is meant."""

Change = Callable[["Repair", Callable[[str], int]], int]
"""A correction, given who is meant by an id or a name; its number."""


def merge(arguments: argparse.Namespace) -> int:
    """``sightline merge A B``: B is A from now on."""
    return _correct(
        arguments.db,
        lambda repair, who: repair.merge(who(arguments.id), who(arguments.other), anyway=arguments.anyway),
    )


def in_words(error: CorrectionError) -> str:
    """Why a correction makes no sense, with the times that it is about."""
    from storage.repair import OutsideError, TogetherError

    if isinstance(error, TogetherError):
        return f"{error}: from {_span(error.when.start, error.when.end)}"
    if isinstance(error, OutsideError):
        return f"{error}: after {_span(error.begin, error.end)}"
    return str(error)


def _span(start: float, end: float) -> str:
    return f"{span(start, end)} {zone(start)}".rstrip()


def split(arguments: argparse.Namespace) -> int:
    """``sightline split ID --sightings 12,13``: these are somebody else. Or ``split 12 --at TIME``."""
    if arguments.at is not None:
        return _cut(arguments)
    try:
        sightings = [int(part) for part in arguments.sightings.split(",")]
    except ValueError as error:
        raise ConfigError(
            f"--sightings is {arguments.sightings}; numbers such as 12,13 belong there."
        ) from error
    return _correct(
        arguments.db,
        lambda repair, who: repair.split(who(arguments.id), sightings, _into(who, arguments.into)),
    )


def _into(who: Callable[[str], int], text: str | None) -> int | None:
    """None is somebody new."""
    return None if text in (None, NEW) else who(str(text))


def _cut(arguments: argparse.Namespace) -> int:
    """``sightline split SIGHTING --at TIME``: from then on it is somebody else."""
    if not arguments.id.isdecimal():
        raise ConfigError(f"With --at, a sighting's number is expected, not {arguments.id}.")
    sighting = int(arguments.id)
    with opened(arguments.db) as history:
        row = history.sighting(sighting)
    try:
        at = moment_near(arguments.at, near=0.0 if row is None else row.start)
    except MomentError as error:
        raise ConfigError(f"--at: {error}.") from None
    return _correct(arguments.db, lambda repair, who: repair.cut(sighting, at, _into(who, arguments.into)))


def move(arguments: argparse.Namespace) -> int:
    """``sightline move SIGHTING ID``: this one surely is that person, or somebody new."""
    return _correct(
        arguments.db, lambda repair, who: repair.move(arguments.sighting, _into(who, arguments.id))
    )


def name(arguments: argparse.Namespace) -> int:
    """``sightline name ID NAME``."""
    said = name_said(arguments.name)
    return _correct(arguments.db, lambda repair, who: repair.name(who(arguments.id), said))


def differ(arguments: argparse.Namespace) -> int:
    """``sightline differ A B``: never the same person."""
    return _correct(arguments.db, lambda repair, who: repair.differ(who(arguments.id), who(arguments.other)))


def undo(arguments: argparse.Namespace) -> int:
    """``sightline undo [N]``: take back that correction, or the last."""
    return _correct(arguments.db, lambda repair, _: repair.undo(arguments.number))


def corrections(arguments: argparse.Namespace) -> int:
    """``sightline corrections``: the journal; with --runs, where runs thought better of it."""
    from storage.repair import corrections as journal
    from storage.repair import revisions

    rows: Sequence[CorrectionRow | RevisionRow]
    with opened_engine(arguments.db) as engine:
        told_by = revisions if arguments.runs else journal
        rows = told_by(engine, most=arguments.limit or None)
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif not rows:
        what = "No run has changed its mind" if arguments.runs else "Nothing has been corrected"
        print(f"{what} in {arguments.db}.")
    else:
        Console(highlight=False).print(_table(rows))
        if len(rows) == arguments.limit:
            print(f"These are the last {len(rows)}; --limit tells how many.")
    return errors.OK


def _correct(path: Path, change: Change) -> int:
    """Make the correction, and say what was done."""
    from storage.history import History
    from storage.repair import CorrectionError, Repair, TogetherError

    with opened_engine(path) as engine:
        repair = Repair(engine)
        try:
            number = change(repair, partial(person_said, History(engine)))
        except CorrectionError as error:
            hint = "; move one of the two first, or say --anyway" if isinstance(error, TogetherError) else ""
            raise CorrectionError(f"{in_words(error)}{hint}") from None
        row = repair.correction(number)
    print(f"{row.id}: {plain(told(row))}{' (undone)' if row.undone is not None else ''}")
    return errors.OK


def told(row: CorrectionRow) -> str:
    """A correction in words."""
    a, b = row.people[0] if row.people else (None, None)
    which = f"sighting{'s' * (len(row.sightings) > 1)} {', '.join(map(str, row.sightings))}"
    if row.kind == "cut":
        return _told_cut(row, a if b is None else b)
    moved = f"Said that {which} is {a}" if b is None else f"Moved {which} from {a} to {b}"
    words = {
        "merge": f"Merged {a} into {b}",
        "differ": f"Told {a} and {b} apart",
        "name": f"Named {a} {row.name}" if row.name else f"Took the name of {a} away",
        "split": f"Split {which} off {a}, to {b}",
        "move": moved,
        "refine": f"Second pass: {row.note}",
    }
    return words.get(row.kind, row.kind)


def _told_cut(row: CorrectionRow, whose: int | None) -> str:
    """Its sightings are the one that was cut and the new one, which is gone once that is undone."""
    at = float(row.note or 0.0)
    since = _when(at)
    later = f"sighting {row.sightings[1]} of " if len(row.sightings) > 1 else ""
    return f"Cut sighting {row.sightings[0]} at {since}; from then on it is {later}{whose}"


def _table(rows: Sequence[CorrectionRow | RevisionRow]) -> Table:
    from storage.repair import CorrectionRow

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("number", justify="right")
    for heading in ("when", "by", "what", ""):
        table.add_column(heading, overflow="fold")
    for row in rows:
        if isinstance(row, CorrectionRow):
            undone = "undone" if row.undone is not None else ""
            table.add_row(str(row.id), _when(row.time), row.author, Text(plain(told(row))), undone)
        else:
            table.add_row("", _when(row.time), "run", Text(_told_revision(row)), "")
    return table


def _when(time: float) -> str:
    return f"{moment(time)} {zone(time)}".strip()


def _told_revision(row: RevisionRow) -> str:
    before, after = ("undecided" if who is None else who for who in (row.before, row.after))
    return f"Reassigned sighting {row.sighting} from {before} to {after}"
