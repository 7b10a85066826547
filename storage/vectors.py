"""The vectors of a history: whose they are, which are the best, and that two models' never meet."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from storage.errors import DatabaseError
from storage.packing import unpack_vectors
from storage.schema import Camera, Footage, Identity, Model, Portrait, Sighting
from tracker.types import Floats


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


Taken = tuple[tuple[int, float], ...]
"""Of pictures, whose sighting's they are, and when they were taken."""


def best_vectors(connection: Connection, model: str, most: int) -> dict[int, tuple[Floats, Taken]]:
    """identity -> its best vectors of that model, (K, D) unit rows, best first, and what they are of."""
    of_model = Portrait.model_id == select(Model.id).where(Model.fingerprint == model).scalar_subquery()
    best = best_portraits(Sighting.identity_id, most, [of_model, Sighting.identity_id.is_not(None)])
    query = (
        select(Identity.id, Portrait.vector, Portrait.sighting_id, Portrait.time)
        .select_from(Portrait)
        .join(Sighting)
        .join(Identity, Identity.id == Sighting.identity_id)
        .where(Portrait.id.in_(best))
        .order_by(Identity.id, Portrait.quality.desc(), Portrait.time, Portrait.id)
    )
    vectors: dict[int, list[bytes]] = defaultdict(list)
    taken: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for identity, vector, sighting, time in connection.execute(query):
        vectors[identity].append(vector)
        taken[identity].append((sighting, time))
    return {identity: (unpack_vectors(blobs), tuple(taken[identity])) for identity, blobs in vectors.items()}


def last_presences(connection: Connection) -> dict[int, dict[str, tuple[float, float]]]:
    """identity -> camera -> (start, end) of the last presence there."""
    latest = func.row_number().over(
        partition_by=(Sighting.identity_id, Footage.camera_id),
        order_by=(Sighting.end.desc(), Sighting.start.desc()),
    )
    ranked = (
        select(Sighting.identity_id, Camera.name, Sighting.start, Sighting.end, latest.label("rank"))
        .join(Footage, Footage.id == Sighting.footage_id)
        .join(Camera)
        .where(Sighting.identity_id.is_not(None))
        .subquery()
    )
    seen: dict[int, dict[str, tuple[float, float]]] = defaultdict(dict)
    for identity, camera, start, end, _ in connection.execute(select(ranked).where(ranked.c.rank == 1)):
        seen[identity][camera] = (start, end)
    return seen
