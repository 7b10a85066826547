"""Three cameras out of one clip: footage for the demo, and its truth.

The clip is PETS09-S2L1 (795 frames at 10 fps, 768 x 576), one fixed camera over a place where people
cross. Three upright parts of it become three cameras that do not see each other: between them lie blind
strips of 64 pixels, two people wide, so nobody is ever in two views, and all must be found again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.output.page import Scene
from app.output.place import OutputError, make_folder
from app.output.video import VideoWriter
from app.scoring.score import Boxes, Columns
from app.scoring.tables import read_mot
from app.sources.ffmpeg import SourceError
from app.sources.file import FileSource
from tracker.types import Image

CLIP_FPS = 10.0
START = 1_243_857_600.0
"""When the clip is said to begin: 2009-06-01 12:00:00 UTC, a made-up moment of the year it was taken in."""

LEAST_INSIDE = 0.5
"""The part of a person's true box that must lie inside a view to be asked for there; less is ignored."""

SCENE = "clip.jpg"
STAMP = "cameras.json"


@dataclass(frozen=True, slots=True)
class View:
    """How one camera of the demo sees the clip, and how it differs from the others.

    crop: x1, y1, x2, y2 in pixels of the clip. scale: its pixels a clip pixel. keep: the part of the
    clip's frames it sends, at odd moments where that is no whole fraction. gain: of B, G, R; contrast
    about middle grey; brightness added.
    """

    name: str
    crop: tuple[int, int, int, int]
    scale: float
    keep: float
    clock_offset_s: float
    gain: tuple[float, float, float]
    contrast: float
    brightness: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures, pixels, both even."""
        x1, y1, x2, y2 = self.crop
        return 2 * round((x2 - x1) * self.scale / 2), 2 * round((y2 - y1) * self.scale / 2)

    def clip_frames(self) -> Iterator[int]:
        """The clip frames it sends, without end: each n-th, or at odd moments, at most 3 lost in a row."""
        step = round(1 / self.keep)
        if step * self.keep == 1.0:
            return itertools.count(0, step)
        return self._odd_moments()

    def _odd_moments(self) -> Iterator[int]:
        chance = random.Random(self.name)
        last = -4
        for frame in itertools.count():
            if frame - last > 3 or chance.random() < self.keep:
                last = frame
                yield frame

    def see(self, image: Image) -> Image:
        """Its part of a picture of the clip, in its own size and colours."""
        x1, y1, x2, y2 = self.crop
        levels = np.arange(256, dtype=np.float64)[:, None] * self.gain
        levels = (levels - 128.0) * self.contrast + 128.0 + self.brightness
        table = levels.round().clip(0, 255).astype(np.uint8)[None]
        part = cv2.LUT(np.ascontiguousarray(image[y1:y2, x1:x2]), table)
        return np.asarray(cv2.resize(part, self.size, interpolation=cv2.INTER_CUBIC), np.uint8)


VIEWS = (
    View("left", (0, 0, 256, 576), 1.5, 1.0, 2.0, (0.90, 1.0, 1.10), 1.05, 6.0),
    View("middle", (320, 0, 512, 576), 1.0, 0.5, 0.0, (1.0, 1.0, 1.0), 0.90, -14.0),
    View("right", (576, 0, 768, 576), 1.25, 0.7, -1.0, (1.10, 1.0, 0.92), 1.10, 10.0),
)


@dataclass(frozen=True, slots=True)
class DemoCamera:
    """One camera of the demo as it was made.

    start: epoch seconds of its first frame by its own clock, which the file carries; the true time is
    clock_offset_s less. crop: x1, y1, x2, y2 in pixels of the clip; scale: its pixels a clip pixel;
    size: width and height of its pictures. fps: frames a second on average. clip_frames: for each of its
    frames the frame of the clip, both from 0.
    """

    name: str
    path: Path
    start: float
    crop: tuple[int, int, int, int]
    scale: float
    size: tuple[int, int]
    fps: float
    clock_offset_s: float
    clip_frames: tuple[int, ...]


def make_cameras(clip: Path, out: Path) -> list[DemoCamera]:
    """Make left.mp4, middle.mp4, right.mp4, clip.jpg (the whole scene) and site.toml in ``out``.

    The same clip gives the same files; those that are there already, made by this recipe, are used again.
    Raises SourceError where the clip cannot be read, OutputError where the folder cannot be written.
    """
    recipe = _recipe(clip)
    count = _made_before(out, recipe)
    if count is None:
        make_folder(out)
        try:
            count = _make(clip, out)
            _write_notes(out, recipe, count)
        except OSError as error:
            raise OutputError(
                f"{out} can't be written ({error.strerror}); make room or name another place."
            ) from error
    return [_camera(view, out, count) for view in VIEWS]


def demo_truth(gt: Path, cameras: Sequence[DemoCamera]) -> dict[str, Boxes]:
    """Who is where on each camera, in its own frame numbers and pixels, from the clip's ground truth.

    gt: a MOTChallenge gt.txt of the clip. A person's box is cut at the edges of the view. It is asked for
    where at least half of its area is inside; where less is, it is ignored: finding the person there is
    neither wanted nor punished. Raises SourceError where the file cannot be read.
    """
    try:
        whole = read_mot(gt)
    except (OSError, ValueError) as error:
        raise SourceError(f"{gt}: the ground truth can't be read ({error}); check the path.") from error
    return {camera.name: _seen_by(camera, whole) for camera in cameras}


def scene_of(cameras: Sequence[DemoCamera]) -> Scene:
    """Where the views lie in the clip, for the page. Raises SourceError where its picture is gone."""
    path = cameras[0].path.parent / SCENE
    image = cv2.imread(str(path))
    if image is None:
        raise SourceError(f"{path}: the picture of the scene is gone; make the demo's footage again.")
    height, width = image.shape[:2]
    views = {camera.name: camera.crop for camera in cameras}
    return Scene(path.read_bytes(), width, height, views, {camera.name: _note(camera) for camera in cameras})


def _note(camera: DemoCamera) -> str:
    ahead = camera.clock_offset_s
    clock = f"clock {abs(ahead):g} s {'ahead' if ahead > 0 else 'behind'}" if ahead else "clock right"
    regular = len(set(np.diff(camera.clip_frames).tolist())) == 1
    return f"scale {camera.scale:g}, {'regular' if regular else 'irregular'} frames, {clock}"


def _seen_by(camera: DemoCamera, whole: Boxes) -> Boxes:
    x1, y1, x2, y2 = camera.crop
    cut = np.clip(whole.boxes, (x1, y1, x1, y1), (x2, y2, x2, y2))
    inside = _areas(cut) / _areas(whole.boxes)
    number = {clip_frame: k for k, clip_frame in enumerate(camera.clip_frames)}
    frames = np.array([number.get(int(frame), -1) for frame in whole.frames], np.int64)
    scale = np.array(camera.size) / (x2 - x1, y2 - y1)
    pixels = (cut - (x1, y1, x1, y1)) * np.tile(scale, 2)
    here = (frames >= 0) & (inside > 0.0)
    ignored = whole.ignored | (inside < LEAST_INSIDE)
    return Boxes(frames[here], whole.ids[here], pixels[here], ignored[here])


def _areas(boxes: Columns) -> Columns:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float64)


def _recipe(clip: Path) -> str:
    try:
        digest = hashlib.sha256(clip.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(f"{clip}: the clip can't be read ({error.strerror}); check the path.") from error
    return f"{digest} {VIEWS!r}"


def _made_before(out: Path, recipe: str) -> int | None:
    """How many frames the clip has, where ``out`` holds all that this recipe makes."""
    try:
        stamp = json.loads((out / STAMP).read_text(encoding="utf-8"))
        whole = all((out / name).stat().st_size == size for name, size in stamp["files"].items())
        return int(stamp["frames"]) if whole and stamp["recipe"] == recipe else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _make(clip: Path, out: Path) -> int:
    """Encode all views in one pass over the clip; the number of its frames."""
    with ExitStack() as stack:
        source = stack.enter_context(FileSource(camera="clip", path=clip, start=0.0))
        films = [_Film(view, stack.enter_context(_writer(view, out))) for view in VIEWS]
        for frame in source:
            if frame.index == 0:
                _write_jpeg(out / SCENE, frame.image)
            for film in films:
                film.offer(frame.index, frame.image)
    return source.decoded


class _Film:
    """A view being written: takes of the clip's frames those it sends."""

    def __init__(self, view: View, writer: VideoWriter) -> None:
        self.view = view
        self.writer = writer
        self.frames = view.clip_frames()
        self.due = next(self.frames)

    def offer(self, frame: int, image: Image) -> None:
        if frame == self.due:
            self.writer.write(self.view.see(image), frame / CLIP_FPS)
            self.due = next(self.frames)


