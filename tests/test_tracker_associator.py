"""The associator on scenes small enough to check by hand."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tracker.associator import Associator
from tracker.compare import posterior
from tracker.gallery import MOST_PRESENCES, Gallery
from tracker.likeness import straight
from tracker.memory import Memory, Recollection
from tracker.presence import Changes, Policy, Seen
from tracker.regroup import Group
from tracker.types import Detections, Floats, Identity, Sighting, Track

DIMENSION = 12
LIKENESS = straight(midpoint=0.6, width=0.05)


def person(which: int, *, like: float = 1.0, seed: int = 0) -> Floats:
    """A unit vector whose cosine with the person's own direction is ``like``; the rest is off to one side."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[which] = like
    vector[4 + (which + seed) % 4] = np.sqrt(1 - like**2)
    return vector


def seen(camera: str, time: float, people: dict[int, Floats | None], ended: tuple[int, ...] = ()) -> Seen:
    """Confirmed tracks by number, side by side, 60 by 150 pixels, all well in view."""
    boxes = np.array([[100 + 100 * n, 50, 160 + 100 * n, 200] for n in range(len(people))], np.float32)
    nothing = np.full(DIMENSION, np.nan, np.float32)
    looks = np.array([nothing if v is None else v for v in people.values()], np.float32)
    scores = np.full(len(people), 0.9, np.float32)
    found = Detections(boxes.reshape(-1, 4), scores, looks.reshape(-1, DIMENSION))
    tracks = tuple(
        Track(camera, number, time, found.boxes[row], 0.9, True, row) for row, number in enumerate(people)
    )
    return Seen(camera, int(time * 10), time, 1000, 400, found, tracks, ended)


def associator(**policy: float) -> Associator:
    settings = Policy(**policy)  # type: ignore[arg-type]
    return Associator(gallery=Gallery(dimension=DIMENSION), likeness=LIKENESS, policy=settings)


def looks(which: int, step: int) -> Floats:
    """A person's appearance, a little different each time, so that several pictures are kept."""
    return person(which, like=0.93, seed=step)


def poor(step: int) -> Floats:
    """A picture of person 0 that is much like nobody."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[0], vector[8 + step % 3] = 0.5, np.sqrt(0.75)
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


def test_nobody_is_on_two_cameras_at_a_time_unless_they_overlap() -> None:
    for overlap, identities in ((frozenset(), 2), (frozenset({frozenset({"hall", "stairs"})}), 1)):
        engine = Associator(
            gallery=Gallery(dimension=DIMENSION), likeness=LIKENESS, policy=Policy(), overlap=overlap
        )
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
        likeness=LIKENESS,
        policy=Policy(patience_s=2.0, revise_s=2.5),
        overlap=frozenset({frozenset({"stairs", "yard"})}),
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
    engine = Associator(gallery=gallery, likeness=LIKENESS)
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
    """A picture of person 0 that is 0.6 like the others; the mean of two is 0.76 like their mean."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[0], vector[8 + step % 2] = 0.65, 0.76
    return vector


def test_who_turned_out_to_be_somebody_known_is_reported_anew_in_the_end() -> None:
    # In the yard no picture of person 0 is enough like those of the hall; all together are.
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
    """Thinks that everybody is somebody else, the last ones first."""

    def recollect(self) -> Recollection:
        return Parted(tuple(self._last.values()), (), frozenset(), self.overlap, self.apart, self.topology)


class Parted(Recollection):
    def groups(self) -> list[Group]:
        numbers = [tracklet.number for tracklet in reversed(self.window)]
        return [Group(None, (number,), (1.0,), (row,)) for row, number in enumerate(numbers)]


def test_who_was_there_more_often_than_an_identity_remembers_can_be_taken_from_it() -> None:
    times = MOST_PRESENCES + 8
    subject = Associator(gallery=Gallery(dimension=DIMENSION), likeness=LIKENESS, memory=Parting())
    for number in range(times):
        walk(subject, "hall", 60.0 * number, {number: 0})
    (known,) = subject.gallery.known.values()
    assert len(known.presences) == MOST_PRESENCES
    moved = last(subject.finish())
    assert len(moved) == times
    assert len({sighting.identity for sighting in moved.values()}) == times
    assert known.id not in subject.gallery.known


