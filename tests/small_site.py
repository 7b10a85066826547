"""A site of two cameras whose people were detected elsewhere, for tests: no pictures, no networks.

hall    [0: 0.4 .. 4.4]  [1: 4.9 .. 8.9]  [2: 10.0 .. 14.0]
stairs            [0: 7.9 .. 11.9]  [1: 12.9 .. 16.9]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FPS = 10.0
DIMENSION = 16
START = 1_764_000_000.0


def look(person: int, rng: np.random.Generator, *, noise: float = 0.04) -> np.ndarray:
    """(D,) near the person's axis, of no particular length."""
    return 3.0 * (np.eye(DIMENSION)[person] + rng.normal(0, noise, DIMENSION))


def visit(person: int, frames: range, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who walks from left to right: rows of detections, and their embeddings."""
    rows = [(f, 20.0 + 3 * k, 50, 60.0 + 3 * k, 170, 0.9) for k, f in enumerate(frames)]
    return np.array(rows, np.float32), np.array([look(person, rng) for _ in frames], np.float16)


def written(path: Path, *visits: tuple[np.ndarray, np.ndarray], **more: object) -> Path:
    """The visits as a file. more: other arrays in it, None for none."""
    arrays: dict[str, object] = {
        "detections": np.concatenate([rows for rows, _ in visits]),
        "embeddings": np.concatenate([vectors for _, vectors in visits]),
        "fps": FPS,
        **more,
    }
    np.savez_compressed(path, **{key: value for key, value in arrays.items() if value is not None})  # type: ignore[arg-type]
    return path


def small_site(folder: Path) -> tuple[Path, Path]:
    """Three people on the first camera, of whom two come by the second: 20 seconds of 320 x 240."""
    rng = np.random.default_rng(1)
    hall = [visit(0, range(5, 45), rng), visit(1, range(50, 90), rng), visit(2, range(101, 141), rng)]
    stairs = [visit(0, range(80, 120), rng), visit(1, range(130, 170), rng)]
    flicker = np.array([[200, 1, 1, 5, 5, 0.05]], np.float32), look(9, rng)[None].astype(np.float16)
    more = {"size": (320, 240), "start": START}
    return (
        written(folder / "hall.npz", *hall, flicker, **more),
        written(folder / "stairs.npz", *stairs, flicker, **more),
    )
