"""Ranking all of Market-1501 from vectors, plain and re-ranked: ours beside torchreid's evaluator.

    python benchmarks/reid_evaluation.py [--data FOLDER] [--their-rerank]

FOLDER holds reference/reid/retail0277_market_test.npz, the vectors of all test pictures. torchreid 0.2.5 is
fetched with pip into the cache; its two files for this need numpy alone and run in this Python, its evaluator
in plain Python, for that package comes without its Cython part. Each row is a process of its own, so that its
peak memory is its own. --their-rerank takes minutes and 9 GB.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

THEIRS = "torchreid==0.2.5"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--their-rerank", action="store_true")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.step is not None:
        print(json.dumps(STEPS[told.step](told.data, told.out)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = {step: run(step, told.data, Path(folder)) for step in chosen(told.their_rerank)}
        apart = difference(Path(folder))
    print_table(rows, apart)


def chosen(their_rerank: bool) -> list[str]:
    theirs = ["torchreid"] if fetched() else ["sorting all"]
    return ["sightline", *theirs, "sightline, re-ranked", *(["torchreid, re-ranked"] * their_rerank)]


def run(step: str, data: Path, out: Path) -> dict[str, float]:
    """What a step found, in a process of its own."""
    command: list[Any] = [sys.executable, __file__, "--step", step, "--data", data, "--out", out]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def print_table(rows: dict[str, dict[str, float]], apart: float | None) -> None:
    table = Table(
        title="Market-1501: 3,368 queries, 15,913 in the gallery, 256 numbers", title_justify="left"
    )
    for name in ("", "seconds", "CPU seconds", "peak memory, GB", "rank-1", "mAP"):
        table.add_column(name, justify="right" if name else "left")
    for name, row in rows.items():
        times = (f"{row['seconds']:.1f}", f"{row['cpu']:.1f}", f"{row['gb']:.2f}")
        table.add_row(name, *times, *(f"{100 * row[score]:.4f}" for score in ("rank1", "map")))
    if apart is not None:
        table.caption = f"largest difference of a re-ranked distance: {apart:.1e}"
    Console(width=100).print(table)


def market(data: Path) -> dict[str, Any]:
    """Vectors, persons and cameras of queries and gallery."""
    import numpy as np

    told = np.load(data / "reference" / "reid" / "retail0277_market_test.npz")
    asked = np.array([name.startswith("query/") for name in told["names"]])
    names = [name.rpartition("/")[2].split("_") for name in told["names"]]
    person = np.array([int(parts[0]) for parts in names])
    camera = np.array([int(parts[1][1]) for parts in names])
    vectors = told["features"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    columns = {"vectors": vectors, "person": person, "camera": camera}
    kept = {"query": asked, "gallery": ~asked & (person >= 0)}
    return {part: {name: column[rows] for name, column in columns.items()} for part, rows in kept.items()}


def sightline(data: Path, out: Path) -> dict[str, float]:
    from types import SimpleNamespace

    from training.evaluate import evaluate

    parts = market(data)
    query, gallery = (SimpleNamespace(**parts[part]) for part in ("query", "gallery"))
    begun = time.perf_counter(), time.process_time()
    scores = evaluate(query.vectors, gallery.vectors, query=query, gallery=gallery)
    return found(begun, scores.rank(1), scores.map)


def sightline_reranked(data: Path, out: Path) -> dict[str, float]:
    from types import SimpleNamespace

    import numpy as np

    from reid.distance import k_reciprocal
    from training.evaluate import evaluate_distances

    parts = market(data)
    query, gallery = (SimpleNamespace(**parts[part]) for part in ("query", "gallery"))
    begun = time.perf_counter(), time.process_time()
    distances = k_reciprocal(query.vectors, gallery.vectors)
    scores = evaluate_distances(distances, query=query, gallery=gallery)
    told = found(begun, scores.rank(1), scores.map)
    np.save(out / "ours.npy", distances)
    return told


def torchreid(data: Path, out: Path) -> dict[str, float]:
    evaluator, parts = their_module("metrics/rank.py"), market(data)
    begun = time.perf_counter(), time.process_time()
    distances = 2 - 2 * parts["query"]["vectors"] @ parts["gallery"]["vectors"].T
    cmc, mean = evaluator.evaluate_rank(distances, *labels(parts))
    return found(begun, cmc[0], mean)


def torchreid_reranked(data: Path, out: Path) -> dict[str, float]:
    import numpy as np

    evaluator, reranker = their_module("metrics/rank.py"), their_module("utils/rerank.py")
    parts = market(data)
    query, gallery = parts["query"]["vectors"], parts["gallery"]["vectors"]
    begun = time.perf_counter(), time.process_time()
    distances = [
        np.maximum(2 - 2 * a @ b.T, 0) for a, b in ((query, gallery), (query, query), (gallery, gallery))
    ]
    again = reranker.re_ranking(*distances)
    cmc, mean = evaluator.evaluate_rank(again, *labels(parts))
    told = found(begun, cmc[0], mean)
    np.save(out / "theirs.npy", again)
    return told


def sorting_all(data: Path, out: Path) -> dict[str, float]:
    """The protocol written down directly, for where torchreid cannot be had."""
    import numpy as np

    parts = market(data)
    begun = time.perf_counter(), time.process_time()
    order = np.argsort(-parts["query"]["vectors"] @ parts["gallery"]["vectors"].T, axis=1, kind="stable")
    first, precision = [], []
    for row, (person, camera) in enumerate(
        zip(*(parts["query"][k] for k in ("person", "camera")), strict=True)
    ):
        right = parts["gallery"]["person"][order[row]] == person
        places = np.flatnonzero(right[~(right & (parts["gallery"]["camera"][order[row]] == camera))]) + 1
        first.append(places[0] == 1)
        precision.append((np.arange(1, len(places) + 1) / places).mean())
    return found(begun, np.mean(first), np.mean(precision))


def labels(parts: dict[str, Any]) -> list[Any]:
    """As torchreid takes them."""
    return [parts[part][column] for column in ("person", "camera") for part in ("query", "gallery")]


def found(begun: tuple[float, float], rank1: float, mean: float) -> dict[str, float]:
    seconds, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    scores = {"rank1": float(rank1), "map": float(mean)}
    return {"seconds": seconds, "cpu": cpu, "gb": int(peak.split()[1]) / 1e6, **scores}


def their_folder() -> Path:
    from app.weights.assets import cache_folder

    return cache_folder() / "benchmarks" / THEIRS.replace("==", "-")


def fetched() -> bool:
    """Whether torchreid is here, now."""
    folder = their_folder()
    if not (folder / "torchreid").is_dir():
        command: list[Any] = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            folder,
            THEIRS,
        ]
        subprocess.run(command, check=False, stdout=sys.stderr)
    return (folder / "torchreid").is_dir()


def their_module(path: str) -> ModuleType:
    """One file of torchreid, without the rest, which needs much more."""
    spec = importlib.util.spec_from_file_location("theirs", their_folder() / "torchreid" / "reid" / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it runs without its Cython part
        spec.loader.exec_module(module)
    return module


def difference(folder: Path) -> float | None:
    """The largest between re-ranked distances, where there are two."""
    import numpy as np

    ours, theirs = folder / "ours.npy", folder / "theirs.npy"
    return float(np.abs(np.load(ours) - np.load(theirs)).max()) if theirs.exists() else None


STEPS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "sightline": sightline,
    "torchreid": torchreid,
    "sorting all": sorting_all,
    "sightline, re-ranked": sightline_reranked,
    "torchreid, re-ranked": torchreid_reranked,
}

if __name__ == "__main__":
    main()
