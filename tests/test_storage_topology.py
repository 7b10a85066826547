"""What was learned of the cameras, kept in a history and found there again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_history import small_history
from sqlalchemy import Engine, delete, func, select

from storage import schema
from storage.topology import save, saved
from tracker.types import ClockOffset, Link, Overlap, Topology

LINK = Link(
    first="left",
    second="right",
    ways=12,
    people=9,
    share=0.6,
    delay_s=2.5,
    middle_half_s=(2.0, 3.5),
    range_s=(1.0, 6.0),
    height=7.25,
    span_s=(-4.0, 11.0),
    counts=(0, 3, 9, 0),
)
LEARNED = Topology(
    links=(LINK, replace(LINK, first="right", second="left", ways=5)),
    overlaps=(Overlap("left", "right", 30, 0.0, -0.5, seen=False),),
    visits={"left": 3, "right": 2},
    start=10.0,
    end=31.0,
    clocks=(ClockOffset(1, "left", 0.0, 0), ClockOffset(2, "right", -540.5, 0)),
)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return small_history(tmp_path / "h.db")


@pytest.mark.parametrize("seen", [True, False, None])
def test_it_is_found_as_it_was_kept(engine: Engine, seen: bool | None) -> None:
    assert saved(engine) is None
    known = replace(LEARNED, overlaps=(replace(LEARNED.overlaps[0], seen=seen),))
    assert save(engine, known) == saved(engine)
    found = saved(engine)
    assert found is not None
    assert found.topology == known


def test_the_last_one_counts_and_is_alone(engine: Engine) -> None:
    save(engine, LEARNED)
    bare = Topology((), (), {"left": 3}, 10.0, 20.0)
    save(engine, bare)
    found = saved(engine)
    assert found is not None
    assert found.topology == bare
    with engine.connect() as connection:
        for table in (schema.Topology, schema.Link, schema.Overlap, schema.Clock):
            kept = connection.execute(select(func.count()).select_from(table)).scalar()
            assert kept == (1 if table is schema.Topology else 0)


def test_footage_that_goes_takes_its_clock_with_it(engine: Engine) -> None:
    save(engine, LEARNED)
    with engine.begin() as connection:
        connection.execute(delete(schema.Footage).where(schema.Footage.id == 2))
    found = saved(engine)
    assert found is not None
    assert found.topology == replace(LEARNED, clocks=LEARNED.clocks[:1])
