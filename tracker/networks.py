"""The two ways to run a YOLO network: torch, and OpenVINO on a CPU."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tracker.types import Floats, Image

AT_ONCE = 2
"""More pictures at once are no faster on a CPU, and its memory grows with each larger number that is met."""


class Network(Protocol):
    """names: of the classes, none where unknown. fixed_shape: the only (height, width) it takes, if any."""

    backend: str
    names: list[str]
    stride: int
    fixed_shape: tuple[int, int] | None

    def run(self, pixels: Image) -> Sequence[Floats]:
        """(N, H, W, 3) BGR -> N outputs, as a Layout reads them."""


class TorchNetwork:
    """An ultralytics model under torch: on a GPU in half precision, channels last."""

    fixed_shape: tuple[int, int] | None = None

    def __init__(self, model: Any, device: str) -> None:
        import torch

        self._torch, self._device = torch, torch.device(device)
        cuda = self._device.type == "cuda"
        self._dtype = torch.float16 if cuda else torch.float32
        self._model = model.to(device=self._device, dtype=self._dtype).to(memory_format=torch.channels_last)
        self.names, self.stride = names_of(model), stride_of(model)
        place = f"{self._device} ({torch.cuda.get_device_name(self._device)})" if cuda else "CPU"
        self.backend = f"torch {'fp16' if cuda else 'fp32'} on {place}"

    def run(self, pixels: Image) -> Sequence[Floats]:
        with self._torch.inference_mode():
            batch = self._torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2)
            output = self._model(batch[:, [2, 1, 0]].to(self._dtype) / 255)
            return list(first_of(output).float().cpu().numpy())


def names_of(model: Any) -> list[str]:
    """The classes of an ultralytics torch model."""
    names = model.names
    return [str(name) for name in (names.values() if isinstance(names, dict) else names)]


def stride_of(model: Any) -> int:
    return max(32, int(max(model.stride)))


def first_of(output: Any) -> Any:
    """The boxes of an output that may carry masks and the training's tensors behind them."""
    while isinstance(output, (tuple, list)):
        output = output[0]
    return output


class OpenVinoNetwork:
    """A network under OpenVINO on the CPU, in bf16 where the CPU has it; the graph itself takes BGR bytes."""

    def __init__(self, core: Any, model: Any, *, output: int, image_size: int) -> None:
        self._output = output
        self.names, self.stride = _told_names(model), _told_stride(model)
        if model.is_dynamic() and any(op.get_type_name() == "FakeQuantize" for op in model.get_ops()):
            model.reshape([1, 3, image_size, image_size])  # int8 with free shapes crashes on CPUs with AMX
        batch, _, height, width = model.input(0).get_partial_shape()
        self.fixed_shape = (height.get_length(), width.get_length()) if height.is_static else None
        self._batch: int | None = batch.get_length() if batch.is_static else None
        settings = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        compiled = core.compile_model(_taking_bytes(model), "CPU", settings)
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
        self._request.infer([np.ascontiguousarray(pixels)], share_inputs=True)
        return np.array(self._request.get_output_tensor(self._output).data, np.float32)


def import_openvino() -> Any:
    """The openvino module, kept from reporting its use over the network."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _taking_bytes(model: Any) -> Any:
    """The model with (N, H, W, 3) uint8 BGR as its input."""
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_color_format(ColorFormat.BGR)
    steps.input().tensor().set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().convert_element_type(Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
    return steps.build()


def _told_names(model: Any) -> list[str]:
    """The classes' names in an export by ultralytics: labels in OpenVINO's, a dict's text in ONNX's."""
    if model.has_rt_info(["model_info", "labels"]):
        return str(model.get_rt_info(["model_info", "labels"]).astype(str)).split()
    if model.has_rt_info(["framework", "names"]):
        told = ast.literal_eval(model.get_rt_info(["framework", "names"]).astype(str))
        return [str(name) for name in told.values()]
    return []


def _told_stride(model: Any) -> int:
    for place in (["model_info", "stride"], ["framework", "stride"]):
        if model.has_rt_info(place):
            return max(32, int(model.get_rt_info(place).astype(str)))
    return 32
