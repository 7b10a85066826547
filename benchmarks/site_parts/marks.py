"""How good tracklets are, and how good it is what somebody made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from site_parts.sites import Camera, Site

from app.scoring.score import Boxes
from tracker.matching import iou

LEAST_IOU = 0.5
"""From which a box shows a person."""

Found = Mapping[str, Boxes]
"""Camera -> boxes; ids are of tracklets, and unique over all cameras."""


@dataclass(frozen=True, slots=True)
class Tracklets:
    """T tracklets of a site of P people, as columns.

    camera: (T,) codes. start, end: (T,) seconds. means: (T, D) mean embeddings, NaN where there are none.
    boxes: (T,) how many. shown: (T, P) boxes that show each person, each box and each true one counting
    once. near: (T, P) the same with every pair of IoU LEAST_IOU, as TrackEval counts. truth: true boxes.
    """

    camera: np.ndarray
    start: np.ndarray
    end: np.ndarray
    means: np.ndarray
    boxes: np.ndarray
    shown: np.ndarray
    near: np.ndarray
    truth: int

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def purity(self) -> float:
        """Of the boxes that show anybody, the part that shows the main person of their tracklet."""
        return float(self.shown.max(axis=1).sum() / max(self.shown.sum(), 1))

    @property
    def found(self) -> float:
        """Part of the true boxes."""
        return float(self.shown.sum() / self.truth)

    @property
    def faultless(self) -> np.ndarray:
        """(T,) each tracklet's main person; who shows nobody is alone."""
        alone = self.shown.shape[1] + np.arange(len(self))
        return np.where(self.shown.any(axis=1), self.shown.argmax(axis=1), alone)

    def f1(self, labels: np.ndarray) -> float:
        """Identity F1 on the boxes that show anybody: the best one-to-one pairing of people and ids.

        labels: (T,) ids, -1 for none.
        """
        table = _table(self.shown, labels)
        return float(2 * _best(table) / max(self.shown.sum() + table.sum(), 1))

    def idf1(self, labels: np.ndarray) -> float:
        """TrackEval's IDF1 over all cameras: misses and false alarms count."""
        given = self.boxes[labels >= 0].sum()
        return float(2 * _best(_table(self.near, labels)) / (self.truth + given))


def _table(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(ids, P) boxes of (T, P), by (T,) labels."""
    there = labels >= 0
    codes = np.unique(labels[there], return_inverse=True)[1]
    table = np.zeros((codes.max(initial=-1) + 1, counts.shape[1]))
    np.add.at(table, codes, counts[there])
    return table


def _best(table: np.ndarray) -> float:
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum())


def tracklets(site: Site, found: Found) -> Tracklets:
    """Those of what was found, in the order of their ids.

    A box looks as the detection that it lies on best.
    """
    sums = _Sums(site, np.unique(np.concatenate([boxes.ids for boxes in found.values()])))
    for code, camera in enumerate(site.cameras):
        boxes = found.get(camera.name, Boxes.none())
        rows = sums.row_of(boxes.ids)
        sums.spans(code, rows, camera.times[boxes.frames])
        for frame in np.unique(boxes.frames):
            here = boxes.frames == frame
            sums.frame(camera, int(frame), rows[here], boxes.boxes[here])
    return sums.tracklets(sum(len(camera.truth) for camera in site.cameras))


class _Sums:
    """The columns of Tracklets while they grow. ids: (T,) ascending."""

    def __init__(self, site: Site, ids: np.ndarray) -> None:
        count = len(ids)
        self.ids = ids
        self.people = np.unique(np.concatenate([camera.truth.ids for camera in site.cameras]))
        self.camera, self.boxes, self.looked = np.zeros((3, count), np.int64)
        self.start, self.end = np.full(count, np.inf), np.full(count, -np.inf)
        self.looks = np.zeros((count, site.dimension))
        self.shown, self.near = np.zeros((2, count, len(self.people)))

    def row_of(self, ids: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.ids, ids)

    def spans(self, camera: int, rows: np.ndarray, times: np.ndarray) -> None:
        self.camera[rows] = camera
        np.minimum.at(self.start, rows, times)
        np.maximum.at(self.end, rows, times)
        np.add.at(self.boxes, rows, 1)

    def frame(self, camera: Camera, frame: int, rows: np.ndarray, boxes: np.ndarray) -> None:
        """One frame of one camera: (N,) rows of the tracklets and their (N, 4) boxes."""
        there = camera.truth.take(camera.truth.frames == frame)
        self._people(rows, boxes, there)
        seen = camera.detections[frame]
        if len(seen) and seen.embeddings is not None:
            lies = iou(boxes, seen.boxes)
            near = lies.max(axis=1) >= LEAST_IOU
            np.add.at(self.looks, rows[near], seen.embeddings[lies.argmax(axis=1)[near]])
            np.add.at(self.looked, rows[near], 1)

    def _people(self, rows: np.ndarray, boxes: np.ndarray, there: Boxes) -> None:
        who = np.searchsorted(self.people, there.ids)
        close = iou(boxes, there.boxes)
        close = np.where(close >= LEAST_IOU, close, 0.0)
        mine, theirs = linear_sum_assignment(close, maximize=True)
        good = close[mine, theirs] > 0
        np.add.at(self.shown, (rows[mine[good]], who[theirs[good]]), 1)
        mine, theirs = np.nonzero(close)
        np.add.at(self.near, (rows[mine], who[theirs]), 1)

    def tracklets(self, truth: int) -> Tracklets:
        looked = self.looked[:, None]
        means = np.where(looked > 0, self.looks / np.maximum(looked, 1), np.nan)
        return Tracklets(self.camera, self.start, self.end, means, self.boxes, self.shown, self.near, truth)
