"""The detector on real footage beside ultralytics' own results, in every format, and on wrong files."""

from __future__ import annotations

import logging
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from tracker.conversion import converted
from tracker.detector import Detector, DetectorError, _load_model
from tracker.networks import TorchNetwork, import_openvino
from tracker.types import Detections, Image, Part

TINY = {  # a YOLOv8 in small
    "nc": 1,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], *([-1, 1, "Conv", [c, 3, 2]] for c in (8, 16, 16, 16))],
    "head": [[[2, 3, 4], 1, "Detect", ["nc"]]],
}


@pytest.fixture(scope="module")
def weights(shared: Path) -> Path:
    return shared / "weights" / "yolov8n.pt"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def detector(weights: Path, cache: Path) -> Detector:
    return Detector(weights, device="cpu", cache=cache)


@pytest.fixture(scope="module")
def frames(shared: Path) -> list[Image]:
    """Every eighth of the first 160 frames, read-only."""
    video = cv2.VideoCapture(str(shared / "data" / "video" / "vtest.avi"))
    read = [np.asarray(video.read()[1], np.uint8) for _ in range(160)][::8]
    for image in read:
        image.setflags(write=False)
    return read


@pytest.fixture(scope="module")
def reference(shared: Path) -> list[Detections]:
    """What ultralytics' own predict found in those frames, by the same weights at confidence 0.1."""
    rows = np.load(shared / "reference" / "mot" / "PETS09-S2L1.npz")["detections"].astype(np.float32)
    found = [rows[rows[:, 0] == index + 1] for index in range(0, 160, 8)]
    return [Detections(part[:, 1:5], part[:, 5]) for part in found]


def save_tiny(path: Path, names: list[str]) -> Path:
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel({**TINY, "nc": len(names)}, ch=3, verbose=False)
    model.names = dict(enumerate(names))
    torch.save({"model": model}, path)
    return path


