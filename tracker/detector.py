"""The one door to ultralytics: pictures in, the people in them out.

A network of ultralytics' YOLO family (detection, pose and segmentation models alike) is run by OpenVINO
on a CPU and by torch on a GPU.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracker.conversion import converted
from tracker.networks import Network, OpenVinoNetwork, TorchNetwork, import_openvino
from tracker.types import Detections, Floats, Image
from tracker.yolo import Layout, Letterbox, batches, suppress

PERSON_NAMES = ("person", "pedestrian", "people")
COCO_CLASSES = 80
BOX_TASKS = ("detect", "pose", "segment")
MAX_PEOPLE = 300
LARGEST_BATCH = 16
GPU_DOORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # what the driver of a GPU leaves in /dev
UNREADABLE = (  # what the loaders of torch and ultralytics raise at a file they make no sense of
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


class DetectorError(Exception):
    """The weights or the device cannot be used; the message is one sentence that says why."""


class Detector:
    """Finds people in pictures. Belongs to one thread at a time.

    weights: a .pt or .onnx file, an OpenVINO .xml, or the folder that holds one.
    device: "auto" (a GPU where torch finds one), "cpu", "cuda" or "cuda:1".
    image_size: the longer side in pixels a picture is scaled to, a multiple of 32.
    min_score: people below it are not reported. max_overlap: of two boxes with a higher IoU the worse goes.
    cache: the folder for networks converted to OpenVINO; without one they are converted at every start.

    Raises DetectorError where the weights or the device cannot be used.
    """

    def __init__(
        self,
        weights: Path,
        *,
        device: str = "auto",
        image_size: int = 640,
        min_score: float = 0.1,
        max_overlap: float = 0.7,
        cache: Path | None = None,
    ) -> None:
        if image_size <= 0 or image_size % 32:
            raise ValueError(f"image_size: expected a multiple of 32, found {image_size}")
        self._network = _open(weights, device=device, image_size=image_size, cache=cache)
        self._space = self._network.fixed_shape or (image_size, image_size)
        blank = np.zeros((1, *self._space, 3), np.uint8)
        self._layout = _layout(self._network.run(blank)[0].shape, self._network.names, weights)
        self._min_score = min_score
        self._max_overlap = max_overlap

    @property
    def backend(self) -> str:
        """What runs the network, for people to read: "openvino bf16 on CPU"."""
        return self._network.backend

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each image, in the images' order.

        images: (H, W, 3) uint8 BGR, of any sizes. Boxes are in the pixels of their own image, clipped to it,
        best first. The same images in the same batches give the same boxes.
        """
        frames = [self._letterbox(image) for image in images]
        found = [Detections.none()] * len(images)
        for rows in batches([frame.shape for frame in frames], LARGEST_BATCH):
            pixels = np.stack([frames[row].fit(images[row]) for row in rows])
            for row, output in zip(rows, self._network.run(pixels), strict=True):
                found[row] = self._people(output, frames[row])
        return found

    def _letterbox(self, image: Image) -> Letterbox:
        stride = None if self._network.fixed_shape else self._network.stride
        return Letterbox.around(image.shape[0], image.shape[1], self._space, stride)

    def _people(self, output: Floats, frame: Letterbox) -> Detections:
        boxes, scores = self._layout.read(output, self._min_score)
        if not len(boxes):
            return Detections.none()
        rows = suppress(boxes, scores, self._max_overlap, MAX_PEOPLE)
        boxes, scores = frame.restore(boxes[rows]), np.clip(scores[rows], 0, 1)
        inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        return Detections(boxes[inside], scores[inside])


def _layout(shape: tuple[int, ...], names: Sequence[str], weights: Path) -> Layout:
    """The layout by the shape of one output and the classes' names (none where the file tells none)."""
    rows, columns = shape
    end_to_end = columns < rows
    classes = len(names) or (COCO_CLASSES if end_to_end else rows - 4)
    if (columns < 6) if end_to_end else (rows < 4 + classes):
        raise DetectorError(f"{weights} is no detector: its output of {rows} x {columns} holds no boxes.")
    people = [number for number, name in enumerate(names) if name.lower() in PERSON_NAMES]
    if classes == 1 or (not names and classes == COCO_CLASSES):
        people = [0]
    if not people:
        told = f"its classes are {', '.join(names[:6])}" if names else f"its {classes} classes have no names"
        raise DetectorError(f"{weights} is no person detector: {told}; give one with a class 'person'.")
    return Layout(classes, np.array(people), end_to_end)


