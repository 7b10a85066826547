"""Exports carry the card and are refused where they compute something else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_network import small_card, small_model
from torch import Tensor

from reid.backends import import_openvino
from reid.card import Card
from reid.export import ExportError, to_onnx, to_openvino
from reid.layers import NonLocal
from reid.model import BNNeck, load, save
from reid.preprocess import Preprocess


@pytest.fixture(scope="module")
def model() -> BNNeck:
    return small_model()


class Fickle(torch.nn.Module):
    """What it computes hangs on the number of pictures in a way no export follows."""

    def __init__(self, inner: BNNeck) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        return torch.roll(self.inner(images), int(images.shape[0]), dims=1)


def test_an_onnx_file_carries_the_card(model: BNNeck, tmp_path: Path) -> None:
    import onnx

    card = small_card(model)
    to_onnx(model, card, tmp_path / "a.onnx")
    network = onnx.load(tmp_path / "a.onnx")
    [told] = [entry.value for entry in network.metadata_props if entry.key == "card"]
    assert Card.from_json(told, tmp_path) == card
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.onnx"]


def test_an_openvino_file_carries_the_card(model: BNNeck, tmp_path: Path) -> None:
    card = small_card(model)
    to_openvino(model, card, tmp_path / "a.xml")
    network = import_openvino().Core().read_model(tmp_path / "a.xml")
    assert Card.from_json(network.get_rt_info(["sightline", "card"]).astype(str), tmp_path) == card
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.bin", "a.xml"]


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("export", [to_onnx, to_openvino])
def test_an_export_that_computes_something_else_is_refused(
    export: object, model: BNNeck, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=r"export is refused: .* vectors differ from torch's \(cosine"):
        export(Fickle(model), small_card(model), tmp_path / "a.xml")  # type: ignore[operator]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("export", [to_onnx, to_openvino])
def test_a_folder_that_is_not_there_is_named(export: object, model: BNNeck, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"none/a\.xml cannot be written"):
        export(model, small_card(model), tmp_path / "none" / "a.xml")  # type: ignore[operator]


def test_a_resnet_with_every_trick_is_saved_loaded_and_exported(tmp_path: Path) -> None:
    """Each export is checked against torch, in batches of several sizes."""
    torch.manual_seed(0)
    model = BNNeck(pooling="gem", non_local=True, ibn=True)
    for part in model.modules():
        if isinstance(part, NonLocal):
            torch.nn.init.constant_(part.norm.weight, 0.5)
    with torch.no_grad():
        model(torch.randn(8, 3, 64, 32))
    card = Card(
        name="all",
        preprocess=Preprocess(height=64, width=32),
        backbone="resnet50",
        dimension=2048,
        pooling="gem",
        non_local=True,
        ibn=True,
    )
    save(model.eval(), tmp_path / "all.safetensors", card)
    loaded, card = load(tmp_path / "all.safetensors")
    pictures = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(loaded(pictures), model(pictures))
    for export, name in ((to_onnx, "all.onnx"), (to_openvino, "all.xml")):
        assert export(loaded, card, tmp_path / name) > 0.9999
