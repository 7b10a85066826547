"""The two ways to run a detection network: torch, and OpenVINO on a CPU."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from tracker.layout import NORMALISED, Form, LayoutError, as_one_table
from tracker.types import Floats, Image

AT_ONCE = 2
"""More pictures at once are no faster on a CPU, and its memory grows with each larger number that is met."""

MOST_INPUT = 4096 * 4096  # pixels a network may ask for
MOST_STRIDE = 1024
COLOURS = (1, 3)
IMAGENET_MEAN, IMAGENET_DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of red, green, blue


class Network(Protocol):
    """names: of the classes, none where unknown. fixed_shape: the only (height, width) it takes, if any.
    parts: whether a part of a picture takes so much less time than all of it.
    form, classes: how it gives what it found, known once it ran; see as_one_table.
    """

    backend: str
    form: Form
    classes: int
    names: list[str]
    stride: int
    fixed_shape: tuple[int, int] | None
    parts: bool

    def run(self, pixels: Image) -> Sequence[Floats]:
        """(N, H, W, 3) BGR -> N tables, as a Layout reads them."""


class TorchNetwork:
    """An ultralytics model under torch: on a GPU in half precision, channels last."""

    fixed_shape: tuple[int, int] | None = None
    form: Form = "one table"
    classes = 0
    parts = False

    def __init__(self, model: Any, device: str) -> None:
        import torch

        self._torch, self._device = torch, torch.device(device)
        cuda = self._device.type == "cuda"
        self._dtype = torch.float16 if cuda else torch.float32
        self._model = model.to(device=self._device, dtype=self._dtype).to(memory_format=torch.channels_last)
        self._grey = channels_of(model) == 1
        self.names, self.stride = names_of(model), stride_of(model)
        place = f"{self._device} ({torch.cuda.get_device_name(self._device)})" if cuda else "CPU"
        self.backend = f"torch {'fp16' if cuda else 'fp32'} on {place}"

    def run(self, pixels: Image) -> Sequence[Floats]:
        with self._torch.inference_mode():
            pictures = grey(pixels) if self._grey else pixels
            batch = self._torch.from_numpy(pictures).to(self._device).permute(0, 3, 1, 2)
            ordered = batch if self._grey else batch[:, [2, 1, 0]]
            output = self._model(ordered.to(self._dtype) / 255)
            return list(first_of(output).float().cpu().numpy())


def names_of(model: Any) -> list[str]:
    """The classes of an ultralytics torch model."""
    names = model.names
    return [str(name) for name in (names.values() if isinstance(names, dict) else names)]


def stride_of(model: Any) -> int:
    return max(32, int(max(model.stride)))


def channels_of(model: Any) -> int:
    """Of a picture that a torch model takes. Raises LayoutError where that is neither grey nor colour."""
    channels = int(next(iter(model.parameters())).shape[1])
    if channels not in COLOURS:
        raise LayoutError(f"it takes pictures of {channels} channels, which are neither grey nor colour")
    return channels


def grey(pixels: Image) -> Image:
    """(N, H, W, 3) BGR -> (N, H, W, 1)."""
    return np.stack([np.asarray(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY), np.uint8) for one in pixels])[
        ..., None
    ]


def first_of(output: Any) -> Any:
    """The boxes of an output that may carry masks and the training's tensors behind them."""
    while isinstance(output, (tuple, list)):
        output = output[0]
    return output


class OpenVinoNetwork:
    """A network under OpenVINO on the CPU, in bf16 where the CPU has it; the graph itself takes BGR bytes.

    as_they_are: its input is BGR from 0 to 255, as YOLOX has it; else RGB from 0 to 1, of RF-DETR by
    ImageNet's mean and deviation. Raises LayoutError for a network that takes no pictures.
    """

    parts = True

    def __init__(self, core: Any, model: Any, *, image_size: int, as_they_are: bool = False) -> None:
        entry = Entry(model)
        self.names, self.stride = _told_names(model), _told_stride(model)
        if model.is_dynamic() and any(op.get_type_name() == "FakeQuantize" for op in model.get_ops()):
            entry.resize(model, image_size)  # int8 with free shapes crashes on CPUs with AMX
        self.fixed_shape = entry.fixed_shape
        self._entry, self._batch = entry, entry.fixed_batch
        self.form: Form = "one table"
        self.classes = 0
        named = [output.any_name if output.names else str(n) for n, output in enumerate(model.outputs)]
        flat = [len(output.get_partial_shape()) < 4 for output in model.outputs]
        self._needed = {name: n for n, name in enumerate(named) if flat[n]}
        settings = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        compiled = core.compile_model(
            entry.taking_bytes(model, as_they_are=as_they_are, named=named), "CPU", settings
        )
        self._request = compiled.create_infer_request()
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        self.backend = f"openvino {precision.replace('f', 'fp') if precision[0] == 'f' else precision} on CPU"

    def run(self, pixels: Image) -> Sequence[Floats]:
        step, found = self._batch or AT_ONCE, list[Floats]()
        for start in range(0, len(pixels), step):
            part = pixels[start : start + step]
            missing = np.repeat(part[:1], (self._batch or len(part)) - len(part), axis=0)
            found.extend(self._infer(np.concatenate([part, missing]) if len(missing) else part)[: len(part)])
        return found

    def _infer(self, pixels: Image) -> Floats:
        self._request.infer(self._entry.inputs(pixels), share_inputs=True)
        outputs = {
            name: np.array(self._request.get_output_tensor(n).data, np.float32)
            for name, n in self._needed.items()
        }
        table, self.form, self.classes = as_one_table(outputs)
        return table


