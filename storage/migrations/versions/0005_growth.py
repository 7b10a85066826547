"""For histories that grow for years: pictures apart from vectors, what is asked most often kept as such.

`seen` (who was on which camera how often), `stale` and `bound` are kept by triggers, whoever writes;
`template` is brought along by storage.templates, which looks at whom `stale` names.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_AT_ONCE = 2_000  # pictures moved at a time
_MOST, _LAST = 8, 200  # templates of a person, and of how many of the last sightings


def upgrade() -> None:
    _keep_ids()
    _part_pictures()
    _part_revisions()
    _sum_up()
    _erasures()
    _indices()
    _fill_templates()
    for trigger in _TRIGGERS:
        op.execute(trigger)


def _keep_ids() -> None:
    """Sightings' ids are never given again; Alembic's own way would not keep what points to the table."""
    (made,) = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'sighting'").one()
    bare = made.replace("CREATE TABLE sighting", "CREATE TABLE sighting_new", 1)
    bare = bare.replace("id INTEGER NOT NULL", "id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", 1)
    bare = bare.replace("CONSTRAINT pk_sighting PRIMARY KEY (id),", "", 1)
    op.execute(sa.text(bare.replace(":", r"\:")))
    op.execute("INSERT INTO sighting_new SELECT * FROM sighting")
    indices = op.get_bind().exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'sighting' AND sql IS NOT NULL"
    )
    told = list(indices.scalars())
    op.execute("DROP TABLE sighting")
    op.execute("ALTER TABLE sighting_new RENAME TO sighting")
    for statement in told:
        op.execute(statement)


def _part_pictures() -> None:
    op.create_table(
        "picture",
        sa.Column(
            "portrait_id",
            sa.Integer,
            sa.ForeignKey("portrait.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "portrait_new",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "sighting_id", sa.Integer, sa.ForeignKey("sighting.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("model.id"), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("quality", sa.Double, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    last = op.get_bind().exec_driver_sql("SELECT coalesce(max(id), 0) FROM portrait").scalar_one()
    for first in range(1, last + 1, _AT_ONCE):
        for statement in _PARTED:
            op.get_bind().exec_driver_sql(statement, (first, first + _AT_ONCE - 1))
    op.execute("DROP TABLE portrait")
    op.execute("ALTER TABLE portrait_new RENAME TO portrait")
    op.create_index("ix_portrait_model_id", "portrait", ["model_id"])
    columns = ["sighting_id", "model_id", "quality", "time"]
    op.create_index("ix_portrait_sighting_id_model_id_quality_time", "portrait", columns)


_PARTED = (
    "INSERT INTO picture SELECT id, jpeg FROM portrait WHERE id BETWEEN ? AND ? AND length(jpeg) > 0",
    """
    INSERT INTO portrait_new SELECT id, sighting_id, model_id, time, quality, vector FROM portrait
    WHERE id BETWEEN ? AND ?
    """,
    "DELETE FROM portrait WHERE id BETWEEN ? AND ?",  # the room that they took is used again
)


def _part_revisions() -> None:
    """What a run thought better of is no correction. One that a person undid is a move by that person."""
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column(
            "sighting_id", sa.Integer, sa.ForeignKey("sighting.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("before_id", sa.Integer, sa.ForeignKey("identity.id")),
        sa.Column("after_id", sa.Integer, sa.ForeignKey("identity.id")),
        sa.Column("probability", sa.Double, nullable=False),
    )
    for statement in _REVISIONS:
        op.execute(statement)


_OPEN = "(SELECT id FROM correction WHERE kind = 'revise' AND undone IS NULL)"
_UNDONE = "(SELECT id FROM correction WHERE kind = 'revise')"
_REVISIONS = (
    """
    INSERT INTO revision (time, sighting_id, before_id, after_id, probability)
    SELECT correction.time, step.sighting_id, step.before_id, step.identity_id, coalesce(probability, 0)
    FROM correction JOIN correction_sighting AS step ON step.correction_id = correction.id
    WHERE correction.kind = 'revise' AND correction.undone IS NULL ORDER BY correction.id
    """,
    f"DELETE FROM correction_identity WHERE correction_id IN {_OPEN}",
    f"DELETE FROM correction_sighting WHERE correction_id IN {_OPEN}",
    "DELETE FROM correction WHERE kind = 'revise' AND undone IS NULL",
    f"""
    UPDATE correction_sighting SET identity_id = before_id, before_id = identity_id, probability = 1.0
    WHERE correction_id IN {_UNDONE}
    """,
    f"UPDATE correction_identity SET other_id = NULL WHERE correction_id IN {_UNDONE}",
    """
    UPDATE identity SET fixed_by = max(coalesce(fixed_by, 0), told.number)
    FROM (SELECT max(correction.id) AS number, identity_id FROM correction
          JOIN correction_identity ON correction_id = correction.id
          WHERE kind = 'revise' GROUP BY identity_id) AS told
    WHERE told.identity_id = identity.id
    """,
    """
    UPDATE correction SET kind = 'move', author = 'person', time = undone, undone = NULL
    WHERE kind = 'revise'
    """,
)


def _sum_up() -> None:
    op.create_table(
        "seen",
        _to("identity", primary_key=True),
        _to("camera", primary_key=True),
        sa.Column("sightings", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Double, nullable=False)
            for name in ("seconds", "first", "last_start", "last_end")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        """
        INSERT INTO seen
        WITH visit AS (SELECT identity_id, camera_id, sighting.start, sighting."end" FROM sighting
                       JOIN footage ON footage.id = footage_id WHERE identity_id IS NOT NULL),
             newest AS (SELECT identity_id, camera_id, start, max("end") AS "end" FROM visit
                        GROUP BY identity_id, camera_id)
        SELECT visit.identity_id, visit.camera_id, count(*), sum(visit."end" - visit.start),
               min(visit.start), newest.start, newest."end"
        FROM visit JOIN newest USING (identity_id, camera_id)
        GROUP BY visit.identity_id, visit.camera_id
        """
    )
    op.create_table("stale", _to("identity", primary_key=True, autoincrement=False))
    op.create_table(
        "bound",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO bound SELECT 'length', coalesce(max(\"end\" - start), 0) FROM sighting")
    op.execute("INSERT INTO bound SELECT 'identity', coalesce(max(id), 0) FROM identity")
    op.create_table(
        "template",
        _to("identity", primary_key=True),
        sa.Column(
            "portrait_id", sa.Integer, sa.ForeignKey("portrait.id", ondelete="CASCADE"), primary_key=True
        ),
        _to("model"),
        sa.Column("sighting_id", sa.Integer, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("quality", sa.Double, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _erasures() -> None:
    """What is to be forgotten: an order until it is carried out, then a note without the data that it was."""
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("asked", sa.Double, nullable=False),
        sa.Column("done", sa.Double),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("identity_id", sa.Integer),
        sa.Column("camera_id", sa.Integer),
        sa.Column("before", sa.Double),
        *(
            sa.Column(name, sa.Integer, nullable=False, server_default="0")
            for name in ("people", "sightings", "portraits", "pictures", "files")
        ),
        sqlite_autoincrement=True,
    )


def _to(table: str, *, primary_key: bool = False, **more: Any) -> sa.Column[int]:
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE" if table == "identity" else None)
    return sa.Column(f"{table}_id", sa.Integer, key, nullable=False, primary_key=primary_key, **more)


def _indices() -> None:
    op.create_index("ix_sighting_identity_id_end", "sighting", ["identity_id", "end"])
    op.create_index("ix_seen_last_end", "seen", ["last_end"])
    op.create_index("ix_seen_camera_id_last_end", "seen", ["camera_id", "last_end"])
    op.create_index("ix_template_portrait_id", "template", ["portrait_id"])
    for column in ("sighting_id", "before_id", "after_id"):
        op.create_index(f"ix_revision_{column}", "revision", [column])
    for table, column in (
        ("sighting", "placed_by"),
        ("sighting", "nearest_sighting"),
        ("sighting", "runner_up"),
        ("identity", "made_by"),
        ("identity", "fixed_by"),
    ):
        op.create_index(
            f"ix_{table}_{column}", table, [column], sqlite_where=sa.text(f"{column} IS NOT NULL")
        )


def _fill_templates() -> None:
    op.execute(
        f"""
        INSERT INTO template
        WITH late AS (SELECT id, identity_id, row_number() OVER (
                          PARTITION BY identity_id ORDER BY start DESC, id DESC) AS age
                      FROM sighting WHERE identity_id IS NOT NULL),
             ranked AS (SELECT late.identity_id, portrait.*, row_number() OVER (
                            PARTITION BY late.identity_id, model_id
                            ORDER BY quality DESC, time, portrait.id) AS rank
                        FROM late JOIN portrait ON portrait.sighting_id = late.id WHERE late.age <= {_LAST})
        SELECT identity_id, id, model_id, sighting_id, time, quality, vector FROM ranked
        WHERE rank <= {_MOST}
        """
    )


# A row of `seen` goes down by OLD and up by NEW. Where what goes was first or last, the next is sought.
_CAMERA = "(SELECT camera_id FROM footage WHERE id = {row}.footage_id)"
_OTHERS = (
    "sighting AS s JOIN footage AS f ON f.id = s.footage_id WHERE s.identity_id = OLD.identity_id "
    "AND f.camera_id = seen.camera_id"
)
_LESS = f"""
    UPDATE seen SET sightings = sightings - 1, seconds = seconds - (OLD."end" - OLD.start)
    WHERE identity_id = OLD.identity_id AND camera_id = {_CAMERA.format(row="OLD")};
    DELETE FROM seen WHERE identity_id = OLD.identity_id AND sightings = 0;
    UPDATE seen SET first = (SELECT s.start FROM {_OTHERS} ORDER BY s.start LIMIT 1)
    WHERE identity_id = OLD.identity_id AND first >= OLD.start AND camera_id = {_CAMERA.format(row="OLD")};
    UPDATE seen SET (last_start, last_end) =
        (SELECT s.start, s."end" FROM {_OTHERS} ORDER BY s."end" DESC LIMIT 1)
    WHERE identity_id = OLD.identity_id AND last_end <= OLD."end" AND camera_id = {_CAMERA.format(row="OLD")};
    INSERT INTO stale SELECT id FROM identity WHERE id = OLD.identity_id
        AND id NOT IN (SELECT identity_id FROM stale);
