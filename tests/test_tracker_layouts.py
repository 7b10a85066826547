"""Networks of other makers: each sees one person at one place of any picture, told in its own way."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto as Type
from onnx import helper, numpy_helper

from tracker.detector import Detector, DetectorError
from tracker.networks import class_names

SIDE = 320
COCO = ["person", *(f"class{n}" for n in range(1, 80))]
CENTRE = np.array([160, 160, 60, 200], np.float32)  # cx, cy, w, h in pixels
CORNERS = np.array([130, 60, 190, 260], np.float32)
DICT = str(dict(enumerate(COCO)))


def table(rows: int, width: int, person: Sequence[float], *, at: int = 7) -> np.ndarray:
    """(rows, width) zeros but for one row."""
    made = np.zeros((rows, width), np.float32)
    made[at, : len(person)] = person
    return made


def network(
    path: Path,
    outputs: Sequence[np.ndarray],
    *,
    names: str | None = DICT,
    called: Sequence[str] = (),
    stride: str = "32",
    shape: Sequence[int] = (1, 3, SIDE, SIDE),
    kind: int = Type.FLOAT,
    sizes: bool = False,
) -> Path:
    """A network whose outputs are always these, of one picture. called: the outputs' names. sizes: it also
    takes the size of it.
    """
    entries = [helper.make_tensor_value_info("images", kind, list(shape))]
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=Type.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    if sizes:
        entries.append(helper.make_tensor_value_info("orig_target_sizes", Type.INT64, [1, 2]))
        nodes += [
            helper.make_node("Cast", ["orig_target_sizes"], ["scale"], to=Type.FLOAT),
            helper.make_node("Concat", ["scale", "scale"], ["scales"], axis=1),
        ]
    made, constants = [], [numpy_helper.from_array(np.float32(0), "zero")]
    called = called or [f"output{n}" for n in range(len(outputs))]
    for n, output in enumerate(outputs):
        constants.append(numpy_helper.from_array(output[None].astype(np.float32), f"fixed{n}"))
        scaled = sizes and output.ndim == 2 and output.shape[1] == 4
        nodes.append(helper.make_node("Add", [f"fixed{n}", "nothing"], [f"sum{n}" if scaled else called[n]]))
        if scaled:
            nodes.append(helper.make_node("Mul", [f"sum{n}", "scales"], [called[n]]))
        made.append(helper.make_tensor_value_info(called[n], Type.FLOAT, [1, *output.shape]))
    model = helper.make_model(
        helper.make_graph(nodes, "g", entries, made, constants), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    told = {"stride": stride} | ({} if names is None else {"names": names})
    for key, value in told.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


def anchors(count: int = 3) -> int:
    return count * sum((SIDE // stride) ** 2 for stride in (8, 16, 32))


PLAIN = table(120, 84, [*CENTRE, 0.9])
OBJECT = table(120, 85, [*CENTRE, 0.95, 0.95])
PARTS = CENTRE / SIDE
LOGITS = np.full((300, 91), -9.0, np.float32)
LOGITS[7, 1] = 2.2  # COCO's category 1 is a person; sigmoid 0.90
CROWD = np.sort(np.random.default_rng(2).uniform(0, SIDE, (300, 2, 2)), axis=1).reshape(300, 4)
SEGMENTS = np.random.default_rng(0).normal(size=(120, 32)).astype(np.float32)
CELL = table(
    anchors(1), 85, [160 / 8 - 20, 160 / 8 - 20, np.log(60 / 8), np.log(200 / 8), 0.95, 0.95], at=820
)

LAYOUTS: dict[str, tuple[list[np.ndarray], dict[str, Any]]] = {
    "ultralytics v8 to v12": ([PLAIN.T], {}),
    "the same, turned": ([PLAIN], {}),
    "names as a list": ([PLAIN.T], {"names": str(COCO)}),
    "names as words": ([PLAIN.T], {"names": ", ".join(COCO)}),
    "no names": ([PLAIN.T], {"names": None}),
    "strides as a list": ([PLAIN.T], {"stride": "[8, 16, 32]"}),
    "in parts of one": ([np.hstack([PLAIN[:, :4] / SIDE, PLAIN[:, 4:]]).T], {}),
    "v8 that segments": ([np.hstack([PLAIN, SEGMENTS]).T, np.zeros((32, 80, 80), np.float32)], {}),
    "v8 of poses": ([table(120, 56, [*CENTRE, 0.9, *np.arange(51.0)]).T], {"names": "{0: 'person'}"}),
    "v5, v7": ([OBJECT], {}),
    "v5 without names": ([OBJECT], {"names": None}),
    "v5 of one class": (
        [np.hstack([table(anchors(), 5, [*CENTRE, 0.95]), np.full((anchors(), 1), 0.95)])],
        {"names": "['person']"},
    ),
    "v5 of two classes": ([table(120, 7, [*CENTRE, 0.95, 0.95, 0.1])], {"names": "['person', 'car']"}),
    "v5 that segments": ([np.hstack([OBJECT, SEGMENTS]), np.zeros((32, 80, 80), np.float32)], {}),
    "v5 with its heads": ([OBJECT, np.zeros((3, 40, 40, 85), np.float32)], {}),
    "YOLOX, by cells": ([CELL], {"names": None}),
    "YOLOX, decoded": ([np.hstack([OBJECT[7:8, :4].repeat(anchors(1), 0), CELL[:, 4:]])], {"names": None}),
    "v10, v26, end to end": ([table(300, 6, [*CORNERS, 0.9, 0])], {}),
    "end to end, of one class": ([table(300, 6, [*CORNERS, 0.9, 0])], {"names": "{0: 'person'}"}),
    "end to end, of two": ([table(300, 6, [*CORNERS, 0.9, 1])], {"names": "{0: 'car', 1: 'person'}"}),
    "end to end, in parts": ([table(300, 6, [*CORNERS / SIDE, 0.9, 0])], {}),
    "end to end, of poses": (
        [table(300, 57, [*CORNERS, 0.9, 0, *np.arange(51.0)])],
        {"names": "{0: 'person'}"},
    ),
    "RT-DETR": ([table(300, 6, [*PARTS, 0.9, 0])], {}),
    "RT-DETR, a score a class": ([table(300, 84, [*PARTS, 0.9])], {}),
    "RF-DETR: boxes and logits": ([table(300, 4, PARTS), LOGITS], {"names": None}),
    "RT-DETR of transformers: logits and boxes": ([LOGITS[:, 1:81], table(300, 4, PARTS)], {"names": None}),
    "YOLO-NAS: corners and scores": (
        [np.vstack([CORNERS, CROWD]), table(301, 80, [0.9], at=0)],
        {"names": None},
    ),
    "TensorFlow: y before x, classes from 1": (
        [table(300, 4, CORNERS[[1, 0, 3, 2]] / SIDE), np.ones(300), table(300, 1, [0.9])[:, 0]],
        {
            "names": None,
            "called": ("detection_boxes", "detection_classes", "detection_scores"),
            "shape": (1, SIDE, SIDE, 3),
            "kind": Type.UINT8,
        },
    ),
    "names as JSON": ([PLAIN.T], {"names": json.dumps({str(n): name for n, name in enumerate(COCO)})}),
    "D-FINE: labels, boxes, scores": (
        [np.zeros(300, np.float32), table(300, 4, CORNERS / SIDE), table(300, 1, [0.9])[:, 0]],
        {"names": DICT, "sizes": True},
    ),
    "half precision": ([PLAIN.T], {"kind": Type.FLOAT16}),
    "bytes": ([PLAIN.T], {"kind": Type.UINT8}),
    "colours last": ([PLAIN.T], {"shape": (1, SIDE, SIDE, 3)}),
    "grey": ([PLAIN.T], {"shape": (1, 1, SIDE, SIDE)}),
    "any size": ([PLAIN.T], {"shape": (1, 3, "height", "width")}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_person_is_found_by_each(layout: str, tmp_path: Path) -> None:
    outputs, settings = LAYOUTS[layout]
    path = network(tmp_path / "network.onnx", outputs, **settings)
    picture = np.random.default_rng(1).integers(0, 256, (2 * SIDE, 2 * SIDE, 3), np.uint8)
    (found,) = Detector(path, device="cpu", image_size=SIDE).detect([picture])
    if layout == "YOLOX, decoded":  # every candidate has the box, one of them a score
        assert len(found) == 1
    np.testing.assert_allclose(found.boxes, [2 * CORNERS], atol=0.6)
    assert found.scores == pytest.approx([0.9], abs=0.01)


LOW = np.hstack([PLAIN[:, :4], PLAIN[:, 4:] - 5])


@pytest.mark.parametrize(
    ("outputs", "settings", "told"),
    [
        ([table(120, 85, [*CENTRE, 0.9]).T], {}, "turned by an angle"),
        ([PLAIN], {"names": "['person', 'car', 'dog']"}, "84 numbers fits no layout with 3 named"),
        ([table(120, 6, [*CENTRE, 0.9]).T], {}, "which is no box with 80 scores"),
        ([LOW.T], {}, "its scores reach from -5 to -4.1; 0 to 1 is expected"),
        ([np.full((84, 120), np.nan)], {}, "no table of finite numbers"),
        ([PLAIN.T], {"names": "5"}, "'5' for names, which are no classes"),
        ([PLAIN.T], {"names": "[" * 3000}, "which cannot be read"),
        ([PLAIN.T], {"names": "{'a': 'person'}"}, "which are no classes"),
        ([PLAIN.T], {"names": "['person', 7]"}, "which are no classes"),
        ([PLAIN.T], {"stride": "wide"}, "'wide', which cannot be read"),
        ([PLAIN.T], {"stride": "-32"}, "for its stride"),
        ([PLAIN.T], {"stride": "1e9"}, "for its stride"),
        ([PLAIN.T], {"shape": (1, 4, SIDE, SIDE)}, "nor grey ones"),
        ([PLAIN.T], {"shape": (1, 3, 100_000, 100_000)}, "it takes pictures of 100000x100000 pixels"),
        ([PLAIN.T], {"names": str([f"c{n}" for n in range(80)])}, "its classes are c0, c1"),
        ([table(300, 4, PARTS)], {}, "boxes without scores"),
        ([table(300, 4, PARTS), np.zeros((300, 92))], {"names": None}, "it has nobody as a class of its own"),
        ([table(300, 4, PARTS), np.zeros((300, 2))], {"names": None}, "its 2 classes have no names"),
        ([table(300, 4, PARTS), np.zeros((300, 9))], {}, "it gives 9 scores a box, but names 80 classes"),
        ([table(100, 5, CORNERS), np.zeros(100)], {}, "as mmdetection exports them, and does not tell how"),
        ([np.zeros(16, np.float32)], {}, "it gives no boxes"),
    ],
)
def test_what_reads_as_no_layout_is_refused_before_the_run(
    outputs: list[np.ndarray], settings: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = network(tmp_path / "network.onnx", outputs, **settings)
    with pytest.raises(DetectorError, match=told) as caught:
        Detector(path, device="cpu")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("names", "person", "told"),
    [
        ("['mensch', 'auto']", "Mensch", None),
        ("['mensch', 'auto']", 0, None),
        (
            "['mensch', 'auto']",
            None,
            "give one with a class 'person', or say which class is people by person_class",
        ),
        ("['mensch', 'auto']", "human", "no class 'human': its classes are mensch, auto"),
        ("['mensch', 'auto']", 2, "there is no class 2: it has 2, counted from 0"),
    ],
)
def test_which_class_is_people_can_be_said(
    names: str, person: str | int | None, told: str | None, tmp_path: Path
) -> None:
    path = network(tmp_path / "network.onnx", [table(120, 6, [*CENTRE, 0.9]).T], names=names)
    if told is not None:
        with pytest.raises(DetectorError, match=told):
            Detector(path, device="cpu", person_class=person)
        return
    detector = Detector(path, device="cpu", person_class=person)
    (found,) = detector.detect([np.full((SIDE, SIDE, 3), 90, np.uint8)])
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{1: 'b', 0: 'a'}", ["a", "b"]),
        ('{"10": "k", "9": "j"}', ["j", "k"]),
        ("['a', 'b']", ["a", "b"]),
        ("('a', 'b')", ["a", "b"]),
        ("a, b", ["a", "b"]),
        ("a\nb", ["a", "b"]),
    ],
)
def test_names_of_classes_in_any_way(text: str, names: list[str]) -> None:
    assert class_names(text) == names


def test_rf_detr_is_given_pictures_as_it_was_trained_with(tmp_path: Path) -> None:
    """Its one score tells the mean of its input, which is 0 of a picture in ImageNet's mean colour."""
    path = network(tmp_path / "n.onnx", [table(300, 4, PARTS), LOGITS], names=None, called=("dets", "labels"))
    model = onnx.load(path)
    weight = next(one for one in model.graph.initializer if one.name == "zero")
    weight.CopyFrom(numpy_helper.from_array(np.float32(10), "zero"))
    labels = next(one for one in model.graph.initializer if one.name == "fixed1")
    labels.CopyFrom(
        numpy_helper.from_array(np.where(LOGITS > 0, 0.0, -99.0)[None].astype(np.float32), "fixed1")
    )
    dets = next(node for node in model.graph.node if node.output[0] == "dets")
    dets.op_type, dets.input[1] = "Sum", "fixed0"
    onnx.save(model, path)
    mean = np.full((SIDE, SIDE, 3), np.array([0.406, 0.456, 0.485]) * 255, np.uint8)
    (found,) = Detector(path, device="cpu").detect([mean])
    assert found.scores == pytest.approx([0.5], abs=0.03)


