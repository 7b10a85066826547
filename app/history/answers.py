"""What ``sightline people`` and ``sightline show`` print: tables for a terminal, JSON for programs.

Times are local, in ISO order. Where a source's start is unknown they begin near 0 and are shown as elapsed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from app.history.pictures import Files, write_pictures
from storage.compared import Compared
from storage.history import FootageRow, History, PersonRow, SightingRow
from storage.segments import Shown

SURE = 0.8  # from here on a probability is shown as good, below DOUBTFUL as bad
DOUBTFUL = 0.5

_UNKNOWN_START_S = 366 * 86400.0  # nobody has footage of 1970: such a time counts from an unknown start


def print_people(
    history: History,
    *,
    as_json: bool,
    camera: str | None = None,
    since: float | None = None,
    until: float | None = None,
    console: Console | None = None,
) -> None:
    """Who was seen, where and when. since, until: seconds since 1970-01-01 UTC."""
    people = history.people(camera=camera, since=since, until=until)
    if as_json:
        print(json.dumps([_person_facts(person) for person in people], indent=2))
        return
    console = console or Console(highlight=False)
    unknown = history.sightings(camera=camera, since=since, until=until, unidentified=True)
    if people:
        console.print(people_table(people))
    elif camera is None and since is None and until is None:
        _say(
            console,
            f"Nobody has been recorded in {history.path} yet; 'sightline run VIDEO' looks for people.",
        )
    else:
        _say(console, "Nobody was recognised there and then; 'sightline people' lists everybody.")
    if unknown:
        _say(console, f"{_count(len(unknown), 'sighting')} could not be given to a person with certainty.")


def people_table(people: Sequence[PersonRow]) -> Table:
    """The table of people, a row each."""
    clock = _Clock([time for person in people for time in (person.first, person.last)])
    named = any(person.name for person in people)
    table = _table(f"{_count(len(people), 'person', 'people')}{clock.caption}")
    table.add_column("id", justify="right", style="bold cyan", no_wrap=True)
    if named:
        table.add_column("name", overflow="fold")
    for heading in ("first seen", "last seen"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("cameras, in order", ratio=1, overflow="fold")
    table.add_column("visits", justify="right", no_wrap=True)
    table.add_column("in view", justify="right", no_wrap=True)
    for person in people:
        table.add_row(
            str(person.id),
            *([Text(person.name or "")] if named else []),
            clock.show(person.first),
            clock.show(person.last),
            Text(", ".join(person.cameras)),
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
    console: Console | None = None,
) -> None:
    """One person's sightings over all cameras: a timeline, a table, and a picture of each.

    pictures: the folder to write pictures into, DATABASE.pictures where None; beside each sighting's picture
    there are the two that were compared when it was decided, where that was noted. Raises UnknownPerson, and
    ExportError where the pictures cannot be written to a folder that was asked for.
    """
    person = history.person(id)
    asked, id = id, person.id  # noqa: A001
    sightings = history.sightings(person=id)
    footage = {row.id: row for row in history.footage()}
    folder = (pictures or history.path.with_name(history.path.name + ".pictures")) / f"person-{id}"
    shown = history.shown([sighting.id for sighting in sightings])
    pairs = history.compared([sighting.id for sighting in sightings])
    files = write_pictures(history, id, pairs, folder, asked=pictures is not None)
    if as_json:
        print(json.dumps(_person_story(person, sightings, footage, files, pairs, shown), indent=2))
        return
    console = console or Console(highlight=False)
    clock = _Clock([time for sighting in sightings for time in (sighting.start, sighting.end)])
    if asked != id:
        _say(console, f"{asked} was merged: it is {id} now.")
    console.print(_headline(person, clock), end="\n\n")
    console.print(_timeline(sightings, clock, width=console.width, utf8=console.encoding.startswith("utf")))
    console.print()
    console.print(_sightings_table(sightings, files, pairs, clock))
    console.print()
    _say_where_shown(console, sightings, shown, clock)
    _say(console, files.problem or f"pictures: {folder}", link=None if files.problem else folder)


def _headline(person: PersonRow, clock: _Clock) -> Text:
    text = Text.assemble((f"Person {person.id}", "bold cyan"), f" {person.name}" if person.name else "")
    text.append(
        f": {_count(person.sightings, 'visit')} to {_count(len(person.cameras), 'camera')}, "
        f"{duration(person.seconds)} in view{clock.caption}"
    )
    return text


def _timeline(sightings: Sequence[SightingRow], clock: _Clock, *, width: int, utf8: bool) -> RenderableType:
    """A row a camera, by first visit, on one axis of time; a visit is at least one cell long."""
    cameras = list(dict.fromkeys(sighting.camera for sighting in sightings))
    label = min(max(len(camera) for camera in cameras), max(8, width // 4))
    cells = max(10, width - label - 2)
    start, end = sightings[0].start, max(sighting.end for sighting in sightings)
    rows = [_axis(clock.show(start), clock.show(end), label, cells)]
    for camera in cameras:
        mine = [sighting for sighting in sightings if sighting.camera == camera]
        name = camera if len(camera) <= label else camera[: label - 1] + ("…" if utf8 else ".")
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
        styles[first:last] = [_style(sighting.probability)] * (last - first)
    bar = Text(no_wrap=True)
    for style in styles:
        bar.append(full if style else none, style or "dim")
    return bar


def _sightings_table(
    sightings: Sequence[SightingRow], files: Files, pairs: Mapping[int, Compared], clock: _Clock
) -> Table:
    table = _table("")
    table.add_column("camera", overflow="fold")
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    table.add_column("because", ratio=1)
    table.add_column("picture", no_wrap=True)
    if pairs:
        table.add_column("held against", no_wrap=True)
    day = None
    for n, sighting in enumerate(sightings):
        if clock.many_days and day != (day := _day(sighting.start)):
            table.add_row(Text(day or "", "dim"))
        table.add_row(
            Text(sighting.camera),
            clock.hour(sighting.start),
            duration(sighting.end - sighting.start),
            Text(f"{sighting.probability:.0%}", _style(sighting.probability)),
            _reason(sighting, first=n == 0),
            _link(files.best.get(sighting.id)),
            *([_against(pairs.get(sighting.id), files.compared.get(sighting.id))] if pairs else []),
        )
    return table


def _against(pair: Compared | None, file: Path | None) -> Text:
    """Which sighting's picture it was compared with; a link to both, side by side."""
    return Text("") if pair is None else _link(file, f"{pair.nearest.sighting}.jpg")


