"""The journal of corrections, and what follows from it: redirects, names, and where sightings are put.

What runs said stays (``sighting.decided_id``); a correction is laid over it. So undoing one is looking what
the others say of whatever it was about.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from storage.batches import in_batches
from storage.schema import (
    Correction,
    CorrectionIdentity,
    CorrectionSighting,
    Identity,
    Revision,
    Sighting,
    Unlaid,
)

PERSON, MACHINE = "person", "machine"

_PLACED = ("moved", "held")

AT_ONCE = 500
"""Sightings put in one transaction: a fifth of a second, for which a run that records waits."""


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
    values = {"time": time.time(), "sighting_id": sighting, "before_id": before, "after_id": after}
    connection.execute(insert(Revision).values(**values, probability=probability))


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
    if sightings:
        connection.execute(PLACE, [{"which": sighting, **values} for sighting in sightings])


def take_back(connection: Connection, correction: int) -> None:
    """What followed from a correction that was marked as undone follows no more: as if all others that hold
    had been laid over what the runs said, oldest first. Only what it was about is touched.
    """
    row = connection.execute(select(*Correction.__table__.c).where(Correction.id == correction)).one()
    moved, about = CorrectionSighting, CorrectionIdentity
    steps = select(moved.sighting_id).where(moved.correction_id == correction, moved.role.in_(_PLACED))
    touched = set(connection.scalars(steps))
    if len(touched) > AT_ONCE:
        lay_later(connection, correction)
        touched = set()
    pairs = connection.execute(
        select(about.identity_id, about.other_id).where(about.correction_id == correction)
    ).all()
    if row.kind == "merge":
        for identity, _ in pairs:
            touched |= _part(connection, identity)
    _put(connection, sorted(touched))
    if row.author == PERSON:
        for identity in {who for pair in pairs for who in pair if who is not None}:
            _fix_anew(connection, identity)
    if row.kind == "name":
        _name(connection, pairs[0][0])


def lay_later(connection: Connection, correction: int) -> None:
    """What a correction was about is put where the journal says by `lay`, a part at a time."""
    values = {"correction_id": correction, "done": 0}
    statement = upsert(Unlaid).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["correction_id"], set_={"done": 0}))


def lay(connection: Connection) -> bool:
    """Put a part of what corrections are about, that were made or undone, where the journal says; whether
    something may be left. Whoever changes a history does so, also after one who was killed.
    """
    row = connection.execute(select(Unlaid.correction_id, Unlaid.done).limit(1)).first()
    if row is None:
        return False
    moved, this = CorrectionSighting, Unlaid.correction_id == row.correction_id
    steps = select(moved.id, moved.sighting_id).where(
        moved.correction_id == row.correction_id, moved.id > row.done, moved.role.in_(_PLACED)
    )
    some = connection.execute(steps.order_by(moved.id).limit(AT_ONCE)).all()
    _put(connection, sorted({step.sighting_id for step in some}))
    if len(some) == AT_ONCE:
        connection.execute(update(Unlaid).where(this).values(done=some[-1].id))
    else:
        connection.execute(delete(Unlaid).where(this))
    return True


def _part(connection: Connection, identity: int) -> set[int]:
    """Redirect anew whoever is one with an identity. Those sightings that people placed are left; they are
    returned.
    """
    root = root_of(connection, identity)
    same = select(Identity.id).where((Identity.merged_into == root) | (Identity.id == root))
    together = list(connection.scalars(same))
    into = _merges(connection, together)
    placed: set[int] = set()
    for who in together:
        end = _end(who, into)
        if end == root:
            continue
        merged = None if end == who else end
        connection.execute(update(Identity).where(Identity.id == who).values(merged_into=merged))
        decided = (Sighting.decided_id == who) & Sighting.placed_by.is_(None)
        connection.execute(update(Sighting).where(decided).values(identity_id=end))
        placed |= _placed_as(connection, who)
    return placed


def _merges(connection: Connection, identities: list[int]) -> dict[int, int]:
    """By whom a merge that holds is about, who they became."""
    about, into = CorrectionIdentity, dict[int, int]()
    query = (
        select(about.identity_id, about.other_id)
        .join(Correction, Correction.id == about.correction_id)
        .where(Correction.kind == "merge", Correction.undone.is_(None), about.other_id.is_not(None))
        .order_by(about.id)
    )
    for some in in_batches(identities):
        found = connection.execute(query.where(about.identity_id.in_(some)))
        into |= {row.identity_id: row.other_id for row in found if row.other_id is not None}
    return into


def _end(identity: int, into: dict[int, int]) -> int:
    while identity in into:
        identity = into[identity]
    return identity


def _placed_as(connection: Connection, identity: int) -> set[int]:
    """Sightings that are where they are because a correction put them to that identity."""
    moved = CorrectionSighting
    query = (
        select(Sighting.id)
        .join(moved, moved.sighting_id == Sighting.id)
        .where(moved.identity_id == identity, moved.role.in_(_PLACED), Sighting.placed_by.is_not(None))
    )
    return set(connection.scalars(query))


def _put(connection: Connection, sightings: list[int]) -> None:
    """Each where the last correction of it that holds puts it, else where its run did."""
    for some in in_batches(sightings):
        last = {step.sighting_id: step for step in connection.execute(_steps(some))}
        values = [_where(connection, id_, last.get(id_)) for id_ in some]
        loose = select(Sighting.id, Sighting.decided_id).where(Sighting.id.in_(some))
        decided = {row.id: row.decided_id for row in connection.execute(loose)}
        for row in values:
            if row["placed_by"] is None:
                row["identity_id"] = root_of(connection, decided[row["which"]])
        connection.execute(PLACE, values)


def _steps(sightings: Sequence[int]) -> Any:
    """What the corrections that hold say of these, the last word last."""
    moved = CorrectionSighting
    return (
        select(
            moved.sighting_id,
            moved.correction_id,
            moved.identity_id,
            moved.probability,
            Correction.author,
        )
        .join(Correction, Correction.id == moved.correction_id)
        .where(moved.sighting_id.in_(sightings), moved.role.in_(_PLACED))
        .where(Correction.undone.is_(None))
        .order_by(moved.correction_id, moved.id)
    )


def _where(connection: Connection, sighting: int, step: Any) -> dict[str, Any]:
    if step is None:
        return {"which": sighting, "placed_by": None, "placed_probability": None}
    chance = step.probability if step.author == MACHINE else 1.0
    return {
        "which": sighting,
        "placed_by": step.correction_id,
        "placed_probability": chance,
        "identity_id": root_of(connection, step.identity_id),
    }


def _fix_anew(connection: Connection, identity: int) -> None:
    """Note at somebody the last correction by a person, of those that hold, that is about them."""
    about = CorrectionIdentity
    last = (
        select(func.max(Correction.id))
        .join(about, about.correction_id == Correction.id)
        .where((about.identity_id == identity) | (about.other_id == identity))
        .where(Correction.author == PERSON, Correction.undone.is_(None))
    )
    connection.execute(
        update(Identity).where(Identity.id == identity).values(fixed_by=last.scalar_subquery())
    )


def fix(connection: Connection, correction: int) -> None:
    """Note at everybody a person's correction is about that it is."""
    about = CorrectionIdentity
    for column in (about.identity_id, about.other_id):
        ids = select(column).where(about.correction_id == correction, column.is_not(None))
        connection.execute(update(Identity).where(Identity.id.in_(ids)).values(fixed_by=correction))


def _name(connection: Connection, who: int) -> None:
    """Somebody who was named has the last name that holds, or the one from before the first."""
    about = CorrectionIdentity
    query = (
        select(Correction.name, Correction.name_before, Correction.undone)
        .join(about, about.correction_id == Correction.id)
        .where(Correction.kind == "name", about.identity_id == who)
    )
    given = connection.execute(query.order_by(Correction.id)).all()
    holding = [row.name for row in given if row.undone is None]
    name = holding[-1] if holding else given[0].name_before
    connection.execute(update(Identity).where(Identity.id == who).values(name=name))


def root_of(connection: Connection, identity: int | None) -> int | None:
    """Who an identity is now."""
    query = select(func.coalesce(Identity.merged_into, Identity.id)).where(Identity.id == identity)
    found: int | None = connection.execute(query).scalar()
    return found


PLACE = (
    update(Sighting)
    .where(Sighting.id == bindparam("which"))
    .values(
        identity_id=bindparam("identity_id"),
        placed_by=bindparam("placed_by"),
        placed_probability=bindparam("placed_probability"),
    )
)
