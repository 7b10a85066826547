"""One person as a page: every visit, and the two pictures by which it was decided that it is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.history.telling import duration
from app.output.chip import Chip
from app.output.contact_sheet import Clock, data_uri
from app.output.face import Face
from app.output.html_page import write_html
from storage.compared import Compared
from storage.history import History, PortraitRow, SightingRow

MOST_VISITS = 300
"""Visits shown, the latest; those before are counted. With pictures they are some 10 MB."""


@dataclass(frozen=True, slots=True)
class VisitCard:
    """One visit. faces: its picture, the one it was held against, who was next. reason: in words."""

    sighting: int
    heading: str
    probability: str
    reason: str
    faces: list[Face]


def write_person_page(history: History, person: int, out: Path) -> Path:
    """Write the page as the HTML file ``out``; its path.

    Raises UnknownPerson, and OutputError where it cannot be written.
    """
    who = history.person(person)
    shown = history.sightings(person=who.id, most=MOST_VISITS)
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
        "visits": [
            _card(sighting, best.get(sighting.id), pairs.get(sighting.id), others, clock)
            for sighting in shown
        ],
        "more": who.sightings - len(shown),
    }
    return write_html("person_page.html", contents, out)


def _best_of_others(history: History, sightings: Sequence[SightingRow]) -> dict[int, PortraitRow]:
    """The best picture of each who was next, by who that was then."""
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
) -> VisitCard:
    own = pair.own.jpeg if pair is not None else None if best is None else best.jpeg
    lines = [f"sighting {sighting.id}", f"{sighting.camera}, {clock.at(sighting.start)}"]
    faces = [Face("this visit", None, None if own is None else data_uri(own), lines)]
    if pair is not None:
        faces.append(_held_against(sighting, pair, clock))
    why = sighting.evidence
    if why is not None and why.runner_up is not None and why.runner_up_distance is not None:
        next_best = others.get(why.runner_up)
        source = None if next_best is None else data_uri(next_best.jpeg)
        distance = f"distance {why.runner_up_distance:.2f}"
        faces.append(Face("next best", Chip.of(why.runner_up), source, [distance]))
    return VisitCard(
        sighting=sighting.id,
        heading=f"{clock.at(sighting.start)} to {clock.at(sighting.end)}",
        probability=f"{sighting.probability:.2f}",
        reason=_reason(sighting),
        faces=faces,
    )


def _held_against(sighting: SightingRow, pair: Compared, clock: Clock) -> Face:
    near, why = pair.nearest, sighting.evidence
    lines = [f"sighting {near.sighting}", f"{near.camera}, {clock.at(near.time)}"]
    if why is not None and why.distance is not None:
        lines.append(f"distance {why.distance:.2f}")
    if why is not None and why.gap_s is not None:
        lines.append(f"{duration(why.gap_s)} before" if why.gap_s >= 0 else "at the same time")
    return Face("held against", Chip.of(near.person), data_uri(near.jpeg), lines)


def _reason(sighting: SightingRow) -> str:
    why = sighting.evidence
    if why is None:
        return ""
    if why.distance is None:
        return "nobody was known yet"
    crops = f"{why.crops} picture{'' if why.crops == 1 else 's'} compared"
    return f"distance {why.distance:.2f}, {crops}"
