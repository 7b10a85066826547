"""Addresses without their secrets, and pictures turned by hand-made display matrices."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from app.sources.ffmpeg import upright
from app.sources.passwords import redact

ONE = 1 << 16  # 1.0 in the 16.16 fixed point of display matrices


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://host/live", "rtsp://host/live"),
        ("rtsp://me:secret@host:554/live?channel=1", "rtsp://host:554/live?channel=1"),
        ("rtsp://me:s@cret@host/live", "rtsp://host/live"),
        ("rtsp://me:s/cret@host/live", "rtsp://host/live"),
        ("rtsp://me:secret@[::1]:554/live", "rtsp://[::1]:554/live"),
        ("rtsp://[::1]:554/live@2", "rtsp://[::1]:554/live@2"),
        ("rtsp://host/live@2", "rtsp://host/live@2"),
        ("http://host/video?user=me&pwd=secret&fps=5", "http://host/video?user=me&pwd=***&fps=5"),
        ("rtsp://host/user=me_password=secret_channel=1", "rtsp://host/user=me_password=***_channel=1"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_credentials_are_not_shown(uri: str, shown: str) -> None:
    assert redact(uri) == shown


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "rows"),
    [
        # A pixel at (x, y) is shown at (a x + c y, b x + d y). Stored is [[1, 2, 3], [4, 5, 6]].
        (1, 0, 0, 1, [[1, 2, 3], [4, 5, 6]]),
        (0, 1, -1, 0, [[4, 1], [5, 2], [6, 3]]),  # clockwise
        (-1, 0, 0, -1, [[6, 5, 4], [3, 2, 1]]),
        (0, -1, 1, 0, [[3, 6], [2, 5], [1, 4]]),  # counterclockwise
        (-1, 0, 0, 1, [[3, 2, 1], [6, 5, 4]]),  # mirrored
        (1, 0, 0, -1, [[4, 5, 6], [1, 2, 3]]),  # upside down
        (0, 1, 1, 0, [[1, 4], [2, 5], [3, 6]]),
        (0, -1, -1, 0, [[6, 3], [5, 2], [4, 1]]),
    ],
)
def test_upright(a: int, b: int, c: int, d: int, rows: list[list[int]]) -> None:
    stored = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    image = np.stack([stored, stored + 10, stored + 20], axis=2)
    matrix = struct.pack("=9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    turned = upright(image, matrix)
    assert turned.flags.c_contiguous
    assert turned[..., 0].tolist() == rows
    assert (turned - turned[..., :1] == [0, 10, 20]).all()
