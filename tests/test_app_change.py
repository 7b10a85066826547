"""What counts as a change, on pictures made by hand; and the brightness of decoded pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import write_clip

from app.sources.change import Change, small
from app.sources.ffmpeg import Pictures
from app.sources.file import FileSource
from tracker.types import WHOLE, Grey

STEP_S = 0.2


def hall(seed: int, *, light: int = 0, noise: float = 1.0) -> Grey:
    """A room of 160 by 90, as a sensor gives it: noise, and as bright as the light is."""
    room = np.tile(np.linspace(60, 160, 160), (90, 1))
    shot = np.random.default_rng(seed).normal(light, noise, room.shape)
    return np.clip(room + shot, 0, 255).astype(np.uint8)


def watched(pictures: int = 50) -> Change:
    """One that has watched the empty room for a while."""
    change = Change(640)
    change.changed(hall(0), STEP_S)
    change.keep(WHOLE)
    for seed in range(1, pictures):
        change.changed(hall(seed), STEP_S)
    return change


def test_noise_is_no_change() -> None:
    change = watched()
    assert not any(change.changed(hall(seed), STEP_S) for seed in range(100, 150))


@pytest.mark.parametrize("contrast", [-30, 15])
def test_the_smallest_person_is_one(contrast: int) -> None:
    picture = hall(100)
    picture[40:45, 80:82] += np.uint8(contrast % 256)  # 20 by 8 pixels of the detector's picture
    part = watched().changed(picture, STEP_S)
    assert part is not None
    left, top, right, bottom = part
    assert 77 / 160 <= left < 82 / 160
    assert 80 / 160 < right <= 85 / 160
    assert 37 / 90 <= top < 45 / 90
    assert 40 / 90 < bottom <= 48 / 90


def test_light_that_changes_everywhere_is_none() -> None:
    assert not watched().changed(hall(100, light=25), STEP_S)


def test_what_moves_all_the_time_is_none_after_a_while_and_people_there_still_are() -> None:
    change = Change(640)
    change.changed(hall(0), STEP_S)
    change.keep(WHOLE)
    leaves, seen = np.random.default_rng(1), []
    for seed in range(1, 200):
        picture = hall(seed)
        picture[10:40, 20:60] += leaves.integers(0, 30, (30, 40), np.uint8)
        seen.append(change.changed(picture, STEP_S) is not None)
    assert any(seen[:5])
    assert not any(seen[150:])
    picture[15:25, 30:34] = 220
    assert change.changed(picture, STEP_S)


def test_where_people_pass_all_the_time_the_next_one_counts() -> None:
    change = Change(640)
    change.changed(hall(0), STEP_S)
    change.keep(WHOLE)
    for seed in range(1, 500):
        picture = hall(seed)
        picture[30:60, 70:80] = 10 if seed % 4 else 90
        change.changed(picture, STEP_S)
    picture = hall(999)
    picture[30:60, 70:80] = 10
    assert change.changed(picture, STEP_S)


def test_a_new_size_is_a_change_of_everything() -> None:
    change = watched()
    assert change.changed(hall(1)[:45], STEP_S) == WHOLE
    change.keep(WHOLE)
    assert change.changed(hall(2)[:45], STEP_S) is None


def test_what_was_not_seen_goes_on_being_a_change() -> None:
    change, picture = watched(), hall(100)
    picture[40:60, 20:30] = picture[40:60, 120:130] = 220
    change.changed(picture, STEP_S)
    change.keep((0.0, 0.0, 0.5, 1.0))
    part = change.changed(picture, STEP_S)
    assert part is not None
    assert part[0] > 0.7
    change.keep((0.5, 0.0, 1.0, 1.0))
    assert change.changed(picture, STEP_S) is None


@pytest.mark.parametrize("shape", [(1080, 1920), (576, 768), (1, 1), (7, 5000)])
def test_small_is_a_quarter_of_the_detectors_picture(shape: tuple[int, int]) -> None:
    rows, columns = small(np.full(shape, 77, np.uint8), 640).shape
    assert max(rows, columns) <= 240
    assert (small(np.full(shape, 77, np.uint8), 640) == 77).all()
    assert min(shape) < 8 or abs(columns / rows - shape[1] / shape[0]) < 0.05


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_worked_out_late_are_the_same(tmp_path: Path, pixels: str) -> None:
    options = {"preset": "ultrafast", "crf": "15"}
    clip = write_clip(tmp_path / "clip.mp4", frames=6, pixels=pixels, options=options)
    with FileSource(camera="a", path=clip) as source:
        late = list(source)
    at_once = Pictures()
    for frame in late[1:]:
        assert not isinstance(frame.picture, np.ndarray)
        image = at_once.image(frame.picture._frame)  # type: ignore[attr-defined]
        assert (frame.image == image).all()
        assert frame.size == (image.shape[1], image.shape[0])
        assert frame.grey.shape == image.shape[:2]
        spread = np.corrcoef(frame.grey.ravel(), image.mean(axis=2).ravel())[0, 1]
        assert spread > 0.9 or pixels == "yuv420p10le"  # which has no plane of bytes: its green serves
