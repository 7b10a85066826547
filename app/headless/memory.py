"""A process that runs for months beside its threads: how its memory is kept from growing."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from app.pipeline import Status
from tracker.types import Result

GIVE_BACK_EVERY_S = 60.0

_M_ARENA_MAX = -8  # of malloc.h


def share_arenas(most: int = 2) -> None:
    """Lets all threads share a few of glibc's arenas. To be called before there are any.

    By itself every thread gets one of its own, of which little is returned: a camera's grew to some 20 MB
    with its reconnections, and there is a thread a camera. Another C library is left as it is.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, most)


def forget_the_loaded() -> None:
    """Takes what was loaded so far out of the garbage collector's sight. To be called when all is loaded.

    Python looks through everything only when a quarter as much again has come: beside the million objects of
    the networks' libraries, next to never. Each lost connection leaves a decoder in a ring of references
    (PyAV's), a third of a megabyte of a small stream, that only such a look finds.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # from now on all that has come since is what there is


class GiveBack:
    """A view that shows nothing: now and then it gives back to the system what the C library keeps of freed
    memory. That was a sixth of the whole after twenty minutes of sixteen cameras, and went on growing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def show(self, results: Sequence[Result], status: Status) -> None:
        if self._clock() - self._last >= GIVE_BACK_EVERY_S:
            self._last = self._clock()
            give_back()


def give_back() -> None:
    """Takes some milliseconds. Another C library than glibc is left to itself."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
