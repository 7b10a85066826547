"""What is drawn has the baseline's distribution, and what is done is what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.transforms.v2 import functional

from reid.preprocess import Image, Preprocess
from training.augment import FILL, WHOLE, Augment, Integers, draw

SIZE = Preprocess(height=12, width=6)
PAD = 2


def drawn(count: int = 20_000, *, height: int = 256, width: int = 128, **told: float) -> Integers:
    return draw(np.random.default_rng(5), count, height=height, width=width, **told)  # type: ignore[arg-type]


def test_half_of_the_pictures_are_mirrored_and_half_erased() -> None:
    found = drawn()
    assert found[:, 0].mean() == pytest.approx(0.5, abs=0.015)
    assert (found[:, 5] > 0).mean() == pytest.approx(0.5, abs=0.015)


def test_what_is_switched_off_never_happens() -> None:
    found = drawn(1000, flip=0.0, pad=0, erasing=0.0)
    assert not found[:, :7].any()
    assert (found[:, 7:] == WHOLE).all()


def test_cuts_begin_anywhere_in_the_padding() -> None:
    found = drawn()
    for column in (1, 2):
        values, counts = np.unique(found[:, column], return_counts=True)
        assert values.tolist() == list(range(21))
        assert counts.min() > 20_000 / 21 * 0.85


def erased_by_the_letter(random: np.random.Generator, height: int, width: int) -> tuple[int, ...]:
    """Random erasing as its authors' code tells it, one picture at a time."""
    for _ in range(100):
        area = random.uniform(0.02, 0.4) * height * width
        aspect = random.uniform(0.3, 1 / 0.3)
        tall, wide = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if wide < width and tall < height:
            top = int(random.integers(0, height - tall + 1))
            return top, int(random.integers(0, width - wide + 1)), tall, wide
    raise AssertionError("nothing fitted")


@pytest.mark.parametrize(("height", "width"), [(256, 128), (128, 64)])
def test_erased_rectangles_are_distributed_as_by_the_letter(height: int, width: int) -> None:
    found = drawn(20_000, height=height, width=width, erasing=1.0)[:, 3:7]
    random = np.random.default_rng(1)
    wanted = np.array([erased_by_the_letter(random, height, width) for _ in range(20_000)])
    shares = np.arange(0.1, 1, 0.1)
    for column, side in enumerate((height, width, height, width)):
        a, b = np.quantile(found[:, column], shares), np.quantile(wanted[:, column], shares)
        assert np.abs(a - b).max() < 0.025 * side
    area = found[:, 2] * found[:, 3] / (height * width)
    assert area.mean() == pytest.approx((wanted[:, 2] * wanted[:, 3]).mean() / (height * width), abs=0.003)


def test_erased_rectangles_lie_inside_and_reach_the_borders() -> None:
    top, left, tall, wide = drawn(50_000, height=16, width=8, erasing=1.0)[:, 3:7].T
    assert ((tall > 0) & (tall < 16) & (wide < 8)).all()
    assert (top + tall).max() == 16
    assert (left + wide).max() == 8
    assert top.min() == left.min() == 0


def pictures(count: int = 4) -> Image:
    return np.random.default_rng(2).integers(0, 256, (count, 12, 6, 3), np.uint8)


def by_hand(picture: Image, row: NDArray[np.int64]) -> NDArray[np.float32]:
    """(3, 12, 6): mirrored, padded with black, cut, normalised, erased, one step after the other."""
    flip, down, right, top, left, tall, wide, *_ = row.tolist()
    mirrored = picture[:, ::-1] if flip else picture
    padded = np.pad(mirrored, ((PAD, PAD), (PAD, PAD), (0, 0)))
    cut = padded[down : down + 12, right : right + 6]
    normal = SIZE.normalise(np.ascontiguousarray(cut)[None])[0]
    normal[:, top : top + tall, left : left + wide] = np.array(FILL, np.float32)[:, None, None]
    return normal


