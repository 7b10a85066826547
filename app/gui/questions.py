"""What the window asks of a history. Called in the reader's thread: pictures come back as QImages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtGui import QImage

from app.config import Settings
from app.gui.picture import jpeg_image, scaled_image
from app.history import likely
from storage.compared import Compared
from storage.history import FootageRow, History, PersonRow, PortraitRow, SightingRow, Trajectory

THUMBNAIL = 160
"""The height in pixels at which pictures are kept for lists: enough for a screen of double density."""
MOST_PEOPLE, MOST_VISITS = 500, 500
MOST_PICTURES = 8
MOST_NEW = 40
MOST_LIKELY = 4


@dataclass(frozen=True)
class Card:
    """One person in the list."""

    person: PersonRow
    picture: QImage | None


@dataclass(frozen=True)
class Pair:
    """The two pictures that were compared when a sighting was decided: its own, and the nearest one's, which
    was taken on a camera at a time.
    """

    own: QImage
    nearest: QImage
    camera: str
    time: float


@dataclass(frozen=True)
class Visit:
    """One sighting of a person, with its best picture, and those that were compared where that was noted."""

    sighting: SightingRow
    picture: QImage | None
    pair: Pair | None = None


@dataclass(frozen=True)
class Details:
    """One person: the visits by time, and the best pictures of all."""

    person: PersonRow
    visits: tuple[Visit, ...]
    pictures: tuple[QImage, ...]


@dataclass(frozen=True)
class Clip:
    """A sighting's stretch of its footage."""

    sighting: SightingRow
    person: PersonRow | None
    footage: FootageRow
    trajectory: Trajectory


@dataclass(frozen=True)
class Candidate:
    """Somebody whom a person in a picture may be. picture: the most similar one of the history."""

    id: int
    name: str | None
    chance: float
    picture: QImage | None


@dataclass(frozen=True)
class Asked:
    """Somebody in a picture, and the likeliest of the history. nobody: the chance that it is nobody of it."""

    picture: QImage
    likely: tuple[Candidate, ...]
    nobody: float


@dataclass(frozen=True)
class Found:
    """Everybody in a picture, the largest first. name: the picture's."""

    name: str
    people: tuple[Asked, ...]


def people(history: History, known: Mapping[int, Card]) -> list[Card]:
    """Those seen last, newest first. A picture already ``known`` is fetched again only once there are new
    visits; at most ``MOST_NEW`` pictures are fetched at a time, the rest with the next question."""
    cards = []
    fetched = 0
    for person in reversed(history.people(most=MOST_PEOPLE)):
        card = known.get(person.id)
        stale = card is None or card.picture is None or card.person.sightings != person.sightings
        picture = None if card is None else card.picture
        if stale and fetched < MOST_NEW:
            fetched += 1
            best = history.best_portraits(person.id, most=1)
            picture = _picture(best[0]) if best else picture
        cards.append(Card(person, picture))
    return cards


def details(history: History, person: int) -> Details:
    """One person's visits and pictures."""
    sightings = history.sightings(person=person, most=MOST_VISITS)
    numbers = [row.id for row in sightings]
    best = {row.sighting: _picture(row) for row in history.portraits(sightings=numbers, each=1)}
    pairs = {id_: _pair(row) for id_, row in history.compared(numbers).items()}
    visits = tuple(Visit(row, best.get(row.id), pairs.get(row.id)) for row in sightings)
    pictures = [_picture(row) for row in history.best_portraits(person, most=MOST_PICTURES)]
    return Details(history.person(person), visits, tuple(pictures))


def found(history: History, *, picture: Path, settings: Settings) -> Found:
    """Who of the history is in a picture. Loads the networks, which takes seconds.

    Raises SourceError, AssetError, DetectorError, WeightsError or DatabaseError.
    """
    from app.history.finding import ask
    from app.sources.pictures import read_image

    asked, _ = ask(history, read_image(picture), settings=settings, most=MOST_LIKELY)
    return Found(picture.name, tuple(_asked(one) for one in asked))


def _asked(one: likely.Asked) -> Asked:
    height, width = one.image.shape[:2]
    shown = scaled_image(one.image, round(width * THUMBNAIL / height), THUMBNAIL)
    candidates = [
        Candidate(
            who.id,
            who.candidate.identity.name,
            who.candidate.chance,
            None if who.picture is None else _picture(who.picture),
        )
        for who in one.likely
    ]
    return Asked(shown, tuple(candidates), one.nobody)


def clip(history: History, sighting: SightingRow) -> Clip:
    """What the player needs of a sighting."""
    (footage,) = history.footage(ids=[sighting.footage])
    person = None if sighting.person is None else history.person(sighting.person)
    return Clip(sighting, person, footage, history.trajectory(sighting.id))


def _pair(row: Compared) -> Pair:
    own, nearest = (jpeg_image(picture.jpeg, THUMBNAIL) for picture in (row.own, row.nearest))
    return Pair(own, nearest, row.nearest.camera, row.nearest.time)


def _picture(row: PortraitRow) -> QImage:
    return jpeg_image(row.jpeg, THUMBNAIL)
