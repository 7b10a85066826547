"""The journal of corrections, and what follows from it: redirects, names, and where sightings are put.

What runs said stays (``sighting.decided_id``); a correction is laid over it. So undoing one is leaving it out
and laying the others over again.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from storage.schema import Correction, CorrectionIdentity, CorrectionSighting, Identity, Sighting

PERSON, MACHINE = "person", "machine"


def hold(connection: Connection, sighting: int, identity: int | None) -> bool:
    """Keep a sighting with an identity that a person decided about, against its run; whether that is so."""
    fixed = connection.execute(select(Identity.fixed_by).where(Identity.id == identity)).scalar()
    now = connection.execute(select(Sighting.identity_id).where(Sighting.id == sighting)).scalar()
    if fixed is None or now == identity:
        return False
    add_sightings(connection, fixed, [sighting], role="held", identity=identity, probability=1.0)
    place(connection, fixed, [sighting], identity, probability=1.0)
    return True


def note_revision(
    connection: Connection, sighting: int, before: int, after: int | None, *, probability: float
) -> None:
    """Record that a run gave one of its sightings another identity."""
    correction = add(connection, "revise", author=MACHINE)
    add_identities(connection, correction, [(before, after)])
    add_sightings(
        connection,
        correction,
        [sighting],
        role="moved",
        identity=after,
        before=before,
        probability=probability,
    )


def add(connection: Connection, kind: str, *, author: str = PERSON, **more: Any) -> int:
    """A new row of the journal; its number."""
    statement = insert(Correction).values(time=time.time(), author=author, kind=kind, **more)
    return connection.execute(statement.returning(Correction.id)).scalar_one()


def add_identities(connection: Connection, correction: int, pairs: list[tuple[int, int | None]]) -> None:
    rows = [{"correction_id": correction, "identity_id": a, "other_id": b} for a, b in pairs]
    connection.execute(insert(CorrectionIdentity), rows)


def add_sightings(
    connection: Connection,
    correction: int,
    sightings: list[int],
    *,
    role: str,
    identity: int | None,
    before: int | None = None,
    probability: float | None = None,
) -> None:
    more = {"role": role, "identity_id": identity, "before_id": before, "probability": probability}
    rows = [{"correction_id": correction, "sighting_id": sighting, **more} for sighting in sightings]
    if rows:
        connection.execute(insert(CorrectionSighting), rows)


def place(
    connection: Connection, correction: int, sightings: list[int], identity: int | None, *, probability: float
) -> None:
    """Put sightings to an identity, where no run moves them from."""
    values = {"identity_id": identity, "placed_by": correction, "placed_probability": probability}
    for sighting in sightings:
        connection.execute(update(Sighting).where(Sighting.id == sighting).values(values))


def replay(connection: Connection) -> None:
    """Lay every correction that holds over what the runs said, oldest first."""
    connection.execute(update(Identity).values(merged_into=None, fixed_by=None))
    loose = {"placed_by": None, "placed_probability": None}
    connection.execute(update(Sighting).where(Sighting.placed_by.is_not(None)).values(loose))
    holding = list(connection.execute(select(*Correction.__table__.c).order_by(Correction.id)))
    _redirect(connection, holding)
    roots = select(func.coalesce(Identity.merged_into, Identity.id)).where(Identity.id == Sighting.decided_id)
    root = roots.scalar_subquery()
    changed = Sighting.identity_id.is_distinct_from(root)
    connection.execute(update(Sighting).where(changed).values(identity_id=root))
    for row in holding:
        _lay(connection, row)
    _name(connection, holding)


def _redirect(connection: Connection, holding: list[Any]) -> None:
    active = [row.id for row in holding if row.undone is None and row.kind == "merge"]
    about = CorrectionIdentity
    query = (
        select(about.identity_id, about.other_id).where(about.correction_id.in_(active)).order_by(about.id)
    )
    into: dict[int, int] = {row.identity_id: row.other_id for row in connection.execute(query)}
    for start in into:
        end = into[start]
        while end in into:
            end = into[end]
        connection.execute(update(Identity).where(Identity.id == start).values(merged_into=end))


def _lay(connection: Connection, row: Any) -> None:
    """One correction: where it puts sightings, and whom it fixes. A revision counts once it is undone."""
    revision = row.kind == "revise"
    if (row.undone is None) == revision:
        return
    moved = CorrectionSighting
    roles = ("moved",) if revision else ("moved", "held")
    query = (
        select(*moved.__table__.c)
        .where(moved.correction_id == row.id, moved.role.in_(roles))
        .order_by(moved.id)
    )
    for step in connection.execute(query).all():
        identity = root_of(connection, step.before_id if revision else step.identity_id)
        chance = step.probability if row.author == MACHINE and not revision else 1.0
        place(connection, row.id, [step.sighting_id], identity, probability=chance)
    if row.author == PERSON:
        fix(connection, row.id)


def fix(connection: Connection, correction: int) -> None:
    """Note at everybody a person's correction is about that it is."""
    about = CorrectionIdentity
    for column in (about.identity_id, about.other_id):
        ids = select(column).where(about.correction_id == correction, column.is_not(None))
        connection.execute(update(Identity).where(Identity.id.in_(ids)).values(fixed_by=correction))


def _name(connection: Connection, holding: list[Any]) -> None:
    """Everybody ever named has the last name that holds, or the one from before the first."""
    about = CorrectionIdentity
    names: dict[int, str | None] = {}
    for row in holding:
        if row.kind == "name":
            query = select(about.identity_id).where(about.correction_id == row.id)
            who = connection.execute(query).scalar_one()
            names.setdefault(who, row.name_before)
            if row.undone is None:
                names[who] = row.name
    for who, name in names.items():
        connection.execute(update(Identity).where(Identity.id == who).values(name=name))


def root_of(connection: Connection, identity: int | None) -> int | None:
    """Who an identity is now."""
    query = select(func.coalesce(Identity.merged_into, Identity.id)).where(Identity.id == identity)
    found: int | None = connection.execute(query).scalar()
    return found
