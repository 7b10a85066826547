"""The tables of a history. One sighting is a row; its trajectory is a packed row every few seconds.

    run --< footage >-- camera            one source, as one run recorded it
              |
    identity --< sighting --< trajectory  a visit, and the way it took
                     |    `--< revision   what its run thought before it thought better of it
                     |
                     +--< portrait >-- model   the vector of a good picture
                              `-- picture      and the picture, while it is kept

    segment >-- camera                     a file with recorded footage

    topology --< link, overlap >-- camera  how the cameras lie to each other, as learned from all that
             --< clock >-- footage         and how far each recording's clock is ahead, where that was learned

    correction --< correction_identity     the journal: who was merged, split, named, told apart
               --< correction_sighting     and which sightings that is about
               --- pending                 those that are recorded anew, until it is said of the new ones
               --- unlaid                  that it is about more sightings than are changed at once

    erasure                                what was to be forgotten, and that it was

What follows from these is kept as well, because it is asked all the time: `seen`, who was on which camera how
often, and `bound`, by triggers; `template`, the pictures that tell people apart, and `centroids`, their
means, of those whom `stale` names, by storage.templates.

Times are seconds since 1970-01-01 UTC. A change here needs a new file in migrations/versions,
and a new VERSION.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Double, ForeignKey, Index, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

VERSION = 9

DOUBTFUL = "placed_by IS NULL AND identity_id IS NOT NULL AND probability < 0.95"
"""Of a sighting: given to somebody by its run, which was not sure. Word for word what the index is of."""


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


class Segment(Base):
    """A file of recorded footage. ``start``: what its own time 0 is; ``end``: of its last frame, nearly."""

    __tablename__ = "segment"
    __table_args__ = (Index(None, "camera_id", "start"), Index(None, "end"))

    id: Mapped[int] = mapped_column(primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    path: Mapped[str] = mapped_column(unique=True)
    start: Mapped[float]
    end: Mapped[float]
    bytes: Mapped[int]


class Identity(Base):
    """One person over all cameras. ``created`` is when they were first seen.

    merged_into: who this is now, never one that is itself merged. made_by: the correction that made it, null
    where a run did. fixed_by: the latest correction by a person that is about it.
    """

    __tablename__ = "identity"
    __table_args__ = tuple(
        Index(f"ix_identity_{name}", name, sqlite_where=text(f"{name} IS NOT NULL"))
        for name in ("made_by", "fixed_by")
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    created: Mapped[float]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    made_by: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))
    fixed_by: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))


class Sighting(Base):
    """One presence on one camera. ``number`` is the run's own, from 1; below 0 where a cut made the sighting.

    identity_id: who it is, with all corrections. decided_id: who the run said it is. placed_by: the
    correction that put it where it is, which the run then no longer changes. The columns from ``distance`` to
    ``crops`` are the evidence; ``crops`` is null where there is none. ``runner_up`` and ``barred`` are
    identities' ids, which stay though those identities may go. The pictures compared: this one's of
    ``picture_time``, and of the nearest one (an id, which stays though that sighting may go) that of
    ``nearest_time``. The terms of the log odds (tracker.types.Terms) are null where they were not recorded;
    ``prior`` is that of all three, ``appearance``, ``transition`` and ``ground`` are of the one chosen.
    """

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("run_id", "number"),
        Index(None, "identity_id", "start"),
        Index(None, "identity_id", "end"),
        Index(None, "footage_id", "start"),
        Index(None, "start"),
        *(
            Index(f"ix_sighting_{name}", name, sqlite_where=text(f"{name} IS NOT NULL"))
            for name in ("placed_by", "nearest_sighting", "runner_up", "barred")
        ),
        Index("ix_sighting_doubtful", "probability", sqlite_where=text(DOUBTFUL)),
        {"sqlite_autoincrement": True},
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
    decided_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    placed_by: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))
    placed_probability: Mapped[float | None]
    picture_time: Mapped[float | None]
    nearest_sighting: Mapped[int | None]
    nearest_time: Mapped[float | None]
    prior: Mapped[float | None]
    appearance: Mapped[float | None]
    transition: Mapped[float | None]
    ground: Mapped[float | None]
    runner_up_appearance: Mapped[float | None]
    runner_up_transition: Mapped[float | None]
    runner_up_ground: Mapped[float | None]
    barred_appearance: Mapped[float | None]
    barred_transition: Mapped[float | None]
    barred_ground: Mapped[float | None]
    again: Mapped[bool | None]
    barred: Mapped[int | None]
    barred_by: Mapped[str | None]


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

    The JPEG is empty where only what was detected was at hand, and no picture. It is the last column, so that
    SQLite reads the vectors without walking over the pictures.
    """

    __tablename__ = "portrait"
    __table_args__ = (Index(None, "sighting_id", "model_id", "quality", "time"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sighting_id: Mapped[int] = mapped_column(ForeignKey("sighting.id", ondelete="CASCADE"))
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    time: Mapped[float]
    quality: Mapped[float]
    vector: Mapped[bytes]


class Picture(Base):
    """The picture that a portrait was made of, as JPEG: apart, so that reading vectors reads no pictures."""

    __tablename__ = "picture"

    portrait_id: Mapped[int] = mapped_column(
        ForeignKey("portrait.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    jpeg: Mapped[bytes]


class Seen(Base):
    """Somebody on a camera: how many sightings, their lengths added, the first's start, the last's span.

    Kept by triggers on `sighting`.
    """

    __tablename__ = "seen"
    __table_args__ = (
        Index(None, "last_end"),
        Index(None, "camera_id", "last_end"),
        {"sqlite_with_rowid": False},
    )

    identity_id: Mapped[int] = mapped_column(ForeignKey("identity.id", ondelete="CASCADE"), primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    sightings: Mapped[int]
    seconds: Mapped[float]
    first: Mapped[float]
    last_start: Mapped[float]
    last_end: Mapped[float]


class Template(Base):
    """One of the few portraits that somebody is told apart by: a copy, by person, to be read at once."""

    __tablename__ = "template"
    __table_args__ = ({"sqlite_with_rowid": False},)

    identity_id: Mapped[int] = mapped_column(ForeignKey("identity.id", ondelete="CASCADE"), primary_key=True)
    portrait_id: Mapped[int] = mapped_column(
        ForeignKey("portrait.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    sighting_id: Mapped[int]
    time: Mapped[float]
    quality: Mapped[float]
    vector: Mapped[bytes]


PEOPLE_A_BLOCK = 64


class Centroids(Base):
    """The means of people's templates, one byte a number (storage.packing): what a picture is held against
    first. A row for 64 people, so that a million are read at once: those whose id divided by 64 is ``block``,
    one behind the other. Zeros where somebody has no templates, or while they are to be chosen anew.
    """

    __tablename__ = "centroids"
    __table_args__ = ({"sqlite_with_rowid": False},)

    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), primary_key=True)
    block: Mapped[int] = mapped_column(primary_key=True)
    vectors: Mapped[bytes]


class Stale(Base):
    """Somebody whose templates are to be chosen anew. Kept by triggers."""

    __tablename__ = "stale"

    identity_id: Mapped[int] = mapped_column(
        ForeignKey("identity.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


class Bound(Base):
    """length: no sighting is longer, in seconds. identity: none that was deleted had a higher id. people: how
    many are in `seen`.
    """

    __tablename__ = "bound"
    __table_args__ = ({"sqlite_with_rowid": False},)

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]


class Revision(Base):
    """A run gave one of its sightings another identity. Ids null: undecided."""

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[float]
    sighting_id: Mapped[int] = mapped_column(ForeignKey("sighting.id", ondelete="CASCADE"), index=True)
    before_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    after_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    probability: Mapped[float]


class Erasure(Base):
    """What is to be forgotten, until ``done``; from then on a note that it was, without the data.

    author: person, or policy (what a configuration keeps). kind: person, camera, before, pictures, portraits.
    identity_id, camera_id, before: of whom, of which camera, of what ended before when; null once it is done.
    The others count what is gone; files: of recorded footage.
    """

    __tablename__ = "erasure"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    asked: Mapped[float]
    done: Mapped[float | None]
    author: Mapped[str]
    kind: Mapped[str]
    identity_id: Mapped[int | None]
    camera_id: Mapped[int | None]
    before: Mapped[float | None]
    people: Mapped[int] = mapped_column(server_default="0")
    sightings: Mapped[int] = mapped_column(server_default="0")
    portraits: Mapped[int] = mapped_column(server_default="0")
    pictures: Mapped[int] = mapped_column(server_default="0")
    files: Mapped[int] = mapped_column(server_default="0")


class Topology(Base):
    """What was learned of the cameras, ``learned`` when. start, end: of the sightings."""

    __tablename__ = "topology"

    id: Mapped[int] = mapped_column(primary_key=True)
    learned: Mapped[float]
    start: Mapped[float]
    end: Mapped[float]
    visits: Mapped[str]


class Link(Base):
    """One camera follows another: tracker.types.Link. counts: a JSON list."""

    __tablename__ = "link"

    id: Mapped[int] = mapped_column(primary_key=True)
    topology_id: Mapped[int] = mapped_column(ForeignKey("topology.id", ondelete="CASCADE"), index=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    ways: Mapped[int]
    people: Mapped[int]
    share: Mapped[float]
    delay_s: Mapped[float]
    lower_s: Mapped[float]
    upper_s: Mapped[float]
    least_s: Mapped[float]
    most_s: Mapped[float]
    height: Mapped[float]
    span_start_s: Mapped[float]
    span_end_s: Mapped[float]
    counts: Mapped[str]


class Overlap(Base):
    """Whether two cameras see the same people at the same moment: tracker.types.Overlap."""

    __tablename__ = "overlap"

    id: Mapped[int] = mapped_column(primary_key=True)
    topology_id: Mapped[int] = mapped_column(ForeignKey("topology.id", ondelete="CASCADE"), index=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    at_once: Mapped[int]
    share: Mapped[float]
    height: Mapped[float]
    seen: Mapped[bool | None]


class Clock(Base):
    """How far a source's times are ahead of those of its group's: tracker.types.ClockOffset."""

    __tablename__ = "clock"

    id: Mapped[int] = mapped_column(primary_key=True)
    topology_id: Mapped[int] = mapped_column(ForeignKey("topology.id", ondelete="CASCADE"), index=True)
    footage_id: Mapped[int] = mapped_column(ForeignKey("footage.id", ondelete="CASCADE"), index=True)
    offset_s: Mapped[float]
    group: Mapped[int]


class Correction(Base):
    """A change of identities. author: person or machine. undone: when it was taken back, null while it holds.

    kind: merge, split, cut, move, name, differ; refine (the second pass).
    name, name_before: of kind name. note: of a cut, the moment in epoch seconds.
    """

    __tablename__ = "correction"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[float]
    author: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str | None]
    name_before: Mapped[str | None]
    note: Mapped[str | None]
    undone: Mapped[float | None]


class CorrectionIdentity(Base):
    """Whom a correction is about. ``other_id``: whom they became, were told from, or null."""

    __tablename__ = "correction_identity"

    id: Mapped[int] = mapped_column(primary_key=True)
    correction_id: Mapped[int] = mapped_column(ForeignKey("correction.id", ondelete="CASCADE"), index=True)
    identity_id: Mapped[int] = mapped_column(ForeignKey("identity.id"), index=True)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)


class CorrectionSighting(Base):
    """A sighting that a correction is about.

    role: moved (to ``identity_id``, from ``before_id``); held (a run wanted it elsewhere, the correction
    keeps it); cut (it was cut, and what was moved is its later part); member (it was ``identity_id``'s at the
    time, and stands for them).
    """

    __tablename__ = "correction_sighting"

    id: Mapped[int] = mapped_column(primary_key=True)
    correction_id: Mapped[int] = mapped_column(ForeignKey("correction.id", ondelete="CASCADE"), index=True)
    sighting_id: Mapped[int] = mapped_column(ForeignKey("sighting.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    before_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    probability: Mapped[float | None]


class Pending(Base):
    """A correction that is about sightings which were erased to be recorded anew, until it is said of the new
    ones. about: JSON of storage.carrying: those sightings, their roles, and the ways they took.
    """

    __tablename__ = "pending"

    correction_id: Mapped[int] = mapped_column(
        ForeignKey("correction.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    about: Mapped[str]


class Unlaid(Base):
    """A correction that was made or undone, and is about so many sightings that they are put where it says in
    several transactions. done: the last of its rows in correction_sighting of which that is so.
    """

    __tablename__ = "unlaid"

    correction_id: Mapped[int] = mapped_column(
        ForeignKey("correction.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    done: Mapped[int]
