"""The associator on scenes small enough to check by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from tracker import memory as module
from tracker.appearance import Appearance
from tracker.associator import Associator
from tracker.compare import posterior
from tracker.constraints import Constraints
from tracker.gallery import MOST_PRESENCES, NEAR, Gallery
from tracker.memory import Memory, Recollection
from tracker.presence import Changes, Policy, Seen
from tracker.regroup import Group, Regrouped
from tracker.rules import Rule
from tracker.tracklets import Tracklet
from tracker.types import Detections, Floats, Identity, Person, Sighting, Track

DIMENSION = 12
LOOKS = Appearance(sharpness=200.0)
"""These vectors hold nothing but who it is, and little noise: each number tells more than a network's."""


def person(which: int, *, like: float = 1.0, seed: int = 0) -> Floats:
    """A unit vector whose cosine with the person's own direction is ``like``; the rest is off to one side."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[which] = like
    vector[4 + (which + seed) % 4] = np.sqrt(1 - like**2)
    return vector


def seen(camera: str, time: float, people: dict[int, Floats | None], ended: tuple[int, ...] = ()) -> Seen:
    """Confirmed tracks by number, side by side, 60 by 150 pixels, all well in view."""
    boxes = np.array([[100 + 100 * n, 50, 160 + 100 * n, 200] for n in range(len(people))], np.float32)
    width = next((len(v) for v in people.values() if v is not None), DIMENSION)
    nothing = np.full(width, np.nan, np.float32)
    looks = np.array([nothing if v is None else v for v in people.values()], np.float32)
    scores = np.full(len(people), 0.9, np.float32)
    found = Detections(boxes.reshape(-1, 4), scores, looks.reshape(-1, width))
    tracks = tuple(
        Track(camera, number, time, found.boxes[row], 0.9, True, row) for row, number in enumerate(people)
    )
    return Seen(camera, int(time * 10), time, 1000, 400, found, tracks, ended)


def associator(**policy: float) -> Associator:
    settings = Policy(**policy)  # type: ignore[arg-type]
    return Associator(gallery=Gallery(dimension=DIMENSION), policy=settings, memory=Memory(appearance=LOOKS))


def looks(which: int, step: int) -> Floats:
    """A person's appearance, a little different each time, so that several pictures are kept."""
    return person(which, like=0.93, seed=step)


