"""What each constant of the association does: one changed at a time, on the Market replay.

    python benchmarks/association_sensitivity.py [--data FOLDER] [--only CONSTANT ...]

FOLDER as in market_replay.py. IDF1 of the second pass; of the constants of the memory and of the run's policy
that of the run. A constant that is right stands on a plateau. All of it takes an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from market_parts.methods import replay
from market_parts.tracklets import Tracklet, as_told, idf1, read_features, tracklets_of

from tracker.associator import Associator
from tracker.gallery import Gallery
from tracker.memory import Memory
from tracker.presence import Policy
from tracker.refine import second_pass

OF_THE_PASS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "ACCEPT": ("tracker.linkage", (0.5, 0.6, 0.8, 0.9)),
    "TURNS": ("tracker.refine", (1, 2, 4)),
    "JOURNEY_S": ("tracker.journeys", (60.0, 120.0, 600.0, 1200.0)),
    "SHRINK": ("tracker.plda", (0.1, 0.3, 0.7, 0.9)),
    "AGAIN": ("tracker.plda", (0.1, 0.15, 0.3, 0.4)),
    "SEVERAL": ("tracker.plda", (2, 5)),
    "WIDTH": ("tracker.journeys", (0.35, 0.7)),
    "TAILS": ("tracker.likeness", ((0.95, 0.98, 0.99, 0.995), (0.95, 0.98, 0.99, 0.995, 0.998, 0.999))),
    "TAIL": ("tracker.likeness", (5, 8, 12)),
    "TAIL_STEPS": ("tracker.likeness", (8, 20)),
    "STEEP": ("tracker.likeness", (0.7, 0.9)),
    "SURPLUS_NEAR": ("tracker.likeness", (0.5, 1.0, 4.0)),
    "SURPLUS_BEYOND": ("tracker.likeness", (0.25, 1.0)),
    "HIDDEN": ("tracker.likeness", (0.003, 0.03)),
    "MOST_ODDS": ("tracker.likeness", (7.0, 14.0)),
    "FEW_PEOPLE": ("tracker.tracklets", (5.0, 40.0)),
    "ALIKE": ("tracker.tracklets", (np.float32(0.4), np.float32(0.6))),
    "MIDPOINT_CENTRED": ("tracker.likeness", (0.35, 0.45)),
    "RARE": ("tracker.journeys", (0.0015, 0.006)),
    "COMMON": ("tracker.journeys", (0.006, 0.024)),
    "STRANGERS": ("tracker.learning", (0.2, 0.8)),
    "ROUNDS": ("tracker.linkage", (0, 1)),
    "HEAPED": ("tracker.learning", (0.05, 0.2)),
    "BIN_S": ("tracker.topology", (1.0, 4.0)),
    "HEAP_S": ("tracker.topology", (4.0, 16.0)),
    "GROUND_S": ("tracker.topology", (30.0, 120.0)),
    "SURE": ("tracker.topology", (5.0, 8.0)),
    "BELIEF": ("tracker.topology", (10.0, 100.0)),
}
"""By constant, where it is and values on both sides of it."""

OF_THE_MEMORY: dict[str, tuple[str, tuple[Any, ...]]] = {
    "DECIDED": ("tracker.journeys", tuple(np.array([0.0, 1.0, 3.0], np.float32)))
}
"""The same, of what only the run has."""

OF_THE_RUN: dict[str, tuple[Any, ...]] = {
    "window": (1500, 2500, 5000),
    "every": (175, 700),
    "accept": (0.5, 0.7, 0.8),
    "reject": (0.1, 0.3),
    "ripe_crops": (2, 8),
    "ripe_s": (0.5, 2.0),
    "patience_s": (2.0, 8.0),
    "min_quality": (0.2, 0.4),
}
"""Of the memory and the policy, values on both sides of the default."""

Tracklets = list[Tracklet]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*OF_THE_PASS, *OF_THE_MEMORY, *OF_THE_RUN]
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--only", nargs="*", default=names, choices=names, metavar="CONSTANT")
    told = parser.parse_args()
    tracklets = tracklets_of(read_features(told.data / "reference/reid/retail0277_market_test.npz"))
    print("| constant | value | IDF1 |", flush=True)
    print_row("second pass", "", of_pass(tracklets))
    for name in [name for name in told.only if name in OF_THE_PASS]:
        where, values = OF_THE_PASS[name]
        for value in values:
            with changed(where, name, value):
                print_row(name, value, of_pass(tracklets, **given(name, value)))
    print_row("run", "", of_run(tracklets, Memory(), Policy()))
    for name in [name for name in told.only if name in OF_THE_MEMORY]:
        where, values = OF_THE_MEMORY[name]
        for value in values:
            with changed(where, name, value):
                print_row(name, value, of_run(tracklets, Memory(), Policy()))
    for name in [name for name in told.only if name in OF_THE_RUN]:
        for value in OF_THE_RUN[name]:
            in_memory = name in {field.name for field in fields(Memory)}
            memory = replace(Memory(), **{name: value}) if in_memory else Memory()
            policy = Policy() if in_memory else replace(Policy(), **{name: value})
            print_row(name, value, of_run(tracklets, memory, policy))


@contextmanager
def changed(module: str, name: str, value: Any) -> Iterator[None]:
    """The constant has that value meanwhile."""
    place = import_module(module)
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)


def given(name: str, value: Any) -> dict[str, Any]:
    """What is a default of an argument has to be handed over."""
    return {name.lower(): value} if name in ("ACCEPT", "TURNS") else {}


def of_pass(tracklets: Tracklets, **told: Any) -> float:
    ids = np.full(len(tracklets), -1, np.int64)
    for number, cluster in enumerate(second_pass(as_told(tracklets), **told).clusters):
        ids[list(cluster.tracklets)] = number
    return idf1(ids, tracklets)


def of_run(tracklets: Tracklets, memory: Memory, policy: Policy) -> float:
    gallery = Gallery(dimension=tracklets[0].vectors.shape[1])
    found = replay(tracklets, Associator(gallery=gallery, memory=memory, policy=policy))
    return idf1(found.ids(len(tracklets)), tracklets)


def print_row(name: str, value: Any, score: float) -> None:
    print(f"| {name} | {value} | {100 * score:.1f} |", flush=True)


if __name__ == "__main__":
    main()
