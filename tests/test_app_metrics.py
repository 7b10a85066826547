"""The metrics by real requests over HTTP."""

from __future__ import annotations

import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config import ConfigError
from app.headless import metrics
from app.headless.metrics import Monitor, MonitorServer
from app.passage import Passage
from app.pipeline import CameraStatus, Status
from tracker.types import Frame, Result


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def status(*states: str) -> Status:
    cameras = [
        CameraStatus(
            f'cam"{n}', state, frames=80, dropped=20, received=101, latency_s=0.25, reconnects=n, people=3
        )
        for n, state in enumerate(states, 1)
    ]
    return Status(12.5, 6, tuple(cameras), None, {"detect": 7.5, "embed": 2.0}, queued=4)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """(name, label values ...) -> value, by Prometheus's own reader."""
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_what_prometheus_reads() -> None:
    monitor = Monitor()
    with MonitorServer(monitor, address="0") as server:
        assert server.url.startswith("http://127.0.0.1:")
        before = samples(get(server.url + "/metrics")[1])
        monitor.show([], status("playing", "waiting"))
        found = samples(get(server.url + "/metrics")[1])
    assert not [name for name in before if name[0].startswith("sightline")]
    expected = {
        ("sightline_uptime_seconds",): 12.5,
        ("sightline_identities",): 6,
        ("sightline_storage_queue",): 4,
        ("sightline_stage_seconds_total", "detect"): 7.5,
        ("sightline_stage_seconds_total", "embed"): 2.0,
        ("sightline_frames_received_total", 'cam"1'): 101,
        ("sightline_frames_processed_total", 'cam"1'): 80,
        ("sightline_frames_dropped_total", 'cam"1'): 20,
        ("sightline_camera_reconnects_total", 'cam"2'): 2,
        ("sightline_camera_people", 'cam"1'): 3,
        ("sightline_camera_latency_seconds", 'cam"1'): 0.25,
        ("sightline_camera_state", 'cam"1', "playing"): 1,
        ("sightline_camera_state", 'cam"1', "waiting"): 0,
        ("sightline_camera_state", 'cam"2', "waiting"): 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert found[("process_resident_memory_bytes",)] > 1e6


def test_how_latencies_and_their_parts_are_spread() -> None:
    def result(camera: str) -> Result:
        return Result(Frame(camera, 0, 0.0, np.zeros((2, 2, 3), np.uint8)), ())

    monitor = Monitor()
    for _ in range(3):
        monitor.show([result('cam"1')], status("playing", "playing"))
    monitor.show([], status("playing", "playing"))
    monitor.passed(Passage("hall", 0, 0.0, {"way": 0.25, "commit": 0.75}))
    with MonitorServer(monitor, address="0") as server:
        found = samples(get(server.url + "/metrics")[1])
    expected = {
        ("sightline_latency_seconds_count", 'cam"1'): 3,
        ("sightline_latency_seconds_sum", 'cam"1'): 0.75,
        ("sightline_latency_seconds_bucket", 'cam"1', "0.2"): 0,
        ("sightline_latency_seconds_bucket", 'cam"1', "0.3"): 3,
        ("sightline_frame_part_seconds_sum", "way"): 0.25,
        ("sightline_frame_part_seconds_sum", "commit"): 0.75,
        ("sightline_frame_whole_seconds_sum",): 1.0,
        ("sightline_frame_whole_seconds_count",): 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert ("sightline_latency_seconds_count", 'cam"2') not in found


def test_a_camera_that_is_away_has_no_latency() -> None:
    monitor = Monitor()
    monitor.show([], Status(1.0, 0, (CameraStatus("hall", "waiting"),), None, {}))
    with MonitorServer(monitor, address="127.0.0.1:0") as server:
        found = samples(get(server.url + "/metrics")[1])
    assert ("sightline_camera_latency_seconds", "hall") not in found


def test_health_and_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = Monitor()
    with MonitorServer(monitor, address="0") as server:
        assert get(server.url + "/healthz") == (200, "ok\n")
        assert get(server.url + "/readyz") == (503, "the networks are being loaded\n")
        monitor.show([], status("waiting", "connecting"))
        assert get(server.url + "/healthz") == (200, "ok\n")
        assert get(server.url + "/readyz") == (503, "no camera plays\n")
        monitor.show([], status("waiting", "playing"))
        assert get(server.url + "/readyz?verbose") == (200, "ok\n")
        monkeypatch.setattr(metrics, "STALLED_S", 0.05)
        time.sleep(0.1)
        for path in ("/healthz", "/readyz"):
            code, words = get(server.url + path)
            assert code == 503
            assert "stuck" in words
        monitor.show([], status("playing"))
        assert get(server.url + "/healthz")[0] == 200


def test_other_paths_and_methods() -> None:
    with MonitorServer(Monitor(), address="0") as server:
        assert get(server.url + "/") == (404, "/metrics, /healthz, /readyz\n")
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
        connection.request("HEAD", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.getheader("Content-Length")) == (200, b"", "3")
        connection.request("POST", "/metrics", b"x")
        assert connection.getresponse().status == 501
        connection.close()


def test_clients_who_hang_hold_nothing_up() -> None:
    with MonitorServer(Monitor(), address="0") as server:
        host, port = server.url.removeprefix("http://").split(":")
        mute = [socket.create_connection((host, int(port))) for _ in range(5)]
        mute[0].sendall(b"GET /metr")
        gone = socket.create_connection((host, int(port)))
        gone.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        gone.close()
        assert get(server.url + "/healthz") == (200, "ok\n")
        began = time.monotonic()
    assert time.monotonic() - began < 1
    for client in mute:
        client.close()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_flood_of_clients_takes_no_more_than_a_few_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_TALK_S", 0.8)
    with MonitorServer(Monitor(), address="0") as server:
        host, port = server.url.removeprefix("http://").split(":")
        before = _descriptors()
        mute = [socket.create_connection((host, int(port))) for _ in range(100)]
        time.sleep(0.4)
        assert _descriptors() <= before + len(mute) + metrics._MOST_CLIENTS
        time.sleep(1.0)  # those who were let in have had their time
        assert get(server.url + "/healthz") == (200, "ok\n")
        for client in mute:
            client.close()


def test_a_client_who_sends_a_byte_now_and_then_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_TALK_S", 0.6)
    with MonitorServer(Monitor(), address="0") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            begun = time.monotonic()
            with suppress(OSError):
                for byte in b"GET /metrics HTTP/1.0\r\nX: " + 100 * b"y":
                    client.send(bytes([byte]))
                    time.sleep(0.1)
            assert time.monotonic() - begun < 3.0


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:9464", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("evil.example", 403),
        ("evil.example:1", 403),
    ],
)
def test_on_loopback_only_this_machines_names_are_answered(host: str, code: int) -> None:
    """A page whose name was made to lead to loopback reads nothing."""
    with MonitorServer(Monitor(), address="0") as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
        connection.request("GET", "/metrics", headers={"Host": host})
        assert connection.getresponse().status == code
        connection.close()


def test_a_bug_in_a_request_is_raised_by_the_owner() -> None:
    class Broken(Monitor):
        def readiness(self) -> str:
            raise ZeroDivisionError

    server = MonitorServer(Broken(), address="0").__enter__()
    with pytest.raises(http.client.RemoteDisconnected):
        get(server.url + "/readyz")
    assert get(server.url + "/healthz")[0] == 200
    with pytest.raises(ZeroDivisionError):
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    "address", ["", "localhost", ":9464", "127.0.0.1:", "127.0.0.1:99999", "rtsp://me:secret@h/x"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError, match="--metrics: expected HOST:PORT or PORT") as caught:
        MonitorServer(Monitor(), address=address)
    assert "secret" not in str(caught.value)


def test_an_address_that_can_not_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ConfigError, match="Address already in use"),
            MonitorServer(Monitor(), address=address),
        ):
            pass
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:9464 can't be had"):
        MonitorServer(Monitor(), address="192.0.2.1:9464").__enter__()


def test_ipv6_loopback() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        address = "127.0.0.1:0"  # a machine without IPv6
    else:
        address = "[::1]:0"
    with MonitorServer(Monitor(), address=address) as server:
        assert get(server.url + "/healthz") == (200, "ok\n")
