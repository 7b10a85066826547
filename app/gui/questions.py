"""What the window asks of a history. Called in the reader's threads: pictures come back as QImages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtGui import QImage

from app.config import Settings
from app.gui.picture import decoded, jpeg_image, scaled_image
from app.gui.words import short
from app.history import likely
from app.history.why import is_new, why
from app.loading import loading
from app.times import moment
from storage.compared import PictureRow
from storage.history import History, PersonRow, SightingRow, Trajectory
from storage.repair import CorrectionRow, corrections, journal_state
from tracker.types import Image

THUMBNAIL = 160
"""The height in pixels at which pictures are kept for lists: enough for a screen of double density."""
LARGE = 480
"""The same where pictures are there to be judged by."""
MOST_PEOPLE = 10_000
NEWEST = 200
"""People who are asked anew where nothing else has changed: those seen last."""
A_PAGE = 500
"""Sightings that are fetched at a time."""
MOST_PICTURES = 8
MOST_LIKELY = 5
MOST_CORRECTIONS = 500
IN_A_BUTTON = 20
"""Letters of a camera's name in one."""


@dataclass(frozen=True)
class Everybody:
    """The people of a history, the last seen first; whole: all of them, or as many as are shown.

    state: of the journal, and number: how many people there are. Where either has changed, more than the last
    seen may be others now.
    """

    rows: tuple[PersonRow, ...]
    state: tuple[int, ...]
    number: int
    whole: bool

    def names(self) -> dict[int, str]:
        return {row.id: row.name for row in self.rows if row.name}


def everybody(history: History, known: Everybody | None) -> Everybody:
    """At first the newest alone, which is quick; then all; from then on all where corrections or runs gave
    sightings to others, else those seen last over those that are known.
    """
    state, number = journal_state(history.engine), history.number_of_people()
    if known is None:
        rows = _by_last(history.people(most=NEWEST))
        return Everybody(rows, state, number, whole=number <= NEWEST)
    if known.whole and known.state == state:
        newest = {row.id: row for row in history.people(most=NEWEST)}
        rows = _by_last(({row.id: row for row in known.rows} | newest).values())
        if len(rows) == number or number > MOST_PEOPLE:
            return Everybody(rows[:MOST_PEOPLE], state, number, whole=True)
    return Everybody(_by_last(history.people(most=MOST_PEOPLE)), state, number, whole=True)


def _by_last(rows: Iterable[PersonRow]) -> tuple[PersonRow, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.last, -row.id)))


@dataclass(frozen=True)
class Asked:
    """Which sightings are asked for. unsure, unidentified: only those."""

    person: int | None = None
    camera: str | None = None
    since: float | None = None
    until: float | None = None
    unsure: bool = False
    unidentified: bool = False


@dataclass(frozen=True)
class Sightings:
    """The answer, by start. person: where one person's were asked for, that one. more: there are earlier.
    earlier: these are to be put before those that were there.
    """

    asked: Asked
    rows: tuple[SightingRow, ...]
    more: bool
    person: PersonRow | None = None
    pictures: tuple[QImage, ...] = ()
    earlier: bool = False


def sightings(history: History, asked: Asked, *, earlier_than: SightingRow | None = None) -> Sightings:
    """The last of them; or the last before one."""
    rows = history.sightings(
        person=asked.person,
        camera=asked.camera,
        since=asked.since,
        until=asked.until,
        unidentified=asked.unidentified,
        unsure=asked.unsure,
        earlier_than=earlier_than,
        most=A_PAGE,
    )
    person = None if asked.person is None else history.person(asked.person)
    best = () if person is None else history.best_portraits(person.id, most=MOST_PICTURES)
    pictures = tuple(jpeg_image(row.jpeg, THUMBNAIL) for row in best)
    return Sightings(asked, tuple(rows), len(rows) == A_PAGE, person, pictures, earlier_than is not None)


def people_ids(
    history: History, *, camera: str | None, since: float | None, until: float | None, unsure: bool
) -> frozenset[int]:
    """Who was seen there and then; unsure: who has an unsure sighting there and then."""
    if not unsure:
        return frozenset(history.people_ids(camera=camera, since=since, until=until))
    rows = history.sightings(camera=camera, since=since, until=until, unsure=True, most=MOST_PEOPLE)
    return frozenset(row.person for row in rows if row.person is not None)


def journal(history: History) -> list[CorrectionRow]:
    """The last corrections, oldest first."""
    return corrections(history.engine, most=MOST_CORRECTIONS)


Face = tuple[str, int]
"""Of a "person" or a "sighting", by id."""


def faces(history: History, wanted: Sequence[Face]) -> dict[Face, QImage | None]:
    """The best picture of each; None where there is none."""
    people = [id_ for kind, id_ in wanted if kind == "person"]
    visits = [id_ for kind, id_ in wanted if kind == "sighting"]
    found: dict[Face, QImage | None] = dict.fromkeys(wanted)
    for id_, row in history.faces(people).items():
        found["person", id_] = jpeg_image(row.jpeg, THUMBNAIL)
    for row in history.portraits(sightings=visits, each=1) if visits else []:
        found["sighting", row.sighting] = jpeg_image(row.jpeg, THUMBNAIL)
    return found


