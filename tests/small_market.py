"""A data set in Market-1501's layout small enough to be learnt in seconds: everyone wears two colours."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from reid.preprocess import Image

PEOPLE = 8
TRAINED = 6  # people in the training part, of 5 pictures each
SIZE = (32, 16)


def picture(person: int, random: np.random.Generator) -> Image:
    """(32, 16, 3): the upper half in one colour, the lower in another, in changing light and with noise."""
    colours = np.random.default_rng(person).integers(30, 220, (2, 1, 1, 3))
    halves = np.repeat(np.repeat(colours, SIZE[1], axis=2).reshape(2, SIZE[1], 3), SIZE[0] // 2, axis=0)
    light = random.uniform(0.8, 1.2)
    noisy = halves.reshape(*SIZE, 3) * light + random.normal(0, 8, (*SIZE, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def write_market(folder: Path, *, tests: bool = True) -> Path:
    """The data set's folder. tests: with queries and a gallery, of two people nobody was trained on."""
    random = np.random.default_rng(7)
    for person in range(1, TRAINED + 1):
        for number in range(5):
            _write(folder / "bounding_box_train", person, number % 2 + 1, number, picture(person, random))
    for person in range(TRAINED + 1, PEOPLE + 1) if tests else ():
        _write(folder / "query", person, 1, 0, picture(person, random))
        for number in range(3):
            _write(folder / "bounding_box_test", person, 2, number, picture(person, random))
    return folder


def _write(folder: Path, person: int, camera: int, number: int, image: Image) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{person:04d}_c{camera}s1_{number:06d}_00.jpg"
    path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
