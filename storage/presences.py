"""What the second pass is given: a span's sightings with their vectors, and what people decided of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, select

from storage.database import path_of
from storage.errors import DatabaseError, in_plain_words
from storage.packing import unpack_vectors
from storage.people import Span
from storage.schema import (
    Camera,
    Correction,
    CorrectionIdentity,
    CorrectionSighting,
    Footage,
    Identity,
    Model,
    Portrait,
    Sighting,
)
from tracker.types import Floats

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """A sighting that has pictures. id: the sighting's. footage: of which source and run it is.

    vectors: (K, D) unit rows, K >= 1; qualities: (K,) 0..1; portraits: their ids.
    """

    id: int
    camera: str
    footage: int
    start: float
    end: float
    identity: int | None
    vectors: Floats
    qualities: Floats
    portraits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Decisions:
    """People's. together, apart: pairs of sightings. named: identities that have a name."""

    together: frozenset[Pair]
    apart: frozenset[Pair]
    named: frozenset[int]


def presences(engine: Engine, *, since: float | None, until: float | None) -> list[PresenceRow]:
    """By sighting. Raises DatabaseError where their vectors are of several models."""
    path = path_of(engine)
    with in_plain_words(path), engine.connect() as connection:
        filters = Span(None, since, until).filters(connection)
        of_models = select(Portrait.model_id).join(Sighting).where(*filters).distinct().subquery()
        models = list(connection.scalars(select(Model.fingerprint).join(of_models)))
        if len(models) > 1:
            raise DatabaseError(
                f"the history {path} holds vectors of the models {', '.join(models)} in that span, which "
                "cannot be compared; name a span of one of them with --since and --until"
            )
        found = connection.execute(_PRESENCES.where(*filters))
        return [_presence(list(rows)) for _, rows in groupby(found, key=lambda row: row.id)]


_PRESENCES = (
    select(
        Sighting.id,
        Sighting.footage_id,
        Sighting.identity_id,
        Sighting.start,
        Sighting.end,
        Camera.name.label("camera"),
        Portrait.id.label("portrait"),
        Portrait.vector,
        Portrait.quality,
    )
    .select_from(Sighting)
    .join(Footage, Footage.id == Sighting.footage_id)
    .join(Camera)
    .join(Portrait, Portrait.sighting_id == Sighting.id)
    .order_by(Sighting.id, Portrait.id)
)


def _presence(rows: list[Any]) -> PresenceRow:
    one = rows[0]
    vectors = unpack_vectors([row.vector for row in rows])
    qualities = np.array([row.quality for row in rows], np.float32)
    portraits = tuple(row.portrait for row in rows)
    return PresenceRow(
        one.id, one.camera, one.footage_id, one.start, one.end, one.identity_id, vectors, qualities, portraits
    )


def decisions(engine: Engine) -> Decisions:
    """Of all corrections by people that hold; where two contradict each other, the later one's."""
    told: dict[Pair, bool] = {}
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        query = select(Correction.id, Correction.kind).where(
            Correction.author == "person", Correction.undone.is_(None)
        )
        for row in connection.execute(query.order_by(Correction.id)).all():
            told |= _told(connection, row.id, row.kind)
        named = frozenset(connection.scalars(select(Identity.id).where(Identity.name.is_not(None))))
    together = frozenset(pair for pair, same in told.items() if same)
    return Decisions(together, frozenset(told) - together, named)


def _told(connection: Connection, correction: int, kind: str) -> dict[Pair, bool]:
    """Pairs of sightings, and whether a correction says that they are of one person."""
    sighting = CorrectionSighting
    query = select(sighting.sighting_id, sighting.role, sighting.identity_id)
    groups: dict[int | None, list[int]] = defaultdict(list)
    moved: list[int] = []
    for row in connection.execute(query.where(sighting.correction_id == correction)).all():
        (groups[row.identity_id] if row.role in ("member", "cut") else moved).append(row.sighting_id)
    about = CorrectionIdentity
    pairs = select(about.identity_id, about.other_id).where(about.correction_id == correction)
    first, other = connection.execute(pairs).one()
    if kind == "merge":
        return _all(groups[first], groups[other], same=True)
    if kind == "differ":
        return _all(groups[first], groups[other], same=False)
    if kind in ("split", "cut", "move"):
        target, left = (first, None) if other is None else (other, first)
        away = _all(moved, groups[left], same=False)
        return away | _all(moved, moved, same=True) | _all(moved, groups[target], same=True)
    return {}


def _all(some: list[int], others: list[int], *, same: bool) -> dict[Pair, bool]:
    """Each with each, the smaller number first."""
    return {(min(a, b), max(a, b)): same for a in some for b in others if a != b}
