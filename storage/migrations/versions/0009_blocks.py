"""The centroids of 64 people in a row, so that those of a million are read at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_EACH = 64  # people a row
_AT_ONCE = 4096  # centroids read


def upgrade() -> None:
    op.create_table(
        "centroids",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("model.id"), nullable=False, primary_key=True),
        sa.Column("block", sa.Integer, nullable=False, primary_key=True),
        sa.Column("vectors", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("DROP TRIGGER template_gone")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # it is open
    for (model,) in driver.execute("SELECT id FROM model").fetchall():
        driver.executemany("INSERT INTO centroids VALUES (?, ?, ?)", _blocks(driver, model))
    op.drop_table("centroid")
    op.execute(_TRIGGER)


def _blocks(driver: Any, model: int) -> Iterator[tuple[int, int, bytes]]:
    query = "SELECT identity_id, vector FROM centroid WHERE model_id = ? ORDER BY identity_id"
    for block, rows in groupby(_each(driver.execute(query, (model,))), key=lambda row: row[0] // _EACH):
        vectors = bytearray()
        for identity, vector in rows:
            vectors = vectors or bytearray(_EACH * len(vector))
            place = identity % _EACH * len(vector)
            vectors[place : place + len(vector)] = vector
        yield model, block, bytes(vectors)


def _each(read: Any) -> Iterator[tuple[int, bytes]]:
    while rows := read.fetchmany(_AT_ONCE):
        yield from rows


# With somebody's template the mean of it goes, too, and with the last one of its 64 people the row.
_LENGTH = f"(length(vectors) / {_EACH})"
_PLACE = f"(OLD.identity_id % {_EACH})"
_FIRST = f"OLD.identity_id / {_EACH} * {_EACH}"
_THIS = f"model_id = OLD.model_id AND block = OLD.identity_id / {_EACH}"
_TRIGGER = f"""
    CREATE TRIGGER template_gone AFTER DELETE ON template BEGIN
        UPDATE centroids SET vectors = CAST(
            substr(vectors, 1, {_PLACE} * {_LENGTH}) || zeroblob({_LENGTH})
            || substr(vectors, ({_PLACE} + 1) * {_LENGTH} + 1) AS BLOB)
        WHERE {_THIS} AND substr(vectors, {_PLACE} * {_LENGTH} + 1, 4) <> zeroblob(4);
        DELETE FROM centroids WHERE {_THIS} AND NOT EXISTS (
            SELECT 1 FROM template AS t WHERE t.model_id = OLD.model_id
            AND t.identity_id BETWEEN {_FIRST} AND {_FIRST} + {_EACH - 1});
    END
"""
