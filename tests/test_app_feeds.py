"""Rounds of real files, in step by their times; and of live cameras, as they come."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from clips import write_clip
from rtsp_server import RtspServer

from app.build import align
from app.config import CameraSettings
from app.pipeline import Round
from app.sources.feeds import FileCamera, FileFeed, LiveFeed
from app.sources.file import FileSource
from app.sources.live import LiveSource


def rounds_of(stack: ExitStack, *cameras: tuple[str, Path, float]) -> tuple[FileFeed, list[Round]]:
    """All rounds of (name, file, shift in seconds)."""
    sources = [
        FileCamera(stack.enter_context(FileSource(camera=name, path=path)), shift)
        for name, path, shift in cameras
    ]
    feed = FileFeed(sources)
    return feed, list(feed.rounds(threading.Event()))


def test_cameras_of_different_rates_go_in_step(tmp_path: Path) -> None:
    slow = write_clip(tmp_path / "slow.mp4", frames=5, fps=5)
    fast = write_clip(tmp_path / "fast.mp4", frames=10, fps=10)
    with ExitStack() as stack:
        _, rounds = rounds_of(stack, ("slow", slow, 0.0), ("fast", fast, 0.0))
    # Every other frame of the fast camera meets one of the slow one.
    assert [[f"{f.camera} {f.index}" for f in frames] for frames in rounds[:3]] == [
        ["slow 0", "fast 0"],
        ["fast 1", "slow 1"],
        ["fast 2"],
    ]
    times = [frame.time for frames in rounds for frame in frames]
    assert times == sorted(times)
    assert sum(map(len, rounds)) == 15
    assert all(len({f.camera for f in frames}) == len(frames) for frames in rounds)


def test_a_shift_moves_a_camera_on_the_clock(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=5, fps=10)
    with ExitStack() as stack:
        feed, rounds = rounds_of(stack, ("a", clip, 0.0), ("b", clip, -0.25))
        assert rounds[0][0].camera == "b"
        assert rounds[0][0].time == pytest.approx(-0.25)
        assert feed.origin(rounds[0][0]).start == pytest.approx(-0.25)
        assert feed.origin(rounds[0][0]).uri == str(clip)


def test_what_is_known_of_a_file_is_told(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=20, fps=10)
    with ExitStack() as stack:
        feed = FileFeed([FileCamera(stack.enter_context(FileSource(camera="a", path=clip)))])
        before = feed.cameras()[0]
        assert (before.state, before.expected) == ("playing", 20)
        list(feed.rounds(threading.Event()))
        after = feed.cameras()[0]
        assert (after.state, after.expected, after.problem) == ("ended", 20, "")


def test_stop_ends_between_two_frames(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=50, fps=10)
    stop = threading.Event()
    with ExitStack() as stack:
        feed = FileFeed([FileCamera(stack.enter_context(FileSource(camera="a", path=clip)))])
        seen = 0
        for _ in feed.rounds(stop):
            seen += 1
            if seen == 5:
                stop.set()
    assert seen == 5


@pytest.mark.parametrize(
    ("starts", "offsets", "expected"),
    [
        ((100.0, 130.0), (0.0, 0.0), (100.0, 130.0)),  # both know: as they say
        ((100.0, 130.0), (2.0, -1.0), (98.0, 131.0)),  # clocks ahead and behind are put right
        ((100.0, None), (0.0, 0.0), (100.0, 100.0)),  # one knows nothing: it begins with the other
        ((None, None), (0.0, 0.0), (0.0, 0.0)),  # nobody knows: all begin together
    ],
)
def test_files_are_put_on_one_clock(
    tmp_path: Path,
    starts: tuple[float | None, ...],
    offsets: tuple[float, ...],
    expected: tuple[float, ...],
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    cameras = [
        CameraSettings(name, str(clip), start, offset)
        for name, start, offset in zip("ab", starts, offsets, strict=True)
    ]
    with ExitStack() as stack:
        sources = [stack.enter_context(FileSource(camera=c.name, path=clip, start=c.start)) for c in cameras]
        assert [file.start for file in align(cameras, sources)] == pytest.approx(list(expected))


NOBODY = "rtsp://127.0.0.1:9/none"


def test_without_any_live_frame_there_are_empty_rounds_until_it_is_stopped() -> None:
    wake, stop = threading.Condition(), threading.Event()
    with LiveSource(camera="hall", uri=NOBODY, wake=wake) as source:
        rounds = LiveFeed([source], wake=wake, offsets={}).rounds(stop)
        began = time.monotonic()
        assert [next(rounds), next(rounds)] == [[], []]
        assert 1.5 < time.monotonic() - began < 4
        stop.set()
        assert next(rounds, None) is None


def test_a_dead_camera_delays_no_other_and_all_is_told(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=150)
    wake, stop = threading.Condition(), threading.Event()
    with (
        RtspServer({"hall": clip}) as server,
        LiveSource(camera="hall", uri=server.url("hall"), wake=wake) as hall,
        LiveSource(camera="yard", uri=NOBODY, wake=wake) as yard,
    ):
        feed = LiveFeed([hall, yard], wake=wake, offsets={"hall": 100.0})
        frames = list(itertools.islice((r[0] for r in feed.rounds(stop) if r), 30))
        late_s = time.time() - (frames[-1].time + 100.0)
        told = {camera.name: camera for camera in feed.cameras()}
    assert {frame.camera for frame in frames} == {"hall"}
    assert late_s < 1.0
    # The other is between two attempts, or at one.
    assert (told["hall"].state, told["yard"].state == "playing") == ("playing", False)
    assert told["hall"].received >= 30 + told["hall"].dropped
    assert told["hall"].clock in ("camera", "arrival")
    assert told["yard"].received == 0
    assert "refused" in told["yard"].problem
