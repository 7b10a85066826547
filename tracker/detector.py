"""The one door to ultralytics: pictures in, the people in them out.

A network of ultralytics' YOLO family (detection, pose and segmentation models alike), or another one as ONNX
or OpenVINO has it (tracker/layout.py tells which), is run by OpenVINO on a CPU and by torch on a GPU.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tracker.conversion import converted
from tracker.layout import PERSON_NAMES, Layout, LayoutError, layout_of
from tracker.networks import Network, OpenVinoNetwork, TorchNetwork, import_openvino
from tracker.types import Detections, Floats, Image, Part
from tracker.yolo import Letterbox, batches, suppress

BOX_TASKS = ("detect", "pose", "segment")
MAX_PEOPLE = 300
LARGEST_BATCH = 16
CLEAR = 0.5
"""The score from which somebody whom the edge of a part cuts has the whole picture looked at. Who is less
clear there is left out: they neither move nor are followed, and half of them says little."""
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
    person_class: which class is people, by name or number; None to know by its name.
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
        person_class: str | int | None = None,
        min_score: float = 0.1,
        max_overlap: float = 0.7,
        cache: Path | None = None,
    ) -> None:
        if image_size <= 0 or image_size % 32:
            raise ValueError(f"image_size: expected a multiple of 32, found {image_size}")
        with _explained(weights):
            self._network, self._layout = _opened(
                weights, device=device, image_size=image_size, person=person_class, cache=cache
            )
        self._space = self._network.fixed_shape or (image_size, image_size)
        self._looks_at_parts = self._network.parts and self._network.fixed_shape is None
        self._min_score = min_score
        self._max_overlap = max_overlap

    @property
    def backend(self) -> str:
        """What runs the network, for people to read: "openvino bf16 on CPU"; and what it takes for people,
        where its only class is called otherwise.
        """
        names = self._network.names
        if self._layout.classes == 1 and names and names[0].strip().casefold() not in PERSON_NAMES:
            return f"{self._network.backend}, its only class {names[0]!r} taken for people"
        return self._network.backend

    @property
    def facts(self) -> dict[str, str]:
        """What it takes, how its output reads and which of its classes are people, for people to read."""
        names = self._network.names
        people = [names[n] if n < len(names) else f"number {n}" for n in self._layout.people.tolist()]
        size = self._network.fixed_shape
        takes = f"{size[1]}x{size[0]} alone" if size else f"any size, in steps of {self._network.stride}"
        told = f"{self._layout.classes} classes, people: {', '.join(people)}"
        return {"layout": self._layout.words, "classes": told, "pictures": takes}

    def detect(self, images: Sequence[Image], parts: Sequence[Part] = ()) -> list[Detections]:
        """The people of each image, in the images' order.

        images: (H, W, 3) uint8 BGR, of any sizes. parts: of each, where people are looked for, on the scale
        of the whole image; none given: everywhere. Where one who is clearly seen reaches over the edge of a
        part, the whole image is looked at. A GPU, and a network of a fixed shape, are always given all of it.
        Boxes are in the pixels of their own image, clipped to it, best first. The same images and parts in
        the same batches give the same boxes.
        """
        whole = [self._letterbox(image) for image in images]
        frames = whole
        if parts and self._looks_at_parts:
            each = zip(whole, parts, strict=True)
            frames = [frame.around_part(part, self._network.stride) for frame, part in each]
        found = self._found(images, frames)
        cut = [frame.cut(one.boxes) for frame, one in zip(frames, found, strict=True)]
        again = [row for row, one in enumerate(found) if (one.scores[cut[row]] >= CLEAR).any()]
        wholly = iter(self._found([images[row] for row in again], [whole[row] for row in again]))
        return [next(wholly) if row in again else one.take(~cut[row]) for row, one in enumerate(found)]

    def _found(self, images: Sequence[Image], frames: Sequence[Letterbox]) -> list[Detections]:
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


@contextlib.contextmanager
def _explained(weights: Path) -> Iterator[None]:
    """Raises DetectorError for what a network's makers did otherwise."""
    try:
        yield
    except LayoutError as error:
        raise DetectorError(f"{weights} is no person detector that can be used: {error}.") from error
    except RuntimeError as error:  # OpenVINO's
        why = str(error).strip().splitlines()[-1][:120]
        raise DetectorError(f"{weights} cannot be run ({why}): export or fetch it again.") from error


def _opened(
    weights: Path, *, device: str, image_size: int, person: str | int | None, cache: Path | None
) -> tuple[Network, Layout]:
    """The network, and how its output reads, as a picture of colours shows. Raises LayoutError."""
    network = _open(weights, device=device, image_size=image_size, cache=cache)
    shape = network.fixed_shape or (image_size, image_size)
    output = network.run(_colours(shape))[0]
    layout = layout_of(
        output, network.names, shape=shape, form=network.form, classes=network.classes, person=person
    )
    if layout.objectness and layout.cells is not None and isinstance(network, OpenVinoNetwork):
        model = _read(core := import_openvino().Core(), weights)
        network = OpenVinoNetwork(core, model, image_size=image_size, as_they_are=True)
    return network, layout


def _colours(shape: tuple[int, int]) -> Image:
    """(1, height, width, 3): soft patches, always the same; a blank picture would tell less."""
    patches = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    image = cv2.resize(patches, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(image, np.uint8)[None]


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
    return OpenVinoNetwork(core, model, image_size=image_size)


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
    except (RuntimeError, UnicodeDecodeError) as error:
        raise DetectorError(f"{weights} is damaged or no network: export or fetch it again.") from error


def _load_model(weights: Path, cache: Path | None) -> Any:
    """The torch module of an ultralytics .pt, float32, ready to run."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "network.pt"  # a name ultralytics reads nothing into
        link.symlink_to(weights.resolve())
        yolo = _import_yolo(weights, cache)
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


def _import_yolo(weights: Path, cache: Path | None) -> Any:
    """ultralytics.YOLO, kept from the internet, installing packages, printing and running pickled code."""
    settings = (cache or Path(tempfile.gettempdir())) / "ultralytics"
    with contextlib.suppress(OSError):
        settings.mkdir(parents=True, exist_ok=True)
    os.environ["YOLO_OFFLINE"] = "True"
    os.environ["YOLO_AUTOINSTALL"] = "False"
    os.environ.setdefault("YOLO_CONFIG_DIR", str(settings))
    os.environ.setdefault("YOLO_VERBOSE", "False")
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "True"
    from ultralytics import YOLO, utils  # type: ignore[attr-defined]
    from ultralytics.nn import tasks

    # A pickle runs what its maker wrote; only where it is kept from that, a stranger's is opened.
    if not (hasattr(tasks, "SAFE_LOAD") and tasks._SafeLoad.SUPPORTED):
        raise DetectorError(
            f"{weights} is not opened, for this ultralytics or torch would run code that is in it: "
            "pip install -U ultralytics torch, or give the network as .onnx."
        )
    vars(utils)["SAFE_LOAD"] = vars(tasks)["SAFE_LOAD"] = True  # also where it was imported before
    return YOLO
