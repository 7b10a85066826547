"""Tracklets: one presence on one camera each, what they look like and what rules them out for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.linkage import joined
from tracker.topology import Integers, Stays
from tracker.types import Floats

SLACK_S = 0.5
"""How far the clocks of two cameras may differ that are said to agree."""

ALIKE = np.float32(0.5)
"""The cosine of two people's means from which on they may be one."""

FEW_PEOPLE = 20.0
"""People that the mean of all cameras counts as in each camera's own, and that none at all counts as in that
of all."""


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
    recording = np.unique([tracklet.recording for tracklet in tracklets], return_inverse=True)[1]
    middle = np.array([(tracklet.start + tracklet.end) / 2 for tracklet in tracklets])
    return Stays(camera.astype(np.int64), recording.astype(np.int64), middle)


def looks_of(tracklets: Sequence[Tracklet]) -> Floats:
    """(N, D) unit rows: the mean of each tracklet's pictures, the better ones weighing more."""
    return unit(np.array([_mean(tracklet) for tracklet in tracklets], np.float32))


def centred(looks: Floats, camera: Integers, people: Integers) -> Floats:
    """(N, D) unit rows: looks less the mean of their camera, which takes out its light and its view.

    camera, people: (N,) codes, of people as far as is known: each counts once a camera, however often they
    come. The mean of few is drawn to nothing: of one who is always there alone, it is that person. So people
    who are much alike count as one: they may be.
    """
    people = _distinct(looks, people)
    whole = _drawn(looks, people, np.zeros(looks.shape[1], np.float32))
    out = np.empty_like(looks)
    for code in np.unique(camera):
        rows = camera == code
        out[rows] = looks[rows] - _drawn(looks[rows], people[rows], whole)
    return unit(out)


def _distinct(looks: Floats, people: Integers) -> Integers:
    """(N,) codes: people, but for those whose means are so alike that they may be one."""
    code = np.unique(people, return_inverse=True)[1]
    means = unit(_means(looks, people))
    return joined(means @ means.T - ALIKE, np.eye(len(means), dtype=bool), (), accept=0.5)[code]


def identities_of(tracklets: Sequence[Tracklet]) -> Integers:
    """(N,) as decided so far, -1 where nothing is."""
    return np.array([-1 if t.identity is None else t.identity for t in tracklets], np.int64)


def people_so_far(identities: Sequence[int | None]) -> Integers:
    """(N,) codes of identities as decided; who is undecided is a person of their own for now."""
    keys = [(0, number) if identity is None else (1, identity) for number, identity in enumerate(identities)]
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _drawn(looks: Floats, people: Integers, towards: Floats) -> Floats:
    """(D,) the mean of people's means, with another point counting as FEW_PEOPLE."""
    means = _means(looks, people)
    drawn: Floats = (means.sum(axis=0) + FEW_PEOPLE * towards) / np.float32(len(means) + FEW_PEOPLE)
    return drawn


def _means(looks: Floats, people: Integers) -> Floats:
    """(K, D) each person's mean, by code."""
    code = np.unique(people, return_inverse=True)[1]
    sums = np.zeros((int(code.max()) + 1, looks.shape[1]), np.float32)
    np.add.at(sums, code, looks)
    means: Floats = (sums / np.bincount(code)[:, None]).astype(np.float32)
    return means


def unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled.astype(np.float32)


def _mean(tracklet: Tracklet) -> Floats:
    mean: Floats = (tracklet.vectors * np.maximum(tracklet.qualities, 1e-3)[:, None]).sum(axis=0)
    return mean