def poor(step: int) -> Floats:
    """A picture of person 0 that is much like nobody."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[0], vector[8 + step % 3] = 0.25, np.sqrt(1 - 0.25**2)
    return vector


def walk(
    engine: Associator, camera: str, start: float, people: dict[int, int], *, lasts_s: float = 3.0
) -> dict[int, int | None]:
    """Tracks (number -> person) for a while, then their end. Returns number -> identity at the end."""
    found: dict[int, int | None] = {}
    for step in range(int(lasts_s * 10)):
        time = start + step / 10
        view = seen(camera, time, {n: looks(who, step) for n, who in people.items()})
        changes = engine.update([view])
        found.update({p.track.number: p.identity for p in changes.people[camera]})
    changes = engine.update([seen(camera, start + lasts_s, {}, tuple(people))])
    for sighting in changes.sightings:
        found.update({n: sighting.identity for n in people if len(people) == 1})
    return found


def last(changes: Changes) -> dict[int, Sighting]:
    return {sighting.number: sighting for sighting in changes.sightings}


def test_one_who_walks_to_the_next_camera_keeps_the_identity() -> None:
    engine = associator()
    assert walk(engine, "hall", 0, {1: 0}) == {1: 1}
    assert walk(engine, "stairs", 10, {1: 0}) == {1: 1}
    assert engine.identities == 1


def test_a_stranger_is_somebody_new() -> None:
    engine = associator()
    walk(engine, "hall", 0, {1: 0})
    assert walk(engine, "stairs", 10, {1: 1}) == {1: 2}


def test_nobody_is_decided_before_enough_is_seen() -> None:
    engine = associator(ripe_s=1.0, ripe_crops=3)
    for step in range(10):
        changes = engine.update([seen("hall", step / 10, {1: looks(0, step)})])
        assert [p.identity for p in changes.people["hall"]] == [None]
    for step in range(10, 25):
        changes = engine.update([seen("hall", step / 10, {1: looks(0, step)})])
    assert [p.identity for p in changes.people["hall"]] == [1]


def test_two_in_one_view_are_never_one() -> None:
    # Twins: the same looks, at the same time, on one camera.
    engine = associator()
    assert walk(engine, "hall", 0, {1: 0, 2: 0}) == {1: 1, 2: 2}


def test_nobody_is_on_two_cameras_at_a_time_that_are_said_not_to_overlap() -> None:
    said = Rule("hall", "stairs", overlap=False), Rule("stairs", "hall", overlap=False)
    overlap = frozenset({frozenset({"hall", "stairs"})})
    told = [(Constraints(rules=(rule,)), 2) for rule in said]
    for constraints, identities in (*told, (Constraints(overlap=overlap), 1)):
        memory = Memory(constraints=constraints, appearance=LOOKS)
        engine = Associator(gallery=Gallery(dimension=DIMENSION), memory=memory)
        for step in range(60):
            views = [seen("hall", step / 10, {1: looks(0, step)})]
            if step >= 20:
                views.append(seen("stairs", step / 10, {1: looks(0, step)}))
            changes = engine.update(views)
        shown = [person.identity for group in changes.people.values() for person in group]
        assert len(set(shown)) == identities
        assert None not in shown


def test_the_better_of_two_claims_is_taken_jointly() -> None:
    # Both are like 1; the second is more so. Taken in order of number, the first would take it.
    engine = associator()
    walk(engine, "hall", 0, {1: 0})
    near, far = person(0, like=0.93), person(0, like=0.75)
    for step in range(30):
        views: dict[int, Floats | None] = {1: far, 2: near}
        changes = engine.update([seen("stairs", 10 + step / 10, views)])
    later = engine.finish()
    identities = {s.number: s.identity for s in (*changes.sightings, *later.sightings)}
    assert identities[3] == 1
    assert identities[2] != 1


def test_one_who_could_be_either_of_two_stays_apart() -> None:
    engine = associator()
    walk(engine, "hall", 0, {1: 0, 2: 1})
    between = np.zeros(DIMENSION, np.float32)
    between[[0, 1]] = np.sqrt(0.5)
    found: list[int | None] = []
    for step in range(60):
        changes = engine.update([seen("stairs", 10 + step / 10, {1: between})])
        found = [p.identity for p in changes.people["stairs"]]
    assert found == [3]


def test_points_of_the_time_before_confirmation_are_kept() -> None:
    engine = associator()
    view = seen("hall", 0.0, {1: looks(0, 0)})
    early = Seen(
        view.camera,
        view.frame,
        0.0,
        view.width,
        view.height,
        view.detections,
        tuple(Track(t.camera, t.number, t.time, t.box, t.score, False, t.detection) for t in view.tracks),
        (),
    )
    assert engine.update([early]).points == []
    changes = engine.update([seen("hall", 0.1, {1: looks(0, 1)})])
    assert [(number, point.time) for number, point in changes.points] == [(1, 0.0), (1, 0.1)]
    assert last(changes)[1].start == 0.0


def test_the_end_of_a_sighting_is_recorded() -> None:
    engine = associator()
    walk(engine, "hall", 0, {1: 0})
    changes = engine.update([seen("hall", 5, {1 + 1: looks(1, 0)})])
    changes = engine.update([seen("hall", 5.5, {}, (2,))])
    assert last(changes)[2].end == 5.0


def test_finish_decides_what_is_open() -> None:
    engine = associator()
    for step in range(8):
        changes = engine.update([seen("hall", step / 10, {1: looks(0, step)})])
    assert changes.people["hall"][0].identity is None
    assert last(engine.finish())[1].identity == 1


def test_a_glimpse_stays_unidentified() -> None:
    engine = associator(ripe_crops=3)
    engine.update([seen("hall", 0.0, {1: looks(0, 0)})])
    changes = engine.update([seen("hall", 0.1, {}, (1,))])
    assert last(changes)[1].identity is None
    assert engine.identities == 0


def test_a_premature_new_identity_is_taken_back() -> None:
    # First only pictures that tell little of person 0, until patience ends; then clear ones.
    engine = associator(patience_s=2.0)
    walk(engine, "hall", 0, {1: 0})
    for step in range(25):
        changes = engine.update([seen("stairs", 10 + step / 10, {1: poor(step)})])
    assert [p.identity for p in changes.people["stairs"]] == [2]
    for step in range(25, 80):
        changes = engine.update([seen("stairs", 10 + step / 10, {1: looks(0, step)})])
    assert [p.identity for p in changes.people["stairs"]] == [1]
    assert engine.identities == 1


def after_a_walk_in_the_hall() -> Associator:
    """It made 1. Stairs and yard overlap."""
    engine = Associator(
        gallery=Gallery(dimension=DIMENSION),
        policy=Policy(patience_s=2.0, revise_s=2.5),
        memory=Memory(overlap=frozenset({frozenset({"stairs", "yard"})}), appearance=LOOKS),
    )
    walk(engine, "hall", 0, {1: 0})
    return engine


def test_who_matches_an_identity_that_is_taken_back_gets_what_it_became() -> None:
    # A walk in the hall makes 1. On two overlapping cameras, what is seen in poor pictures makes 2 on the
    # stairs; in the end clear ones make that 1, while the yard's pictures match 2.
    engine = after_a_walk_in_the_hall()
    for step in range(58):
        clear = step >= 36
        views = [seen("stairs", 10 + step / 10, {1: looks(0, step) if clear else poor(step)})]
        if step >= 50:
            views.append(seen("yard", 10 + step / 10, {1: poor(step)}))
        changes = engine.update(views)
    shown = {camera: [p.identity for p in group] for camera, group in changes.people.items()}
    assert shown == {"stairs": [2], "yard": [None]}
    found = {s.camera: s.identity for s in engine.finish().sightings}
    assert found == {"stairs": 1, "yard": 1}
    assert engine.identities == 1


def test_what_somebody_joins_is_not_taken_back_by_who_ends_at_that_moment() -> None:
    # As above, but both end in one round, in which the yard has its first picture; it began first.
    engine = after_a_walk_in_the_hall()
    engine.update([seen("yard", 9.9, {1: None})])
    for step in range(58):
        clear = step >= 36
        stairs = seen("stairs", 10 + step / 10, {1: looks(0, step) if clear else poor(step)})
        changes = engine.update([stairs, seen("yard", 10 + step / 10, {1: None})])
    shown = {camera: [p.identity for p in group] for camera, group in changes.people.items()}
    assert shown == {"stairs": [2], "yard": [None]}
    ended = [seen("stairs", 15.8, {}, ended=(1,)), seen("yard", 15.8, {1: poor(0)}, ended=(1,))]
    found = {s.camera: s.identity for s in engine.update(ended).sightings}
    assert found == {"stairs": 2, "yard": 2}
    assert set(engine.gallery.known) == {1, 2}


def test_ids_go_on_after_a_restart() -> None:
    gallery = Gallery(dimension=DIMENSION)
    stored = Identity(5, None, np.array([looks(0, s) for s in range(3)]), {"hall": (0.0, 3.0)})
    gallery.load([stored], last=9)
    engine = Associator(gallery=gallery)
    assert walk(engine, "hall", 100, {1: 0}) == {1: 5}
    assert walk(engine, "hall", 200, {2: 1}) == {2: 10}
    assert engine.identities == 2


def test_evidence_names_the_nearest_and_the_runner_up() -> None:
    engine = associator()
    walk(engine, "hall", 0, {1: 0, 2: 1})
    changes = Changes()
    for step in range(30):
        update = engine.update([seen("stairs", 10 + step / 10, {1: looks(0, step)})])
        changes.sightings += update.sightings
    evidence = last(changes)[3].evidence
    assert evidence is not None
    assert evidence.distance == pytest.approx(0.0, abs=0.2)
    assert evidence.runner_up == 2
    assert evidence.runner_up_distance is not None
    assert evidence.distance is not None
    assert evidence.runner_up_distance > evidence.distance
    assert evidence.gap_s == pytest.approx(7.1, abs=0.01)


def test_posterior_by_hand() -> None:
    # Even odds with one known: half. With two equals: a third each. Nobody possible: nobody.
    odds = np.array([[0.0, -np.inf], [0.0, 0.0], [-np.inf, -np.inf], [np.log(8.0), 0.0]])
    chance = posterior(odds)
    assert chance[0].tolist() == pytest.approx([0.5, 0.0])
    assert chance[1].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert chance[2].tolist() == [0.0, 0.0]
    assert chance[3].tolist() == pytest.approx([0.8, 0.1])


def test_the_same_input_gives_the_same_identities() -> None:
    def once() -> list[Sighting]:
        engine = associator()
        rng = np.random.default_rng(1)
        out: list[Sighting] = []
        for step in range(300):
            people: dict[int, Floats | None] = {n: looks(int(rng.integers(3)), step) for n in range(3)}
            ended = tuple(range(3)) if step % 50 == 49 else ()
            view = seen("hall", step / 10, {} if ended else people, ended)
            out += engine.update([view]).sightings
        return out + engine.finish().sightings

    assert once() == once()


def undecided(step: int) -> Floats:
    """A picture of person 0 that is somewhat like those in which it is clear."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[0], vector[8 + step % 2] = 0.44, np.sqrt(1 - 0.44**2)
    return vector


