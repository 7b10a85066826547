"""What a command costs: seconds of processors and of the clock on the wall."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.weights.assets import cache_folder


@dataclass(frozen=True, slots=True)
class Cost:
    """cpu_s: user and system time of the process and its children. out: what it printed."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    out: str = ""


def cost_of(command: Sequence[Any], *, environ: Mapping[str, str] | None = None) -> Cost:
    """Runs it to its end. CPU seconds are those to compare: other work on the machine hardly moves them.

    Python keeps what it compiled, as it does for users, be that turned off here. Raises CalledProcessError,
    and prints what it said last, where it fails.
    """
    words = [str(word) for word in command]
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(cache_folder() / "benchmarks" / "pyc")}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as trouble:
        began = time.perf_counter()
        process = subprocess.Popen(
            words, stdout=out, stderr=trouble, env={**os.environ, **kept, **(environ or {})}, text=True
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - began
        out.seek(0)
        trouble.seek(0)
        said = out.read()
        if process.returncode:
            print(trouble.read()[-2000:])
            raise subprocess.CalledProcessError(process.returncode, words, said)
    return Cost(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024, said)


def films(data: Path) -> dict[str, tuple[Path, Path]]:
    """Name -> a film and its truth."""
    names = {
        "PETS09-S2L1": "vtest.avi",
        "TUD-Campus": "TUD-Campus.mp4",
        "TUD-Stadtmitte": "TUD-Stadtmitte.mp4",
    }
    return {
        name: (data / "data/video" / film, data / "data/mot" / name / "gt/gt.txt")
        for name, film in names.items()
    }