def _reason(sighting: SightingRow, *, first: bool) -> str:
    why = sighting.evidence
    if why is None:
        return ""
    if why.distance is None:
        return f"nobody was known; {_count(why.crops, 'crop')}"
    parts = [f"nearest {why.distance:.2f}, new" if first else f"distance {why.distance:.2f}"]
    if why.gap_s is not None:
        parts.append(f"gap {duration(why.gap_s)}" if why.gap_s >= 0 else "at the same time")
    if why.runner_up is not None and why.runner_up_distance is not None:
        parts.append(f"next {why.runner_up} at {why.runner_up_distance:.2f}")
    return ", ".join([*parts, _count(why.crops, "crop")])


def _say_where_shown(
    console: Console, sightings: Sequence[SightingRow], shown: dict[int, list[Shown]], clock: _Clock
) -> None:
    """The recorded files that show them, and from where on; nothing where there are none."""
    for sighting in sightings:
        for part in shown[sighting.id]:
            where = f"{part.path} from {elapsed(part.offset_s)} on, {duration(part.seconds)}"
            moment = clock.show(sighting.start)
            _say(console, f"{moment} {sighting.camera}: {where}", link=Path(part.path))


def _person_facts(person: PersonRow) -> dict[str, Any]:
    local = {"first_local": local_iso(person.first), "last_local": local_iso(person.last)}
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
                "start_local": local_iso(sighting.start),
                "end_local": local_iso(sighting.end),
                "seconds": sighting.end - sighting.start,
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


class _Clock:
    """Shows the times of one answer: the date once where all share it; elapsed where none is known."""

    def __init__(self, times: Iterable[float]) -> None:
        days = {_local(time).date() for time in times if _is_dated(time)}
        self.many_days = len(days) > 1
        self.caption = f", on {min(days).isoformat()}" if len(days) == 1 else ""

    def show(self, time: float) -> str:
        """In one line: to the second, or with the date to the minute."""
        if self.many_days and _is_dated(time):
            return _local(time).strftime("%Y-%m-%d %H:%M")
        return self.hour(time)

    def hour(self, time: float) -> str:
        """The time of the day, or elapsed."""
        return _local(time).strftime("%H:%M:%S") if _is_dated(time) else elapsed(time)


def _day(time: float) -> str | None:
    return _local(time).date().isoformat() if _is_dated(time) else None


def _is_dated(time: float) -> bool:
    return time >= _UNKNOWN_START_S


def _local(time: float) -> datetime:
    return datetime.fromtimestamp(time).astimezone()


def local_iso(time: float) -> str | None:
    """The time as local ISO 8601 with its offset; None where it counts from an unknown start."""
    return _local(time).isoformat(timespec="milliseconds") if _is_dated(time) else None


def elapsed(seconds: float) -> str:
    """As mm:ss, or h:mm:ss from an hour on."""
    whole = math.floor(abs(seconds))
    hours, rest = divmod(whole, 3600)
    sign = "-" if seconds < 0 and whole else ""
    return (
        f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
        if hours
        else f"{sign}{rest // 60:02d}:{rest % 60:02d}"
    )


def duration(seconds: float) -> str:
    """A length of time in the one or two units that matter."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _style(probability: float) -> str:
    if probability >= SURE:
        return "green"
    return "yellow" if probability >= DOUBTFUL else "red"


def _table(title: str) -> Table:
    return Table(
        title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False, expand=True
    )


def _link(file: Path | None, word: str | None = None) -> Text:
    """word: what is written, else the file's name."""
    if file is None:
        return Text(word or "")
    return Text(word or file.name, Style(link=file.absolute().as_uri()))


def _say(console: Console, sentence: str, *, link: Path | None = None) -> None:
    """A sentence that may hold a path: never broken, coloured or read as markup."""
    style = Style(link=link.absolute().as_uri()) if link else Style()
    console.print(Text(sentence, style), soft_wrap=True)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
