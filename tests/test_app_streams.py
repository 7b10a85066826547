"""Live sources against real servers on loopback: GStreamer's for RTSP, Python's for MJPEG over HTTP."""

from __future__ import annotations

import http.server
import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from clips import number_of, picture, write_clip
from rtsp_server import RtspServer

from app.sources.ffmpeg import SourceError
from app.sources.live import LiveSource
from tracker.types import Frame

PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s at 25 fps."""
    return write_clip(tmp_path_factory.mktemp("live") / "clip.mp4", frames=500)


@pytest.fixture(scope="module")
def server(clip: Path) -> Iterator[RtspServer]:
    with RtspServer({"left": clip}) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


def live(uri: str, *, wake: threading.Condition | None = None) -> LiveSource:
    """A source that notices and tries again soon."""
    return LiveSource(
        camera="left",
        uri=uri,
        open_timeout_s=3,
        read_timeout_s=1,
        retry_min_s=0.1,
        retry_max_s=0.4,
        wake=wake,
        seed=1,
    )


def take(source: LiveSource, count: int) -> list[Frame]:
    """The next frames, as a run takes them: waiting on the condition."""
    frames: list[Frame] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(frames) < count:
        assert time.monotonic() < deadline, (
            f"{len(frames)} of {count} frames; {source.state}: {source.problem}"
        )
        frame = source.latest()
        if frame is not None:
            frames.append(frame)
            continue
        with source.wake:
            source.wake.wait(0.1)
    return frames


def until(source: LiveSource, true: Callable[[], bool]) -> float:
    """Seconds it took to become true."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE_S, f"{source.state}: {source.problem}"
        time.sleep(0.01)
    return time.monotonic() - began


def increasing(frames: list[Frame]) -> bool:
    return all(a.time < b.time and a.index < b.index for a, b in itertools.pairwise(frames))


def test_plays_with_the_cameras_times(server: RtspServer) -> None:
    with live(server.url("left")) as source:
        frames = take(source, 20)
        assert source.state == "playing"
        until(source, lambda: source.clock == "camera")
        between = source.latest()
        frames += take(source, 20)
        late_s = time.time() - frames[-1].time
    assert increasing(frames)
    assert -0.1 < late_s < 1.0
    first, *_, last = frames[20:]
    assert last.time - first.time == pytest.approx((last.index - first.index) * 0.04, abs=0.1)
    first = frames[0]
    for frame in frames[:20]:
        assert number_of(frame.image) == (number_of(first.image) + frame.index - first.index) % 40
    taken = 40 + (between is not None)
    assert source.decoded - source.dropped - taken in (0, 1), "each was taken, counted as dropped, or is left"
    assert source.info is not None
    assert (source.info.width, source.info.height, source.info.live) == (160, 120, True)
    assert source.info.uri == server.url("left")
    assert source.info.start == pytest.approx(first.time - first.index * 0.04, abs=0.1)
    assert (source.state, source.problem, source.reconnects) == ("ended", "", 0)


def test_a_slow_taker_gets_the_newest(server: RtspServer) -> None:
    with live(server.url("left")) as source:
        take(source, 1)
        time.sleep(0.6)
        (frame,) = take(source, 1)
        assert source.dropped >= 8
        assert frame.index == source.decoded - 1
        assert time.time() - frame.time < 0.4
        arrival = source.arrival
        assert arrival is not None
        assert frame.time - 0.1 < arrival.received < time.time()
        assert 0.0 < arrival.decode_s < 0.4
        assert 0.0 <= time.monotonic() - arrival.ready < 0.4
        assert source.latest() is None or source.decoded > frame.index + 1


def test_comes_back_after_a_restart(clip: Path) -> None:
    with RtspServer({"left": clip}) as server, live(server.url("left")) as source:
        frames = take(source, 5)
        server.kill()
        assert until(source, lambda: source.state != "playing") < 3
        until(source, lambda: "refused" in source.problem)
        server.restart()
        source.latest()
        frames += take(source, 5)
        assert source.state == "playing"
        assert source.reconnects == 1
    assert increasing(frames)


