"""An RTSP server whose pictures carry the moment they were taken, burnt into their upper left corner.

Run as a program (by the system's Python, which has GStreamer's bindings) it encodes and serves raw pictures
as live cameras do; imported it tells how the moment is written and read. Its one argument is JSON: pictures
(a file of raw I420), size (width, height), fps, names (of the streams), log (a file to write).

It prints its port. Each line of the log: name, the moment burnt in (microseconds since the epoch), and when
(the same) a packet of the picture was encoded and handed to the network.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

BLOCK = 8
BITS, ROWS = 52, 4
"""A moment is 52 bits, lowest first, in blocks of 8 by 8 pixels, black or white, in four rows of thirteen."""


def burn(luma: bytearray, width: int, moment_us: int) -> None:
    """Writes the moment into a plane of luma, in place."""
    for bit in range(BITS):
        row, column = divmod(bit, BITS // ROWS)
        value = bytes([235 if moment_us >> bit & 1 else 16]) * BLOCK
        for y in range(row * BLOCK, (row + 1) * BLOCK):
            start = y * width + column * BLOCK
            luma[start : start + BLOCK] = value


def read(image: Any) -> int:
    """The moment in a picture, (H, W, 3) uint8."""
    moment_us = 0
    for bit in range(BITS):
        row, column = divmod(bit, BITS // ROWS)
        block = image[row * BLOCK + 2 : row * BLOCK + 6, column * BLOCK + 2 : column * BLOCK + 6]
        moment_us |= int(block.mean() > 127) << bit
    return moment_us


class Camera:
    """Takes the pictures of one stream in a thread, encodes them, and notes when each was sent."""

    def __init__(self, name: str, setting: dict[str, Any], note: Any) -> None:
        self._name, self._note = name, note
        self._size, self._fps = setting["size"], setting["fps"]
        with open(setting["pictures"], "rb") as file:  # noqa: PTH123
            self._pictures = file.read()
        self._moments: dict[int, int] = {}

    def launch(self) -> str:
        width, height = self._size
        form = f"video/x-raw,format=I420,width={width},height={height},framerate={self._fps}/1"
        encoder = f"x264enc tune=zerolatency speed-preset=veryfast key-int-max={2 * self._fps} threads=1"
        return (
            f'( appsrc name=lens is-live=true format=time do-timestamp=true caps="{form}" '
            f"! {encoder} ! rtph264pay name=pay0 config-interval=-1 )"
        )

    def configured(self, factory: Any, media: Any) -> None:
        """A client came: the camera begins to film."""
        from gi.repository import Gst  # type: ignore[import-not-found]

        element = media.get_element()
        lens, payer = element.get_by_name("lens"), element.get_by_name("pay0")
        payer.get_static_pad("src").add_probe(
            Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, self._sent
        )
        threading.Thread(target=self._film, args=(lens,), daemon=True).start()

    def _film(self, lens: Any) -> None:
        from gi.repository import Gst

        width, height = self._size
        size = width * height * 3 // 2
        count, number, due = len(self._pictures) // size, 0, time.monotonic()
        while True:
            picture = bytearray(self._pictures[number % count * size :][:size])
            self._moment = round(time.time() * 1e6)
            burn(picture, width, self._moment)
            if lens.emit("push-buffer", Gst.Buffer.new_wrapped(bytes(picture))) != Gst.FlowReturn.OK:
                return
            number, due = number + 1, due + 1 / self._fps
            time.sleep(max(0.0, due - time.monotonic()))

    def _sent(self, pad: Any, info: Any) -> Any:
        """A packet leaves: of the picture that was taken last, for the encoder holds none back."""
        from gi.repository import Gst

        self._note(self._name, self._moment, round(time.time() * 1e6))
        return Gst.PadProbeReturn.OK


def serve(setting: dict[str, Any]) -> None:
    """Prints the port and serves until killed."""
    import gi  # type: ignore[import-not-found]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    log = open(setting["log"], "w", buffering=1)  # noqa: PTH123, SIM115
    for name in setting["names"]:
        camera = Camera(name, setting, lambda *values: print(*values, sep=",", file=log))
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(camera.launch())
        factory.set_shared(True)
        factory.connect("media-configure", camera.configured)
        server.get_mount_points().add_factory(f"/{name}", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
