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
from reid.preprocess import Preprocess

BACKBONES = ("resnet50", "mobilenet_v2")


class BNNeck(nn.Module):
    """Backbone, global average pooling, batch normalisation.

    backbone: "resnet50" (2048 numbers) or "mobilenet_v2" (1280), with torchvision's names and random weights.
    last_stride: 1 keeps the resolution of the last stage, 2 is ImageNet's.
    caffe_stride: a ResNet's stages shrink in their first 1x1 convolution, as Caffe's weights have it, and not
    in the 3x3.

    ``forward`` takes (N, 3, H, W) normalised pictures. In training it gives (f_t, f_i), the vectors before
    and after the neck, for the triplet and the identity loss; in eval f_i alone, (N, dimension), not of unit
    length. The neck's bias stays zero: it is not trained.
    """

    def __init__(
        self, *, backbone: str = "resnet50", last_stride: int = 1, caffe_stride: bool = False
    ) -> None:
        super().__init__()
        if backbone == "resnet50":
            self.backbone, self.dimension = _resnet50(last_stride, caffe_stride), 2048
        elif backbone == "mobilenet_v2":
            self.backbone, self.dimension = _mobilenet_v2(last_stride), 1280
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


def _resnet50(last_stride: int, caffe_stride: bool) -> Any:
    network: Any = torchvision.models.resnet50(weights=None)
    network.fc = nn.Identity()
    if caffe_stride:
        for stage in (network.layer2, network.layer3, network.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    shrinking = network.layer4[0].conv1 if caffe_stride else network.layer4[0].conv2
    shrinking.stride = network.layer4[0].downsample[0].stride = (last_stride, last_stride)
    return network


def _mobilenet_v2(last_stride: int) -> Any:
    network: Any = torchvision.models.mobilenet_v2(weights=None)
    network.classifier = nn.Identity()
    network.features[14].conv[1][0].stride = (last_stride, last_stride)
    return network


def load_imagenet(model: BNNeck, path: Path) -> None:
    """Fill the backbone with ImageNet weights in torchvision's names, the classifier left out.

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
    kept = {key: value for key, value in state.items() if not key.startswith(("fc.", "classifier."))}
    counters = {key: value for key, value in model.backbone.state_dict().items() if key not in kept}
    if any(not key.endswith("num_batches_tracked") for key in counters):
        raise WeightsError(f"{path} is of another network: it has no {min(counters)}.")
    _fill(model.backbone, {**counters, **kept}, path)


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
    model = BNNeck(backbone=card.backbone, last_stride=card.last_stride, caffe_stride=card.caffe_stride)
    _fill(model, state, path)
    return model.eval(), card


def _fingerprint(state: Mapping[str, Tensor], preprocess: Preprocess) -> str:
    digest = hashlib.sha256(json.dumps(asdict(preprocess), sort_keys=True).encode())
    for key in sorted(state):
        value = state[key]
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:12]
