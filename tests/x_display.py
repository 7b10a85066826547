"""A real X display without a window manager, for the tests of the window."""

from __future__ import annotations

import os
import subprocess

SCREEN = "1920x1200x24"


def start_display(*more: str) -> tuple[subprocess.Popen[bytes], str]:
    """The server and what DISPLAY is to be. -terminate, in ``more``: it ends once the last window is gone."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-nolisten", "tcp", *more],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as answer:
        return server, f":{answer.readline().strip()}"
