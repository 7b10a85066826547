"""Pictures of people in, unit vectors out: torch, ONNX Runtime or OpenVINO behind one call."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from reid.backends import (
    Backend,
    OnnxBackend,
    TorchBackend,
    VectorsError,
    choose_device,
    import_openvino,
    onnx_errors,
    open_openvino,
    open_session,
)
from reid.card import Card, DeviceError, WeightsError, read_card
from reid.preprocess import MOST_SIDE, Floats, Image, Preprocess

LEAST_BATCH = 2  # OpenVINO computes a single picture differently, by 0.002 in bf16
MODEL_ZOO = Preprocess().raw()


class Embedder:
    """Turns crops of people into vectors to compare. Belongs to one thread at a time.

    name: of the network. fingerprint: vectors may be compared only with those of the same fingerprint; it is
    the same whatever back end runs the same weights. dimension: D. batch: crops the network gets at once.
    """

    def __init__(
        self, backend: Backend, *, preprocess: Preprocess, name: str, fingerprint: str, batch: int = 32
    ) -> None:
        if batch < LEAST_BATCH:
            raise ValueError(f"batch: expected at least {LEAST_BATCH}, found {batch}")
        self.name = name
        self.fingerprint = fingerprint
        self._backend = backend
        self._preprocess = preprocess
        self._least = backend.fixed_batch or LEAST_BATCH
        self._batch = backend.fixed_batch or batch
        blank = np.zeros((self._least, preprocess.height, preprocess.width, 3), np.uint8)
        vectors = backend.run(blank)
        if not np.isfinite(vectors).all():
            raise VectorsError("its vectors are not finite")
        self.dimension = vectors.shape[1]

    @property
    def backend(self) -> str:
        """What runs the network, for people to read: "openvino bf16 on CPU"."""
        return self._backend.name

    def embed(self, crops: Sequence[Image]) -> Floats:
        """(N, D) float32 rows of unit length, row i of crop i; no crops give (0, D).

        crops: (h, w, 3) uint8 BGR, of any size from 1 x 1. A crop's vector does not depend on its company.
        """
        vectors = np.empty((len(crops), self.dimension), np.float32)
        for start in range(0, len(crops), self._batch):
            part = self._preprocess.resize(crops[start : start + self._batch])
            vectors[start : start + len(part)] = self._run(part)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)

    def _run(self, sized: Image) -> Floats:
        missing = max(0, self._least - len(sized))
        padded = np.concatenate([sized, np.repeat(sized[:1], missing, axis=0)]) if missing else sized
        return self._backend.run(padded)[: len(sized)]


def open_embedder(
    weights: Path,
    *,
    device: str = "auto",
    cache: Path | None = None,
    batch: int = 32,
    preprocess: Preprocess | None = None,
) -> Embedder:
    """The embedder of a file of weights.

    weights: .safetensors of reid.model.save (torch on a GPU, on a CPU OpenVINO, converted once into cache);
    .onnx (ONNX Runtime) or OpenVINO's .xml, of reid.export or of others.
    device: "auto" (a GPU where torch finds one and the file runs there), "cpu", "cuda" or "cuda:1".
    preprocess: of a foreign file. Without it an .onnx is taken to want what torchvision's networks do, and an
    .xml raw BGR values as the Open Model Zoo's; the size is the network's own.

    Raises WeightsError where the file cannot be used and DeviceError where there is no such device.
    """
    if not weights.is_file():
        raise WeightsError(f"There are no re-identification weights at {weights}: name a file that exists.")
    with _explained(weights):
        return _opened(weights, device, cache, batch, preprocess)


@contextmanager
def _explained(weights: Path) -> Iterator[None]:
    """Raises WeightsError for what a network does otherwise than one for re-identification, or can't do."""
    try:
        yield
    except VectorsError as error:
        raise WeightsError(f"{weights} is no network for re-identification: {error}.") from error
    except Exception as error:
        if not isinstance(error, _cannot_run(weights)):
            raise
        why = str(error).strip().splitlines()[-1][:120]
        raise WeightsError(f"{weights} cannot be run ({why}): export or fetch it again.") from error


def _cannot_run(weights: Path) -> tuple[type[Exception], ...]:
    """What the libraries raise that run files of others."""
    if weights.suffix == ".onnx" and "onnxruntime" in sys.modules:
        return (*onnx_errors(), UnicodeDecodeError)
    return (RuntimeError,) if weights.suffix == ".xml" else ()


