"""Faults at random moments: every recorder has a thread that breaks it, waits, and mends it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from live_parts.site import Recorder

TRIES = 10
"""Of mending a recorder."""

CLOCKS_S = (-3600.0, -3.0, -0.3, 0.3, 3.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One that was. began, ended: seconds since the soak began."""

    recorder: str
    kind: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class _Kind:
    """spoil, mend: what they do to a recorder. hold_s: how long it lasts, from and to."""

    spoil: Callable[[Recorder, random.Random], object]
    mend: Callable[[Recorder], object]
    hold_s: tuple[float, float]


def _restart(recorder: Recorder) -> None:
    recorder.server.restart()
    recorder.proxy.target = recorder.server.port


def _refuse(recorder: Recorder) -> None:
    recorder.proxy.refusing = True
    recorder.proxy.cut()


def _proxy(
    **values: float,
) -> tuple[Callable[[Recorder, random.Random], object], Callable[[Recorder], object]]:
    """Sets attributes of the proxy, and sets them back to nothing."""
    return (
        lambda recorder, dice: vars(recorder.proxy).update(values),
        lambda recorder: vars(recorder.proxy).update(
            {name: type(value)(0) for name, value in values.items()}
        ),
    )


KINDS: dict[str, _Kind] = {
    "server killed": _Kind(lambda r, dice: r.server.kill(), _restart, (2.0, 8.0)),
    "server stalled": _Kind(lambda r, dice: r.server.stall(), lambda r: r.server.resume(), (3.0, 12.0)),
    "connections cut": _Kind(lambda r, dice: r.proxy.cut(), lambda r: None, (0.0, 0.0)),
    "connections refused": _Kind(
        lambda r, dice: _refuse(r), lambda r: setattr(r.proxy, "refusing", False), (2.0, 8.0)
    ),
    "black hole": _Kind(*_proxy(silent=True), (3.0, 12.0)),
    "packets damaged": _Kind(*_proxy(damage=0.3), (5.0, 15.0)),
    "packets lost, jitter": _Kind(*_proxy(loss=0.02, jitter_s=0.05), (5.0, 20.0)),
    "network too slow": _Kind(*_proxy(bytes_per_s=4000.0), (5.0, 15.0)),
    "clock set, and back": _Kind(
        lambda r, dice: setattr(r.proxy, "clock_s", dice.choice(CLOCKS_S)),
        lambda r: setattr(r.proxy, "clock_s", 0.0),
        (5.0, 20.0),
    ),
}


@dataclass(slots=True)
class Faults:
    """What was done. Shared by the threads; appending is safe."""

    done: list[Fault] = field(default_factory=list)


def _mend(kind: _Kind, recorder: Recorder) -> None:
    """On a machine that has too much to do a server may not be there in time: once more, then."""
    for _ in range(TRIES - 1):
        with suppress(RuntimeError):
            kind.mend(recorder)
            return
    kind.mend(recorder)


@contextmanager
def faults(recorders: Sequence[Recorder], *, every_s: float, seed: int, until_s: float) -> Iterator[Faults]:
    """Breaks the recorders, on average one in every_s seconds, for until_s; all is mended after."""
    told, stop, began = Faults(), threading.Event(), time.monotonic()

    def spoil(recorder: Recorder, dice: random.Random) -> None:
        pause_s = every_s * len(recorders)
        while not stop.wait(dice.uniform(0.2, 1.8) * pause_s):
            name = dice.choice(list(KINDS))
            kind, since = KINDS[name], time.monotonic() - began
            hold_s = dice.uniform(*kind.hold_s)
            if since + hold_s > until_s:
                return
            kind.spoil(recorder, dice)
            stop.wait(hold_s)
            _mend(kind, recorder)
            told.done.append(Fault(recorder.name, name, since, time.monotonic() - began))

    with ThreadPoolExecutor(len(recorders), "faults") as pool:
        works = [pool.submit(spoil, r, random.Random(f"{seed} {r.name}")) for r in recorders]
        try:
            yield told
        finally:
            stop.set()
        for work in works:
            work.result()
