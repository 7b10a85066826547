"""The commands that look after a history: forget, backup, check-history."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import errors
from app.config import ConfigError
from app.history.opened import opened_engine
from app.history.said import camera_said, person_said, time_said
from app.history.telling import count_of, say
from app.recording.files import remove_file
from app.times import moment, zone

if TYPE_CHECKING:
    from storage.forgetting import Extent, Forgetting, Kind, Order, Receipt
    from storage.history import History


def forget(arguments: argparse.Namespace) -> int:
    """``sightline forget ID|--before T|--camera C``: erases, and prints a receipt."""
    from storage.forgetting import Forgetting
    from storage.history import History

    with opened_engine(arguments.db) as engine:
        order = order_of(arguments, History(engine))
        forgetting = Forgetting(engine, remove=remove_file)
        if arguments.dry_run:
            return _print_extent(forgetting, order, arguments)
        if arguments.receipts:
            receipts = forgetting.receipts()
        else:
            if order is not None:
                forgetting.order(order)
            receipts = forgetting.carry_out()
    if arguments.json:
        print(json.dumps([asdict(receipt) for receipt in receipts], indent=2))
    else:
        _print(receipts, arguments)
    return errors.OK


def _print_extent(forgetting: Forgetting, order: Order | None, arguments: argparse.Namespace) -> int:
    """How much that would be; nothing is written down and nothing erased."""
    if order is None:
        raise ConfigError("--dry-run is of a person, --before TIME or --camera NAME.")
    extent = forgetting.extent(order)
    if arguments.json:
        print(json.dumps(asdict(extent), indent=2))
    else:
        say(Console(highlight=False), extent_told(extent))
    return errors.OK


def extent_told(extent: Extent) -> str:
    """What would be gone, in a sentence."""
    parts = [
        count_of(extent.sightings, "sighting"),
        f"{count_of(extent.people, 'person', 'people')} of whom nothing is left",
        count_of(extent.portraits, "vector"),
        count_of(extent.pictures, "picture"),
        count_of(extent.files, "recorded file"),
    ]
    gone = [part for part in parts if not part.startswith("0 ")]
    return f"Gone will be: {', '.join(gone)}." if gone else "There is nothing of that."


def order_of(arguments: argparse.Namespace, history: History) -> Order | None:
    """What was typed; None where only open orders are to be carried out, or receipts shown."""
    from storage.forgetting import Order

    told = (arguments.id, arguments.before, arguments.camera)
    if told == (None, None, None):
        if arguments.receipts or arguments.open:
            return None
        raise ConfigError("Say what is to be forgotten: a person, --before TIME or --camera NAME.")
    only: Kind = arguments.only or ("footage" if arguments.recordings else "sightings")
    who = None if arguments.id is None else person_said(history, arguments.id)
    before, camera = time_said(history, arguments.before), camera_said(history, arguments.camera)
    return Order(only, person=who, camera=camera, before=before)


def _print(receipts: list[Receipt], arguments: argparse.Namespace) -> None:
    console = Console(highlight=False)
    if not receipts:
        say(console, f"Nothing is to be forgotten in {arguments.db}.")
    for receipt in receipts:
        say(console, _told(receipt))
    if any(not receipt.checkpointed for receipt in receipts):
        say(console, "Another program reads: what is in the log goes once that has ended and a run commits.")
    for copy in left_copies(arguments.db):
        say(console, f"{copy} may still hold it; delete it, too.")


def _told(receipt: Receipt) -> str:
    parts = [
        count_of(receipt.sightings, "sighting"),
        count_of(receipt.people, "person", "people"),
        count_of(receipt.portraits, "portrait"),
        count_of(receipt.pictures, "picture"),
        count_of(receipt.files, "recorded file"),
    ]
    when = "not yet" if receipt.done is None else f"{moment(receipt.done)} {zone(receipt.done)}"
    return f"{receipt.number}: {when}, by {receipt.author} ({receipt.kind}): {', '.join(parts)} gone"


def left_copies(database: Path) -> list[Path]:
    """What this program left beside a history: copies of before upgrades, pictures of earlier versions."""
    names = [f"{database.name}.schema*", f"{database.name}.pictures"]
    return sorted(path for name in names for path in database.parent.glob(name))


def backup(arguments: argparse.Namespace) -> int:
    """``sightline backup FILE``: a copy of a history, also of one that a run writes to."""
    from storage.upkeep import back_up

    with opened_engine(arguments.db) as engine:
        size = back_up(engine, arguments.file)
    print(f"{arguments.file}: {size / 1e6:.1f} MB, whole and sound")
    return errors.OK


def check_history(arguments: argparse.Namespace) -> int:
    """``sightline check-history``: 0 where it is sound, 5 where it is not."""
    from storage.upkeep import check

    with opened_engine(arguments.db) as engine:
        found = check(engine)
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for one in found:
            mark = Text("ok", "green") if one.sound else Text("not sound", "bold red")
            table.add_row(one.name, mark, Text(one.what))
        Console(highlight=False).print(table)
    return errors.OK if all(one.sound for one in found) else errors.DATABASE
