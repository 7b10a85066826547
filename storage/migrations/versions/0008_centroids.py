"""What is asked of a million people: how many they are, and whom a picture is like; corrections in parts.

`bound` counts people, by triggers. `centroid` goes with the templates that it is the mean of; it is worked
out anew by storage.templates. `unlaid` names corrections of which a part is still to be carried out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_AT_ONCE = 4000  # templates read, centroids written


def upgrade() -> None:
    op.create_table(
        "centroid",
        _to("identity", ondelete="CASCADE", primary_key=True),
        _to("model", primary_key=True),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unlaid",
        _to("correction", ondelete="CASCADE", primary_key=True, autoincrement=False),
        sa.Column("done", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO bound SELECT 'people', count(DISTINCT identity_id) FROM seen")
    _fill_centroids()
    for trigger in _TRIGGERS:
        op.execute(trigger)


def _to(table: str, *, ondelete: str | None = None, **more: Any) -> sa.Column[int]:
    key = sa.ForeignKey(f"{table}.id", ondelete=ondelete)
    return sa.Column(f"{table}_id", sa.Integer, key, nullable=False, **more)


def _fill_centroids() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # it is open
    read = driver.execute("SELECT identity_id, model_id, vector FROM template ORDER BY identity_id, model_id")
    made: list[tuple[int, int, bytes]] = []
    for (identity, model), rows in groupby(_each(read), key=lambda row: row[:2]):
        made.append((identity, model, _centroid([row[2] for row in rows])))
        if len(made) == _AT_ONCE:
            driver.executemany("INSERT INTO centroid VALUES (?, ?, ?)", made)
            made.clear()
    driver.executemany("INSERT INTO centroid VALUES (?, ?, ?)", made)


def _each(read: Any) -> Iterator[tuple[int, int, bytes]]:
    while rows := read.fetchmany(_AT_ONCE):
        yield from rows


def _centroid(vectors: Sequence[bytes]) -> bytes:
    """The mean of float16 vectors as unit rows: a float32 factor, and a signed byte a number."""
    rows = np.frombuffer(b"".join(vectors), "<f2").reshape(len(vectors), -1).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    mean = rows.mean(axis=0)
    step = np.float32(max(float(np.abs(mean).max()) / 127, 1e-12))
    return struct.pack("<f", step) + bytes(np.rint(mean / step).astype("i1"))


_OTHER = "EXISTS (SELECT 1 FROM seen WHERE identity_id = {row}.identity_id{more})"
_TRIGGERS = (
    "CREATE TRIGGER seen_made AFTER INSERT ON seen WHEN NOT "
    f"{_OTHER.format(row='NEW', more=' AND camera_id <> NEW.camera_id')} "
    "BEGIN UPDATE bound SET value = value + 1 WHERE name = 'people'; END",
    f"CREATE TRIGGER seen_gone AFTER DELETE ON seen WHEN NOT {_OTHER.format(row='OLD', more='')} "
    "BEGIN UPDATE bound SET value = value - 1 WHERE name = 'people'; END",
    "CREATE TRIGGER template_gone AFTER DELETE ON template "
    "BEGIN DELETE FROM centroid WHERE identity_id = OLD.identity_id AND model_id = OLD.model_id; END",
)
