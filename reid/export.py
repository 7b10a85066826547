"""An own network as ONNX or OpenVINO.

The file carries the card, takes any number of pictures with values in 0..255 and blue first, as it normalises
them itself, and is checked against torch before it is kept.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from reid.backends import (
    Backend,
    OnnxBackend,
    OpenVinoBackend,
    TorchBackend,
    import_openvino,
    open_session,
    worst_cosine,
)
from reid.card import Card, ReidError
from reid.preprocess import Image, Preprocess

LEAST_COSINE = 0.9999
CONVERSION = "2"  # raised when what is kept in the cache changes

_log = logging.getLogger(__name__)


class ExportError(ReidError):
    """An export that was refused or that cannot be written."""


def to_onnx(model: Any, card: Card, path: Path, *, crops: Sequence[Image] = ()) -> float:
    """Write a reid.model.BNNeck as ONNX: "images" (N, 3, height, width) -> "vectors" (N, D), float32.

    crops: pictures of people, (h, w, 3) uint8 BGR, to check it on; without any, patches of colour.
    Returns the least cosine between its vectors and torch's.

    Raises ExportError where the package onnx is missing, the file cannot be written, or it computes other
    vectors than torch (cosine below LEAST_COSINE).
    """
    with _draft(path) as draft:
        _trace_onnx(model.eval().cpu(), card, draft)
        backend = OnnxBackend(open_session(draft, "cpu"), card.preprocess.raw())
        worst = _expect_same(backend, model, card.preprocess, crops, "ONNX Runtime's")
        draft.replace(path)
    return worst


def _trace_onnx(model: Any, card: Card, path: Path) -> None:
    try:
        import onnx
    except ImportError as error:
        raise ExportError("ONNX cannot be written here: pip install onnx.") from error
    import torch

    from reid.model import OnPixels

    with torch.no_grad(), _known_warnings():
        torch.onnx.export(
            OnPixels(model, card.preprocess).eval(),
            (_example(card.preprocess),),
            str(path),
            input_names=["images"],
            output_names=["vectors"],
            dynamic_axes={"images": {0: "n"}, "vectors": {0: "n"}},
            dynamo=False,
        )
    network = onnx.load(path)
    onnx.helper.set_model_props(network, {"card": card.to_json()})
    onnx.save(network, path)


def to_openvino(model: Any, card: Card, path: Path, *, crops: Sequence[Image] = ()) -> float:
    """Write a reid.model.BNNeck as OpenVINO's path (.xml) with its .bin beside it, float32.

    crops and what is returned: as for to_onnx.

    Raises ExportError where the files cannot be written or compute other vectors than torch (cosine below
    LEAST_COSINE, in float32).
    """
    made, worst = _convert(model, card, crops)
    with _draft(path) as draft:
        import_openvino().save_model(made, draft, compress_to_fp16=False)
        draft.with_suffix(".bin").replace(path.with_suffix(".bin"))
        draft.replace(path)
    return worst


def _convert(model: Any, card: Card, crops: Sequence[Image] = ()) -> tuple[Any, float]:
    """An OpenVINO model that carries the card, and its least cosine with torch.

    Raises ExportError where it computes other vectors.
    """
    import torch

    from reid.model import OnPixels

    openvino = import_openvino()
    shape = [-1, 3, card.preprocess.height, card.preprocess.width]
    with torch.no_grad(), _known_warnings():
        network = OnPixels(model.eval().cpu(), card.preprocess).eval()
        made = openvino.convert_model(network, example_input=_example(card.preprocess), input=shape)
    made.set_rt_info(card.to_json(), ["sightline", "card"])
    backend = OpenVinoBackend(openvino.Core(), made.clone(), card.preprocess.raw(), precision="f32")
    return made, _expect_same(backend, model, card.preprocess, crops, "OpenVINO's")


def converted(weights: Path, cache: Path | None) -> Any:
    """A .safetensors of reid.model.save as an OpenVINO model, from the cache or into it.

    Raises WeightsError where the file cannot be used.
    """
    kept = None if cache is None else cache / "embedders" / _cache_key(weights)
    if kept is not None and kept.exists():
        try:
            return import_openvino().Core().read_model(kept / "network.xml")
        except RuntimeError:  # damaged
            shutil.rmtree(kept, ignore_errors=True)
    from reid.model import load

    made, _ = _convert(*load(weights))
    if kept is not None:
        _keep(made, kept)
    return made


def _cache_key(weights: Path) -> str:
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return f"{digest}-{metadata.version('openvino')}-{CONVERSION}"


def _keep(made: Any, kept: Path) -> None:
    """Save for the next start; whole or not at all, whoever else does the same at once."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, ignore_cleanup_errors=True) as folder:
            draft = Path(folder) / "draft"
            draft.mkdir()
            import_openvino().save_model(made, draft / "network.xml", compress_to_fp16=False)
            draft.rename(kept)
    except (OSError, RuntimeError) as error:
        if not kept.exists():  # else another process was first
            _log.warning("every start converts the embedder, for it cannot be kept in %s: %s", kept, error)


def _expect_same(
    backend: Backend, model: Any, preprocess: Preprocess, crops: Sequence[Image], whose: str
) -> float:
    worst = worst_cosine(backend, TorchBackend(model, preprocess, "cpu"), preprocess, crops)
    if not worst >= LEAST_COSINE:  # nor NaN
        raise ExportError(f"The export is refused: {whose} vectors differ from torch's (cosine {worst:.5f}).")
    return worst


def _example(preprocess: Preprocess) -> Any:
    import torch

    return torch.zeros(2, 3, preprocess.height, preprocess.width)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A file of the same name in a folder beside it that goes away."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as folder:
            yield Path(folder) / path.name
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error}.") from error


@contextmanager
def _known_warnings() -> Iterator[None]:
    """torch's announcements about its old tracer, which OpenVINO and the ONNX export rest on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
