"""What an answer to `sightline review` is worth: the demo's queue, answered by its truth, scored after each.

    python benchmarks/review.py [--demo FOLDER] [--answers 20]

FOLDER is what `sightline demo --out FOLDER` left; without one the demo is run first, into a folder that is
thrown away. Whoever answers knows of each sighting who it shows, by the truth, and of a person whom most of
their seconds show. The queue is asked anew after each answer, as the window does.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from demo_identities import Truth
from rich.console import Console
from rich.table import Table

from app.cli import main as sightline
from app.history.review import Case, answer, queue
from app.scoring.score import Score
from storage.database import existing
from storage.history import History
from storage.repair import Repair


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--demo", type=Path, metavar="FOLDER")
    parser.add_argument("--answers", type=int, default=20)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        demo = told.demo or Path(folder) / "demo"
        if told.demo is None:
            sightline(["demo", "--out", str(demo)])
        copy = Path(folder) / "history.db"
        shutil.copy(demo / "history.db", copy)
        with existing(copy) as engine:
            print_table(answered(History(engine), Repair(engine), Truth(demo), told.answers))


def answered(history: History, repair: Repair, truth: Truth, most: int) -> list[tuple[str, str, Score]]:
    """Question, answer and the score after it; first the score before all."""
    shows = who_shows(history, truth)
    rows = [("before", "", truth.score(history))]
    skipped: set[tuple[str, int]] = set()
    while len(rows) <= most:
        cases = (case for case in queue(history) if (case.kind, case.sighting.id) not in skipped)
        case = next((case for case in cases if case.kind != "nobody"), None)
        if case is None:
            break
        skipped.add((case.kind, case.sighting.id))
        same = is_so(history, case, shows)
        if same is not None:
            answer(repair, case, same=same)
            rows.append((case.question, "same" if same else "different", truth.score(history)))
    return rows


def who_shows(history: History, truth: Truth) -> dict[int, int]:
    """Sighting -> the person of the truth."""
    ids = {row.id: row.id for row in history.sightings()}
    people = truth.score(history, ids).identities.people_of
    return {sighting: some[0] for sighting, some in people.items() if len(some) == 1}


def is_so(history: History, case: Case, shows: dict[int, int]) -> bool | None:
    """The right answer; None where the truth does not know."""
    whose = [of_person(history, person, shows) for person in case.people]
    if case.kind == "duplicate":
        return None if None in whose else whose[0] == whose[1]
    shown = shows.get(case.sighting.id)
    return None if shown is None or whose[0] is None else shown == whose[0]


def of_person(history: History, person: int, shows: dict[int, int]) -> int | None:
    """Whom most of somebody's seconds show."""
    seconds: Counter[int] = Counter()
    for row in history.sightings(person=person):
        if row.id in shows:
            seconds[shows[row.id]] += 1000 * (row.end - row.start)  # type: ignore[assignment]
    return max(seconds, key=lambda one: seconds[one], default=None)


def print_table(rows: list[tuple[str, str, Score]]) -> None:
    table = Table(title="The demo, its queue answered by the truth", title_justify="left")
    columns = ("answer", "IDF1", "ids", "false merges", "missed merges")
    for column in ("question", *columns):
        table.add_column(column, justify="left" if column in ("question", "answer") else "right")
    for question, told, s in rows:
        errors = s.identities
        counts = (s.ids, errors.false_merges, errors.missed_merges)
        table.add_row(question, told, f"{100 * s.idf1:.1f}", *map(str, counts))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
