"""What is loaded once, libraries and networks, stays: looking through it for garbage finds nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """What is there at the end of it is never looked through for garbage again; before it that is done.

    Such a look at the libraries of networks holds all threads of a program for a tenth of a second, that of
    its window, too.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
