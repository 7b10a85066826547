"""The words every room speaks.

Boxes are ``x1, y1, x2, y2`` in pixels of the frame they were seen in, the origin at its top left corner.
Images are (H, W, 3) uint8 in BGR order, as OpenCV has them, and are never written to.
Times are seconds since 1970-01-01 UTC, as floats; durations end in ``_s``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

Part = tuple[float, float, float, float]
"""A rectangle of a picture: left, top, right, bottom, in shares of its width and height."""

WHOLE: Part = (0.0, 0.0, 1.0, 1.0)


class Picture(Protocol):
    """A decoded picture whose colours are worked out when somebody asks for them.

    size: width and height. image: always the same. grey: (h, w) brightness, for comparing pictures of one
    source; it may lie and measure otherwise than the image.
    """

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def image(self) -> Image: ...
    @property
    def grey(self) -> Grey: ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of one camera. ``index`` counts the frames of its source from 0."""

    camera: str
    index: int
    time: float
    picture: Image | Picture

    @property
    def image(self) -> Image:
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.image

    @property
    def grey(self) -> Grey:
        """(h, w), see Picture; of an image its green, the larger part of brightness."""
        return self.picture[..., 1] if isinstance(self.picture, np.ndarray) else self.picture.grey

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        if not isinstance(self.picture, np.ndarray):
            return self.picture.size
        height, width = self.picture.shape[:2]
        return width, height


@dataclass(frozen=True, slots=True)
class Detections:
    """The people found in one frame, as columns of equal length.

    boxes: (N, 4) float32, xyxy pixels. scores: (N,) float32 in 0..1.
    embeddings: (N, D) float32 unit rows, or None where nobody was embedded; a row of NaN marks a
    detection that was not embedded.

    Raises ValueError where the columns do not fit together.
    """

    boxes: Floats
    scores: Floats
    embeddings: Floats | None = None

    def __post_init__(self) -> None:
        _expect("boxes", self.boxes, (len(self.scores), 4))
        _expect("scores", self.scores, (len(self.boxes),))
        if self.embeddings is not None and (
            self.embeddings.ndim != 2 or len(self.embeddings) != len(self.boxes)
        ):
            raise ValueError(f"embeddings: expected ({len(self.boxes)}, D), found {self.embeddings.shape}")

    @staticmethod
    def none() -> Detections:
        """Nobody."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: NDArray[Any]) -> Detections:
        """The given rows, by number or by mask, in that order."""
        embeddings = None if self.embeddings is None else self.embeddings[rows]
        return Detections(self.boxes[rows], self.scores[rows], embeddings)

    def with_embeddings(self, embeddings: Floats) -> Detections:
        return Detections(self.boxes, self.scores, embeddings)


@dataclass(frozen=True, slots=True)
class DetectedFrame:
    """A frame whose people were detected and embedded elsewhere: its picture is not at hand, its size is.

    size: width and height of the picture. Raises ValueError where the detections have no embeddings.
    """

    camera: str
    index: int
    time: float
    size: tuple[int, int]
    detections: Detections

    def __post_init__(self) -> None:
        if self.detections.embeddings is None:
            raise ValueError("a frame without a picture needs embeddings")


def _expect(name: str, column: NDArray[Any], shape: tuple[int, ...]) -> None:
    if column.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, found {column.shape}")


@dataclass(frozen=True, slots=True)
class Track:
    """Where one camera's tracker holds one person to be at one moment: a snapshot.

    number: unique within its camera's tracker. box: (4,) xyxy pixels. confirmed: seen often enough to
    be a person and no flicker. detection: the row of this frame's Detections it was matched to.
    """

    camera: str
    number: int
    time: float
    box: Floats
    score: float
    confirmed: bool
    detection: int


@dataclass(frozen=True, slots=True)
class Terms:
    """Log odds, in nats, that a sighting is somebody's rather than somebody's who is new.

    prior: before anything is known. appearance: of looks. transition: of times and the way from camera to
    camera. ground: of where both stood when two cameras saw them at the same moments.
    """

    prior: float
    appearance: float
    transition: float
    ground: float = 0.0

    @property
    def total(self) -> float:
        return self.prior + self.appearance + (self.transition + self.ground)


Bar = Literal["same view", "no overlap", "link", "late", "told apart"]
"""What forbids that a sighting is somebody's: they are in the same view at the same moment; or on another
camera, and the two never see one person at once; nobody goes that way, or not so fast; nobody takes so long;
a person told the two apart.
"""


@dataclass(frozen=True, slots=True)
class Barred:
    """An identity that a sighting could not be given. terms: what spoke for it and against it else."""

    identity: int
    by: Bar
    terms: Terms


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a sighting was given its identity: what was compared, and what else it could have been.

    distance: cosine distance to the identity chosen; gap_s: seconds since that one was last seen; terms: of
    its log odds. All three are None where the sighting is somebody new. runner_up, runner_up_distance,
    runner_up_terms: the likeliest of the others that nothing forbids; more likely than the chosen one where
    several sightings were decided together. barred: the likeliest that something forbids, where that is
    likelier than the runner-up. crops: how many pictures were compared. again: it was decided when the last
    sightings were thought about again, all together, which gave the probability; the terms are of it alone,
    by what was known then. Histories of before terms were
    recorded have none; there distance may be that to the nearest one where the sighting is somebody new.

    The two most alike of the pictures compared: of this sighting, the one taken at picture_time; of that
    identity, the one taken at nearest_time of nearest_sighting. That is a number of this run; negative, the
    id of an earlier run's sighting. What the history answers with are ids alone, which are positive.
    """

    distance: float | None
    gap_s: float | None
    runner_up: int | None
    runner_up_distance: float | None
    crops: int
    picture_time: float | None = None
    nearest_sighting: int | None = None
    nearest_time: float | None = None
    terms: Terms | None = None
    runner_up_terms: Terms | None = None
    barred: Barred | None = None
    again: bool = False

    def without(self, identities: Collection[int], sightings: Collection[int]) -> Evidence:
        """The same, but for mentions of those people and of those sightings' pictures."""
        told = self
        if told.runner_up in identities:
            told = replace(told, runner_up=None, runner_up_distance=None, runner_up_terms=None)
        if told.barred is not None and told.barred.identity in identities:
            told = replace(told, barred=None)
        if told.nearest_sighting in sightings:
            told = replace(told, nearest_sighting=None, nearest_time=None)
        return told


