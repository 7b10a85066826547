"""Tables of a data set: the real one's counts, small ones by hand, and what is wrong with bad ones."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from market_files import FOLDERS, name, write_files, write_picture, zipped

from training.errors import TrainingError
from training.layouts import GALLERY, QUERY
from training.market1501 import Market, read_market


@pytest.fixture(scope="module")
def market(shared: Path) -> Market:
    return read_market(shared / "data" / "Market-1501-v15.09.15.zip")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "small")


# The real one.


def test_the_counts_of_market1501(market: Market) -> None:
    found = [len(table) for table in (market.train, market.query, market.gallery)]
    assert found == [12_936, 3_368, 15_913]
    assert market.junk == 3_819
    assert len(set(market.train.person)) == 751
    assert len(set(market.query.person)) == 750
    assert (market.gallery.person == 0).sum() == 2_798
    known = market.gallery.person > 0
    assert known.sum() == 13_115
    assert set(market.gallery.person[known]) == set(market.query.person)
    for table in (market.train, market.query, market.gallery):
        assert set(table.camera) == {1, 2, 3, 4, 5, 6}
    _, each = np.unique(market.train.person, return_counts=True)
    assert (each < 4).sum() == 15


def test_what_the_queries_of_market1501_may_find(market: Market) -> None:
    """A right answer is by another camera; those by the query's own are left out of its gallery."""
    same = market.query.person[:, None] == market.gallery.person
    own = market.query.camera[:, None] == market.gallery.camera
    right = (same & ~own).sum(axis=1)
    assert (right.min(), right.max()) == (1, 68)
    assert right.mean() == pytest.approx(14.74, abs=0.005)
    assert (same & own).sum(axis=1).mean() == pytest.approx(3.89, abs=0.005)


def test_names_with_two_endings_are_read(market: Market) -> None:
    for table, count in ((market.query, 6), (market.gallery, 16)):
        assert sum(path.endswith(".jpg.jpg") for path in table.names) == count


def test_a_row_says_what_its_name_says(market: Market) -> None:
    row = market.train.names.index("Market-1501-v15.09.15/bounding_box_train/0002_c1s1_000451_03.jpg")
    columns = (market.train.person, market.train.camera, market.train.sequence, market.train.frame)
    assert [int(column[row]) for column in columns] == [2, 1, 1, 451]


def test_real_pictures_are_sized_as_pil_does_it(market: Market) -> None:
    """BGR, and bilinear as in PIL, with which others train: within rounding, but for two decoders of JPEG."""
    from PIL import Image as Pil

    few = market.query.take(np.arange(0, len(market.query), 200))
    loaded = few.load(height=256, width=128)
    with zipfile.ZipFile(few.source) as archive:
        for path, image in zip(few.names, loaded, strict=True):
            with archive.open(path) as file, Pil.open(file) as opened:
                expected = np.asarray(opened.resize((128, 256), Pil.Resampling.BILINEAR))[..., ::-1]
            assert np.abs(image.astype(int) - expected).mean() < 1


# Small ones.


def test_tables_are_ordered_by_name_and_junk_is_left_out(folder: Path) -> None:
    market = read_market(folder)
    assert (len(market.train), len(market.query), len(market.gallery), market.junk) == (24, 12, 25, 1)
    for table in (market.train, market.query, market.gallery):
        assert list(table.names) == sorted(table.names)
    assert market.name == "small"
    assert market.query.names[:2] == ("query/0101_c1s1_000001_00.jpg", "query/0101_c2s1_000001_00.jpg")
    assert market.query.camera[:4].tolist() == [1, 2, 3, 1]


def test_labels_count_the_persons_in_order(folder: Path) -> None:
    table = read_market(folder).query.take(np.array([9, 0, 3, 1]))
    assert table.person.tolist() == [104, 101, 102, 101]
    assert table.labels().tolist() == [2, 0, 1, 0]


def test_an_archive_and_a_folder_are_the_same(folder: Path, tmp_path: Path) -> None:
    one, other = read_market(folder), read_market(zipped(folder, tmp_path / "small.zip"))
    for a, b in ((one.train, other.train), (one.query, other.query), (one.gallery, other.gallery)):
        assert [f"small-market/{path}" for path in a.names] == list(b.names)
        assert (a.person == b.person).all()
        assert (a.load(height=64, width=32) == b.load(height=64, width=32)).all()
    assert other.name == "small"


def test_pictures_come_in_the_order_of_the_rows(folder: Path) -> None:
    table = read_market(folder).train.take(np.array([5, 0, 17]))
    expected = [cv2.imread(str(folder / path)) for path in table.names]
    batches = list(table.batches(size=2))
    assert [len(part) for part in batches] == [2, 1]
    for found, told in zip([image for part in batches for image in part], expected, strict=True):
        assert (found == told).all()
    done: list[int] = []
    loaded = table.load(height=64, width=32, progress=done.append)
    assert loaded.dtype == np.uint8
    assert (loaded == np.stack([image for image in expected if image is not None])).all()
    assert done[-1] == 3


