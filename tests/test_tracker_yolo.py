"""The letterbox, the reading of outputs and suppression, on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.layout import Layout
from tracker.types import Part
from tracker.yolo import GREY, Letterbox, batches, suppress


@pytest.mark.parametrize(
    ("height", "width", "stride", "shape", "inner", "corner"),
    [
        (480, 640, 32, (480, 640), (480, 640), (0, 0)),  # fits as it is
        (576, 768, 32, (480, 640), (480, 640), (0, 0)),  # 5/6 of its size, no padding
        (720, 1280, 32, (384, 640), (360, 640), (12, 0)),  # 360 rows to the next multiple of 32
        (720, 1280, None, (640, 640), (360, 640), (140, 0)),  # to the whole square
        (1000, 1, 32, (640, 32), (640, 1), (0, 15)),  # never thinner than a pixel
        (10, 10, 64, (640, 640), (640, 640), (0, 0)),  # small pictures grow
    ],
)
def test_a_picture_is_scaled_evenly_and_centred(
    height: int,
    width: int,
    stride: int | None,
    shape: tuple[int, int],
    inner: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    frame = Letterbox.around(height, width, (640, 640), stride)
    assert (frame.shape, frame.inner, frame.corner) == (shape, inner, corner)
    assert frame.fit(np.zeros((height, width, 3), np.uint8)).shape == (*shape, 3)


def test_the_padding_is_grey_and_the_picture_untouched() -> None:
    image = np.full((360, 640, 3), 7, np.uint8)
    image.setflags(write=False)
    fitted = Letterbox.around(360, 640, (640, 640), 32).fit(image)
    assert (fitted[:12] == GREY).all()
    assert (fitted[12:372] == 7).all()
    assert (fitted[372:] == GREY).all()


def test_boxes_come_back_to_the_picture_and_stop_at_its_border() -> None:
    frame = Letterbox.around(720, 1280, (640, 640), 32)  # half the size, 12 rows of grey above
    boxes = np.array([[10, 22, 30, 62], [-5, 0, 700, 384]], np.float32)
    assert frame.restore(boxes).tolist() == [[20, 20, 60, 100], [0, 0, 1280, 720]]


@pytest.mark.parametrize(
    ("part", "shape", "origin", "size", "cuts"),
    [
        ((0.45, 0.4, 0.55, 0.6), (96, 96), (264, 544), (192, 192), (True, True, True, True)),  # 64x72 wanted
        (
            (0.0, 0.0, 0.1, 1.0),
            (384, 96),
            (0, 0),
            (720, 192),
            (False, False, True, False),
        ),  # all rows, padded
        (
            (0.9, 0.8, 1.0, 1.0),
            (96, 96),
            (528, 1088),
            (192, 192),
            (True, True, False, False),
        ),  # in the corner
    ],
)
def test_a_part_is_seen_on_the_scale_of_the_whole_and_with_what_is_around_it(
    part: Part,
    shape: tuple[int, int],
    origin: tuple[int, int],
    size: tuple[int, int],
    cuts: tuple[bool, bool, bool, bool],
) -> None:
    frame = Letterbox.around(720, 1280, (640, 640), 32).around_part(part, 32)
    assert (frame.shape, frame.origin, frame.size, frame.cuts) == (shape, origin, size, cuts)
    rows, columns = np.mgrid[:720, :1280]
    image = np.stack([rows // 3, columns // 6, rows * 0], axis=2).astype(np.uint8)
    seen = frame.fit(image)
    assert seen.shape == (*shape, 3)
    assert abs(int(seen[shape[0] // 2, 48, 1]) - (origin[1] + 96) / 6) < 2


def test_boxes_of_a_part_come_back_to_the_picture_and_those_that_it_cuts_are_told() -> None:
    frame = Letterbox.around(720, 1280, (640, 640), 32).around_part((0.9, 0.8, 1.0, 1.0), 32)
    boxes = frame.restore(np.array([[10, 20, 40, 60], [-3, 20, 40, 60], [10, 20, 96, 96]], np.float32))
    assert boxes.tolist() == [[1108, 568, 1168, 648], [1088, 568, 1168, 648], [1108, 568, 1280, 720]]
    assert frame.cut(boxes).tolist() == [False, True, False]  # the picture ends there itself


def test_a_part_that_is_nearly_all_of_it_is_all_of_it() -> None:
    frame = Letterbox.around(720, 1280, (640, 640), 32)
    assert frame.around_part((0.02, 0.0, 0.98, 1.0), 32) == frame
    assert frame.around_part((0.0, 0.0, 1.0, 1.0), 32) == frame


def test_equal_shapes_go_together_in_order_of_appearance() -> None:
    wide, tall = (384, 640), (640, 384)
    assert list(batches([wide, tall, wide, wide, tall], 2)) == [[0, 2], [3], [1, 4]]
    assert list(batches([], 2)) == []


def test_a_candidate_is_a_person_where_that_is_its_best_class() -> None:
    output = np.array(
        [  # person; a dog rather; too weak
            [50, 50, 50],  # centre x
            [60, 60, 60],  # centre y
            [20, 20, 20],  # width
            [40, 40, 40],  # height
            [0.9, 0.4, 0.05],  # person
            [0.1, 0.8, 0.01],  # dog
            [9, 9, 9],  # what a pose says beyond the classes
        ],
        np.float32,
    )
    boxes, scores = Layout(2, np.array([0])).read(output, 0.1)
    assert boxes.tolist() == [[40, 40, 60, 80]]
    assert scores == pytest.approx([0.9])


def test_an_end_to_end_output_names_the_class_of_each_row() -> None:
    output = np.array([[1, 2, 3, 4, 0.9, 1], [1, 2, 3, 4, 0.8, 0], [1, 2, 3, 4, 0.05, 1]], np.float32)
    boxes, scores = Layout(80, np.array([1, 5]), rows=True, end_to_end=True, corners=True).read(output, 0.1)
    assert boxes.tolist() == [[1, 2, 3, 4]]
    assert scores == pytest.approx([0.9])


def test_the_better_of_two_that_overlap_stays() -> None:
    boxes = np.array(
        [
            [0, 0, 10, 10],  # IoU 9/11 = 0.82 with the next: goes
            [1, 0, 11, 10],  # the best
            [5, 0, 15, 10],  # IoU 6/14 = 0.43 with the best: stays
            [50, 50, 60, 60],  # alone
        ],
        np.float32,
    )
    scores = np.array([0.5, 0.9, 0.3, 0.7], np.float32)
    assert suppress(boxes, scores, 0.7, 300).tolist() == [1, 3, 2]
    assert suppress(boxes, scores, 0.4, 300).tolist() == [1, 3]
    assert suppress(boxes, scores, 0.7, 1).tolist() == [1]