def test_who_turned_out_to_be_somebody_known_is_reported_anew_in_the_end() -> None:
    # In the yard person 0 is too little like in the hall to be sure at the moment; on the whole it is that.
    engine = associator(patience_s=1.5, accept=0.95)
    walk(engine, "hall", 0, {1: 0})
    for step in range(20):
        engine.update([seen("yard", 10 + step / 10, {1: undecided(step)})])
    assert last(engine.update([seen("yard", 12, {}, (1,))]))[2].identity == 2
    found = last(engine.finish())
    assert found[2].identity == 1
    assert found[2].probability > 0.7
    assert engine.identities == 1
    assert set(engine.gallery.known) == {1}
    evidence = found[2].evidence
    assert evidence is not None
    assert evidence.nearest_sighting == 1
    assert evidence.nearest_time is not None
    assert 0.0 <= evidence.nearest_time <= 3.0
    assert evidence.picture_time is not None
    assert 10.0 <= evidence.picture_time <= 12.0


def test_who_was_taken_for_another_and_is_alone_becomes_somebody_new() -> None:
    # The associator takes everybody on the stairs for 1; thinking again parts them, and one is alone.
    engine = associator(accept=0.00001, reject=0.000001)
    walk(engine, "hall", 0, {1: 0}, lasts_s=6.0)
    assert walk(engine, "stairs", 10, {1: 3}) == {1: 1}
    found = last(engine.finish())
    assert found[2].identity == 2
    assert set(engine.gallery.known) == {1, 2}