class Entry:
    """What a model takes: pictures, and, of D-FINE and its kin, the size of each. Raises LayoutError."""

    def __init__(self, model: Any) -> None:
        shapes = [entry.get_partial_shape() for entry in model.inputs]
        pictures = [n for n, shape in enumerate(shapes) if shape.rank.is_static and len(shape) == 4]
        sizes = [n for n, shape in enumerate(shapes) if shape.rank.is_static and len(shape) == 2]
        if len(pictures) != 1 or len(pictures) + len(sizes) != len(shapes) or len(sizes) > 1:
            raise LayoutError("it does not take pictures alone")
        self.number, self.sizes = pictures[0], sizes[0] if sizes else None
        shape = shapes[self.number]
        self._last = _channels(shape[3]) in COLOURS and _channels(shape[1]) not in COLOURS
        self.channels = _channels(shape[3 if self._last else 1])
        if self.channels not in COLOURS:
            raise LayoutError("it does not take colour pictures, nor grey ones")
        height, width = (shape[1], shape[2]) if self._last else (shape[2], shape[3])
        self.fixed_shape = (
            (height.get_length(), width.get_length()) if height.is_static and width.is_static else None
        )
        self.fixed_batch: int | None = shape[0].get_length() if shape[0].is_static else None
        if self.fixed_shape is not None and not 0 < self.fixed_shape[0] * self.fixed_shape[1] <= MOST_INPUT:
            raise LayoutError(f"it takes pictures of {self.fixed_shape[1]}x{self.fixed_shape[0]} pixels")
        self._type = model.inputs[self.number].get_element_type()
        self._size_type = (
            None if self.sizes is None else model.inputs[self.sizes].get_element_type().to_dtype()
        )

    def resize(self, model: Any, image_size: int) -> None:
        """Fixes the size of pictures, and one at a time."""
        sides = [image_size, image_size]
        shape = [1, *sides, self.channels] if self._last else [1, self.channels, *sides]
        model.reshape({model.inputs[self.number]: shape})
        self.fixed_shape, self.fixed_batch = (image_size, image_size), 1

    def taking_bytes(self, model: Any, *, as_they_are: bool, named: Sequence[str]) -> Any:
        """The model with (N, H, W, channels) uint8 as its input, BGR where in colour. named: its outputs."""
        from openvino import Layout, Type
        from openvino.preprocess import ColorFormat, PrePostProcessor

        steps = PrePostProcessor(model)
        entry = steps.input(self.number)
        entry.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
        entry.model().set_layout(Layout("NHWC" if self._last else "NCHW"))
        if self.channels == 3:
            entry.tensor().set_color_format(ColorFormat.BGR)
        work = entry.preprocess()
        if self._type.is_real():
            work.convert_element_type(Type.f32)
        if not as_they_are and self.channels == 3:
            work.convert_color(ColorFormat.RGB)
        if not as_they_are and self._type.is_real():
            work.scale(255.0)
            if set(named) >= NORMALISED:
                work.mean(IMAGENET_MEAN)
                work.scale(IMAGENET_DEVIATION)
        work.convert_element_type(self._type)
        return steps.build()

    def inputs(self, pixels: Image) -> dict[int, Any]:
        """By number, what the model is given for (N, H, W, 3) BGR."""
        pictures = grey(pixels) if self.channels == 1 else pixels
        given = {self.number: np.ascontiguousarray(pictures)}
        if self.sizes is not None:
            size = (pixels.shape[2], pixels.shape[1])
            given[self.sizes] = np.tile(np.array(size, self._size_type), (len(pixels), 1))
        return given


def _channels(side: Any) -> int:
    return int(side.get_length()) if side.is_static else 0


def import_openvino() -> Any:
    """The openvino module, kept from reporting its use over the network."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _told_names(model: Any) -> list[str]:
    """The classes' names in an export: labels in OpenVINO's, a dict's or list's text in ONNX's."""
    if model.has_rt_info(["model_info", "labels"]):
        return _told(model, ["model_info", "labels"]).split()
    if model.has_rt_info(["framework", "names"]):
        return class_names(_told(model, ["framework", "names"]))
    return []


def _told(model: Any, place: list[str]) -> str:
    """What the metadata says there."""
    try:
        return str(model.get_rt_info(place).astype(str))
    except UnicodeDecodeError:
        raise LayoutError(f"its metadata for {place[-1]} is no text") from None


def class_names(text: str) -> list[str]:
    """Of a dict by number, of a list, or of words with commas between. Raises LayoutError."""
    try:
        told: Any = _literal(text)
    except LayoutError:
        if text.lstrip()[:1] in tuple("[{("):
            raise
        told = [name.strip() for name in text.replace("\n", ",").split(",")]
    if isinstance(told, dict) and all(str(number).isdecimal() for number in told):
        told = [told[number] for number in sorted(told, key=int)]
    if not isinstance(told, list | tuple) or not told or not all(isinstance(n, str) and n for n in told):
        raise LayoutError(f"its metadata has {text[:40]!r} for names, which are no classes")
    return [str(name) for name in told]


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text) if len(text) < 10**6 else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise LayoutError(f"its metadata has {text[:40]!r}, which cannot be read") from None


def _told_stride(model: Any) -> int:
    for place in (["model_info", "stride"], ["framework", "stride"]):
        if model.has_rt_info(place):
            told = _literal(_told(model, place))
            strides = told if isinstance(told, list | tuple) else [told]
            if not strides or not all(isinstance(s, int | float) and 0 < s <= MOST_STRIDE for s in strides):
                raise LayoutError(f"its metadata has {str(told)[:40]!r} for its stride")
            return max(32, int(max(strides)))
    return 32
