"""A live run as other programs watch it: Prometheus metrics, /healthz and /readyz over HTTP."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.config import ConfigError
from app.headless.pace import Pace
from app.passage import Passage
from app.pipeline import CameraStatus, Status
from app.supervised import Supervised
from tracker.types import Result

STALLED_S = 30.0
"""A run that has shown nothing for so long is not healthy: even without cameras it does so every second."""

_STATES = ("connecting", "playing", "stalled", "frozen", "waiting", "ended")
_LATENCY = "From when the newest frame was filmed to its result; none while the camera is away."
_BUCKETS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
    *(1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0),
)
_TALK_S = 5.0  # how long a client may take for its request, and for reading the answer
_MOST_CLIENTS = 16  # at a time; who comes above that is hung up on
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Monitor(Collector):
    """A View that keeps the newest status, and tells it to Prometheus and to who asks how it is."""

    def __init__(self) -> None:
        self._shown: tuple[Status, float] | None = None
        self._pace = Pace()
        self._latency = _histogram("sightline_latency_seconds", "From filmed to its result.", "camera")
        self._parts = _histogram("sightline_frame_part_seconds", "The parts of its way to the disk.", "part")
        self._passing = threading.Lock()
        self._whole = _histogram("sightline_frame_whole_seconds", "From filmed to what it shows on disk.")

    def show(self, results: Sequence[Result], status: Status) -> None:
        self._pace.see(status)
        self._shown = status, time.monotonic()
        latency_s = {camera.name: camera.latency_s for camera in status.cameras} if results else {}
        for result in results:
            taken_s = latency_s.get(result.frame.camera)
            if taken_s is not None:
                self._latency.labels(result.frame.camera).observe(taken_s)

    def passed(self, passage: Passage) -> None:
        """A frame is on disk. May be called from another thread than the rest."""
        with self._passing:
            self._whole.observe(passage.whole_s)
            for part, taken_s in passage.parts.items():
                self._parts.labels(part).observe(taken_s)

    def health(self) -> str:
        """What is wrong, so that a restart may help; "" where nothing is."""
        if self._shown is None:
            return ""
        silent_s = time.monotonic() - self._shown[1]
        return f"the run has been stuck for {silent_s:.0f} s" if silent_s >= STALLED_S else ""

    def readiness(self) -> str:
        """Why nobody is tracked just now; "" where somebody could be."""
        if self._shown is None:
            return "the networks are being loaded"
        if not any(camera.state == "playing" for camera in self._shown[0].cameras):
            return "no camera plays"
        return self.health()

    def collect(self) -> Iterator[Metric]:
        """Called by Prometheus's library, in the thread of the one who asks."""
        if self._shown is not None:
            yield from _of_run(self._shown[0])
            yield from _of_cameras(self._shown[0].cameras)
            yield from _of_clocks(self._shown[0].cameras)
            yield from _of_recording(self._shown[0].cameras)
            yield from _of_load(self._pace)
            yield from self._latency.collect()
            with self._passing:  # so that the parts add up to the whole
                passages = [*self._parts.collect(), *self._whole.collect()]
            yield from passages


def _histogram(name: str, what: str, *labels: str) -> Histogram:
    return Histogram(name, what, labels, registry=None, buckets=_BUCKETS_S)


def _of_run(status: Status) -> Iterator[Metric]:
    yield GaugeMetricFamily("sightline_uptime_seconds", "Since the run began.", status.elapsed_s)
    yield GaugeMetricFamily("sightline_identities", "Different people met in this run.", status.identities)
    yield GaugeMetricFamily("sightline_storage_queue", "Tasks the database has yet to do.", status.queued)
    stages = CounterMetricFamily(
        "sightline_stage_seconds", "Spent in each stage of the line.", None, ["stage"]
    )
    for stage, spent_s in status.stages.items():
        stages.add_metric([stage], spent_s)
    yield stages
    waiting = "1 while something is wrong with the run itself, such as a history that can't be written."
    yield GaugeMetricFamily("sightline_trouble", waiting, float(bool(status.troubles)))


def _of_load(pace: Pace) -> Iterator[Metric]:
    overloaded = "1 while the machine can't keep up with its cameras."
    yield GaugeMetricFamily("sightline_overloaded", overloaded, float(pace.overloaded))
    share = "Of the frames of all cameras in the last seconds, 0 to 1."
    yield GaugeMetricFamily("sightline_dropped_share", share, pace.dropped_share)


def _of_clocks(cameras: Sequence[CameraStatus]) -> Iterator[Metric]:
    """None for a camera that tells no time of its own, or is not known well enough yet."""
    ahead = "The camera's clock less ours, less its least delay."
    offset = GaugeMetricFamily("sightline_camera_clock_offset_seconds", ahead, labels=["camera"])
    faster = "How much faster the camera's clock runs than ours, in millionths."
    drift = GaugeMetricFamily("sightline_camera_clock_drift_ppm", faster, labels=["camera"])
    jumps = CounterMetricFamily("sightline_camera_clock_jumps", "Its clock was set.", labels=["camera"])
    for camera in cameras:
        jumps.add_metric([camera.name], camera.clock_jumps)
        if camera.clock_offset_s is not None:
            offset.add_metric([camera.name], camera.clock_offset_s)
        if camera.clock_drift_ppm is not None:
            drift.add_metric([camera.name], camera.clock_drift_ppm)
    yield from (offset, drift, jumps)


def _of_recording(cameras: Sequence[CameraStatus]) -> Iterator[Metric]:
    """Of the cameras that are to be recorded."""
    kept = "1 while footage is kept, 0 while it can't be."
    on = GaugeMetricFamily("sightline_recording", kept, labels=["camera"])
    slow = "Packets the disk was too slow for."
    lost = CounterMetricFamily("sightline_packets_not_recorded", slow, labels=["camera"])
    for camera in cameras:
        if camera.recording not in ("", "off"):
            on.add_metric([camera.name], camera.recording == "on")
            lost.add_metric([camera.name], camera.not_recorded)
    yield from (on, lost)


