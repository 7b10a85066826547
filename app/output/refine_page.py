"""What a second pass would change, as a page to look at: each sighting beside those it is like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.history.reasons import Found, Like, Reason
from app.history.telling import duration
from app.history.why import BARS, TERMS_EXPLAINED, percent, terms_told
from app.output.chip import Chip
from app.output.contact_sheet import Clock, data_uri
from app.output.face import Face
from app.output.html_page import write_html

if TYPE_CHECKING:
    from storage.compared import PictureRow
    from storage.history import History


@dataclass(frozen=True, slots=True)
class Commands:
    """What to type: to apply it all; to take it back, where it was applied. database: how to name it."""

    apply: str
    undo: str | None
    database: str


@dataclass(frozen=True, slots=True)
class Case:
    """One change. faces: the sighting itself, whom it joins, leaves, and who is next.

    only, never: what to type to have this change alone, or to have it never. barred: who was likelier, and
    what forbids it; "" where nobody was.
    """

    sighting: int
    before: Chip
    after: Chip
    probability: str
    alone: bool
    faces: list[Face]
    only: str
    never: str | None
    barred: str


def write_refine_page(
    history: History,
    found: Found,
    out: Path,
    *,
    commands: Commands,
    own_clocks: bool = False,
) -> Path:
    """Write the page as the HTML file ``out``; its path. Raises OutputError where it cannot be written.

    own_clocks: times between two sources say nothing.
    """
    shown = found.reasons
    pictures = history.pictures({portrait for reason in shown for portrait in _portraits(reason)})
    clock = Clock(found.first, found.last) if found.looked_at else Clock(0.0, 0.0)
    contents = {
        "tiles": _tiles(found),
        "clock": clock,
        "cases": [_case(reason, pictures, clock, commands, own_clocks=own_clocks) for reason in shown],
        "more": len(found.changes) - len(shown),
        "commands": commands,
        "explained": TERMS_EXPLAINED,
    }
    return write_html("refine_page.html", contents, out)


def _portraits(reason: Reason) -> list[int]:
    likes = [like for like in (reason.joins, reason.leaves, reason.runner_up) if like is not None]
    return [reason.portrait, *(like.portrait for like in likes)]


def _tiles(found: Found) -> list[tuple[str, str]]:
    return [
        (str(found.looked_at), "sightings looked at"),
        (str(len(found.changes)), "would be reassigned"),
        (str(len({change.after for change in found.changes if change.after < 0})), "people new"),
        (f"{len(found.before)} to {len(found.after)}", "people, before and after"),
    ]


def _case(
    reason: Reason,
    pictures: Mapping[int, PictureRow],
    clock: Clock,
    commands: Commands,
    *,
    own_clocks: bool,
) -> Case:
    change = reason.change
    own = [
        f"sighting {change.sighting}",
        f"{change.camera}, {clock.at(change.start)}",
        f"for {duration(change.end - change.start)}",
    ]
    after = Chip.of(*_named(change.after))
    faces = [Face("this sighting", None, _source(reason.portrait, pictures), own)]
    for role, like in (("joins", reason.joins), ("leaves", reason.leaves), ("second best", reason.runner_up)):
        if like is not None:
            chip = Chip.of(*_named(like.identity))
            faces.append(
                Face(role, chip, _source(like.portrait, pictures), _lines(like, clock, own_clocks=own_clocks))
            )
    move = f"sightline move {change.sighting}"
    return Case(
        sighting=change.sighting,
        before=Chip.of(change.before),
        after=after,
        probability=percent(change.probability),
        alone=reason.joins is None and change.after < 0,
        faces=faces,
        only=f"{move} {'new' if change.after < 0 else change.after} {commands.database}",
        never=None if change.before is None else f"{move} {change.before} {commands.database}",
        barred=_barred(reason),
    )


def _barred(reason: Reason) -> str:
    if reason.barred is None:
        return ""
    terms, who = reason.barred.terms, reason.barred.identity
    name = f"new {-who}" if who < 0 else str(who)
    return f"{name} was likelier ({terms_told(terms)} = {terms.total:+.1f}) but {BARS[reason.barred.by]}"


def _named(identity: int) -> tuple[int | None, str | None]:
    """New people have no id yet, and no colour."""
    return (identity, None) if identity >= 0 else (None, f"new {-identity}")


def _source(portrait: int, pictures: Mapping[int, PictureRow]) -> str | None:
    return data_uri(pictures[portrait].jpeg) if portrait in pictures else None


def _lines(like: Like, clock: Clock, *, own_clocks: bool) -> list[str]:
    row = like.sighting
    where = f"{row.camera}, {clock.at(row.start)}"
    if not own_clocks:
        lasted = f"{duration(like.gap_s)} {'later' if like.later else 'before'}"
        where += f", {'at the same time' if like.gap_s < 0 else lasted}"
    lines = [f"sighting {row.id}", where]
    if like.terms is not None:
        lines.append(f"{terms_told(like.terms)} = {like.terms.total:+.1f}")
    return lines if like.bar is None else [*lines, BARS[like.bar]]
