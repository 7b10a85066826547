"""Which sightings of a history are worth a look; the cost grows with how many are asked for."""

from __future__ import annotations

import math
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text
from sqlalchemy.orm import aliased

from storage.journal import MACHINE, PERSON
from storage.people import Span
from storage.schema import DOUBTFUL, Bound, Correction, Footage, Identity, Sighting

Doubt = Literal["new", "twins", "known", "second pass", "nobody"]
"""Of a sighting whose run was not sure: somebody new was made of it; it was given to somebody, though another
would have been likely enough alone (two ids of one person share the odds); it was given to somebody, and none
of these. Or it was given to somebody by the second pass; or nobody could be given.
"""

_IS_NEW = and_(Sighting.crops.is_not(None), Sighting.distance.is_(None))
_OTHER = (
    Sighting.prior + Sighting.runner_up_appearance + Sighting.runner_up_transition + Sighting.runner_up_ground
)
_SURE = math.log(0.95 / 0.05)
_FILTERS: dict[str, ColumnElement[bool]] = {
    "new": _IS_NEW,
    "twins": and_(~_IS_NEW, _OTHER >= _SURE),
    "known": and_(~_IS_NEW, or_(_OTHER.is_(None), _OTHER < _SURE)),
}


def doubted(connection: Connection, doubt: Doubt, span: Span) -> list[ColumnElement[bool]]:
    """Filters of sightings."""
    filters = span.filters(connection)
    if doubt == "nobody":
        return [*filters, Sighting.identity_id.is_(None)]
    if doubt == "second pass":
        by = select(Correction.id).where(Correction.id == Sighting.placed_by, Correction.author == MACHINE)
        return [*filters, Sighting.placed_by.is_not(None), Sighting.placed_probability < 0.95, by.exists()]
    return [*filters, text(DOUBTFUL), _FILTERS[doubt]]  # type: ignore[list-item]


def order(doubt: Doubt) -> tuple[Any, ...]:
    """The most doubtful first; of those of nobody the longest of the last."""
    if doubt == "nobody":
        return Sighting.start.desc(), Sighting.id.desc()
    if doubt == "second pass":
        return Sighting.placed_probability, Sighting.id
    return Sighting.probability, Sighting.id


def number_of(connection: Connection, doubt: Doubt, span: Span) -> int:
    query = select(func.count()).select_from(Sighting).where(*doubted(connection, doubt, span))
    return connection.execute(query).scalar_one()


def twice(connection: Connection, span: Span) -> Select[int, int]:
    """Pairs of sightings (id, id) of one person that are in one view at once, the latest first. Runs make
    none: only people whom a correction is about are looked at. Without those where a person said so of both.
    """
    first, other = aliased(Sighting), aliased(Sighting)
    its, theirs = aliased(Footage), aliased(Footage)
    longest = connection.execute(select(Bound.value).where(Bound.name == "length")).scalar() or 0.0
    by = [_said_of(first), _said_of(other)]
    since = [] if span.since is None else [other.end >= span.since]
    until = [] if span.until is None else [other.start <= span.until]
    return (
        select(first.id, other.id)
        .select_from(Identity)
        .join(first, first.identity_id == Identity.id)
        .join(
            other,
            and_(
                other.identity_id == Identity.id,
                other.start >= first.start,
                other.start < first.end,
                other.start <= first.start + longest,
                or_(other.start > first.start, other.id > first.id),
            ),
        )
        .join(its, its.id == first.footage_id)
        .join(theirs, and_(theirs.id == other.footage_id, theirs.camera_id == its.camera_id))
        .where(Identity.fixed_by.is_not(None), ~and_(*by), *since, *until)
        .order_by(other.start.desc(), other.id.desc(), first.id)
    )


def _said_of(sighting: type[Sighting]) -> ColumnElement[bool]:
    """A person put it where it is."""
    correction = Correction
    return (
        select(correction.id)
        .where(correction.id == sighting.placed_by, correction.author == PERSON)
        .correlate(sighting)
        .exists()
    )
