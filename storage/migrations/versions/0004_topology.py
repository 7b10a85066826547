"""How the cameras lie to each other, as learned."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "topology",
        sa.Column("id", sa.Integer, primary_key=True),
        *_seconds("learned", "start", "end"),
        sa.Column("visits", sa.String, nullable=False),
    )
    measures = ("share", "delay_s", "lower_s", "upper_s", "least_s", "most_s", "height")
    _of_cameras(
        "link",
        sa.Column("ways", sa.Integer, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        *_seconds(*measures, "span_start_s", "span_end_s"),
        sa.Column("counts", sa.String, nullable=False),
    )
    _of_cameras(
        "overlap",
        sa.Column("at_once", sa.Integer, nullable=False),
        *_seconds("share", "height"),
        sa.Column("seen", sa.Boolean),
    )
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer, primary_key=True),
        _to("topology", "topology_id", ondelete="CASCADE"),
        _to("footage", "footage_id", ondelete="CASCADE"),
        *_seconds("offset_s"),
        sa.Column("group", sa.Integer, nullable=False),
    )
    for table in ("link", "overlap", "clock"):
        op.create_index(f"ix_{table}_topology_id", table, ["topology_id"])
    op.create_index("ix_clock_footage_id", "clock", ["footage_id"])


def _of_cameras(table: str, *columns: Any) -> None:
    """A table of pairs of cameras."""
    op.create_table(
        table,
        sa.Column("id", sa.Integer, primary_key=True),
        _to("topology", "topology_id", ondelete="CASCADE"),
        _to("camera", "first_id"),
        _to("camera", "second_id"),
        *columns,
    )


def _to(table: str, name: str, ondelete: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete=ondelete), nullable=False)


def _seconds(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double, nullable=False) for name in names]
