"""The network as it is trained: with a classifier, centres and a projection that are thrown away after."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from reid.model import BNNeck
from training import distill, losses
from training.recipe import Recipe

RIDGE = 1.0
TERMS = ("loss", "loss_id", "loss_triplet", "loss_centre", "loss_distill", "accuracy")


class Objective(nn.Module):
    """What a batch costs.

    persons: classes of the identity loss. of_people: (persons, D) the teacher's prototypes of them, or none
    without a teacher.
    in_half: the backbone computes in bfloat16; neck, logits, distances and losses never do.
    result: the network that the training is for: the one trained, or the running mean of its weights, in the
    end mixed with what it began as.
    """

    of_people: Tensor | None

    def __init__(
        self, model: BNNeck, recipe: Recipe, *, persons: int, of_people: Tensor | None, in_half: bool = False
    ) -> None:
        super().__init__()
        self.model, self.recipe, self.in_half = model, recipe, in_half
        self.classifier = nn.Linear(model.dimension, persons, bias=not recipe.bnneck)
        if recipe.bnneck:
            nn.init.normal_(self.classifier.weight, std=0.001)
        else:
            model.neck.requires_grad_(False)
        self.centre = losses.CentreLoss(persons, model.dimension)
        self.projection = None
        if of_people is not None:
            self.projection = nn.Linear(model.dimension, of_people.shape[1], bias=False)
        self.register_buffer("of_people", of_people)
        for block in self._frozen():
            block.requires_grad_(False)
        self.mean = copy.deepcopy(model).requires_grad_(False) if recipe.ema else None
        shares = recipe.start_share > 0
        self._start = {name: value.clone() for name, value in model.state_dict().items()} if shares else {}
        self._mixed: list[BNNeck] = []  # no part of what is trained and kept

    def _frozen(self) -> list[nn.Module]:
        """The backbone's first blocks, as many as the recipe freezes."""
        network = self.model.backbone
        blocks = network.features if self.recipe.backbone == "mobilenet_v2" else network
        return list(blocks.children())[: self.recipe.frozen_blocks]

    def train(self, mode: bool = True) -> Self:
        """As usual, but what is frozen stays as it is in use, its statistics too."""
        super().train(mode)
        for block in self._frozen():
            block.eval()
        if not self.recipe.bnneck:
            self.model.neck.eval()
        if self.mean is not None:
            self.mean.eval()
        return self

    @property
    def result(self) -> BNNeck:
        if self._mixed:
            return self._mixed[0]
        return self.model if self.mean is None else self.mean

    @torch.no_grad()
    def finish(self) -> None:
        """Mixes the result with the weights that the training began with, as the recipe has it."""
        if not self._start or self._mixed:
            return
        mixed = copy.deepcopy(self.result).requires_grad_(False).eval()
        for name, value in mixed.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self._start[name].to(value.device), self.recipe.start_share)
        self._mixed.append(mixed)

    @torch.no_grad()
    def fit_projection(self, after: Tensor, taught: Tensor) -> None:
        """The least squares, with RIDGE, from unit vectors to the teacher's. (N, E) and (N, D)."""
        if self.projection is None:
            return
        own = functional.normalize(after)
        square = own.T @ own + RIDGE * torch.eye(own.shape[1], device=own.device)
        self.projection.weight.copy_(torch.linalg.solve(square, own.T @ taught).T)

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the running mean towards the weights, statistics of batch normalisation included."""
        if self.mean is None:
            return
        new, old = (list(network.state_dict().values()) for network in (self.model, self.mean))
        real = [row for row, value in enumerate(new) if value.is_floating_point()]
        torch._foreach_lerp_([old[row] for row in real], [new[row] for row in real], 1 - self.recipe.ema)

    def trainable(self) -> list[nn.Parameter]:
        """What Adam moves: all but the centres, which descend by themselves."""
        return [p for p in self.parameters() if p.requires_grad and p is not self.centre.centres]

    def vectors(self, images: Tensor, network: BNNeck | None = None) -> tuple[Tensor, Tensor]:
        """(B, D) float32 each: before and behind the neck. network: the one trained, or its result."""
        network = network or self.model
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.in_half, cache_enabled=False):
            pooled = network.backbone(images)
        before = pooled.float()
        return before, network.neck(before)

    def forward(self, images: Tensor, labels: Tensor, taught: Tensor | None = None) -> Tensor:
        """(6,) in the order of TERMS: the loss, its parts unweighted, and the share that is classified right.

        images: (B, 3, H, W). labels: (K,) of the first of them; who the others show only a teacher judges.
        taught: (B, D) the teacher's vectors of all.
        """
        recipe = self.recipe
        before, after = self.vectors(images)
        logits = self.classifier(after)
        distilled = self._distilled(after, logits, taught)
        before, logits = before[: len(labels)], logits[: len(labels)]
        identity = losses.identity_loss(logits, labels, smoothing=recipe.label_smoothing)
        triplet = self._triplet(before, labels)
        centre = self.centre(before, labels) if recipe.centre_weight else torch.zeros_like(identity)
        loss = recipe.identity_weight * identity + recipe.triplet_weight * triplet
        loss = loss + recipe.centre_weight * centre + distilled
        right = (logits.argmax(1) == labels).float().mean()
        return torch.stack([loss, identity, triplet, centre, distilled, right])

    def _triplet(self, vectors: Tensor, labels: Tensor) -> Tensor:
        if self.recipe.triplet == "weighted":
            return losses.weighted_triplet_loss(vectors, labels)
        margin = None if self.recipe.triplet == "soft" else self.recipe.margin
        return losses.triplet_loss(vectors, labels, margin=margin)

    def _distilled(self, after: Tensor, logits: Tensor, taught: Tensor | None) -> Tensor:
        """What differs from the teacher, weighted."""
        cost, recipe = after.new_zeros(()), self.recipe
        if taught is None or self.projection is None or self.of_people is None:
            return cost
        taught = taught.float()
        if recipe.relation_weight:
            cost = cost + recipe.relation_weight * distill.relation_loss(after, taught)
        if recipe.cosine_weight:
            cost = cost + recipe.cosine_weight * distill.cosine_loss(self.projection(after), taught)
        if recipe.likeness_weight:
            cost = cost + recipe.likeness_weight * distill.likeness_loss(logits, taught, self.of_people)
        return cost