@pytest.fixture(scope="module")
def tiny(detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of one class. After the detector, whose conversion has imported ultralytics quietly."""
    return save_tiny(tmp_path_factory.mktemp("tiny") / "yolov5s.pt", ["person"])


def overlaps(a: Any, b: Any) -> Any:
    """(N, M) IoU of xyxy boxes."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared_area = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b))
    return shared_area / (area_a[:, None] + area_b[None] - shared_area)


def expect_agreement(found: list[Detections], expected: list[Detections], *, iou: float) -> None:
    """Every clear person of the one is in the other, with about the same score."""
    for one, other in ((found, expected), (expected, found)):
        for people, others in zip(one, other, strict=True):
            clear = people.boxes[people.scores > 0.5]
            best = overlaps(clear, others.boxes).argmax(axis=1)
            assert (overlaps(clear, others.boxes).max(axis=1) > iou).all()
            assert np.abs(people.scores[people.scores > 0.5] - others.scores[best]).max() < 0.1


def test_it_finds_whom_ultralytics_finds(
    detector: Detector, frames: list[Image], reference: list[Detections]
) -> None:
    found = detector.detect(frames)
    expect_agreement(found, reference, iou=0.9)
    assert sum(map(len, found)) == pytest.approx(sum(map(len, reference)), rel=0.05)


def test_boxes_are_best_first_and_inside_the_picture(detector: Detector, frames: list[Image]) -> None:
    for people in detector.detect(frames):
        assert people.boxes.dtype == people.scores.dtype == np.float32
        assert people.embeddings is None
        assert (np.diff(people.scores) <= 0).all()
        assert (people.scores > 0.1).all()
        assert (people.boxes >= 0).all()
        assert (people.boxes <= [768, 576, 768, 576]).all()
        assert (people.boxes[:, 2:] > people.boxes[:, :2]).all()


def test_the_same_pictures_give_the_same_boxes(detector: Detector, frames: list[Image]) -> None:
    once, again = detector.detect(frames[:3]), detector.detect(frames[:3])
    for a, b in zip(once, again, strict=True):
        assert np.array_equal(a.boxes, b.boxes)
        assert np.array_equal(a.scores, b.scores)


def test_a_part_has_whom_the_whole_picture_has_there(detector: Detector, frames: list[Image]) -> None:
    wholes = detector.detect(frames)
    parts: list[Part] = []
    for people in wholes:
        clear = people.boxes[people.scores > 0.5] / np.array([768, 576, 768, 576])
        one = clear[len(clear) // 2]
        parts.append((one[0] - 0.03, one[1] - 0.03, one[2] + 0.03, one[3] + 0.03))
    found = detector.detect(frames, parts)
    for part, some, whole in zip(parts, found, wholes, strict=True):
        box = np.array([part], np.float32) * np.array([768, 576, 768, 576])
        middle = (whole.boxes[:, :2] + whole.boxes[:, 2:]) / 2
        there = ((middle > box[:, :2]) & (middle < box[:, 2:])).all(axis=1) & (whole.scores > 0.5)
        assert there.any()
        best = overlaps(whole.boxes[there], some.boxes)
        assert (best.max(axis=1) > 0.8).all()
    assert sum(map(len, found)) < sum(map(len, wholes)) / 2


def test_who_reaches_over_the_edge_of_a_part_is_seen_whole(detector: Detector, frames: list[Image]) -> None:
    [whole] = detector.detect(frames[:1])
    x1, y1, x2, y2 = whole.boxes[0] / np.array([768, 576, 768, 576])
    feet: Part = (x1, y1 + 0.6 * (y2 - y1), x2, y2 + 0.4)
    looked = detector.detect(frames[:1], [feet])[0]
    clear = [found.boxes[found.scores > 0.5] for found in (looked, whole)]
    assert len(looked) == 0 or overlaps(*clear).max() > 0.9


def test_pictures_of_several_sizes_come_back_in_their_order(detector: Detector, frames: list[Image]) -> None:
    pictures = [frames[0], frames[1][:, 200:500], cv2.resize(frames[2], (300, 225)), frames[3], frames[4]]
    together = detector.detect(pictures)
    alone = [detector.detect([picture])[0] for picture in pictures]
    for a, b in zip(together, alone, strict=True):
        assert len(a) > 0
        assert np.allclose(a.boxes, b.boxes, atol=0.5)


def test_nothing_is_found_where_nothing_is(detector: Detector) -> None:
    assert detector.detect([]) == []
    blank = [np.full((240, 320, 3), shade, np.uint8) for shade in (0, 128, 255)]
    assert [len(people) for people in detector.detect(blank)] == [0, 0, 0]


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (31, 33)])
def test_odd_pictures_do_no_harm(detector: Detector, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert len(detector.detect([noise])) == 1


def test_torch_finds_the_same_in_full_precision(
    detector: Detector, weights: Path, frames: list[Image], reference: list[Detections]
) -> None:
    network = TorchNetwork(_load_model(weights, None), "cpu")
    assert network.backend == "torch fp32 on CPU"
    other = Detector.__new__(Detector)
    other.__dict__.update(detector.__dict__, _network=network)
    expect_agreement(other.detect(frames[:3]), reference[:3], iou=0.98)


def test_a_network_of_fixed_size_and_batch_finds_the_same(
    weights: Path, cache: Path, detector: Detector, frames: list[Image], tmp_path: Path
) -> None:
    """The padding to a square, which such a network needs, changes the boxes by little."""
    openvino = import_openvino()
    made = next((cache / "detectors").glob("*/network.xml"))
    model = openvino.Core().read_model(made)
    model.reshape([2, 3, 640, 640])
    openvino.save_model(model, tmp_path / "any.xml")
    square = Detector(tmp_path, device="cpu")
    expect_agreement(square.detect(frames[:3]), detector.detect(frames[:3]), iou=0.85)


def test_an_onnx_export_finds_the_same(
    weights: Path, detector: Detector, frames: list[Image], tmp_path: Path
) -> None:
    from ultralytics import YOLO

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's words on ultralytics' way of exporting
        network = YOLO(shutil.copy(weights, tmp_path / "yolov8n.pt"))
        exported = network.export(format="onnx", dynamic=True, simplify=False, verbose=False)
    found = Detector(Path(exported), device="cpu").detect(frames[:3])
    expect_agreement(found, detector.detect(frames[:3]), iou=0.98)


def test_a_second_start_needs_neither_torch_nor_ultralytics(
    detector: Detector, weights: Path, cache: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from tracker.detector import Detector\n"
        f"Detector(Path({str(weights)!r}), device='cpu', cache=Path({str(cache)!r}))\n"
        "print(sorted({'torch', 'ultralytics', 'openvino_telemetry.main'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_a_damaged_cache_is_made_anew(tiny: Path, tmp_path: Path) -> None:
    Detector(tiny, device="cpu", cache=tmp_path)
    [kept] = (tmp_path / "detectors").glob("*/network.bin")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    assert Detector(tiny, device="cpu", cache=tmp_path).backend.startswith("openvino")
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        made = Detector(tiny, device="cpu", cache=tmp_path / "file")
    assert made.backend.startswith("openvino")
    assert "every start converts the detector" in caplog.text


def test_of_two_that_convert_at_once_the_first_is_kept(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    core = import_openvino().Core()

    def load() -> Any:
        return _load_model(tiny, tmp_path)

    def load_while_another_finishes() -> Any:
        converted(core, tiny, load=load, cache=tmp_path)
        return load()

    model = converted(core, tiny, load=load_while_another_finishes, cache=tmp_path)
    assert model is not None
    assert caplog.text == ""
    [kept] = (tmp_path / "detectors").iterdir()
    assert sorted(file.name for file in kept.iterdir()) == ["network.bin", "network.xml"]


def test_a_network_of_one_class_is_taken_whatever_its_class_is_called(tiny: Path, tmp_path: Path) -> None:
    named = save_tiny(tmp_path / "item.pt", ["item"])
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(Detector(named, device="cpu", image_size=64).detect([noise])) == 1


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "none.pt", r"There are no detector weights at .*none\.pt"),
        (lambda folder: written(folder, "a.txt", b"x"), "give a .pt, an .onnx or an OpenVINO .xml"),
        (lambda folder: written(folder, "a.pt", b"hello world"), "no network of ultralytics, or damaged"),
        (lambda folder: written(folder, "a.pt", b""), "no network of ultralytics, or damaged"),
        (lambda folder: written(folder, "a.pt", pickle.dumps([1])), "no network of ultralytics, or damaged"),
        (lambda folder: written(folder, "a.onnx", b"hello world"), "is damaged or no network"),
        (lambda folder: written(folder, "a.onnx", b""), "is damaged or no network"),
        (lambda folder: written(folder, "a.xml", b"<net"), "is damaged or no network"),
        (lambda folder: folder, r"holds 0 OpenVINO \.xml files"),
    ],
)
def test_a_file_that_is_no_detector_is_named_in_one_sentence(make: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=says) as caught:
        Detector(make(tmp_path), device="cpu")
    assert str(caught.value).count("\n") == 0
    assert str(tmp_path) in str(caught.value)


