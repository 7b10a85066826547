"""What ``sightline people`` and ``sightline show`` print: tables for a terminal, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.history.pictures import Files, write_pictures
from app.history.said import There
from app.history.telling import (
    COUNTED,
    at_least,
    count_of,
    duration,
    linked,
    plain,
    plain_table,
    say,
    style_of,
)
from app.history.why import is_new, percent, why
from app.times import AnswerClock, day_of, elapsed, hour, iso
from storage.compared import Compared
from storage.history import FootageRow, History, PersonRow, SightingRow
from storage.people import Among
from storage.segments import Shown

_AMONG: dict[Among, str] = {"named": "with a name", "unsure": "with an unsure sighting"}

MOST_PEOPLE, MOST_SIGHTINGS = 100, 200
"""What is told where nobody says how many; as many as a screen or two."""

ANYWHERE: There = {"camera": None, "since": None, "until": None}

_NARROW, _WIDE, _DAY = 14, 110, "2026-11-22"
"""Letters: what is left of a name in a narrow terminal, and from where on one is wide."""


def print_people(
    history: History,
    there: There = ANYWHERE,
    *,
    as_json: bool,
    among: Among | None = None,
    most: int | None = MOST_PEOPLE,
    console: Console | None = None,
) -> None:
    """Who was seen there and then. among: only who has a name, or a sighting that is unsure. most: of more,
    those who were seen last.
    """
    people = history.people(**there, among=among, most=most)
    left = 0
    if len(people) == most:
        left = -most + history.number_of_people(**there, among=among, most=most + COUNTED + 1)
    more = (
        f"{at_least(left)} more were not seen as lately; --limit tells more, --until who was seen before a "
        "time."
    )
    if as_json:
        print(json.dumps([_person_facts(person) for person in people], indent=2))
        if left:
            print(more, file=sys.stderr)
        return
    console = console or Console(highlight=False)
    if people:
        console.print(people_table(people, width=console.width))
    else:
        say(console, _nobody(history, there, among))
    if left:
        say(console, more)
    unknown = history.number_of_sightings(**there, unidentified=True, most=COUNTED + 1)
    if unknown and among is None:
        told = "1 sighting" if unknown == 1 else f"{at_least(unknown)} sightings"
        say(console, f"{told} could be given to nobody (--unidentified).")


def _nobody(history: History, there: There, among: Among | None) -> str:
    """Why the list of people is empty."""
    if among is not None:
        return f"Nobody {_AMONG[among]} was seen there and then; 'sightline people' lists everybody."
    if not history.cameras():
        return f"Nothing has been recorded in {history.path} yet; 'sightline run VIDEO' looks for people."
    if there == ANYWHERE or not history.number_of_people(most=1):
        return f"Nobody was recognised in {history.path}."
    return "Nobody was recognised there and then; 'sightline people' lists everybody."


def print_unidentified(
    history: History,
    there: There = ANYWHERE,
    *,
    as_json: bool,
    most: int | None = MOST_SIGHTINGS,
    console: Console | None = None,
) -> None:
    """The sightings there and then that could not be given to anybody. most: of more, the last."""
    rows = history.sightings(**there, unidentified=True, most=most)
    if as_json:
        print(json.dumps([_unidentified_facts(row) for row in rows], indent=2))
        return
    console = console or Console(highlight=False)
    if not rows:
        say(console, "Every sighting there and then was given to somebody.")
        return
    clock = AnswerClock([time for row in rows for time in (row.start, row.end)])
    table = plain_table(f"{count_of(len(rows), 'sighting')} of nobody{clock.caption}")
    for heading in ("sighting", "from", "for"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("camera", ratio=1, overflow="fold")
    for row in rows:
        lasted = duration(row.end - row.start)
        table.add_row(str(row.id), clock.show(row.start), lasted, Text(plain(row.camera)))
    console.print(table)
    if len(rows) == most:
        say(console, f"These are the last {most}; --limit tells more, --until those before a time.")
    say(console, "'sightline move SIGHTING PERSON' says who it is, or 'new'.")


def _unidentified_facts(row: SightingRow) -> dict[str, Any]:
    local = {"start_local": iso(row.start), "end_local": iso(row.end)}
    return {key: value for key, value in asdict(row).items() if key not in ("person", "footage")} | local


def people_table(people: Sequence[PersonRow], *, width: int) -> Table:
    """The table of people, a row each. width: of the terminal, in letters."""
    clock = AnswerClock([time for person in people for time in (person.first, person.last)])
    named = any(person.name for person in people)
    table = plain_table(f"{count_of(len(people), 'person', 'people')}{clock.caption}")
    table.add_column("id", justify="right", style="bold cyan", no_wrap=True)
    if named:
        table.add_column("name", max_width=max(_NARROW, width // 5), overflow="fold")
    above = named and clock.many_days and width < _WIDE  # the date above the time
    for heading in ("first seen", "last seen"):
        table.add_column(heading, justify="right", no_wrap=not above, width=len(_DAY) if above else None)
    table.add_column("cameras, in order", ratio=1, min_width=_NARROW, overflow="fold")
    table.add_column("sightings", justify="right", no_wrap=True)
    table.add_column("in view", justify="right", no_wrap=True)
    for person in people:
        table.add_row(
            str(person.id),
            *([Text(plain(person.name or ""))] if named else []),
            clock.show(person.first),
            clock.show(person.last),
            Text(plain(", ".join(person.cameras))),
            str(person.sightings),
            duration(person.seconds),
        )
    return table


def print_person(
    history: History,
    id: int,  # noqa: A002
    *,
    as_json: bool,
    pictures: Path | None = None,
    there: There = ANYWHERE,
    most: int | None = MOST_SIGHTINGS,
    console: Console | None = None,
) -> None:
    """One person's sightings over all cameras: a timeline, a table, and a picture of each.

    there: only sightings there and then. most: of more, the last. pictures: the folder to
    write pictures into, none where None; beside each sighting's picture there are the two that were compared
    when it was decided, where that was noted. Raises UnknownPerson, and ExportError where the pictures cannot
    be written.
    """
    person = history.person(id)
    asked, id = id, person.id  # noqa: A001
    sightings = history.sightings(person=id, **there, most=most)
    numbers = [sighting.id for sighting in sightings]
    footage = {row.id: row for row in history.footage(ids={sighting.footage for sighting in sightings})}
    shown, pairs = history.shown(numbers), history.compared(numbers)
    folder = None if pictures is None else pictures / f"person-{id}"
    files = Files() if folder is None else write_pictures(history, numbers, pairs, folder)
    if as_json:
        print(json.dumps(_person_story(person, sightings, footage, files, pairs, shown), indent=2))
        return
    console = console or Console(highlight=False)
    clock = AnswerClock([time for sighting in sightings for time in (sighting.start, sighting.end)])
    if asked != id:
        say(console, f"{asked} was merged: it is {id} now.")
    console.print(_headline(person, clock), end="\n\n")
    if not sightings:
        say(console, f"No sighting of {id} was there and then; 'sightline show {id}' tells all of them.")
        return
    console.print(_timeline(sightings, clock, width=console.width, utf8=console.encoding.startswith("utf")))
    console.print()
    console.print(_sightings_table(sightings, files, pairs, clock, first=person.first, width=console.width))
    console.print()
    _say_where_shown(console, sightings, shown, clock)
    if len(sightings) == most and person.sightings > most:
        say(console, f"These are the last {most}; --limit tells more, --until those before a time.")
    if folder is not None:
        say(console, f"pictures: {folder}", link=folder)


def _headline(person: PersonRow, clock: AnswerClock) -> Text:
    text = Text.assemble(
        (f"Person {person.id}", "bold cyan"), f" {plain(person.name)}" if person.name else ""
    )
    text.append(
        f": {count_of(person.sightings, 'sighting')} on {count_of(len(person.cameras), 'camera')}, "
        f"{duration(person.seconds)} in view{clock.caption}"
    )
    return text


def _timeline(
    sightings: Sequence[SightingRow], clock: AnswerClock, *, width: int, utf8: bool
) -> RenderableType:
    """A row a camera, by first visit, on one axis of time; a visit is at least one cell long."""
    cameras = list(dict.fromkeys(sighting.camera for sighting in sightings))
    label = min(max(len(plain(camera)) for camera in cameras), max(8, width // 4))
    cells = max(10, width - label - 2)
    start, end = sightings[0].start, max(sighting.end for sighting in sightings)
    rows = [_axis(clock.show(start), clock.show(end), label, cells)]
    for camera in cameras:
        mine = [sighting for sighting in sightings if sighting.camera == camera]
        shown = plain(camera)
        name = shown if len(shown) <= label else shown[: label - 1] + ("…" if utf8 else ".")
        rows.append(Text(f"{name:<{label}}  ", no_wrap=True) + _bar(mine, start, end, cells, utf8=utf8))
    return Group(*rows)


def _axis(first: str, last: str, label: int, cells: int) -> Text:
    gap = max(1, cells - len(first) - len(last))
    return Text(" " * (label + 2) + first + " " * gap + last, style="dim", no_wrap=True)


def _bar(sightings: Iterable[SightingRow], start: float, end: float, cells: int, *, utf8: bool) -> Text:
    full, none = ("█", "·") if utf8 else ("#", ".")
    styles: list[str | None] = [None] * cells
    scale = cells / max(end - start, 1e-9)
    for sighting in sightings:
        first = min(int((sighting.start - start) * scale), cells - 1)
        last = min(max(math.ceil((sighting.end - start) * scale), first + 1), cells)
        styles[first:last] = [style_of(sighting.probability)] * (last - first)
    bar = Text(no_wrap=True)
    for style in styles:
        bar.append(full if style else none, style or "dim")
    return bar


def _sightings_table(
    sightings: Sequence[SightingRow],
    files: Files,
    pairs: Mapping[int, Compared],
    clock: AnswerClock,
    *,
    first: float,
    width: int,
) -> Table:
    table = plain_table("")
    table.add_column("sighting", justify="right", no_wrap=True)
    table.add_column("camera", max_width=max(_NARROW, width // 5), overflow="fold")
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column("match", justify="right", no_wrap=True)
    table.add_column("because", ratio=1)
    if files.best:
        table.add_column("picture", no_wrap=True)
    if pairs:
        table.add_column("compared with" if width >= _WIDE else "compared\nwith", no_wrap=True)
    day = None
    for sighting in sightings:
        if clock.many_days and day != (day := day_of(sighting.start)):
            table.add_row("", Text(day or "", "dim"))
        table.add_row(
            str(sighting.id),
            Text(plain(sighting.camera)),
            hour(sighting.start),
            duration(sighting.end - sighting.start),
            _match(sighting, first=first),
            "; ".join(why(sighting, first=first)),
            *([linked(files.best.get(sighting.id))] if files.best else []),
            *([_against(pairs.get(sighting.id), files.compared.get(sighting.id))] if pairs else []),
        )
    return table


def _match(sighting: SightingRow, *, first: float) -> Text:
    """How likely it is the person's; of somebody new there was nobody to match."""
    if is_new(sighting, first=first):
        return Text("new")
    return Text(percent(sighting.probability), style_of(sighting.probability))


