"""Annotated videos decoded again and compared with their sources, and the drawing itself."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from filled_history import DIMENSION, MODEL, Demo, pictures_of

from app.output.annotate import annotate
from app.output.drawing import UNIDENTIFIED, Label, colour_of, draw_people, text_on
from app.output.place import OutputError
from app.output.video import VideoWriter
from storage.database import open_database
from storage.history import History
from storage.writer import Writer
from tracker.types import Image, Point, Sighting

GREY = 90


@pytest.fixture(scope="module")
def videos(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return annotate(demo.history, tmp_path_factory.mktemp("videos"))


def times_of(path: Path) -> list[float | None]:
    with av.open(path) as container:
        return [frame.time for frame in container.decode(video=0)]


def box(*corners: float) -> np.ndarray:
    return np.array(corners, np.float32)


def change(a: Image, b: Image, corners: Iterable[float]) -> float:
    """How much the left and right edges of a box differ between two pictures, in grey levels."""
    x1, y1, x2, y2 = (round(float(value)) for value in corners)
    width = a.shape[1] - 1
    sides = [np.abs(a[y1:y2, min(x, width)].astype(int) - b[y1:y2, min(x, width)]) for x in (x1, x2)]
    return min(float(side.mean()) for side in sides)


def test_one_video_a_camera_with_the_same_frames_and_times(demo: Demo, videos: list[Path]) -> None:
    assert [video.name for video in videos] == ["left.mp4", "middle.mp4", "right.mp4"]
    for camera, video in zip(demo.cameras, videos, strict=True):
        assert times_of(video) == pytest.approx(times_of(camera.path), abs=1e-4)
        assert pictures_of(video)[0].shape[1::-1] == camera.size


def test_everybody_is_marked_from_the_first_frame_on(demo: Demo, videos: list[Path]) -> None:
    marked = 0
    for camera, video in zip(demo.cameras, videos, strict=True):
        before, after = pictures_of(camera.path), pictures_of(video)
        truth = demo.truth[camera.name]
        for frame, corners in zip(truth.frames, truth.boxes, strict=True):
            if corners[0] > 4 and corners[2] < camera.size[0] - 4 and corners[3] < camera.size[1] - 4:
                assert change(before[frame], after[frame], corners) > 12, (camera.name, frame)
                marked += 1
    assert marked > 50


def test_pictures_are_left_alone_elsewhere(demo: Demo, videos: list[Path]) -> None:
    before, after = pictures_of(demo.cameras[0].path)[0], pictures_of(videos[0])[0]
    assert np.abs(before[500:].astype(int) - after[500:]).mean() < 4


def test_progress_counts_every_frame(demo: Demo, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    annotate(demo.history, tmp_path, progress=lambda *step: told.append(step))
    counts = {camera.name: len(camera.clip_frames) for camera in demo.cameras}
    assert told == [(name, k, count) for name, count in counts.items() for k in range(1, count + 1)]


@pytest.fixture
def plain(tmp_path: Path) -> tuple[Path, Path]:
    """A grey video of 30 frames at 10 a second, 161 x 121 pixels, and a place for a history."""
    path = tmp_path / "plain.mp4"
    with VideoWriter(path, width=161, height=121, fps=10) as video:
        for k in range(30):
            video.write(np.full((121, 161, 3), GREY, np.uint8), k / 10)
    return path, tmp_path / "history.db"


def record_points(
    footage: Path, database: Path, ways: dict[int, list[int]], *, camera: str = "hall", identity: bool = True
) -> History:
    """People who stand at x = 20 times their number, seen in the frames given."""
    engine = open_database(database, create=True)
    with Writer(engine, command="test", version="0", model=MODEL, dimension=DIMENSION) as writer:
        writer.footage(camera, uri=str(footage), start=1000.0, width=162, height=122)
        for number, frames in ways.items():
            times = [1000.0 + frame / 10 for frame in frames]
            known = number if identity else None
            writer.sighting(Sighting(number, camera, times[0], times[-1], known, 0.9))
            for frame, time in zip(frames, times, strict=True):
                writer.point(number, Point(time, frame, box(20 * number, 40, 20 * number + 12, 90), 0.9))
        writer.frames(camera, 30, 1002.9)
    return History(engine)


def marked(video: Path, number: int) -> list[int]:
    corners = (20 * number, 40, 20 * number + 12, 90)
    empty = np.full((122, 162, 3), GREY, np.uint8)
    return [k for k, picture in enumerate(pictures_of(video)) if change(empty, picture, corners) > 12]


def test_short_gaps_are_bridged_and_long_ones_are_not(plain: tuple[Path, Path], tmp_path: Path) -> None:
    ways = {1: [2, 3, 4, 9, 10], 2: [0, 1, 20, 21]}
    (video,) = annotate(record_points(*plain, ways), tmp_path / "out")

    assert marked(video, 1) == list(range(2, 11))
    assert marked(video, 2) == [0, 1, 20, 21]


def test_the_undecided_are_grey(plain: tuple[Path, Path], tmp_path: Path) -> None:
    (video,) = annotate(record_points(*plain, {3: [5, 6, 7]}, identity=False), tmp_path / "out")

    side = pictures_of(video)[6][60:85, 58:63].reshape(-1, 3).astype(int)
    assert len(marked(video, 3)) == 3
    assert np.ptp(side, axis=1).max() < 30, "no hue in it"


def test_an_odd_size_is_padded_to_an_even_one(plain: tuple[Path, Path], tmp_path: Path) -> None:
    (video,) = annotate(record_points(*plain, {1: [0]}), tmp_path / "out")
    assert pictures_of(video)[0].shape == (122, 162, 3)


def test_camera_names_make_safe_file_names(plain: tuple[Path, Path], tmp_path: Path) -> None:
    history = record_points(*plain, {1: [0]}, camera="../front door: 2")
    (video,) = annotate(history, tmp_path / "out")
    assert video == tmp_path / "out" / "front_door_2.mp4"
    assert video.is_file()


def test_footage_that_is_gone_is_left_out(plain: tuple[Path, Path], tmp_path: Path) -> None:
    history = record_points(*plain, {1: [0]})
    plain[0].unlink()
    assert annotate(history, tmp_path / "out") == []


def test_a_folder_that_cannot_be_made_is_one_sentence(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"^The folder .*file.*can't be .*; name another place.*\.$"):
        annotate(demo.history, tmp_path / "file")


def write_film(path: Path, pictures: list[Image]) -> None:
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, width=width, height=height) as video:
        for k, picture in enumerate(pictures):
            video.write(picture, k / 25)


def test_a_full_disk_is_one_sentence_and_leaves_no_half_video(small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)

    with pytest.raises(OutputError, match=r"^The disk is full: .*film\.mp4 was not written; make room"):
        write_film(small_disk / "film.mp4", [noise] * 60)

    assert list(small_disk.iterdir()) == []


def test_without_a_picture_there_is_no_video(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "film.mp4", width=64, height=48):
        pass

    assert list(tmp_path.iterdir()) == []


def test_a_video_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="array"):
        write_film(tmp_path / "film.mp4", [np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)])

    assert list(tmp_path.iterdir()) == []


def test_another_shape_is_fitted_in(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with VideoWriter(path, width=64, height=48) as video:
        video.write(np.full((48, 64, 3), 200, np.uint8), 5.0)
        video.write(np.full((96, 64, 3), 200, np.uint8), 5.5)

    first, second = pictures_of(path)
    assert times_of(path) == [0.0, 0.5]
    assert first.mean() > 190
    assert second[:, :12].mean() < 20
    assert second[:, 26:38].mean() > 190


def lab(colour: tuple[int, int, int]) -> np.ndarray:
    pixel = np.array([[colour]], np.float32) / 255
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_BGR2LAB))[0, 0]


def test_colours_stay_and_differ() -> None:
    colours = [colour_of(k) for k in range(1, 13)]

    assert colours == [colour_of(k) for k in range(1, 13)]
    assert colour_of(None) == UNIDENTIFIED
    apart = [float(np.linalg.norm(lab(a) - lab(b))) for a, b in combinations([*colours, UNIDENTIFIED], 2)]
    assert min(apart) > 12
    neighbours = [np.linalg.norm(lab(colour_of(k)) - lab(colour_of(k + 1))) for k in range(1, 200)]
    assert min(neighbours) > 40


def luminance(colour: tuple[int, int, int]) -> float:
    """WCAG's relative luminance of a BGR colour."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.array(colour) / 255]
    return float(np.dot(linear, (0.0722, 0.7152, 0.2126)))