def test_png_pictures_many_cameras_and_strangers_files(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "png", people=2, cameras=2, ending=".png")
    write_picture(folder / QUERY / "0101_c12s3_000123_00.PNG", 101, 1, 0)
    (folder / QUERY / "._0101_c1s1_000001_00.png").write_bytes(b"what a Mac leaves behind")
    query = read_market(folder).query
    assert len(query) == 5
    assert query.camera.max() == 12
    assert query.sequence[query.camera == 12].tolist() == [3]


def test_names_without_a_sequence(folder: Path) -> None:
    """DukeMTMC-reID's."""
    write_picture(folder / QUERY / "0105_c8_f0046985.jpg", 105, 8, 0)
    query = read_market(folder).query
    facts = (query.person[-1], query.camera[-1], query.sequence[-1], query.frame[-1])
    assert facts == (105, 8, 1, 46985)


def test_a_part_that_is_not_needed_may_be_missing(folder: Path) -> None:
    shutil.rmtree(folder / "bounding_box_train")
    market = read_market(folder, folders=(QUERY, GALLERY))
    assert len(market.train) == 0
    assert market.train.load(height=8, width=4).shape == (0, 8, 4, 3)
    assert len(market.query) == 12


# Bad ones.


def refused(path: Path) -> str:
    with pytest.raises(TrainingError) as error:
        read_market(path)
    return str(error.value)


def test_nothing_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "D.zip") == (
        f"There is no data set at {tmp_path}/D.zip: name a folder or a .zip in Market-1501's layout."
    )


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "D.zip").write_text("not a zip")
    assert refused(tmp_path / "D.zip").endswith("D.zip is damaged or no .zip: fetch the data set again.")


def test_an_archive_cut_short(folder: Path, tmp_path: Path) -> None:
    archive = zipped(folder, tmp_path / "D.zip")
    archive.write_bytes(archive.read_bytes()[:-4000])
    assert "is damaged or no .zip" in refused(archive)


@pytest.mark.parametrize("missing", FOLDERS)
def test_another_layout(folder: Path, missing: str) -> None:
    (folder / missing).rename(folder / "images")
    assert refused(folder) == (
        f"{folder} holds no folder {missing}: expected Market-1501's layout, "
        "bounding_box_train, query, bounding_box_test."
    )


def test_no_pictures(folder: Path) -> None:
    for path in (folder / QUERY).glob("*.jpg"):
        path.unlink()
    assert refused(folder) == f"query of {folder} holds no picture (.jpg or .png) of a person: add some."


def test_only_junk(folder: Path) -> None:
    for path in (folder / QUERY).glob("*.jpg"):
        path.rename(path.with_name("-1" + path.name[4:]))
    assert "query of" in refused(folder)


def test_a_name_that_says_nothing(folder: Path) -> None:
    write_picture(folder / QUERY / "IMG_2041.jpg", 1, 1, 0)
    assert refused(folder) == (
        f"{folder} can't be used: query/IMG_2041.jpg does not say whom it shows: "
        "name pictures as 0002_c1s1_000451_03.jpg."
    )


def test_two_data_sets_at_once(folder: Path) -> None:
    shutil.copytree(folder / QUERY, folder / "copy" / QUERY)
    assert "holds query more than once" in refused(folder)


def test_a_picture_cut_short(folder: Path) -> None:
    """OpenCV alone would give it with a grey end."""
    path = folder / "bounding_box_train" / name(2, 1, 1)
    path.write_bytes(path.read_bytes()[:-20])
    assert damage(folder) == (
        f"The picture bounding_box_train/{path.name} in {folder} is damaged: fetch the data set again."
    )


def test_a_picture_that_is_none(folder: Path) -> None:
    (folder / "bounding_box_train" / name(2, 1, 1)).write_bytes(b"\xff\xd8 hello \xff\xd9")
    assert "is damaged" in damage(folder)


def test_an_empty_picture(folder: Path) -> None:
    (folder / "bounding_box_train" / name(2, 1, 1)).write_bytes(b"")
    assert "is damaged" in damage(folder)


def test_a_picture_that_went_away(folder: Path) -> None:
    market = read_market(folder)
    (folder / "bounding_box_train" / name(2, 1, 1)).unlink()
    with pytest.raises(TrainingError, match=r"0002_c1s2_000026_01\.jpg in .* can't be read: fetch"):
        market.train.load(height=64, width=32)


def test_a_picture_spoilt_inside_an_archive(folder: Path, tmp_path: Path) -> None:
    archive = zipped(folder, tmp_path / "D.zip")
    with zipfile.ZipFile(archive) as file:
        entry = next(entry for entry in file.infolist() if entry.filename.endswith(name(2, 1, 1)))
    data = bytearray(archive.read_bytes())
    middle = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
    data[middle] ^= 0xFF
    archive.write_bytes(data)
    assert "0002_c1s2_000026_01.jpg in" in damage(archive)
    assert "is damaged" in damage(archive)


def damage(path: Path) -> str:
    """What loading the training pictures complains of."""
    with pytest.raises(TrainingError) as error:
        read_market(path).train.load(height=64, width=32)
    return str(error.value)
