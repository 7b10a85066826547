"""Cameras as people have them: in bursts or picture by picture, over UDP, with any password; hostile ones."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clips import number_of, write_clip
from rtsp_server import RtspServer
from web_camera import Hls, WebServer, jpeg

from app import errors
from app.cli import main
from app.config import ConfigError, read_config
from app.sources.clocks import Pacer
from app.sources.ffmpeg import SourceError
from app.sources.live import LiveSource
from app.sources.passwords import redact, with_login_encoded
from tracker.types import Frame


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


def live(uri: str, **settings: object) -> LiveSource:
    timeouts = {"open_timeout_s": 5, "read_timeout_s": 2, "retry_min_s": 0.2, "retry_max_s": 0.4}
    return LiveSource(camera="hall", uri=uri, **{**timeouts, **settings})  # type: ignore[arg-type]


def frames_for(source: LiveSource, seconds: float) -> list[Frame]:
    """Every frame of a time, as a run that keeps up takes them."""
    frames: list[Frame] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (frame := source.latest()) is not None:
            frames.append(frame)
        with source.wake:
            source.wake.wait(0.02)
    return frames


def wait_for(source: LiveSource, true: Callable[[], bool], *, patience_s: float = 15.0) -> None:
    until = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < until, f"{source.state}: {source.problem}"
        time.sleep(0.02)


# A segment at a time


def test_hls_is_played_out_by_its_timestamps(tmp_path: Path) -> None:
    hls = Hls(tmp_path, segments=12)
    with WebServer(hls.answers()) as server, live(server.url("/live.m3u8")) as source:
        hls.begin()
        wait_for(source, lambda: source.decoded > 0)
        frames = frames_for(source, 5.0)
        assert (source.state, source.reconnects, source.problem) == ("playing", 0, "")
    assert source.dropped <= 1
    assert len(frames) == pytest.approx(50, abs=6)
    steps = [b.time - a.time for a, b in itertools.pairwise(frames)]
    assert max(steps) < 0.4
    numbers = [number_of(frame.image) for frame in frames]
    assert all((b - a) % 40 == 1 for a, b in itertools.pairwise(numbers)), "none is left out"


def test_a_pacer_keeps_its_delay_and_grows_it_where_it_ran_dry() -> None:
    pacer = Pacer()
    assert pacer.wait_s(100.0, 50.0) == 0.0
    assert pacer.wait_s(100.1, 50.0) == pytest.approx(0.1)
    assert pacer.wait_s(101.0, 50.9) == pytest.approx(0.1)
    assert pacer.wait_s(101.1, 52.0) == 0.0  # 0.9 late: from now on later
    assert pacer.wait_s(101.2, 52.0) == pytest.approx(0.1)
    assert pacer.wait_s(3.0, 52.0) == 0.0  # the stream began anew
    assert pacer.wait_s(3.5, 52.1) == pytest.approx(0.4)
    assert pacer.wait_s(None, 99.0) == 0.0


# A picture at a time


@pytest.mark.parametrize("path", ["/snapshot.jpg", "/cgi-bin/snapshot"])
def test_a_camera_that_gives_single_pictures_is_asked_again_and_again(path: str) -> None:
    numbers = itertools.count()
    with WebServer({path: lambda: jpeg(next(numbers))}) as server:
        with live(server.url(path), poll_s=0.2) as source:
            wait_for(source, lambda: source.decoded >= 2)
            frames = frames_for(source, 2.0)
            assert (source.state, source.reconnects, source.problem) == ("playing", 0, "")
        assert len(frames) == pytest.approx(10, abs=3)
        assert 0.1 < frames[-1].time - frames[-2].time < 0.5
        assert abs(frames[-1].time - time.time()) < 3.0


def test_single_pictures_that_cease_are_told_and_come_back() -> None:
    there = True
    numbers = itertools.count()
    answers = {"/a.jpg": lambda: jpeg(next(numbers)) if there else (404, "text/plain", b"")}
    with WebServer(answers) as server, live(server.url("/a.jpg"), poll_s=0.1) as source:
        wait_for(source, lambda: source.decoded >= 3)
        there = False
        wait_for(source, lambda: source.state == "waiting")
        assert "no stream of that name" in source.problem
        there = True
        seen = source.decoded
        wait_for(source, lambda: source.decoded >= seen + 3)
        assert source.state == "playing"


def test_dash_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for address in ("http://viewer:pw@10.0.0.4/live.mpd", "https://10.0.0.4/a/Manifest.MPD?token=x"):
        with pytest.raises(SourceError, match=r"is DASH, which is not read here; give its HLS") as caught:
            live(address)
        assert "pw" not in str(caught.value)
        assert main(["watch", address, "--db", str(tmp_path / "h.db")]) == errors.SOURCE
        assert "is DASH" in capsys.readouterr().err


# Over UDP


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("udp") / "clip.mp4", frames=300)


@pytest.mark.parametrize(("transport", "plays"), [("auto", True), ("udp", True), ("tcp", False)])
def test_a_camera_that_sends_over_udp_alone(transport: str, plays: bool, clip: Path) -> None:
    with (
        RtspServer({"udp": clip}, udp_only=True) as server,
        live(server.url("udp"), transport=transport, open_timeout_s=8) as source,
    ):
        wait_for(source, lambda: source.decoded > 5 if plays else bool(source.problem))
        assert plays or source.decoded == 0


# Passwords


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rtsp://viewer:p@ss#1/x?&%@10.0.0.4/tcp", "rtsp://viewer:p%40ss%231%2Fx%3F%26%25@10.0.0.4/tcp"),
        ("rtsp://viewer:p@ss#1/x?&%@cam:8554/tcp", "rtsp://viewer:p%40ss%231%2Fx%3F%26%25@cam:8554/tcp"),
        ("rtsp://viewer:p/x@cam.local/main", "rtsp://viewer:p%2Fx@cam.local/main"),
        ("rtsp://viewer:50%@10.0.0.4/main", "rtsp://viewer:50%25@10.0.0.4/main"),
        ("rtsp://viewer:pä ss@10.0.0.4/main", "rtsp://viewer:p%C3%A4%20ss@10.0.0.4/main"),
        ("rtsp://vie@wer:p@10.0.0.4/main", "rtsp://vie%40wer:p@10.0.0.4/main"),
        ("rtsp://viewer:p:w@[fe80::1]:554/main", "rtsp://viewer:p%3Aw@[fe80::1]:554/main"),
        ("rtsp://viewer:1/2@3@10.0.0.4:8554/a/b", "rtsp://viewer:1%2F2%403@10.0.0.4:8554/a/b"),
        ("rtsp://viewer:/@10.0.0.4/main", "rtsp://viewer:%2F@10.0.0.4/main"),
        ("rtsp://viewer:?@cam/main", "rtsp://viewer:%3F@cam/main"),
        ("rtsp://viewer:12?3@[fe80::1]/main", "rtsp://viewer:12%3F3@[fe80::1]/main"),
        # As they are: nothing raw in them, or no login at all.
        ("rtsp://viewer:p%40ss@10.0.0.4/main", None),
        ("rtsp://viewer:pass@host/main?mail=a@b.c", None),
        ("rtsp://10.0.0.4/a@b", None),
        ("http://cam/x?mail=a@b.c", None),
        ("rtsp://host:554/main", None),
        ("rtsp://host:554/main@2", None),
        ("rtsp://10.0.0.4:554/a@10.0.0.5/b", None),
        ("rtsp://viewer@host/main", None),
        ("/dev/video0", None),
        ("hall.mp4", None),
    ],
)
def test_a_password_may_hold_any_letter(typed: str, meant: str | None) -> None:
    assert with_login_encoded(typed) == (meant or typed)
    if meant is not None:
        assert redact(with_login_encoded(typed)).startswith("rtsp://" + meant.rpartition("@")[2])


@pytest.mark.parametrize(
    ("typed", "secret"),
    [
        ("rtsp://viewer:1/2@3@cam/a", "2@3"),
        ("rtsp://viewer:123#4@cam/x", "123"),
        ("http://viewer:p@ss/w@cam1/video", "ss/w"),
        ("rtsp://viewer:/@cam", "/@"),
    ],
)
def test_where_a_password_ends_is_not_clear_none_of_it_is_shown(typed: str, secret: str) -> None:
    for address in (typed, with_login_encoded(typed)):
        assert secret not in redact(address)
        assert "viewer" not in redact(address)


def test_such_a_password_is_what_the_server_gets(clip: Path) -> None:
    with (
        RtspServer({"hall": clip}, login=("viewer", "p@ss#1/x?&%")) as server,
        live(server.url("hall", login="viewer:p@ss#1/x?&%")) as source,
    ):
        wait_for(source, lambda: source.decoded > 3)
        assert "p@ss" not in source.uri
        assert "%40" not in source.uri


# Cameras that mean harm


@pytest.mark.parametrize(
    "inner", ["file://{file}", "concat:{file}|{file}", "subfile,,start,0,end,0,,:{file}"]
)
def test_a_camera_opens_no_file_of_ours(inner: str, tmp_path: Path) -> None:
    """A playlist whose only segment is a film on this disk."""
    film = write_clip(tmp_path / "private.ts", frames=50)
    lines = [
        "#EXTM3U",
        "#EXT-X-TARGETDURATION:2",
        "#EXTINF:2.0,",
        inner.format(file=film),
        "#EXT-X-ENDLIST",
        "",
    ]
    answer = (200, "application/vnd.apple.mpegurl", "\n".join(lines).encode())
    with WebServer({"/live.m3u8": lambda: answer}) as server, live(server.url("/live.m3u8")) as source:
        wait_for(source, lambda: bool(source.problem))
        assert source.decoded == 0


def test_pictures_larger_than_allowed_are_not_taken(tmp_path: Path) -> None:
    with (
        WebServer({"/a.jpg": lambda: jpeg(1)}) as server,
        live(server.url("/a.jpg"), poll_s=0.1, max_pixels=160 * 119) as source,
    ):
        wait_for(source, lambda: bool(source.problem))
        assert "more than 0.01904 million pixels" in source.problem
        assert source.decoded == 0


# Settings


def test_transport_and_poll_are_keys_of_a_camera(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[[camera]]\nsource = "rtsp://10.0.0.4/main"\ntransport = "udp"\npoll_s = 0.5\n')
    (camera,) = read_config(path).cameras
    assert (camera.transport, camera.poll_s) == ("udp", 0.5)
    for wrong in ('transport = "pigeon"', "poll_s = 0", "poll_s = nan"):
        path.write_text(f'[[camera]]\nsource = "rtsp://10.0.0.4/main"\n{wrong}\n')
        with pytest.raises(ConfigError):
            read_config(path)
