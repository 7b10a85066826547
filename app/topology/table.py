"""The links between cameras for a terminal, for programs, and as a piece of a configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.history.telling import duration, plain
from app.times import iso
from app.topology.rows import Row, rows_of
from tracker.links import SHUFFLES
from tracker.rules import Rule
from tracker.types import Link, Topology

LEEWAY = 0.5
"""Of the shortest way ever seen: somebody may run."""

LEAST, DELAY, RANGE, WIDE = 6, 7, 9, 100
"""Letters: of a camera's name in the narrowest terminal; of a delay, 59 min 59 s, and a range of them, 27.5 s
to 1 min 05 s, where they are in two lines; and from where on a terminal is wide.
"""

CLOCKS_AGREE_S = 0.5
"""A way shorter than this may be none: the clocks of two cameras may differ so much."""


def print_topology(
    topology: Topology, rules: Sequence[Rule], *, state: str, console: Console | None = None
) -> None:
    """Tables and sentences. state: whether it is kept, in words."""
    console = console or Console(highlight=False)
    rows = rows_of(topology, rules)
    if rows:
        console.print(_links_table(rows, on_own_clocks=bool(topology.clocks), width=console.width))
    if topology.clocks:
        console.print()
        console.print(_clocks_table(topology))
    for sentence in sentences(topology, rows, state):
        console.print(Text(plain(sentence)), soft_wrap=True)


def sentences(topology: Topology, rows: Sequence[Row], state: str) -> list[str]:
    """What is to be known of the table."""
    count = f"{sum(topology.visits.values())} sightings of people on {len(topology.visits)} cameras"
    said = []
    if not any(row.link for row in rows):
        said.append(f"No link rises over chance in {count}; more footage may show some.")
    else:
        said.append(
            f"From {count}. A link is told where no history of {SHUFFLES}, in which chance alone says who is "
            "who, has one as high (sd: significance, in standard deviations over chance; IQR: interquartile "
            "range of the delays)."
        )
    if any(row.overlap for row in rows):
        said.append("Overlap is asked of the sightings that had one on the other camera at the same moment.")
    if topology.clocks:
        said.append(
            "Clocks were not told: offsets hold the way between cameras too, delays are what is left, and "
            "who comes first, or overlaps, nobody can tell."
        )
    return [*said, state]


def _links_table(rows: Sequence[Row], *, on_own_clocks: bool, width: int) -> Table:
    """width: of the terminal, in letters."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("between", "and") if on_own_clocks else ("from", "to"):
        table.add_column(heading, min_width=LEAST, overflow="fold")
    for heading in ("people", "transitions", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading, letters in (("delay", DELAY), ("IQR", RANGE)):
        wide = width >= WIDE
        table.add_column(heading, justify="right", no_wrap=wide, width=None if wide else letters)
    table.add_column("sd", justify="right", no_wrap=True)
    table.add_column("overlap", min_width=len("overlap"), overflow="fold")
    told = any(told_words(row.told) for row in rows)
    if told:
        table.add_column("told")
    for row in rows:
        ends, words = (
            (Text(plain(row.first)), Text(plain(row.second))),
            [told_words(row.told)] if told else [],
        )
        table.add_row(*ends, *_measures(row.link), overlap_words(row), *words)
    return table


def _measures(link: Link | None) -> list[str]:
    if link is None:
        return [""] * 6
    return [
        str(link.people),
        str(link.ways),
        f"{link.share:.0%}",
        seconds(link.delay_s),
        range_words(link.middle_half_s),
        f"{link.height:.1f}",
    ]


def seconds(delay_s: float) -> str:
    """A delay, which may be negative."""
    return f"-{duration(-delay_s)}" if delay_s < 0 else duration(delay_s)


def range_words(ends_s: tuple[float, float]) -> str:
    """From the lower to the higher, the unit once where it is the same."""
    low, high = map(seconds, ends_s)
    if low.endswith(" s") and high.endswith(" s") and "min" not in low + high:
        low = low.removesuffix(" s")
    return f"{low} to {high}"


def overlap_words(row: Row) -> str:
    """Whether, and how sure that is."""
    answer = {True: "yes", False: "no", None: "unknown"}[row.overlaps]
    if row.told_overlap is not None:
        return f"{answer}, told"
    if row.overlap is None:
        return answer
    if row.overlap.seen:
        return f"yes, {row.overlap.share:.0%} ({row.overlap.height:.1f} sd)"
    return f"{answer}, of {row.overlap.at_once}"


def told_words(rule: Rule | None) -> str:
    """What the configuration says of a way."""
    if rule is None:
        return ""
    if rule.never:
        return "never"
    if rule.after_s is None:
        return ""
    low, high = rule.after_s
    return f"{low:g} to {high:g} s" if math.isfinite(high) else f"{low:g} s or more"


def _clocks_table(topology: Topology) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("source", "camera", "clock offset", "of group"):
        table.add_column(heading, justify="left" if heading == "camera" else "right")
    for clock in sorted(topology.clocks, key=lambda clock: (clock.group, clock.offset_s)):
        ahead = f"{clock.offset_s:.1f} s"
        table.add_row(str(clock.recording), Text(plain(clock.camera)), ahead, str(clock.group + 1))
    return table


def facts(topology: Topology, rules: Sequence[Rule], *, learned: float, kept: bool) -> dict[str, Any]:
    """For programs."""
    return {
        "learned": iso(learned),
        "saved": kept,
        "start": topology.start,
        "end": topology.end,
        "visits": topology.visits,
        "links": [asdict(link) for link in topology.links],
        "overlaps": [asdict(overlap) for overlap in topology.overlaps],
        "clocks": [asdict(clock) for clock in topology.clocks],
        "told": [asdict(rule) | {"after_s": _finite(rule.after_s)} for rule in rules],
    }


def _finite(ends_s: tuple[float, float] | None) -> list[float | None] | None:
    """JSON has no endless numbers: null."""
    return None if ends_s is None else [end if math.isfinite(end) else None for end in ends_s]


def as_toml(topology: Topology, rules: Sequence[Rule]) -> str:
    """[[link]] tables to paste and to edit: what was told as it is, else what was learned.

    The highest is left endless: who takes longer may have stood where no camera sees.
    """
    parts = [_table_of(row, on_own_clocks=bool(topology.clocks)) for row in rows_of(topology, rules)]
    return "\n\n".join(part for part in parts if part)


def _table_of(row: Row, *, on_own_clocks: bool) -> str:
    rule, link = row.told, row.link
    lines = ["[[link]]", f"from = {_quoted(row.first)}", f"to = {_quoted(row.second)}"]
    if rule is not None:
        lines += [f"after_s = [{rule.after_s[0]:g}, {rule.after_s[1]:g}]"] if rule.after_s else []
        lines += ["never = true"] if rule.never else []
        lines += [f"overlap = {str(rule.overlap).lower()}"] if rule.overlap is not None else []
        return "\n".join(lines)
    seen = "" if link is None else _seen(link)
    if row.overlap is not None and row.overlaps:
        return "\n".join([seen + lines[0], *lines[1:], "overlap = true"])
    if link is None or on_own_clocks:
        return seen.rstrip()
    least = round(link.range_s[0] * LEEWAY, 1) if link.range_s[0] > CLOCKS_AGREE_S else 0.0
    return "\n".join([seen + lines[0], *lines[1:], f"after_s = [{least:g}, inf]"])


def _seen(link: Link) -> str:
    ways = f"{link.ways} ways of {link.people} people"
    took = f"{range_words(link.range_s)}, half of them {range_words(link.middle_half_s)}"
    return f"# {_quoted(link.first)} to {_quoted(link.second)}: {ways}, {took}\n"


def _quoted(name: str) -> str:
    """A basic string of TOML."""
    return json.dumps(name, ensure_ascii=False)
