"""Who is erased from a history is not known any more to the run that writes it: its parts as in a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from test_tracker_associator import DIMENSION, LOOKS, looks, seen

from app.dropping import Dropping
from storage.database import open_database
from storage.erased import Erased
from storage.forgetting import Forgetting, Order
from storage.history import History
from storage.writer import Writer
from tracker import memory as memory_module
from tracker.associator import Associator
from tracker.gallery import Gallery
from tracker.memory import Memory
from tracker.presence import Policy
from tracker.types import Held, Portrait

START = 1000.0


class Running:
    """A run without pictures: its tracks are told, a frame ten times a second."""

    def __init__(self, path: Path, writer: Writer, dropping: Dropping, associator: Associator) -> None:
        self.history = History(open_database(path, create=False))
        self.writer, self.dropping, self.associator = writer, dropping, associator
        self.forgetting = Forgetting(self.history.engine, remove=lambda path, camera: False)

    def round(
        self, camera: str, at: float, people: dict[int, int], ended: tuple[int, ...] = ()
    ) -> dict[int, int | None]:
        """people: track -> who it is, by look. By track, whom it is taken for."""
        self.dropping.between_rounds(self.associator)
        view = seen(camera, at, {track: looks(who, round(at * 10)) for track, who in people.items()}, ended)
        changes = self.associator.update([view])
        for sighting in changes.sightings:
            self.writer.sighting(sighting)
        for number, point in changes.points:
            self.writer.point(number, point)
        for kept in changes.kept.get(camera, ()):
            self.writer.portrait(kept.sighting, Portrait(at, kept.quality, kept.embedding, None))
        self.writer.frames(camera, round(at * 10), at)
        return {person.track.number: person.identity for person in changes.people[camera]}

    def walk(self, camera: str, start: float, people: dict[int, int], *, lasts_s: float = 3.0) -> set[int]:
        """Tracks for a while, then their end. Whom they were taken for at last."""
        for step in range(round(lasts_s * 10)):
            found = self.round(camera, start + step / 10, people)
        self.round(camera, start + lasts_s, {}, tuple(people))
        self.writer.flush()
        return {identity for identity in found.values() if identity is not None}

    def forget(self, order: Order) -> None:
        """And wait until the run has noticed."""
        self.writer.flush()
        number = self.forgetting.order(order)
        self.forgetting.carry_out()
        until = time.monotonic() + 20
        while self.dropping.noticed != number:
            assert time.monotonic() < until
            self.dropping.between_rounds(self.associator)
            time.sleep(0.01)
        self.dropping.between_rounds(self.associator)

    def held(self) -> Held:
        return self.associator.held()


@contextmanager
def run(path: Path) -> Iterator[Running]:
    """One that goes on with what the history holds."""
    engine = open_database(path, create=True)
    told = {"command": "watch", "version": "0", "model": "model", "dimension": DIMENSION, "commit_s": 0.05}
    with Writer(engine, **told) as writer:  # type: ignore[arg-type]
        for camera in ("hall", "yard"):
            writer.footage(camera, uri=camera, start=START, width=1000, height=400)
        erased = Erased(engine, run=writer.run, model="model", rows_of=writer.rows_of)
        with Dropping(erased, writer, every_s=0.02) as dropping:
            gallery, history = Gallery(dimension=DIMENSION), History(engine)
            gallery.load(history.identities("model"), last=history.last_identity(), over=True)
            writer.knows(history.last_identity())
            memory = Memory(appearance=LOOKS)
            associator = Associator(gallery=gallery, policy=Policy(), memory=memory)
            yield Running(path, writer, dropping, associator)


@pytest.fixture
def going(tmp_path: Path) -> Iterator[Running]:
    with run(tmp_path / "h.db") as running:
        yield running


def test_who_is_erased_is_somebody_new_when_they_come_again(going: Running) -> None:
    assert going.walk("hall", START, {1: 0}) == {1}
    assert going.walk("yard", START + 10, {2: 1}) == {2}
    going.forget(Order("sightings", person=1))
    held = going.held()
    assert (held.identities, held.sightings, held.pictures) == ({2}, {2}, {2})
    assert going.walk("yard", START + 20, {3: 0}) == {3}
    assert going.walk("hall", START + 30, {4: 1}) == {2}
    assert [(row.id, row.first) for row in going.history.people()] == [(2, START + 10), (3, START + 20)]


def test_an_earlier_run_s_people_are_erased_as_well(tmp_path: Path) -> None:
    with run(tmp_path / "h.db") as before:
        before.walk("hall", START, {1: 0})
        before.walk("hall", START + 10, {2: 1})
    with run(tmp_path / "h.db") as going:
        assert going.held().identities == {1, 2}
        going.forget(Order("sightings", person=1))
        assert going.held().identities == {2}
        assert {row for row in going.held().pictures if row < 0} == {-2}
        assert going.walk("hall", START + 100, {1: 0}) == {3}


def test_who_is_in_view_is_seen_from_the_order_on_as_somebody_new(going: Running) -> None:
    for step in range(30):
        found = going.round("hall", START + step / 10, {1: 0, 2: 1})
    assert found == {1: 1, 2: 2}
    going.forget(Order("sightings", person=1))
    for step in range(30, 70):
        found = going.round("hall", START + step / 10, {1: 0, 2: 1})
    assert found == {1: 3, 2: 2}
    going.writer.flush()
    rows = {row.person: row.start for row in going.history.sightings()}
    assert rows == {2: START, 3: pytest.approx(START + 3.0)}


def test_of_a_camera_erased_nothing_is_known_of_it_alone(
    going: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And thinking again brings none of it back."""
    monkeypatch.setattr(memory_module, "FEWEST", 1)
    going.walk("hall", START, {1: 0, 2: 1})
    assert going.walk("yard", START + 10, {3: 0}) == {1}
    going.forget(Order("sightings", camera="hall"))
    held = going.held()
    assert (held.identities, held.sightings, held.pictures) == ({1}, {3}, {3})
    assert {camera for _, camera, *_ in held.stays} == set()
    assert [p.camera for p in going.associator.gallery.known[1].presences] == ["yard"]
    assert going.walk("yard", START + 20, {4: 0, 5: 1}) == {1, 3}
    assert {row.camera for row in going.history.sightings()} == {"yard"}


