"""``sightline export-model``: a re-identification network for other back ends."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from app import errors
from app.output.place import OutputError
from app.weights.assets import cache_folder, find, resolve

if TYPE_CHECKING:
    from reid.preprocess import Image

CHECKED_ON = 64
"""How many pictures of people an export is checked on."""

EVERY = 5
"""Of the demo's footage every so many frames give such pictures."""


def export_model(arguments: argparse.Namespace) -> int:
    """``sightline export-model``: an own network as ONNX or OpenVINO, checked before it is kept."""
    from reid.export import to_onnx, to_openvino
    from reid.model import load

    console = Console(stderr=True)
    model, card = load(weights := resolve(arguments.weights))
    out = _target(arguments.out, weights, {"onnx": ".onnx", "openvino": ".xml"}[arguments.to])
    crops, whose = people(arguments.data)
    with console.status(f"Exporting {card.name} ..."):
        write = {"onnx": to_onnx, "openvino": to_openvino}[arguments.to]
        worst = write(model, card, out, crops=crops)
    print(f"{out}: vectors as torch's on {whose} (cosine at least {worst:.6f})")
    return errors.OK


def _target(out: Path | None, weights: Path, ending: str) -> Path:
    if out is not None and out.suffix != ending:
        raise OutputError(f"{out} does not end in {ending}: name a file that does.")
    return out or Path(weights.stem + ending)


def people(data: Path | None) -> tuple[list[Image], str]:
    """Pictures to check an export on, and in words which: the data set's, the demo's, or none at all."""
    if data is not None:
        from training.layouts import QUERY
        from training.market1501 import read_market

        query = read_market(data, folders=(QUERY,)).query
        crops = next(query.take(_spread(len(query), CHECKED_ON)).batches())
        return crops, f"{len(crops)} pictures of {data}"
    footage, weights = find("pedestrians"), find("yolov8n")
    crops = [] if footage is None or weights is None else _people_in(footage, weights)
    if crops:
        return crops, f"{len(crops)} people of the demo's footage"
    return [], "patches of colour (name a data set with --data to check on people)"


def _spread(count: int, wanted: int) -> Any:
    """So many rows of count, evenly."""
    import numpy as np

    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(int))


def _people_in(footage: Path, weights: Path) -> list[Image]:
    """Crops of people that a detector is sure of."""
    from app.sources.file import FileSource
    from reid.preprocess import cut
    from tracker.detector import Detector

    detector = Detector(weights, cache=cache_folder())
    crops: list[Image] = []
    with FileSource(camera="demo", path=footage) as source:
        for frame in source:
            if frame.index % EVERY == 0:
                found = detector.detect([frame.image])[0]
                crops += cut(frame.image, found.boxes[found.scores > 0.5])
            if len(crops) >= CHECKED_ON:
                break
    return crops[:CHECKED_ON]