@dataclass(frozen=True, slots=True)
class Sighting:
    """One unbroken presence of one person on one camera, as known now.

    number: unique within the run, from 1. identity: None while undecided. probability: that the
    identity is right, 0..1. A later Sighting of the same number replaces an earlier one.
    """

    number: int
    camera: str
    start: float
    end: float
    identity: int | None
    probability: float
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a sighting's trajectory. frame: the frame's index in its source. box: (4,) xyxy pixels."""

    time: float
    frame: int
    box: Floats
    score: float


@dataclass(frozen=True, slots=True)
class Portrait:
    """A good picture of a person. quality: 0..1, comparable within a run. embedding: (D,) unit vector.

    image: the crop, (h, w, 3) BGR; None where there is no picture to cut it from.
    """

    time: float
    quality: float
    embedding: Floats
    image: Image | None


@dataclass(frozen=True, slots=True)
class Identity:
    """One person as known over all cameras: the id, the name people gave, and a few good embeddings.

    embeddings: (K, D) float32 unit rows. seen: camera -> (start, end) of the last presence there.
    taken: of each embedding's picture, the id of its sighting in the history and the time; empty where
    nobody knows.
    """

    id: int
    name: str | None
    embeddings: Floats
    seen: dict[str, tuple[float, float]]
    taken: tuple[tuple[int, float], ...] = ()


Stay = tuple[int, str, float, float]
"""Of somebody on a camera: identity, camera, start, end."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a run has in mind of people; or of that, what was erased from its history meanwhile.

    identities: ids. sightings: numbers of this run's that are not over, or may be thought about again.
    pictures: of which sightings embeddings are held: this run's numbers, and below 0 an earlier one's row.
    stays: of other sightings.
    """

    identities: frozenset[int] = frozenset()
    sightings: frozenset[int] = frozenset()
    pictures: frozenset[int] = frozenset()
    stays: frozenset[Stay] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.identities or self.sightings or self.pictures or self.stays)

    def __or__(self, other: Held) -> Held:
        return Held(
            self.identities | other.identities,
            self.sightings | other.sightings,
            self.pictures | other.pictures,
            self.stays | other.stays,
        )


@dataclass(frozen=True, slots=True)
class Person:
    """One track of a frame with its identity so far, for showing. sighting: the sighting's number."""

    track: Track
    sighting: int
    identity: int | None
    probability: float


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found in one frame: the frame, and the people confirmed in it."""

    frame: Frame | DetectedFrame
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """People who were on one camera are next on another, after a time at which chance alone brings fewer.

    ways: how often that was seen; people: of how many; share: of the visits to ``first``. delay_s: median
    from leaving to coming, negative where people come before they have left; middle_half_s: its quartiles;
    range_s: the least and the most of those counted. height: standard deviations over chance. counts: delays
    in equal bins over span_s, which reaches beyond those counted.
    """

    first: str
    second: str
    ways: int
    people: int
    share: float
    delay_s: float
    middle_half_s: tuple[float, float]
    range_s: tuple[float, float]
    height: float
    span_s: tuple[float, float]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Whether two cameras see the same people at the same moment. first comes before second by name.

    at_once: sightings that had one on the other camera at the same moment. share: of them, those of the very
    person on the other, at least. height: standard deviations over chance. seen: they do, or they don't; None
    where too few were at once, or all with all, to tell.
    """

    first: str
    second: str
    at_once: int
    share: float
    height: float
    seen: bool | None


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far a recording's times are ahead, the way from camera to camera included.

    Those of one group are on one clock.
    """

    recording: int
    camera: str
    offset_s: float
    group: int


@dataclass(frozen=True, slots=True)
class Topology:
    """How cameras lie to each other, learned from the sightings between two times (epoch seconds).

    visits: camera -> sightings of people. clocks: where they were found out, none where they were told; then
    nobody knows which camera comes first: links are of cameras in the order of their names, their delays what
    is left when the clocks' offsets are taken away.
    """

    links: tuple[Link, ...]
    overlaps: tuple[Overlap, ...]
    visits: dict[str, int]
    start: float
    end: float
    clocks: tuple[ClockOffset, ...] = ()
