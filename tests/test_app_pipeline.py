"""The line on scripted cameras: its order, its bounds, and what it does when a part fails."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from app.passage import PARTS, Arrival, Passage
from app.pipeline import CameraStatus, Line, Origin, Round, Status
from tracker.associator import Associator
from tracker.camera_tracker import CameraTracker
from tracker.gallery import Gallery
from tracker.types import (
    WHOLE,
    DetectedFrame,
    Detections,
    Floats,
    Frame,
    Grey,
    Image,
    Part,
    Point,
    Portrait,
    Result,
    Sighting,
)

WHO = {10: 0, 200: 1}
"""The grey of a person's clothes -> which person."""


def frame(camera: str, index: int, people: dict[int, int], *, rate: float = 10.0) -> Frame:
    """A picture with people as grey blocks, 60 by 150 pixels: grey -> left edge."""
    image = np.full((240, 640, 3), 90, np.uint8)
    for grey, x in people.items():
        image[50:200, x : x + 60] = grey
    return Frame(camera, index, 100.0 + index / rate, image)


class Eyes:
    """Finds the blocks. Remembers how many images it was given at once."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, images: Sequence[Image], parts: Sequence[Part] = ()) -> list[Detections]:
        self.batches.append(len(images))
        return [self._look(image) for image in images]

    def _look(self, image: Image) -> Detections:
        row = image[100, :, 0]
        edges = [int(np.flatnonzero(row == grey)[0]) for grey in WHO if (row == grey).any()]
        boxes = np.array([[x, 50, x + 60, 200] for x in edges], np.float32).reshape(-1, 4)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32))


class Looks:
    """Tells the blocks apart by their grey."""

    dimension = 4

    def __init__(self) -> None:
        self.crops = 0

    def embed(self, crops: Sequence[Image]) -> Floats:
        self.crops += len(crops)
        rows = np.zeros((len(crops), 4), np.float32)
        for row, crop in zip(rows, crops, strict=True):
            row[WHO[int(crop[20, 20, 0])]] = 1.0
        return rows


@dataclass
class Notes:
    """Keeps what it is told, in order."""

    footages: list[tuple[str, float, int, int]] = field(default_factory=list)
    sightings: dict[int, Sighting] = field(default_factory=dict)
    points: dict[int, list[Point]] = field(default_factory=dict)
    portraits: list[tuple[int, Portrait]] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    failing: Exception | None = None
    queued: int = 0
    trouble: str = ""
    full: bool = False

    def footage(self, camera: str, *, uri: str, start: float, width: int, height: int) -> None:
        self.footages.append((camera, start, width, height))

    def sighting(self, s: Sighting) -> None:
        self.sightings[s.number] = s

    def point(self, number: int, p: Point) -> None:
        assert number in self.sightings
        self.points.setdefault(number, []).append(p)

    def portrait(self, number: int, p: Portrait) -> None:
        self.portraits.append((number, p))

    def frames(
        self, camera: str, count: int, end: float, *, on_commit: Callable[[float], None] | None = None
    ) -> None:
        self.counted[camera] = count
        if on_commit is not None:
            on_commit(time.monotonic() + 0.25)

    def check(self) -> None:
        if self.failing is not None:
            raise self.failing


class Script:
    """A feed that plays the rounds it was given."""

    def __init__(self, rounds: list[Round], *, origin: float | None = 99.0) -> None:
        self.played = 0
        self._rounds = rounds
        self._origin = origin
        self._names = sorted({f.camera for frames in rounds for f in frames})

    def rounds(self, stop: threading.Event) -> Iterator[Round]:
        for frames in self._rounds:
            self.played += 1
            yield frames

    def cameras(self) -> list[CameraStatus]:
        return [CameraStatus(name, "playing", expected=len(self._rounds)) for name in self._names]

    def origin(self, frame: Frame | DetectedFrame) -> Origin:
        return Origin(f"{frame.camera}.mp4", self._origin)

    def arrival(self, camera: str) -> Arrival | None:
        return None


@dataclass
class Watcher:
    """Remembers what it was shown."""

    results: list[Result] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    stop_after: int = 10**9
    stop: threading.Event = field(default_factory=threading.Event)

    def show(self, results: Sequence[Result], status: Status) -> None:
        self.results += results
        self.statuses.append(status)
        if len(self.statuses) >= self.stop_after:
            self.stop.set()


def cut(image: Image, boxes: Floats) -> list[Image]:
    return [image[int(b[1]) : int(b[3]), int(b[0]) : int(b[2])] for b in boxes]


def line(feed: Script, notes: Notes, *, batch: int = 1) -> Line:
    return Line(
        feed=feed,
        detector=Eyes(),
        embedder=Looks(),
        cut=cut,
        new_tracker=CameraTracker,
        associator=Associator(gallery=Gallery(dimension=4)),
        record=notes,
        batch=batch,
    )


def crossing(steps: int = 60) -> list[Round]:
    """One walks through the hall and then through the yard; another stands in the hall."""
    rounds = []
    for k in range(steps):
        hall = {200: 300}
        if k < 25:
            hall[10] = 10 + 6 * k
        yard = {10: 6 * (k - 30)} if k >= 30 else {}
        rounds.append([frame("hall", k, hall), frame("yard", k, yard)])
    return rounds


def test_frames_become_identities_with_a_history() -> None:
    notes, watcher = Notes(), Watcher()
    status = line(Script(crossing()), notes).run(view=watcher, stop=watcher.stop)
    by_identity: dict[int | None, list[str]] = {}
    for sighting in notes.sightings.values():
        by_identity.setdefault(sighting.identity, []).append(sighting.camera)
    assert sorted(by_identity.values()) == [["hall"], ["hall", "yard"]]
    assert status.identities == 2
    assert status.done == 1.0
    assert status.frames == 120
    assert notes.counted == {"hall": 60, "yard": 60}
    assert len(notes.points[next(n for n, s in notes.sightings.items() if s.start == 100.0)]) >= 25


def test_points_go_on_without_a_gap_and_carry_their_frame() -> None:
    notes = Notes()
    line(Script(crossing()), notes).run(view=Watcher(), stop=threading.Event())
    for points in notes.points.values():
        assert [p.frame for p in points] == list(range(points[0].frame, points[-1].frame + 1))
        assert [p.time for p in points] == pytest.approx([100.0 + p.frame / 10 for p in points])


@pytest.mark.parametrize("batch", [2, 8, 50])
def test_batches_change_nothing_but_the_batches(batch: int) -> None:
    one, many = Notes(), Notes()
    line(Script(crossing()), one).run(view=Watcher(), stop=threading.Event())
    engine = line(Script(crossing()), many, batch=batch)
    engine.run(view=Watcher(), stop=threading.Event())
    assert many.sightings == one.sightings
    assert isinstance(engine.detector, Eyes)
    assert max(engine.detector.batches) == max(batch, 2)


def test_portraits_show_the_person() -> None:
    notes = Notes()
    line(Script(crossing()), notes).run(view=Watcher(), stop=threading.Event())
    assert len(notes.portraits) >= 2
    for number, portrait in notes.portraits:
        who = int(portrait.embedding.argmax())
        assert WHO[int(portrait.image.mean())] == who
        assert notes.sightings[number].identity is not None


def test_nobody_is_embedded_without_need() -> None:
    rounds: list[Round] = [[frame("hall", k, {10: 300})] for k in range(100)]
    engine = line(Script(rounds), Notes())
    engine.run(view=Watcher(), stop=threading.Event())
    assert isinstance(engine.embedder, Looks)
    assert engine.embedder.crops < 40


def test_stop_ends_early_and_keeps_what_was_done() -> None:
    notes, watcher, feed = Notes(), Watcher(stop_after=20), Script(crossing())
    line(feed, notes).run(view=watcher, stop=watcher.stop)
    assert feed.played <= 22
    assert notes.counted["hall"] == 20
    assert any(s.identity is not None for s in notes.sightings.values())


def test_footage_is_announced_once_and_again_when_its_size_changes() -> None:
    rounds: list[Round] = [[frame("hall", k, {})] for k in range(6)]
    small = np.zeros((120, 320, 3), np.uint8)
    rounds[3:] = [[Frame("hall", f.index, f.time, small)] for (f,) in rounds[3:]]
    notes = Notes()
    line(Script(rounds, origin=None), notes).run(view=Watcher(), stop=threading.Event())
    assert notes.footages == [("hall", 100.0, 640, 240), ("hall", pytest.approx(100.3), 320, 120)]


def test_a_failing_recorder_stops_the_run() -> None:
    notes = Notes(failing=OSError("the disk is full"))
    feed = Script(crossing())
    with pytest.raises(OSError, match="the disk is full"):
        line(feed, notes).run(view=Watcher(), stop=threading.Event())
    assert feed.played <= 2


def test_a_failing_source_is_raised_to_the_owner() -> None:
    class Broken(Script):
        def rounds(self, stop: threading.Event) -> Iterator[Round]:
            yield from super().rounds(stop)
            raise OSError("the cable is out")

    with pytest.raises(OSError, match="the cable is out"):
        line(Broken(crossing(5)), Notes()).run(view=Watcher(), stop=threading.Event())


def test_the_status_says_where_the_time_goes() -> None:
    watcher = Watcher()
    status = line(Script(crossing()), Notes()).run(view=watcher, stop=watcher.stop)
    assert set(status.stages) == {"decode", "gate", "detect", "track", "embed", "associate", "store", "show"}
    assert sum(status.stages.values()) <= status.elapsed_s
    dones = [s.done for s in watcher.statuses]
    assert dones == sorted(dones, key=lambda d: d or 0.0)
    assert {c.people for s in watcher.statuses for c in s.cameras} == {0, 1, 2}


class Odd:
    """Has the detector see every third frame."""

    wanted_fps = 10.0

    def __init__(self) -> None:
        self.count = -1

    def due(self, time: float, picture: Callable[[], Grey], people: Callable[[], Floats]) -> Part | None:
        self.count += 1
        return WHOLE if self.count % 3 == 0 else None


def test_frames_the_detector_does_not_see_are_shown_and_recorded_all_the_same() -> None:
    every, some, watcher = Notes(), Notes(), Watcher()
    line(Script(crossing(31)), every).run(view=Watcher(), stop=threading.Event())
    eyes = Eyes()
    part = replace(line(Script(crossing(31)), some), detector=eyes, new_plan=Odd)
    status = part.run(view=watcher, stop=threading.Event())
    assert sum(eyes.batches) == status.frames - sum(c.skipped for c in status.cameras) < status.frames / 2
    assert some.counted == every.counted
    assert set(some.points) == set(every.points)
    for number, points in every.points.items():
        between = [p for p in points if p.frame <= some.points[number][-1].frame]
        assert [p.frame for p in some.points[number]] == [p.frame for p in between]
        apart = [np.abs(a.box - b.box).max() for a, b in zip(some.points[number], between, strict=True)]
        assert max(apart) < 1.0  # they walk evenly
    shown = [len(result.people) for result in watcher.results if result.frame.camera == "hall"]
    assert shown[12:25] == [2] * 13


def test_an_empty_round_is_shown_and_changes_nothing() -> None:
    without, with_, watcher = Notes(), Notes(), Watcher()
    line(Script(crossing()), without).run(view=Watcher(), stop=threading.Event())
    sparse: list[Round] = [some for frames in crossing() for some in ([], frames, [])]
    engine = line(Script(sparse), with_, batch=8)
    engine.run(view=watcher, stop=watcher.stop)
    assert with_.sightings == without.sightings
    assert len(watcher.statuses) == len(sparse) + 1
    assert len(watcher.results) == 120


def test_an_empty_round_is_shown_before_the_next_one_comes() -> None:
    shown: list[int] = []
    feed = Script([[], [frame("hall", 0, {})], [], []])

    class Clerk(Watcher):
        def show(self, results: Sequence[Result], status: Status) -> None:
            shown.append(feed.played)

    line(feed, Notes()).run(view=Clerk(), stop=threading.Event())
    assert shown == [1, 2, 3, 4, 4]


def test_a_failing_recorder_stops_a_run_without_frames_too() -> None:
    with pytest.raises(OSError, match="the disk is full"):
        line(Script([[]]), Notes(failing=OSError("the disk is full"))).run(
            view=Watcher(), stop=threading.Event()
        )


def test_sightings_are_told_as_they_are_recorded() -> None:
    notes, told = Notes(), []
    line(Script(crossing()), notes).run(view=Watcher(), stop=threading.Event(), note=told.append)
    assert {s.number: s for s in told} == notes.sightings
    assert next(s for s in told if s.number == 1).identity is None


class Live(Script):
    """Its cameras play while frames come, and wait afterwards."""

    def cameras(self) -> list[CameraStatus]:
        state = "playing" if self.played < len(self._rounds) else "waiting"
        return [CameraStatus(name, state, received=self.played, clock="camera") for name in self._names]


def test_the_parts_of_a_live_frames_way_add_up_to_the_whole() -> None:
    class Arriving(Live):
        def arrival(self, camera: str) -> Arrival:
            return Arrival(received=began + 3.0, decode_s=0.5, ready=time.monotonic() - 1.0)

    began = time.time()
    passages: list[Passage] = []
    rounds = [[frame("hall", k, {10: 300 + 8 * k})] for k in range(3)]
    filmed = [replace(f, time=began + k / 10) for k, (f,) in enumerate(rounds)]
    feed = Arriving([[f] for f in filmed])
    line(feed, Notes()).run(view=Watcher(), stop=threading.Event(), passed=passages.append)
    assert [(p.camera, p.frame, p.filmed) for p in passages] == [("hall", f.index, f.time) for f in filmed]
    for number, passage in enumerate(passages):
        assert tuple(passage.parts) == PARTS
        assert passage.parts["way"] == pytest.approx(3.0 - number / 10)
        assert passage.parts["decode"] == 0.5
        after = [passage.parts[part] for part in PARTS[2:]]
        assert sum(after) == pytest.approx(1.25, abs=0.2)
        assert min(after[1:]) >= 0.0
        assert passage.whole_s == pytest.approx(sum(passage.parts.values()))
    line(Script(crossing(3)), Notes()).run(view=Watcher(), stop=threading.Event(), passed=passages.append)
    assert len(passages) == 3, "files have no such way"


@dataclass
class Locked(Notes):
    """Commits nothing for the time being."""

    waiting: list[Callable[[float], None]] = field(default_factory=list)

    def frames(
        self, camera: str, count: int, end: float, *, on_commit: Callable[[float], None] | None = None
    ) -> None:
        if on_commit is not None:
            self.waiting.append(on_commit)


class Unseen:
    def show(self, results: Sequence[Result], status: Status) -> None:
        pass


def test_while_nothing_can_be_committed_no_picture_is_kept_for_it() -> None:
    """A lock of ten minutes would take gigabytes."""

    class Arriving(Live):
        def rounds(self, stop: threading.Event) -> Iterator[Round]:
            while self._rounds:
                yield self._rounds.pop(0)

        def arrival(self, camera: str) -> Arrival:
            return Arrival(received=3.0, decode_s=0.5, ready=time.monotonic())

    rounds = [[frame("hall", k, {10: 300 + 8 * k})] for k in range(9)]
    pictures = [weakref.ref(one.image) for (one,) in rounds]
    passages: list[Passage] = []
    notes = Locked()
    line(Arriving(rounds), notes).run(view=Unseen(), stop=threading.Event(), passed=passages.append)
    gc.collect()
    assert [picture() is None for picture in pictures] == 9 * [True]
    for tell in notes.waiting:
        tell(time.monotonic())
    assert [passage.frame for passage in passages] == list(range(9))


def test_live_frames_have_a_latency_while_their_camera_plays() -> None:
    late = [
        Frame("hall", k, time.time() - 5.0 + k / 10, frame("hall", k, {10: 300}).image) for k in range(30)
    ]
    notes, watcher = Notes(queued=3), Watcher()
    engine = line(Live([*([f] for f in late), []]), notes)
    engine.live = True
    engine.run(view=watcher, stop=watcher.stop)
    first, playing, last = (watcher.statuses[n].cameras[0] for n in (0, 28, -1))
    assert first.latency_s == pytest.approx(5.0, abs=0.5)
    assert playing.latency_s == pytest.approx(5.0 - 2.8, abs=0.5)
    assert (playing.people, playing.received, playing.clock) == (1, 29, "camera")
    assert (last.state, last.people, last.latency_s, last.frames) == ("waiting", 0, None, 30)
    assert watcher.statuses[0].queued == 3
    files = Watcher()
    line(Script(crossing(3)), Notes()).run(view=files, stop=files.stop)
    assert files.statuses[-1].cameras[0].latency_s is None


def test_what_can_be_kept_nowhere_is_dropped_and_told_and_the_run_goes_on() -> None:
    notes, watcher = Notes(trouble="the history is locked", full=True), Watcher()
    engine = line(Live([[one] for (one,) in ([frame("hall", k, {10: 300})] for k in range(5))]), notes)
    engine.live = True
    engine.run(view=watcher, stop=watcher.stop)
    last = watcher.statuses[-1]
    assert (last.cameras[0].frames, last.cameras[0].dropped) == (0, 5)
    assert last.troubles == ("the history is locked",)
    files = Watcher()
    line(Script([[frame("hall", 0, {10: 300})]]), Notes(full=True)).run(view=files, stop=files.stop)
    assert files.statuses[-1].cameras[0].frames == 1, "files wait"
