"""An ultralytics .pt made into an OpenVINO model, once: the next start finds it in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tracker.networks import channels_of, first_of, import_openvino, names_of, stride_of

CONVERSION = "1"  # raised when what is kept changes

_log = logging.getLogger(__name__)


def converted(core: Any, weights: Path, *, load: Callable[[], Any], cache: Path | None) -> Any:
    """The .pt as an OpenVINO model, from the cache or into it; None where OpenVINO cannot run it."""
    if cache is None:
        return _convert(core, weights, load())
    made = cache / "detectors" / _cache_key(weights)
    if made.exists():
        with contextlib.suppress(RuntimeError):
            return core.read_model(made / "network.xml")
        shutil.rmtree(made, ignore_errors=True)  # damaged
    model = _convert(core, weights, load())
    if model is not None:
        _keep(model, made)
    return model


def _cache_key(weights: Path) -> str:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    versions = [metadata.version(name) for name in ("ultralytics", "openvino")]
    return "-".join([digest, *versions, CONVERSION])


def _keep(model: Any, made: Path) -> None:
    """Save for the next start; whole or not at all, whoever else does the same at once."""
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent, ignore_cleanup_errors=True) as folder:
            draft = Path(folder) / "draft"
            draft.mkdir()
            import_openvino().save_model(model, draft / "network.xml", compress_to_fp16=False)
            draft.rename(made)
    except (OSError, RuntimeError) as error:
        if not made.exists():  # else another process was first
            _log.warning("every start converts the detector, for it cannot be kept in %s: %s", made, error)


def _convert(core: Any, weights: Path, model: Any) -> Any:
    names, stride = names_of(model), stride_of(model)
    for part in model.modules():
        if hasattr(part, "export"):
            part.export, part.dynamic, part.format = True, True, "openvino"
    try:
        made = _trace(model, stride)
        _expect_same(core, made, model, stride)
    except (RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
        _log.warning("OpenVINO cannot run %s, so torch does, more slowly: %s", weights, error)
        return None
    made.set_rt_info([name.replace(" ", "_") for name in names], ["model_info", "labels"])
    made.set_rt_info(stride, ["model_info", "stride"])
    return made


def _trace(model: Any, stride: int) -> Any:
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*torch.jit", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        channels = channels_of(model)
        example = torch.zeros(2, channels, 4 * stride, 5 * stride)
        return import_openvino().convert_model(model, example_input=example, input=[-1, channels, -1, -1])


def _expect_same(core: Any, made: Any, model: Any, stride: int) -> None:
    """Raises ValueError where OpenVINO differs from torch, on a shape that was not the traced one."""
    import torch

    size = 1, channels_of(model), 6 * stride, 3 * stride
    pixels = torch.rand(*size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = first_of(model(pixels)).numpy()
    exact = core.compile_model(made, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = exact(pixels.numpy())[0]
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-2, atol=1e-2):
        raise ValueError("it gives other boxes than torch")
