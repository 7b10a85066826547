"""How the output of a detection network reads: told by its shape and classes, and checked on what it gives.

    plain           a candidate is a column, or a row: cx, cy, w, h, a score a class, then poses and masks
                    (ultralytics YOLOv8 to v12; RT-DETR; DETR's boxes and logits, put together)
    with objectness a row: cx, cy, w, h, objectness, a score a class (YOLOv5, v7; YOLOX on a grid of cells)
    end to end      a row: x1, y1, x2, y2, score, class, then the same (YOLOv10, v26; exports that suppress;
                    RT-DETR with cx, cy, w, h; D-FINE's labels, boxes and scores, put together)

Numbers of boxes are pixels of the network's input, or parts of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.types import Floats

PERSON_NAMES = ("person", "persons", "people", "pedestrian", "pedestrians", "human", "humans")
COCO, COCO_CATEGORIES = 80, 91  # classes, counted without gaps and by their category's number
UNNAMED = {
    4 + COCO: COCO,
    5 + COCO: COCO,
    4 + COCO_CATEGORIES: COCO_CATEGORIES,
}  # rows that tell by their width
MASKS, POSES = 32, 51  # columns behind the classes, of a network that segments or poses
STRIDES = (8, 16, 32)
PARTS_OF_ONE = 2.0  # boxes whose largest number is no more than this are not in pixels
SLACK = 1e-3  # by which a score may lie outside of 0 to 1


Form = Literal["one table", "boxes and scores", "boxes, scores and labels"]
"""How a network gives what it found, before it is put together."""

TENSORFLOW_BOXES = "detection_boxes"  # y1, x1, y2, x2; classes count from 1
NORMALISED = {"dets", "labels"}  # RF-DETR's outputs; its input is by ImageNet's mean and deviation


class LayoutError(ValueError):
    """An output that reads as no layout known: says why, a part of a sentence."""


@dataclass(frozen=True, slots=True)
class Layout:
    """rows: a candidate is a row, not a column. classes: how many; people: which of them are.

    end_to_end, objectness: see above. corners: boxes are x1, y1, x2, y2, rather than centre and size. scale:
    what makes pixels of x and y. cells: (N, 3) x, y and stride of each candidate's cell, where boxes are told
    by it.
    """

    classes: int
    people: NDArray[np.int64]
    rows: bool = False
    end_to_end: bool = False
    objectness: bool = False
    corners: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    cells: Floats | None = None

    @property
    def words(self) -> str:
        """For people to read."""
        kind = "end to end" if self.end_to_end else "with objectness" if self.objectness else "plain"
        box = "x1, y1, x2, y2" if self.corners else "cx, cy, w, h"
        unit = (
            "by cells" if self.cells is not None else "in pixels" if self.scale == (1.0, 1.0) else "in parts"
        )
        return f"{kind}, a {'row' if self.rows else 'column'} a candidate, {box} {unit}"

    def read(self, output: Floats, min_score: float) -> tuple[Floats, Floats]:
        """Boxes (N, 4) xyxy and scores (N,) of the candidates that are people before anything else."""
        table = output if self.rows else output.T
        if self.end_to_end:
            chosen = np.flatnonzero((table[:, 4] > min_score) & np.isin(table[:, 5], self.people))
            scores = table[chosen, 4]
        else:
            chosen, scores = self._people(table, min_score)
        return self._boxes(table[chosen, :4], chosen), scores

    def _people(self, table: Floats, min_score: float) -> tuple[NDArray[np.intp], Floats]:
        first = 5 if self.objectness else 4
        scores = table[:, first : first + self.classes]
        person = scores[:, self.people].max(axis=1)
        likely = person * table[:, 4] if self.objectness else person
        chosen = np.flatnonzero(likely > min_score)
        chosen = chosen[person[chosen] >= scores[chosen].max(axis=1)]
        return chosen, likely[chosen]

    def _boxes(self, boxes: Floats, chosen: NDArray[np.intp]) -> Floats:
        if self.cells is not None:
            cells = self.cells[chosen]
            centre = (boxes[:, :2] + cells[:, :2]) * cells[:, 2:]
            boxes = np.concatenate([centre, np.exp(np.minimum(boxes[:, 2:], 20.0)) * cells[:, 2:]], axis=1)
        if not self.corners:
            centre, half = boxes[:, :2], boxes[:, 2:] / 2
            boxes = np.concatenate([centre - half, centre + half], axis=1)
        return np.asarray(boxes * np.array(self.scale * 2, np.float32), np.float32)


def layout_of(
    output: Floats,
    names: Sequence[str],
    *,
    shape: tuple[int, int],
    form: Form = "one table",
    classes: int = 0,
    person: str | int | None = None,
) -> Layout:
    """The layout of a network by one output of it.

    output: for any picture but a blank one. form, classes: as it was put together, see as_one_table. names:
    of the classes, none where unknown. shape: height and width of the network's input. person: which class
    is people, by name or number; None to know by its name.
    Raises LayoutError.
    """
    if output.ndim != 2 or not np.isfinite(output).all():
        raise LayoutError("its output is no table of finite numbers")
    rows = form != "one table" or _lies_in_rows(output, len(names))
    table = output if rows else output.T
    if form == "one table":
        found = _by_rows(table, len(names), shape) if rows else _by_columns(table, len(names))
    else:
        found = _put_together(table, len(names) or classes or COCO, form)
    found = replace(found, people=people_among(names, found.classes, person))
    _expect_scores(table, found)
    return _measured(table, found, shape)


def _lies_in_rows(output: Floats, named: int) -> bool:
    """Whether candidates are rows, of which there are more than numbers in each."""
    return bool(output.shape[1] < output.shape[0] != 4 + named)


def _put_together(table: Floats, classes: int, form: Form) -> Layout:
    nobody = np.zeros(0, np.int64)
    if form == "boxes, scores and labels":
        return Layout(classes, nobody, rows=True, end_to_end=True, corners=True)
    if table.shape[1] == 5 + COCO_CATEGORIES:
        raise LayoutError("it has nobody as a class of its own, as DETR has; export RT-DETR or a YOLO")
    if table.shape[1] != 4 + classes:
        raise LayoutError(f"it gives {table.shape[1] - 4} scores a box, but names {classes} classes")
    return Layout(classes, nobody, rows=True, corners=_are_corners(table[:, :4]))


def _are_corners(boxes: Floats) -> bool:
    """Whether the second point lies beyond the first in every box, as centres and sizes do not."""
    there = boxes[np.abs(boxes).max(axis=1) > 0]
    return len(there) > 0 and bool(((there[:, 2] > there[:, 0]) & (there[:, 3] > there[:, 1])).all())


def _by_columns(table: Floats, named: int) -> Layout:
    width = table.shape[1]
    if named and width == 5 + named:
        raise LayoutError("its boxes are turned by an angle, or it has another class than it names")
    return _plain(width, named, rows=False)


def _plain(width: int, named: int, *, rows: bool) -> Layout:
    classes = named or width - 4
    if classes < 1 or width < 4 + classes:
        raise LayoutError(
            f"its output has {width} numbers a candidate, which is no box with {classes} scores"
        )
    return Layout(classes, np.zeros(0, np.int64), rows=rows)


def _by_rows(table: Floats, named: int, shape: tuple[int, int]) -> Layout:
    """Rows of six may be end to end, or one class with objectness: which the numbers themselves tell."""
    width = table.shape[1]
    nobody = np.zeros(0, np.int64)
    known = named or UNNAMED.get(width, 0)
    if width == 4 + known and known != 2:
        return _plain(width, known, rows=True)
    if known > 1 and width in (5 + known, 5 + known + MASKS):
        return Layout(known, nobody, rows=True, objectness=True, cells=_cells(table, shape))
    behind = width - 6  # of masks, or of poses
    if (behind in (0, MASKS, POSES) or (named == 1 and behind > 0)) and _names_classes(table, named):
        return Layout(named or COCO, nobody, rows=True, end_to_end=True, corners=True)
    if width == 6 and named == 2:
        return _plain(width, named, rows=True)
    if width in (6, 6 + MASKS) and named <= 1:
        return Layout(1, nobody, rows=True, objectness=True, cells=_cells(table, shape))
    told = f"{named} named classes" if named else "classes of no name"
    raise LayoutError(f"its output of {len(table)} rows of {width} numbers fits no layout with {told}")


def _names_classes(table: Floats, named: int) -> bool:
    """Whether the sixth column of every row is the number of a class."""
    classes = table[:, 5]
    return bool(((classes == np.floor(classes)) & (classes >= 0) & (classes < (named or 1000))).all())


def is_cells(candidates: int, shape: tuple[int, int]) -> bool:
    """Whether there is a candidate a cell of the three grids, as YOLOX has it; v5 and v7 have three."""
    return candidates == sum((shape[0] // stride) * (shape[1] // stride) for stride in STRIDES)


def _cells(table: Floats, shape: tuple[int, int]) -> Floats | None:
    """Where boxes are told by their cells: the grids', and then centres lie within a few cells of 0."""
    if not is_cells(len(table), shape) or np.median(np.abs(table[:, :2])) > min(STRIDES):
        return None
    grids = []
    for stride in STRIDES:
        y, x = np.mgrid[: shape[0] // stride, : shape[1] // stride]
        grids.append(np.column_stack([x.ravel(), y.ravel(), np.full(x.size, stride)]))
    return np.concatenate(grids).astype(np.float32)


def people_among(names: Sequence[str], classes: int, person: str | int | None) -> NDArray[np.int64]:
    """The numbers of the classes that are people. Raises LayoutError."""
    told = f"its classes are {', '.join(names[:6])}" if names else f"its {classes} classes have no names"
    if isinstance(person, int):
        if not 0 <= person < classes:
            raise LayoutError(f"there is no class {person}: it has {classes}, counted from 0")
        return np.array([person])
    wanted = PERSON_NAMES if person is None else (person.strip().casefold(),)
    people = [number for number, name in enumerate(names) if name.strip().casefold() in wanted]
    if people:
        return np.array(people)
    if person is not None:
        raise LayoutError(f"it has no class {person!r}: {told}")
    if classes == 1 or (not names and classes == COCO):
        return np.array([0])
    if not names and classes == COCO_CATEGORIES:
        return np.array([1])
    raise LayoutError(f"{told}; give one with a class 'person', or say which class is people by person_class")


def _expect_scores(table: Floats, layout: Layout) -> None:
    first = 5 if layout.objectness else 4
    width = 1 if layout.end_to_end else layout.classes
    begin = 4 if layout.end_to_end or layout.objectness else first
    scores = table[:, begin : first + width]
    if len(scores) and not (scores.min() >= -SLACK and scores.max() <= 1 + SLACK):
        raise LayoutError(
            f"its scores reach from {scores.min():.3g} to {scores.max():.3g}; 0 to 1 is expected"
        )


def _measured(table: Floats, layout: Layout, shape: tuple[int, int]) -> Layout:
    """Whether boxes are in pixels or parts, and of an end-to-end network's, what they tell."""
    boxes = table[:, :4]
    largest = float(np.abs(boxes).max(initial=0.0))
    if layout.cells is not None or largest > PARTS_OF_ONE or largest == 0.0:
        return layout
    corners = layout.corners and _are_corners(boxes)
    return replace(layout, scale=(float(shape[1]), float(shape[0])), corners=corners)


def as_one_table(outputs: Mapping[str, Floats]) -> tuple[Floats, Form, int]:
    """(N, candidates, numbers) or (N, numbers, candidates), of what a network gives for N pictures, by name;
    what it was put together of, and of how many classes, 0 where that is not told.

    Boxes and scores, or logits, become plain rows; labels, boxes and scores end-to-end rows. Raises
    LayoutError.
    """
    tables = [output for output in outputs.values() if output.ndim == 3]
    boxes = next((table for table in tables if table.shape[2] == 4), None)
    flat = [output for output in outputs.values() if output.ndim == 2]
    if boxes is None:
        if not tables:
            raise LayoutError("it gives no boxes, so it is a network of another kind")
        if tables[0].shape[2] == 5 and any(one.shape == tables[0].shape[:2] for one in flat):
            raise LayoutError(
                "it gives boxes of five numbers and labels, as mmdetection exports them, and does not tell "
                "how its pictures are to be normalised; give a YOLO, an RT-DETR or an RF-DETR"
            )
        return tables[0], "one table", 0
    scores = next((t for t in tables if t is not boxes and t.shape[:2] == boxes.shape[:2]), None)
    if scores is not None:
        whole = np.concatenate([boxes, _as_probabilities(scores)], axis=2)
        return whole, "boxes and scores", scores.shape[2]
    beside = [output for output in flat if output.shape == boxes.shape[:2]]
    if len(beside) != 2:
        raise LayoutError("it gives boxes without scores")
    labels, sure = sorted(beside, key=lambda one: not bool((one == np.floor(one)).all()))
    tensorflow = TENSORFLOW_BOXES in outputs
    boxes = boxes[..., [1, 0, 3, 2]] if tensorflow else boxes
    whole = np.concatenate([boxes, sure[..., None], labels[..., None]], axis=2)
    return whole, "boxes, scores and labels", COCO_CATEGORIES if tensorflow else 0


def _as_probabilities(scores: Floats) -> Floats:
    """As they are, or of logits."""
    if scores.min(initial=0.0) >= 0 and scores.max(initial=0.0) <= 1:
        return scores
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -50, 50))), np.float32)
