"""Pictures of people whom nobody named: which files count, and what is said of those that cannot be used."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_market import picture

from training.errors import TrainingError
from training.unlabelled import NOBODY, read_unlabelled

NAMES = ("b.jpg", "a/deep/er/c.PNG", "a/d.jpeg")
OTHERS = ("notes.txt", ".hidden.jpg", "__MACOSX/a/d.jpeg", "a/.cache/e.jpg")


def write(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for number, name in enumerate((*NAMES, *OTHERS)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ending = path.suffix.lower() if path.suffix != ".txt" else ".png"
        path.write_bytes(cv2.imencode(ending, picture(number, random))[1].tobytes())
    return folder


def archive(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as made:
        for file in folder.rglob("*"):
            if file.is_file():
                made.write(file, file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_all_pictures_of_a_folder_or_an_archive_are_found_however_deep(tmp_path: Path, packed: bool) -> None:
    folder = write(tmp_path / "people")
    (table,) = read_unlabelled([archive(folder) if packed else folder])
    assert table.names == tuple(sorted(NAMES))
    assert set(table.person.tolist()) == {NOBODY}
    loaded = table.load(height=32, width=16)
    assert loaded.shape == (3, 32, 16, 3)
    assert len(np.unique(loaded.reshape(3, -1), axis=0)) == 3


def test_each_place_has_a_table_of_its_own(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    assert [table.source for table in read_unlabelled([one, other])] == [one, other]
    assert read_unlabelled([]) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere.zip", "There are no pictures at .*: name a folder or a .zip of them."),
        ("text.zip", "is damaged or no .zip: fetch it again."),
        ("empty", "holds no picture .* name another with --unlabelled."),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "text.zip").write_text("no archive", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=sentence):
        read_unlabelled([tmp_path / name])
