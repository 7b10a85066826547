"""The cameras and the links between them as a picture: an SVG file, or a page that holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config import ConfigError
from app.output.html_page import write_html
from app.topology.layout import Places, places
from app.topology.rows import Row, rows_of
from app.topology.table import overlap_words, range_words, seconds, sentences, told_words
from tracker.rules import Rule
from tracker.types import Link, Topology

APART_PX = 250.0
"""Between neighbours."""

HALF_WIDTH_PX, HALF_HEIGHT_PX = 62.0, 26.0
"""Of a camera's box."""

MARGIN_PX = 44.0
BOW_PX = 30.0
"""How far an arrow bends to its right, so that the way back has room."""

LABEL_PX = (42.0, 15.0)
"""How far its middle is from the arrow, beside and above it."""

THINNEST_PX, THICKEST_PX = 1.5, 7.0


@dataclass(frozen=True, slots=True)
class Box:
    """A camera: its middle, what is written in it."""

    name: str
    x: float
    y: float
    visits: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way. path: of the SVG. kind: learned, told or never. plain: of no direction. x, y: of its label."""

    path: str
    kind: str
    width: float
    plain: bool
    label: str
    title: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Band:
    """Two cameras that overlap."""

    x1: float
    y1: float
    x2: float
    y2: float
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Of a histogram, in percent of its width and height. inside: of the heap."""

    left: float
    height: float
    inside: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """The delays of one link."""

    first: str
    second: str
    bars: list[Bar]
    width: float
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of a picture, in pixels."""

    width: float
    height: float
    boxes: list[Box]
    bands: list[Band]
    arrows: list[Arrow]


def check_kind(out: Path) -> None:
    """Raises ConfigError where the name of the picture does not say what it is to be."""
    if out.suffix.lower() not in (".html", ".svg"):
        raise ConfigError(f"The picture {out} is of no known kind; name a file that ends in .html or .svg.")


def write_picture(topology: Topology, rules: Sequence[Rule], state: str, out: Path) -> Path:
    """Write ``out``, an .svg or an .html file; its path. Raises OutputError where it cannot be written."""
    rows = rows_of(topology, rules)
    contents: dict[str, Any] = {
        "drawing": draw(topology, rows),
        "histograms": {
            (link.first, link.second): histogram(link) for row in rows if (link := row.link) is not None
        },
    }
    if out.suffix.lower() == ".svg":
        return write_html("topology.svg", contents, out)
    contents |= {
        "rows": [(row, _cells(row), told_words(row.told)) for row in rows],
        "sentences": sentences(topology, rows, state),
        "clocks": sorted(topology.clocks, key=lambda clock: (clock.group, clock.offset_s)),
        "told": any(told_words(row.told) for row in rows),
    }
    return write_html("topology.html", contents, out)


def draw(topology: Topology, rows: Sequence[Row]) -> Drawing:
    """The cameras where their links put them, and an arrow for each way."""
    names = sorted({*topology.visits, *(name for row in rows for name in (row.first, row.second))})
    number = {name: k for k, name in enumerate(names)}
    near = {(number[row.first], number[row.second]) for row in rows if row.link or row.overlaps or row.after}
    at = places(len(names), near) * APART_PX
    edge = _edge_of(at)
    at = at - edge[0] + (MARGIN_PX + HALF_WIDTH_PX, MARGIN_PX + HALF_HEIGHT_PX + BOW_PX / 2)
    where = {name: (float(at[k, 0]), float(at[k, 1])) for name, k in number.items()}
    most = max((row.link.ways for row in rows if row.link), default=1)
    return Drawing(
        width=round(edge[1][0] - edge[0][0] + 2 * (MARGIN_PX + HALF_WIDTH_PX)),
        height=round(edge[1][1] - edge[0][1] + 2 * (MARGIN_PX + HALF_HEIGHT_PX) + BOW_PX),
        boxes=[Box(name, *where[name], topology.visits.get(name, 0)) for name in names],
        bands=_bands(rows, where),
        arrows=[
            _arrow(row, where, most, plain=bool(topology.clocks))
            for row in rows
            if row.link is not None or told_words(row.told)
        ],
    )


def _edge_of(at: Places) -> tuple[Places, Places]:
    """The least and the greatest of the places."""
    return at.min(axis=0), at.max(axis=0)


def _bands(rows: Sequence[Row], where: Mapping[str, tuple[float, float]]) -> list[Band]:
    """One for each two that overlap."""
    found = {}
    for row in rows:
        if row.overlaps:
            words = f"{row.first} and {row.second} overlap: {overlap_words(row)}"
            found[frozenset((row.first, row.second))] = Band(*where[row.first], *where[row.second], words)
    return list(found.values())


def _arrow(row: Row, where: Mapping[str, tuple[float, float]], most: int, *, plain: bool) -> Arrow:
    """From box to box, bent to the right (of who walks it)."""
    (x1, y1), (x2, y2) = where[row.first], where[row.second]
    length = max(math.hypot(x2 - x1, y2 - y1), 1e-9)
    aside = ((y1 - y2) / length, (x2 - x1) / length)
    bow = 0.0 if plain else BOW_PX
    middle = ((x1 + x2) / 2 + aside[0] * 2 * bow, (y1 + y2) / 2 + aside[1] * 2 * bow)
    begin = _border((x1, y1), middle)
    end = _border((x2, y2), middle)
    share = row.link.ways / most if row.link else 0.0
    kind = "never" if row.never else "told" if told_words(row.told) else "learned"
    return Arrow(
        path=f"M{begin[0]:.1f},{begin[1]:.1f} Q{middle[0]:.1f},{middle[1]:.1f} {end[0]:.1f},{end[1]:.1f}",
        kind=kind,
        width=round(THINNEST_PX + (THICKEST_PX - THINNEST_PX) * math.sqrt(share), 1),
        plain=plain,
        label=_label(row),
        title=" ".join([f"{row.first} to {row.second}:", *_cells(row)]),
        x=round((begin[0] + 2 * middle[0] + end[0]) / 4 + aside[0] * LABEL_PX[0], 1),
        y=round((begin[1] + 2 * middle[1] + end[1]) / 4 + aside[1] * LABEL_PX[1], 1),
    )


def _border(middle: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Where the way from a box's middle leaves the box, and a little more."""
    dx, dy = towards[0] - middle[0], towards[1] - middle[1]
    reach = min(
        (HALF_WIDTH_PX + 5) / abs(dx) if dx else math.inf, (HALF_HEIGHT_PX + 5) / abs(dy) if dy else math.inf
    )
    return middle[0] + dx * min(reach, 1.0), middle[1] + dy * min(reach, 1.0)


