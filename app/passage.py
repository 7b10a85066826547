"""A live frame's way from the lens to the row, and how long each part of it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PARTS = ("way", "decode", "wait", "detect", "embed", "track", "associate", "store", "commit")
"""In order; they follow each other without a gap, so that their sum is the whole.

way: from when the frame was filmed, by the camera's clock where it is believed, until its last packet was
here; what encodes and sends it is in that. decode: until its picture was ready. wait: for the round before to
end. detect to associate: the stages of the line, for the whole round it was in. store: until all of it was
handed to the recorder, with what is in no other part. commit: until it was on disk.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Of a live frame. received: its last packet, epoch seconds. ready: its picture, monotonic seconds.

    decode_s: from the one to the other.
    """

    received: float
    decode_s: float
    ready: float


@dataclass(frozen=True, slots=True)
class Passage:
    """Of a frame whose finds are on disk.

    filmed: epoch seconds. parts: seconds, a number for each of PARTS.
    """

    camera: str
    frame: int
    filmed: float
    parts: Mapping[str, float]

    @property
    def whole_s(self) -> float:
        return sum(self.parts.values())