def _opened(
    weights: Path, device: str, cache: Path | None, batch: int, preprocess: Preprocess | None
) -> Embedder:
    if weights.suffix == ".safetensors":
        return _open_own(weights, choose_device(device), cache, batch)
    if weights.suffix == ".onnx":
        return _open_onnx(weights, "cpu" if device == "auto" else choose_device(device), batch, preprocess)
    if weights.suffix == ".xml":
        if device not in ("auto", "cpu"):
            raise DeviceError(f"{weights} runs on the CPU only: say auto or cpu.")
        return _open_xml(weights, batch, preprocess, cache)
    raise WeightsError(f"{weights} is no network for re-identification: give .safetensors, .onnx or .xml.")


def _open_own(weights: Path, device: str, cache: Path | None, batch: int) -> Embedder:
    if device == "cpu":
        from reid.export import converted

        card, core = read_card(weights), import_openvino().Core()
        verdict = _verdict(core, weights, cache)
        backend = open_openvino(core, converted(weights, cache), card.preprocess.raw(), verdict=verdict)
        return _embedder(backend, card, batch)
    from reid.model import load

    model, card = load(weights)
    return _embedder(TorchBackend(model, card.preprocess, device), card, batch)


def _embedder(backend: Backend, card: Card, batch: int) -> Embedder:
    return Embedder(
        backend, preprocess=card.preprocess, name=card.name, fingerprint=card.fingerprint, batch=batch
    )


def _open_onnx(weights: Path, device: str, batch: int, preprocess: Preprocess | None) -> Embedder:
    session = open_session(weights, device)
    told = _told_card(session, weights)
    if told is not None:
        card = Card.from_json(told, weights)
        return _embedder(OnnxBackend(session, card.preprocess.raw()), card, batch)
    preprocess = preprocess or _sized(Preprocess(), session.get_inputs()[0].shape, weights)
    return _foreign(OnnxBackend(session, preprocess), weights, preprocess, batch)


def _told_card(session: Any, weights: Path) -> str | None:
    try:
        card: str | None = session.get_modelmeta().custom_metadata_map.get("card")
    except UnicodeDecodeError as error:
        raise WeightsError(f"{weights} is damaged, its metadata is no text: export it again.") from error
    return card


def _verdict(core: Any, weights: Path, cache: Path | None) -> Path | None:
    """Where it is kept in which precision this network runs on this CPU."""
    if cache is None:
        return None
    digest = hashlib.sha256(weights.read_bytes())
    if weights.suffix == ".xml" and weights.with_suffix(".bin").is_file():
        digest.update(weights.with_suffix(".bin").read_bytes())
    digest.update(core.get_property("CPU", "FULL_DEVICE_NAME").encode())
    return cache / "precision" / f"{digest.hexdigest()[:16]}-{version('openvino')}"


def _open_xml(weights: Path, batch: int, preprocess: Preprocess | None, cache: Path | None) -> Embedder:
    core = import_openvino().Core()
    try:
        model = core.read_model(weights)
    except (RuntimeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{weights} is damaged, or its .bin is missing: fetch both again.") from error
    if model.has_rt_info(["sightline", "card"]):
        card = Card.from_json(model.get_rt_info(["sightline", "card"]).astype(str), weights)
        return _embedder(
            open_openvino(core, model, card.preprocess.raw(), verdict=_verdict(core, weights, cache)),
            card,
            batch,
        )
    shape = [side.get_length() if side.is_static else None for side in model.input(0).get_partial_shape()]
    preprocess = preprocess or _sized(MODEL_ZOO, shape, weights)
    backend = open_openvino(core, model, preprocess, verdict=_verdict(core, weights, cache))
    return _foreign(backend, weights, preprocess, batch)


def _sized(preprocess: Preprocess, shape: Sequence[Any], weights: Path) -> Preprocess:
    """With the height and width of an input (N, 3, height, width)."""
    sides = shape[2:] if len(shape) == 4 and shape[1] == 3 else ()
    if not sides or not all(isinstance(side, int) and 0 < side <= MOST_SIDE for side in sides):
        raise WeightsError(
            f"{weights} takes no (N, 3, height, width): it is no network for re-identification."
        )
    return replace(preprocess, height=shape[2], width=shape[3])


def _foreign(backend: Backend, weights: Path, preprocess: Preprocess, batch: int) -> Embedder:
    return Embedder(
        backend,
        preprocess=preprocess,
        name=weights.stem,
        fingerprint=_fingerprint(weights, preprocess),
        batch=batch,
    )


def _fingerprint(weights: Path, preprocess: Preprocess) -> str:
    """Of a foreign file's bytes and how pictures go in."""
    digest = hashlib.sha256(json.dumps(asdict(preprocess), sort_keys=True).encode())
    digest.update(weights.read_bytes())
    if weights.suffix == ".xml":
        digest.update(weights.with_suffix(".bin").read_bytes())
    return digest.hexdigest()[:12]
