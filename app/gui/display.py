"""Whether a window can be shown here. Qt itself ends the whole program where it can't."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.output.place import OutputError


class DisplayError(OutputError):
    """A window can't be shown here: one sentence, what to do."""


@contextmanager
def checked_display() -> Iterator[None]:
    """Within it, Qt can connect. Raises DisplayError where its plug-in can't be loaded or no display answers.

    Looks at X11 only: other platforms named by QT_QPA_PLATFORM are taken at their word. A connection of
    our own is held meanwhile, because some displays start anew once the last one is closed.
    """
    wayland = "WAYLAND_DISPLAY" in os.environ and "DISPLAY" not in os.environ
    platform = os.environ.get("QT_QPA_PLATFORM", "wayland" if wayland else "xcb")
    if not sys.platform.startswith("linux") or platform != "xcb":
        yield
        return
    if "DISPLAY" not in os.environ:
        raise DisplayError(
            "There is no display to open a window on (DISPLAY is not set); "
            "use 'sightline run' here, or connect with 'ssh -X'."
        )
    _load_plugin()
    with _connection():
        yield


def _load_plugin() -> None:
    import PyQt5

    folder = Path(PyQt5.__file__).parent / "Qt5" / "plugins" / "platforms"
    plugin = folder / "libqxcb.so"
    if not plugin.exists():  # a distribution's own PyQt5 keeps it elsewhere
        return
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        library = str(error).split(":")[0]
        raise DisplayError(
            f"Qt's window plug-in can't be loaded because {library} is missing; install it: on Debian and "
            "Ubuntu 'apt install libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 "
            "libxcb-shape0 libxcb-xinerama0 libxkbcommon-x11-0 libgl1 libegl1'."
        ) from error


@contextmanager
def _connection() -> Iterator[None]:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:  # Qt brings its own then
        yield
        return
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    try:
        if xcb.xcb_connection_has_error(connection):
            raise DisplayError(
                f"The display {os.environ['DISPLAY']} does not answer; "
                "check DISPLAY, or use 'sightline run' here."
            )
        yield
    finally:
        xcb.xcb_disconnect(connection)