def test_of_an_earlier_run_a_camera_is_erased(tmp_path: Path) -> None:
    with run(tmp_path / "h.db") as before:
        before.walk("hall", START, {1: 0})
        before.walk("yard", START + 10, {2: 0})
    with run(tmp_path / "h.db") as going:
        assert {camera for _, camera, *_ in going.held().stays} == {"hall", "yard"}
        going.forget(Order("sightings", camera="hall"))
        assert {camera for _, camera, *_ in going.held().stays} == {"yard"}
        until = time.monotonic() + 20
        while going.held().pictures != {-2}:  # which were not as good as those of the hall
            assert time.monotonic() < until
            going.dropping.between_rounds(going.associator)
        assert going.walk("hall", START + 100, {1: 0}) == {1}


def test_without_portraits_nobody_is_known_again_by_them(going: Running) -> None:
    going.walk("hall", START, {1: 0})
    for step in range(30):
        going.round("yard", START + 10 + step / 10, {2: 1})
    going.forget(Order("portraits", before=START + 100))
    assert going.held().pictures == frozenset()
    for step in range(30, 60):
        found = going.round("yard", START + 10 + step / 10, {2: 1})
    assert found == {2: 2}, "who is in view is looked at anew"
    assert going.walk("hall", START + 100, {3: 0}) == {3}
    assert [row.sightings for row in going.history.people()] == [1, 1, 1]


def test_what_is_no_longer_known_is_no_reason_either(going: Running) -> None:
    going.walk("hall", START, {1: 0})
    going.walk("hall", START + 10, {2: 1})
    for step in range(30):
        going.round("yard", START + 20 + step / 10, {3: 0})
    (presence,) = going.associator._open.values()
    assert presence.evidence is not None
    assert (presence.evidence.runner_up, presence.evidence.nearest_sighting) == (2, 1)
    going.forget(Order("sightings", person=2))
    assert presence.evidence is not None
    assert (presence.evidence.runner_up, presence.evidence.nearest_sighting) == (None, 1)


def test_a_policy_that_finds_nothing_costs_nothing(going: Running) -> None:
    going.walk("hall", START, {1: 0})
    before = going.held()
    assert going.forgetting.order(Order("sightings", before=START - 10), author="policy") is None
    time.sleep(0.1)
    going.dropping.between_rounds(going.associator)
    assert going.held() == before
    assert np.isfinite(going.associator.gallery.known[1].last_seen)
