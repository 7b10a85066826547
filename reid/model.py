"""The network that turns a picture of a person into a vector, and the file it is kept in.

The BNNeck baseline of Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification"
(CVPRW 2019): an ImageNet backbone whose last stage keeps its resolution, global average pooling, batch
normalisation.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn

from reid.card import Card, WeightsError, read_card
from reid.layers import IBN, GeM, NonLocal, split_for_ibn
from reid.preprocess import Preprocess

BACKBONES = ("resnet50", "mobilenet_v2")
POOLINGS = ("average", "gem")
OWN = ".safetensors"


class BNNeck(nn.Module):
    """Backbone, global pooling, batch normalisation.

    backbone: "resnet50" (2048 numbers) or "mobilenet_v2" (1280), with torchvision's names and random weights.
    last_stride: 1 keeps the resolution of the last stage, 2 is ImageNet's.
    caffe_stride: a ResNet's stages shrink in their first 1x1 convolution, as Caffe's weights have it, and not
    in the 3x3.
    pooling: "average", or "gem", the generalised mean (reid.layers.GeM).
    non_local: a ResNet's second and third stage end with blocks that look at the whole picture
    (reid.layers.NonLocal), two and three. ibn: its first three stages normalise half of their first channels
    by picture (reid.layers.IBN).

    ``forward`` takes (N, 3, H, W) normalised pictures. In training it gives (f_t, f_i), the vectors before
    and after the neck, for the triplet and the identity loss; in eval f_i alone, (N, dimension), not of unit
    length. The neck's bias stays zero: it is not trained.
    """

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        last_stride: int = 1,
        caffe_stride: bool = False,
        pooling: str = "average",
        non_local: bool = False,
        ibn: bool = False,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling: expected one of {', '.join(POOLINGS)}, found {pooling}")
        if backbone == "resnet50":
            self.backbone, self.dimension = _resnet50(last_stride, caffe_stride, pooling), 2048
            if non_local:
                _look_everywhere(self.backbone)
            if ibn:
                _normalise_by_picture(self.backbone)
        elif backbone == "mobilenet_v2":
            self.backbone, self.dimension = _mobilenet_v2(last_stride, pooling), 1280
        else:
            raise ValueError(f"backbone: expected one of {', '.join(BACKBONES)}, found {backbone}")
        self.neck = nn.BatchNorm1d(self.dimension)
        self.neck.bias.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        before: Tensor = self.backbone(images)
        after: Tensor = self.neck(before)
        return (before, after) if self.training else after


class OnPixels(nn.Module):
    """A network with its normalisation inside: (N, 3, H, W) values 0..255, blue first -> what it gives."""

    gain: Tensor
    offset: Tensor

    def __init__(self, network: nn.Module, preprocess: Preprocess) -> None:
        super().__init__()
        gain, offset = (torch.from_numpy(part).view(1, 3, 1, 1) for part in preprocess.gain_and_offset())
        self.register_buffer("gain", gain)
        self.register_buffer("offset", offset)
        self.network = network
        self._bgr = preprocess.bgr

    def forward(self, pixels: Tensor) -> Any:
        ordered = pixels if self._bgr else pixels[:, [2, 1, 0]]
        return self.network(ordered * self.gain + self.offset)


def _resnet50(last_stride: int, caffe_stride: bool, pooling: str) -> Any:
    network: Any = torchvision.models.resnet50(weights=None)
    network.fc = nn.Identity()
    if pooling == "gem":
        network.avgpool = GeM()
    if caffe_stride:
        for stage in (network.layer2, network.layer3, network.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    shrinking = network.layer4[0].conv1 if caffe_stride else network.layer4[0].conv2
    shrinking.stride = network.layer4[0].downsample[0].stride = (last_stride, last_stride)
    return network


def _look_everywhere(network: Any) -> None:
    """Non-local blocks behind the last blocks of the second and third stage, the names of the rest kept."""
    for name, count in (("layer2", 2), ("layer3", 3)):
        stage = getattr(network, name)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for number, block in stage.named_children():
            parts[number] = block
            if int(number) >= len(stage) - count:
                parts[f"non_local{number}"] = NonLocal(block.conv3.out_channels)
        setattr(network, name, nn.Sequential(parts))


def _normalise_by_picture(network: Any) -> None:
    for stage in (network.layer1, network.layer2, network.layer3):
        for block in stage.children():
            if not isinstance(block, NonLocal):
                block.bn1 = IBN(block.bn1.num_features)


def _mobilenet_v2(last_stride: int, pooling: str) -> Any:
    network: Any = torchvision.models.mobilenet_v2(weights=None)
    network.classifier = nn.Identity()
    network.features[14].conv[1][0].stride = (last_stride, last_stride)
    if pooling == "gem":
        network.features.append(GeM())  # torchvision's average of what is left, one place, changes nothing
    return network


def load_into(model: BNNeck, path: Path) -> None:
    """Fill the network with weights to start from: ours with the neck, or ImageNet's.

    Raises WeightsError where the file is missing, damaged or of another network.
    """
    if path.suffix != OWN:
        load_imagenet(model, path)
        return
    _fill(model, load(path)[0].state_dict(), path)


def load_imagenet(model: BNNeck, path: Path) -> None:
    """Fill the backbone with ImageNet weights in torchvision's names, the classifier left out.

    What ImageNet's networks lack, as non-local blocks, stays as it is. A network with IBN takes weights with
    it (IBN-Net's names) or without.

    Raises WeightsError where the file is missing, damaged or of another network.
    """
    if not path.is_file():
        raise WeightsError(f"There are no ImageNet weights at {path}: name a file that exists.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError) as error:
        raise WeightsError(f"{path} is damaged or no file of weights: fetch it again.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} holds something else than a network's tensors: name another file.")
    wanted = model.backbone.state_dict()
    kept = {key: value for key, value in state.items() if not key.startswith(("fc.", "classifier."))}
    kept = split_for_ibn(kept, wanted)
    begun = {key: value for key, value in wanted.items() if key not in kept}
    lacking = [key for key in begun if not key.endswith("num_batches_tracked") and not _is_new(key)]
    if lacking:
        raise WeightsError(f"{path} is of another network: it has no {min(lacking)}.")
    _fill(model.backbone, {**begun, **kept}, path)


def _is_new(key: str) -> bool:
    """Whether it belongs to what ImageNet's networks do not have, and begins as it was made."""
    return "non_local" in key or key.endswith(".p")


def _fill(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise WeightsError(f"{path} is of another network than its card or name says: {reason}") from error


def save(model: BNNeck, path: Path, card: Card) -> Card:
    """Write the weights with their card, whole or not at all, and return the card with its fingerprint.

    Raises WeightsError where the file cannot be written.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    card = replace(card, fingerprint=_fingerprint(state, card.preprocess), dimension=model.dimension)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            draft = Path(folder) / path.name
            safetensors.torch.save_file(state, draft, metadata={"card": card.to_json()})
            draft.chmod(0o644)
            draft.replace(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise WeightsError(f"The weights cannot be written to {path}: {error}.") from error
    return card


def load(path: Path) -> tuple[BNNeck, Card]:
    """A model in eval mode on the CPU, and its card.

    Raises WeightsError where the file is missing, damaged, without a card, or of a network unknown here.
    """
    card = read_card(path)
    if card.backbone not in BACKBONES:
        raise WeightsError(
            f"{path} needs a backbone '{card.backbone}' that is unknown here: update sightline."
        )
    try:
        state = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise WeightsError(f"{path} is damaged: fetch it again.") from error
    if _fingerprint(state, card.preprocess) != card.fingerprint:
        raise WeightsError(f"{path} is damaged: its weights are not those of its card; fetch it again.")
    model = BNNeck(
        backbone=card.backbone,
        last_stride=card.last_stride,
        caffe_stride=card.caffe_stride,
        pooling=card.pooling,
        non_local=card.non_local,
        ibn=card.ibn,
    )
    _fill(model, state, path)
    return model.eval(), card


def _fingerprint(state: Mapping[str, Tensor], preprocess: Preprocess) -> str:
    digest = hashlib.sha256(json.dumps(asdict(preprocess), sort_keys=True).encode())
    for key in sorted(state):
        value = state[key]
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:12]
