"""One page about the last run: who was seen, on which cameras, when, and how sure that is.

The page is one HTML file without scripts: pictures are inside it, videos are linked beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.history.last_run import last_footage, last_sightings
from app.output.contact_sheet import Clock, PersonCard, data_uri, person_cards
from app.output.html_page import write_html

if TYPE_CHECKING:
    from app.pipeline import Status
    from app.scoring.score import Scores
    from storage.history import FootageRow, History, SightingRow


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the cameras look in one wide picture, a JPEG of width x height pixels.

    views: camera -> x1, y1, x2, y2 in its pixels. notes: camera -> a few words about it.
    """

    jpeg: bytes
    width: int
    height: int
    views: Mapping[str, tuple[int, int, int, int]]
    notes: Mapping[str, str]

    @property
    def source(self) -> str:
        return data_uri(self.jpeg)


@dataclass(frozen=True, slots=True)
class CameraCard:
    """One camera of the run, in words."""

    name: str
    size: str
    fps: str
    frames: int
    people: int
    sightings: int
    note: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the line: seconds spent in it, and percent of all that was spent."""

    name: str
    seconds: float
    percent: float


def write_page(
    history: History,
    out: Path,
    *,
    videos: Sequence[Path] = (),
    scene: Scene | None = None,
    scores: Scores | None = None,
    timing: Status | None = None,
) -> Path:
    """Write the page about the last run as the HTML file ``out``; its path.

    videos: the annotated videos, played from where they are. scene: where the views lie. scores: where the
    truth was at hand. timing: how the run went. Raises OutputError where it cannot be written.
    """
    contents = _contents(history, scene, scores, timing)
    contents["videos"] = [(video.stem, _link(video, out)) for video in videos]
    return write_html("page.html", contents, out)


def _contents(
    history: History, scene: Scene | None, scores: Scores | None, timing: Status | None
) -> dict[str, Any]:
    footage, sightings = last_footage(history), last_sightings(history)
    clock = Clock.of(footage)
    cameras = list(dict.fromkeys(row.camera for row in _by_place(footage, scene)))
    people = person_cards(history, cameras, sightings, clock)
    return {
        "clock": clock,
        "tiles": _tiles(cameras, sightings, people, clock, scores),
        "cameras": [_camera(name, footage, sightings, scene) for name in cameras],
        "people": people,
        "scene": scene,
        "scores": [] if scores is None else [*scores.cameras.items(), ("all cameras", scores.overall)],
        "timing": timing,
        "stages": _stages(timing),
    }


def _by_place(footage: Sequence[FootageRow], scene: Scene | None) -> list[FootageRow]:
    """From left to right where it is known where they look, else by name."""
    views = {} if scene is None else scene.views
    return sorted(footage, key=lambda row: (views.get(row.camera, (0,))[0], row.camera))


def _tiles(
    cameras: Sequence[str],
    sightings: Sequence[SightingRow],
    people: Sequence[PersonCard],
    clock: Clock,
    scores: Scores | None,
) -> list[tuple[str, str]]:
    """The figures at the head of the page, each with its word."""
    known = [person for person in people if person.identity is not None]
    tiles = [
        (str(len(known)), "person" if len(known) == 1 else "people"),
        (str(sum(person.travelled for person in known)), "on several cameras"),
        (str(len(cameras)), "camera" if len(cameras) == 1 else "cameras"),
        (str(len(sightings)), "sighting" if len(sightings) == 1 else "sightings"),
        (clock.length, "of footage"),
    ]
    if scores is not None:
        tiles.append((f"{100 * scores.overall.idf1:.1f} %", "IDF1 over all cameras"))
    return tiles


def _camera(
    name: str, footage: Sequence[FootageRow], sightings: Sequence[SightingRow], scene: Scene | None
) -> CameraCard:
    rows = [row for row in footage if row.camera == name]
    here = [sighting for sighting in sightings if sighting.camera == name]
    frames, span = sum(row.frames for row in rows), sum(row.end - row.start for row in rows)
    return CameraCard(
        name=name,
        size=f"{rows[0].width} x {rows[0].height}",
        fps=f"{(frames - len(rows)) / span:.1f}" if span > 0 else "?",
        frames=frames,
        people=len({sighting.person for sighting in here} - {None}),
        sightings=len(here),
        note="" if scene is None else scene.notes.get(name, ""),
    )


def _stages(timing: Status | None) -> list[Stage]:
    """Where the time went, the most first."""
    spent = {} if timing is None else timing.stages
    whole = sum(spent.values()) or 1.0
    stages = [Stage(name, seconds, 100 * seconds / whole) for name, seconds in spent.items()]
    return sorted(stages, key=lambda stage: -stage.seconds)


def _link(video: Path, out: Path) -> str:
    """The address of a video as seen from the page."""
    return quote(Path(os.path.relpath(video.resolve(), out.parent.resolve())).as_posix())
