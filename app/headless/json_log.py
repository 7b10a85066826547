"""``--log json``: what happens in a live run, an object a line. docs/operations.md explains the keys."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from io import TextIOBase
from typing import Any, TextIO

from app.headless.pace import Pace
from app.pipeline import CameraStatus, Status
from tracker.types import Result, Sighting

_REMEMBERED = 10_000  # sightings; an older one that came up again would be told as if it were new


def line(event: str, **facts: Any) -> str:
    """One line: `time` (UTC, ISO 8601), `event`, and the facts."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": moment, "event": event, **facts})


class JsonLog:
    """A View, and a note of sightings, that writes lines to a file. status_every_s: how often all is told."""

    def __init__(self, file: TextIO | TextIOBase, *, status_every_s: float) -> None:
        self._file = file
        self._status_every_s = status_every_s
        self._told_s = -status_every_s
        self._pace = Pace()
        self._overloaded = False
        self._troubles: dict[str, str] = {}
        self._lost: dict[str, float | None] = {}
        self._before: dict[str, CameraStatus] = {}
        self._identities: OrderedDict[int, int | None] = OrderedDict()

    def write(self, event: str, **facts: Any) -> None:
        """One line."""
        self._file.write(line(event, **facts) + "\n")
        self._file.flush()

    def show(self, results: Sequence[Result], status: Status) -> None:
        self._pace.see(status)
        for camera in status.cameras:
            self._compare(camera, status.elapsed_s)
        self._compare_load()
        self._compare_troubles(status)
        if status.elapsed_s - self._told_s >= self._status_every_s:
            self._told_s = status.elapsed_s
            self.write("status", **self._facts(status))

    def note(self, sighting: Sighting) -> None:
        """Told once a sighting begins, and each time it is given an identity, or another one."""
        known = sighting.number in self._identities
        before = self._identities.get(sighting.number)
        self._identities[sighting.number] = sighting.identity
        self._identities.move_to_end(sighting.number)
        if len(self._identities) > _REMEMBERED:
            self._identities.popitem(last=False)
        facts = {"camera": sighting.camera, "sighting": sighting.number}
        if not known:
            self.write("person_seen", **facts, since=_utc(sighting.start))
        if sighting.identity is not None and sighting.identity != before:
            probability = round(sighting.probability, 4)
            self.write("person_identified", **facts, identity=sighting.identity, probability=probability)

    def _compare_load(self) -> None:
        if self._pace.overloaded != self._overloaded:
            self._overloaded = self._pace.overloaded
            event = "overloaded" if self._overloaded else "overload_over"
            self.write(event, dropped_share=round(self._pace.dropped_share, 3))

    def _compare_troubles(self, status: Status) -> None:
        """Tells of each once when it begins, whatever it counts meanwhile, and when it is over."""
        now = {re.sub(r"\d[\d.]*", "", trouble): trouble for trouble in status.troubles}
        for kind in now.keys() - self._troubles.keys():
            self.write("trouble", problem=now[kind])
        for kind in self._troubles.keys() - now.keys():
            self.write("trouble_over", problem=self._troubles[kind])
        self._troubles = now

    def _compare_pictures(self, before: CameraStatus, camera: CameraStatus) -> None:
        """Tells of a clock that was set, of another size, and of recording that fails or goes on."""
        if camera.clock_jumps > before.clock_jumps:
            self.write("clock_jumped", camera=camera.name, by_s=round(camera.clock_jumped_s, 3))
        if camera.recording not in (before.recording, "off"):
            if camera.recording != "on":
                self.write("recording_stopped", camera=camera.name, problem=camera.recording)
            elif before.recording not in ("", "off"):
                self.write("recording_resumed", camera=camera.name)
        if None not in (before.size, camera.size) and camera.size != before.size:
            self.write("size_changed", camera=camera.name, size=camera.size, before=before.size)

    def _compare(self, camera: CameraStatus, now_s: float) -> None:
        """Tells what has become of a camera since the status before."""
        before = self._before.get(camera.name)
        self._before[camera.name] = camera
        if before is None:
            self._lost[camera.name] = None
            before = CameraStatus(camera.name, "connecting")
        self._compare_pictures(before, camera)
        lost_s = self._lost[camera.name]
        again = camera.reconnects > before.reconnects
        if lost_s is None and (again or camera.state in ("waiting", "stalled", "frozen")):
            event = "camera_lost" if before.received else "camera_absent"
            self.write(event, camera=camera.name, problem=camera.problem)
            lost_s = self._lost[camera.name] = now_s
        if lost_s is not None and before.received and camera.state == "playing":
            facts = {"lost_s": round(now_s - lost_s, 2), "reconnects": camera.reconnects}
            self.write("camera_recovered", camera=camera.name, **facts)
            self._lost[camera.name] = None
        elif camera.received and not before.received:
            self.write("camera_connected", camera=camera.name, clock=camera.clock)
            self._lost[camera.name] = None

    def _facts(self, status: Status) -> dict[str, Any]:
        return {
            "uptime_s": round(status.elapsed_s, 1),
            "identities": status.identities,
            "frames": status.frames,
            "queued": status.queued,
            "troubles": list(status.troubles),
            "overloaded": self._pace.overloaded,
            "dropped_share": round(self._pace.dropped_share, 3),
            "cameras": [self._camera(camera) for camera in status.cameras],
        }

    def _camera(self, camera: CameraStatus) -> dict[str, Any]:
        rates = self._pace.of(camera.name)
        return {
            "camera": camera.name,
            "state": camera.state,
            "received_fps": round(rates.received, 2),
            "processed_fps": round(rates.processed, 2),
            "dropped_fps": round(rates.dropped, 2),
            "received": camera.received,
            "processed": camera.frames,
            "skipped": camera.skipped,
            "dropped": camera.dropped,
            "reconnects": camera.reconnects,
            "latency_s": _rounded(camera.latency_s, 3),
            "clock": camera.clock,
            "clock_offset_s": _rounded(camera.clock_offset_s, 3),
            "clock_drift_ppm": _rounded(camera.clock_drift_ppm, 1),
            "clock_jumps": camera.clock_jumps,
            "damaged": camera.damaged,
            "size": camera.size,
            "decoder": camera.decoder,
            "people": camera.people,
            "recording": camera.recording,
            "not_recorded": camera.not_recorded,
            "problem": camera.problem,
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _utc(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
