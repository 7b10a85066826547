"""``sightline evaluate-reid``: a re-identification network's scores on a data set."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app import errors
from app.weights.assets import cache_folder, default_reid, resolve

if TYPE_CHECKING:
    from reid.embedder import Embedder
    from reid.preprocess import Floats
    from training.evaluate import Scores
    from training.market1501 import Integers, Market, Pictures

RANKS = (1, 5, 10, 20)
Tell = Callable[[int], None]


def evaluate_reid(arguments: argparse.Namespace) -> int:
    """``sightline evaluate-reid``: a network's scores on a data set in Market-1501's layout."""
    from training.layouts import GALLERY, QUERY
    from training.market1501 import read_market

    console = Console(stderr=True)
    market = read_market(arguments.data, folders=(QUERY, GALLERY))
    with console.status("Loading the network ..."):
        embedder = _open(arguments)
    console.print(f"re-identification: {embedder.name}, {embedder.backend}", highlight=False)
    found = _evaluated(embedder, market, arguments, console)
    if arguments.json:
        print(json.dumps(_facts(found, embedder, market, arguments), indent=2))
    else:
        Console().print(_table(found, embedder, market))
        print(_caption(found, market, arguments))
    return errors.OK


def _open(arguments: argparse.Namespace) -> Embedder:
    """The network asked for, or the one that a run would take."""
    from reid.embedder import open_embedder

    path = resolve(arguments.weights) if arguments.weights else default_reid()[0]
    return open_embedder(path, device=arguments.device, cache=cache_folder())


@dataclass(slots=True)
class _Found:
    """Scores by the way of ranking, and the seconds each step took."""

    scores: dict[str, Scores] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - begun


def _evaluated(embedder: Embedder, market: Market, arguments: argparse.Namespace, console: Console) -> _Found:
    from reid.backends import choose_device
    from training.evaluate import evaluate

    found = _Found()
    with found.timed("embed"), _bar(console, len(market.query) + len(market.gallery)) as tell:
        query, gallery = _embedded(embedder, (market.query, market.gallery), arguments.flip, tell)
    device = choose_device(arguments.device)
    with found.timed("rank"), console.status("Ranking ..."):
        plain = [
            evaluate(
                query[q],
                gallery[g],
                query=market.query.take(q),
                gallery=market.gallery.take(g),
                device=device,
            )
            for q, g in _trials(market)
        ]
    found.scores["plain"] = _mean(plain)
    if arguments.rerank:
        with found.timed("rerank"), console.status("Re-ranking ..."):
            found.scores["reranked"] = _mean(
                [_reranked(market, query, gallery, q, g) for q, g in _trials(market)]
            )
    return found


def _reranked(market: Market, query: Floats, gallery: Floats, q: Integers, g: Integers) -> Scores:
    from reid.distance import k_reciprocal
    from training.evaluate import evaluate_distances

    distances = k_reciprocal(query[q], gallery[g])
    return evaluate_distances(distances, query=market.query.take(q), gallery=market.gallery.take(g))


def _trials(market: Market) -> Sequence[tuple[Integers, Integers]]:
    """Rows of query and gallery: of each trial of the data set's own protocol, else all."""
    return market.trials or [(np.arange(len(market.query)), np.arange(len(market.gallery)))]


def _mean(scores: Sequence[Scores]) -> Scores:
    """Over the trials; queries and those skipped are added."""
    first = scores[0]
    if len(scores) == 1:
        return first
    means = {
        name: float(np.mean([getattr(one, name) for one in scores]))
        for name in ("map", "map_trapezoid", "minp")
    }
    return replace(
        first,
        cmc=np.mean([one.cmc for one in scores], axis=0),
        queries=sum(one.queries for one in scores),
        skipped=sum(one.skipped for one in scores),
        **means,
    )


def _embedded(embedder: Embedder, tables: Sequence[Pictures], flip: bool, tell: Tell) -> list[Floats]:
    from training.evaluate import embed

    query, gallery = tables
    first = embed(embedder, query, flip=flip, progress=tell)
    return [first, embed(embedder, gallery, flip=flip, progress=lambda done: tell(len(query) + done))]


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Tell]:
    """Gives a function that is told how many pictures are done."""
    columns = (
        TextColumn("[bold]embedding"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}", justify="right"),
        TimeRemainingColumn(),
    )
    begun = time.perf_counter()
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, expand=True, disable=not shown) as progress:
        task = progress.add_task("", total=total, pace="")

        def tell(done: int) -> None:
            pace = done / (time.perf_counter() - begun)
            progress.update(task, completed=done, pace=f"{pace:.0f} pictures/s")

        yield tell


def _table(found: _Found, embedder: Embedder, market: Market) -> Table:
    """The scores in percent, a column a way of ranking."""
    table = Table(title=f"{embedder.name} on {market.name}", title_justify="left")
    table.add_column("")
    for way in found.scores:
        table.add_column({"plain": "cosine", "reranked": "re-ranked"}[way], justify="right")
    ways = found.scores.values()
    for k in RANKS:
        table.add_row(f"rank-{k}", *(_percent(scores.rank(k)) for scores in ways))
    table.add_row("mAP (rectangular, the common form)", *(_percent(scores.map) for scores in ways))
    official = [_percent(scores.map_trapezoid) for scores in ways]
    table.add_row("mAP (trapezoidal, the official form)", *official)
    table.add_row("mINP", *(_percent(scores.minp) for scores in ways))
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _caption(found: _Found, market: Market, arguments: argparse.Namespace) -> str:
    plain = found.scores["plain"]
    skipped = f" ({plain.skipped} without a right answer left out)" if plain.skipped else ""
    flip = ", each averaged with its mirror image" if arguments.flip else ""
    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in found.seconds.items())
    trials = f"mean of {len(market.trials)} trials; " if market.trials else ""
    one = "; one camera took all, whose own pictures count as answers" if market.one_camera else ""
    return (
        f"{trials}{plain.queries} queries{skipped}, gallery of {len(market.gallery)} pictures{flip}; "
        f"junk left out: {market.junk}{one}\n{steps}"
    )


def _facts(
    found: _Found, embedder: Embedder, market: Market, arguments: argparse.Namespace
) -> dict[str, Any]:
    """All of it for programs; scores in 0..1."""
    plain = found.scores["plain"]
    return {
        "data": str(arguments.data),
        "network": embedder.name,
        "fingerprint": embedder.fingerprint,
        "backend": embedder.backend,
        "flip": arguments.flip,
        "queries": plain.queries,
        "queries_without_answer": plain.skipped,
        "gallery": len(market.gallery),
        "junk": market.junk,
        "trials": len(market.trials) or 1,
        "one_camera": market.one_camera,
        **{way: {**scores.row(), "cmc": scores.cmc.tolist()} for way, scores in found.scores.items()},
        "seconds": found.seconds,
    }