class Parting(Memory):
    """Thinks in the end that everybody is somebody else, the last ones first."""

    @property
    def due(self) -> bool:
        return False

    def recollect(self, older: Iterable[Tracklet], *, last: bool = False) -> Recollection:
        return Parted(self.tracklets, (), self.constraints, self.appearance, self.price)


class Parted(Recollection):
    def groups(self) -> Regrouped:
        numbers = [tracklet.number for tracklet in reversed(self.window)]
        return Regrouped([Group(None, (number,), (1.0,)) for number in numbers], None)


def test_who_was_there_more_often_than_an_identity_remembers_can_be_taken_from_it() -> None:
    times = MOST_PRESENCES + 8
    subject = Associator(gallery=Gallery(dimension=DIMENSION), memory=Parting(appearance=LOOKS))
    for number in range(times):
        walk(subject, "hall", 60.0 * number, {number: 0})
    (known,) = subject.gallery.known.values()
    assert len(known.presences) == MOST_PRESENCES
    moved = last(subject.finish())
    assert len(moved) == times
    assert len({sighting.identity for sighting in moved.values()}) == times
    assert known.id not in subject.gallery.known


def test_a_worker_thinks_beside_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 2)
    with ThreadPoolExecutor(1) as worker:
        engine = Associator(
            gallery=Gallery(dimension=DIMENSION),
            policy=Policy(patience_s=1.5, accept=0.95),
            memory=Memory(appearance=LOOKS),
            worker=worker,
        )
        walk(engine, "hall", 0, {1: 0})
        for step in range(20):
            engine.update([seen("yard", 10 + step / 10, {1: undecided(step)})])
        changed = engine.update([seen("yard", 12, {}, (1,))]).sightings
        until = time.monotonic() + 30
        while last_identity(changed) != 1 and time.monotonic() < until:
            time.sleep(0.01)
            changed += engine.update([seen("yard", 13, {})]).sightings
        assert [s.identity for s in changed if s.number == 2] == [2, 1]