def _of_cameras(cameras: Sequence[CameraStatus]) -> Iterator[Metric]:
    received = CounterMetricFamily("sightline_frames_received", "Frames decoded.", labels=["camera"])
    processed = CounterMetricFamily("sightline_frames_processed", "Gone through the line.", labels=["camera"])
    skipped = CounterMetricFamily("sightline_frames_skipped", "Of them, not detected in.", labels=["camera"])
    dropped = CounterMetricFamily("sightline_frames_dropped", "Replaced by newer ones.", labels=["camera"])
    damaged = CounterMetricFamily("sightline_frames_damaged", "Packets and pictures.", labels=["camera"])
    again = CounterMetricFamily("sightline_camera_reconnects", "Lost pictures come back.", labels=["camera"])
    people = GaugeMetricFamily("sightline_camera_people", "People in view.", labels=["camera"])
    latency = GaugeMetricFamily("sightline_camera_latency_seconds", _LATENCY, labels=["camera"])
    states = GaugeMetricFamily("sightline_camera_state", "1 for the present one.", labels=["camera", "state"])
    for camera in cameras:
        received.add_metric([camera.name], camera.received)
        processed.add_metric([camera.name], camera.frames)
        skipped.add_metric([camera.name], camera.skipped)
        dropped.add_metric([camera.name], camera.dropped)
        damaged.add_metric([camera.name], camera.damaged)
        again.add_metric([camera.name], camera.reconnects)
        people.add_metric([camera.name], camera.people)
        if camera.latency_s is not None:
            latency.add_metric([camera.name], camera.latency_s)
        for state in _STATES:
            states.add_metric([camera.name, state], camera.state == state)
    yield from (received, processed, skipped, dropped, damaged, again, people, latency, states)


class MonitorServer:
    """Serves a Monitor at /metrics, /healthz and /readyz. Use as a context manager; no thread outlives it.

    address: HOST:PORT, or PORT on loopback; port 0 takes any that is free, and `url` tells which. Raises
    ConfigError where the address is none or can't be had.
    """

    def __init__(self, monitor: Monitor, *, address: str) -> None:
        self._monitor = monitor
        self._host, self._port = _parted(address)

    def __enter__(self) -> Self:
        registry = CollectorRegistry()
        registry.register(self._monitor)
        ProcessCollector(registry=registry)
        try:
            self._server = _Server(self._host, self._port, self._monitor, registry)
        except OSError as error:
            raise ConfigError(
                f"--metrics: {self._host}:{self._port} can't be had ({error.strerror}); name another address."
            ) from None
        self._stop = threading.Event()
        self._thread = Supervised("the metrics server", self._serve, stop=self._stop)
        self._thread.start()
        return self

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.hang_up()
        with suppress(*([] if error is None else [Exception])):  # then the first error is the one to tell
            self._thread.join()
            self._server.server_close()
            self._server.check()

    @property
    def trouble(self) -> str:
        """What it failed with lately; "" where it serves."""
        return self._thread.trouble

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.server_address[1]}"


def _parted(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535 or (colon and not host):
        raise ConfigError("--metrics: expected HOST:PORT or PORT, such as 127.0.0.1:9464 or 9464.")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _is_loopback(host: str) -> bool:
    return host in _LOOPBACK or host.startswith("127.")


class _Server(ThreadingHTTPServer):
    """Knows its open connections: they are few, and none lasts for longer than a request may take."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, monitor: Monitor, registry: CollectorRegistry) -> None:
        self.monitor = monitor
        self.registry = registry
        self.names = frozenset({host, *_LOOPBACK}) if _is_loopback(host) else None
        self._open: dict[socket.socket, float] = {}
        self._changing = threading.Lock()
        self._failure: BaseException | None = None
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._changing:
            return len(self._open) < _MOST_CLIENTS

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changing:
            self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Several times a second: a client that sends a byte now and then is let go all the same."""
        now = time.monotonic()
        with self._changing:
            for connection, since in self._open.items():
                if now - since > _TALK_S:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        with self._changing:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_bind(self) -> None:
        """Without asking the network for this machine's name, as HTTPServer would."""
        TCPServer.server_bind(self)

    def hang_up(self) -> None:
        with self._changing:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Raises what a request has failed with, if one has."""
        if self._failure is not None:
            raise self._failure

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Called in the thread of a request that failed. A client who went away is no failure of ours."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self._failure = error


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TALK_S

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if not self._is_meant():
            self._answer(HTTPStatus.FORBIDDEN, b"not for this host\n", "text/plain; charset=utf-8")
        elif path == "/metrics":
            self._answer(HTTPStatus.OK, generate_latest(self.server.registry), CONTENT_TYPE_LATEST)
        elif path in ("/healthz", "/readyz"):
            monitor = self.server.monitor
            trouble = monitor.health() if path == "/healthz" else monitor.readiness()
            status = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
            self._answer(status, f"{trouble or 'ok'}\n".encode(), "text/plain; charset=utf-8")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"/metrics, /healthz, /readyz\n", "text/plain; charset=utf-8")

    def _is_meant(self) -> bool:
        """On loopback, whether it was asked for by a name of this machine: else it is a page's trick, whose
        own name was made to lead here. Who names no host is no browser.
        """
        told = self.headers.get("Host")
        if told is None or self.server.names is None:
            return True
        host = told[1:].partition("]")[0] if told.startswith("[") else told.partition(":")[0]
        return host.lower() in self.server.names

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not logged."""
