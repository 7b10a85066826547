"""``sightline topology``: which camera follows which, learned from the history, shown, kept."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from app import errors
from app.config import read_config
from app.history.said import span_said
from app.history.telling import say
from app.history.tracklets import sampled
from app.times import moment, zone
from storage.errors import DatabaseError
from storage.topology import Learned, save, saved
from tracker.types import Topology

if TYPE_CHECKING:
    from storage.history import History
    from tracker.tracklets import Tracklet

MOST, STRETCHES = 20_000, 5
"""Sightings that links and overlaps are learned from; of more, from so many stretches of time."""

MOST_ON_OWN_CLOCKS = 3000
"""Where the clocks are to be found out: all pairs are compared."""


def topology(arguments: argparse.Namespace) -> int:
    """``sightline topology``: what is kept, or learned now; the exit code."""
    from app.history.opened import engine_of
    from app.topology.picture import check_kind, write_picture
    from app.topology.table import as_toml, facts, print_topology
    from storage.history import History

    if arguments.page is not None:
        check_kind(arguments.page)
    rules = () if arguments.config is None else read_config(arguments.config).links
    spans = (arguments.since, arguments.until)
    anew = arguments.learn or arguments.save or arguments.own_clocks or spans != (None, None)
    engine = engine_of(arguments.db)
    try:
        since, until = span_said(History(engine), *spans)
        known = None if anew else saved(engine)
        kept = known is not None or arguments.save
        if known is None:
            where = f"{arguments.db}" if since is until is None else f"{arguments.db}, in that span,"
            found = _learned(History(engine), since, until, where, own_clocks=arguments.own_clocks)
            known = save(engine, found) if arguments.save else Learned(time.time(), found)
    finally:
        engine.dispose()
    state = _state(known, kept=kept)
    if arguments.page is not None:
        write_picture(known.topology, rules, state, arguments.page)
    if arguments.toml:
        print(as_toml(known.topology, rules))
    elif arguments.json:
        print(json.dumps(facts(known.topology, rules, learned=known.time, kept=kept), indent=2))
    else:
        print_topology(known.topology, rules, state=state)
    return errors.OK


def _state(known: Learned, *, kept: bool) -> str:
    if kept:
        return f"Learned {moment(known.time)} {zone(known.time)} and kept; --learn learns anew."
    return "Learned now and not kept; --save keeps it in the history."


def _learned(
    history: History, since: float | None, until: float | None, where: str, *, own_clocks: bool
) -> Topology:
    """From all of the span, or where that is much, from a part, which is said beforehand."""
    number = history.number_of_sightings(since=since, until=until)
    most, stretches = (MOST_ON_OWN_CLOCKS, 1) if own_clocks else (MOST, STRETCHES)
    if number > most:
        parts = "from their beginning on" if stretches == 1 else f"in {stretches} stretches over that time"
        sentence = f"{number:,} sightings: it is learned from {most:,} of them, {parts}."
        say(Console(stderr=True, highlight=False), sentence)
    tracklets = sampled(
        history, since=since, until=until, most=most, stretches=stretches, own_clocks=own_clocks
    )
    return learned_from(tracklets, where, own_clocks=own_clocks)


def learned_from(tracklets: Sequence[Tracklet], where: str, *, own_clocks: bool = False) -> Topology:
    """What a span of a history tells. where: the history's name, for errors.

    Raises DatabaseError where it tells of no two cameras.
    """
    from tracker.links import learn

    cameras = sorted({tracklet.camera for tracklet in tracklets})
    if not tracklets:
        raise DatabaseError(
            f"the history {where} holds no sightings with pictures; "
            "'sightline run' or 'sightline watch' over several cameras makes some"
        )
    if len(cameras) == 1:
        raise DatabaseError(
            f"the history {where} holds sightings of one camera only ({cameras[0]}); "
            "links are between cameras, so record another one"
        )
    return _on_own_clocks(tracklets) if own_clocks else learn(tracklets)


def _on_own_clocks(tracklets: Sequence[Tracklet]) -> Topology:
    from tracker.links import learn_on_own_clocks
    from tracker.refine import second_pass
    from tracker.tracklets import columns_of

    found = second_pass(tracklets)
    clocks = found.clocks
    if clocks is None or len(set(clocks.group.tolist())) == len(clocks.group):
        raise DatabaseError(
            f"{len(tracklets)} sightings do not tell how the clocks lie to each other, which takes "
            "people who are on several cameras; record more, or leave out --own-clocks where clocks agree"
        )
    return learn_on_own_clocks(tracklets, found.clusters, clocks, columns_of(tracklets).recording)
