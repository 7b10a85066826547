"""What goes wrong before identities are asked for, put into Market-1501's tracklets at known rates.

    python benchmarks/market_noise.py [--data FOLDER] [--features FILE.npz] [--kinds KIND ...]
        [--rates PERCENT ...] [--without-online]

missed: that share of all pictures is not detected. split: that share of the tracklets seen at several moments
is two tracks, parted anywhere. switched: that share of all tracklets goes over into another one that is on
the same camera at the same time, or not more than SWITCH_S before or after, and that one into it. wrong: that
share of all pictures looks like one of somebody else on the same camera; whose track it is stays the truth.
The seed is fixed. IDF1 counts the pictures there are, each by whom it shows, whatever track it is in.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from market_parts.methods import baseline, greedy, refined, replayed
from market_parts.tracklets import Tracklet, by_time, idf1, read_features, tracklets_of

SEED = 1501
SWITCH_S = 10.0
THRESHOLDS = tuple(float(value) for value in np.arange(0.31, 0.60, 0.02))
RATES = (5, 10, 20)

Random = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--rates", nargs="*", type=int, default=RATES, help="percent")
    parser.add_argument("--without-online", action="store_true", help="the others alone, which are faster")
    told = parser.parse_args()
    path = told.features or told.data / "reference/reid/retail0277_market_test.npz"
    tracklets = tracklets_of(read_features(path))
    print("| | tracks | pictures | greedy | online | second pass |\n|---|---|---|---|---|---|")
    for name, noisy in variants(tracklets, told.kinds, told.rates):
        print(line(name, noisy, online=not told.without_online), flush=True)


def variants(
    tracklets: list[Tracklet], kinds: Sequence[str], rates: Sequence[int]
) -> list[tuple[str, list[Tracklet]]]:
    """Each kind at each rate; what is without noise where rate 0 is asked for."""
    found = [("none", tracklets)] if 0 in rates else []
    for rate in sorted({*rates} - {0}):
        for kind in kinds:
            noisy = KINDS[kind](tracklets, rate / 100, np.random.default_rng(SEED))
            found.append((f"{kind}, {rate} %", by_time(noisy)))
    return found


def line(name: str, tracklets: list[Tracklet], *, online: bool) -> str:
    rows = [baseline("", greedy, tracklets, THRESHOLDS)]
    rows += [replayed("", tracklets)] if online else []
    rows += [refined("", tracklets)]
    scores = [f"{100 * idf1(row.ids, tracklets):.1f}" for row in rows]
    scores[0] += rows[0].name
    if not online:
        scores.insert(1, "")
    pictures = sum(len(tracklet.times) for tracklet in tracklets)
    return f"| {name} | {len(tracklets):,} | {pictures:,} | " + " | ".join(scores) + " |"


def missed(tracklets: Sequence[Tracklet], rate: float, random: Random) -> list[Tracklet]:
    """Without that share of all pictures; a track of which nothing is left is none."""
    kept = [tracklet.take(random.random(len(tracklet.times)) >= rate) for tracklet in tracklets]
    return [tracklet for tracklet in kept if len(tracklet.times)]


def split(tracklets: Sequence[Tracklet], rate: float, random: Random) -> list[Tracklet]:
    """That share of those seen at several moments is two tracks."""
    found = []
    for tracklet in tracklets:
        later = np.unique(tracklet.times)[1:]
        if not len(later) or random.random() >= rate:
            found.append(tracklet)
            continue
        before = tracklet.times < random.choice(later)
        found += [tracklet.take(before), tracklet.take(~before)]
    return found


def switched(tracklets: Sequence[Tracklet], rate: float, random: Random) -> list[Tracklet]:
    """That share has its rest exchanged with another's; each at most once."""
    changed: dict[int, list[Tracklet]] = {}
    wanted = rate * len(tracklets)
    for row in random.permutation(len(tracklets)).tolist():
        if len(changed) + 2 > wanted:
            break
        near = [other for other in _near(tracklets, row) if other not in changed]
        if row not in changed and near:
            other = near[int(random.integers(len(near)))]
            changed[row], changed[other] = exchanged(tracklets[row], tracklets[other], random), []
    kept = [changed.get(row, [tracklet]) for row, tracklet in enumerate(tracklets)]
    return [tracklet for some in kept for tracklet in some]


def _near(tracklets: Sequence[Tracklet], row: int) -> list[int]:
    """Others of the same recording at the same time, or nearly."""
    mine = tracklets[row]
    return [
        number
        for number, other in enumerate(tracklets)
        if number != row
        and other.recording == mine.recording
        and other.times[0] <= mine.times[-1] + SWITCH_S
        and mine.times[0] <= other.times[-1] + SWITCH_S
    ]


def exchanged(one: Tracklet, other: Tracklet, random: Random) -> list[Tracklet]:
    """Two tracks that go over into each other at some moment of both; one that follows the other joins it."""
    ends = sorted((max(one.times[0], other.times[0]), min(one.times[-1], other.times[-1])))
    moment = random.uniform(ends[0], ends[1] + 1e-6)
    found = []
    for first, second in ((one, other), (other, one)):
        before, after = first.take(first.times < moment), second.take(second.times >= moment)
        if len(before.times) + len(after.times):
            found.append(_joined(before, after))
    return found


def _joined(before: Tracklet, after: Tracklet) -> Tracklet:
    return replace(
        before,
        times=np.concatenate([before.times, after.times]),
        vectors=np.concatenate([before.vectors, after.vectors]),
        people=np.concatenate([before.people, after.people]),
    )


def wrong(tracklets: Sequence[Tracklet], rate: float, random: Random) -> list[Tracklet]:
    """That share of the pictures looks like another person's on that camera."""
    pools = {t.camera: [o for o in tracklets if o.camera == t.camera] for t in tracklets}
    found = []
    for tracklet in tracklets:
        vectors, pool = tracklet.vectors.copy(), pools[tracklet.camera]
        for row in np.flatnonzero(random.random(len(vectors)) < rate).tolist():
            other = pool[int(random.integers(len(pool)))]
            while other.person == tracklet.person:
                other = pool[int(random.integers(len(pool)))]
            vectors[row] = other.vectors[int(random.integers(len(other.vectors)))]
        found.append(replace(tracklet, vectors=vectors))
    return found


KINDS: dict[str, Callable[[Sequence[Tracklet], float, Random], list[Tracklet]]] = {
    "missed": missed,
    "split": split,
    "switched": switched,
    "wrong": wrong,
}


if __name__ == "__main__":
    main()