@dataclass(frozen=True)
class Evidence:
    """Why a sighting was given to whom: in sentences, and the two pictures that were compared, as far as they
    are still there.
    """

    sighting: SightingRow
    told: tuple[str, ...]
    own: QImage | None
    nearest: QImage | None
    nearest_of: PictureRow | None


def evidence(history: History, sighting: SightingRow) -> Evidence:
    """What was recorded with the decision."""
    first = None if sighting.person is None else history.person(sighting.person).first
    told = tuple(why(sighting, first=first))
    compared = history.compared([sighting.id]).get(sighting.id)
    if compared is None or is_new(sighting, first=first):
        best = history.portraits(sighting=sighting.id, most=1)
        return Evidence(sighting, told, jpeg_image(best[0].jpeg, LARGE) if best else None, None, None)
    own, nearest = (jpeg_image(row.jpeg, LARGE) for row in (compared.own, compared.nearest))
    return Evidence(sighting, told, own, nearest, compared.nearest)


@dataclass(frozen=True)
class Portrayed:
    """A person with large pictures, best first, and where they were."""

    person: PersonRow
    pictures: tuple[QImage, ...]
    sightings: tuple[SightingRow, ...]


def portrayed(history: History, person: int) -> Portrayed:
    """Raises UnknownPerson."""
    row = history.person(person)
    best = history.best_portraits(row.id, most=MOST_PICTURES)
    images = tuple(jpeg_image(one.jpeg, LARGE) for one in best)
    return Portrayed(row, images, tuple(history.sightings(person=row.id, most=A_PAGE)))


def pictured(history: History, sighting: SightingRow) -> tuple[QImage, ...]:
    """A sighting's large pictures, best first."""
    rows = history.portraits(sighting=sighting.id, most=MOST_PICTURES)
    return tuple(jpeg_image(one.jpeg, LARGE) for one in rows)


@dataclass(frozen=True)
class Candidate:
    """Somebody whom a person in a picture may be. picture: the most similar one of the history."""

    id: int
    name: str | None
    chance: float
    picture: QImage | None
    told: str


@dataclass(frozen=True)
class Sought:
    """Somebody in a picture, and the likeliest of the history. nobody: the chance that it is nobody of it."""

    picture: QImage
    likely: tuple[Candidate, ...]
    nobody: float


@dataclass(frozen=True)
class Found:
    """Everybody in a picture, the largest first. name: the picture's."""

    name: str
    people: tuple[Sought, ...]


def found(
    history: History, *, name: str, picture: Path | Image, settings: Settings, whole: bool = False
) -> Found:
    """Who of the history is in a picture. Loads the networks, which takes seconds. whole: it shows one.

    Raises SourceError, AssetError, DetectorError, WeightsError or DatabaseError.
    """
    with loading():
        from app.history.finding import ask
        from app.sources.pictures import read_image

        image = read_image(picture) if isinstance(picture, Path) else picture
        asked, _ = ask(history, image, settings=settings, whole=whole, most=MOST_LIKELY)
    return Found(name, tuple(_sought(one) for one in asked))


def alike(history: History, *, sighting: SightingRow, settings: Settings) -> Found:
    """Who of the history the person of a sighting may be, the one it was given to among them.

    Asked by its best picture. Raises what `found` raises, DatabaseError where it has no picture.
    """
    from storage.errors import DatabaseError

    best = history.portraits(sighting=sighting.id, most=1)
    if not best:
        raise DatabaseError(
            f"of sighting {sighting.id} no picture is kept, so nobody can be looked for by it"
        )
    picture = decoded(best[0].jpeg)
    return found(history, name=f"sighting {sighting.id}", picture=picture, settings=settings, whole=True)


def _sought(one: likely.Asked) -> Sought:
    image = decoded(one.jpeg or b"")
    height, width = image.shape[:2]
    shown = scaled_image(image, round(width * LARGE / height), LARGE)
    return Sought(shown, tuple(_candidate(who) for who in one.likely), one.nobody)


def _candidate(who: likely.Likely) -> Candidate:

    picture = None if who.picture is None else jpeg_image(who.picture.jpeg, LARGE)
    told = (
        ""
        if who.time is None
        else f"{short(who.camera or '', IN_A_BUTTON)}\n" + moment(who.time).replace(" ", "\n", 1)
    )
    return Candidate(who.id, who.candidate.identity.name, who.candidate.chance, picture, told)


@dataclass(frozen=True)
class Walk:
    """A sighting and the way it took."""

    sighting: SightingRow
    way: Trajectory


def walks(history: History, *, since: float, until: float) -> list[Walk]:
    """Who is where in a span, on all cameras."""
    rows = history.sightings(since=since, until=until)
    ways = history.trajectories([row.id for row in rows])
    return [Walk(row, ways[row.id]) for row in rows]
