"""From boxes and crops to what a network takes."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from reid.preprocess import Preprocess, cut


def test_values_are_scaled_shifted_and_put_in_the_networks_channel_order() -> None:
    blue, green, red = 51, 102, 255
    crop = np.full((4, 2, 3), (blue, green, red), np.uint8)
    rule = {"height": 2, "width": 2, "mean": (0.5, 0.2, 0.0), "std": (0.5, 0.1, 1.0)}
    rgb = Preprocess(**rule).batch([crop])
    assert rgb.shape == (1, 3, 2, 2)
    assert rgb.dtype == np.float32
    # red 1.0 -> (1 - 0.5) / 0.5; green 0.4 -> (0.4 - 0.2) / 0.1; blue 0.2 -> (0.2 - 0) / 1
    assert rgb[0, :, 0, 0] == pytest.approx([1.0, 2.0, 0.2], abs=1e-6)
    bgr = Preprocess(**rule, bgr=True).batch([crop])
    assert bgr[0, :, 0, 0] == pytest.approx([(0.2 - 0.5) / 0.5, 2.0, 1.0], abs=1e-6)


def test_crops_of_any_size_become_one_size() -> None:
    shapes = [(1, 1), (3, 500), (500, 3), (256, 128)]
    crops = [np.full((*shape, 3), 9, np.uint8) for shape in shapes]
    sized = Preprocess().resize(crops)
    assert sized.shape == (4, 256, 128, 3)
    assert (sized == 9).all()
    assert Preprocess().batch([]).shape == (0, 3, 256, 128)


def test_a_large_crop_is_averaged_not_sampled() -> None:
    stripes = np.zeros((512, 256, 3), np.uint8)
    stripes[::2] = 200
    assert np.unique(Preprocess().resize([stripes])) == [100]


def test_a_crop_that_may_not_be_written_to_is_left_alone() -> None:
    crop = np.zeros((20, 10, 3), np.uint8)
    crop.setflags(write=False)
    assert not Preprocess().resize([crop]).any()


def test_it_survives_its_json() -> None:
    rule = Preprocess(height=384, bgr=True, mean=(1.0, 2.0, 3.0), scale=1.0)
    assert Preprocess.from_dict(json.loads(json.dumps(asdict(rule)))) == rule


@pytest.mark.parametrize("wrong", [{"mean": (0.0,)}, {"height": 0}, {"std": (1.0, 1.0)}])
def test_a_rule_that_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected a size and three"):
        Preprocess.from_dict({**asdict(Preprocess()), **wrong})


def test_cutting_takes_whole_pixels_and_copies_nothing() -> None:
    image = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    [crop] = cut(image, np.array([[1.2, 2.9, 3.1, 5.0]], np.float32))
    assert crop.shape == (3, 3, 3)  # rows 2..5, columns 1..4
    assert np.array_equal(crop, image[2:5, 1:4])
    assert np.shares_memory(crop, image)


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ([-5, -5, 20, 20], (6, 8)),  # more than the image
        ([2, 2, 2, 2], (1, 1)),  # no area
        ([5, 4, 1, 1], (1, 1)),  # upside down
        ([100, 100, 200, 200], (1, 1)),  # outside: the nearest corner
        ([-30, 1, -20, 3], (2, 1)),  # left of it: two pixels of the left edge
    ],
)
def test_every_box_gives_at_least_a_pixel(box: list[float], shape: tuple[int, int]) -> None:
    [crop] = cut(np.zeros((6, 8, 3), np.uint8), np.array([box], np.float32))
    assert crop.shape[:2] == shape


def test_no_boxes_give_no_crops_and_a_nan_is_our_bug() -> None:
    image = np.zeros((6, 8, 3), np.uint8)
    assert cut(image, np.zeros((0, 4), np.float32)) == []
    with pytest.raises(ValueError, match="finite"):
        cut(image, np.array([[0, 0, np.nan, 1]]))
