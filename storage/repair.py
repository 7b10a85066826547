"""Corrections of identities by people: merge, split, cut, move, name, tell apart, and undo of each."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from storage import journal
from storage.batches import in_batches
from storage.conflicts import Together, together
from storage.cutting import CUT, cut, join, parts_of, span_of_points
from storage.database import path_of, writing
from storage.errors import UnknownPerson, in_plain_words
from storage.lock import is_locked
from storage.people import last_identity
from storage.schema import (
    Correction,
    CorrectionIdentity,
    CorrectionSighting,
    Footage,
    Identity,
    Revision,
    Run,
    Sighting,
)
from storage.templates import made_stale, renew

MEMBERS = 32  # sightings that stand for an identity in a decision about it: the longest

_RENEWED_AT_ONCE = 100  # people whose templates are chosen anew in one transaction: some tenths of a second
LET_OTHERS_S = 0.06  # SQLite asks for a lock again after 0.05 s, where it does not wait for long
SETTLED_S = 10.0  # of footage after its end, a run adds nothing to a sighting


class CorrectionError(UnknownPerson):
    """A correction that makes no sense: one sentence that says why."""


class TogetherError(CorrectionError):
    """Two who are to be merged were in one view at once. when: where and when that was."""

    def __init__(self, first: int, second: int, when: Together) -> None:
        super().__init__(
            f"{first} and {second} were in view of {when.camera} at once "
            f"(sightings {when.sightings[0]} and {when.sightings[1]}), so they are two people"
        )
        self.first, self.second, self.when = first, second, when


class OutsideError(CorrectionError):
    """A moment at which a sighting can't be cut. begin, end: between which it can be, epoch seconds."""

    def __init__(self, sighting: int, begin: float, end: float) -> None:
        super().__init__(f"sighting {sighting} can be cut between its first and its last picture only")
        self.sighting, self.begin, self.end = sighting, begin, end


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """One entry of the journal. people: pairs of who it is about, and who they became or were told from."""

    id: int
    time: float
    author: str
    kind: str
    people: tuple[tuple[int, int | None], ...]
    sightings: tuple[int, ...]
    name: str | None
    note: str | None
    undone: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """A sighting to an identity. identity: negative ones are new people, equal ones the same."""

    sighting: int
    identity: int
    probability: float


