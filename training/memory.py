"""Whether a training fits, said before or when it does not; and how a CPU's is kept between its steps."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from training.errors import TrainingError

REFUSED = "can't allocate memory"  # how torch begins to say so for a CPU
GIB = 2**30

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of malloc.h
_USUAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 128 * 1024, _TRIM_THRESHOLD: 128 * 1024}  # glibc begins with


def expect_room(needed: int, device: torch.device, *, free: int | None = None) -> None:
    """Raises TrainingError where the device has fewer bytes free than needed. free: what it has, if known."""
    has = free_bytes(device) if free is None else free
    if has is not None and needed > has:
        raise TrainingError(
            f"The pictures need {needed / GIB:.1f} GiB of memory and {device} has {has / GIB:.1f} GiB free: "
            "set a smaller height and width, or close other programs."
        )


def free_bytes(device: torch.device) -> int | None:
    """Of the device, or none where that is not told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    told = Path("/proc/meminfo")
    if not told.exists():
        return None
    lines = (line.split() for line in told.read_text(encoding="utf-8").splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), None)


@contextmanager
def said_clearly() -> Iterator[None]:
    """Turns what Python and torch raise where memory runs out into TrainingError."""
    try:
        yield
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        raise _too_little() from error
    except RuntimeError as error:
        if REFUSED not in str(error):
            raise
        raise _too_little() from error


@contextmanager
def kept_memory() -> Iterator[None]:
    """While it lasts the C library keeps freed memory for the next step of a training on a CPU.

    By itself glibc hands every large block back and asks for it again, and the system clears each page anew
    (benchmarks/training_step.py tells what that costs). Another C library is left as it is.
    """
    _tell_malloc({_MMAP_MAX: 0, _TRIM_THRESHOLD: -1})
    try:
        yield
    finally:
        _tell_malloc(_USUAL)
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _tell_malloc(settings: Mapping[int, int]) -> None:
    for setting, value in settings.items():
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).mallopt(setting, value)


def _too_little() -> TrainingError:
    return TrainingError("Memory ran out: set fewer persons a batch, or a smaller height and width.")
