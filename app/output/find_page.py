"""Who is in a picture as a page: each person beside those of the history who are most alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.history.likely import Asked, Likely
from app.history.why import percent
from app.output.chip import Chip
from app.output.contact_sheet import data_uri
from app.output.face import Face
from app.output.html_page import write_html


@dataclass(frozen=True, slots=True)
class AskedCard:
    """Somebody in the picture. verdict: who it likely is. faces: the picture, then the candidates."""

    chance: str
    verdict: str
    faces: list[Face]


def write_find_page(asked: Sequence[Asked], picture: Path, out: Path) -> Path:
    """Write the page as the HTML file ``out``; its path. Raises OutputError where it cannot be written."""
    contents = {"picture": picture.name, "people": [_card(who) for who in asked]}
    return write_html("find_page.html", contents, out)


def _card(who: Asked) -> AskedCard:
    lines = (
        ["the whole picture"] if who.box is None else ["from {:.0f},{:.0f} to {:.0f},{:.0f}".format(*who.box)]
    )
    faces = [Face("asked for", None, None if who.jpeg is None else data_uri(who.jpeg), lines)]
    faces += [_face(one, first=number == 0) for number, one in enumerate(who.likely)]
    best = who.likely[0] if who.likely else None
    if best is None or best.candidate.chance < who.nobody:
        return AskedCard(percent(who.nobody), "nobody of them", faces)
    return AskedCard(
        percent(best.candidate.chance), best.candidate.identity.name or f"person {best.id}", faces
    )


def _face(one: Likely, *, first: bool) -> Face:
    lines = [f"match {percent(one.candidate.chance)}", f"distance {one.candidate.distance:.2f}"]
    if one.camera is not None:
        lines.append(f"sighting {one.sighting}, {one.camera}")
    source = None if one.picture is None else data_uri(one.picture.jpeg)
    return Face("most alike" if first else "then", Chip.of(one.id), source, lines)
