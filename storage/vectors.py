"""The vectors of a history: whose they are, which are the best, and that two models' never meet."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, func, select

from storage.batches import in_batches
from storage.errors import DatabaseError
from storage.packing import unpack_centroids, unpack_vectors
from storage.schema import (
    PEOPLE_A_BLOCK,
    Camera,
    Centroids,
    Identity,
    Model,
    Picture,
    Portrait,
    Seen,
    Sighting,
    Stale,
    Template,
)
from tracker import types
from tracker.types import Floats

Look = tuple[Floats, tuple[tuple[int, float], ...]]
"""Somebody's (K, D) unit rows, and of each the sighting and the time."""

_BLOCKS_AT_ONCE = 32
"""Of centroids: 2,000 people, whose numbers as floats stay in a processor's cache."""


def models_used(connection: Connection) -> list[str]:
    """The fingerprints of the models that have vectors here."""
    used = select(Portrait.id).where(Portrait.model_id == Model.id).exists()
    return list(connection.scalars(select(Model.fingerprint).where(used).order_by(Model.id)))


def check_model(connection: Connection, model: str, path: Path) -> None:
    """Raise DatabaseError where a history has vectors, but none of that model."""
    found = models_used(connection)
    if found and model not in found:
        raise DatabaseError(
            f"the history {path} holds vectors of the model {', '.join(found)}, which cannot be compared "
            f"with those of {model}; run with the same --reid as before, or name another file with --db"
        )


def best_portraits(group: Any, most: int, filters: list[ColumnElement[bool]]) -> Select[tuple[int]]:
    """The ids of the best portraits of every group: a column of Portrait or Sighting."""
    rank = func.row_number().over(
        partition_by=group, order_by=(Portrait.quality.desc(), Portrait.time, Portrait.id)
    )
    ranked = select(Portrait.id, rank.label("rank")).join(Sighting).where(*filters).subquery()
    return select(ranked.c.id).where(ranked.c.rank <= most)


def best_templates(connection: Connection, people: Collection[int]) -> dict[int, int]:
    """By person, the best portrait that they are told apart by and that has a picture."""
    best: dict[int, int] = {}
    has_picture = select(Picture.portrait_id).where(Picture.portrait_id == Template.portrait_id).exists()
    for some in in_batches(sorted(people)):
        query = select(Template.identity_id, Template.portrait_id)
        query = query.where(Template.identity_id.in_(some), has_picture)
        order = (Template.quality.desc(), Template.time, Template.portrait_id)
        for identity, portrait in connection.execute(query.order_by(Template.identity_id, *order)):
            best.setdefault(identity, portrait)
    return best


def best_vector(connection: Connection, sighting: int) -> tuple[str, Any] | None:
    """The model and the (D,) vector of a sighting's best picture; None where it has none."""
    query = (
        select(Model.fingerprint, Portrait.vector)
        .join(Portrait, Portrait.model_id == Model.id)
        .where(Portrait.sighting_id == sighting)
        .order_by(Portrait.quality.desc(), Portrait.time, Portrait.id)
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.fingerprint, unpack_vectors([row.vector])[0])


def identities(
    connection: Connection, model: str, ids: Sequence[int], *, most: int, looks_alone: bool = False
) -> Iterator[list[types.Identity]]:
    """Those of them who have templates of that model, in blocks, each by id, with the best ``most``.

    looks_alone: without where and when they were last seen.
    """
    for some in in_batches(sorted(ids)):
        names = {
            row.id: row.name
            for row in connection.execute(select(Identity.id, Identity.name).where(Identity.id.in_(some)))
        }
        seen = {} if looks_alone else _last_presences(connection, some)
        block = [
            types.Identity(id_, names[id_], vectors, seen.get(id_, {}), taken)
            for id_, vectors, taken in _looks(connection, model, some, most=most)
        ]
        if block:
            yield block


def looks(connection: Connection, model: str, ids: Sequence[int], *, most: int) -> list[Look]:
    """The same of their looks alone, without who they are, by id."""
    return [
        (vectors, taken)
        for some in in_batches(sorted(ids))
        for _, vectors, taken in _looks(connection, model, some, most=most)
    ]