class Repair:
    """Changes to a history, each one transaction, also while a run writes to it.

    An id that was merged stands for who it is now. Raises UnknownPerson for an id nobody has, its kin
    CorrectionError for what makes no sense, DatabaseError where the file cannot be written.
    """

    def __init__(self, engine: Engine) -> None:
        self._path = path_of(engine)
        self._engine = writing(engine)

    def journal(self, *, most: int | None = None) -> list[CorrectionRow]:
        """Every correction, oldest first. most: of more, the last."""
        return corrections(self._engine, most=most)

    def correction(self, number: int) -> CorrectionRow:
        """The one of that number, which there is."""
        return corrections(self._engine, number=number)[0]

    def merge(self, kept: int, other: int, *, anyway: bool = False) -> int:
        """Both are one person, with the first one's id. The correction's number, as of all below.

        Raises TogetherError where they were in one view at once, unless that is known and meant: anyway.
        """
        with self._writing() as connection:
            a, b = self._two(connection, kept, other)
            at_once = None if anyway else together(connection, a, b)
            if at_once is not None:
                raise TogetherError(a, b, at_once)
            return self._merge(connection, a, b)

    def _merge(self, connection: Connection, a: int, b: int) -> int:
        correction = self._about(connection, "merge", b, a)
        identity = Identity
        same = (identity.id == b) | (identity.merged_into == b)
        connection.execute(update(identity).where(same).values(merged_into=a))
        connection.execute(update(Sighting).where(Sighting.identity_id == b).values(identity_id=a))
        return correction

    def differ(self, first: int, second: int) -> int:
        """They are never the same person."""
        with self._writing() as connection:
            return self._about(connection, "differ", *self._two(connection, first, second))

    def name(self, person: int, name: str) -> int:
        """Call a person so; an empty name takes the name away."""
        with self._writing() as connection:
            who = self._who(connection, person)
            before = connection.execute(select(Identity.name).where(Identity.id == who)).scalar()
            new = name.strip() or None
            correction = self._about(connection, "name", who, None, name=new, name_before=before)
            connection.execute(update(Identity).where(Identity.id == who).values(name=new))
            return correction

    def split(self, person: int, sightings: Sequence[int], into: int | None = None) -> int:
        """These sightings of a person are somebody else: ``into``, or somebody new."""
        with self._writing() as connection:
            who = self._who(connection, person)
            mine = set(connection.scalars(select(Sighting.id).where(Sighting.identity_id == who)))
            if strange := sorted(set(sightings) - mine):
                raise CorrectionError(
                    f"sighting {strange[0]} is not {who}'s; 'sightline show {who}' lists them"
                )
            if into is None and mine == set(sightings):
                raise CorrectionError(f"these are all the sightings of {who}; leave at least one, or merge")
            correction = journal.add(connection, "split")
            self._give(connection, correction, sorted(set(sightings)), who, into)
            return correction

    def cut(self, sighting: int, at: float, to: int | None = None, *, over: bool = False) -> int:
        """From ``at`` on (epoch seconds) this sighting is another one, of ``to``, or of somebody new.

        over: nothing is added to it any more, though its run goes on.
        """
        with self._writing() as connection:
            row = self._sighting(connection, sighting)
            self._expect_cut(connection, row, at, over=over)
            correction = journal.add(connection, "cut", note=repr(at))
            later = cut(connection, sighting, at)
            journal.add_sightings(connection, correction, [sighting], role=CUT, identity=row.identity_id)
            self._give(connection, correction, [later], row.identity_id, to)
            return correction

    def _expect_cut(self, connection: Connection, row: Any, at: float, *, over: bool) -> None:
        """Raises CorrectionError where there is nothing on one side of the moment, or more may come."""
        span = span_of_points(connection, row.id)
        if span is None:
            raise CorrectionError(f"sighting {row.id} has no trajectory, so that it can't be cut")
        if not span[0] < at <= span[1]:
            raise OutsideError(row.id, *span)
        run = select(Run.ended, Footage.end).join(Footage, Footage.run_id == Run.id)
        ended, newest = connection.execute(run.where(Footage.id == row.footage_id)).one()
        if not over and ended is None and newest - row.end < SETTLED_S and is_locked(self._path):
            raise CorrectionError(f"sighting {row.id} is being recorded still; cut it when that has ended")

    def _sighting(self, connection: Connection, sighting: int) -> Any:
        query = select(*Sighting.__table__.c).where(Sighting.id == sighting)
        row = connection.execute(query).first()
        if row is None:
            raise CorrectionError(
                f"there is no sighting {sighting} in {self._path}; 'sightline show' lists them"
            )
        return row

    def move(self, sighting: int, person: int | None) -> int:
        """This sighting surely is that person, or, where None, somebody new."""
        with self._writing() as connection:
            row = self._sighting(connection, sighting)
            correction = journal.add(connection, "move")
            self._give(connection, correction, [sighting], row.identity_id, person, again=True)
            return correction

    def _give(
        self,
        connection: Connection,
        correction: int,
        sightings: list[int],
        before: int | None,
        to: int | None,
        *,
        again: bool = False,
    ) -> None:
        """Sightings of ``before`` are ``to``'s. again: who may be the same, which then is sure."""
        target = None if to is None else self._who(connection, to)
        if before is not None and target == before and not again:
            raise CorrectionError(f"these sightings are {before}'s already; name another person")
        if target is None:
            target = _new_identity(connection, correction, sightings)
        pair = (target, None) if before in (None, target) else (before, target)
        journal.add_identities(connection, correction, [pair])
        for who in {before, target} - {None}:
            _add_members(connection, correction, who, but=sightings)
        journal.add_sightings(
            connection, correction, sightings, role="moved", identity=target, before=before, probability=1.0
        )
        journal.place(connection, correction, sightings, target, probability=1.0)
        journal.fix(connection, correction)

    def refine(self, moves: Sequence[Move], *, note: str) -> int:
        """What a second pass found, as one correction by the machine. Sightings that people placed are left
        where they are. Raises CorrectionError where nothing is left to move.

        In transactions of a bounded length: it is written down as one that does not hold, then holds, then
        what it is about is put there. Killed before it holds, it is as if it had been undone at once; after,
        whoever changes the history next goes on with it.
        """
        with in_plain_words(self._path):
            with self._engine.begin() as connection:
                free = _free(connection, [move.sighting for move in moves])
                if not free:
                    raise CorrectionError("nothing is to be moved; people's own decisions stand")
                correction = journal.add(
                    connection, "refine", author=journal.MACHINE, note=note, undone=time.time()
                )
            groups: dict[int, list[int]] = defaultdict(list)
            for move in moves:
                if move.sighting in free:
                    groups[move.identity].append(move.sighting)
            into: dict[int, int] = {}
            for some in in_batches(moves):
                with self._engine.begin() as connection:
                    self._write_down(connection, correction, some, groups, into)
                self._let_others()
        with self._writing() as connection:
            connection.execute(update(Correction).where(Correction.id == correction).values(undone=None))
            journal.lay_later(connection, correction)
        return correction

    def _write_down(
        self,
        connection: Connection,
        correction: int,
        moves: Sequence[Move],
        groups: Mapping[int, list[int]],
        into: dict[int, int],
    ) -> None:
        """groups: by a move's identity, its sightings. into: who that is now, as far as it is known."""
        free = _free(connection, [move.sighting for move in moves])
        moves = [move for move in moves if move.sighting in free]
        for number in {move.identity for move in moves} - into.keys():
            into[number] = (
                self._who(connection, number)
                if number > 0
                else _new_identity(connection, correction, groups[number])
            )
        query = select(Sighting.id, Sighting.identity_id)
        found = connection.execute(query.where(Sighting.id.in_(free)))
        before = {row.id: row.identity_id for row in found}
        steps = [
            {
                "correction_id": correction,
                "sighting_id": move.sighting,
                "role": "moved",
                "identity_id": into[move.identity],
                "before_id": before[move.sighting],
                "probability": move.probability,
            }
            for move in moves
        ]
        if steps:
            connection.execute(insert(CorrectionSighting), steps)

    def undo(self, number: int | None = None) -> int:
        """Take back a correction, the last one a person made or refine applied where None is named."""
        with self._writing() as connection:
            row = self._to_undo(connection, number)
            self._check_undo(connection, row.id)
            connection.execute(update(Correction).where(Correction.id == row.id).values(undone=time.time()))
            if row.kind == "cut":
                join(connection, row.id)
            journal.take_back(connection, row.id)
            return int(row.id)

    def _to_undo(self, connection: Connection, number: int | None) -> Any:
        query = select(Correction.id, Correction.kind, Correction.undone).order_by(Correction.id.desc())
        if number is None:
            query = query.where(Correction.undone.is_(None))
        else:
            query = query.where(Correction.id == number)
        row = connection.execute(query).first()
        if row is None or row.undone is not None:
            what = "nothing is left to undo" if number is None else f"there is no correction {number}"
            if row is not None:
                what = f"correction {number} is undone already"
            raise CorrectionError(f"{what}; 'sightline corrections' lists them")
        return row

    def _check_undo(self, connection: Connection, number: int) -> None:
        """Whoever a correction made must not be needed by a later one; nor must the sighting it made."""
        self._check_cut(connection, number)
        made = select(Identity.id).where(Identity.made_by == number)
        about = CorrectionIdentity
        query = (
            select(Correction.id)
            .join(about)
            .where(Correction.undone.is_(None), Correction.id != number)
            .where(about.identity_id.in_(made) | about.other_id.in_(made))
        )
        later = connection.execute(query.order_by(Correction.id.desc())).scalar()
        if later is not None:
            raise CorrectionError(
                f"correction {number} made a person whom correction {later} is about; undo {later} first"
            )

    def _check_cut(self, connection: Connection, number: int) -> None:
        about = CorrectionSighting
        first, made = parts_of(connection, number)
        again = (about.sighting_id == first) & (about.role == CUT)
        later = (
            select(Correction.id)
            .join(about)
            .where(Correction.undone.is_(None), Correction.id > number)
            .where((about.sighting_id == made) | again)
        )
        last = connection.execute(later.order_by(Correction.id.desc())).scalar()
        if last is not None:
            raise CorrectionError(
                f"correction {number} cut a sighting that correction {last} is about; undo {last} first"
            )

    def _about(self, connection: Connection, kind: str, a: int, b: int | None, **more: Any) -> int:
        correction = journal.add(connection, kind, **more)
        journal.add_identities(connection, correction, [(a, b)])
        for who in {a, b} - {None}:
            _add_members(connection, correction, who)
        journal.fix(connection, correction)
        return correction

    def _two(self, connection: Connection, a: int, b: int) -> tuple[int, int]:
        first, second = self._who(connection, a), self._who(connection, b)
        if first == second:
            raise CorrectionError(f"{a} and {b} are the same person already ({first})")
        return first, second

    def _who(self, connection: Connection, person: int) -> int:
        root = journal.root_of(connection, person)
        if root is None:
            raise UnknownPerson(
                f"nobody in {self._path} has the id {person}; 'sightline people' lists everybody"
            )
        return root

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction, and after it short ones for what follows: for other sightings than could be put at
        once, for the templates of whom it was about, and for a few of those whom a killed program left.
        """
        people: set[int] = set()
        with in_plain_words(self._path):
            with self._engine.begin() as connection, made_stale(connection, people):
                yield connection
            while self._lay(people):
                self._let_others()
            self._renew(sorted(people))

    def _lay(self, people: set[int]) -> bool:
        with self._engine.begin() as connection, made_stale(connection, people):
            return journal.lay(connection)

    def _renew(self, people: Sequence[int]) -> None:
        """The templates of these, and of others as far as they fit into the last transaction."""
        while True:
            some, people = people[:_RENEWED_AT_ONCE], people[_RENEWED_AT_ONCE:]
            with self._engine.begin() as connection:
                renew(connection, most=_RENEWED_AT_ONCE, among=some)
                if not people:
                    renew(connection, most=_RENEWED_AT_ONCE - len(some))
                    return
            self._let_others()

    def _let_others(self) -> None:
        """Between two of many transactions: who waits for the lock asks for it this often."""
        time.sleep(LET_OTHERS_S)


def _free(connection: Connection, sightings: Sequence[int]) -> set[int]:
    """Those of them that are there still, and not where a person put them."""
    people = select(Correction.id).where(
        Correction.id == Sighting.placed_by, Correction.author == journal.PERSON
    )
    query = select(Sighting.id).where(~people.exists())
    return {
        id_
        for some in in_batches(sightings)
        for id_ in connection.scalars(query.where(Sighting.id.in_(some)))
    }


def _new_identity(connection: Connection, correction: int, sightings: list[int]) -> int:
    id_ = last_identity(connection) + 1
    begun = select(func.min(Sighting.start)).where(Sighting.id.in_(sightings))
    created = connection.execute(begun).scalar_one()
    connection.execute(insert(Identity).values(id=id_, created=created, made_by=correction))
    return id_


def _add_members(connection: Connection, correction: int, who: int | None, but: Sequence[int] = ()) -> None:
    """The longest sightings of an identity, for which a decision about it stands."""
    query = (
        select(Sighting.id)
        .where(Sighting.identity_id == who, Sighting.id.not_in(but))
        .order_by((Sighting.end - Sighting.start).desc(), Sighting.id)
        .limit(MEMBERS)
    )
    members = list(connection.scalars(query))
    journal.add_sightings(connection, correction, members, role="member", identity=who)


def corrections(engine: Engine, *, most: int | None = None, number: int | None = None) -> list[CorrectionRow]:
    """The journal, oldest first. most: of more, the last. number: that one alone."""
    query = select(*Correction.__table__.c).order_by(Correction.id.desc()).limit(most)
    if number is not None:
        query = query.where(Correction.id == number)
    found: list[CorrectionRow] = []
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        rows = connection.execute(query).all()
        for some in in_batches(rows[::-1]):
            found += _told(connection, some)
    return found


def journal_state(engine: Engine) -> tuple[int, ...]:
    """Other numbers whenever a correction was made or undone, or a run gave a sighting to somebody else."""
    revision = select(func.max(Revision.id)).scalar_subquery()
    query = select(func.max(Correction.id), func.count(Correction.undone), revision)
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        return tuple(int(number or 0) for number in connection.execute(query).one())


def _told(connection: Connection, rows: Sequence[Any]) -> Iterator[CorrectionRow]:
    about, step, ids = CorrectionIdentity, CorrectionSighting, [row.id for row in rows]
    people: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
    pairs = select(about.correction_id, about.identity_id, about.other_id)
    for row in connection.execute(pairs.where(about.correction_id.in_(ids)).order_by(about.id)):
        people[row.correction_id].append((row.identity_id, row.other_id))
    moved: dict[int, list[int]] = defaultdict(list)
    steps = select(step.correction_id, step.sighting_id).where(step.role != "member")
    for correction, sighting in connection.execute(
        steps.where(step.correction_id.in_(ids)).order_by(step.id)
    ):
        moved[correction].append(sighting)
    for r in rows:
        who, which = tuple(people[r.id]), tuple(moved[r.id])
        yield CorrectionRow(r.id, r.time, r.author, r.kind, who, which, r.name, r.note, r.undone)


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A run gave one of its sightings another identity. None: undecided."""

    time: float
    sighting: int
    before: int | None
    after: int | None
    probability: float


def revisions(engine: Engine, *, most: int | None = None) -> list[RevisionRow]:
    """Where runs thought better of it, oldest first. most: of more, the last."""
    columns = (Revision.time, Revision.sighting_id, Revision.before_id, Revision.after_id)
    query = select(*columns, Revision.probability).order_by(Revision.id.desc()).limit(most)
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        return [RevisionRow(*row) for row in connection.execute(query).all()[::-1]]


def apart(engine: Engine) -> frozenset[frozenset[int]]:
    """Pairs of identities that a person told apart, by who they are now."""
    about = CorrectionIdentity
    query = (
        select(about.identity_id, about.other_id)
        .join(Correction, Correction.id == about.correction_id)
        .where(Correction.kind == "differ", Correction.undone.is_(None))
    )
    with in_plain_words(path_of(engine)), engine.connect() as connection:
        rows = connection.execute(query).all()
        pairs = [(journal.root_of(connection, a), journal.root_of(connection, b)) for a, b in rows]
    return frozenset(frozenset((a, b)) for a, b in pairs if a is not None and b is not None and a != b)
