"""A data set in Market-1501's layout: every person has its colours, every camera its brightness."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np

from reid.preprocess import Image

FOLDERS = ("bounding_box_train", "query", "bounding_box_test")


def person_like(person: int, camera: int, box: int, *, height: int = 64, width: int = 32) -> Image:
    """A soft patch of the person's colours, darker by the camera, no two alike."""
    colours = np.random.default_rng(person).integers(40, 256, (4, 2, 3)).astype(np.float32)
    noise = np.random.default_rng([person, camera, box]).normal(0, 6, (4, 2, 3)).astype(np.float32)
    patch = np.clip(colours * (1 - 0.08 * camera) + noise, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(patch, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_files(root: Path, *, people: int = 4, cameras: int = 3, ending: str = ".jpg") -> Path:
    """Persons 1..people in train and 101.. in the tests: two pictures a camera, and one as a query.

    The gallery also holds a junk picture, somebody else's (person 0), and what Windows leaves behind.
    """
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        (root / folder / "Thumbs.db").write_bytes(b"no picture")
    for person in range(1, people + 1):
        for camera in range(1, cameras + 1):
            for box in (1, 2):
                write_picture(root / FOLDERS[0] / name(person, camera, box, ending))
                write_picture(root / FOLDERS[2] / name(100 + person, camera, box, ending))
            write_picture(root / FOLDERS[1] / name(100 + person, camera, 0, ending))
    write_picture(root / FOLDERS[2] / f"-1_c1s1_000051_09{ending}", 7, 1, 9)
    write_picture(root / FOLDERS[2] / f"0000_c1s1_000051_09{ending}", 8, 1, 9)
    return root


def name(person: int, camera: int, box: int, ending: str = ".jpg") -> str:
    return f"{person:04d}_c{camera}s{1 + box % 2}_{25 * box + 1:06d}_{box:02d}{ending}"


def write_picture(path: Path, *shown: int) -> None:
    """Of the person, camera and box in its name, or of those told."""
    person, camera, box = shown or (int(path.name[:4]), int(path.name[6]), int(path.stem[-2:]))
    assert cv2.imwrite(str(path), person_like(person, camera, box))


def zipped(folder: Path, archive: Path, *, around: str = "small-market/") -> Path:
    """The folder as a .zip, all of it in one folder more."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, around + path.relative_to(folder).as_posix())
    return archive
