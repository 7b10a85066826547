"""How a process that runs for months keeps its memory."""

from __future__ import annotations

import subprocess
import sys

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
