"""The test half of Market-1501 replayed as six cameras through the associator: identities at scale.

    python benchmarks/market_replay.py [--data FOLDER] [--features FILE.npz | --weights NAME_OR_PATH]
        [--distractors] [--most N]

FILE (reference/reid/retail0277_market_test.npz of FOLDER) holds `names`, of Market-1501's pictures, and
`features`, (N, D) unit rows; no picture is needed. --weights embeds the pictures of the same names in
FOLDER's data/Market-1501-v15.09.15.zip with another network, once, and keeps what comes out in --cache.
Tracklets are as in benchmarks/market_parts/tracklets.py. Each comes to the associator as a track that is
seen at its pictures' times, and ends with the last. Junk and distractors (persons -1 and 0) are left out;
--distractors has them live in the stream, out of the score.

IDF1 is over all cameras and counts pictures: the best one-to-one pairing of people and ids. Purity, merges
and hand-overs are as in app/scoring/identity_errors.py, a tracklet being a visit. Hand-overs follow the
files' times, though the cameras' clocks differ by constants nobody tells.
The tracker is told which tracklets are of one recording (a camera's sequence); how the clocks of the 25
recordings lie to each other it finds by itself. Nothing is fitted on the truth. --most: only the first N
tracklets.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from market_parts.embedding import embedded
from market_parts.labels import corrected
from market_parts.methods import Row, baseline, clustered, greedy, refined, replayed
from market_parts.tracklets import Embedded, Tracklet, errors_of, idf1, read_features, tracklets_of
from rich.console import Console
from rich.table import Table

from app.weights.assets import cache_folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--weights", help="embed the pictures with this network instead")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "market")
    parser.add_argument("--distractors", action="store_true")
    parser.add_argument("--most", type=int, metavar="N", help="only the first N tracklets")
    told = parser.parse_args()
    tracklets = tracklets_of(features(told), distractors=told.distractors)[: told.most]
    rows = [
        baseline("greedy nearest average, best threshold", greedy, tracklets),
        baseline("average linkage, best threshold", clustered, tracklets),
        replayed("sightline online", tracklets),
        refined("sightline second pass", tracklets, say=True),
    ]
    print_table(rows, tracklets)


def features(told: argparse.Namespace) -> Embedded:
    """As asked for: given, or of a network's own."""
    given = read_features(told.features or told.data / "reference/reid/retail0277_market_test.npz")
    if told.weights is None:
        return given
    keep = [n for n in given.names if told.distractors or not n.rpartition("/")[2].startswith(("-1", "0000"))]
    pictures = told.data / "data/Market-1501-v15.09.15.zip"
    return embedded(keep, data=pictures, weights=told.weights, cache=told.cache)


def print_table(rows: Sequence[Row], tracklets: Sequence[Tracklet]) -> None:
    counted = np.concatenate([tracklet.people for tracklet in tracklets])
    pictures, people = int((counted > 0).sum()), len(np.unique(counted[counted > 0]))
    title = f"Market-1501 replayed: {len(counted):,} pictures, {len(tracklets):,} tracklets; scored: "
    table = Table(title=f"{title}{pictures:,} pictures of {people} people", title_justify="left")
    columns = ("IDF1", "labels corrected", "ids", "purity", "false merges", "missed merges")
    for column in ("", *columns, "hand-overs kept", "undecided", "CPU s"):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        table.add_row(row.name, *cells(row, tracklets, pictures), f"{row.seconds:.1f}")
    faultless = np.array([tracklet.person for tracklet in corrected(tracklets)])
    table.caption = (
        f"percent; labels corrected: IDF1 by the truth of market_parts/labels.py; a faultless result by that "
        f"has {100 * idf1(faultless, tracklets):.1f} by the labels as they are; merges: per hundred people; "
        "undecided: pictures whose tracklet has no id in the end"
    )
    Console(width=140).print(table)


def cells(row: Row, tracklets: Sequence[Tracklet], pictures: int) -> list[str]:
    errors = errors_of(row.ids, tracklets)
    scores = [idf1(row.ids, tracklets), idf1(row.ids, corrected(tracklets))]
    merges = [errors.per_hundred_people(count) for count in (errors.false_merges, errors.missed_merges)]
    rates = [errors.handover_recall or 0.0, 1 - errors.matched / pictures]
    return [
        *(f"{100 * score:.1f}" for score in scores),
        str(len(np.unique(row.ids[row.ids >= 0]))),
        f"{100 * (errors.purity or 0.0):.1f}",
        *(f"{count:.1f}" for count in merges),
        *(f"{100 * rate:.1f}" for rate in rates),
    ]


if __name__ == "__main__":
    main()
