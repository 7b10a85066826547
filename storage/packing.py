"""Trajectories and vectors as bytes.

A packed trajectory is a version byte and a zlib stream of: the number of points; the first point; and for
each quantity the steps from one point to the next, in the narrowest integers that hold them. As integers
a time is 0.1 ms, a frame is itself, a box edge is 1/8 pixel and a score is 1/255.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIME_STEP_S = 1e-4
BOX_STEP_PX = 1 / 8
SCORE_STEP = 1 / 255

_VERSION = 1
_HEADER = struct.Struct("<I7q")  # points; time, frame, x1, y1, x2, y2, score of the first
_NARROW = tuple(np.dtype(kind) for kind in ("<i1", "<i2", "<i4", "<i8"))

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A sighting's way: times (T,) seconds, frames (T,), boxes (T, 4) xyxy pixels, scores (T,) in 0..1."""

    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times)

    @staticmethod
    def joined(parts: list[Trajectory]) -> Trajectory:
        """The parts, one after the other."""
        return Trajectory(
            np.concatenate([np.zeros(0), *(part.times for part in parts)]),
            np.concatenate([np.zeros(0, np.int64), *(part.frames for part in parts)]),
            np.concatenate([np.zeros((0, 4), np.float32), *(part.boxes for part in parts)]),
            np.concatenate([np.zeros(0, np.float32), *(part.scores for part in parts)]),
        )


def pack(way: Trajectory) -> bytes:
    """The trajectory as bytes. Times stay strictly increasing, whatever they are rounded to.

    Raises ValueError where there is no point, a number is not finite, or times do not increase.
    """
    if not len(way) or not np.isfinite(way.boxes).all() or not np.isfinite(way.scores).all():
        raise ValueError("a trajectory to pack has at least one point and only finite numbers")
    if not (np.diff(way.times) > 0).all() or not np.isfinite(way.times).all():
        raise ValueError("the times of a trajectory increase from point to point")
    columns = [_ticks(way.times), way.frames.astype(np.int64)]
    columns += list(_rounded(way.boxes.T / BOX_STEP_PX))
    columns += [_rounded(np.clip(way.scores, 0, 1) / SCORE_STEP)]
    header = _HEADER.pack(len(way), *(int(column[0]) for column in columns))
    steps = b"".join(_narrowed(np.diff(column)) for column in columns)
    return bytes([_VERSION]) + zlib.compress(header + steps, 6)


def unpack(blob: bytes) -> Trajectory:
    """The trajectory that was packed. Raises ValueError where the bytes are none."""
    if not blob or blob[0] != _VERSION:
        found = blob[0] if blob else "nothing"
        raise ValueError(f"packed trajectory: expected version {_VERSION}, found {found}")
    try:
        data = zlib.decompress(memoryview(blob)[1:])
        count, *first = _HEADER.unpack_from(data)
    except (zlib.error, struct.error) as error:
        raise ValueError(f"packed trajectory: {error}") from error
    columns, offset = [], _HEADER.size
    for value in first:
        steps, offset = _widened(data, offset, count - 1)
        columns.append(np.cumsum(np.concatenate([[value], steps]), dtype=np.int64))
    return Trajectory(
        (columns[0] * TIME_STEP_S).astype(np.float64),
        columns[1],
        (np.stack(columns[2:6], axis=1) * BOX_STEP_PX).astype(np.float32),
        (columns[6] * SCORE_STEP).astype(np.float32),
    )


def _rounded(values: NDArray[Any]) -> Integers:
    whole: Integers = np.rint(values).astype(np.int64)
    return whole


def _ticks(times: NDArray[np.float64]) -> Integers:
    """Times in steps; one that would fall on the step of the one before takes the next step."""
    order = np.arange(len(times), dtype=np.int64)
    later: Integers = np.maximum.accumulate(_rounded(times / TIME_STEP_S) - order) + order
    return later


def _narrowed(steps: Integers) -> bytes:
    low, high = (int(steps.min()), int(steps.max())) if len(steps) else (0, 0)
    kind = next(k for k in _NARROW if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    return bytes([kind.itemsize]) + steps.astype(kind).tobytes()


def _widened(data: bytes, offset: int, count: int) -> tuple[Integers, int]:
    kind = np.dtype(f"<i{data[offset]}")
    steps = np.frombuffer(data, kind, count, offset + 1).astype(np.int64)
    return steps, offset + 1 + count * kind.itemsize


def pack_vector(vector: NDArray[np.float32]) -> bytes:
    """(D,) as little-endian float16."""
    return vector.astype("<f2").tobytes()


def unpack_vectors(blobs: Sequence[bytes]) -> NDArray[np.float32]:
    """Packed vectors of one length, of which there is at least one, as (N, D) float32 unit rows."""
    rows = np.frombuffer(b"".join(blobs), "<f2").reshape(len(blobs), -1).astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.maximum(norms, np.float32(1e-12))[:, None]  # in place: fresh memory takes longer than the sums
    return rows


def pack_centroid(mean: NDArray[np.float32]) -> bytes:
    """(D,) as a little-endian float32, the step, and a signed byte a number: off by half a step at most."""
    step = np.float32(max(float(np.abs(mean).max()) / 127, 1e-12))
    return struct.pack("<f", step) + bytes(np.rint(mean / step).astype("i1"))


def unpack_centroids(packed: bytes, number: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """(N,) steps and (N, D) numbers of packed centroids of one length, one behind the other; what is left out
    (zeros) has a step of 0. A centroid is their product.
    """
    rows = np.frombuffer(packed, np.uint8).reshape(number, -1)
    steps = np.ascontiguousarray(rows[:, :4]).view("<f4")[:, 0]
    return np.asarray(steps, np.float32), rows[:, 4:].view(np.int8)