"""
_MORE = f"""
    INSERT INTO seen SELECT NEW.identity_id, {_CAMERA.format(row="NEW")}, 1, NEW."end" - NEW.start, NEW.start,
        NEW.start, NEW."end" WHERE NEW.identity_id IS NOT NULL
    ON CONFLICT DO UPDATE SET sightings = sightings + 1, seconds = seconds + excluded.seconds,
        first = min(first, excluded.first),
        last_start = CASE WHEN excluded.last_end >= last_end THEN excluded.last_start ELSE last_start END,
        last_end = max(last_end, excluded.last_end);
    INSERT INTO stale SELECT NEW.identity_id WHERE NEW.identity_id IS NOT NULL
        AND NEW.identity_id NOT IN (SELECT identity_id FROM stale);
"""
_LONGEST = """
    UPDATE bound SET value = NEW."end" - NEW.start WHERE name = 'length' AND value < NEW."end" - NEW.start;
"""
_LONGER = f"""
    UPDATE seen SET seconds = seconds + (NEW."end" - NEW.start) - (OLD."end" - OLD.start),
        last_start = CASE WHEN NEW."end" >= last_end THEN NEW.start ELSE last_start END,
        last_end = max(last_end, NEW."end")
    WHERE identity_id = NEW.identity_id AND camera_id = {_CAMERA.format(row="NEW")};
