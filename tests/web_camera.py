"""Cameras over HTTP on loopback: HLS that grows as time goes on, single JPEGs, lists that lead elsewhere."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
from clips import picture

Answer = tuple[int, str, bytes]
"""Status, content type and body."""


class WebServer:
    """Answers each path (without its query) by a function, in threads; counts how often each was asked."""

    def __init__(self, answers: dict[str, Callable[[], Answer]]) -> None:
        self.asked: dict[str, int] = {}
        self.headers: list[str | None] = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                owner.asked[path] = owner.asked.get(path, 0) + 1
                owner.headers.append(self.headers.get("Authorization"))
                status, kind, body = answers.get(path, lambda: (404, "text/plain", b""))()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="web")

    def url(self, path: str, *, login: str = "") -> str:
        return f"http://{login}{'@' if login else ''}127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Hls:
    """A live playlist of segments, each there once it is over; the first three are there at the beginning."""

    def __init__(self, folder: Path, *, segments: int, segment_s: int = 1, fps: int = 10) -> None:
        self.segment_s = segment_s
        self._bodies = [
            _segment(folder / f"{k}.ts", first=k * segment_s * fps, count=segment_s * fps, fps=fps)
            for k in range(segments)
        ]
        self._began = time.monotonic()

    def begin(self) -> None:
        """Now is when the third segment has ended."""
        self._began = time.monotonic()

    def answers(self) -> dict[str, Callable[[], Answer]]:
        bodies = {f"/{k}.ts": self._body(k) for k in range(len(self._bodies))}
        return {"/live.m3u8": self._playlist, **bodies}

    def _body(self, number: int) -> Callable[[], Answer]:
        return lambda: (200, "video/mp2t", self._bodies[number])

    def _playlist(self) -> Answer:
        there = min(3 + int((time.monotonic() - self._began) / self.segment_s), len(self._bodies))
        first = max(0, there - 5)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{self.segment_s}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
        ]
        for number in range(first, there):
            lines += [f"#EXTINF:{self.segment_s}.0,", f"{number}.ts"]
        return 200, "application/vnd.apple.mpegurl", "\n".join([*lines, ""]).encode()


def _segment(path: Path, *, first: int, count: int, fps: int) -> bytes:
    """MPEG-TS whose timestamps go on from the segment before."""
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "tune": "zerolatency"}
        )
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", count
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(first, first + count):
            image = av.VideoFrame.from_ndarray(picture(number, width=160, height=120), "bgr24")
            image.pts, image.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(image.reformat(format="yuv420p")))
        container.mux(stream.encode())
    return path.read_bytes()


def jpeg(number: int) -> Answer:
    """A single picture."""
    return 200, "image/jpeg", cv2.imencode(".jpg", picture(number, width=160, height=120))[1].tobytes()