def test_a_truncated_network_is_refused(weights: Path, tmp_path: Path) -> None:
    half = written(tmp_path, "half.pt", weights.read_bytes()[:3_000_000])
    with pytest.raises(DetectorError, match="no network of ultralytics, or damaged"):
        Detector(half, device="cpu")


def test_another_network_in_the_detectors_place_is_refused(shared: Path, tmp_path: Path) -> None:
    backbone = shutil.copy(shared / "weights" / "mobilenet_v2_imagenet.pth", tmp_path / "backbone.pt")
    with pytest.raises(DetectorError, match="no network of ultralytics, or damaged"):
        Detector(Path(backbone), device="cpu")
    embedder = shared / "weights" / "person-reidentification-retail-0277.xml"
    with pytest.raises(DetectorError, match="it gives no boxes"):
        Detector(embedder, device="cpu")


def test_a_detector_of_other_things_is_refused(tiny: Path, tmp_path: Path) -> None:
    pets = save_tiny(tmp_path / "pets.pt", ["cat", "dog"])
    with pytest.raises(DetectorError, match="its classes are cat, dog; give one with a class 'person'"):
        Detector(pets, device="cpu")


@pytest.mark.parametrize(
    ("device", "says"), [("tpu", "no device 'tpu': say auto, cpu"), ("cuda:99", "finds no 'cuda:99'")]
)
def test_a_device_that_is_not_there_is_refused(weights: Path, device: str, says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        Detector(weights, device=device)
