"""What the second pass is given: a span's sightings with their vectors, and what people decided of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, func, select

from storage.batches import in_batches
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
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        filters = Span(None, since, until).filters(connection)
        expect_one_model(connection, path_of(engine), filters)
        found = connection.execute(_PRESENCES.where(*filters))
        return [_presence(list(rows)) for _, rows in groupby(found, key=lambda row: row.id)]


def presence_blocks(
    engine: Engine, *, since: float | None, until: float | None, first: int, then: int
) -> Iterator[list[PresenceRow]]:
    """The same by start, some at a time: so many at first, so many afterwards. What a run adds meanwhile to a
    time that was read is left out. Raises DatabaseError where their vectors are of several models.
    """
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        filters = Span(None, since, until).filters(connection)
        expect_one_model(connection, path_of(engine), filters)
    has_portrait = select(Portrait.id).where(Portrait.sighting_id == Sighting.id).exists()
    query = select(Sighting.id, Sighting.start).where(*filters, has_portrait)
    query = query.order_by(Sighting.start, Sighting.id)
    after: list[ColumnElement[bool]] = []
    while True:
        with in_plain_words(path_of(engine)), engine.connect() as connection:
            keys = connection.execute(query.where(*after).limit(first)).all()
            rows = [row for some in in_batches(keys) for row in _rows(connection, [key.id for key in some])]
        if rows:
            yield sorted(rows, key=lambda row: (row.start, row.id))
        if len(keys) < first:
            return
        last, first = keys[-1], then
        later = (Sighting.start > last.start) | (Sighting.id > last.id)
        after = [Sighting.start >= last.start, later]


def _rows(connection: Connection, ids: Sequence[int]) -> list[PresenceRow]:
    found = connection.execute(_PRESENCES.where(Sighting.id.in_(ids)))
    return [_presence(list(rows)) for _, rows in groupby(found, key=lambda row: row.id)]


def expect_one_model(connection: Connection, path: Path, filters: Sequence[ColumnElement[bool]]) -> None:
    """Raises DatabaseError where a span's vectors are of several models."""
    if connection.execute(select(func.count(Model.id))).scalar_one() < 2:
        return
    of_models = select(Portrait.model_id).join(Sighting).where(*filters).distinct().subquery()
    models = list(connection.scalars(select(Model.fingerprint).join(of_models)))
    if len(models) > 1:
        raise DatabaseError(
            f"the history {path} holds vectors of the models {', '.join(models)} in that span, which "
            "cannot be compared; name a span of one of them with --since and --until"
        )


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


def decisions(engine: Engine, among: Sequence[int] | None = None) -> Decisions:
    """Of all corrections by people that hold; where two contradict each other, the later one's.

    among: only of those that are about one of these sightings.
    """
    told: dict[Pair, bool] = {}
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        for row in _by_people(connection, among):
            told |= _told(connection, row.id, row.kind)
        named = frozenset(connection.scalars(select(Identity.id).where(Identity.name.is_not(None))))
    together = frozenset(pair for pair, same in told.items() if same)
    return Decisions(together, frozenset(told) - together, named)


def _by_people(connection: Connection, among: Sequence[int] | None) -> list[Any]:
    """id and kind of people's corrections that hold, the oldest first."""
    query = select(Correction.id, Correction.kind).order_by(Correction.id)
    query = query.where(Correction.author == "person", Correction.undone.is_(None))
    if among is None:
        return list(connection.execute(query))
    about: set[int] = set()
    for some in in_batches(among):
        those = select(CorrectionSighting.correction_id).where(CorrectionSighting.sighting_id.in_(some))
        about |= set(connection.scalars(those.distinct()))
    return [
        row
        for some in in_batches(sorted(about))
        for row in connection.execute(query.where(Correction.id.in_(some)))
    ]


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
