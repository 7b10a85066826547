"""Everybody of a run as a row of pictures and a timeline, camera by camera: what the page shows of people."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from app.history.telling import duration
from app.moments import is_dated
from app.output.drawing import Colour, colour_of, text_on

if TYPE_CHECKING:
    from storage.history import FootageRow, History, PortraitRow, SightingRow

MOST_PICTURES = 4
"""Pictures of a person a camera, one a visit; visits beyond are counted."""

MOST_STOPS = 9
"""Cameras named in a person's journey; of a longer one the first and the last."""


_TICKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)


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
        if not is_dated(self.begin):
            return "start time unknown"
        return f"{datetime.fromtimestamp(self.begin).astimezone():%A, %d %B %Y, %H:%M:%S %Z}"

    @property
    def length(self) -> str:
        return duration(self.end - self.begin)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """At most six round moments on a timeline: where they lie, in percent, and what to write there."""
        span = self.end - self.begin
        step = next((step for step in _TICKS_S if span / step < 6), _TICKS_S[-1])
        moments = [self.begin + k * step for k in range(min(5, int(span / step)) + 1)]
        return [(round(self.percent(moment), 3), self.at(moment)) for moment in moments]

    def at(self, time: float) -> str:
        """Time from the beginning: 1:05, or 2:01:05 with hours."""
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
    """One visit on a timeline: where it begins and how long it is, in percent of the run."""

    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One person on one camera: pictures by time, how many visits are not pictured, all visits as bars."""

    camera: str
    pictures: list[Picture]
    more: int
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class PersonCard:
    """One row of the contact sheet. identity: None for everybody undecided, together.

    colour, ink: CSS colours of the identity and of letters on it. journey: the cameras in order of visits.
    """

    identity: int | None
    name: str | None
    colour: str
    ink: str
    lanes: list[Lane]
    journey: list[str]
    visits: int
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
    visits: dict[int | None, list[SightingRow]] = defaultdict(list)
    for sighting in sightings:
        visits[sighting.person].append(sighting)
    order = sorted(visits, key=lambda person: person is None)
    cards = []
    for person in order:
        name = None if person is None else names.get(person)
        pictures = _best_pictures(history, person, visits[person])
        cards.append(_card(person, name, visits[person], cameras, pictures, clock))
    return cards


def _best_pictures(
    history: History, person: int | None, visits: Sequence[SightingRow]
) -> dict[int, PortraitRow]:
    """Visits (by id) -> the best portrait of each."""
    if person is not None:
        portraits = history.portraits(person=person, each=1)
    else:
        portraits = [best for visit in visits for best in history.portraits(sighting=visit.id, most=1)]
    return {portrait.sighting: portrait for portrait in portraits}


def _card(
    identity: int | None,
    name: str | None,
    visits: Sequence[SightingRow],
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
        lanes=[
            _lane(camera, [v for v in visits if v.camera == camera], pictures, clock) for camera in cameras
        ],
        journey=[] if identity is None else _journey(visits),
        visits=len(visits),
        first=clock.at(min(visit.start for visit in visits)),
        last=clock.at(max(visit.end for visit in visits)),
        seen=duration(sum(visit.end - visit.start for visit in visits)),
        probability=_probability(visits),
    )


def _lane(
    camera: str, visits: Sequence[SightingRow], pictures: Mapping[int, PortraitRow], clock: Clock
) -> Lane:
    pictured = [visit for visit in visits if visit.id in pictures]
    best = sorted(pictured, key=lambda visit: -pictures[visit.id].quality)[:MOST_PICTURES]
    thumbnails = [
        Picture(data_uri(pictures[visit.id].jpeg), clock.at(pictures[visit.id].time), _title(visit, clock))
        for visit in sorted(best, key=lambda visit: visit.start)
    ]
    return Lane(camera, thumbnails, len(visits) - len(best), [_bar(visit, clock) for visit in visits])


def _bar(visit: SightingRow, clock: Clock) -> Bar:
    left = clock.percent(visit.start)
    return Bar(round(left, 3), round(clock.percent(visit.end) - left, 3), _title(visit, clock))


def _title(visit: SightingRow, clock: Clock) -> str:
    sure = "undecided" if visit.person is None else f"probability {visit.probability:.2f}"
    times = f"{clock.at(visit.start)} to {clock.at(visit.end)}"
    return f"{visit.camera}, {times} ({duration(visit.end - visit.start)}), {sure}"


def _journey(visits: Sequence[SightingRow]) -> list[str]:
    """The cameras in order of visits, each once where visits to it follow one another."""
    stops = [camera for camera, _ in groupby(visit.camera for visit in visits)]
    if len(stops) <= MOST_STOPS:
        return stops
    return [*stops[: MOST_STOPS // 2], "…", *stops[-(MOST_STOPS // 2) :]]


def _probability(visits: Sequence[SightingRow]) -> str:
    """From the least to the most certain visit."""
    if visits[0].person is None:
        return "none"
    least, most = (pick(visit.probability for visit in visits) for pick in (min, max))
    ends = [f"{least:.2f}", f"{most:.2f}"]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def css(colour: Colour) -> str:
    """As stylesheets write it."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"