@pytest.mark.parametrize("identity", [None, *range(1, 60)])
def test_labels_can_be_read(identity: int | None) -> None:
    colour = colour_of(identity)
    dark, light = sorted([luminance(colour), luminance(text_on(colour))])
    assert (light + 0.05) / (dark + 0.05) >= 3.0, "WCAG's least contrast for large letters"


def test_nobody_leaves_the_picture_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 255, (100, 80, 3), np.uint8)
    copy = image.copy()
    draw_people(copy, [])
    assert np.array_equal(copy, image)


@pytest.mark.parametrize(
    "corners",
    [(-30, -30, 20, 20), (60, 80, 500, 500), (10, 10, 10, 10), (-9, -9, 300, 300), (200, 200, 220, 260)],
)
@pytest.mark.parametrize("shape", [(100, 80, 3), (8, 8, 3), (1080, 1920, 3)])
def test_boxes_beyond_the_picture_do_no_harm(corners: tuple[int, ...], shape: tuple[int, ...]) -> None:
    image = np.full(shape, GREY, np.uint8)
    trail = np.array([[-50, 50], [50, 5000]], np.float32)
    draw_people(image, [Label(box(*corners), 7, "A rather long name", trail)])
    assert image.shape == shape


def test_the_label_carries_the_name() -> None:
    assert Label(box(0, 0, 1, 1), 7).text == "7"
    assert Label(box(0, 0, 1, 1), 7, "Anna").text == "7 Anna"
    assert Label(box(0, 0, 1, 1), None, "Anna").text == "?"


def test_labels_of_people_side_by_side_do_not_cover_each_other() -> None:
    alone, both = np.full((200, 300, 3), GREY, np.uint8), np.full((200, 300, 3), GREY, np.uint8)
    near, far = Label(box(100, 80, 130, 150), 1, "Anna"), Label(box(110, 80, 140, 149), 2, "Bert")
    draw_people(alone, [near])
    draw_people(both, [far, near])
    assert np.array_equal(alone[60:79, 100:125], both[60:79, 100:125]), "the nearer one's stays whole"
    assert (both[151:175, 110:150] == colour_of(2)).all(axis=2).any(), "the other one's is below"


def test_a_trail_shows_where_the_feet_were() -> None:
    image = np.full((200, 300, 3), GREY, np.uint8)
    trail = np.array([[20, 190], [60, 190], [100, 170]], np.float32)
    draw_people(image, [Label(box(100, 80, 130, 150), 1, trail=trail)])
    assert (image[190, 25:55] != GREY).any(axis=1).all()
