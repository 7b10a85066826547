from __future__ import annotations

import json
from io import StringIO
from typing import Any

from app.headless.json_log import JsonLog
from app.pipeline import CameraStatus, Status
from tracker.types import Sighting


class Told:
    """A log, and the lines it wrote since they were last asked for."""

    def __init__(self, *, status_every_s: float = 1e9) -> None:
        self._file = StringIO()
        self.log = JsonLog(self._file, status_every_s=status_every_s)
        self.log._told_s = 0.0 if status_every_s == 1e9 else -status_every_s

    def lines(self) -> list[dict[str, Any]]:
        text = self._file.getvalue()
        self._file.truncate(0)
        self._file.seek(0)
        return [json.loads(line) for line in text.splitlines()]

    def show(self, now_s: float, state: str, **facts: Any) -> list[dict[str, Any]]:
        self.log.show([], Status(now_s, 2, (CameraStatus("hall", state, **facts),), None, {}))
        return self.lines()


def events(lines: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in lines]


def test_a_camera_is_connected_lost_and_recovered_once_each() -> None:
    told = Told()
    assert told.show(0.0, "connecting", clock="arrival") == []
    (line,) = told.show(1.0, "playing", received=1, clock="camera")
    assert (line["event"], line["camera"], line["clock"]) == ("camera_connected", "hall", "camera")
    assert line["time"].endswith("Z")
    assert told.show(2.0, "playing", received=20) == []
    (line,) = told.show(3.0, "waiting", received=20, problem="sent nothing")
    assert (line["event"], line["problem"]) == ("camera_lost", "sent nothing")
    assert told.show(4.0, "connecting", received=20) == []
    assert told.show(5.0, "waiting", received=20, problem="refused") == []
    (line,) = told.show(10.5, "playing", received=21, reconnects=1)
    assert (line["event"], line["lost_s"], line["reconnects"]) == ("camera_recovered", 7.5, 1)
    assert events(told.show(11.0, "waiting", received=30, reconnects=1)) == ["camera_lost"]


def test_a_loss_between_two_looks_is_told_too() -> None:
    told = Told()
    told.show(1.0, "playing", received=9)
    lines = told.show(2.0, "playing", received=12, reconnects=1, problem="ended the stream")
    assert events(lines) == ["camera_lost", "camera_recovered"]


def test_a_camera_that_is_not_there_at_the_start_joins_later() -> None:
    told = Told()
    (line,) = told.show(1.0, "waiting", problem="refused")
    assert (line["event"], line["problem"]) == ("camera_absent", "refused")
    assert told.show(2.0, "waiting", problem="refused") == []
    assert events(told.show(3.0, "playing", received=1)) == ["camera_connected"]
    assert events(told.show(4.0, "waiting", received=1)) == ["camera_lost"]


def sighting(number: int, identity: int | None, probability: float = 0.0) -> Sighting:
    return Sighting(number, "hall", 0.0, 1.0, identity, probability)


def test_a_person_is_seen_once_and_identified_each_time_it_changes() -> None:
    told = Told()
    for one in (sighting(1, None), sighting(1, None), sighting(1, 7, 0.91234), sighting(1, 7, 0.95)):
        told.log.note(one)
    seen, identified = told.lines()
    assert (seen["event"], seen["sighting"], seen["since"]) == ("person_seen", 1, "1970-01-01T00:00:00.000Z")
    assert (identified["event"], identified["identity"], identified["probability"]) == (
        "person_identified",
        7,
        0.9123,
    )
    told.log.note(sighting(1, 3, 0.8))
    told.log.note(sighting(2, 3, 0.8))
    assert events(told.lines()) == ["person_identified", "person_seen", "person_identified"]


def test_what_it_remembers_is_bounded() -> None:
    told = Told()
    for number in range(30_000):
        told.log.note(sighting(number, None))
    assert len(told.log._identities) == 10_000


def test_the_status_is_told_now_and_then() -> None:
    told = Told(status_every_s=10.0)
    (first,) = told.show(0.0, "playing")
    assert first["event"] == "status"
    events_of = [
        events(told.show(float(s), "playing", received=10 * s, frames=8 * s, dropped=2 * s))
        for s in range(1, 21)
    ]
    assert events_of[0] == ["camera_connected"]
    assert [n for n, line in enumerate(events_of, 1) if "status" in line] == [10, 20]
    (line,) = told.show(30.0, "playing", received=300, frames=240, dropped=60, latency_s=0.12345, people=2)
    (camera,) = line["cameras"]
    assert (camera["received_fps"], camera["processed_fps"], camera["dropped_fps"]) == (10.0, 8.0, 2.0)
    assert (camera["latency_s"], camera["people"], camera["received"]) == (0.123, 2, 300)
    assert (line["identities"], line["frames"], line["uptime_s"]) == (2, 240, 30.0)


def test_a_stall_that_passes_is_lost_and_recovered_without_a_reconnection() -> None:
    told = Told()
    told.show(1.0, "playing", received=9)
    (line,) = told.show(3.0, "stalled", received=9, problem="has sent no picture for 2 s")
    assert line["event"] == "camera_lost"
    (line,) = told.show(4.5, "playing", received=10)
    assert (line["event"], line["lost_s"], line["reconnects"]) == ("camera_recovered", 1.5, 0)


def test_a_clock_that_is_set_and_another_size_are_told_once_each() -> None:
    told = Told()
    told.show(1.0, "playing", received=9, size=(640, 480))
    lines = told.show(2.0, "playing", received=20, size=(320, 240), clock_jumps=1, clock_jumped_s=3.0004)
    assert events(lines) == ["clock_jumped", "size_changed"]
    assert lines[0]["by_s"] == 3.0
    assert (lines[1]["size"], lines[1]["before"]) == ([320, 240], [640, 480])
    assert told.show(3.0, "playing", received=30, size=(320, 240), clock_jumps=1, clock_jumped_s=3.0) == []


def test_overload_is_told_when_it_begins_and_when_it_is_over() -> None:
    told = Told()
    told.show(0.0, "playing", received=1)
    found = [
        events(told.show(float(s), "playing", received=100 * s, dropped=50 * min(s, 10)))
        for s in range(1, 25)
    ]
    assert [event for lines in found for event in lines] == ["overloaded", "overload_over"]


def test_recording_that_fails_and_goes_on_is_told_once_each() -> None:
    told = Told()
    told.show(0.0, "playing", received=1, recording="on")
    (line,) = told.show(1.0, "playing", received=2, recording="Not recorded: full.")
    assert (line["event"], line["problem"]) == ("recording_stopped", "Not recorded: full.")
    assert told.show(2.0, "playing", received=3, recording="Not recorded: full.") == []
    assert events(told.show(3.0, "playing", received=4, recording="on")) == ["recording_resumed"]
    assert told.show(4.0, "playing", received=5, recording="on") == []
