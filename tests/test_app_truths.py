"""Truths and results as other tools write them: the same boxes, whatever they are written like."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import errors
from app.cli import main
from app.config import ConfigError
from app.scoring.mot_files import matched, read_fps, read_results, read_truth, unpacked
from app.scoring.score import Boxes

ROWS = [(frame, who, 10.0 * who + frame, 20.0, 30.0, 60.0) for frame in (1, 2, 3) for who in (1, 2)]


def text(rows: list[tuple[float, ...]] = ROWS, *, between: str = ",", end: str = ",1,-1,-1,-1") -> str:
    return "".join(between.join(f"{one:g}" for one in row) + end.replace(",", between) + "\n" for row in rows)


def file(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def expect_rows(boxes: Boxes, rows: list[tuple[float, ...]] = ROWS) -> None:
    table = np.array(rows)
    np.testing.assert_array_equal(boxes.frames, table[:, 0] - 1)
    np.testing.assert_array_equal(boxes.ids, table[:, 1])
    np.testing.assert_allclose(boxes.boxes[:, :2], table[:, 2:4])
    np.testing.assert_allclose(boxes.boxes[:, 2:], table[:, 2:4] + table[:, 4:6])


@pytest.mark.parametrize(
    "content",
    [
        text(),
        text(between=" "),
        text(between="\t"),
        text(between=", "),
        text(between=";"),
        text(between="  "),
        "\ufeff" + text(),
        text().replace("\n", "\r\n"),
        text(end=""),  # no mark at all
        text(end=",1"),
        text(end=",0.9,-1,-1,-1,"),
        text() + "\n\n",
        "frame,id,x,y,w,h,mark,a,b,c\n" + text(),
        "# by somebody\n" + text(),
        text(end=",1,1,1"),
        text().encode("utf-16"),
        text().encode() + b"# caf\xe9\n",
        text(between=";", end="").replace(";20;", ";20,0;"),  # decimals with a comma
        text(between="\t", end="").replace("\t20\t", "\t20,0\t"),
        "".join(",".join(f'"{one}"' for one in row) + "\n" for row in ROWS),
    ],
)
def test_one_layout_in_many_hands(content: str | bytes, tmp_path: Path) -> None:
    file(tmp_path / "hall.txt", content)
    (boxes,) = read_truth(tmp_path).values()
    expect_rows(boxes)
    assert not boxes.ignored.any()
    expect_rows(read_results(tmp_path)["hall"])


CAR = (1.0, 9.0, 300.0, 20.0, 90.0, 60.0)


def test_classes_are_what_labels_say(tmp_path: Path) -> None:
    content = text(end=",1,2,1.0") + text([CAR], end=",1,1,1.0")
    file(tmp_path / "hall/gt/gt.txt", content)
    file(tmp_path / "hall/gt/labels.txt", "car\nPedestrian\n")
    expect_rows(read_truth(tmp_path)["hall"])
    file(tmp_path / "hall/gt/labels.txt", "car\ntruck\n")
    with pytest.raises(ConfigError, match="none of its classes is a person: car, truck"):
        read_truth(tmp_path)


def test_classes_are_the_challenges_where_no_labels_say(tmp_path: Path) -> None:
    """MOT16: 1 a pedestrian, 3 a car, 7 somebody who stands still, 12 a reflection."""
    still, mirrored = (2.0, 7.0, 90.0, 20.0, 30.0, 60.0), (2.0, 8.0, 190.0, 20.0, 30.0, 60.0)
    content = text(end=",1,1,1") + text([CAR], end=",1,3,1") + text([still], end=",1,7,1")
    file(tmp_path / "hall.txt", content + text([mirrored], end=",0,12,1"))
    (boxes,) = read_truth(tmp_path).values()
    expect_rows(boxes, [*ROWS, still, mirrored])
    assert boxes.ignored.tolist() == [False] * 6 + [True, True]


def test_classes_are_visdrones_where_there_are_ten_columns_of_them(tmp_path: Path) -> None:
    """0 a region to be ignored, 1 a pedestrian, 4 a car; then whether it is cut off, and how hidden it is."""
    crowd = (1.0, 8.0, 200.0, 20.0, 90.0, 60.0)
    content = text(end=",1,1,0,2") + text([CAR], end=",1,4,1,0") + text([crowd], end=",0,0,0,0")
    file(tmp_path / "hall.txt", content)
    boxes = read_truth(tmp_path)["hall"]
    expect_rows(boxes, [*ROWS, crowd])
    assert boxes.ignored.tolist() == [False] * 6 + [True]
    file(tmp_path / "hall.txt", text(end=",1,0,0,0"))  # places on the ground, none of which is known
    expect_rows(read_truth(tmp_path)["hall"])


def cvat_xml() -> str:
    """A video of CVAT: its tracks from 0, one of a car, and a box that has left the picture."""
    tracks = []
    for who, label in ((1, "Person"), (2, "Person"), (9, "car")):
        rows = [row for row in [*ROWS, CAR] if row[1] == who]
        boxes = [
            f'<box frame="{f - 1:g}" outside="0" xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}"/>'
            for f, _, x, y, w, h in rows
        ]
        gone = '<box frame="7" outside="1" occluded="0" xtl="1" ytl="1" xbr="9" ybr="9"/>'
        tracks.append(f'<track id="{who}" label="{label}">{"".join(boxes)}{gone}</track>')
    meta = "<meta><task><name>campus.mp4</name></task></meta>"
    return f'<?xml version="1.0"?><annotations>{meta}{"".join(tracks)}</annotations>'


def coco_of_pictures() -> dict[str, object]:
    """As CVAT exports it: pictures by number, people among the attributes, no videos."""
    told: dict[str, Any] = coco()
    del told["videos"]
    for image in told["images"]:
        frame = image["id"] - 101
        image.clear()
        image |= {"id": frame + 101, "file_name": f"frame_{frame:06d}.PNG"}
    for one in told["annotations"]:
        one["attributes"] = {"occluded": False, "track_id": one.pop("instance_id")}
    return told


def layouts(tmp_path: Path) -> dict[str, Callable[[], Path]]:
    """Ways to keep the truth of one camera."""
    seqinfo = "[Sequence]\nname=campus\nframeRate=25\n"
    gt = tmp_path / "cvat" / "gt" / "gt.txt"

    def zipped() -> Path:
        with zipfile.ZipFile(tmp_path / "cvat.zip", "w") as archive:
            archive.writestr("gt/gt.txt", text())
            archive.writestr("gt/labels.txt", "person\n")
            archive.writestr("seqinfo.ini", seqinfo)
        return tmp_path / "cvat.zip"

    return {
        "gt at the root": lambda: file(gt, text()).parent.parent,
        "the file itself": lambda: file(gt, text()),
        "a lone text": lambda: file(tmp_path / "truth.txt", text()),
        "an archive": zipped,
        "a folder in an archive": lambda: nested(tmp_path / "deep.zip"),
        "a folder in a folder": lambda: file(
            tmp_path / "mot" / "train" / "campus" / "gt" / "gt.txt", text()
        ).parents[3],
        "another ending": lambda: file(tmp_path / "upper" / "CAMPUS.TXT", text()).parent,
        "CVAT's XML": lambda: file(tmp_path / "cvat" / "annotations.xml", cvat_xml()).parent,
        "CVAT's XML, the file": lambda: file(tmp_path / "annotations.xml", cvat_xml()),
        "COCO of pictures": lambda: file(tmp_path / "pictures.json", json.dumps(coco_of_pictures())),
        "COCO": lambda: file(tmp_path / "coco" / "instances.json", json.dumps(coco())).parent,
        "COCO, the file": lambda: file(tmp_path / "coco.json", json.dumps(coco())),
    }


def nested(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export/campus/gt/gt.txt", text())
        archive.writestr("__MACOSX/export/._x", "")
    return path


def coco(*, first: int = 0, key: str = "instance_id") -> dict[str, object]:
    return {
        "videos": [{"id": 5, "name": "videos/campus.mp4"}],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
        "images": [
            {"id": 100 + frame, "video_id": 5, "frame_id": frame - 1 + first, "file_name": f"{frame}.jpg"}
            for frame in (1, 2, 3)
        ],
        "annotations": [
            *(
                {"id": n, "image_id": 100 + f, key: who, "category_id": 1, "bbox": [x, y, w, h]}
                for n, (f, who, x, y, w, h) in enumerate(ROWS)
            ),
            {"id": 99, "image_id": 101, key: 9, "category_id": 3, "bbox": [300, 20, 90, 60]},
        ],
    }


@pytest.mark.parametrize("layout", list(layouts(Path())))
def test_a_truth_of_one_camera_is_scored_against_its_results(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = layouts(tmp_path)[layout]()
    results = file(tmp_path / "results" / "campus.txt", text())
    for found in (results, results.parent):
        assert main(["score", "--truth", str(truth), "--results", str(found), "--json"]) == errors.OK
        told = json.loads(capsys.readouterr().out)
        assert told["all"]["idf1"] == 1.0


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("key", ["instance_id", "track_id"])
def test_coco_counts_frames_from_0_or_1(first: int, key: str, tmp_path: Path) -> None:
    path = file(tmp_path / "a.json", json.dumps(coco(first=first, key=key)))
    expect_rows(read_truth(path)["campus"])


@pytest.mark.parametrize("first", [0, 1])
def test_ai_citys_one_file_is_all_cameras(
    first: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Camera, id, frame, x, y, w, h, and where that is on the ground; cameras by their numbers."""
    lines = [
        f"{camera} {who} {frame - 1 + first} {x:g} {y:g} {w:g} {h:g} -1.5 2.5\n"
        for camera in (1, 12)
        for frame, who, x, y, w, h in ROWS
    ]
    truth = file(tmp_path / "ground_truth_train.txt", "".join(lines))
    read = read_truth(truth)
    assert sorted(read) == ["1", "12"]
    expect_rows(read["12"])
    for name in ("c001", "c012", "c099"):
        file(tmp_path / "results" / f"{name}.txt", text())
    command = ["score", "--truth", str(truth), "--results", str(tmp_path / "results"), "--json"]
    assert main(command) == errors.OK
    told = json.loads(capsys.readouterr().out)
    assert told["all"]["idf1"] == 1.0
    assert told["not_scored"] == ["c099"]


