"""What a training makes small. All take and give float32: in half precision the distances cancel out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def identity_loss(logits: Tensor, labels: Tensor, *, smoothing: float = 0.1) -> Tensor:
    """Cross entropy with the targets (1 - smoothing) * one-hot + smoothing / C, the mean of the batch.

    Szegedy et al., "Rethinking the Inception Architecture" (CVPR 2016). logits: (B, C). labels: (B,) int64.
    """
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def euclidean(vectors: Tensor) -> Tensor:
    """(B, B) distances between rows, element (i, j) of i and j; never 0, where a root has no slope."""
    square = vectors.square().sum(1)
    return (square[:, None] + square[None, :] - 2 * vectors @ vectors.T).clamp(min=1e-12).sqrt()


def triplet_loss(vectors: Tensor, labels: Tensor, *, margin: float | None = 0.3) -> Tensor:
    """How much nearer than its farthest positive a row's nearest negative is, the mean of the batch.

    Batch-hard: Hermans et al., "In Defense of the Triplet Loss" (2017). max(0, positive - negative + margin),
    or log(1 + exp(positive - negative)) without a margin. vectors: (B, D), not normalised. labels: (B,).
    """
    distances = euclidean(vectors)
    same = labels[:, None] == labels[None, :]
    positive = distances.masked_fill(~same, -torch.inf).amax(1)
    negative = distances.masked_fill(same, torch.inf).amin(1)
    gap = positive - negative
    return functional.softplus(gap).mean() if margin is None else (gap + margin).relu().mean()


def weighted_triplet_loss(vectors: Tensor, labels: Tensor) -> Tensor:
    """log(1 + exp(positive - negative)) of a row's mean distances to its positives and to its negatives, the
    mean of the batch.

    Positives weigh by the softmax of their distances, negatives by that of their nearness, so that the hard
    ones count most and none alone: Ye et al., "Deep Learning for Person Re-identification: A Survey and
    Outlook" (TPAMI 2021). vectors: (B, D), not normalised. labels: (B,), each at least twice.
    """
    distances = euclidean(vectors)
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    far = distances.masked_fill(~same | itself, -torch.inf).softmax(1)
    near = (-distances).masked_fill(same, -torch.inf).softmax(1)
    return functional.softplus((far * distances).sum(1) - (near * distances).sum(1)).mean()


class CentreLoss(nn.Module):
    """The squared distance of vectors to their person's centre, summed and divided by the batch.

    Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition" (ECCV 2016). The
    centres (persons, dimension) begin as N(0, 1) and have a descent of their own: ``descend``.
    """

    def __init__(self, persons: int, dimension: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(persons, dimension))

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """vectors: (B, dimension). labels: (B,)."""
        return (vectors - self.centres.index_select(0, labels)).square().sum(1).clamp(1e-12, 1e12).mean()

    @torch.no_grad()
    def descend(self, *, lr: float, weight: float) -> None:
        """A step of plain SGD after the backward pass, its gradient freed of the loss's weight.

        At 0.5, with four pictures of a person among 64, a centre moves 6.25 % of the way to their mean.
        """
        if self.centres.grad is not None:
            self.centres.add_(self.centres.grad, alpha=-lr / weight)
