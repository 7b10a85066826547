"""What of a history is worth a look, ranked, with what speaks for it and what to type: ``sightline review``.

Likely duplicates: somebody new was made of a sighting though somebody known was likely, too; or two people
were each as likely as one alone would have to be. Unsure sightings: given to somebody whom a run was not sure
of. Doubtful merges: what the second pass gave to somebody with doubts, and one person's sightings in one view
at once, as corrections have it. Nobody: sightings that could not be given.

The first three are ranked by the chance that what the history says is wrong; of nobody it says nothing: the
last ones come last.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.text import Text

from app import errors
from app.history.opened import opened
from app.history.said import there_said
from app.history.telling import count_of, duration, plain, plain_table, say
from app.history.why import percent, why
from app.times import AnswerClock, iso

if TYPE_CHECKING:
    from storage.doubts import Doubt
    from storage.history import History, SightingRow
    from storage.repair import Repair

Kind = Literal["duplicate", "unsure", "merge", "nobody"]
KINDS: tuple[Kind, ...] = ("duplicate", "unsure", "merge", "nobody")
_DOUBTS: dict[Kind, tuple[Doubt, ...]] = {
    "duplicate": ("new", "twins"),
    "unsure": ("known",),
    "merge": ("second pass",),
    "nobody": ("nobody",),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One question. worth: the chance that what the history says is wrong. people: whom it is about: of a
    duplicate the two; else whose the sighting is, and who was second best, where there are any.

    other: of a merge, the sighting in the same view at the same time. question: in words. because: as `why`
    tells of the sighting. same, different: what to type, without the program's name; empty where that needs
    to be told more.
    """

    kind: Kind
    worth: float
    sighting: SightingRow
    people: tuple[int, ...]
    other: SightingRow | None
    question: str
    because: tuple[str, ...]
    same: tuple[str, ...]
    different: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cases: of a camera, reaching into a time (epoch seconds), of these kinds."""

    camera: str | None = None
    since: float | None = None
    until: float | None = None
    kinds: Collection[Kind] = KINDS


def queue(
    history: History, asked: Asked | None = None, *, limit: int | None = 100, offset: int = 0
) -> list[Case]:
    """The cases, what is most worth a look first; limit and offset page through them."""
    asked = asked or Asked()
    most = None if limit is None else offset + limit
    two = _Two(history)
    some = [_cases(history, asked, kind, most, two) for kind in asked.kinds]
    ranked = merge(*some, key=lambda case: -case.worth)
    return list(islice(ranked, offset, most))


def left(history: History, asked: Asked | None = None) -> dict[Kind, int]:
    """How many there are at most of each kind: of duplicates some may turn out to be answered."""
    asked = asked or Asked()
    camera, since, until = asked.camera, asked.since, asked.until
    counts = history.number_of_doubtful
    return {
        kind: sum(counts(doubt, camera=camera, since=since, until=until) for doubt in _DOUBTS[kind])
        for kind in asked.kinds
    }


def _cases(history: History, asked: Asked, kind: Kind, most: int | None, two: _Two) -> list[Case]:
    """Of one kind, ranked; at most so many."""
    found: list[Case] = []
    if kind == "merge":
        pairs = history.twice_at_once(since=asked.since, until=asked.until, most=most)
        found = [_twice(a, b) for a, b in pairs if asked.camera in (None, a.camera)]
    if kind == "duplicate":
        return list(islice(_duplicates(_doubted(history, asked, ("new", "twins"), most), two), most))
    rows = _doubted(history, asked, _DOUBTS[kind], most)
    if kind == "unsure":  # and of whom two are likely who are surely two
        alike = (row for row in _doubted(history, asked, ("twins",), most) if two(row) is not False)
        rows = merge(rows, alike, key=lambda row: row.probability)
    make: Callable[[SightingRow], Case] = _nobody if kind == "nobody" else _unsure(kind)
    return [*found, *map(make, islice(rows, most))]


def _doubted(
    history: History, asked: Asked, doubts: Sequence[Doubt], most: int | None
) -> Iterator[SightingRow]:
    """Sightings that are doubtful so, ranked."""
    some = [_rows(history, asked, doubt, most) for doubt in doubts]
    return iter(merge(*some, key=lambda row: row.probability)) if len(some) > 1 else some[0]


class _Two:
    """Whether the two that a sighting may be of are two, as a person said or as one view showed both at once;
    None where there is no second.
    """

    def __init__(self, history: History) -> None:
        self._history, self._known = history, dict.fromkeys(history.apart(), True)

    def __call__(self, row: SightingRow) -> bool | None:
        other = None if row.evidence is None else row.evidence.runner_up
        if row.person is None or other is None:
            return None
        pair = frozenset((row.person, other))
        if pair not in self._known:
            self._known[pair] = self._history.together(row.person, other) is not None
        return self._known[pair]


def _rows(history: History, asked: Asked, doubt: Doubt, most: int | None) -> Iterator[SightingRow]:
    """Sightings that are doubtful so, more and more of them as they are taken."""
    taken, size = 0, None if most is None else max(2 * most, 100)
    while True:
        rows = history.doubtful(doubt, camera=asked.camera, since=asked.since, until=asked.until, most=size)
        yield from rows[taken:]
        if size is None or len(rows) < size:
            return
        taken, size = len(rows), 4 * size


def _duplicates(rows: Iterable[SightingRow], two: _Two) -> Iterator[Case]:
    """Pairs that are not known to be two, each once."""
    met: set[frozenset[int]] = set()
    for row in rows:
        other = None if row.evidence is None else row.evidence.runner_up
        if two(row) is not False or row.person is None or other is None:
            continue
        kept, gone = sorted((row.person, other))
        if frozenset((kept, gone)) in met:
            continue
        met.add(frozenset((kept, gone)))
        yield Case(
            kind="duplicate",
            worth=1.0 - row.probability,
            sighting=row,
            people=(row.person, other),
            other=None,
            question=f"is {row.person} the same person as {other}?",
            because=tuple(why(row)),
            same=("merge", str(kept), str(gone)),
            different=("differ", str(kept), str(gone)),
        )


def _unsure(kind: Kind) -> Callable[[SightingRow], Case]:
    def case(row: SightingRow) -> Case:
        assert row.person is not None, "it was given to somebody"
        second = None if row.evidence is None else row.evidence.runner_up
        move = ("move", str(row.id))
        return Case(
            kind=kind,
            worth=1.0 - row.probability,
            sighting=row,
            people=(row.person,) if second is None else (row.person, second),
            other=None,
            question=f"is sighting {row.id} of {row.person}?",
            because=tuple(why(row)),
            same=(*move, str(row.person)),
            different=(*move, "new" if second is None else str(second)),
        )

    return case


def _twice(row: SightingRow, other: SightingRow) -> Case:
    assert row.person is not None, "both are somebody's"
    return Case(
        kind="merge",
        worth=1.0,
        sighting=other,
        people=(row.person,),
        other=row,
        question=f"are sightings {row.id} and {other.id}, in one view at once, both of {row.person}?",
        because=tuple(why(other)),
        same=("move", str(other.id), str(row.person)),
        different=("move", str(other.id), "new"),
    )


def _nobody(row: SightingRow) -> Case:
    return Case(
        kind="nobody",
        worth=0.0,
        sighting=row,
        people=(),
        other=None,
        question=f"who is sighting {row.id}?",
        because=tuple(why(row)),
        same=(),
        different=("move", str(row.id), "new"),
    )


def answer(repair: Repair, case: Case, *, same: bool) -> int:
    """Correct the history as a case was answered; the correction's number. Raises as Repair does, and
    ValueError where the case needs to be told more (who it is of whom nobody is known).
    """
    words = case.same if same else case.different
    if not words:
        raise ValueError(f"{case.question} That is to be said by its name.")
    kind, first, other = words
    if kind == "move":
        return repair.move(int(first), None if other == "new" else int(other))
    return repair.merge(int(first), int(other)) if kind == "merge" else repair.differ(int(first), int(other))


# The command


def review(arguments: argparse.Namespace) -> int:
    """``sightline review``: prints the queue."""
    with opened(arguments.db) as history:
        asked = Asked(**there_said(history, arguments), kinds=arguments.kind or KINDS)
        cases = queue(history, asked, limit=arguments.limit or None, offset=arguments.offset)
        if arguments.json:
            told = {"left": left(history, asked), "cases": [_facts(case) for case in cases]}
            print(json.dumps(told, indent=2))
        else:
            _tell(cases, left(history, asked), arguments, Console(highlight=False))
    return errors.OK


def _facts(case: Case) -> dict[str, Any]:
    row = case.sighting
    local = {"start_local": iso(row.start), "end_local": iso(row.end)}
    return asdict(case) | {"sighting": asdict(row) | local}


def _tell(cases: list[Case], known: dict[Kind, int], arguments: argparse.Namespace, console: Console) -> None:
    if not cases:
        there = sum(known.values()) if arguments.offset else 0
        more = f"Of {count_of(there, 'question')} --offset {arguments.offset} leaves out all."
        say(console, more if there else f"Nothing is worth a look in {arguments.db}.")
        return
    clock = AnswerClock([case.sighting.start for case in cases])
    counts = ", ".join(f"{number} {kind}" for kind, number in known.items())
    table = plain_table(f"What is worth a look ({counts}){clock.caption}")
    for heading in ("doubt", "kind"):
        table.add_column(heading, no_wrap=True)
    table.add_column("where and when", no_wrap=True, overflow="fold")
    table.add_column("question, and what was decided by", ratio=1)
    where = ["--db", str(arguments.db)]
    for case in cases:
        row = case.sighting
        words = Text(plain(case.question), "bold")
        for sentence in case.because:
            words.append(f"\n{plain(sentence)}", "not bold")
        for answer_, typed in (("same", case.same), ("different", case.different)):
            if typed:
                words.append(f"\n{answer_}: {shlex.join(['sightline', *typed, *where])}", "not bold dim")
        place = f"{plain(row.camera)}\n{clock.show(row.start)}\n{duration(row.end - row.start)}"
        table.add_row(percent(case.worth) if case.worth else "", case.kind, Text(place), words)
    console.print(table)
    if len(cases) == arguments.limit:
        told = count_of(arguments.offset + len(cases), "question")
        say(console, f"These are {told} so far; --offset {arguments.offset + len(cases)} tells those after.")
