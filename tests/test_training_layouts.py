"""Data sets of people as they are handed on: who is whom, what is asked for, and what is no data set."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from small_market import picture

from app import errors
from app.cli import main
from training.errors import TrainingError
from training.layouts import GALLERY, QUERY, TRAIN, Layout, LayoutError, laid_out
from training.market1501 import MOST_BYTES, read_market


def layout_of(names: Sequence[str], **texts: str) -> Layout:
    return laid_out(sorted(names), lambda name: texts[name.rpartition("/")[2].partition(".")[0]])


def facts(layout: Layout, table: str) -> list[tuple[str, int, int]]:
    """Name, person and camera of a table's pictures."""
    return [(name, person, camera) for name, person, camera, *_ in layout.tables[table]]


def test_markets_layout_may_have_a_folder_for_each_person() -> None:
    names = [f"d/{folder}/0002/0002_c1s1_000451_03.jpg" for folder in (TRAIN, QUERY, GALLERY)]
    layout = layout_of([*names, "d/readme.txt", "d/__MACOSX/._x.jpg"])
    assert [facts(layout, table) for table in (TRAIN, QUERY, GALLERY)] == [[(name, 2, 1)] for name in names]


def test_msmt17_is_told_by_its_lists() -> None:
    pictures = ["0000_000_01_0303morning_0015_0.jpg", "0000_001_14_0303noon_0015_1.jpg"]
    names = [f"MSMT17_V1/test/0000/{name}" for name in pictures]
    lists = [f"MSMT17_V1/list_{kind}.txt" for kind in ("train", "query", "gallery")]
    layout = layout_of(
        [*names, *lists],
        list_train="",
        list_query=f"0000/{pictures[0]} 0\n",
        list_gallery=f"0000/{pictures[1]} 0\n",
    )
    assert facts(layout, QUERY) == [(names[0], 0, 1)]
    assert facts(layout, GALLERY) == [(names[1], 0, 14)]
    with pytest.raises(LayoutError, match=r"names 0000/gone\.jpg, which is not there"):
        layout_of([*names, lists[1]], list_query="0000/gone.jpg 0\n")


@pytest.mark.parametrize("folders", [True, False])
def test_viper_is_scored_on_halves(folders: bool) -> None:
    names = [f"{n:03d}_{angle}_{camera}.bmp" for n in range(8) for angle, camera in ((0, 1), (90, 2))]
    if folders:
        names = [f"VIPeR/cam_{'ab'[int(name[-5]) - 1]}/{name[:-6]}.bmp" for name in names]
    layout = layout_of(names)
    assert len(layout.trials) == 10
    for query, gallery in layout.trials:
        asked = {layout.tables[QUERY][row][1] for row in query}
        assert len(asked) == len(query) == 4
        assert {layout.tables[GALLERY][row][1] for row in gallery} == asked
    assert len({tuple(query) for query, _ in layout.trials}) > 1
    assert layout_of(names).trials == layout.trials, "the same every time"


def test_strangers_of_grid_are_in_every_gallery() -> None:
    names = [
        f"{n:04d}_{camera}_25004_107_32_106_221.jpg" for n in range(1, 7) for camera in (n % 3 + 1, n % 3 + 4)
    ]
    names += [f"0000_{n}_25004_107_32_106_221.jpg" for n in range(1, 6)]
    layout = layout_of(names)
    assert [person for _, person, _ in facts(layout, QUERY)] == [1, 2, 3, 4, 5, 6]
    for query, gallery in layout.trials:
        people = [layout.tables[GALLERY][row][1] for row in gallery]
        assert people.count(0) == 5
        assert sorted(set(people) - {0}) == sorted(layout.tables[QUERY][row][1] for row in query)


def test_cuhk03_has_one_picture_of_each_in_a_trial() -> None:
    names = [
        f"{pair}_{n:03d}_{camera}_{k:02d}.png"
        for pair in (1, 2)
        for n in range(1, 4)
        for camera in (1, 2)
        for k in (1, 2)
    ]
    layout = layout_of(names)
    assert len(layout.trials) == 20
    for query, gallery in layout.trials:
        people = [layout.tables[QUERY][row][1] for row in query]
        assert len(people) == len(set(people)) == 3
        assert sorted(layout.tables[GALLERY][row][1] for row in gallery) == sorted(people)


@pytest.mark.parametrize("split", [True, False])
def test_a_folder_for_each_person(split: bool) -> None:
    names = [f"{who}/{k}.jpg" for who in ("Ann", "Bea") for k in range(3)]
    if split:
        names = [f"{('query' if name.endswith('0.jpg') else 'gallery')}/{name}" for name in names]
    layout = layout_of(names)
    assert [person for _, person, _ in facts(layout, QUERY)] == [1, 2]
    assert sorted(person for _, person, _ in facts(layout, GALLERY)) == [1, 1, 2, 2]
    assert len(layout.tables[TRAIN]) == (0 if split else 6)


