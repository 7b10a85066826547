"""What of all that a run has in mind is erased from its history: whoever erased it, a person or a policy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection, Engine, select

from storage.batches import in_batches
from storage.database import path_of
from storage.errors import in_plain_words
from storage.people import bounded
from storage.schema import Camera, Erasure, Identity, Portrait, Seen, Sighting
from storage.templates import MOST
from storage.vectors import identities
from tracker import types
from tracker.types import Held, Stay

_SLACK_S = 1e-3


class Erased:
    """Questions to a history. run: the row of the run that asks, whose vectors are of that model. rows_of:
    its ids of people -> the file's.

    Raises DatabaseError where the file is damaged, gone or locked.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        run: int,
        model: str,
        rows_of: Callable[[Collection[int]], dict[int, int]],
    ) -> None:
        self._engine = engine
        self._run = run
        self._model = model
        self._rows_of = rows_of

    def last(self) -> int:
        """The number of the last order that was carried out: another one means that something is gone."""
        query = select(Erasure.id).where(Erasure.done.is_not(None)).order_by(Erasure.id.desc()).limit(1)
        with in_plain_words(path_of(self._engine)), self._engine.connect() as connection:
            return connection.execute(query).scalar() or 0

    def among(self, held: Held) -> Held:
        """What of it is gone. All of it must have been in the file once."""
        with in_plain_words(path_of(self._engine)), self._engine.connect() as connection:
            rows = self._rows_of(held.identities)
            there = _there(connection, rows.values())
            mine = self._sightings(connection, {n for n in (*held.sightings, *held.pictures) if n > 0})
            earlier = {-n: n for n in held.pictures if n < 0}
            numbers = earlier | {row: number for number, row in mine.items()}
            pictured = {numbers[row] for row in _pictured(connection, numbers)}
            stays = frozenset(_stays(connection, held.stays, rows))
        return Held(
            identities=frozenset(id_ for id_, row in rows.items() if row not in there),
            sightings=held.sightings - mine.keys(),
            pictures=held.pictures - pictured,
            stays=stays,
        )

    def earlier_looks(self, people: Collection[int]) -> list[types.Identity]:
        """What is left to tell these apart by, of earlier runs' sightings."""
        ids = {row: identity for identity, row in self._rows_of(people).items()}
        with in_plain_words(path_of(self._engine)), self._engine.connect() as connection:
            blocks = identities(connection, self._model, list(ids), most=MOST, looks_alone=True)
            known = [who for block in blocks for who in block]
            rows = {sighting for who in known for sighting, _ in who.taken}
            mine: set[int] = set()
            for some in in_batches(sorted(rows)):
                query = select(Sighting.id).where(Sighting.id.in_(some), Sighting.run_id == self._run)
                mine |= set(connection.scalars(query))
        found = []
        for who in known:
            kept = [k for k, (sighting, _) in enumerate(who.taken) if sighting not in mine]
            if kept:
                taken = tuple(who.taken[k] for k in kept)
                found.append(replace(who, id=ids[who.id], embeddings=who.embeddings[kept], taken=taken))
        return found

    def _sightings(self, connection: Connection, numbers: Collection[int]) -> dict[int, int]:
        """By number, the rows of this run's that are there."""
        found: dict[int, int] = {}
        for some in in_batches(sorted(numbers)):
            query = select(Sighting.number, Sighting.id)
            query = query.where(Sighting.run_id == self._run, Sighting.number.in_(some))
            found |= {row.number: row.id for row in connection.execute(query)}
        return found


def _there(connection: Connection, ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for some in in_batches(sorted(ids)):
        found |= set(connection.scalars(select(Identity.id).where(Identity.id.in_(some))))
    return found


def _pictured(connection: Connection, sightings: Iterable[int]) -> set[int]:
    """Those that have portraits."""
    found: set[int] = set()
    for some in in_batches(sorted(sightings)):
        query = select(Portrait.sighting_id).where(Portrait.sighting_id.in_(some)).distinct()
        found |= set(connection.scalars(query))
    return found


def _stays(connection: Connection, stays: Collection[Stay], rows: dict[int, int]) -> list[Stay]:
    """Those that lie outside of when somebody was on that camera. Who was merged is asked for as whom they
    became.
    """
    now = _now(connection, {rows.get(id_, id_) for id_, *_ in stays})
    seen: dict[tuple[int, str], tuple[float, float]] = {}
    for some in in_batches(sorted(set(now.values()))):
        query = select(Seen.identity_id, Camera.name, Seen.first, Seen.last_end).join(Camera)
        for row in connection.execute(query.where(Seen.identity_id.in_(some))):
            seen[row.identity_id, row.name] = bounded(row.first) - _SLACK_S, bounded(row.last_end) + _SLACK_S
    gone = []
    for stay in stays:
        id_, camera, start, end = stay
        first, last = seen.get((now.get(rows.get(id_, id_), 0), camera), (float("inf"), float("-inf")))
        if start < first or end > last:
            gone.append(stay)
    return gone


def _now(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in in_batches(sorted(ids)):
        query = select(Identity.id, Identity.merged_into).where(Identity.id.in_(some))
        found |= {row.id: row.merged_into or row.id for row in connection.execute(query)}
    return found
