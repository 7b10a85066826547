"""Which camera follows which, and which overlap: what a history's people tell of how its cameras lie.

A link is a heap of delays: from leaving one camera to coming to the next, people take about the same time.
An overlap is a likeness of those who are on two cameras at the same moment. Either is told only where it
rises over chance, by the same test: if it had nothing to do with the other cameras which of a camera's
visits are whose, any other order of its people were as good. So they are shuffled SHUFFLES times, among
visits of about the same time, lest the hours of a day look like a link; what is found must be higher than
the highest of all pairs of cameras in all shuffles. Chance does that once in SHUFFLES + 1 histories. (Tieu,
Dalley and Grimson, "Inference of non-overlapping camera network topology by measuring statistical
dependence", ICCV 2005, ask the same by mutual information.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracker.appearance import Appearance, camera_means
from tracker.tracklets import Tracklet, columns_of, people_so_far, unit
from tracker.types import ClockOffset, Floats, Link, Overlap, Topology

if TYPE_CHECKING:
    from tracker.clocks import Clocks
    from tracker.refine import Cluster

SHUFFLES = 199
"""A link or an overlap that is none is told once in 200 histories."""

NEAR = 100
"""Visits to a camera, before and after, among which people are shuffled."""

ROUND_S, STEP = 2.0, 0.1
"""Delays are binned by asinh(delay / ROUND_S) in steps of STEP: in 0.2 s near 0, in tenths of long delays."""

WINDOWS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Widths of heaps that are looked for, in bins: from a tenth of the delay to five times it."""

LEAST_PEOPLE = 3
"""Fewer make no link, however improbable."""

ONCE_S = 1.0
"""At the same moment: for so long at least, twice what the clocks of two cameras may differ."""

LEAST_SHARE = 0.1
"""Cameras overlap where a tenth of those at once on both are one: a few may be friends dressed alike."""

ENOUGH_AT_ONCE = 20
"""From which on no overlap found means that there is none ..."""

MOST_AT_ONCE = 0.5
"""... where of all pairs no more are at once: if all are with all, nobody can tell who belongs to whom."""

LONGEST_S = 7 * 86_400.0
"""Delays beyond a week are no way."""

PAIRS_AT_ONCE = 100
"""Of cameras, whose histograms are in memory together: some 20 MB of them."""

COUNTS = 24
"""Bars of a link's histogram."""

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Visits:
    """Tracklets as columns, by start. camera: (N,) codes of names. person: (N,), -1 where undecided."""

    names: tuple[str, ...]
    camera: Integers
    person: Integers
    start: Doubles
    end: Doubles

    def __len__(self) -> int:
        return len(self.camera)

    def of_people(self) -> Visits:
        """Those that are decided."""
        rows = self.person >= 0
        return Visits(self.names, self.camera[rows], self.person[rows], self.start[rows], self.end[rows])

    def rows_of(self, camera: int) -> Integers:
        return np.flatnonzero(self.camera == camera)


@dataclass(frozen=True, slots=True)
class Ways:
    """Steps of people from one camera to another. pair: (W,) first camera times cameras, plus second."""

    pair: Integers
    delay_s: Doubles
    person: Integers


def learn(tracklets: Sequence[Tracklet], *, seed: int = 0) -> Topology:
    """Links from who is who as decided (Tracklet.identity), overlaps from how alike those at once are.

    The tracklets' times are on one clock. Those nobody has decided on count for overlaps alone.
    """
    tracklets = sorted(tracklets, key=lambda tracklet: (tracklet.start, tracklet.number))
    visits = visits_of(tracklets, [-1 if t.identity is None else t.identity for t in tracklets])
    rng = np.random.default_rng(seed)
    overlaps = []
    if tracklets:
        overlaps = _overlaps(visits, _centred(tracklets), rng)
    return _topology(visits, _links(visits.of_people(), rng, directed=True), overlaps)


def _centred(tracklets: Sequence[Tracklet]) -> Floats:
    """(N, D) unit rows: looks less what their camera has in common."""
    columns = columns_of(tracklets)
    means = camera_means(columns, Appearance(), people_so_far(tracklets))
    return unit(columns.looks - means[columns.camera])


