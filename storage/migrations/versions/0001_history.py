"""The first history: runs, cameras, footage, identities, sightings, trajectories, portraits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _sources()
    _sightings()
    _pictures()


def _sources() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("command", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
    )
    op.create_table(
        "camera",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
    )
    op.create_table(
        "footage",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("uri", sa.String, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
    )
    op.create_index("ix_footage_run_id", "footage", ["run_id"])
    op.create_index("ix_footage_camera_id_start_end", "footage", ["camera_id", "start", "end"])


def _sightings() -> None:
    op.create_table(
        "identity",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_table(
        "sighting",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("footage_id", sa.Integer, sa.ForeignKey("footage.id", ondelete="CASCADE"), nullable=False),
        sa.Column("identity_id", sa.Integer, sa.ForeignKey("identity.id")),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("distance", sa.Double),
        sa.Column("gap_s", sa.Double),
        sa.Column("runner_up", sa.Integer),
        sa.Column("runner_up_distance", sa.Double),
        sa.Column("crops", sa.Integer),
        sa.UniqueConstraint("run_id", "number"),
    )
    op.create_index("ix_sighting_identity_id_start", "sighting", ["identity_id", "start"])
    op.create_index("ix_sighting_footage_id_start", "sighting", ["footage_id", "start"])
    op.create_index("ix_sighting_start", "sighting", ["start"])
    op.create_table(
        "trajectory",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "sighting_id", sa.Integer, sa.ForeignKey("sighting.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_trajectory_sighting_id_start", "trajectory", ["sighting_id", "start"])


def _pictures() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.String, nullable=False, unique=True),
        sa.Column("dimension", sa.Integer, nullable=False),
    )
    op.create_table(
        "portrait",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "sighting_id", sa.Integer, sa.ForeignKey("sighting.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("model.id"), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("quality", sa.Double, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_portrait_model_id", "portrait", ["model_id"])
    op.create_index(
        "ix_portrait_sighting_id_model_id_quality_time",
        "portrait",
        ["sighting_id", "model_id", "quality", "time"],
    )
