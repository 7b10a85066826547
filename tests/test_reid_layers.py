"""What a ResNet is given beyond ImageNet's, against tables by hand and against formulas written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from reid.card import WeightsError
from reid.layers import IBN, GeM, NonLocal, split_for_ibn
from reid.model import BNNeck, load_imagenet


def maps(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_the_generalised_mean_by_hand() -> None:
    """(1 + 8 + 27 + 64) / 4 = 25; its cube root is 2.92402, the average 2.5; below 0 is nothing."""
    pool = GeM()
    assert pool(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).item() == pytest.approx(2.92402, abs=1e-4)
    assert pool(torch.tensor([[[[-5.0, 0.0]]]])).item() == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        pool.p.fill_(1.0)
    assert pool(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).item() == pytest.approx(2.5)


def test_the_generalised_mean_is_taken_in_full_precision() -> None:
    half = maps(2, 8, 4, 4).abs().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = GeM()(half)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, GeM()(half.float()))


def test_its_power_is_learnt_and_has_a_slope_where_nothing_is() -> None:
    pool, nothing = GeM(), torch.zeros(2, 3, 4, 4, requires_grad=True)
    (pool(nothing).sum() + pool(maps(2, 3, 4, 4)).sum()).backward()
    assert pool.p.grad is not None
    assert torch.isfinite(pool.p.grad).all()
    assert pool.p.grad.abs() > 0
    assert nothing.grad is not None
    assert torch.isfinite(nothing.grad).all()


def test_a_non_local_block_begins_as_the_identity() -> None:
    given = maps(2, 8, 4, 2)
    assert torch.equal(NonLocal(8)(given), given)


def test_a_non_local_block_is_its_formula() -> None:
    torch.manual_seed(0)
    block, given = NonLocal(8).eval(), maps(3, 8, 4, 2)
    torch.nn.init.ones_(block.norm.weight)
    theta, phi, g = (layer(given).flatten(2) for layer in (block.theta, block.phi, block.g))
    wanted = torch.zeros(3, 4, 8)
    for picture in range(3):
        for place in range(8):
            for other in range(8):
                fit = theta[picture, :, place] @ phi[picture, :, other] / 8
                wanted[picture, :, place] += fit * g[picture, :, other]
    wanted = given + block.norm(block.out(wanted.reshape(3, 4, 4, 2)))
    torch.testing.assert_close(block(given), wanted, rtol=1e-4, atol=1e-5)


def test_half_of_the_channels_are_normalised_by_picture() -> None:
    given = maps(4, 6, 5, 3) * torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None, None, None]
    found = IBN(6)(given)
    torch.testing.assert_close(found[:, :3].mean((2, 3)), torch.zeros(4, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(found[:, :3].var((2, 3), correction=0), torch.ones(4, 3), rtol=0, atol=1e-3)
    torch.testing.assert_close(found[:, 3:].mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    assert found[:, 3:].var((2, 3)).max() > 2, "pictures keep their contrast"


def test_all_three_stand_where_the_papers_put_them() -> None:
    model = BNNeck(pooling="gem", non_local=True, ibn=True)
    names = {name: type(part) for name, part in model.backbone.named_modules()}
    assert [name for name, kind in names.items() if kind is NonLocal] == [
        "layer2.non_local2",
        "layer2.non_local3",
        "layer3.non_local3",
        "layer3.non_local4",
        "layer3.non_local5",
    ]
    normalised = [name for name, kind in names.items() if kind is IBN]
    assert len(normalised) == 3 + 4 + 6
    assert all(
        name.endswith("bn1") and name.startswith(("layer1", "layer2", "layer3")) for name in normalised
    )
    assert isinstance(model.backbone.avgpool, GeM)


@pytest.mark.parametrize(
    ("backbone", "file"),
    [("resnet50", "resnet50_imagenet_caffe.pth"), ("mobilenet_v2", "mobilenet_v2_imagenet.pth")],
)
def test_imagenets_weights_fill_what_they_have(shared: Path, backbone: str, file: str) -> None:
    """With non-local blocks as they begin and a power of 1 the vectors are the plain network's."""
    caffe, resnet = "caffe" in file, backbone == "resnet50"
    plain = BNNeck(backbone=backbone, caffe_stride=caffe).eval()
    other = BNNeck(backbone=backbone, caffe_stride=caffe, pooling="gem", non_local=resnet).eval()
    for model in (plain, other):
        load_imagenet(model, shared / "weights" / file)
    with torch.no_grad():
        next(part.p for part in other.modules() if isinstance(part, GeM)).fill_(1.0)
        pictures = maps(2, 3, 64, 32)
        torch.testing.assert_close(other(pictures), plain(pictures), rtol=1e-3, atol=1e-4)


def test_plain_weights_are_split_for_a_network_with_ibn(shared: Path) -> None:
    path = shared / "weights" / "resnet50_imagenet_caffe.pth"
    told, model = torch.load(path, weights_only=True), BNNeck(caffe_stride=True, ibn=True)
    load_imagenet(model, path)
    norm = model.backbone.layer2[1].bn1
    for name in ("weight", "bias"):
        whole = torch.cat([getattr(norm.IN, name), getattr(norm.BN, name)])
        assert torch.equal(whole, told[f"layer2.1.bn1.{name}"].float())
    assert torch.equal(norm.BN.running_var, told["layer2.1.bn1.running_var"][64:].float())
    assert torch.equal(model.backbone.layer4[0].bn1.weight, told["layer4.0.bn1.weight"].float())


def test_weights_with_ibn_are_taken_as_they_are(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model, other = BNNeck(ibn=True), BNNeck(ibn=True)
    torch.nn.init.normal_(model.backbone.layer1[0].bn1.IN.weight)
    torch.save(model.backbone.state_dict(), tmp_path / "resnet50_ibn_a.pth")
    load_imagenet(other, tmp_path / "resnet50_ibn_a.pth")
    assert all(
        torch.equal(value, other.backbone.state_dict()[name])
        for name, value in model.backbone.state_dict().items()
    )
    with pytest.raises(WeightsError, match=r"resnet50_ibn_a\.pth is of another network"):
        load_imagenet(BNNeck(), tmp_path / "resnet50_ibn_a.pth")


def test_half_a_normalisation_is_not_split() -> None:
    wanted = {"bn1.IN.weight": maps(2), "bn1.BN.weight": maps(2)}
    assert split_for_ibn({"bn1.weight": maps(4)}, wanted).keys() == {"bn1.weight"}
