"""In which precision a device trains a network faster: measured, for what a processor is said to know tells
little of how fast it does it.
"""

from __future__ import annotations

import copy
import time

import torch
from torch import nn

PICTURES = 16
ROUNDS = 3
WORTH_IT = 0.9  # bfloat16 has to take at most so much of float32's time: it computes less exactly


def faster_in_half(backbone: nn.Module, *, height: int, width: int, device: torch.device) -> bool:
    """Whether passes forward and back through the backbone are faster in bfloat16 on the device.

    On the CPU by the processor time that passes take, since other programs may have the processor in between;
    both precisions in turns, the fastest of each; a first turn warms up. The backbone stays as it is, its
    statistics too.
    """
    network = copy.deepcopy(backbone).train()
    random = torch.Generator().manual_seed(0)
    pictures = torch.randn(PICTURES, 3, height, width, generator=random)
    pictures = pictures.to(device, memory_format=torch.channels_last)
    turns = [[_seconds(network, pictures, half=half) for half in (False, True)] for _ in range(1 + ROUNDS)]
    whole, in_half = (min(times) for times in zip(*turns[1:], strict=True))
    return bool(in_half <= WORTH_IT * whole)


def _seconds(network: nn.Module, pictures: torch.Tensor, *, half: bool) -> float:
    clock = time.process_time if pictures.device.type == "cpu" else time.perf_counter
    _wait(pictures.device)
    began = clock()
    with torch.autocast(pictures.device.type, torch.bfloat16, enabled=half, cache_enabled=False):
        pooled = network(pictures)
    pooled.float().square().mean().backward()
    _wait(pictures.device)
    return clock() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
