"""Milliseconds a picture of the two networks, every back end against torch in one run.

    python benchmarks/networks.py --weights FOLDER

FOLDER holds yolov8n.pt and person-reidentification-retail-0277.xml with its .bin. The BNNeck ResNet-50 has
random weights: they cost the same. Beside its OpenVINO back end stand the other networks for people. Rounds
of all back ends alternate, so that a busy machine slows all alike; the median counts. With a GPU, torch runs
there as well.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from app.weights.assets import BUNDLED, resolve
from reid.backends import TorchBackend
from reid.card import Card
from reid.embedder import Embedder, open_embedder
from reid.export import to_onnx, to_openvino
from reid.model import BNNeck, load, save
from reid.preprocess import Image, Preprocess
from tracker.detector import Detector, _load_model
from tracker.networks import TorchNetwork

RETAIL = "person-reidentification-retail-0277.xml"

Timed = tuple[str, Callable[[], object], int]


def pictures(count: int, height: int, width: int) -> list[Image]:
    """Soft patches of colour."""
    draw = np.random.default_rng(0)
    patches = draw.integers(0, 256, (count, 9, 12, 3), np.uint8)
    return [
        np.asarray(cv2.resize(patch, (width, height), interpolation=cv2.INTER_CUBIC)) for patch in patches
    ]


def detectors(folder: Path, scratch: Path) -> list[Timed]:
    weights = folder / "yolov8n.pt"
    frames = pictures(4, 576, 768)
    made = [Detector(weights, device="cpu", cache=scratch)]
    plain = Detector(weights, device="cpu", cache=scratch)
    plain._network = TorchNetwork(_load_model(weights, scratch), "cpu")
    made.insert(0, plain)
    if torch.cuda.is_available():
        made.append(Detector(weights, device="cuda", cache=scratch))
    timed: list[Timed] = []
    for detector in made:
        for count in (1, 4):
            name = f"yolov8n, {count} frames of 768x576: {detector.backend}"
            timed.append((name, lambda d=detector, n=count: d.detect(frames[:n]), count))
    return sorted(timed, key=lambda entry: entry[2])


def own_embedders(scratch: Path) -> list[Embedder]:
    torch.manual_seed(0)
    model = BNNeck().eval()
    path = scratch / "bnneck-r50.safetensors"
    card = save(
        model, path, Card(name="bnneck-r50", preprocess=Preprocess(), backbone="resnet50", dimension=2048)
    )
    to_onnx(model, card, path.with_suffix(".onnx"))
    to_openvino(model, card, path.with_suffix(".xml"))
    plain = Embedder(
        TorchBackend(load(path)[0], card.preprocess, "cpu"),
        preprocess=card.preprocess,
        name=card.name,
        fingerprint=card.fingerprint,
    )
    others = [open_embedder(path.with_suffix(suffix), device="cpu") for suffix in (".onnx", ".xml")]
    on_gpu = [open_embedder(path, device="cuda")] if torch.cuda.is_available() else []
    return [plain, *on_gpu, *others]


def embedders(made: list[Embedder], count: int) -> list[Timed]:
    crops = pictures(count, 180, 70)
    return [(f"{e.name}, {count} crops: {e.backend}", lambda e=e: e.embed(crops), count) for e in made]


def measure(timed: list[Timed], rounds: int) -> list[float]:
    """Median milliseconds a picture of each, the rounds alternating."""
    taken: list[list[float]] = [[] for _ in timed]
    for _ in range(rounds + 1):
        for row, (_, call, count) in enumerate(timed):
            begun = time.perf_counter()
            call()
            taken[row].append((time.perf_counter() - begun) / count * 1000)
    return [statistics.median(row[1:]) for row in taken]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path(__file__).parents[2] / "shared" / "weights")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    logging.basicConfig()
    table = Table("network and back end", "ms a picture", "times the first's speed")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        found = detectors(arguments.weights, scratch)
        retail = [open_embedder(arguments.weights / RETAIL)]
        groups = [[entry for entry in found if entry[2] == count] for count in (1, 4)]
        own, bundled = own_embedders(scratch), open_embedder(resolve(BUNDLED), device="cpu", cache=scratch)
        groups += [embedders(own, 8), embedders([own[-1], *retail, bundled], 8), embedders(retail, 1)]
        for group in groups:
            medians = measure(group, arguments.rounds)
            for (label, _, _), ms in zip(group, medians, strict=True):
                table.add_row(label, f"{ms:.1f}", f"{medians[0] / ms:.1f}")
            table.add_section()
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