def test_cameras_are_matched_by_name_then_number_then_alone() -> None:
    one = Boxes.none()
    assert matched({"a": one, "b2": one}, {"b2": 0, "a": 0}) == {"a": "a", "b2": "b2"}
    assert matched({"1": one, "2": one}, {"c002": 0, "c001": 0}) == {"1": "c001", "2": "c002"}
    assert matched({"x": one}, {"y": 0}) == {"x": "y"}
    assert matched({"x": one, "z": one}, {"y": 0, "w": 0}) == {}
    assert matched({"c1_v2": one, "z": one}, {"1": 0, "2": 0}) == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("1,1,2,3,4,5,1\n1,2,3\n", "row 2 has 3 columns, the first 7"),
        ("1,1,2,3,4\n", "5 columns where at least 6"),
        ("0,1,2,3,4,5,1\n", "row 1: a frame is a whole number from 1"),
        ("1,1,2,nan,4,5,1\n", "row 1: a frame is"),
        ("1,1e300,2,3,4,5,1\n", "row 1: a frame is"),
        ("1,1,2,3,4,5,1\n1,1,9,9,4,5,1\n", "has the id 1 more than once in frame 1"),
        ("words\nand words\n", "not in MOT's layout"),
        ("\x00" * 40, "not in MOT's layout"),
        (b"\xff\xfe1,1", "not in MOT's layout"),
    ],
)
def test_what_is_laid_out_otherwise_is_one_sentence(content: str | bytes, told: str, tmp_path: Path) -> None:
    path = file(tmp_path / "hall.txt", content)
    with pytest.raises(ConfigError) as caught:
        read_truth(tmp_path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    ["{}", "[]", "7", "[" * 100_000, '{"images": [{"id": 1}], "annotations": [], "categories": []}', "{"],
)
def test_json_of_another_layout_is_one_sentence(content: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not in MOT's layout"):
        read_truth(file(tmp_path / "a.json", content))


@pytest.mark.parametrize("content", ["<annotations/>", "<a><track/></a>", "no xml", "<annotations>" * 5])
def test_xml_of_another_layout_is_one_sentence(content: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is no XML"):
        read_truth(file(tmp_path / "a.xml", content))


def test_an_archive_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    for content in (b"PK\x03\x04 and no more", b""):
        path = file(tmp_path / "a.zip", content)
        with pytest.raises(ConfigError, match=r"a\.zip is damaged"), unpacked(path):
            pass


def test_the_rate_may_stand_at_the_root(tmp_path: Path) -> None:
    file(tmp_path / "seqinfo.ini", "\ufeff[Sequence]\nframeRate=12.5\n")
    assert read_fps(tmp_path, "campus", 25.0) == 12.5


def test_the_truths_of_reported_cases(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A parked car, and the same results in other hands, change nothing."""
    cases = shared / "data/cases/mot"
    told = []
    for truth, results in (
        ("truth", "res"),
        ("cv", "res"),
        ("cvat", "res"),
        ("truth", "space"),
        ("truth", "bom"),
    ):
        command = ["score", "--truth", str(cases / truth), "--results", str(cases / results), "--json"]
        assert main(command) == errors.OK
        told.append(json.loads(capsys.readouterr().out)["all"])
    assert all(one == told[0] for one in told[1:])