def test_a_stalled_server_is_noticed(clip: Path) -> None:
    with RtspServer({"left": clip}) as server, live(server.url("left")) as source:
        frames = take(source, 5)
        server.stall()
        try:
            assert until(source, lambda: source.state != "playing") < 1.6
            assert "sent nothing for 1 s" in source.problem
            time.sleep(0.5)
        finally:
            server.resume()
        source.latest()
        frames += take(source, 5)
    assert increasing(frames)
    assert source.reconnects == 1


def test_stops_at_once_while_the_server_stalls(clip: Path) -> None:
    with RtspServer({"left": clip}) as server:
        uri = server.url("left")
        with LiveSource(camera="left", uri=uri, read_timeout_s=30) as source:
            take(source, 3)
            server.stall()
            time.sleep(0.3)
            began = time.monotonic()
        assert time.monotonic() - began < 1
        server.resume()


def test_stops_at_once_while_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # it takes connections and says nothing
        uri = f"rtsp://127.0.0.1:{mute.getsockname()[1]}/left"
        with LiveSource(camera="left", uri=uri, open_timeout_s=30) as source:
            time.sleep(0.3)
            assert source.state == "connecting"
            assert source.latest() is None
            began = time.monotonic()
        assert time.monotonic() - began < 1
    assert source.state == "ended"


def test_a_mute_server_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}/left"
        with LiveSource(camera="left", uri=f"rtsp://me:secret@{address}", open_timeout_s=0.5) as source:
            assert 0.4 < until(source, lambda: source.state == "waiting") < 1.2
    sentence = f"rtsp://{address} sent nothing for 0.5 s; check that camera and network are up."
    assert source.problem == sentence


def test_a_camera_that_plays_nothing_is_given_up_in_time() -> None:
    """It answers every request, slowly, and then sends no packet. All of that is opening."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Blind) as camera:
        serving = threading.Thread(target=camera.serve_forever)
        serving.start()
        try:
            uri = f"rtsp://127.0.0.1:{camera.server_address[1]}/left"
            with LiveSource(camera="left", uri=uri, open_timeout_s=1, seed=1) as source:
                assert 0.9 < until(source, lambda: source.state == "waiting") < 1.5
                assert "sent nothing for 1 s" in source.problem
        finally:
            camera.shutdown()
            serving.join()


class _Blind(socketserver.StreamRequestHandler):
    """The requests of RFC 2326 answered, and no picture sent."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            self._converse()

    def _converse(self) -> None:
        asked: dict[str, str] = {}
        method = ""
        for line in (raw.decode().strip() for raw in self.rfile):
            if line:
                method = method or line.split()[0]
                name, _, value = line.partition(":")
                asked[name.lower()] = value.strip()
            else:
                self._answer(method, asked)
                method = ""

    def _answer(self, method: str, asked: dict[str, str]) -> None:
        body = ""
        head = f"CSeq: {asked['cseq']}\r\nSession: 1\r\n"
        if method == "OPTIONS":
            head += "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        if method == "DESCRIBE":
            time.sleep(0.7)
            body = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track\r\n"
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if method == "SETUP":
            head += f"Transport: {asked['transport']}\r\n"
        self.wfile.write(f"RTSP/1.0 200 OK\r\n{head}\r\n{body}".encode())


def test_a_login_is_used_and_never_shown(clip: Path) -> None:
    with RtspServer({"left": clip}, login=("me", "secret")) as server:
        with live(server.url("left", login="me:secret")) as source:
            take(source, 1)
            shown = f"{source!r} {source.uri} {source.problem} {source.info}"
            assert "secret" not in shown
        with live(server.url("left", login="me:wrong-one")) as source:
            until(source, lambda: source.state == "waiting")
            assert source.problem == f"{server.url('left')} refused the user name or password; check both."
            assert "wrong-one" not in f"{source!r} {source.uri} {source.info}"


