"""What a ResNet can be given beyond ImageNet's: another pooling, a look at the whole picture, another
normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

LEAST = 1e-6  # below it a power has no slope
LEARNT, COUNTED = ("weight", "bias"), ("running_mean", "running_var")  # of a batch normalisation


class GeM(nn.Module):
    """The generalised mean of each channel, (mean of x^p)^(1/p). p is learnt, from 3 on; 1 is the average.

    Radenovic et al., "Fine-tuning CNN Image Retrieval with No Human Annotation" (TPAMI 2019).
    (N, C, H, W) -> (N, C, 1, 1), float32 also of half precision. What is negative counts as nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), 3.0))

    def forward(self, maps: Tensor) -> Tensor:
        with torch.autocast(maps.device.type, enabled=False):
            powers = maps.float().clamp(min=LEAST).pow(self.p)
            return powers.mean((2, 3), keepdim=True).pow(1 / self.p)


class NonLocal(nn.Module):
    """Adds to each place what all places hold, weighed by how well the two fit (dot product).

    Wang et al., "Non-local Neural Networks" (CVPR 2018), with half of the channels inside. It begins as the
    identity: the scale of its normalisation is 0. (N, C, H, W) -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = channels // 2
        self.theta, self.phi, self.g = (nn.Conv2d(channels, inside, 1) for _ in range(3))
        self.out = nn.Conv2d(inside, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: Tensor) -> Tensor:
        theta, phi, g = (layer(maps).flatten(2) for layer in (self.theta, self.phi, self.g))
        mixed = theta.transpose(1, 2) @ (phi @ g.transpose(1, 2)) / theta.shape[2]  # (N, H * W, inside)
        spread = mixed.transpose(1, 2).unflatten(2, maps.shape[2:])
        added: Tensor = self.norm(self.out(spread))
        return maps + added


class IBN(nn.Module):
    """The first half of the channels is normalised by picture, the second by batch.

    Pan et al., "Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net" (ECCV 2018),
    with its authors' names. (N, C, H, W) -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = channels // 2
        self.IN = nn.InstanceNorm2d(self.first, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.first)

    def forward(self, maps: Tensor) -> Tensor:
        first, second = maps[:, : self.first], maps[:, self.first :]
        # groups of one channel: InstanceNorm2d's own forward asks for sizes, which a tracer can't follow
        by_picture = torch.group_norm(first, self.first, self.IN.weight, self.IN.bias, self.IN.eps)
        return torch.cat([by_picture, self.BN(second)], dim=1)


def split_for_ibn(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights for one with IBN: what is of the first half of a normalisation's channels goes to
    IN, the rest to BN. Without anything of IBN wanted, or where all is there, the weights as they are.
    """
    found = dict(state)
    for block in sorted({key.partition(".IN.")[0] for key in wanted if ".IN." in key}):
        learnt, counted = ([f"{block}.{name}" for name in names] for names in (LEARNT, COUNTED))
        if any(key not in found for key in (*learnt, *counted)):
            continue
        half = len(found[learnt[0]]) // 2
        for name, key in zip(LEARNT, learnt, strict=True):
            whole = found.pop(key)
            found[f"{block}.IN.{name}"], found[f"{block}.BN.{name}"] = whole[:half], whole[half:]
        for name, key in zip(COUNTED, counted, strict=True):
            found[f"{block}.BN.{name}"] = found.pop(key)[half:]
        found.pop(f"{block}.num_batches_tracked", None)
    return found