def test_what_is_taken_for_people_is_told_where_it_is_called_otherwise(tmp_path: Path) -> None:
    for name, told in (("face", ", its only class 'face' taken for people"), ("Human ", "")):
        path = network(tmp_path / "n.onnx", [table(120, 5, [*CENTRE, 0.9]).T], names=str([name]))
        assert Detector(path, device="cpu").backend.partition(" on CPU")[2] == told


def test_the_networks_of_reported_cases(shared: Path) -> None:
    pictures = [np.full((480, 640, 3), 90, np.uint8)]
    folder = shared / "data/cases/models"
    (wanted,) = Detector(folder / "control.onnx", device="cpu").detect(pictures)
    assert len(wanted) == 1
    for name in ("names_list", "v5", "v5_nometa", "rtdetr"):
        (found,) = Detector(folder / f"{name}.onnx", device="cpu").detect(pictures)
        np.testing.assert_allclose(found.boxes, wanted.boxes, atol=1.0)
    hostile = shared / "data/cases/hostile"
    assert (
        len(Detector(hostile / "onnx_5.onnx", device="cpu").detect(pictures)[0]) == 1
    )  # it is one as it says
    assert "gives no boxes" in _refusal(hostile / "onnx_3.onnx")
    assert "onnx_8.onnx" in _refusal(shared / "data/cases/hostile/onnx_8.onnx")


def test_a_grey_network_of_ultralytics_is_given_grey(shared: Path, tmp_path: Path) -> None:
    detector = Detector(shared / "data/cases/models/gray1.pt", device="cpu", cache=tmp_path)
    assert len(detector.detect([np.full((480, 640, 3), 90, np.uint8)])) == 1


def _refusal(path: Path) -> str:
    with pytest.raises(DetectorError) as caught:
        Detector(path, device="cpu")
    return str(caught.value)


class Command:
    """What a pickle may carry."""

    def __init__(self, line: str) -> None:
        self.line = line

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.line,)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "network.pt", tmp_path / "trace"
    torch.save({"model": Command(f"touch {trace}")}, path)
    assert "no network of ultralytics" in _refusal(path)
    assert not trace.exists()


def test_where_loading_is_not_restricted_no_pickle_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with versions older than pyproject.toml asks for."""
    from ultralytics.nn import tasks

    monkeypatch.setattr(tasks._SafeLoad, "SUPPORTED", False)
    path, trace = tmp_path / "network.pt", tmp_path / "trace"
    torch.save({"model": Command(f"touch {trace}")}, path)
    assert "pip install -U ultralytics torch, or give the network as .onnx" in _refusal(path)
    assert not trace.exists()