"""
_OF = """
    INSERT INTO stale SELECT DISTINCT identity_id FROM sighting WHERE id IN ({rows})
        AND identity_id IS NOT NULL AND identity_id NOT IN (SELECT identity_id FROM stale);
"""
_GROWS = 'OLD.identity_id IS NEW.identity_id AND OLD.start = NEW.start AND NEW."end" >= OLD."end"'
_TRIGGERS = (
    f"CREATE TRIGGER sighting_made AFTER INSERT ON sighting BEGIN {_MORE} {_LONGEST} END",
    "CREATE TRIGGER sighting_gone AFTER DELETE ON sighting "
    f"WHEN OLD.identity_id IS NOT NULL BEGIN {_LESS} END",
    'CREATE TRIGGER sighting_grown AFTER UPDATE OF "end" ON sighting '
    f'WHEN {_GROWS} AND NEW."end" > OLD."end" BEGIN {_LONGER} {_LONGEST} END',
    'CREATE TRIGGER sighting_moved AFTER UPDATE OF identity_id, start, "end" ON sighting '
    f"WHEN NOT ({_GROWS}) BEGIN {_LESS} {_MORE} {_LONGEST} END",
    f"CREATE TRIGGER portrait_made AFTER INSERT ON portrait BEGIN {_OF.format(rows='NEW.sighting_id')} END",
    f"CREATE TRIGGER portrait_gone AFTER DELETE ON portrait BEGIN {_OF.format(rows='OLD.sighting_id')} END",
    "CREATE TRIGGER portrait_moved AFTER UPDATE OF sighting_id ON portrait "
    f"BEGIN {_OF.format(rows='OLD.sighting_id, NEW.sighting_id')} END",
    "CREATE TRIGGER identity_gone AFTER DELETE ON identity BEGIN "
    "UPDATE bound SET value = OLD.id WHERE name = 'identity' AND value < OLD.id; END",
)
