"""Corrections of identities: redirects, the journal, what was decided first, the pictures compared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _journal()
    for column in ("merged_into", "made_by", "fixed_by"):
        _refer("identity", column, "identity" if column == "merged_into" else "correction")
    _refer("sighting", "decided_id", "identity")
    _refer("sighting", "placed_by", "correction")
    for column in ("placed_probability", "picture_time", "nearest_time"):
        op.add_column("sighting", sa.Column(column, sa.Double))
    op.add_column("sighting", sa.Column("nearest_sighting", sa.Integer))
    op.create_index("ix_identity_merged_into", "identity", ["merged_into"])
    op.create_index("ix_sighting_decided_id", "sighting", ["decided_id"])
    op.execute("UPDATE sighting SET decided_id = identity_id")


def _refer(table: str, column: str, to: str) -> None:
    """A new column that points to another table: in place, where Alembic would copy the whole table."""
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER REFERENCES {to} (id)")


def _journal() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String),
        sa.Column("name_before", sa.String),
        sa.Column("note", sa.String),
        sa.Column("undone", sa.Double),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "correction_identity",
        sa.Column("id", sa.Integer, primary_key=True),
        _of("correction", ondelete="CASCADE"),
        _of("identity"),
        sa.Column("other_id", sa.Integer, sa.ForeignKey("identity.id")),
    )
    op.create_table(
        "correction_sighting",
        sa.Column("id", sa.Integer, primary_key=True),
        _of("correction", ondelete="CASCADE"),
        _of("sighting", ondelete="CASCADE"),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("identity_id", sa.Integer, sa.ForeignKey("identity.id")),
        sa.Column("before_id", sa.Integer, sa.ForeignKey("identity.id")),
        sa.Column("probability", sa.Double),
    )
    for table, columns in (
        ("correction_identity", ("correction_id", "identity_id", "other_id")),
        ("correction_sighting", ("correction_id", "sighting_id", "identity_id", "before_id")),
    ):
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])


def _of(table: str, ondelete: str | None = None) -> sa.Column[int]:
    key = sa.ForeignKey(f"{table}.id", ondelete=ondelete)
    return sa.Column(f"{table}_id", sa.Integer, key, nullable=False)
