"""The tables of a history. One sighting is a row; its trajectory is a packed row every few seconds.

    run --< footage >-- camera            one source, as one run recorded it
              |
    identity --< sighting --< trajectory  a visit, and the way it took
                     |
                     +--< portrait >-- model   a good picture and its vector

Times are seconds since 1970-01-01 UTC. A change here needs a new file in migrations/versions,
and a new VERSION.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Double, ForeignKey, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

VERSION = 1


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {float: Double}


class Run(Base):
    """One start of the program. ``ended`` stays null where the run was killed."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    started: Mapped[float]
    ended: Mapped[float | None]
    command: Mapped[str]
    version: Mapped[str]


class Model(Base):
    """The network that made the vectors. Vectors of two models are never compared."""

    __tablename__ = "model"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    dimension: Mapped[int]


class Camera(Base):
    __tablename__ = "camera"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Footage(Base):
    """What one run saw of one camera: its source, from its first frame's time to its last one's."""

    __tablename__ = "footage"
    __table_args__ = (Index(None, "camera_id", "start", "end"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    uri: Mapped[str]
    start: Mapped[float]
    end: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    frames: Mapped[int]


class Identity(Base):
    """One person over all cameras. ``created`` is when they were first seen."""

    __tablename__ = "identity"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    created: Mapped[float]


class Sighting(Base):
    """One presence on one camera. ``number`` is the run's own.

    The columns from ``distance`` on are the evidence; ``crops`` is null where there is none. ``runner_up`` is
    an identity's id, which stays though that identity may go.
    """

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("run_id", "number"),
        Index(None, "identity_id", "start"),
        Index(None, "footage_id", "start"),
        Index(None, "start"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    number: Mapped[int]
    footage_id: Mapped[int] = mapped_column(ForeignKey("footage.id", ondelete="CASCADE"))
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"))
    start: Mapped[float]
    end: Mapped[float]
    probability: Mapped[float]
    distance: Mapped[float | None]
    gap_s: Mapped[float | None]
    runner_up: Mapped[int | None]
    runner_up_distance: Mapped[float | None]
    crops: Mapped[int | None]


class Trajectory(Base):
    """A few seconds of a sighting's way, packed by storage.packing."""

    __tablename__ = "trajectory"
    __table_args__ = (Index(None, "sighting_id", "start"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sighting_id: Mapped[int] = mapped_column(ForeignKey("sighting.id", ondelete="CASCADE"))
    start: Mapped[float]
    end: Mapped[float]
    points: Mapped[int]
    blob: Mapped[bytes]


class Portrait(Base):
    """A good picture of a sighting: float16 little-endian vector of its model, and JPEG.

    The picture is the last column, so that SQLite reads the vectors without walking over the pictures.
    """

    __tablename__ = "portrait"
    __table_args__ = (Index(None, "sighting_id", "model_id", "quality", "time"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sighting_id: Mapped[int] = mapped_column(ForeignKey("sighting.id", ondelete="CASCADE"))
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    time: Mapped[float]
    quality: Mapped[float]
    vector: Mapped[bytes]
    jpeg: Mapped[bytes]
