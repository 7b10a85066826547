"""The few pictures that each person is told apart by, kept as such: a gallery is read without the rest.

They are the best of a person's last sightings, and their mean is kept beside. Triggers note in `stale` whose
may have changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from storage.packing import pack_centroid, unpack_vectors
from storage.schema import PEOPLE_A_BLOCK, Centroids, Portrait, Sighting, Stale, Template

MOST = 8
"""Of a person and a model: as many as the tracker's gallery holds."""

LAST = 200
"""Sightings of a person that they are chosen from: those who come every day look like they do now."""

_COLUMNS = ("model_id", "sighting_id", "time", "quality", "vector")


@contextmanager
def made_stale(connection: Connection, people: set[int]) -> Iterator[None]:
    """Adds to people who became stale meanwhile, and was not before."""
    query = select(Stale.identity_id)
    before = set(connection.scalars(query))
    yield
    people |= set(connection.scalars(query)) - before


def renew(connection: Connection, *, most: int, among: Collection[int] | None = None) -> int:
    """Choose anew the templates of some of those who are stale; how many were. Inside a transaction.

    among: only of these, a few hundred.
    """
    query = select(Stale.identity_id).limit(most)
    query = query if among is None else query.where(Stale.identity_id.in_(among))
    stale = list(connection.scalars(query))
    for identity in stale:
        _renew(connection, identity)
    if stale:
        _renew_centroids(connection, stale)
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


def _renew_centroids(connection: Connection, identities: Collection[int]) -> None:
    """Whose last template goes has no centroid any more, by a trigger."""
    columns = (Template.model_id, Template.identity_id, Template.vector)
    query = select(*columns).where(Template.identity_id.in_(identities))
    vectors: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for model, identity, vector in connection.execute(query):
        vectors[model, identity].append(vector)
    blocks: dict[tuple[int, int], dict[int, bytes]] = defaultdict(dict)
    for (model, identity), of_one in vectors.items():
        block, place = divmod(identity, PEOPLE_A_BLOCK)
        blocks[model, block][place] = pack_centroid(unpack_vectors(of_one).mean(axis=0))
    for (model, block), centroids in blocks.items():
        _write_block(connection, model, block, centroids)


def _write_block(connection: Connection, model: int, block: int, centroids: Mapping[int, bytes]) -> None:
    """centroids: by place in it, all of one length."""
    this = (Centroids.model_id == model) & (Centroids.block == block)
    before = connection.execute(select(Centroids.vectors).where(this)).scalar()
    length = len(next(iter(centroids.values())))
    vectors = bytearray(before or PEOPLE_A_BLOCK * length)
    for place, centroid in centroids.items():
        vectors[place * length : (place + 1) * length] = centroid
    values = {"model_id": model, "block": block, "vectors": bytes(vectors)}
    connection.execute(insert(Centroids).prefix_with("OR REPLACE").values(values))


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