def last_identity(sightings: list[Sighting]) -> int | None:
    return sightings[-1].identity if sightings else None


def test_who_can_not_wait_gets_nothing_more_from_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 1)
    with ThreadPoolExecutor(1) as worker:
        hold = threading.Event()
        worker.submit(hold.wait, 30)
        engine = Associator(
            gallery=Gallery(dimension=DIMENSION), memory=Memory(appearance=LOOKS), worker=worker
        )
        walk(engine, "hall", 0, {1: 0})
        threading.Timer(0.1, hold.set).start()
        assert engine.finish().sightings == []


def test_who_was_not_seen_for_long_is_no_longer_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 1)
    engine = Associator(
        gallery=Gallery(dimension=DIMENSION),
        policy=Policy(forget_before=lambda now: now - 1000.0),
        memory=Memory(appearance=LOOKS),
    )
    assert walk(engine, "hall", 0, {1: 0}) == {1: 1}
    assert walk(engine, "hall", 900, {2: 1}) == {2: 2}
    assert walk(engine, "hall", 1500, {3: 1}) == {3: 2}
    assert set(engine.gallery.known) == {2}
    assert walk(engine, "hall", 1600, {4: 0}) == {4: 3}


def test_of_two_told_apart_who_are_both_like_a_newcomer_neither_is_taken() -> None:
    # A person said that 1 and 2 are two. Cosines of 0.905 and 0.900 with a newcomer: each has half a chance.
    # It waits, and in the end is somebody of its own, which is unlikely: one of the two it is beyond doubt.
    newcomer = np.zeros(DIMENSION, np.float32)
    newcomer[[0, 3, 4]] = 0.9, 0.16, 0.145
    newcomer[5] = np.sqrt(1 - (newcomer**2).sum())
    twins = {1: beside(0, 3, 0.95), 2: beside(0, 4, 0.95)}
    assert [float(newcomer @ twin) for twin in twins.values()] == pytest.approx([0.905, 0.900], abs=1e-3)
    gallery = Gallery(dimension=DIMENSION)
    others = {n: beside(n - 1, 0, 0.999) for n in range(7, DIMENSION + 1)}
    gallery.load(
        [Identity(n, None, look[None], {"hall": (0.0, 3.0)}) for n, look in (twins | others).items()], last=12
    )
    memory = Memory(apart=frozenset({frozenset({1, 2})}), appearance=Appearance(sharpness=400.0))
    engine = Associator(gallery=gallery, memory=memory)
    shown: list[Person] = []
    for step in range(30):
        shown += engine.update([seen("stairs", 40 + step / 10, {3: newcomer})]).people["stairs"]
    assert {person.identity for person in shown} == {None}
    (found,) = engine.update([seen("stairs", 43, {}, (3,))]).sightings
    assert found.identity == 13
    assert found.probability < 0.05


