"""The terms of each decision: what spoke for the one chosen, for the next one, for one that was barred."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TERMS = ("prior", "appearance", "transition", "ground")


def upgrade() -> None:
    for of in ("", "runner_up_", "barred_"):
        for term in _TERMS[0 if not of else 1 :]:
            op.add_column("sighting", sa.Column(of + term, sa.Double))
    op.add_column("sighting", sa.Column("again", sa.Boolean))
    op.add_column("sighting", sa.Column("barred", sa.Integer))
    op.add_column("sighting", sa.Column("barred_by", sa.String))
    where = sa.text("barred IS NOT NULL")
    op.create_index("ix_sighting_barred", "sighting", ["barred"], sqlite_where=where)
    doubtful = sa.text("placed_by IS NULL AND identity_id IS NOT NULL AND probability < 0.95")
    op.create_index("ix_sighting_doubtful", "sighting", ["probability"], sqlite_where=doubtful)
