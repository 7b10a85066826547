"""Market-1501's test pictures through a network of one's own choice, kept so that it is done once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from market_parts.tracklets import Embedded, read_features

from app.weights.assets import resolve
from reid.embedder import open_embedder
from training.market1501 import Integers, Pictures


def embedded(names: Sequence[str], *, data: Path, weights: str, cache: Path) -> Embedded:
    """The named pictures of the archive data, in the vectors of weights, a name or path of any network.

    cache: a folder; what a network's fingerprint and the pictures were embedded with is taken from there.
    """
    embedder = open_embedder(resolve(weights), cache=cache)
    kept = cache / f"market-{embedder.fingerprint}-{len(names)}.npz"
    if not kept.exists():
        table = _table(names, data)
        parts = [embedder.embed(batch) for batch in table.batches()]
        cache.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(".half.npz")
        np.savez(half, names=np.array(names), features=np.concatenate(parts).astype(np.float16))
        half.rename(kept)
    stored = read_features(kept)
    if stored.names != tuple(names):
        raise SystemExit(f"{kept} is of other pictures: remove it.")
    return stored


def _table(names: Sequence[str], data: Path) -> Pictures:
    column: Integers = np.zeros(len(names), np.int64)
    around = data.name.removesuffix(".zip")
    inside = tuple(f"{around}/{name}" for name in names)
    return Pictures(data, inside, column, column, column, column)