def test_no_such_stream(server: RtspServer) -> None:
    with live(server.url("right")) as source:
        until(source, lambda: source.state == "waiting")
        assert source.problem.endswith("/right: the server has no stream of that name; check the path.")
        assert source.info is None


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}/left"
    with live(f"rtsp://me:secret@{address}") as source:
        until(source, lambda: source.state == "waiting")
        sentence = f"rtsp://{address}: nobody answers there (connection refused); check host and port."
        assert source.problem == sentence


def test_it_keeps_trying() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:  # it hangs up on everybody
        rude.settimeout(PATIENCE_S)
        with live(f"rtsp://127.0.0.1:{rude.getsockname()[1]}/left") as source:
            for _ in range(4):
                rude.accept()[0].close()
            assert source.latest() is None
            assert source.state in ("connecting", "waiting")


def test_the_end_of_a_stream_is_an_interruption(tmp_path: Path) -> None:
    short = write_clip(tmp_path / "short.mp4", frames=25)
    with RtspServer({"left": short}) as server, live(server.url("left")) as source:
        frames = take(source, 1)
        until(source, lambda: source.reconnects >= 2)
        frames += take(source, 1)
        assert "ended the stream" in source.problem
    assert increasing(frames)


def test_one_condition_wakes_for_every_camera(server: RtspServer) -> None:
    wake = threading.Condition()
    with live(server.url("left"), wake=wake) as one, live(server.url("left"), wake=wake) as other:
        assert one.wake is other.wake is wake
        seen: set[int] = set()
        deadline = time.monotonic() + PATIENCE_S
        while len(seen) < 2 and time.monotonic() < deadline:
            with wake:
                assert wake.wait(PATIENCE_S)
            seen |= {n for n, source in enumerate((one, other)) if source.latest() is not None}
    assert seen == {0, 1}


class _Mjpeg(http.server.BaseHTTPRequestHandler):
    """A camera that sends JPEGs without any timestamps, ten a second."""

    def do_GET(self) -> None:
        import cv2  # here, as it changes the environment that Qt looks into

        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(100):
            jpeg = cv2.imencode(".jpg", picture(number, width=160, height=120))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return
            time.sleep(0.1)

    def log_message(self, *_: object) -> None:
        pass


def test_mjpeg_over_http() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Mjpeg) as camera:
        serving = threading.Thread(target=camera.serve_forever)
        serving.start()
        try:
            with live(f"http://127.0.0.1:{camera.server_port}/video") as source:
                frames = take(source, 12)
                assert source.clock == "arrival"
                assert time.time() - frames[-1].time < 0.3
        finally:
            camera.shutdown()
            serving.join()
    assert increasing(frames)
    assert frames[-1].time - frames[2].time == pytest.approx(0.9, abs=0.3)


def test_a_missing_device_is_waited_for() -> None:
    with live("/dev/video-none") as source:
        until(source, lambda: source.state == "waiting")
        assert source.problem == (
            "/dev/video-none: there is no such device; check that the camera is plugged in."
        )


@pytest.mark.parametrize("uri", ["clip.mp4", "file:///clip.mp4", "ftp://me:secret@host/left", ""])
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(
        SourceError, match=r"is no live camera; give an rtsp:// address or /dev/video0\.$"
    ) as caught:
        LiveSource(camera="left", uri=uri)
    assert "secret" not in str(caught.value)


def test_a_bug_in_the_thread_reaches_the_owner(server: RtspServer, monkeypatch: pytest.MonkeyPatch) -> None:
    source = live(server.url("left"))
    monkeypatch.setattr(source, "_pictures", None)
    source.__enter__()
    with pytest.raises(AttributeError):
        take(source, 1)
    with pytest.raises(AttributeError):
        source.__exit__(None, None, None)


def test_pauses_grow_and_are_repeatable() -> None:
    def pauses(seed: int) -> list[float]:
        source = LiveSource(camera="a", uri="rtsp://host", retry_min_s=0.5, retry_max_s=15, seed=seed)
        return [source._pause_s(failures) for failures in (0, 1, 2, 5, 1000)]

    assert pauses(1) == pauses(1) != pauses(2)
    for pause, most in zip(pauses(1), [0.5, 1, 2, 15, 15], strict=True):
        assert most / 2 <= pause <= most
