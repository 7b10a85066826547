"""The fault suite: a real RTSP server, a proxy that breaks its stream, and the line over it and over another.

`python benchmarks/reliability.py` does the same with the settings people use, and measures it.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_run import FPS, FaultRun, Outcome, write_people, write_resized
from rtsp_server import RtspServer

from app.headless.pace import Pace
from app.pipeline import CameraStatus, Status
from app.sources.feeds import LiveFeed
from app.sources.live import LiveSource

SOON = {"open_timeout_s": 3.0, "read_timeout_s": 1.0, "retry_min_s": 0.1, "retry_max_s": 0.4}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("faults")
    return write_people(folder / "hall.mp4", grey=10), write_people(folder / "yard.mp4", grey=200)


@pytest.fixture(scope="module")
def run(films: tuple[Path, Path]) -> Iterator[FaultRun]:
    with FaultRun(*films, **SOON) as running:
        yield running


def cut(run: FaultRun) -> Outcome:
    return run.suffer(run.proxy.cut, lambda: None)


def killed(run: FaultRun) -> Outcome:
    def restart() -> None:
        run.server.restart()
        run.proxy.target = run.server.port

    return run.suffer(run.server.kill, restart, hold_s=0.5)


def stalled(run: FaultRun) -> Outcome:
    return run.suffer(run.server.stall, run.server.resume, hold_s=0.3)


def silent(run: FaultRun) -> Outcome:
    return run.suffer(lambda: setattr(run.proxy, "silent", True), lambda: setattr(run.proxy, "silent", False))


def refused(run: FaultRun) -> Outcome:
    def refuse() -> None:
        run.proxy.refusing = True
        run.proxy.cut()

    return run.suffer(refuse, lambda: setattr(run.proxy, "refusing", False), hold_s=0.5)


def password(run: FaultRun) -> Outcome:
    """Somebody changes the camera's password, and changes it back."""
    return run.suffer(
        lambda: run.restarted(login=("me", "secret")),
        run.restarted,
        noticed=lambda _: "password" in run.hall.problem,
        hold_s=0.5,
    )


@pytest.mark.parametrize("fault", [cut, killed, stalled, silent, refused, password])
def test_a_lost_camera_comes_back_with_its_ids_and_delays_no_other(
    run: FaultRun, fault: Callable[[FaultRun], Outcome]
) -> None:
    before = run.hall.reconnects
    outcome = fault(run)
    assert outcome.ids_kept
    assert outcome.others_gap_s < 1.0, "25 a second come, also on a busy machine"
    assert run.hall.reconnects > before
    moments = [seen.moment for seen in run.of("hall")]
    assert all(a < b for a, b in itertools.pairwise(moments))


def test_jitter_and_losses_are_borne(run: FaultRun) -> None:
    run.settle()
    before, since = run.hall.reconnects, time.monotonic()
    run.proxy.jitter_s, run.proxy.loss = 0.02, 0.01
    try:
        time.sleep(3)
    finally:
        run.proxy.jitter_s = run.proxy.loss = 0.0
    run.settle()
    assert run.hall.reconnects == before
    assert run.known("hall", since) == run.known("hall", 0.0)
    moments = [seen.moment for seen in run.of("hall", since + 0.5) if seen.at < since + 3]
    assert len(moments) > FPS / 2
    assert max(b - a for a, b in itertools.pairwise(moments)) < 1.0


def test_a_camera_that_sets_its_clock_keeps_its_tracks(run: FaultRun) -> None:
    """By three seconds, which would end every track; and by an hour, which nobody believes."""
    run.until(lambda: run.hall.clock == "camera")
    for by_s in (3.0, 3600.0):
        jumps, since = run.hall.times.jumps, time.monotonic()
        run.settle()
        run.proxy.clock_s = by_s
        run.until(lambda count=jumps: run.hall.times.jumps > count)  # type: ignore[misc]
        assert f"set its clock by +{by_s if by_s < 5 else 3597.0:.1f} s" in run.hall.problem
        run.settle()
        moments = [seen.moment for seen in run.of("hall", since)]
        assert max(b - a for a, b in itertools.pairwise(moments)) < 1.0
        assert run.known("hall", since) == run.known("hall", 0.0)
    assert run.hall.clock == "arrival"
    run.proxy.clock_s = 0.0


