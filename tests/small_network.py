"""An embedding network small enough for tests: a MobileNetV2 with random weights."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import nn

from reid.card import Card
from reid.model import BNNeck
from reid.preprocess import Image, Preprocess

PREPROCESS = Preprocess(height=128, width=64)


def people_like(count: int, *, seed: int = 0) -> list[Image]:
    """Crops of odd sizes: soft patches of colour, no two alike."""
    draw = np.random.default_rng(seed)
    crops = []
    for _ in range(count):
        height, width = int(draw.integers(40, 200)), int(draw.integers(20, 90))
        patch = draw.integers(0, 256, (6, 3, 3), np.uint8)
        crops.append(np.asarray(cv2.resize(patch, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8))
    return crops


def small_model(seed: int = 0) -> BNNeck:
    """In eval mode; its normalisations are of real activations, so that its vectors tell pictures apart."""
    torch.manual_seed(seed)
    model = BNNeck(backbone="mobilenet_v2")
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model(torch.from_numpy(PREPROCESS.batch(people_like(16, seed=99))))
    return model.eval()


def small_card(model: BNNeck) -> Card:
    return Card(
        name="small",
        preprocess=PREPROCESS,
        backbone="mobilenet_v2",
        dimension=model.dimension,
        data="none",
        scores={"rank1": 0.5},
    )
