"""The three ways to run an embedding network. Each takes bytes and gives raw vectors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from reid.card import DeviceError, WeightsError
from reid.preprocess import Floats, Image, Preprocess

_ONNX_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
FAST, EXACT = "fast", "exact"
LEAST_COSINE = 0.998  # of vectors in a faster precision with those in float32
AT_ONCE = 32  # pictures compared at once
OPENVINO_AT_ONCE = 4
"""More at once are no faster on a CPU, and its memory grows with each larger number that is met."""
GPU_DOORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # what the driver of a GPU leaves in /dev


class Backend(Protocol):
    """name: what runs where, for people to read. fixed_batch: the only number of pictures taken, if any."""

    name: str
    fixed_batch: int | None

    def run(self, sized: Image) -> Floats:
        """(N, height, width, 3) uint8 BGR of the network's size -> (N, D), not of unit length."""


class TorchBackend:
    """A torch module in eval mode: half precision on a GPU, channels last."""

    fixed_batch: int | None = None

    def __init__(self, model: Any, preprocess: Preprocess, device: str) -> None:
        import torch

        self._torch, self._device, self._bgr = torch, torch.device(device), preprocess.bgr
        cuda = self._device.type == "cuda"
        self._dtype = torch.float16 if cuda else torch.float32
        self._model = model.eval().to(device=self._device, dtype=self._dtype)
        self._model.to(memory_format=torch.channels_last)
        gain, offset = preprocess.gain_and_offset()
        self._gain = torch.from_numpy(gain).to(self._device).view(1, 3, 1, 1)
        self._offset = torch.from_numpy(offset).to(self._device).view(1, 3, 1, 1)
        place = f"{self._device} ({torch.cuda.get_device_name(self._device)})" if cuda else "CPU"
        self.name = f"torch {'fp16' if cuda else 'fp32'} on {place}"

    def run(self, sized: Image) -> Floats:
        with self._torch.inference_mode():
            pixels = self._torch.from_numpy(sized).to(self._device).permute(0, 3, 1, 2).float()
            ordered = pixels if self._bgr else pixels[:, [2, 1, 0]]
            vectors = self._model((ordered * self._gain + self._offset).to(self._dtype))
            return np.asarray(vectors.float().cpu().numpy(), np.float32)


class VectorsError(ValueError):
    """What a network gives, or takes, is not what one for re-identification does: a part of a sentence."""


def as_vectors(output: Any, count: int) -> Floats:
    """(N, D) float32 of an output, without sides of 1 behind. Raises VectorsError where it is no row each."""
    shape = list(np.shape(output))
    while len(shape) > 2 and shape[-1] == 1:
        shape.pop()
    if len(shape) != 2 or shape[0] != count or shape[1] < 2:
        raise VectorsError(f"it gives {tuple(np.shape(output))} for {count} pictures, and no vector for each")
    return np.asarray(output, np.float32).reshape(shape)


class OnnxBackend:
    """An ONNX Runtime session over a network that takes normalised (N, 3, height, width), of any float."""

    def __init__(self, session: Any, preprocess: Preprocess) -> None:
        entry = session.get_inputs()[0]
        if entry.type not in _ONNX_TYPES or len(session.get_inputs()) != 1:
            raise VectorsError(f"it takes {entry.type}, and no pictures of people alone")
        self._session, self._entry, self._preprocess = session, entry.name, preprocess
        self._type = _ONNX_TYPES[entry.type]
        self.fixed_batch: int | None = entry.shape[0] if isinstance(entry.shape[0], int) else None
        cuda = session.get_providers()[0].startswith("CUDA")
        self.name = f"onnxruntime fp32 on {'CUDA' if cuda else 'CPU'}"

    def run(self, sized: Image) -> Floats:
        pictures = self._preprocess.normalise(sized).astype(self._type, copy=False)
        return as_vectors(self._session.run(None, {self._entry: pictures})[0], len(sized))