def _looks(
    connection: Connection, model: str, ids: Sequence[int], *, most: int
) -> Iterator[tuple[int, Floats, tuple[tuple[int, float], ...]]]:
    rows = _templates(connection, model, ids)
    if not rows:
        return
    who, packed, sightings, times = zip(*rows, strict=True)
    vectors, taken = unpack_vectors(packed), tuple(zip(sightings, times, strict=True))
    firsts = [0, *(np.flatnonzero(np.diff(who)) + 1).tolist(), len(rows)]
    for first, end in pairwise(firsts):
        last = min(end, first + most)
        yield who[first], vectors[first:last], taken[first:last]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike looks are to people, by the centroids of these alone: whom to look at closely.

    ids: (N,), by id. alike: (L, N) of L looks, the mean cosine of each one's templates. unknown: people whose
    centroids are to be worked out anew, who may be anybody.
    """

    ids: NDArray[np.int64]
    alike: Floats
    unknown: tuple[int, ...]

    def nearest(self, look: int, *, most: int) -> tuple[dict[int, float], Floats]:
        """Of one look, the most alike by id, and how alike all others are."""
        alike = self.alike[look]
        order = np.argpartition(-alike, most - 1) if len(alike) > most else np.arange(len(alike))
        near, rest = order[:most], order[most:]
        return dict(zip(self.ids[near].tolist(), alike[near].tolist(), strict=True)), alike[rest]


def likeness(connection: Connection, model: str, looks: Floats, ids: Collection[int] | None) -> Likeness:
    """Of everybody who has templates of that model, or only of these ids. looks: (L, D)."""
    of_model = Centroids.model_id == select(Model.id).where(Model.fingerprint == model).scalar_subquery()
    query = select(Centroids.block, Centroids.vectors).where(of_model).order_by(Centroids.block)
    known: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    alike = [np.zeros((len(looks), 0), np.float32)]
    for rows in connection.execute(query).partitions(_BLOCKS_AT_ONCE):
        steps, numbers = unpack_centroids(b"".join(row[1] for row in rows), PEOPLE_A_BLOCK * len(rows))
        first = PEOPLE_A_BLOCK * np.array([row[0] for row in rows], np.int64)
        there = np.flatnonzero(steps)
        known.append((first[:, None] + np.arange(PEOPLE_A_BLOCK)).ravel()[there])
        alike.append((looks @ numbers.astype(np.float32).T * steps)[:, there])
    people, cosines = np.concatenate(known), np.concatenate(alike, axis=1)
    stale = np.array(connection.scalars(select(Stale.identity_id)).all(), np.int64)
    unknown = stale[~np.isin(stale, people)]
    if ids is not None:
        asked = np.fromiter(ids, np.int64, len(ids))
        unknown, among = unknown[np.isin(unknown, asked)], np.isin(people, asked)
        people, cosines = people[among], cosines[:, among]
    return Likeness(people, cosines, tuple(np.sort(unknown).tolist()))


def _templates(connection: Connection, model: str, ids: Sequence[int]) -> Sequence[Any]:
    """identity, vector, sighting, time of their templates of that model: by identity, best first."""
    of_model = Template.model_id == select(Model.id).where(Model.fingerprint == model).scalar_subquery()
    listed = select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value)  # one parameter
    query = (
        select(Template.identity_id, Template.vector, Template.sighting_id, Template.time)
        .where(Template.identity_id.in_(listed), of_model)
        .order_by(Template.identity_id, Template.quality.desc(), Template.time, Template.portrait_id)
    )
    return connection.execute(query).all()


def _last_presences(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, tuple[float, float]]]:
    """identity -> camera -> (start, end) of the last presence there."""
    query = (
        select(Seen.identity_id, Camera.name, Seen.last_start, Seen.last_end)
        .join(Camera)
        .where(Seen.identity_id.in_(ids))
    )
    seen: dict[int, dict[str, tuple[float, float]]] = defaultdict(dict)
    for identity, camera, start, end in connection.execute(query).all():
        seen[identity][camera] = (start, end)
    return seen
