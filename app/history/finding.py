"""``sightline find``: who of the history is in a picture."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.text import Text

from app import errors
from app.config import ConfigError, Settings
from app.history.likely import Asked, Box, Likely
from app.history.opened import opened
from app.history.said import there_said
from app.history.telling import plain, plain_table, say, style_of
from app.history.why import percent
from app.times import AnswerClock, iso
from storage.history import History, UnknownPerson
from storage.vectors import Likeness
from tracker.likeness import Curve
from tracker.revisits import learned
from tracker.search import Candidate, Rest, search
from tracker.types import Floats, Identity, Image

if TYPE_CHECKING:
    from tracker.detector import Detector

LEARNED_FROM = 4000
"""Of those seen last, people whose pictures teach how alike one person looks."""

CLOSELY = 1000
"""Of everybody, those most alike by the mean of their pictures, whose every picture is compared. Of 100,000
people 500 hold the likeliest ten (benchmarks/first_look.py).
"""

LEAST_SCORE = 0.4
"""Of a box that is taken for a person; a photograph is no video, in which a doubtful box may be followed."""


def find(arguments: argparse.Namespace) -> int:
    """``sightline find PICTURE``: everybody in it, and whom of the history they are likely to be."""
    if arguments.count < 1:
        raise ConfigError(f"--count {arguments.count}: give 1 at least.")
    if (arguments.picture is None) == (arguments.sighting is None):
        raise ConfigError("Name a picture, or a sighting with --sighting.")
    with opened(arguments.db) as history:
        there = there_said(history, arguments)
        ids = None if set(there.values()) == {None} else history.people_ids(**there)
        known = history.number_of_people() if ids is None else len(ids)
        if arguments.sighting is not None:
            name = Path(f"sighting {arguments.sighting}")
            asked, even = ask_sighting(history, arguments.sighting, ids=ids, most=arguments.count)
        else:
            name = arguments.picture
            asked, even = _ask_picture(history, arguments, ids=ids, known=known)
        if arguments.json:
            print(json.dumps(_facts(name, asked, even), indent=2))
        else:
            title = "" if arguments.sighting is None else str(name).capitalize()
            whole = arguments.whole or bool(title)
            tell(asked, name, whole=whole, known=known, name=title, database=arguments.db)
        if arguments.page is not None and asked:
            from app.output.find_page import write_find_page

            page = write_find_page(asked, name, arguments.page)
            if not arguments.json:
                print(f"page: {page}")
    return errors.OK


def _ask_picture(
    history: History, arguments: argparse.Namespace, *, ids: Sequence[int] | None, known: int
) -> tuple[list[Asked], float | None]:
    """Nobody where nobody is known; an unreadable picture is told all the same."""
    from app.headless.execution import overridden
    from app.sources.pictures import read_image

    image, settings = read_image(arguments.picture), overridden(Settings(()), arguments)
    if not known:
        return [], None
    return ask(history, image, settings=settings, ids=ids, whole=arguments.whole, most=arguments.count)


def ask(
    history: History,
    image: Image,
    *,
    settings: Settings,
    ids: Sequence[int] | None = None,
    whole: bool = False,
    most: int = 5,
) -> tuple[list[Asked], float]:
    """Everybody in the image, the largest first, and at which distance the odds of being somebody are even.

    settings: name the networks. ids: of those who are asked for, everybody if none. whole: the image is of
    one person. most: of each one's likeliest.

    Raises AssetError, DetectorError, WeightsError, and DatabaseError where the history's vectors are of
    another network.
    """
    import cv2

    from app.build import open_networks
    from reid.preprocess import cut

    detector, embedder, _ = open_networks(settings)
    likeness = _learned(history, embedder.fingerprint)
    boxes = np.zeros((0, 4), np.float32) if whole else people_in(image, detector)
    crops = cut(image, boxes) or [image]
    corners: list[Box | None] = [_corners(box) for box in boxes] or [None]
    looks = embedder.embed(crops)
    alike = history.likeness(embedder.fingerprint, looks, ids=ids)
    found = []
    for row, (box, crop, look) in enumerate(zip(corners, crops, looks, strict=True)):
        blocks, rest = _nearest(history, embedder.fingerprint, alike, row, most=most)
        candidates, nobody = search(look, blocks, most=most, likeness=likeness, rest=rest)
        jpeg = cv2.imencode(".jpg", crop)[1].tobytes()
        found.append(Asked(box, jpeg, [_likely(history, one) for one in candidates], nobody))
    return found, 1.0 - likeness.even


def ask_sighting(
    history: History, sighting: int, *, ids: Sequence[int] | None = None, most: int = 5
) -> tuple[list[Asked], float | None]:
    """The same of a sighting, by its best picture, without a network; its own pictures are left out.

    Raises UnknownPerson where there is no such sighting, or nothing to compare is kept of it.
    """
    row, told = history.sighting(sighting), history.best_vector(sighting)
    if row is None or told is None:
        what = "is no sighting" if row is None else "has no picture that could be compared"
        raise UnknownPerson(f"{sighting} {what} in {history.path}; 'sightline show' lists sightings")
    model, look = told
    likeness = _learned(history, model)
    alike = history.likeness(model, look[None], ids=ids)
    blocks, rest = _nearest(history, model, alike, 0, most=most)
    others = ([one for who in block if (one := _without(who, sighting)) is not None] for block in blocks)
    candidates, nobody = search(look, others, most=most, likeness=likeness, rest=rest)
    pictures = history.portraits(sighting=sighting, most=1)
    likely = [_likely(history, one) for one in candidates]
    jpeg = pictures[0].jpeg if pictures else None
    return [Asked(None, jpeg, likely, nobody)], 1.0 - likeness.even


def _learned(history: History, model: str) -> Curve:
    """How alike one person looks, by those who were seen last."""
    return learned(history.looks(model, people=LEARNED_FROM))


def _nearest(
    history: History, model: str, alike: Likeness, row: int, *, most: int
) -> tuple[Iterator[list[Identity]], Rest]:
    """Those whose every picture is compared with a look, some at a time, and what is known of the rest."""
    near, far = alike.nearest(row, most=max(CLOSELY, 2 * most))
    blocks = history.identity_blocks(model, ids=[*near, *alike.unknown], looks_alone=True)
    return blocks, Rest(far, near)


def _without(who: Identity, sighting: int) -> Identity | None:
    """Somebody without the pictures of a sighting; None where nothing is left."""
    rows = [k for k, (taken, _) in enumerate(who.taken) if taken != sighting]
    if not rows:
        return None
    return replace(who, embeddings=who.embeddings[rows], taken=tuple(who.taken[k] for k in rows))


def _corners(box: Floats) -> Box:
    left, top, right, bottom = (round(float(side), 1) for side in box)
    return left, top, right, bottom


def people_in(image: Image, detector: Detector) -> Floats:
    """(N, 4) boxes of people, the largest first."""
    [found] = detector.detect([image])
    boxes = found.boxes[found.scores >= LEAST_SCORE]
    sizes = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[np.argsort(-sizes, kind="stable")]


def _likely(history: History, candidate: Candidate) -> Likely:
    """With where and when the most similar picture was taken."""
    taken = candidate.identity.taken
    if not taken:
        return Likely(candidate, None, None, None, None)
    sighting, time = taken[candidate.picture]
    pictures = [row for row in history.portraits(sighting=sighting) if row.time == time]
    row = history.sighting(sighting)
    camera = None if row is None else row.camera
    return Likely(candidate, sighting, camera, time, next(iter(pictures), None))


def tell(
    asked: Sequence[Asked],
    picture: Path,
    *,
    whole: bool,
    known: int,
    database: Path,
    name: str = "",
    console: Console | None = None,
) -> None:
    """A table for each person in the picture. name: what to call one who is no part of a picture. database:
    to be asked further.
    """
    console = console or Console(highlight=False)
    if not known:
        say(console, "Nobody was recorded there and then; 'sightline people' lists everybody.")
        return
    if not whole and asked[0].box is None:
        say(console, f"No person was found in {picture}; the whole picture is taken for one.")
    clock = AnswerClock([one.time for who in asked for one in who.likely if one.time is not None])
    for number, who in enumerate(asked, start=1):
        title = name or _where(who, number, len(asked))
        _tell_one(who, f"{title}{clock.caption}", clock, console)
    likely = [who.likely[0] for who in asked if who.likely and who.likely[0].candidate.chance > who.nobody]
    for number in dict.fromkeys(one.id for one in likely):
        say(
            console, f"all sightings: {shlex.join(['sightline', 'show', str(number), '--db', str(database)])}"
        )


def _where(who: Asked, number: int, count: int) -> str:
    if who.box is None:
        return "The whole picture"
    left, top, right, bottom = (round(side) for side in who.box)
    return f"Person {number} of {count}, from {left},{top} to {right},{bottom}"


def _tell_one(who: Asked, title: str, clock: AnswerClock, console: Console) -> None:
    table = plain_table(title)
    table.add_column("id", justify="right", style="bold cyan", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column("match", justify="right", no_wrap=True)
    table.add_column("distance", justify="right", no_wrap=True)
    table.add_column("most alike when", justify="right", no_wrap=True)
    table.add_column("on camera", ratio=1, overflow="fold")
    for one in who.likely:
        chance = one.candidate.chance
        table.add_row(
            str(one.id),
            Text(plain(one.candidate.identity.name or "")),
            Text(percent(chance), style_of(chance)),
            f"{one.candidate.distance:.2f}",
            "" if one.time is None else clock.show(one.time),
            Text(plain(one.camera or "")),
        )
    table.add_row("", Text("nobody of them", "dim"), percent(who.nobody), "", "", "")
    console.print(table)
    console.print()


def _facts(picture: Path, asked: Sequence[Asked], even: float | None) -> dict[str, Any]:
    return {
        "picture": str(picture),
        "even_distance": None if even is None else round(even, 4),
        "people": [
            {
                "box": who.box,
                "nobody": round(who.nobody, 4),
                "likely": [_likely_facts(one) for one in who.likely],
            }
            for who in asked
        ],
    }


def _likely_facts(one: Likely) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.candidate.identity.name,
        "probability": round(one.candidate.chance, 4),
        "distance": round(one.candidate.distance, 4),
        "sighting": one.sighting,
        "camera": one.camera,
        "time": one.time,
        "time_local": None if one.time is None else iso(one.time),
    }