def test_damaged_packets_cost_pictures_and_nothing_else(run: FaultRun) -> None:
    run.settle()
    before = run.hall.damaged
    run.proxy.damage = 0.3
    try:
        run.until(lambda: run.hall.damaged > before)
        time.sleep(1)
    finally:
        run.proxy.damage = 0.0
    run.settle()
    assert run.hall.state == "playing"


def test_a_frozen_picture_is_told_and_not_given_out(tmp_path: Path, films: tuple[Path, Path]) -> None:
    frozen = write_people(tmp_path / "frozen.mp4", grey=10, seconds=20, still_s=3.0)
    with FaultRun(frozen, films[1], frozen_after_s=1.5, **SOON) as run:
        run.until(lambda: run.hall.reconnects >= 1 and run.hall.state == "frozen")
        count = len(run.of("hall"))
        assert "shows the same picture for more than 1.5 s" in run.hall.problem
        time.sleep(0.5)
        assert len(run.of("hall")) == count
        run.until(lambda: run.hall.state == "playing")
        run.until(lambda: len(run.of("hall")) > count + 10)


def test_pictures_of_another_size_in_mid_stream(tmp_path: Path, films: tuple[Path, Path]) -> None:
    with FaultRun(write_resized(tmp_path / "sizes.ts", grey=10, seconds=6), films[1], **SOON) as run:
        run.until(lambda: any(seen.size == (480, 360) for seen in run.of("hall")))
        assert run.hall.reconnects == 0
        assert run.hall.problem.endswith("sends 480x360, before: 640x240.")
        since = time.monotonic()
        run.until(lambda: bool(run.known("hall", since)))
        assert len(run.known("hall", 0.0)) == 1


def test_a_camera_that_changes_its_codec(tmp_path: Path, films: tuple[Path, Path]) -> None:
    h265 = write_people(tmp_path / "hall.h265.mp4", grey=10)
    with FaultRun(*films, **SOON) as run:
        outcome = run.suffer(lambda: run.restarted(film=h265), lambda: None)
        assert run.hall.info.codec == "hevc"
    assert outcome.ids_kept
    assert outcome.others_gap_s < 1.0


def test_one_frame_a_second_beside_many_loses_none(tmp_path: Path, films: tuple[Path, Path]) -> None:
    """Also on a machine too slow for the fast one, which then drops frames and is not late."""
    slow = write_people(tmp_path / "slow.mp4", grey=10, fps=1, seconds=20)
    pace, wake = Pace(window_s=2.0), threading.Condition()
    with (
        RtspServer({"slow": slow, "fast": films[1]}) as server,
        LiveSource(camera="slow", uri=server.url("slow"), wake=wake) as one,
        LiveSource(camera="fast", uri=server.url("fast"), wake=wake) as many,
    ):
        feed = LiveFeed([one, many], wake=wake, offsets={}, max_latency_s=0.6)
        counts, rounds = {"slow": 0, "fast": 0}, feed.rounds(threading.Event())
        began = time.monotonic()
        while counts["slow"] < 5 and time.monotonic() < began + 30:
            frames = next(rounds)
            for frame in frames:
                counts[frame.camera] += 1
            time.sleep(0.2 * len(frames))
            cameras: tuple[CameraStatus, ...] = tuple(feed.cameras())
            pace.see(Status(time.monotonic() - began, 0, cameras, None, {}))
    assert counts["slow"] >= 5
    assert one.dropped <= 1
    assert counts["fast"] >= 5
    assert feed.most == 1
    assert 0.3 <= feed.patience_s < 0.45, "what is left for waiting when a frame takes 0.2 s"
    assert pace.overloaded
    assert pace.dropped_share > 0.5
