"""A real RTSP server on loopback (GStreamer's), which serves files as cameras and can be killed and stalled.

Run as a program (by the system's Python, which has GStreamer's bindings) it is the server; imported it is
`RtspServer`, which starts that program and ends it:

    with RtspServer({"left": clip}) as server:
        LiveSource(camera="left", uri=server.url("left"))
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

SYSTEM_PYTHON = "/usr/bin/python3"
PACKAGES = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)
_START_S = 20.0
_END_S = 5.0


class RtspServer:
    """Serves each H.264 .mp4 or .ts, or H.265 .h265.mp4, under its name, from its beginning to each client,
    as fast as it plays.

    login: (user, password) that clients must give (basic authentication), else none. udp_only: it sends
    nothing over TCP. Clips and login may be changed, for the server that restart() begins. Without GStreamer
    the test is skipped, or failed where the environment variable CI is set.
    """

    def __init__(
        self, clips: dict[str, Path], *, login: tuple[str, str] | None = None, udp_only: bool = False
    ) -> None:
        self.clips = dict(clips)
        self.login = login
        self.udp_only = udp_only
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        _require_gstreamer()
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def url(self, name: str, *, login: str = "") -> str:
        """The address of a clip. login: `user:password` to put into it."""
        return f"rtsp://{login}{'@' if login else ''}127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        """At once, without a word to the clients."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=_END_S)
            self._process = None

    def restart(self) -> None:
        """A new server on the port of the one before."""
        self.kill()
        clips = {name: str(path) for name, path in self.clips.items()}
        setting = json.dumps({"clips": clips, "login": self.login, "port": self.port, "udp": self.udp_only})
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, __file__, setting],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": ""},
        )
        self.port = self._bound_port(self._process)

    def stall(self) -> None:
        """It stays connected, and sends no more."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _bound_port(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _START_S)
        said = process.stdout.readline() if ready else ""
        if not said.strip().isdigit():
            process.kill()
            _, errors = process.communicate(timeout=_END_S)
            raise RuntimeError(f"the RTSP server did not start: {errors.strip()}")
        return int(said)


def _require_gstreamer() -> None:
    if _lacks_gstreamer():
        import pytest

        reason = f"no GStreamer RTSP server for {SYSTEM_PYTHON}; install {PACKAGES}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def _lacks_gstreamer() -> bool:
    if not Path(SYSTEM_PYTHON).exists():
        return True
    code = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer;"
        "Gst.init(None); assert all(map(Gst.ElementFactory.find, "
        "('filesrc', 'qtdemux', 'tsdemux', 'h264parse', 'rtph264pay', 'h265parse', 'rtph265pay')))"
    )
    command = [SYSTEM_PYTHON, "-c", code]
    return subprocess.run(command, capture_output=True, timeout=_START_S, check=False).returncode != 0


def serve(setting: dict[str, Any]) -> None:
    """Prints the port and serves until killed."""
    import gi  # type: ignore[import-not-found]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(setting["port"]))
    for name, path in setting["clips"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        chain = "qtdemux ! rtph264pay name=pay0"
        if path.endswith(".h265.mp4"):
            chain = "qtdemux ! h265parse ! rtph265pay name=pay0"
        if path.endswith(".ts"):  # the size may change: it is told again with every key frame
            chain = "tsdemux ! h264parse ! rtph264pay name=pay0 config-interval=-1"
        factory.set_launch(f'( filesrc location="{path}" ! {chain} )')
        if setting["udp"]:
            gi.require_version("GstRtsp", "1.0")
            from gi.repository import GstRtsp  # type: ignore[import-not-found]

            factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
        if setting["login"]:
            _protect(GstRtspServer, factory)
        server.get_mount_points().add_factory(f"/{name}", factory)
    if setting["login"]:
        server.set_auth(_basic_login(GstRtspServer, *setting["login"]))
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _protect(library: Any, factory: Any) -> None:
    permissions = library.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def _basic_login(library: Any, user: str, password: str) -> Any:
    token = library.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = library.RTSPAuth()
    auth.add_basic(library.RTSPAuth.make_basic(user, password), token)
    return auth


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
