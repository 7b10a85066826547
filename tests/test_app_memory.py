"""How a process that runs for months keeps its memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import weakref
from collections import deque
from app.headless.memory import forget_the_loaded, share_arenas

class Ring: pass

def unfound():
    '''How many dead rings of references there are at most, of which some twenty live at a time.'''
    lasting, found, most = deque(maxlen=20), [], 0
    for number in range(1, 301):
        ring = Ring()
        ring.me = ring
        weakref.finalize(ring, found.append, number)
        lasting.append(ring)
        del ring
        for _ in range(10):
            passing = [[k] for k in range(1000)]
        most = max(most, number - len(found) - len(lasting))
    return most

share_arenas()
loaded = [[n] for n in range(1_000_000)]
before = unfound()
forget_the_loaded()
print(before, unfound())
"""


def test_lost_connections_are_found_beside_a_million_loaded_objects() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after <= 40
    assert before > 2 * after


FREED = """
import sys
from app.headless.memory import GIVE_BACK_EVERY_S, GiveBack, share_arenas

def resident_mb():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

share_arenas()
now = [0.0]
view = GiveBack(lambda: now[0])
kept, freed = [], []
for _ in range(2000):  # what is freed lies between what stays
    freed.append(bytearray(100_000))
    kept.append(bytearray(1000))
freed.clear()
before = resident_mb()
view.show([], None)
early = resident_mb()
now[0] = GIVE_BACK_EVERY_S
view.show([], None)
print(before, early, resident_mb())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_was_freed_is_given_back_once_a_minute() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    before, early, after = map(float, done.stdout.split())
    assert early == pytest.approx(before, abs=5.0)
    assert after < before - 100.0


LASTING = """
import gc, weakref
from app.loading import loading

class Ring: pass

def ring():
    one = Ring()
    one.me = one
    return weakref.ref(one)

gc.disable()
before = ring()
with loading():
    loaded = [[n] for n in range(100_000)]
assert before() is None, "what was lost before would be kept for good"
assert gc.get_freeze_count() >= 100_000
later = ring()
gc.collect()
assert later() is None
try:
    with loading():
        raise OSError("no network there")
except OSError:
    assert gc.isenabled()
"""


def test_what_is_loaded_is_not_looked_through_for_garbage_and_what_comes_later_is() -> None:
    subprocess.run([sys.executable, "-c", LASTING], check=True)