def _expect_detector(model: Any, weights: Path) -> int:
    """The number of the output that holds the boxes."""
    shape = model.input(0).get_partial_shape() if len(model.inputs) == 1 else []
    if len(shape) != 4 or shape[1].is_dynamic or shape[1].get_length() != 3:
        raise DetectorError(f"{weights} is no detector of ultralytics: it does not take colour pictures.")
    for number, output in enumerate(model.outputs):
        if len(output.get_partial_shape()) == 3:
            return number
    raise DetectorError(f"{weights} is no detector: it gives no boxes, so it is a network of another kind.")


def _open(weights: Path, *, device: str, image_size: int, cache: Path | None) -> Network:
    weights = _expect_file(weights)
    device = _choose_device(device, weights)
    if device != "cpu":
        return _open_torch(weights, device, cache)
    core = import_openvino().Core()
    if weights.suffix == ".pt":
        model = converted(core, weights, load=lambda: _load_model(weights, cache), cache=cache)
    else:
        model = _read(core, weights)
    if model is None:
        return _open_torch(weights, device, cache)
    return OpenVinoNetwork(core, model, output=_expect_detector(model, weights), image_size=image_size)


def _open_torch(weights: Path, device: str, cache: Path | None) -> Network:
    return TorchNetwork(_load_model(weights, cache), device)


def _expect_file(weights: Path) -> Path:
    if not weights.exists():
        raise DetectorError(f"There are no detector weights at {weights}: name a file that exists.")
    if weights.is_dir():
        found = sorted(weights.glob("*.xml"))
        if len(found) != 1:
            raise DetectorError(f"{weights} holds {len(found)} OpenVINO .xml files: name the one to use.")
        return found[0]
    if weights.suffix not in (".pt", ".onnx", ".xml"):
        raise DetectorError(f"{weights} is no detector: give a .pt, an .onnx or an OpenVINO .xml.")
    return weights


def _choose_device(device: str, weights: Path) -> str:
    """Either "cpu" or "cuda:N". Loads torch, which is slow, only where there may be a GPU."""
    if device == "cpu" or (device == "auto" and not _gpu_wanted(weights)):
        return "cpu"
    import torch

    kind, _, number = device.partition(":")
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if kind != "cuda" or not (number or "0").isdigit():
        raise DetectorError(f"There is no device '{device}': say auto, cpu, cuda or cuda:1.")
    if int(number or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DetectorError(f"torch finds no '{device}' ({count} CUDA devices here): say auto or cpu.")
    if weights.suffix != ".pt":
        raise DetectorError(f"{weights} runs on the CPU only: for {device} give its .pt.")
    return f"cuda:{int(number or 0)}"


def _gpu_wanted(weights: Path) -> bool:
    return weights.suffix == ".pt" and any(Path(door).exists() for door in GPU_DOORS)


def _read(core: Any, weights: Path) -> Any:
    try:
        return core.read_model(weights)
    except RuntimeError as error:
        raise DetectorError(f"{weights} is damaged or no network: export or fetch it again.") from error


def _load_model(weights: Path, cache: Path | None) -> Any:
    """The torch module of an ultralytics .pt, float32, ready to run."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "network.pt"  # a name ultralytics reads nothing into
        link.symlink_to(weights.resolve())
        yolo = _import_yolo(cache)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
                model = yolo(str(link)).model
            if model.task not in BOX_TASKS:
                raise DetectorError(f"{weights} is no person detector but a network for '{model.task}'.")
            return model.float().fuse(verbose=False).eval()
        except UNREADABLE as error:
            raise DetectorError(
                f"{weights} is no network of ultralytics, or damaged: fetch it again, or name another file."
            ) from error


def _import_yolo(cache: Path | None) -> Any:
    """ultralytics.YOLO, kept from the internet, installing packages, printing and running pickled code."""
    settings = (cache or Path(tempfile.gettempdir())) / "ultralytics"
    with contextlib.suppress(OSError):
        settings.mkdir(parents=True, exist_ok=True)
    os.environ["YOLO_OFFLINE"] = "True"
    os.environ["YOLO_AUTOINSTALL"] = "False"
    os.environ.setdefault("YOLO_CONFIG_DIR", str(settings))
    os.environ.setdefault("YOLO_VERBOSE", "False")
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "True")
    from ultralytics import YOLO  # type: ignore[attr-defined]

    return YOLO