def beside(which: int, other: int, cosine: float) -> Floats:
    """A unit vector whose cosine with one axis is ``cosine``; the rest is along another."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[which], vector[other] = cosine, np.sqrt(1 - cosine**2)
    return vector


def test_more_people_than_are_compared_with_one() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(NEAR + 6, 64))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    gallery = Gallery(dimension=64)
    known = [Identity(n, None, look[None], {"hall": (n, n + 1.0)}) for n, look in enumerate(rows, 1)]
    gallery.load(known, last=len(rows))
    engine = Associator(gallery=gallery)
    for step in range(20):
        two: dict[int, Floats | None] = {1: rows[2], 2: rows[NEAR + 3]}
        changes = engine.update([seen("stairs", 200 + step / 10, two)])
    assert [person.identity for person in changes.people["stairs"]] == [3, NEAR + 4]


def test_where_somebody_went_is_known_to_the_end_though_it_was_decided_long_before() -> None:
    engine = associator()
    walk(engine, "hall", 0, {1: 0})
    boxes = np.array([[100, 50, 160, 200], [700, 50, 760, 200]], np.float32)
    for step in range(61):
        view = seen("hall", 10 + step / 10, {1: looks(0, step)})
        moved = boxes[0] + (boxes[1] - boxes[0]) * (step / 60)
        track = Track("hall", 2, view.time, moved.astype(np.float32), 0.9, True, 0)
        engine.update([replace(view, tracks=(track,))])
        if step == 20:
            assert engine.gallery.known[1].presences[-1].start == 10.0  # it is decided
    engine.update([seen("hall", 16.1, {}, (2,))])
    path = engine.gallery.known[1].presences[-1].path
    assert path is not None
    assert path.times[-1] == pytest.approx(16.0)
    assert path.feet[-1].tolist() == pytest.approx([730, 200, 150])


class Merging(Memory):
    """Thinks in the end that all who are over are one, who came first."""

    @property
    def due(self) -> bool:
        return False

    def recollect(self, older: Iterable[Tracklet], *, last: bool = False) -> Recollection:
        return Merged(self.tracklets, (), self.constraints, self.appearance, self.price)


class Merged(Recollection):
    def groups(self) -> Regrouped:
        numbers = tuple(tracklet.number for tracklet in self.window)
        return Regrouped([Group(self.window[0].identity, numbers, (0.9,) * len(numbers))], None)


def test_thinking_again_takes_nobody_for_who_is_still_there_elsewhere_in_the_view() -> None:
    # Person 0 comes once, and again, and stays: while it stays person 1 comes and goes, in the same view.
    memory = Merging(appearance=LOOKS)
    engine = Associator(gallery=Gallery(dimension=DIMENSION), memory=memory)
    walk(engine, "hall", 0, {1: 0})
    for step in range(80):
        people: dict[int, Floats | None] = {2: looks(0, step)}
        if 20 <= step < 60:
            people[3] = looks(1, step)
        changes = engine.update([seen("hall", 10 + step / 10, people, (3,) if step == 60 else ())])
    assert [person.identity for person in changes.people["hall"]] == [1]
    found: dict[int, int | None] = {}
    changes = Changes()
    engine._apply(memory.recollect(()).groups(), changes)
    found |= {sighting.number: sighting.identity for sighting in changes.sightings}
    assert found == {}  # 3 overlaps 2, who is 1
    assert {tracklet.number: tracklet.identity for tracklet in memory.tracklets} == {1: 1, 3: 2}


class Watched(Memory):
    """Keeps what it was last asked to think about beside the last presences."""

    def recollect(self, older: Iterable[Tracklet], *, last: bool = False) -> Recollection:
        self.told = list(older)
        self.thought = self.tracklets
        return super().recollect(self.told, last=last)


@pytest.mark.parametrize("visits", [25, MOST_PRESENCES + 25])
def test_each_visit_of_somebody_is_thought_of_once_in_the_window_or_as_before_it(visits: int) -> None:
    memory = Watched(appearance=LOOKS, window=8)
    engine = Associator(gallery=Gallery(dimension=DIMENSION), policy=Policy(), memory=memory)
    for visit in range(visits):
        walk(engine, "hall" if visit % 3 else "yard", visit * 60.0, {visit: 0})
    engine.finish()
    [known] = engine.gallery.known.values()
    [before] = memory.told
    looks = [(before.camera, *before.look[:2]), *before.earlier]
    assert {camera for camera, *_ in looks} == {"hall", "yard"}
    thought = [tracklet.look[1] for tracklet in memory.thought]
    assert sum(worth for *_, worth in looks) + sum(thought) == pytest.approx(sum(w for *_, w in known.looks))
    assert before.end < min(tracklet.start for tracklet in memory.thought)


def test_a_camera_more_costs_nothing_of_what_was_learned() -> None:
    engine = associator()
    for number in range(24):
        walk(engine, "hall", 60 * number, {number: number % 3})
        walk(engine, "stairs", 60 * number + 10, {number: number % 3})
    model = engine._compare.model
    before = model.transitions.log_ratio(np.array(0), np.array(1), np.array(7.1))
    assert float(before) > 0.5
    walk(engine, "attic", 2000, {1: 1})
    model = engine._compare.model
    assert model.cameras == ("attic", "hall", "stairs")
    after = model.transitions.log_ratio(np.array(1), np.array(2), np.array(7.1))
    assert float(after) == pytest.approx(float(before))
    assert float(model.transitions.log_ratio(np.array(0), np.array(1), np.array(7.1))) == 0.0