def test_a_batch_is_what_each_picture_would_be_by_hand() -> None:
    data, random = pictures(9), np.random.default_rng(3)
    rows = random.integers(0, 9, 200)
    what = draw(random, 200, height=12, width=6, pad=PAD, erasing=0.7)
    augment = Augment(SIZE, pad=PAD, device=torch.device("cpu"))
    made = augment(torch.from_numpy(data), torch.from_numpy(rows), torch.from_numpy(what))
    wanted = np.stack([by_hand(data[row], one) for row, one in zip(rows, what, strict=True)])
    assert made.shape == (200, 3, 12, 6)
    assert made.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(made.numpy(), wanted, atol=1e-5)


def test_half_of_the_pictures_change_their_light_contrast_and_colours_within_bounds() -> None:
    found = drawn(jitter=0.5)[:, 7:]
    assert (found != WHOLE).any(1).mean() == pytest.approx(0.5, abs=0.015)
    assert (np.abs(found - WHOLE).max(0) == [150, 150, 100]).all()


def test_light_contrast_and_colours_change_as_in_the_other_library() -> None:
    """torchvision's functions, one after the other, on a grey mean that is rounded there."""
    data = np.random.default_rng(2).integers(60, 190, (3, 12, 6, 3), np.uint8)
    factors = ((1.15, 0.9, 1.1), (0.85, 1.15, 0.9), (1.0, 1.0, 1.0))
    what = torch.tensor([[0, PAD, PAD, 0, 0, 0, 0, *(round(WHOLE * f) for f in row)] for row in factors])
    augment = Augment(SIZE, pad=PAD, jitter=0.5, device=torch.device("cpu"))
    made = augment(torch.from_numpy(data), torch.arange(3), what)
    for one, found, (light, contrast, colour) in zip(data, made, factors, strict=True):
        pixels = torch.from_numpy(one[..., ::-1].copy()).permute(2, 0, 1).float() / 255
        changed = functional.adjust_contrast(functional.adjust_brightness(pixels, light), contrast)
        changed = functional.adjust_saturation(changed, colour).permute(1, 2, 0).numpy() * 255
        wanted = (changed * SIZE.gain_and_offset()[0] + SIZE.gain_and_offset()[1]).transpose(2, 0, 1)
        np.testing.assert_allclose(found.numpy(), wanted, atol=0.02)


@pytest.mark.parametrize("bgr", [False, True])
def test_left_alone_pictures_are_as_the_network_gets_them_in_use(bgr: bool) -> None:
    preprocess = Preprocess(height=12, width=6, bgr=bgr)
    augment, data = Augment(preprocess, pad=PAD, device=torch.device("cpu")), pictures()
    nothing = torch.tensor([[0, PAD, PAD, 0, 0, 0, 0, WHOLE, WHOLE, WHOLE]]).repeat(4, 1)
    wanted = preprocess.normalise(data)
    np.testing.assert_allclose(augment.plain(torch.from_numpy(data)).numpy(), wanted, atol=1e-5)
    made = augment(torch.from_numpy(data), torch.arange(4), nothing)
    np.testing.assert_allclose(made.numpy(), wanted, atol=1e-5)


def test_smaller_pictures_are_the_means_of_what_they_cover() -> None:
    augment, data = Augment(SIZE, pad=PAD, device=torch.device("cpu")), pictures()
    whole = augment.plain(torch.from_numpy(data))
    height, width = whole.shape[2] // 2, whole.shape[3] // 2
    augment.size = (height, width)
    small = augment.plain(torch.from_numpy(data))
    assert small.shape == (4, 3, height, width)
    assert small.is_contiguous(memory_format=torch.channels_last)
    inner = torch.nn.functional.avg_pool2d(whole, 2)
    assert (small - inner).abs().mean() < 0.3 * (whole.std() + inner.std())
    assert torch.corrcoef(torch.stack([small.flatten(), inner.flatten()]))[0, 1] > 0.9
    nothing = torch.tensor([[0, PAD, PAD, 0, 0, 0, 0, WHOLE, WHOLE, WHOLE]]).repeat(4, 1)
    torch.testing.assert_close(augment(torch.from_numpy(data), torch.arange(4), nothing), small)
