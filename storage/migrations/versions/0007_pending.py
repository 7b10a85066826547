"""What people decided of sightings that are recorded anew, until it is said of the new ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "pending",
        sa.Column(
            "correction_id",
            sa.Integer,
            sa.ForeignKey("correction.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("about", sa.String, nullable=False),
    )