def _writer(view: View, out: Path) -> VideoWriter:
    width, height = view.size
    path = out / f"{view.name}.mp4"
    start = START + view.clock_offset_s
    return VideoWriter(path, width=width, height=height, fps=CLIP_FPS * view.keep, start=start)


def _camera(view: View, out: Path, count: int) -> DemoCamera:
    """The camera of a view, of a clip with ``count`` frames."""
    kept = tuple(itertools.takewhile(lambda frame: frame < count, view.clip_frames()))
    return DemoCamera(
        name=view.name,
        path=out / f"{view.name}.mp4",
        start=START + view.clock_offset_s,
        crop=view.crop,
        scale=view.scale,
        size=view.size,
        fps=CLIP_FPS * len(kept) / count,
        clock_offset_s=view.clock_offset_s,
        clip_frames=kept,
    )


def _write_jpeg(path: Path, image: Image) -> None:
    path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())


def _write_notes(out: Path, recipe: str, count: int) -> None:
    """The cameras as a run's configuration; last the stamp, which says that all is whole."""
    tables = (
        f'[[camera]]\nname = "{view.name}"\nsource = "{view.name}.mp4"\n'
        f"clock_offset_s = {view.clock_offset_s}  # what the camera's clock is ahead\n"
        for view in VIEWS
    )
    (out / "site.toml").write_text("\n".join(tables), encoding="utf-8")
    made = [*(f"{view.name}.mp4" for view in VIEWS), SCENE, "site.toml"]
    stamp = {
        "recipe": recipe,
        "frames": count,
        "files": {name: (out / name).stat().st_size for name in made},
    }
    (out / STAMP).write_text(json.dumps(stamp, indent=1), encoding="utf-8")