def _label(row: Row) -> str:
    told = told_words(row.told)
    if row.link is None or row.never:
        return told
    return f"{seconds(row.link.delay_s)} · {row.link.ways}" + (f" ({told})" if told else "")


def _cells(row: Row) -> list[str]:
    """What is said of a way, in the order of the page's columns."""
    link = row.link
    if link is None:
        return ["", "", "", "", "", "", overlap_words(row)]
    measures = [f"{link.share:.0%}", seconds(link.delay_s), range_words(link.middle_half_s)]
    return [str(link.people), str(link.ways), *measures, f"{link.height:.1f} sd", overlap_words(row)]


def histogram(link: Link) -> Histogram:
    """The delays of a link's people, those of the heap and those beyond it."""
    step = (link.span_s[1] - link.span_s[0]) / len(link.counts)
    most = max(*link.counts, 1)
    bars = [
        Bar(
            round(100 * k / len(link.counts), 2),
            round(100 * count / most, 1),
            link.range_s[0] <= link.span_s[0] + (k + 1) * step
            and link.span_s[0] + k * step <= link.range_s[1],
        )
        for k, count in enumerate(link.counts)
    ]
    ends = seconds(link.span_s[0]), seconds(link.span_s[1])
    return Histogram(link.first, link.second, bars, round(100 / len(link.counts) - 0.6, 2), ends)