@pytest.mark.parametrize(
    "name",
    [
        "{split}/000{who}_c{camera}s1_000451_0{k}.jpg",  # no folder a person
        "image_{split}/000{who}_c00{camera}_0000{k}_0.jpg",  # VeRi's
        "{Split}/000{who}_c{camera}s1_000451_0{k}.JPG",
        "{split}/cam{camera}/{who}/{k}.jpg",
        "{split}/{who}/cam_{letter}/{k}.jpg",
        "cam_{letter}/person_000{who}/{k}.png",  # PRID's
        "{who}/camera {camera}/{k}.png",
        "bbox_test/000{who}/000{who}C{camera}T0001F00{k}.jpg",  # MARS
        "000{who}_c{camera}s1_000451_0{k}.jpg",
    ],
)
def test_people_and_cameras_are_told_by_names_or_folders(name: str) -> None:
    """Never a camera, or a split, for a person."""
    names = [
        name.format(who=who, k=k, camera=camera, letter=" ab"[camera], split=split, Split=split.title())
        for who in (2, 3)
        for camera in (1, 2)
        for k, split in ((1, "query"), (2, "test"))
    ]
    layout = layout_of(names)
    for table in (QUERY, GALLERY):
        seen = [(person, camera) for _, person, camera in facts(layout, table)]
        assert len(seen) == len(set(seen)) == 4
        assert {camera for _, camera in seen} == {1, 2}


def test_one_picture_of_each_in_each_camera_is_asked_for_once() -> None:
    layout = layout_of([f"cam{camera}/person{n:03d}/{n}.png" for n in (1, 2) for camera in (1, 2)])
    assert [(person, camera) for _, person, camera in facts(layout, QUERY)] == [(1, 1), (2, 1)]
    assert [(person, camera) for _, person, camera in facts(layout, GALLERY)] == [(1, 2), (2, 2)]


def test_cameras_are_in_the_names_or_unknown() -> None:
    layout = layout_of([f"{who}/{who}_cam{k}.jpg" for who in ("1", "2") for k in (1, 2)])
    assert {camera for _, _, camera in facts(layout, TRAIN)} == {1, 2}
    assert {
        camera for _, _, camera in facts(layout_of(["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"]), QUERY)
    } == {0}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "holds no picture"),
        (["a.txt"], "holds no picture"),
        (["1.jpg", "2.jpg"], "laid out as nothing known"),
        (["a/1.jpg", "b/1.jpg"], "laid out as nothing known"),
        (["query/x.jpg", "query/y.jpg", "gallery/x.jpg", "gallery/y.jpg"], "laid out as nothing known"),
        (["query/9999999999999999999999_c1s1_000001_01.jpg"], "does not say whom it shows"),
        (["x/query/0002_c1s1_000451_03.jpg", "y/query/0002_c1s1_000451_03.jpg"], "query more than once"),
    ],
)
def test_what_is_laid_out_as_nothing_known_is_said(names: list[str], told: str) -> None:
    with pytest.raises(LayoutError, match=told):
        layout_of(names)


# Through the command


def write(folder: Path, names: Sequence[str]) -> Path:
    """Pictures of the person whose number the folder's name is."""
    import cv2

    random = np.random.default_rng(3)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture(int(path.parent.name), random))
    return folder


def scores(data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    weights = ["--weights", "person-reidentification-retail-0277"]
    capsys.readouterr()
    assert main(["evaluate-reid", "--data", str(data), *weights, "--json"]) == errors.OK
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.usefixtures("assets")
def test_one_camera_alone_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = scores(write(tmp_path / "d", [f"{who}/{k}.png" for who in (1, 2, 3) for k in range(3)]), capsys)
    assert (told["queries"], told["gallery"], told["one_camera"], told["trials"]) == (3, 6, True, 1)
    assert told["plain"]["rank1"] == 1.0  # type: ignore[index]


@pytest.mark.usefixtures("assets")
def test_the_data_sets_of_reported_cases(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = scores(shared / "data/cases/reid/perperson", capsys)
    assert (told["queries"], told["queries_without_answer"], told["gallery"]) == (23, 5, 32)
    for number, why in ((1, "does not say whom"), (3, "locked by a password")):
        path = shared / f"data/cases/hostile/zip_{number}_d.zip"
        assert main(["evaluate-reid", "--data", str(path)]) == errors.TRAINING
        assert why in capsys.readouterr().err


def test_the_pictures_of_viper_and_grid(shared: Path) -> None:
    viper, grid = (
        read_market(shared / f"data/crops/{name}.zip", folders=(QUERY, GALLERY)) for name in ("VIPeR", "GRID")
    )
    assert (len(viper.query), len(viper.gallery), len(viper.trials)) == (632, 632, 10)
    assert {len(query) for query, _ in viper.trials} == {316}
    assert (len(grid.query), len(grid.gallery), len(grid.trials)) == (250, 1025, 10)
    assert {(len(query), len(gallery)) for query, gallery in grid.trials} == {(125, 900)}


# Archives


def test_an_archive_whose_method_is_unknown_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("query/0002_c1s1_000451_03.jpg", b"x")
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.index(mark)
        data[place + at : place + at + 2] = (99).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(TrainingError, match="packed in a way unknown here"):
        read_market(path, folders=(QUERY,))


def test_a_picture_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("query/0002_c1s1_000451_03.jpg", bytes(MOST_BYTES + 1))
    with pytest.raises(TrainingError, match="unpacks to more than 64 MB"):
        list(read_market(path, folders=(QUERY,)).query.batches())


def test_a_picture_of_too_many_pixels_is_damage(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    bomb = (shared / "data/cases/hostile/pic_bomb_60000.png").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("query/0002_c1s1_000451_03.png", bomb)
    with pytest.raises(TrainingError, match="is damaged"):
        list(read_market(path, folders=(QUERY,)).query.batches())