def learn_on_own_clocks(
    tracklets: Sequence[Tracklet],
    clusters: Sequence[Cluster],
    clocks: Clocks,
    recording: Integers,
    *,
    seed: int = 0,
) -> Topology:
    """The same where each recording has a clock of its own, by what a second pass found out.

    recording: (N,) codes as the clocks have them. On the one clock everybody is everywhere at about the same
    time: who comes first, by way of which camera, and which overlap, nobody can tell then.
    """
    group = clocks.group[recording]
    cluster_of = {number: row for row, cluster in enumerate(clusters) for number in cluster.tracklets}
    groups = int(group.max(initial=0)) + 1
    people = [cluster_of[t.number] * groups + int(g) for t, g in zip(tracklets, group, strict=True)]
    visits = visits_of(tracklets, people, ahead_s=clocks.offset_s[recording])
    links = _links(visits, np.random.default_rng(seed), directed=False)
    return _topology(visits, links, (), tuple(_offsets(tracklets, clocks, recording)))


def _offsets(tracklets: Sequence[Tracklet], clocks: Clocks, recording: Integers) -> list[ClockOffset]:
    """Of each recording, against the first of its group."""
    found = []
    for code, row in zip(*np.unique(recording, return_index=True), strict=True):
        group = clocks.group[code]
        offset_s = clocks.offset_s[code] - clocks.offset_s[clocks.group == group][0]
        one = tracklets[row]
        found.append(ClockOffset(one.recording, one.camera, float(offset_s), int(group)))
    return found


def visits_of(
    tracklets: Sequence[Tracklet], people: Sequence[int], *, ahead_s: Doubles | float = 0.0
) -> Visits:
    """people: of each tracklet, who it is, -1 for undecided. ahead_s: to be taken from their times."""
    names, camera = np.unique([t.camera for t in tracklets], return_inverse=True)
    start = np.array([t.start for t in tracklets]) - ahead_s
    end = np.array([t.end for t in tracklets]) - ahead_s
    order = np.argsort(start, kind="stable")
    who = np.array(people, np.int64)
    return Visits(
        tuple(map(str, names)), camera[order].astype(np.int64), who[order], start[order], end[order]
    )


def _topology(
    visits: Visits,
    links: Sequence[Link],
    overlaps: Sequence[Overlap],
    clocks: tuple[ClockOffset, ...] = (),
) -> Topology:
    counts = np.bincount(visits.of_people().camera, minlength=len(visits.names))
    seen = dict(zip(visits.names, counts.tolist(), strict=True))
    start, end = float(visits.start.min(initial=np.inf)), float(visits.end.max(initial=-np.inf))
    return Topology(tuple(links), tuple(overlaps), seen, start, end, clocks)