def test_a_worker_thinks_beside_the_run() -> None:
    with ThreadPoolExecutor(1) as worker:
        engine = Associator(
            gallery=Gallery(dimension=DIMENSION),
            likeness=LIKENESS,
            policy=Policy(patience_s=1.5, accept=0.95),
            memory=Memory(every=2, enough=2),
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


def test_who_can_not_wait_gets_nothing_more_from_a_worker() -> None:
    with ThreadPoolExecutor(1) as worker:
        hold = threading.Event()
        worker.submit(hold.wait, 30)
        engine = Associator(
            gallery=Gallery(dimension=DIMENSION), memory=Memory(every=1, enough=1), worker=worker
        )
        walk(engine, "hall", 0, {1: 0})
        threading.Timer(0.1, hold.set).start()
        assert engine.finish().sightings == []


def test_who_was_not_seen_for_long_is_no_longer_looked_for() -> None:
    engine = Associator(
        gallery=Gallery(dimension=DIMENSION),
        likeness=LIKENESS,
        policy=Policy(forget_before=lambda now: now - 1000.0),
        memory=Memory(every=1, enough=1),
    )
    assert walk(engine, "hall", 0, {1: 0}) == {1: 1}
    assert walk(engine, "hall", 900, {2: 1}) == {2: 2}
    assert walk(engine, "hall", 1500, {3: 1}) == {3: 2}
    assert set(engine.gallery.known) == {2}
    assert walk(engine, "hall", 1600, {4: 0}) == {4: 3}


def visitor(which: int, step: int, visit: int = 0) -> Floats:
    """One of twelve people; two pictures of one have a cosine of at least 0.64, of two at most 0.48.

    Those of two visits are never the same.
    """
    vector = np.zeros(DIMENSION, np.float32)
    beside = 4 + step % 2 if visit else 1 + step % 3
    vector[which], vector[(which + beside) % DIMENSION] = 0.8, 0.6
    return vector


def all_come_twice(engine: Associator) -> None:
    """Twelve people, one after the other, and again."""
    for number in range(24):
        for step in range(20):
            view = seen("hall", 60 * number + step / 10, {number: visitor(number % 12, step, number // 12)})
            engine.update([view])
        engine.update([seen("hall", 60 * number + 2, {}, (number,))])


def test_how_alike_one_person_looks_is_learned_once_people_came_again() -> None:
    engine = Associator(gallery=Gallery(dimension=DIMENSION), memory=Memory(every=24, enough=1))
    assert engine._compare.likeness.even == pytest.approx(0.5)
    all_come_twice(engine)
    assert set(engine.gallery.known) == set(range(1, 13))
    found = engine._compare.likeness
    assert found.even > 0.5
    assert found(np.array([0.48], np.float32)) < -2
    assert found(np.array([0.64], np.float32)) > 2


def test_nothing_is_learned_of_looks_where_a_curve_is_given_or_nothing_is_to_be_learned() -> None:
    for told in ({"likeness": LIKENESS}, {"memory": Memory(every=24, enough=1, topology=False)}):
        engine = Associator(gallery=Gallery(dimension=DIMENSION), **told)  # type: ignore[arg-type]
        before = engine._compare.likeness.even
        all_come_twice(engine)
        assert engine._compare.likeness.even == before


def test_people_of_an_earlier_run_teach_from_the_beginning() -> None:
    gallery = Gallery(dimension=DIMENSION)
    rows = [np.stack([visitor(who, step, step // 3) for step in range(6)]) for who in range(12)]
    taken = tuple((100 + step // 3, float(step)) for step in range(6))
    people = [Identity(who + 1, None, rows[who], {"hall": (0.0, 6.0)}, taken) for who in range(12)]
    gallery.load(people, last=12)
    assert Associator(gallery=gallery)._compare.likeness.even > 0.5


def test_a_worker_learns_beside_the_run() -> None:
    with ThreadPoolExecutor(1) as worker:
        memory = Memory(every=24, enough=1)
        engine = Associator(gallery=Gallery(dimension=DIMENSION), memory=memory, worker=worker)
        all_come_twice(engine)
        until = time.monotonic() + 30
        while engine._compare.likeness.even == pytest.approx(0.5) and time.monotonic() < until:
            time.sleep(0.01)
            engine.update([seen("hall", 2000, {})])
        assert engine._compare.likeness.even > 0.51
