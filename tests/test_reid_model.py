"""The BNNeck network, its file and its card."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from small_network import small_card, small_model

from reid.card import Card, WeightsError, read_card
from reid.model import BNNeck, load, load_imagenet, save


def test_the_network_has_the_papers_size() -> None:
    model = BNNeck()
    trained = sum(tensor.numel() for tensor in model.parameters() if tensor.requires_grad)
    assert sum(tensor.numel() for tensor in model.backbone.parameters()) == 23_508_032
    assert trained == 23_508_032 + 2048  # the neck's weight; its bias is frozen
    assert not model.neck.bias.requires_grad


@pytest.mark.parametrize("caffe_stride", [False, True])
def test_the_last_stage_keeps_its_resolution(caffe_stride: bool) -> None:
    seen = []
    for last_stride in (1, 2):
        model = BNNeck(last_stride=last_stride, caffe_stride=caffe_stride).eval()
        model.backbone.layer4.register_forward_hook(lambda *told: seen.append(tuple(told[2].shape)))
        with torch.no_grad():
            model(torch.zeros(1, 3, 128, 64))
    assert seen == [(1, 2048, 8, 4), (1, 2048, 4, 2)]


def test_caffes_stride_sits_on_the_first_convolution() -> None:
    caffe, usual = BNNeck(caffe_stride=True).backbone, BNNeck().backbone
    for stage in ("layer2", "layer3"):
        assert getattr(caffe, stage)[0].conv1.stride == getattr(usual, stage)[0].conv2.stride == (2, 2)
        assert getattr(caffe, stage)[0].conv2.stride == getattr(usual, stage)[0].conv1.stride == (1, 1)


@pytest.mark.parametrize(("backbone", "dimension"), [("resnet50", 2048), ("mobilenet_v2", 1280)])
def test_training_gives_both_vectors_and_eval_the_last(backbone: str, dimension: int) -> None:
    model = BNNeck(backbone=backbone)
    pictures = torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    before, after = model(pictures)
    assert before.shape == after.shape == (2, dimension)
    assert torch.allclose(model.neck(before), after)
    assert (before >= 0).all(), "what ReLU leaves"
    with torch.no_grad():
        assert model.eval()(pictures).shape == (2, dimension)


def test_the_last_stage_of_mobilenet_keeps_its_resolution_too() -> None:
    seen = []
    model = BNNeck(backbone="mobilenet_v2").eval()
    model.backbone.features.register_forward_hook(lambda *told: seen.append(tuple(told[2].shape)))
    with torch.no_grad():
        model(torch.zeros(1, 3, 128, 64))
    assert seen == [(1, 1280, 8, 4)]


def test_an_unknown_backbone_is_our_bug() -> None:
    with pytest.raises(ValueError, match="expected one of resnet50, mobilenet_v2, found vgg"):
        BNNeck(backbone="vgg")


@pytest.mark.parametrize(
    ("backbone", "file"),
    [("resnet50", "resnet50_imagenet_caffe.pth"), ("mobilenet_v2", "mobilenet_v2_imagenet.pth")],
)
def test_imagenet_weights_fill_the_backbone(shared: Path, backbone: str, file: str) -> None:
    model = BNNeck(backbone=backbone)
    load_imagenet(model, shared / "weights" / file)
    told = torch.load(shared / "weights" / file, weights_only=True)
    state = model.backbone.state_dict()
    assert all(torch.equal(state[key], told[key].float()) for key in told if key in state)
    assert all(tensor.dtype == torch.float32 for tensor in model.parameters())


def test_imagenet_weights_of_another_network_are_refused(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is of another network: it has no"):
        load_imagenet(BNNeck(), shared / "weights" / "mobilenet_v2_imagenet.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightsError, match=r"text\.pth is damaged or no file of weights"):
        load_imagenet(BNNeck(), tmp_path / "text.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="something else than a network's tensors"):
        load_imagenet(BNNeck(), tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="There are no ImageNet weights at"):
        load_imagenet(BNNeck(), tmp_path / "none.pth")


@pytest.fixture(scope="module")
def model() -> BNNeck:
    return small_model()


@pytest.fixture
def saved(model: BNNeck, tmp_path: Path) -> Path:
    save(model, tmp_path / "small.safetensors", small_card(model))
    return tmp_path / "small.safetensors"


def test_what_is_saved_is_loaded(model: BNNeck, saved: Path) -> None:
    again, card = load(saved)
    assert not again.training
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert replace(card, fingerprint="") == small_card(model)
    assert read_card(saved) == card
    assert len(card.fingerprint) == 12


def test_the_fingerprint_is_of_the_weights_and_the_preprocessing(model: BNNeck, tmp_path: Path) -> None:
    card = small_card(model)
    path = tmp_path / "a.safetensors"
    one = save(model, path, card).fingerprint
    assert save(model, path, replace(card, name="other", scores={})).fingerprint == one
    assert save(model, path, replace(card, preprocess=replace(card.preprocess, bgr=True))).fingerprint != one
    assert save(small_model(seed=1), path, card).fingerprint != one


def test_a_folder_that_is_not_there_is_named(model: BNNeck, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be written to .*none"):
        save(model, tmp_path / "none" / "a.safetensors", small_card(model))


def test_a_card_from_before_looks_were_measured_still_reads(saved: Path) -> None:
    card = read_card(saved)
    told = json.loads(card.to_json())
    del told["appearance"]
    assert Card.from_json(json.dumps(told), saved) == replace(card, appearance={})
    with_looks = replace(card, appearance={"within": 0.36, "between": 0.54})
    assert Card.from_json(with_looks.to_json(), saved) == with_looks


def truncate(path: Path, card: Card) -> None:
    path.write_bytes(path.read_bytes()[:100_000])


def flip_a_bit(path: Path, card: Card) -> None:
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


def write_text(path: Path, card: Card) -> None:
    path.write_text("hello world")


def drop_the_card(path: Path, card: Card) -> None:
    safetensors.torch.save_file(safetensors.torch.load_file(path), path)


def rewrite(path: Path, told: dict[str, object]) -> None:
    safetensors.torch.save_file(safetensors.torch.load_file(path), path, metadata={"card": json.dumps(told)})


def name_another_network(path: Path, card: Card) -> None:
    rewrite(path, {**json.loads(card.to_json()), "backbone": "resnet50"})


def name_an_unknown_network(path: Path, card: Card) -> None:
    rewrite(path, {**json.loads(card.to_json()), "backbone": "osnet"})


def date_it_ahead(path: Path, card: Card) -> None:
    rewrite(path, {**json.loads(card.to_json()), "format": 9})


def garble_the_card(path: Path, card: Card) -> None:
    rewrite(path, {"format": 1, "colour": "red"})


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (truncate, "is damaged"),
        (flip_a_bit, "its weights are not those of its card"),
        (write_text, r"is damaged or no \.safetensors file"),
        (drop_the_card, "carries no card"),
        (name_another_network, "is of another network than its card"),
        (name_an_unknown_network, "needs a backbone 'osnet' that is unknown here"),
        (date_it_ahead, "has format 9, not 1: update sightline"),
        (garble_the_card, "does not read"),
        (lambda path, card: path.unlink(), "There are no weights at"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_sentence(
    harm: Callable[[Path, Card], None], says: str, saved: Path
) -> None:
    harm(saved, read_card(saved))
    with pytest.raises(WeightsError, match=says) as caught:
        load(saved)
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)
