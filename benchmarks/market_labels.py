"""Labels of Market-1501's test half that may be wrong, as sheets of pictures to judge by.

    python benchmarks/market_labels.py --out FOLDER [--data FOLDER]

Suspects come from looks and labels alone: the PAIRS pairs of labels whose mean pictures are most alike and
that are never in one recording at one moment (one person with two labels?), and of all labels, each parted
into two halves by average linkage of its tracklets, the HALVES whose halves are least alike (two people with
one label?). They are shuffled; in FOLDER/NN.png each has two rows of pictures, A and B, under its number;
FOLDER/key.csv tells the numbers' labels. What was found so is in market_parts/labels.py.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
from market_parts.tracklets import Tracklet, read_features, tracklets_of
from scipy.cluster.hierarchy import fcluster, linkage

from tracker.tracklets import unit
from tracker.types import Floats

PAIRS, HALVES, FEWEST = 100, 60, 3
"""How many suspects of each kind; a half has so many pictures at least."""

ACROSS, PICTURE, MARGIN = 11, (96, 192), 70
"""Of a row: pictures, width and height of each, and room for the number."""

A_SHEET, SEED = 5, 0


@dataclass(frozen=True, slots=True)
class Suspect:
    """kind: pair or half. one, other: rows of the tracklets in A and in B."""

    kind: str
    alike: float
    one: tuple[int, ...]
    other: tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    embedded = read_features(told.data / "reference/reid/retail0277_market_test.npz")
    tracklets = tracklets_of(embedded)
    suspects = [*sorted(pairs(tracklets), key=lambda s: -s.alike)[:PAIRS]]
    suspects += sorted(halves(tracklets), key=lambda s: s.alike)[:HALVES]
    order = np.random.default_rng(SEED).permutation(len(suspects)).tolist()
    told.out.mkdir(parents=True, exist_ok=True)
    pictures = Pictures(told.data / "data/Market-1501-v15.09.15.zip", tracklets)
    with (told.out / "key.csv").open("w", newline="") as file:
        key = csv.writer(file)
        key.writerow(("number", "kind", "alike", "A", "B"))
        for begin in range(0, len(order), A_SHEET):
            rows = []
            for number, which in enumerate(order[begin : begin + A_SHEET], begin):
                suspect = suspects[which]
                sides = {"A": suspect.one, "B": suspect.other}
                names = [" ".join(tracklets[row].picture for row in side) for side in sides.values()]
                key.writerow((number, suspect.kind, f"{suspect.alike:.3f}", *names))
                rows += [pictures.row(side, f"{number:03d} {name}") for name, side in sides.items()]
            cv2.imwrite(str(told.out / f"{begin // A_SHEET:02d}.png"), np.vstack(rows))


def looks(tracklets: Sequence[Tracklet]) -> Floats:
    """(T, D) unit rows, less their cameras' means."""
    means = unit(np.array([tracklet.vectors.mean(axis=0) for tracklet in tracklets], np.float32))
    camera = np.array([tracklet.camera for tracklet in tracklets])
    for name in np.unique(camera):
        means[camera == name] -= means[camera == name].mean(axis=0)
    return unit(means)


def by_label(tracklets: Sequence[Tracklet]) -> dict[int, list[int]]:
    labels: dict[int, list[int]] = defaultdict(list)
    for row, tracklet in enumerate(tracklets):
        labels[tracklet.person].append(row)
    return labels


def weighed(vectors: Floats, rows: Sequence[int], tracklets: Sequence[Tracklet]) -> Floats:
    """(D,) the mean of some tracklets' pictures."""
    count = np.array([len(tracklets[row].times) for row in rows], np.float32)
    mean: Floats = unit((vectors[list(rows)] * count[:, None]).sum(axis=0)[None])[0]
    return mean


def pairs(tracklets: Sequence[Tracklet]) -> Iterator[Suspect]:
    """All two labels that are never in one recording at one moment."""
    vectors, labels = looks(tracklets), by_label(tracklets)
    means = np.array([weighed(vectors, rows, tracklets) for rows in labels.values()])
    alike = means @ means.T
    groups = list(labels.values())
    for i, j in zip(*np.nonzero(np.triu(alike > np.quantile(alike, 0.99), 1)), strict=True):
        if not any(at_once(tracklets[a], tracklets[b]) for a in groups[i] for b in groups[j]):
            yield Suspect("pair", float(alike[i, j]), tuple(groups[i]), tuple(groups[j]))


def at_once(one: Tracklet, other: Tracklet) -> bool:
    apart = one.times[-1] < other.times[0] or other.times[-1] < one.times[0]
    return one.recording == other.recording and not apart


def halves(tracklets: Sequence[Tracklet]) -> Iterator[Suspect]:
    """Each label in two, where both halves have FEWEST pictures."""
    vectors = looks(tracklets)
    for rows in by_label(tracklets).values():
        if len(rows) < 2:
            continue
        half = fcluster(linkage(vectors[rows], "average", metric="cosine"), 2, "maxclust")
        sides = [[row for row, side in zip(rows, half, strict=True) if side == k] for k in (1, 2)]
        if all(sum(len(tracklets[row].times) for row in side) >= FEWEST for side in sides):
            one, other = (weighed(vectors, side, tracklets) for side in sides)
            yield Suspect("half", float(one @ other), tuple(sides[0]), tuple(sides[1]))


class Pictures:
    """The archive's pictures of tracklets, in rows."""

    def __init__(self, archive: Path, tracklets: Sequence[Tracklet]) -> None:
        self._archive = ZipFile(archive)
        self._tracklets = tracklets
        self._inside = {
            name.rpartition("/")[2]: name
            for name in self._archive.namelist()
            if "/bounding_box_test/" in name or "/query/" in name
        }
        self._of = defaultdict(list)
        for name in sorted(self._inside):
            self._of[name.rpartition("_")[0][:9]].append(name)

    def row(self, rows: Sequence[int], text: str) -> np.ndarray:
        """ACROSS of these tracklets' pictures, evenly chosen."""
        names = sorted({name for row in rows for name in self.names(self._tracklets[row])})
        some = np.linspace(0, len(names) - 1, min(ACROSS, len(names))).astype(int)
        width, height = PICTURE
        strip = np.zeros((height, MARGIN + ACROSS * width, 3), np.uint8)
        for place, which in enumerate(some.tolist()):
            left = MARGIN + place * width
            strip[:, left : left + width] = self.picture(names[which])
        cv2.putText(strip, text, (2, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 255, 255), 1)
        return strip

    def picture(self, name: str) -> np.ndarray:
        coded = np.frombuffer(self._archive.read(self._inside[name]), np.uint8)
        found = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        if found is None:
            raise SystemExit(f"{name} can't be read.")
        return cv2.resize(found, PICTURE, interpolation=cv2.INTER_CUBIC)

    def names(self, tracklet: Tracklet) -> list[str]:
        """Of all its pictures: those of its label, camera and sequence from the first for its length."""
        first = int(tracklet.picture.split("_")[2])
        frames = {first + round(25 * float(time - tracklet.times[0])) for time in tracklet.times}
        near = self._of[tracklet.picture[:9]]
        return [name for name in near if int(name.split("_")[2]) in frames]


if __name__ == "__main__":
    main()
