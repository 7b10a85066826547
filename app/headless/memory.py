"""A process that runs for months beside its threads: how its memory is kept from growing."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # of malloc.h


def share_arenas(most: int = 2) -> None:
    """Lets all threads share a few of glibc's arenas. To be called before there are any.

    By itself every thread gets one of its own, of which little is returned: a camera's grew to some 20 MB
    with its reconnections, and there is a thread a camera. Another C library is left as it is.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, most)
