"""One page about a training: how losses and scores went, the final CMC, and answers to look at.

The page is one HTML file without scripts; plots and pictures are inside it.
"""

from __future__ import annotations

import base64
import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import jinja2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from reid.preprocess import Floats, Image
from training.errors import TrainingError
from training.evaluate import Scores, answers
from training.market1501 import Market

PAGE = "report.html"
PICTURE_HEIGHT = 192  # pixels; shown at half of it
INK = "#7d8796"  # of axes and words: legible on light and on dark
COLOURS = ("#3b76f0", "#17a398", "#f2a33a", "#d9538c", "#8a63d2")
LOSSES = {
    "loss": "all",
    "loss_id": "identity",
    "loss_triplet": "triplet",
    "loss_centre": "centre",
    "loss_distill": "teacher",
}
STYLE: Any = {"svg.fonttype": "path", "svg.hashsalt": "sightline", "font.size": 9, "axes.linewidth": 0.7}

Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A query's picture and its first answers, nearest first. right: which of them show the person asked for.

    names: of the query and of each answer. distances: cosine distances of the answers. there: how many right
    answers there are in all.
    """

    query: Image
    pictures: Sequence[Image]
    right: Sequence[bool]
    distances: Sequence[float]
    names: Sequence[str]
    there: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a training leaves behind.

    log: CSV with columns epoch (from 1), step, lr, loss, loss_id, loss_triplet, loss_centre, loss_distill,
    accuracy, images_per_s, seconds; a row an epoch or every few steps; empty cells or zeros where a loss was
    not in use. evaluations: CSV with columns epoch, rank1, rank5, rank10, map, map_trapezoid, minp.
    facts: word -> value, shown as a table. scores, ranked: of the finished network.
    """

    name: str
    log: Path
    evaluations: Path
    facts: Mapping[str, str] = field(default_factory=dict)
    scores: Scores | None = None
    ranked: Sequence[Ranked] = ()


def ranked_answers(
    query_vectors: Floats, gallery_vectors: Floats, market: Market, *, queries: int = 12, count: int = 10
) -> list[Ranked]:
    """What so many queries find, evenly over the data set's order: no good ones picked.

    Raises TrainingError for a picture that is missing or damaged.
    """
    rows = np.unique(np.linspace(0, len(market.query) - 1, min(queries, len(market.query))).astype(int))
    tables = {"query": market.query, "gallery": market.gallery}
    return [
        Ranked(
            query=next(market.query.take(rows[number : number + 1]).batches())[0],
            pictures=[image for part in market.gallery.take(found.entries).batches() for image in part],
            right=found.right.tolist(),
            distances=found.distances.tolist(),
            names=[market.query.names[found.query], *(market.gallery.names[row] for row in found.entries)],
            there=found.there,
        )
        for number, found in enumerate(
            answers(query_vectors, gallery_vectors, **tables, rows=rows.tolist(), count=count)
        )
    ]


def write_report(folder: Path, run: Run) -> Path:
    """Write the page report.html into the folder; its path.

    Raises TrainingError where a log cannot be read or the page cannot be written.
    """
    log, evaluations = _read(run.log), _read(run.evaluations)
    with mpl.rc_context(STYLE):
        plots = _plots(log, evaluations, run.scores)
    contents = {
        "run": run,
        "tiles": _tiles(log, evaluations, run.scores),
        "plots": plots,
        "rows": [_row(ranked) for ranked in run.ranked],
        "scores": _score_rows(run.scores),
    }
    page, part = folder / PAGE, folder / (PAGE + ".part")
    try:
        part.write_text(_template().render(contents), encoding="utf-8")
        part.replace(page)
    except OSError as error:
        raise TrainingError(
            f"The page {page} can't be written ({error.strerror}); make room or name another folder."
        ) from error
    return page


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((files("training") / "report.html").read_text(encoding="utf-8"))


def _read(path: Path) -> Columns:
    """A log's columns as numbers, empty cells NaN. Of rows with the same epoch and step the last holds."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise TrainingError(f"The log {path} can't be read ({error.strerror}).") from error
    latest = {(row["epoch"], row.get("step")): row for row in rows}
    names = list(rows[0]) if rows else []
    columns = {name: np.array([_number(row[name]) for row in latest.values()]) for name in names}
    order = np.lexsort((columns.get("step", columns.get("epoch", [])), columns.get("epoch", [])))
    return {name: values[order] for name, values in columns.items()}


def _number(cell: str | None) -> float:
    return float(cell) if cell else math.nan


def _tiles(log: Columns, evaluations: Columns, scores: Scores | None) -> list[tuple[str, str]]:
    """The figures at the head of the page, each with its word."""
    last = {name: float(values[-1]) for name, values in evaluations.items() if len(values)}
    told = last if scores is None else scores.row()
    tiles = [
        (f"{100 * told[name]:.1f} %", word)
        for name, word in (("rank1", "rank-1"), ("map", "mAP"), ("minp", "mINP"))
        if name in told
    ]
    if len(log.get("epoch", ())):
        tiles.append((f"{int(log['epoch'].max())}", "epochs"))
        tiles.append((_duration(float(np.nanmax(log["seconds"]))), "of training"))
        tiles.append((f"{np.nanmedian(log['images_per_s']):.0f}", "pictures/s"))
    return tiles


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _score_rows(scores: Scores | None) -> list[tuple[str, str]]:
    if scores is None:
        return []
    told = [(f"rank-{k}", scores.rank(k)) for k in (1, 5, 10, 20)]
    told += [
        ("mAP (rectangular, the common form)", scores.map),
        ("mAP (trapezoidal, the official form)", scores.map_trapezoid),
        ("mINP", scores.minp),
    ]
    return [(word, f"{100 * share:.2f} %") for word, share in told]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with its heading. source: a data URI."""

    title: str
    source: str


