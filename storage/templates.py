"""The few pictures that each person is told apart by, kept as such: a gallery is read without the rest.

They are the best of a person's last sightings, and their mean is kept beside. Triggers note in `stale` whose
may have changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from storage.packing import pack_centroid, unpack_vectors
from storage.schema import Centroid, Portrait, Sighting, Stale, Template

MOST = 8
"""Of a person and a model: as many as the tracker's gallery holds."""

LAST = 200
"""Sightings of a person that they are chosen from: those who come every day look like they do now."""

_COLUMNS = ("model_id", "sighting_id", "time", "quality", "vector")


def renew(connection: Connection, *, most: int) -> int:
    """Choose anew the templates of some of those who are stale; how many were. Inside a transaction."""
    stale = list(connection.scalars(select(Stale.identity_id).limit(most)))
    for identity in stale:
        _renew(connection, identity)
    if stale:
        connection.execute(delete(Stale).where(Stale.identity_id.in_(stale)))
    return len(stale)


def _renew(connection: Connection, identity: int) -> None:
    kept = select(Template.portrait_id).where(Template.identity_id == identity)
    before, now = set(connection.scalars(kept)), set(_best(connection, identity))
    if gone := before - now:
        of_these = Template.identity_id == identity, Template.portrait_id.in_(gone)
        connection.execute(delete(Template).where(*of_these))
    if new := sorted(now - before):
        columns = [getattr(Portrait, name) for name in _COLUMNS]
        rows = connection.execute(select(Portrait.id, *columns).where(Portrait.id.in_(new)))
        connection.execute(insert(Template), [_row(identity, row) for row in rows])
    _renew_centroids(connection, identity)


def _renew_centroids(connection: Connection, identity: int) -> None:
    vectors: dict[int, list[bytes]] = defaultdict(list)
    query = select(Template.model_id, Template.vector).where(Template.identity_id == identity)
    for model, vector in connection.execute(query):
        vectors[model].append(vector)
    connection.execute(delete(Centroid).where(Centroid.identity_id == identity))
    for model, of_model in vectors.items():
        packed = pack_centroid(unpack_vectors(of_model).mean(axis=0))
        connection.execute(insert(Centroid).values(identity_id=identity, model_id=model, vector=packed))


def _row(identity: int, row: Any) -> dict[str, Any]:
    return {"identity_id": identity, "portrait_id": row.id} | {n: getattr(row, n) for n in _COLUMNS}


def _best(connection: Connection, identity: int) -> Sequence[int]:
    last = (
        select(Sighting.id)
        .where(Sighting.identity_id == identity)
        .order_by(Sighting.start.desc(), Sighting.id.desc())
        .limit(LAST)
    )
    rank = func.row_number().over(
        partition_by=Portrait.model_id, order_by=(Portrait.quality.desc(), Portrait.time, Portrait.id)
    )
    ranked = select(Portrait.id, rank.label("rank")).where(Portrait.sighting_id.in_(last)).subquery()
    return connection.scalars(select(ranked.c.id).where(ranked.c.rank <= MOST)).all()
