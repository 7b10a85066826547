"""Everybody of a run as a row of pictures and a timeline, camera by camera: what the page shows of people."""

from __future__ import annotations

import base64
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from app.history.telling import duration
from app.history.why import percent as as_percent
from app.history.why import why_briefly
from app.moments import is_dated
from app.output.drawing import Colour, colour_of, text_on
from app.times import ahead_s, day_of, hour, moment, span, zone
from storage.batches import in_batches

if TYPE_CHECKING:
    from storage.history import FootageRow, History, PortraitRow, SightingRow

MOST_PICTURES = 4
"""Pictures of a person a camera, one a sighting; those beyond are counted."""

MOST_STOPS = 9
"""Cameras named in a person's journey; of a longer one the first and the last."""


_TICKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 28_800, 86_400)


@dataclass(frozen=True, slots=True)
class Clock:
    """Times of a run as people read them. begin, end: epoch seconds."""

    begin: float
    end: float

    @staticmethod
    def of(footage: Sequence[FootageRow]) -> Clock:
        begin = min((row.start for row in footage), default=0.0)
        return Clock(begin, max((row.end for row in footage), default=begin))

    @property
    def heading(self) -> str:
        """From when to when, and in which zone that is told."""
        if not is_dated(self.begin):
            return "start time unknown, times are from the first one on"
        return f"{span(self.begin, self.end)}, {zone(self.begin)}"

    @property
    def length(self) -> str:
        return duration(self.end - self.begin)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """At most six round moments on a timeline: where they lie, in percent, and what to write there."""
        lasts = self.end - self.begin
        step = next((step for step in _TICKS_S if lasts / step < 6), _TICKS_S[-1])
        ahead = ahead_s(self.begin)
        first = math.ceil((self.begin + ahead) / step) * step - ahead if is_dated(self.begin) else self.begin
        moments = [first + k * step for k in range(6) if first + k * step <= self.end]
        return [(round(self.percent(moment), 3), self._tick(moment, step)) for moment in moments]

    def _tick(self, time: float, step: int) -> str:
        told = self.at(time)
        return told[: -len(":00")] if step >= 60 and is_dated(time) else told

    def at(self, time: float) -> str:
        """Local date and time, the time alone where all is of one day; from the beginning where that is all
        that is known: 1:05, or 2:01:05 with hours.
        """
        if is_dated(self.begin):
            return hour(time) if day_of(self.begin) == day_of(self.end) else moment(time)
        seconds = max(0, int(time - self.begin))
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"

    def percent(self, time: float) -> float:
        return 100.0 * (time - self.begin) / max(self.end - self.begin, 1e-9)


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail: a data URI, the time under it, what it says when pointed at."""

    source: str
    time: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One sighting on a timeline: where it begins and how long it is, in percent of the run."""

    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One person on one camera: pictures by time, how many sightings are not pictured, all as bars."""

    camera: str
    pictures: list[Picture]
    more: int
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class PersonCard:
    """One row of the contact sheet. identity: None for everybody undecided, together.

    colour, ink: CSS colours of the identity and of letters on it. journey: the cameras in order of sightings.
    """

    identity: int | None
    name: str | None
    colour: str
    ink: str
    lanes: list[Lane]
    journey: list[str]
    sightings: int
    first: str
    last: str
    seen: str
    probability: str

    @property
    def travelled(self) -> bool:
        return sum(bool(lane.bars) for lane in self.lanes) > 1


def data_uri(jpeg: bytes) -> str:
    """The picture as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def person_cards(
    history: History, cameras: Sequence[str], sightings: Sequence[SightingRow], clock: Clock
) -> list[PersonCard]:
    """By first seen; those of whom it is not decided who they are come last, as one."""
    names = {person.id: person.name for person in history.people()}
    by_person: dict[int | None, list[SightingRow]] = defaultdict(list)
    for sighting in sightings:
        by_person[sighting.person].append(sighting)
    order = sorted(by_person, key=lambda person: person is None)
    cards = []
    for person in order:
        name = None if person is None else names.get(person)
        pictures = _best_pictures(history, [row.id for row in by_person[person]])
        cards.append(_card(person, name, by_person[person], cameras, pictures, clock))
    return cards


def _best_pictures(history: History, sightings: Sequence[int]) -> dict[int, PortraitRow]:
    """Sightings -> the best portrait of each."""
    found = [history.portraits(sightings=some, each=1) for some in in_batches(sightings)]
    return {portrait.sighting: portrait for portraits in found for portrait in portraits}


def _card(
    identity: int | None,
    name: str | None,
    rows: Sequence[SightingRow],
    cameras: Sequence[str],
    pictures: Mapping[int, PortraitRow],
    clock: Clock,
) -> PersonCard:
    colour = colour_of(identity)
    return PersonCard(
        identity=identity,
        name=name,
        colour=css(colour),
        ink=css(text_on(colour)),
        lanes=[_lane(camera, [v for v in rows if v.camera == camera], pictures, clock) for camera in cameras],
        journey=[] if identity is None else _journey(rows),
        sightings=len(rows),
        first=clock.at(min(row.start for row in rows)),
        last=clock.at(max(row.end for row in rows)),
        seen=duration(sum(row.end - row.start for row in rows)),
        probability=_probability(rows),
    )


def _lane(
    camera: str, rows: Sequence[SightingRow], pictures: Mapping[int, PortraitRow], clock: Clock
) -> Lane:
    pictured = [row for row in rows if row.id in pictures]
    best = sorted(pictured, key=lambda row: -pictures[row.id].quality)[:MOST_PICTURES]
    thumbnails = [
        Picture(data_uri(pictures[row.id].jpeg), clock.at(pictures[row.id].time), _title(row, clock))
        for row in sorted(best, key=lambda row: row.start)
    ]
    return Lane(camera, thumbnails, len(rows) - len(best), [_bar(row, clock) for row in rows])


def _bar(row: SightingRow, clock: Clock) -> Bar:
    left = clock.percent(row.start)
    return Bar(round(left, 3), round(clock.percent(row.end) - left, 3), _title(row, clock))


def _title(row: SightingRow, clock: Clock) -> str:
    because = why_briefly(row) or f"match {as_percent(row.probability)}"
    times = f"{clock.at(row.start)} to {clock.at(row.end)}"
    return f"{row.camera}, {times} ({duration(row.end - row.start)}): {because}"


def _journey(rows: Sequence[SightingRow]) -> list[str]:
    """The cameras in order of sightings, each once where sightings on it follow one another."""
    stops = [camera for camera, _ in groupby(row.camera for row in rows)]
    if len(stops) <= MOST_STOPS:
        return stops
    return [*stops[: MOST_STOPS // 2], "…", *stops[-(MOST_STOPS // 2) :]]


def _probability(rows: Sequence[SightingRow]) -> str:
    """From the least to the most certain one."""
    if rows[0].person is None:
        return "none"
    ends = [as_percent(pick(row.probability for row in rows)) for pick in (min, max)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def css(colour: Colour) -> str:
    """As stylesheets write it."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"
