"""The page of errors: for each true person what was merged wrongly and what was split, with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.history.last_run import last_sightings
from app.output.chip import Chip
from app.output.contact_sheet import Clock, Picture, data_uri
from app.output.html_page import write_html
from app.scoring.identity_errors import Handover, IdentityErrors, Visit
from app.scoring.table import number, percent

if TYPE_CHECKING:
    from app.scoring.score import Scores
    from storage.history import History, PortraitRow, SightingRow

MOST_PICTURES = 6
"""Pictures of one person under one id, one a visit; visits beyond are counted."""

MOST_HANDOVERS = 200
"""Lost hand-overs listed; those beyond are counted."""

NEAR_S = 1.0
"""A picture taken this long before or after a visit may still show it: a track is there before its match."""


@dataclass(frozen=True, slots=True)
class Group:
    """The visits of one id that belong to one person. where: the cameras with their counts."""

    chip: Chip
    person: int
    visits: int
    where: str
    pictures: list[Picture]
    more: int


@dataclass(frozen=True, slots=True)
class ErrorCard:
    """One true person: the ids they were found as, and who else has those ids."""

    person: int
    visits: int
    found: int
    groups: list[Group]
    others: list[Group]

    @property
    def split(self) -> bool:
        return len(self.groups) > 1


class Album:
    """The best picture of each visit of an id, out of the last run of a history; without one, none."""

    def __init__(self, history: History | None) -> None:
        self._history = history
        self._sightings: Sequence[SightingRow] = [] if history is None else last_sightings(history)
        self._portraits: dict[int, list[PortraitRow]] = {}

    def picture(self, visit: Visit) -> PortraitRow | None:
        """Taken of this id on this camera at that time."""
        times = visit.start - NEAR_S, visit.end + NEAR_S
        here = [row for row in self._sightings if (row.person, row.camera) == (visit.who, visit.camera)]
        seen = {row.id for row in here if row.start <= times[1] and row.end >= times[0]}
        fitting = [
            portrait
            for portrait in self._of(visit.who)
            if portrait.sighting in seen and times[0] <= portrait.time <= times[1]
        ]
        return max(fitting, key=lambda portrait: portrait.quality, default=None)

    def _of(self, identity: int) -> list[PortraitRow]:
        if self._history is None:
            return []
        if identity not in self._portraits:
            self._portraits[identity] = self._history.portraits(person=identity)
        return self._portraits[identity]


def write_score_page(scores: Scores, out: Path, *, history: History | None = None) -> Path:
    """Write the page as the HTML file ``out``; its path. history: where the pictures are, if anywhere.

    Raises OutputError where it cannot be written.
    """
    errors = scores.overall.identities
    visits = (*errors.true, *errors.found)
    begin = min((visit.start for visit in visits), default=0.0)
    clock = Clock(begin, max((visit.end for visit in visits), default=begin))
    album = Album(history)
    cards = [error_card(person, errors, album, clock) for person in _wronged(errors)]
    lost = [pair for pair in errors.handovers if not pair.kept]
    contents = {
        "tiles": _tiles(scores),
        "scores": [*scores.cameras.items(), ("all cameras", scores.overall)],
        "cards": cards,
        "right": [(person, Chip.of(ids[0])) for person, ids in _right(errors)],
        "unfound": sorted({visit.who for visit in errors.true} - set(errors.ids_of)),
        "nobody": _nobodys(errors, clock),
        "lost": [(pair, *_ends(pair, clock)) for pair in lost[:MOST_HANDOVERS]],
        "more_lost": max(0, len(lost) - MOST_HANDOVERS),
        "pictured": history is not None,
    }
    return write_html("score_page.html", contents, out)


def error_card(person: int, errors: IdentityErrors, album: Album, clock: Clock) -> ErrorCard:
    """A person with all their ids, and with everybody who shares one of them."""
    ids = errors.ids_of[person]
    mine = [visit for visit in errors.true if visit.who == person]
    others = [(identity, other) for identity in ids for other in errors.people_of[identity]]
    return ErrorCard(
        person=person,
        visits=len(mine),
        found=sum(visit.partner is not None for visit in mine),
        groups=[_group(identity, person, errors, album, clock) for identity in ids],
        others=[_group(i, other, errors, album, clock) for i, other in others if other != person],
    )


def _group(identity: int, person: int, errors: IdentityErrors, album: Album, clock: Clock) -> Group:
    visits = [visit for visit in errors.found if (visit.who, visit.partner) == (identity, person)]
    cameras = dict.fromkeys(visit.camera for visit in visits)
    counts = {camera: sum(visit.camera == camera for visit in visits) for camera in cameras}
    pictures = [
        Picture(data_uri(portrait.jpeg), clock.at(portrait.time), f"{visit.camera}, {_span(visit, clock)}")
        for visit, portrait in _pictured(visits, album)
    ]
    where = ", ".join(f"{camera} ({count})" for camera, count in counts.items())
    return Group(Chip.of(identity), person, len(visits), where, pictures, len(visits) - len(pictures))


def _pictured(visits: Sequence[Visit], album: Album) -> list[tuple[Visit, PortraitRow]]:
    """The visits with the best pictures, by time."""
    found = ((visit, album.picture(visit)) for visit in visits)
    pairs = [(visit, portrait) for visit, portrait in found if portrait is not None]
    best = sorted(pairs, key=lambda pair: -pair[1].quality)[:MOST_PICTURES]
    return sorted(best, key=lambda pair: pair[0].start)


def _wronged(errors: IdentityErrors) -> Iterator[int]:
    """People of whom an id is not theirs alone, or who have several; most errors first."""
    shared = {person: sum(len(errors.people_of[i]) - 1 for i in ids) for person, ids in errors.ids_of.items()}
    count = {person: shared[person] + len(ids) - 1 for person, ids in errors.ids_of.items()}
    yield from sorted((person for person in count if count[person]), key=lambda person: -count[person])


def _right(errors: IdentityErrors) -> list[tuple[int, list[int]]]:
    wronged = set(_wronged(errors))
    return [(person, ids) for person, ids in errors.ids_of.items() if person not in wronged]


def _nobodys(errors: IdentityErrors, clock: Clock) -> list[tuple[Chip, str, int]]:
    """Ids that belong to nobody in the truth: where and when, and with how many boxes."""
    visits: dict[int, list[Visit]] = {}
    for visit in errors.found:
        visits.setdefault(visit.who, []).append(visit)
    return [
        (Chip.of(i), f"{some[0].camera}, {_span(some[0], clock)}", sum(visit.boxes for visit in some))
        for i, some in sorted(visits.items())
        if i not in errors.people_of
    ]


def _ends(pair: Handover, clock: Clock) -> tuple[str, str]:
    return clock.at(pair.before.end), clock.at(pair.after.start)


def _span(visit: Visit, clock: Clock) -> str:
    return f"{clock.at(visit.start)} to {clock.at(visit.end)}"


def _tiles(scores: Scores) -> list[tuple[str, str]]:
    errors = scores.overall.identities
    merges: Mapping[str, int] = {"false": errors.false_merges, "missed": errors.missed_merges}
    return [
        (f"{100 * scores.overall.idf1:.1f} %", "IDF1 over all cameras"),
        (f"{percent(errors.purity)} %", "identity purity"),
        *(
            (number(errors.per_hundred_people(count)), f"{kind} merges per hundred people")
            for kind, count in merges.items()
        ),
        (f"{percent(errors.handover_recall)} %", "of hand-overs keep the id"),
    ]
