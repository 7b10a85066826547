"""One person as a page: every sighting, and by what it was decided that it is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.history.telling import duration
from app.history.why import is_new, percent, why
from app.output.chip import Chip
from app.output.contact_sheet import Clock, data_uri
from app.output.face import Face
from app.output.html_page import write_html
from storage.compared import Compared
from storage.history import History, PortraitRow, SightingRow

MOST_SIGHTINGS = 300
"""Sightings shown, the latest; those before are counted. With pictures they are some 10 MB."""


@dataclass(frozen=True, slots=True)
class SightingCard:
    """One sighting. faces: its picture, the one it was compared with, who was second best or closest.

    match: how likely, or that somebody new was made of it; role: what that is. because: sentences.
    """

    sighting: int
    heading: str
    match: str
    role: str
    because: list[str]
    faces: list[Face]


def write_person_page(history: History, person: int, out: Path) -> Path:
    """Write the page as the HTML file ``out``; its path.

    Raises UnknownPerson, and OutputError where it cannot be written.
    """
    who = history.person(person)
    shown = history.sightings(person=who.id, most=MOST_SIGHTINGS)
    numbers = [sighting.id for sighting in shown]
    clock = Clock(who.first, who.last)
    best = {row.sighting: row for row in history.portraits(sightings=numbers, each=1)}
    pairs = history.compared(numbers)
    others = _best_of_others(history, shown)
    contents = {
        "person": who,
        "chip": Chip.of(who.id),
        "clock": clock,
        "in_view": duration(who.seconds),
        "sightings": [
            _card(sighting, best.get(sighting.id), pairs.get(sighting.id), others, clock, first=who.first)
            for sighting in shown
        ],
        "more": who.sightings - len(shown),
    }
    return write_html("person_page.html", contents, out)


def _best_of_others(history: History, sightings: Sequence[SightingRow]) -> dict[int, PortraitRow]:
    """The best picture of each who was second best, or closest."""
    found: dict[int, PortraitRow] = {}
    for sighting in sightings:
        other = None if sighting.evidence is None else sighting.evidence.runner_up
        if other is not None and other not in found:
            found.update((other, row) for row in history.best_portraits(other, most=1))
    return found


def _card(
    sighting: SightingRow,
    best: PortraitRow | None,
    pair: Compared | None,
    others: dict[int, PortraitRow],
    clock: Clock,
    *,
    first: float,
) -> SightingCard:
    own = pair.own.jpeg if pair is not None else None if best is None else best.jpeg
    lines = [f"sighting {sighting.id}", f"{sighting.camera}, {clock.at(sighting.start)}"]
    faces = [Face("this sighting", None, None if own is None else data_uri(own), lines)]
    new = is_new(sighting, first=first)
    evidence = sighting.evidence
    if pair is not None and not new:
        faces.append(_compared_with(pair, clock))
    if sighting.placed is None and evidence is not None and evidence.runner_up is not None:
        faces.append(_other("closest known" if new else "second best", evidence.runner_up, others))
    return SightingCard(
        sighting=sighting.id,
        heading=f"{clock.at(sighting.start)} to {clock.at(sighting.end)}",
        match="new" if new else percent(sighting.probability),
        role="nobody known was it" if new else "match",
        because=why(sighting, first=first),
        faces=faces,
    )


def _compared_with(pair: Compared, clock: Clock) -> Face:
    near = pair.nearest
    lines = [f"sighting {near.sighting}", f"{near.camera}, {clock.at(near.time)}"]
    return Face("compared with", Chip.of(near.person), data_uri(near.jpeg), lines)


def _other(role: str, who: int, others: dict[int, PortraitRow]) -> Face:
    best = others.get(who)
    return Face(role, Chip.of(who), None if best is None else data_uri(best.jpeg), [])
