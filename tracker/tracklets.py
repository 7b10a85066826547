"""Tracklets: one presence on one camera each, what they look like and what rules them out for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.topology import Integers, Stays, Table
from tracker.types import Floats

SLACK_S = 0.5
"""How far the clocks of two cameras may differ that are said to agree."""

FEW = 5.0
"""Tracklets that the mean of all cameras counts as in each camera's own."""


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One presence on one camera. start, end: UTC epoch seconds. vectors: (K, D) float32 unit rows, K >= 1.
    qualities: (K,) 0..1. identity: as decided so far. recording: of which clock its times are; those of
    other recordings may differ by constants nobody told.
    """

    number: int
    camera: str
    start: float
    end: float
    vectors: Floats
    qualities: Floats
    identity: int | None
    recording: int = 0


def impossible(tracklets: Sequence[Tracklet], overlap: frozenset[frozenset[str]]) -> NDArray[np.bool_]:
    """(N, N): nobody is twice in one view, or in two that don't overlap, at a time; nor twice oneself.

    Times of two recordings that are not of one clock rule nothing out.
    """
    names = sorted({tracklet.camera for tracklet in tracklets})
    camera = np.array([names.index(tracklet.camera) for tracklet in tracklets])
    recording = np.array([tracklet.recording for tracklet in tracklets])
    start = np.array([tracklet.start for tracklet in tracklets])
    end = np.array([tracklet.end for tracklet in tracklets])
    excluded = np.array([[a == b or frozenset((a, b)) not in overlap for b in names] for a in names])
    slack = np.where(camera[:, None] == camera[None], 0.0, SLACK_S)
    at_once = (start[:, None] < end[None] - slack) & (start[None] < end[:, None] - slack)
    never: NDArray[np.bool_] = (
        at_once & excluded[np.ix_(camera, camera)] & (recording[:, None] == recording[None])
    )
    np.fill_diagonal(never, True)
    return never


def stays_of(tracklets: Sequence[Tracklet]) -> Stays:
    """Cameras and recordings as codes."""
    camera = np.unique([tracklet.camera for tracklet in tracklets], return_inverse=True)[1]
    keys = [f"{tracklet.camera}\0{tracklet.recording}" for tracklet in tracklets]
    recording = np.unique(keys, return_inverse=True)[1]
    middle = np.array([(tracklet.start + tracklet.end) / 2 for tracklet in tracklets])
    return Stays(camera.astype(np.int64), recording.astype(np.int64), middle)


def similarities(tracklets: Sequence[Tracklet]) -> Table:
    """(N, N) cosines of the tracklets' means."""
    means = looks_of(tracklets)
    alike: Table = means @ means.T
    return alike


def looks_of(tracklets: Sequence[Tracklet]) -> Floats:
    """(N, D) unit rows: the mean of each tracklet's pictures, the better ones weighing more."""
    return unit(np.array([_mean(tracklet) for tracklet in tracklets], np.float32))


def centred(looks: Floats, camera: Integers) -> Floats:
    """(N, D) unit rows: looks less the mean of their camera, which takes out its light and its view.

    camera: (N,) codes. The mean of a camera with few is drawn to that of all.
    """
    out = np.empty_like(looks)
    whole = looks.mean(axis=0)
    for code in np.unique(camera):
        rows = camera == code
        mean = (looks[rows].sum(axis=0) + FEW * whole) / (rows.sum() + FEW)
        out[rows] = looks[rows] - mean
    return unit(out)


def unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled.astype(np.float32)


def _mean(tracklet: Tracklet) -> Floats:
    mean: Floats = (tracklet.vectors * np.maximum(tracklet.qualities, 1e-3)[:, None]).sum(axis=0)
    return mean