class OpenVinoBackend:
    """An OpenVINO model on the CPU.

    model takes normalised (N, 3, height, width); it is changed: the preprocessing becomes part of it.
    precision: "f32", or by default the CPU's own choice, which is bf16 where it has that.
    """

    def __init__(
        self, core: Any, model: Any, preprocess: Preprocess, *, precision: str | None = None
    ) -> None:
        self.fixed_batch: int | None = _free_batch(model)
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        if precision is not None:
            settings["INFERENCE_PRECISION_HINT"] = precision
        compiled = core.compile_model(_taking_bytes(model, preprocess), "CPU", settings)
        self._request = compiled.create_infer_request()
        runs_in = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        self.exact = runs_in == "f32"
        self.name = f"openvino {'fp32' if self.exact else runs_in} on CPU"

    def run(self, sized: Image) -> Floats:
        parts = 1 if self.fixed_batch else -(-len(sized) // OPENVINO_AT_ONCE)
        return np.concatenate([self._infer(part) for part in np.array_split(sized, parts)])

    def _infer(self, sized: Image) -> Floats:
        self._request.infer([np.ascontiguousarray(sized)], share_inputs=True)
        return as_vectors(np.array(self._request.get_output_tensor(0).data, np.float32), len(sized))


def open_openvino(
    core: Any, model: Any, preprocess: Preprocess, *, verdict: Path | None = None
) -> OpenVinoBackend:
    """The model in the precision the CPU is fastest in, or in float32 where that one spoils the vectors.

    verdict: a file that tells which it is, of this network on this CPU; written where it is missing.
    """
    told = _told(verdict)
    if told:
        return OpenVinoBackend(core, model, preprocess, precision="f32" if told == EXACT else None)
    fast = OpenVinoBackend(core, model.clone(), preprocess)
    if fast.exact:
        return fast
    exact = OpenVinoBackend(core, model, preprocess, precision="f32")
    good = worst_cosine(fast, exact, preprocess) >= LEAST_COSINE
    if verdict is not None:
        with suppress(OSError):  # then the next start compares again
            verdict.parent.mkdir(parents=True, exist_ok=True)
            verdict.write_text(FAST if good else EXACT)
    return fast if good else exact


def _told(verdict: Path | None) -> str:
    """What the file says, "" where it says nothing."""
    try:
        said = "" if verdict is None else verdict.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return said if said in (FAST, EXACT) else ""


def worst_cosine(one: Backend, other: Backend, preprocess: Preprocess, crops: Sequence[Image] = ()) -> float:
    """The least cosine of two back ends' vectors of the crops; without any, of eight soft patches of colour.

    On these patches a network loses in bf16 what it loses on people, as it does not on noise.
    """
    pictures = preprocess.resize(crops) if crops else _patches(preprocess)
    step = other.fixed_batch or one.fixed_batch or min(len(pictures), AT_ONCE)
    rows = np.arange(-(-len(pictures) // step) * step) % len(pictures)  # whole batches, by starting over
    parts = [pictures[rows[start : start + step]] for start in range(0, len(rows), step)]
    a, b = (np.concatenate([backend.run(part) for part in parts]) for backend in (one, other))
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def _patches(preprocess: Preprocess) -> Image:
    patches = np.random.default_rng(0).integers(0, 256, (8, 8, 4, 3), np.uint8)
    size = (preprocess.width, preprocess.height)
    return np.stack([cv2.resize(patch, size, interpolation=cv2.INTER_CUBIC) for patch in patches])


def _free_batch(model: Any) -> int | None:
    """Let the model take any number of pictures; the number it insists on where it cannot."""
    shape = model.input(0).get_partial_shape()
    if len(model.inputs) != 1:
        raise VectorsError(f"it takes {len(model.inputs)} inputs, and no pictures of people alone")
    if shape[0].is_dynamic:
        return None
    fixed = int(shape[0].get_length())
    try:
        model.reshape([-1, *(side.get_length() for side in list(shape)[1:])])
    except RuntimeError:
        return fixed
    return None


def _taking_bytes(model: Any, preprocess: Preprocess) -> Any:
    """The model with (N, height, width, 3) uint8 BGR as its input."""
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(model)
    entry = steps.input()
    entry.tensor().set_element_type(Type.u8).set_color_format(ColorFormat.BGR).set_layout(Layout("NHWC"))
    entry.model().set_layout(Layout("NCHW"))
    work = entry.preprocess().convert_element_type(Type.f32)
    if not preprocess.bgr:
        work.convert_color(ColorFormat.RGB)
    gain, offset = preprocess.gain_and_offset()
    work.mean((-offset / gain).tolist()).scale((1 / gain).tolist())
    work.convert_element_type(model.input(0).get_element_type())
    return steps.build()


def import_openvino() -> Any:
    """The openvino module, kept from reporting its use over the network."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def open_session(path: Path, device: str) -> Any:
    """An ONNX Runtime session.

    Raises WeightsError for a damaged file, DeviceError for a GPU it cannot use.
    """
    import onnxruntime

    wanted = "CPUExecutionProvider" if device == "cpu" else "CUDAExecutionProvider"
    if wanted not in onnxruntime.get_available_providers():
        raise DeviceError(f"This ONNX Runtime has no CUDA for {path}: install onnxruntime-gpu or say cpu.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    provider = wanted if device == "cpu" else (wanted, {"device_id": device.partition(":")[2]})
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except UnicodeDecodeError as error:
        raise WeightsError(f"{path} is damaged, its metadata is no text: export it again.") from error
    except onnx_errors() as error:
        raise WeightsError(f"{path} is damaged or no ONNX network: export it again.") from error


def onnx_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NotImplemented")
    return tuple(getattr(state, name) for name in names if hasattr(state, name))


def choose_device(device: str) -> str:
    """Either "cpu" or "cuda:N". Loads torch, which is slow, only where there may be a GPU.

    Raises DeviceError for a device that is not there.
    """
    if device == "cpu" or (device == "auto" and not any(Path(door).exists() for door in GPU_DOORS)):
        return "cpu"
    import torch

    kind, _, number = device.partition(":")
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if kind != "cuda" or not (number or "0").isdigit():
        raise DeviceError(f"There is no device '{device}': say auto, cpu, cuda or cuda:1.")
    count = torch.cuda.device_count()
    if int(number or 0) >= count:
        raise DeviceError(f"torch finds no '{device}' ({count} CUDA devices here): say auto or cpu.")
    return f"cuda:{int(number or 0)}"