def _against(pair: Compared | None, file: Path | None) -> Text:
    """With which sighting's picture its own was compared; a link to both, side by side."""
    if pair is None:
        return Text("")
    return linked(file, f"{pair.nearest.sighting}.jpg" if file is not None else str(pair.nearest.sighting))


def _say_where_shown(
    console: Console, sightings: Sequence[SightingRow], shown: dict[int, list[Shown]], clock: AnswerClock
) -> None:
    """The recorded files that show them, and from where on; nothing where there are none."""
    for sighting in sightings:
        for part in shown[sighting.id]:
            where = f"{part.path} from {elapsed(part.offset_s)} on, {duration(part.seconds)}"
            moment = clock.show(sighting.start)
            say(console, f"{moment} {sighting.camera}: {where}", link=Path(part.path))


def _person_facts(person: PersonRow) -> dict[str, Any]:
    local = {"first_local": iso(person.first), "last_local": iso(person.last)}
    return asdict(person) | local


def _person_story(
    person: PersonRow,
    sightings: Sequence[SightingRow],
    footage: dict[int, FootageRow],
    files: Files,
    pairs: Mapping[int, Compared],
    shown: dict[int, list[Shown]],
) -> dict[str, Any]:
    visits = []
    for sighting in sightings:
        source = footage[sighting.footage]
        picture = files.best.get(sighting.id)
        visits.append(
            {key: value for key, value in asdict(sighting).items() if key not in ("person", "footage")}
            | {
                "start_local": iso(sighting.start),
                "end_local": iso(sighting.end),
                "seconds": sighting.end - sighting.start,
                "because": why(sighting, first=person.first),
                "source": source.uri,
                "offset_s": sighting.start - source.start,
                "picture": None if picture is None else str(picture),
                "compared": _compared_facts(pairs.get(sighting.id), files.compared.get(sighting.id)),
                "recorded": [asdict(part) for part in shown[sighting.id]],
            }
        )
    return _person_facts(person) | {"sightings": visits}


def _compared_facts(pair: Compared | None, file: Path | None) -> dict[str, Any] | None:
    """The picture that a sighting's own was compared with, and the file that holds both."""
    if pair is None:
        return None
    near = pair.nearest
    return {
        "own_time": pair.own.time,
        "sighting": near.sighting,
        "person": near.person,
        "camera": near.camera,
        "time": near.time,
        "picture": None if file is None else str(file),
    }
