"""Scores for a terminal and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.history.telling import plain
from app.scoring.score import Score, Scores

RATES = ("IDF1", "IDP", "IDR", "HOTA", "MOTA", "switches", "people", "ids")
ERRORS = ("purity", "false merges", "missed merges", "hand-overs kept")


def print_scores(scores: Scores, *, title: str, console: Console | None = None) -> None:
    """A row a camera, and one for all of them with global ids."""
    table = _table(title, RATES)
    for name, row in _rows(scores):
        rates = [percent(rate) for rate in (row.idf1, row.idp, row.idr, row.hota, row.mota)]
        table.add_row(Text(plain(name)), *rates, str(row.switches), str(row.people), str(row.ids))
    (console or Console()).print(table)


def print_errors(scores: Scores, *, console: Console | None = None) -> None:
    """Purity, merges and hand-overs (app.scoring.identity_errors): a row a camera, and one for all."""
    table = _table("Errors of identity; in brackets, per hundred people", ERRORS)
    for name, row in _rows(scores):
        errors = row.identities
        merges = [
            f"{count} ({number(errors.per_hundred_people(count))})"
            for count in (errors.false_merges, errors.missed_merges)
        ]
        table.add_row(Text(plain(name)), percent(errors.purity), *merges, _handovers(row))
    (console or Console()).print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=Text(title), title_justify="left")
    table.add_column("camera", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _rows(scores: Scores) -> list[tuple[str, Score]]:
    return [*scores.cameras.items(), ("all cameras", scores.overall)]


def _handovers(row: Score) -> str:
    pairs = row.identities.handovers
    kept = sum(pair.kept for pair in pairs)
    return f"{kept} of {len(pairs)} ({percent(row.identities.handover_recall)} %)" if pairs else "-"


def percent(rate: float | None) -> str:
    """Of 0..1, without its sign; a dash where there is none."""
    return "-" if rate is None else f"{100 * rate:.1f}"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def facts(row: Score) -> dict[str, Any]:
    """One row for programs: rates as parts of 1, null where there is nothing to divide by."""
    rates = ("hota", "idf1", "idp", "idr", "mota", "recall", "precision")
    counts = ("switches", "people", "ids", "boxes", "misses", "false_alarms")
    errors = row.identities
    return {name: getattr(row, name) for name in (*rates, *counts)} | {
        "purity": errors.purity,
        "false_merges": errors.false_merges,
        "missed_merges": errors.missed_merges,
        "false_merges_per_100_people": errors.per_hundred_people(errors.false_merges),
        "missed_merges_per_100_people": errors.per_hundred_people(errors.missed_merges),
        "handovers": len(errors.handovers),
        "handovers_kept": sum(pair.kept for pair in errors.handovers),
        "handover_recall": errors.handover_recall,
    }