def _links(visits: Visits, rng: np.random.Generator, *, directed: bool) -> list[Link]:
    """By height."""
    seen = _ways(visits, visits.person, directed=directed)
    pairs = np.flatnonzero(np.bincount(seen.pair, minlength=len(visits.names) ** 2) >= LEAST_PEOPLE)
    if not len(pairs):
        return []
    middle = _shuffled(visits, visits.person, rng, back=True)
    shuffled = [_ways(visits, _shuffled(visits, middle, rng), directed=directed) for _ in range(SHUFFLES)]
    heaps: list[_Heap] = []
    for some in np.array_split(pairs, -(-len(pairs) // PAIRS_AT_ONCE)):
        heaps += _heaps(some, np.array([_histogram(ways, some) for ways in (seen, *shuffled)]))
    chance = max(heap.by_chance for heap in heaps)
    high = sorted((heap for heap in heaps if heap.height > chance), key=lambda heap: -heap.height)
    links = [_link(visits, _of_pair(seen, heap.pair), heap) for heap in high]
    return [link for link in links if link.people >= LEAST_PEOPLE]


@dataclass(frozen=True, slots=True)
class _Heap:
    """The highest of a pair of cameras. low, high: its bins, without the last. by_chance: the highest of any
    shuffled history.
    """

    pair: int
    low: int
    high: int
    height: float
    by_chance: float


def _ways(visits: Visits, person: Integers, *, directed: bool) -> Ways:
    """From each visit to the same person's next, where that is on another camera.

    directed: from leaving to coming; else between the middles, from the camera that is first by name.
    """
    order = np.lexsort((visits.start, person))
    before, after = order[:-1], order[1:]
    step = (person[before] == person[after]) & (visits.camera[before] != visits.camera[after])
    before, after = before[step], after[step]
    delay = visits.start[after] - visits.end[before]
    if not directed:
        back = visits.camera[before] > visits.camera[after]
        before, after = np.where(back, after, before), np.where(back, before, after)
        middle = (visits.start + visits.end) / 2
        delay = middle[after] - middle[before]
    return Ways(visits.camera[before] * len(visits.names) + visits.camera[after], delay, person[before])


def _shuffled(visits: Visits, person: Integers, rng: np.random.Generator, *, back: bool = False) -> Integers:
    """(N,) people, exchanged within each camera among visits of about the same time. back: see _stirred."""
    person = person.copy()
    for camera in range(len(visits.names)):
        rows = visits.rows_of(camera)
        person[rows] = person[rows[_stirred(len(rows), rng, back=back)]]
    return person


def _stirred(count: int, rng: np.random.Generator, *, back: bool = False) -> Integers:
    """An order in which nobody is further from their place than NEAR. back: the inverse of one.

    Were histories stirred from the one that there is, it would be the middle of them all, and not one among
    them. So all of them, it too, are stirred from one that it may have been stirred from (Besag and Clifford,
    "Generalized Monte Carlo significance tests", 1989).
    """
    order = np.argsort(np.arange(count) + rng.uniform(0, NEAR, count))
    return (np.argsort(order) if back else order).astype(np.int64)


def _of_pair(ways: Ways, pair: int) -> Ways:
    rows = ways.pair == pair
    return Ways(ways.pair[rows], ways.delay_s[rows], ways.person[rows])


def _histogram(ways: Ways, pairs: Integers) -> Floats:
    """(P, B) how many ways of each of these pairs have which delay."""
    bins, half = _bins(ways.delay_s), _bins(LONGEST_S) + 1
    place = np.minimum(np.searchsorted(pairs, ways.pair), len(pairs) - 1)
    counted = (pairs[place] == ways.pair) & (np.abs(ways.delay_s) <= LONGEST_S)
    size = int(2 * half)
    flat = place[counted] * size + bins[counted] + half
    counts: Floats = np.bincount(flat, minlength=len(pairs) * size).reshape(-1, size).astype(np.float32)
    return counts


def _bins(delay_s: Doubles | float) -> Integers:
    """The bin of a delay; 0 begins at delay 0."""
    return np.floor(np.arcsinh(np.asarray(delay_s) / ROUND_S) / STEP).astype(np.int64)


def _edge(place: int) -> float:
    """The delay at which a bin begins."""
    return float(np.sinh(place * STEP) * ROUND_S)


def _heaps(pairs: Integers, counts: Floats) -> list[_Heap]:
    """Of each of (P,) pairs, by (S, P, B) histograms of S histories, of which the first is the one there is.

    Expected is the mean over all histories; the height is the root of a Poisson count's likelihood ratio (the
    scan statistic of Kulldorff, 1997), which is in standard deviations.
    """
    sums = np.concatenate([np.zeros_like(counts[..., :1]), counts.cumsum(axis=-1)], axis=-1)
    heights = np.zeros(counts.shape[:2], np.float32)
    lows, widths = np.zeros(counts.shape[1], np.int64), np.ones(counts.shape[1], np.int64)
    for width in WINDOWS:
        found = sums[..., width:] - sums[..., :-width]
        expected = np.maximum(found.mean(axis=0, keepdims=True), 1 / len(counts))
        ratio = found * np.log(np.maximum(found, 1e-9) / expected) - (found - expected)
        height = np.where(found > expected, np.sqrt(np.maximum(2 * ratio, 0)), 0)
        best = height.max(axis=-1)
        better = best[0] > heights[0]
        lows[better], widths[better] = height[0].argmax(axis=-1)[better], width
        heights = np.maximum(heights, best)
    lows -= int(_bins(LONGEST_S)) + 1
    rows = zip(pairs, lows, lows + widths, heights[0], heights[1:].max(axis=0), strict=True)
    return [
        _Heap(int(pair), int(low), int(high), float(top), float(chance))
        for pair, low, high, top, chance in rows
    ]


def _link(visits: Visits, ways: Ways, heap: _Heap) -> Link:
    first, second = divmod(heap.pair, len(visits.names))
    bins = _bins(ways.delay_s)
    inside = (bins >= heap.low) & (bins < heap.high)
    delays = ways.delay_s[inside]
    low, lower, middle, upper, high = np.percentile(delays, (0, 25, 50, 75, 100)).tolist()
    begin, end = _edge(heap.low), _edge(heap.high)
    span = (begin - max(end - begin, 1.0), end + max(end - begin, 1.0))
    return Link(
        visits.names[first],
        visits.names[second],
        ways=len(delays),
        people=len(np.unique(ways.person[inside])),
        share=len(delays) / max(len(visits.rows_of(first)), 1),
        delay_s=middle,
        middle_half_s=(lower, upper),
        range_s=(low, high),
        height=heap.height,
        span_s=span,
        counts=tuple(np.histogram(ways.delay_s, COUNTS, span)[0].tolist()),
    )


def _overlaps(visits: Visits, looks: Floats, rng: np.random.Generator) -> list[Overlap]:
    """Of each two cameras that had people at the same moment."""
    tried = []
    for a, b in combinations(range(len(visits.names)), 2):
        rows, columns = visits.rows_of(a), visits.rows_of(b)
        together = _at_once(visits, rows, columns)
        if len(together):
            crowd = len(together) / (len(rows) * len(columns))
            tried.append((a, b, crowd, _likest(looks[rows] @ looks[columns].T, together, rng)))
    sums = [likest.sum(axis=1) for *_, likest in tried]
    ranks = [_standard(values, values) for values in sums]
    chance = max((float(rank[1:].max()) for rank in ranks), default=0.0)
    found = []
    for (a, b, crowd, likest), values, rank in zip(tried, sums, ranks, strict=True):
        share = _share(likest[0], likest[1:].ravel())
        seen = True if rank[0] > chance and share >= LEAST_SHARE else None
        if seen is None and likest.shape[1] >= ENOUGH_AT_ONCE and crowd <= MOST_AT_ONCE:
            seen = False
        names = visits.names[a], visits.names[b]
        height = float(_standard(values, values[1:])[0])
        found.append(Overlap(*names, likest.shape[1], share, height, seen))
    return found


def _share(seen: Floats, by_chance: Floats) -> float:
    """How many of those seen are not by chance, at least.

    Were it a share p of them, above any bar were (1 - p) times as many as by chance, and p at most: at no bar
    is the excess over p.
    """
    bars = np.sort(seen)
    above = 1 - np.arange(len(bars)) / len(bars)
    above_by_chance = 1 - np.searchsorted(np.sort(by_chance), bars) / len(by_chance)
    return max(0.0, float((above - above_by_chance).max()))


def _at_once(visits: Visits, rows: Integers, columns: Integers) -> Integers:
    """(E, 2) of rows and columns, by number in each and by row: there at one moment, for ONCE_S at least."""
    longest = float((visits.end[columns] - visits.start[columns]).max(initial=0.0))
    low = np.searchsorted(visits.start[columns], visits.start[rows] - longest)
    high = np.maximum(np.searchsorted(visits.start[columns], visits.end[rows]), low)
    row = np.repeat(np.arange(len(rows)), high - low)
    column = np.arange(len(row)) - np.repeat(np.cumsum(high - low) - high, high - low)
    begun = np.maximum(visits.start[rows[row]], visits.start[columns[column]])
    over = np.minimum(visits.end[rows[row]], visits.end[columns[column]])
    long = over - begun >= ONCE_S
    return np.stack([row[long], column[long]], axis=1)


def _likest(alike: Floats, together: Integers, rng: np.random.Generator) -> Floats:
    """(S, K): of each that has others at once, on either camera, how alike the likest of them is; in the
    history as it is, and in S - 1 in which the second camera's looks are shuffled.

    alike: (R, C) cosines. together: (E, 2) rows and columns that are at once, by row.
    """
    row, column = together[:, 0], together[:, 1]
    by_column = np.argsort(column, kind="stable")
    new_row = np.flatnonzero(np.diff(row, prepend=-1))
    new_column = np.flatnonzero(np.diff(column[by_column], prepend=-1))
    found = []
    middle = _stirred(alike.shape[1], rng, back=True)
    for turn in range(SHUFFLES + 1):
        order = np.arange(len(middle)) if turn == 0 else middle[_stirred(len(middle), rng)]
        here = alike[row, order[column]]
        likest = np.maximum.reduceat(here, new_row), np.maximum.reduceat(here[by_column], new_column)
        found.append(np.concatenate(likest))
    return np.array(found, np.float32)


def _standard(values: Floats, others: Floats) -> Floats:
    """In standard deviations of the others from their mean."""
    spread: Floats = (values - others.mean()) / max(float(others.std()), 1e-9)
    return spread