def _plots(log: Columns, evaluations: Columns, scores: Scores | None) -> list[Plot]:
    epoch = _fractional(log)
    losses = {word: log[name] for name, word in LOSSES.items() if name in log}
    shares = {"rank-1": "rank1", "mAP": "map", "mAP, trapezoidal": "map_trapezoid", "mINP": "minp"}
    found = {word: evaluations[name] for word, name in shares.items() if name in evaluations}
    plots = [
        _lines("Losses", "epoch", epoch, losses, log_scale=True),
        _lines("Learning rate", "epoch", epoch, {"": log.get("lr", epoch[:0])}, log_scale=True),
        _lines("Identities named right in training", "epoch", epoch, {"": log.get("accuracy")}, percent=True),
        _lines("Scores on the test pictures", "epoch", evaluations.get("epoch"), found, percent=True),
        _lines("Pictures a second", "epoch", epoch, {"": log.get("images_per_s")}, from_zero=True),
    ]
    if scores is not None:
        places = np.arange(1, len(scores.cmc) + 1)
        title = "CMC: a right answer is among the first k"
        plots.insert(4, _lines(title, "k", places, {"": scores.cmc}, percent=True))
    return [plot for plot in plots if plot is not None]


def _fractional(log: Columns) -> NDArray[np.float64]:
    """How many epochs were done at each row: within one with several rows, they divide it evenly."""
    epochs = log.get("epoch", np.empty(0))
    _, first, row, counts = np.unique(epochs, return_index=True, return_inverse=True, return_counts=True)
    return np.asarray(epochs - 1 + (np.arange(len(epochs)) - first[row] + 1) / counts[row])


def _lines(
    title: str,
    axis: str,
    x: NDArray[Any] | None,
    series: Mapping[str, NDArray[np.float64] | None],
    *,
    log_scale: bool = False,
    percent: bool = False,
    from_zero: bool = False,
) -> Plot | None:
    """Lines over x, those without any number left out; None where there is none left."""
    kept = {word: y for word, y in series.items() if y is not None and np.isfinite(y).any()}
    if x is None or not kept:
        return None
    figure = Figure(figsize=(5.2, 2.9), layout="constrained")
    axes = figure.add_subplot()
    for colour, (word, y) in zip(COLOURS, kept.items(), strict=False):
        mark = "o" if len(x) <= 40 else ""
        axes.plot(x, y, color=colour, linewidth=1.6, marker=mark, markersize=3, label=word)
    if log_scale and all((y[np.isfinite(y)] > 0).any() for y in kept.values()):
        axes.set_yscale("log", nonpositive="mask")
    if percent:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    if from_zero:
        axes.set_ylim(bottom=0)
    _dress(axes, axis, legend=len(kept) > 1)
    return Plot(title, _svg(figure))


def _dress(axes: Axes, axis: str, *, legend: bool) -> None:
    axes.set_xlabel(axis, color=INK)
    axes.tick_params(which="both", colors=INK, length=3)
    axes.grid(visible=True, color=INK, alpha=0.22, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    if legend:
        axes.legend(frameon=False, labelcolor=INK, ncols=2)


def _svg(figure: Figure) -> str:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()


def _row(ranked: Ranked) -> dict[str, Any]:
    """For the page: the query's picture, and each answer's with its mark."""
    marks = zip(ranked.pictures, ranked.right, ranked.distances, ranked.names[1:], strict=True)
    return {
        "query": {"source": _jpeg(ranked.query), "name": Path(ranked.names[0]).name, "there": ranked.there},
        "answers": [
            {"source": _jpeg(image), "right": right, "distance": distance, "name": Path(name).name}
            for image, right, distance, name in marks
        ],
    }


def _jpeg(image: Image) -> str:
    size = (max(1, round(image.shape[1] * PICTURE_HEIGHT / image.shape[0])), PICTURE_HEIGHT)
    how = cv2.INTER_AREA if image.shape[0] > PICTURE_HEIGHT else cv2.INTER_LINEAR
    _, coded = cv2.imencode(".jpg", cv2.resize(image, size, interpolation=how))
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()
