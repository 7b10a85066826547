"""The rows of cameras."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from storage.schema import Camera


def camera_row(connection: Connection, name: str) -> int:
    """The camera's row, made where it is missing."""
    connection.execute(insert(Camera).values(name=name).on_conflict_do_nothing())
    return connection.execute(select(Camera.id).where(Camera.name == name)).scalar_one()
