"""The demo's footage, made of a real clip and read back, and its truth against boxes cut by hand."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from filled_history import short_clip

from app.demo.cameras import CLIP_FPS, START, VIEWS, DemoCamera, View, demo_truth, make_cameras
from app.output.place import OutputError
from app.scoring.score import score
from tracker.types import Image

FRAMES = 50


@pytest.fixture(scope="module")
def pictures(shared: Path) -> list[Image]:
    with av.open(shared / "data" / "video" / "vtest.avi") as container:
        return [frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), FRAMES)]


@pytest.fixture(scope="module")
def clip(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first five seconds of the real clip."""
    return short_clip(shared, tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES)


@pytest.fixture(scope="module")
def cameras(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[DemoCamera]:
    return make_cameras(clip, tmp_path_factory.mktemp("demo"))


def read(path: Path) -> tuple[list[Image], list[float], float]:
    """Pictures, times from the first, and the start the container names."""
    with av.open(path) as container:
        frames = list(container.decode(video=0))
        start = datetime.fromisoformat(container.metadata["creation_time"]).timestamp()
    times = [frame.time for frame in frames]
    return [frame.to_ndarray(format="bgr24") for frame in frames], [t for t in times if t is not None], start


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_camera_shows_its_part_of_the_clip_at_the_true_times(
    view: View, cameras: list[DemoCamera], pictures: list[Image]
) -> None:
    camera = next(camera for camera in cameras if camera.name == view.name)
    seen, times, start = read(camera.path)

    assert times == pytest.approx([frame / CLIP_FPS for frame in camera.clip_frames], abs=1e-4)
    assert start == camera.start == START + view.clock_offset_s
    assert seen[0].shape[1::-1] == camera.size == view.size
    for k, frame in enumerate(camera.clip_frames):
        here = np.abs(seen[k].astype(np.int16) - view.see(pictures[frame])).mean()
        assert here < 5, f"frame {k} is not clip frame {frame}"


def test_the_cameras_differ_in_rate_size_and_clock(cameras: list[DemoCamera]) -> None:
    left, middle, right = cameras

    assert left.clip_frames == tuple(range(FRAMES))
    assert middle.clip_frames == tuple(range(0, FRAMES, 2))
    steps = set(np.diff(right.clip_frames).tolist())
    assert len(steps) > 1, "the right camera drops frames irregularly"
    assert max(steps) <= 4
    for values in ([c.size for c in cameras], [c.fps for c in cameras], [c.clock_offset_s for c in cameras]):
        assert len(set(values)) == 3
    assert all(side % 2 == 0 for camera in cameras for side in camera.size)


def test_the_configuration_declares_the_clocks(cameras: list[DemoCamera]) -> None:
    folder = cameras[0].path.parent
    site = tomllib.loads((folder / "site.toml").read_text())

    assert [row["name"] for row in site["camera"]] == ["left", "middle", "right"]
    assert [row["clock_offset_s"] for row in site["camera"]] == [2.0, 0.0, -1.0]
    assert all((folder / row["source"]).is_file() for row in site["camera"])


def test_what_is_there_is_used_again_and_what_is_lost_is_made_the_same(clip: Path, tmp_path: Path) -> None:
    first = make_cameras(clip, tmp_path)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}

    assert make_cameras(clip, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == {
        path: stamp for path, (stamp, _) in before.items()
    }

    first[1].path.unlink()
    assert make_cameras(clip, tmp_path) == first
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == {
        path: data for path, (_, data) in before.items()
    }


def test_nobody_is_in_two_views_and_people_go_from_one_to_the_next(
    shared: Path, cameras: list[DemoCamera]
) -> None:
    whole = [replace(camera, clip_frames=tuple(range(795))) for camera in cameras]
    truth = demo_truth(shared / "data/mot/PETS09-S2L1/gt/gt.txt", whole)

    seen = [set(zip(b.frames.tolist(), b.ids.tolist(), strict=True)) for b in truth.values()]
    assert len(seen[0] | seen[1] | seen[2]) == sum(map(len, seen))
    people = [set(boxes.ids[~boxes.ignored].tolist()) for boxes in truth.values()]
    assert len(people[0] & people[1]) >= 10
    assert len(people[1] & people[2]) >= 15


def test_truth_is_cut_to_the_view_in_its_own_frames_and_pixels(
    tmp_path: Path, cameras: list[DemoCamera]
) -> None:
    gt = tmp_path / "gt.txt"
    rows = [
        "5,1,100,40,20,60,1",  # clip frame 4, wholly in the left view (0..256, 1.5 times as large)
        "5,2,246,40,20,60,1",  # half of it: asked for, cut at the edge
        "5,3,247,40,20,60,1",  # less than half: ignored
        "5,4,270,40,20,60,1",  # between left and middle: nobody sees it
        "5,5,330,540,20,60,1",  # in the middle view (320..512), feet below the picture
        "6,6,330,40,20,60,1",  # the middle camera does not send clip frame 5
        "5,7,400,40,20,60,0",  # marked in the ground truth itself
        "9999,8,100,40,20,60,1",  # after the end
    ]
    gt.write_text("\n".join(rows))

    truth = demo_truth(gt, cameras)

    left, middle = truth["left"], truth["middle"]
    assert left.ids.tolist() == [1, 2, 3]
    assert left.frames.tolist() == [4, 4, 4]
    assert left.boxes[:2].tolist() == [[150, 60, 180, 150], [369, 60, 384, 150]]
    assert left.ignored.tolist() == [False, False, True]
    assert middle.ids.tolist() == [5, 7]
    assert middle.frames.tolist() == [2, 2], "clip frame 4 is the third it sends"
    assert middle.boxes[0].tolist() == [10, 540, 30, 576]
    assert middle.ignored.tolist() == [False, True]
    assert len(truth["right"]) == 0


def test_the_truth_scored_against_itself_is_perfect(shared: Path, cameras: list[DemoCamera]) -> None:
    truth = demo_truth(shared / "data/mot/PETS09-S2L1/gt/gt.txt", cameras)

    overall = score(truth, {name: boxes.take(~boxes.ignored) for name, boxes in truth.items()}).overall

    assert (overall.idf1, overall.mota) == (1.0, 1.0)


def test_a_missing_clip_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(match=r"^.*no\.avi: the clip can't be read \(No such file.*\); check"):
        make_cameras(tmp_path / "no.avi", tmp_path / "out")


def test_a_clip_that_is_no_video_is_one_sentence(tmp_path: Path) -> None:
    clip = tmp_path / "clip.avi"
    clip.write_text("not a film")

    with pytest.raises(match=r"^.*clip\.avi: .*\.$"):
        make_cameras(clip, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputError, match=r"^The folder .*out can't be made \(.*\); name another place"):
        make_cameras(clip, tmp_path / "file" / "out")


def test_a_bad_ground_truth_is_one_sentence(tmp_path: Path, cameras: list[DemoCamera]) -> None:
    gt = tmp_path / "gt.txt"
    gt.write_text("1,2,3\n")

    with pytest.raises(match=r"^.*gt\.txt: the ground truth can't be read \(3 columns"):
        demo_truth(gt, cameras)
    with pytest.raises(match=r"^.*none\.txt: the ground truth can't be read"):
        demo_truth(tmp_path / "none.txt", cameras)
