"""Where a journal puts everybody, worked out the long way: all corrections that hold, laid over what the runs
said, oldest first. What an undo must come to, and never does it this way.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

State = dict[str, dict[int, tuple[Any, ...]]]


def state(path: Path) -> State:
    """What the file has: by sighting who and by which correction, by identity what was decided about it."""
    with sqlite3.connect(path) as file:
        sightings = file.execute("SELECT id, identity_id, placed_by, placed_probability FROM sighting")
        people = file.execute("SELECT id, name, merged_into, fixed_by FROM identity")
        return {"sightings": {r[0]: r[1:] for r in sightings}, "people": {r[0]: r[1:] for r in people}}


def replayed(path: Path, named: dict[int, str | None]) -> State:
    """The same from the journal alone. named: people's names from before it."""
    with sqlite3.connect(path) as file:
        journal = file.execute(
            "SELECT id, kind, author, name FROM correction WHERE undone IS NULL ORDER BY id"
        )
        rows = journal.fetchall()
        into = _redirects(file, [row[0] for row in rows if row[1] == "merge"])
        sightings = {
            id_: (_root(into, decided), None, None)
            for id_, decided in file.execute("SELECT id, decided_id FROM sighting")
        }
        names, fixed = dict(named), dict[int, int]()
        for id_, kind, author, name in rows:
            about = file.execute(
                "SELECT identity_id, other_id FROM correction_identity WHERE correction_id = ?", (id_,)
            ).fetchall()
            steps = file.execute(
                "SELECT sighting_id, identity_id, probability FROM correction_sighting "
                "WHERE correction_id = ? AND role IN ('moved', 'held') ORDER BY id",
                (id_,),
            )
            for sighting, identity, probability in steps:
                chance = probability if author == "machine" else 1.0
                sightings[sighting] = (_root(into, identity), id_, chance)
            if author == "person":
                fixed |= {who: id_ for pair in about for who in pair if who is not None}
            if kind == "name":
                names[about[0][0]] = name
        people = [row[0] for row in file.execute("SELECT id FROM identity")]
        ends = {id_: None if _root(into, id_) == id_ else _root(into, id_) for id_ in people}
        return {
            "sightings": sightings,
            "people": {id_: (names.get(id_), ends[id_], fixed.get(id_)) for id_ in people},
        }


def _redirects(file: sqlite3.Connection, merges: list[int]) -> dict[int, int]:
    pairs = file.execute("SELECT correction_id, identity_id, other_id FROM correction_identity ORDER BY id")
    return {who: other for correction, who, other in pairs if correction in merges}


def _root(into: dict[int, int], identity: int | None) -> int | None:
    while identity in into:
        identity = into[identity]
    return identity
